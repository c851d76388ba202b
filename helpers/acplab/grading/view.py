"""What a check may look at. Nothing here changes anything: a check that did would grade its own work."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from acplab import cluster as clusters
from acplab import kube
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.grading import notes as kinds
from acplab.grading.loads import RecordedLoad
from acplab.kube import Object, Objects, client, conditions

if TYPE_CHECKING:
    from acplab.cluster import Cluster
    from acplab.cluster.snapshots import Snapshot
    from acplab.datapath import NodeRange, Route
    from acplab.grading.results import Result
    from acplab.measure import Traffic

# Names of their own, since LabView.list hides the built-in one.
Lines = list[str]
NodeRanges = list["NodeRange"]
Routes = list["Route"]
Results = list["Result"]
Times = list[datetime]
Snapshots = list["Snapshot"]

# How long one check may wait for a change to arrive. Traefik reloads at most every 2 s, so a check that is
# run right after an apply would otherwise see the old routes. One budget a check keeps a red one under 5 s.
SETTLE_SECONDS = 3.5
PAUSE_SECONDS = 0.2
# What the ingress makes its routes of, and the age at which a change has surely arrived: 2 s, and up to one
# more because the API notes the time of a change in whole seconds.
ROUTING = ("ingress", "httproute", "service", "endpointslice")
TAKEN_IN_SECONDS = 3.2


class Answer(NamedTuple):
    """What a Pod was answered. text: the output, or why there is none."""

    ok: bool
    text: str


class LabView:
    """A read-only view of one lab.

    namespace: the lab's namespace; ingress_url: "http://127.0.0.1:PORT", where the ingress answers.
    notes: what the learner and the lab itself have noted; declared: their kinds, from lab.yaml.
    """

    def __init__(
        self,
        namespace: str,
        ingress_url: str,
        notes: dict[str, Any] | None = None,
        declared: kinds.Declared | None = None,
    ) -> None:
        self.namespace = namespace
        self.ingress_url = ingress_url
        self._notes = notes or {}
        self._declared = declared or {}
        self._deadline = time.monotonic() + SETTLE_SECONDS
        self._settled = False
        self._judge: Callable[[], tuple[Result, ...]] = tuple
        self._open: Results | None = None

    # objects

    def get(self, kind: str, name: str, namespace: str | None = None) -> Object | None:
        """One object of the lab (or of another namespace, if given) as the API gives it, or None."""
        return kube.find(kind, name, namespace or self.namespace)

    def list(self, kind: str, selector: str | None = None, namespace: str | None = None) -> Objects:
        """All objects of a kind in the lab; selector is a label selector like "app=shop"."""
        return kube.list(kind, namespace or self.namespace, selector)

    def exists(self, kind: str, name: str, namespace: str | None = None) -> bool:
        """Whether the object is there."""
        return self.get(kind, name, namespace) is not None

    def events(self, kind: str, name: str) -> Lines:
        """What the cluster noted about an object, oldest first."""
        return kube.events(kind, name, self.namespace)

    def pods(self, selector: str | None = None, ready: bool = True) -> Objects:
        """The Pods of the lab that are not being deleted; ready: only those that are ready."""
        found = [pod for pod in self.list("pod", selector) if "deletionTimestamp" not in pod["metadata"]]
        return [pod for pod in found if conditions.is_serving(pod)] if ready else found

    def endpoints(self, service: str) -> Lines:
        """ "ADDRESS:PORT" of each ready endpoint of a Service."""
        return [
            f"{address}:{port.get('port')}"
            for part in self.list("endpointslice", f"kubernetes.io/service-name={service}")
            for endpoint in part.get("endpoints") or []
            if (endpoint.get("conditions") or {}).get("ready")
            for address in endpoint["addresses"]
            for port in part.get("ports") or []
        ]

    # notes

    def recall(self, key: str) -> Any:
        """What the lab noted when it was set up, or the learner since; None if nobody did."""
        return self._notes.get(key)

    def noted(self, path: str) -> Any:
        """What the learner noted as "way.block", or as "rule" if the note has no fields; None if nothing is noted."""
        key, _dot, name = path.partition(".")
        found = self._notes.get(key)
        return found.get(name) if name and isinstance(found, dict) else None if name else found

    def kind(self, path: str) -> kinds.Kind:
        """The kind of a note, as lab.yaml declares it."""
        return kinds.kind_of(self._declared, path)

    def fields(self, key: str) -> Lines:
        """The paths of a note: ["way.block", "way.via"], or ["rule"] if it has no fields."""
        declared = self._declared[key]
        return [f"{key}.{name}" for name in declared] if isinstance(declared, Mapping) else [key]

    def recorded_load(self, key: str) -> RecordedLoad:
        """The load that the learner has recorded; an empty one if there is none."""
        return RecordedLoad.of(self._notes.get(key))

    # what the check itself says, for hints

    def judge_with(self, judge: Callable[[], tuple[Result, ...]]) -> None:
        """How to run the check of the task that a hint is for."""
        self._judge = judge

    def open_results(self) -> Results:
        """What the check of the task finds open; it is run once."""
        if self._open is None:
            self._open = [result for result in self._judge() if not result.ok]
        return self._open

    # traffic

    def traffic(self, until: Callable[[Traffic], bool] | None = None, **same: Any) -> Traffic:
        """Send GET requests to the ingress; the words are measure.traffic's (host, path, headers, n, tls, ...).

        until: looks at the traffic and says whether it is what is wanted. While it is not, the same requests
        are sent again for a few seconds, since a change takes up to 2 s to reach the ingress.
        """
        from acplab import measure

        if same.get("method", "GET") not in ("GET", "HEAD"):
            raise ValueError("a check only reads: GET or HEAD")
        same = {"rate": 200} | same
        self.settle()
        url = self.cluster.tls_url if same.get("tls") else self.ingress_url
        seen = measure.traffic(url, **same)
        while until and not until(seen) and time.monotonic() < self._deadline:
            time.sleep(PAUSE_SECONDS)
            seen = measure.traffic(url, **same)
        return seen

    def answered(self, seen: Traffic) -> int:
        """How many of the requests the lab's own Pods have answered."""
        return seen.by("namespace").get(self.namespace, 0)

    def settle(self) -> None:
        """Let a change of the last seconds arrive first: traffic on the old routes would pass a wrong solution."""
        if self._settled:
            return
        self._settled = True
        changes = [time_ for kind in ROUTING for time_ in self._changed_at(kind)]
        if changes:
            age = (datetime.now(UTC) - max(changes)).total_seconds()
            time.sleep(max(0.0, min(TAKEN_IN_SECONDS - age, self._deadline - time.monotonic())))

    def _changed_at(self, kind: str) -> Times:
        """When objects of a kind were changed; never, if the cluster has no such kind, as one without an ingress."""
        with suppress(AcplabError):
            return [time_ for one in self.list(kind) for time_ in changes(one)]
        return []

    def sample(self, share: float, margin: float, **same: Any) -> Traffic:
        """As many requests as it takes to see a share (0..1) within a margin (0..1), 95 % sure."""
        from acplab import measure

        return self.traffic(n=measure.sample_for_margin(share, margin), **same)

    def measure_share(
        self, version: str, share: float, margin: float, confidence: float = 0.99, **same: Any
    ) -> Traffic:
        """As many requests as it takes to see the share (0..1) of a version within a margin (0..1).

        The large sample is drawn only once a small one looks like it: for a moment after a change one replica of the
        ingress has heard of it and the other has not, which is half the share.
        """
        from acplab import measure

        def near(seen: Traffic) -> bool:
            return not seen.failed and abs(seen.share(version).estimate - share) < 2 * margin

        seen = self.sample(0.0, 0.03, keepalive=False, until=near, **same)
        if not near(seen):
            return seen
        return self.traffic(n=measure.sample_for_margin(share, margin, confidence), keepalive=False, **same)

    def ask(self, pod: str, verb: str, *words: str) -> Answer:
        """Let a storefront Pod send a request ("get", [options,] URL) or a DNS query ("resolve", NAME).

        A request that fails is an answer too, not an error: some checks want it to fail.
        """
        if verb not in ("get", "resolve"):
            raise ValueError("a check only reads: get or resolve")
        try:
            return Answer(True, kube.exec(pod, ["storefront", verb, *words], self.namespace))
        except AcplabError as error:
            return Answer(False, error.sentence)

    def answers(self, pod: str, targets: Lines, timeout: str = "1s") -> Answer:
        """Whether a storefront Pod is answered well by all targets ("ADDRESS:PORT"), and how many did, in words."""
        seen = self.ask(pod, "get", "-timeout", timeout, *(f"http://{target}/" for target in targets))
        if not seen.ok:
            return seen
        good = sum(line.startswith("200 ") for line in seen.text.splitlines())
        return Answer(good == len(targets), _("{good} of {all} answer").format(good=good, all=len(targets)))

    def versions_inside(self, targets: Lines) -> dict[str, str]:
        """Target ("NAME:PORT") -> the version that answers a ready Pod of the lab; "" if nothing does. {} without a Pod."""
        asker = next((pod["metadata"]["name"] for pod in self.pods()), None)
        if asker is None:
            return {}
        self.settle()  # a node learns of a new Service a second or more after the API does
        return {target: _version(self.ask(asker, "get", f"http://{target}/")) for target in targets}

    # the cluster

    @property
    def cluster(self) -> Cluster:
        """The lab's cluster, for what kube does not tell of it."""
        return clusters.find(client.current().parent.name)

    def snapshots(self) -> Snapshots:
        """The snapshots of etcd that are kept for the lab's cluster, oldest first."""
        from acplab.cluster import snapshots

        return snapshots.saved(self.cluster)

    # nodes

    def node_ranges(self) -> NodeRanges:
        """The nodes of the lab's cluster, each with its address, zone and Pod CIDR."""
        from acplab import datapath

        return datapath.node_ranges()

    def pod_cidr(self) -> str:
        """The range of all Pods of the cluster, as kubeadm has recorded it; "" if it has not."""
        recorded = self.get("configmap", "kubeadm-config", "kube-system") or {}
        found = re.search(r"podSubnet: (\S+)", recorded.get("data", {}).get("ClusterConfiguration", ""))
        return found[1] if found else ""

    def routes(self, node: str) -> Routes:
        """The route table of a node; of two lines for the same target the first one counts."""
        from acplab import datapath

        return datapath.routes(node)

    def __repr__(self) -> str:
        return _("a read-only view of namespace {name}").format(name=self.namespace)


def _version(answer: Answer) -> str:
    """Who answered: a good answer reads "200 v2 {...}"."""
    words = answer.text.split()
    return words[1] if answer.ok and words[:1] == ["200"] and len(words) > 1 else ""


def changes(one: Object) -> list[datetime]:
    """When an object's content was changed; what controllers write into its status changes no route."""
    fields = one["metadata"].get("managedFields") or []
    return [datetime.fromisoformat(field["time"]) for field in fields if not field.get("subresource")]
