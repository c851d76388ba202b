"""What watches during a drill. Each probe runs in a thread of its own and never waits for another.

api(), ingress()                        requests at a fixed rate, open loop: what was lost, what was late
nodes(), leases(), pods(), etcd(), dns() states, read again and again; a reading that fails is "not read"
"""

from __future__ import annotations

import base64
import shlex
import ssl
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Unpack

import yaml

from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.cluster import Cluster
from acplab.cluster import etcd as members
from acplab.host.streams import Stream
from acplab.kube import client
from acplab.kube.conditions import verdict
from acplab.measure import schedule
from acplab.measure.loads import Load, steady
from acplab.measure.request import Request, RequestOptions
from acplab.measure.results import Traffic
from acplab.measure.states import UNREAD, States

SILENT = "no answer"
ETCD_COMMAND = f"curl --silent --max-time 1 {members.METRICS} | grep -E '^etcd_server_(is|has)_leader'"
BEGIN_SECONDS = 20.0  # for the streams of all nodes
READ_SECONDS = 2.0
OVERDUE_SECONDS = 20
Reading = Callable[[], dict[str, str]]


class Probe:
    """name: of its lane. start() and stop() are the drill's; what it has seen is in lane()."""

    name: str

    def start(self) -> None:
        """Begin to watch."""
        raise NotImplementedError

    def stop(self) -> None:
        """Watch no more."""
        raise NotImplementedError

    def lane(self, start: float) -> Traffic | States:
        """What was seen. start: of the drill, in time.monotonic()."""
        raise NotImplementedError


class _Requests(Probe):
    """A load of requests; its lane is a Traffic."""

    def __init__(self, name: str, load: Load) -> None:
        self.name, self._load = name, load

    def start(self) -> None:
        self._load.start()

    def stop(self) -> None:
        self._load.stop()

    def lane(self, start: float) -> Traffic:
        return self._load.result.shifted(self._load.started - start)


class _Readings(Probe):
    """A state that is read every so many seconds; its lane is a States."""

    def __init__(self, name: str, read: Reading, every: float = 1.0) -> None:
        self.name, self._read, self._every = name, read, every
        self._seen: list[tuple[float, dict[str, str]]] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"acplab-{name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join(timeout=30)

    def lane(self, start: float) -> States:
        lane = States(self.name, self._every)
        for t, seen in list(self._seen):
            lane.read(max(0.0, t - start), seen)
        return lane

    def _run(self) -> None:
        while not self._ended.is_set():
            began = time.monotonic()
            seen = self._reading()
            self._seen.append((time.monotonic(), seen))
            self._ended.wait(max(0.05, self._every - (time.monotonic() - began)))

    def _reading(self) -> dict[str, str]:
        """The state of all things; when nothing could be read, all that was known of is "not read"."""
        try:
            return self._read()
        except AcplabError:
            return dict.fromkeys(self._seen[-1][1] if self._seen else [self.name], UNREAD)


# --- requests ---------------------------------------------------------------------------------------------------------------------


def ingress(url: str, rate: float = 20, name: str = "ingress", **options: Unpack[RequestOptions]) -> Probe:
    """HTTP requests through the ingress controller; the options are those of measure.traffic(), host above all.

    name: of the lane, for a drill that asks several hosts."""
    once: RequestOptions = {"keepalive": False, **options}
    return _Requests(name, steady(url, rate, **once))


def api(cluster: Cluster, rate: float = 5, timeout: float = 5) -> Probe:
    """Requests to the Kubernetes API through the cluster's load balancer, a connection each.

    Each reads one object, which the API server asks of etcd: without a quorum there is no answer.
    """
    url = f"https://127.0.0.1:{cluster.ports['api']}/api/v1/namespaces/kube-system"
    request = Request(url, timeout=timeout, keepalive=False, tls=_client_tls(cluster.kubeconfig))
    return _Requests("api", Load(request, schedule.longest(rate)))


def _client_tls(kubeconfig: Path) -> ssl.SSLContext:
    """What the API server wants of a client: the certificate of the kubeconfig, which also names the authority."""
    entry = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
    user, place = entry["users"][0]["user"], entry["clusters"][0]["cluster"]
    context = ssl.create_default_context(cadata=_decoded(place["certificate-authority-data"]))
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as both:  # the library reads it from a file only
        both.write(_decoded(user["client-certificate-data"]) + _decoded(user["client-key-data"]))
        both.flush()
        context.load_cert_chain(both.name)
    return context


def _decoded(text: str) -> str:
    return base64.b64decode(text).decode()


# --- states of the API ---------------------------------------------------------------------------------------------------------------


def _states(cluster: Cluster, state: Callable[[dict[str, Any]], str], *words: str | None) -> dict[str, str]:
    """The state of each object that kube.list gives, without waiting long for an API server that does not answer."""
    with client.patience(READ_SECONDS):
        found = cluster.kube.list(*words)
    return {cluster.short(one["metadata"]["name"]): state(one) for one in found}


def nodes(cluster: Cluster, every: float = 1.0) -> Probe:
    """What `kubectl get nodes` says: Ready, NotReady, with ",SchedulingDisabled" for a cordoned node."""
    return _Readings("nodes", lambda: _states(cluster, _node_state, "node"), every)


