"""What a check may look at. Nothing here changes anything: a check that does would grade its own work."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from acplab import kube
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.kube import Object, Objects

if TYPE_CHECKING:
    from acplab.datapath import NodeRange, Route
    from acplab.measure import Traffic

# Names of their own, since LabView.list hides the built-in one.
Lines = list[str]
Blocks = list["NodeRange"]
Routes = list["Route"]

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

    namespace: the lab's namespace; entrance: "http://127.0.0.1:PORT", where the ingress answers.
    """

    def __init__(self, namespace: str, ingress_url: str, notes: dict[str, Any] | None = None) -> None:
        self.namespace = namespace
        self.ingress_url = ingress_url
        self._notes = notes or {}
        self._deadline = time.monotonic() + SETTLE_SECONDS
        self._settled = False

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

    def recall(self, key: str) -> Any:
        """What the lab noted when it was set up, or the learner since; None if nobody did."""
        return self._notes.get(key)

    def traffic(self, until: Callable[[Traffic], bool] | None = None, **same: Any) -> Traffic:
        """Send GET requests to the entrance; the words are measure.traffic's (host, path, headers, n, ...).

        until: looks at the traffic and says whether it is what is wanted. While it is not, the same requests
        are sent again for a few seconds, since a change takes up to 2 s to reach the ingress.
        """
        from acplab import measure

        if same.get("method", "GET") not in ("GET", "HEAD"):
            raise ValueError("a check only reads: GET or HEAD")
        same = {"rate": 200} | same
        self.settle()
        seen = measure.traffic(self.ingress_url, **same)
        while until and not until(seen) and time.monotonic() < self._deadline:
            time.sleep(PAUSE_SECONDS)
            seen = measure.traffic(self.ingress_url, **same)
        return seen

    def settle(self) -> None:
        """Let a change of the last seconds arrive first: traffic on the old routes would pass a wrong solution."""
        if self._settled:
            return
        self._settled = True
        changes = [time_ for kind in ROUTING for one in self.list(kind) for time_ in _changes(one)]
        if changes:
            age = (datetime.now(UTC) - max(changes)).total_seconds()
            time.sleep(max(0.0, min(TAKEN_IN_SECONDS - age, self._deadline - time.monotonic())))

    def sample(self, share: float, margin: float, **same: Any) -> Traffic:
        """As many requests as it takes to see a share (0..1) within a margin (0..1), 95 % sure."""
        from acplab import measure

        return self.traffic(n=measure.sample_for_margin(share, margin), **same)

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

    def blocks(self) -> Blocks:
        """The nodes of the lab's cluster, each with its address, zone and block of Pod addresses."""
        from acplab import datapath

        return datapath.node_ranges()

    def routes(self, node: str) -> Routes:
        """The route table of a node; of two lines for the same target the first one counts."""
        from acplab import datapath

        return datapath.routes(node)

    def __repr__(self) -> str:
        return _("a read-only view of namespace {name}").format(name=self.namespace)


def _changes(one: Object) -> list[datetime]:
    """When an object's content was changed; what controllers write into its status changes no route."""
    fields = one["metadata"].get("managedFields") or []
    return [datetime.fromisoformat(field["time"]) for field in fields if not field.get("subresource")]