def _node_state(node: dict[str, Any]) -> str:
    (ready,) = (one["status"] for one in node["status"]["conditions"] if one["type"] == "Ready")
    state = "Ready" if ready == "True" else "NotReady"
    return f"{state},SchedulingDisabled" if node["spec"].get("unschedulable") else state


def leases(cluster: Cluster, every: float = 1.0) -> Probe:
    """Whether each kubelet renews its lease: "renewed", or "overdue" if that was more than 20 s ago.

    A kubelet renews every 10 s; after 50 s (40 s before Kubernetes 1.32) the node's state is called unknown.
    """
    return _Readings("leases", lambda: _states(cluster, _lease_state, "lease", "kube-node-lease"), every)


def _lease_state(lease: dict[str, Any]) -> str:
    age = (datetime.now(UTC) - datetime.fromisoformat(lease["spec"]["renewTime"])).total_seconds()
    return "renewed" if age <= OVERDUE_SECONDS else "overdue"


def pods(cluster: Cluster, namespace: str, selector: str | None = None, every: float = 1.0) -> Probe:
    """What `kubectl get pods` says of each Pod: its phase, "Ready" when it gets traffic, "Terminating" when it ends."""
    return _Readings("pods", lambda: _states(cluster, _pod_state, "pod", namespace, selector), every)


def _pod_state(pod: dict[str, Any]) -> str:
    if "deletionTimestamp" in pod["metadata"]:
        return "Terminating"
    if verdict(pod["status"], "Ready") is True:
        return "Ready"
    return str(pod["status"].get("phase", "Pending"))


# --- states asked on the nodes -------------------------------------------------------------------------------------------------------


class _Asked(_Readings):
    """A state that each node tells of itself, through a stream that begins before anything breaks (host/streams.py).

    command: what to run on the nodes; state: what its words mean. A node that does not answer holds up no other.
    """

    def __init__(
        self, name: str, command: str, nodes: dict[str, str], state: Callable[[str], str], every: float
    ) -> None:
        super().__init__(name, self._ask, every)
        self._streams = {short: Stream(node, command) for short, node in nodes.items()}
        self._state = state

    def start(self) -> None:
        try:
            self._settle()
        except BaseException:
            self._close()
            raise
        super().start()

    def stop(self) -> None:
        super().stop()
        self._close()

    def now(self) -> dict[str, str]:
        """One reading, without a drill."""
        try:
            self._settle()
            return self._ask()
        finally:
            self._close()

    def _settle(self) -> None:
        """Wait for a first answer of each node: a stream that is still about to begin must not meet the fault."""
        for stream in self._streams.values():
            stream.ask()
        deadline = time.monotonic() + BEGIN_SECONDS
        for stream in self._streams.values():
            if not stream.settled(deadline - time.monotonic()):
                raise AcplabError(
                    _("Docker has begun nothing on {node} within {seconds:g} s, so nothing was broken.").format(
                        node=stream.container, seconds=BEGIN_SECONDS
                    ),
                    _("Try again; if it stays so, restart Docker and run ./acplab start."),
                )

    def _ask(self) -> dict[str, str]:
        for stream in self._streams.values():
            stream.ask()
        until = time.monotonic() + self._every / 3
        said = {
            short: stream.said(until - time.monotonic(), patience=2 * self._every)
            for short, stream in self._streams.items()
        }
        return {short: self._state(words) if words else SILENT for short, words in said.items()}

    def _close(self) -> None:
        for stream in self._streams.values():
            stream.close()


def etcd(cluster: Cluster, every: float = 1.0) -> Probe:
    """What each etcd member says of itself: "leader", "follower", "no leader", or "no answer"."""
    return _Asked("etcd", ETCD_COMMAND, _members(cluster), members.role, every)


def leader(cluster: Cluster) -> str:
    """The node whose etcd member leads now. AcplabError if none says that it does."""
    for node, role in _Asked("etcd", ETCD_COMMAND, _members(cluster), members.role, every=3.0).now().items():
        if role == "leader":
            return f"{cluster.name}-{node}"
    raise AcplabError(
        _("No etcd member of {cluster} says that it leads.").format(cluster=cluster.name),
        _("Wait until all nodes run, and ask again."),
    )


def _members(cluster: Cluster) -> dict[str, str]:
    return {cluster.short(name): name for name in members.control_planes(cluster)}


def dns(cluster: Cluster, node: str, name: str = "kubernetes.default.svc.cluster.local", every: float = 0.5) -> Probe:
    """Whether a name resolves, asked on a node at the cluster's DNS Service: "resolved" or "no answer".

    The thing in its lane is the node that asks."""
    server = cluster.kube.get("service", "kube-dns", "kube-system")["spec"]["clusterIP"]
    command = f"dig +short +tries=1 +time=1 @{server} {shlex.quote(name)}"
    return _Asked("dns", command, {cluster.short(node): node}, dns_state, every)


def dns_state(said: str) -> str:
    """Of what `dig +short` says: its own complaints begin with ";"."""
    return SILENT if said.startswith(";") else "resolved"
