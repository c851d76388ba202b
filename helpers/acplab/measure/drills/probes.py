"""What watches during a drill. Each probe runs in a thread of its own and never waits for another.

api(), ingress()                        requests at a fixed rate, open loop: what was lost, what was late
nodes(), leases(), pods(), etcd(), dns() states, read again and again; a reading that fails is "not read"
"""

from __future__ import annotations

import base64
import re
import ssl
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Unpack

import yaml

from acplab.base.errors import AcplabError
from acplab.cluster import Cluster
from acplab.host import docker
from acplab.kube import client
from acplab.measure import schedule
from acplab.measure.loads import Load, steady
from acplab.measure.request import Request, RequestOptions
from acplab.measure.results import Traffic
from acplab.measure.states import UNREAD, States

SILENT = "no answer"
ETCD_METRICS = "http://127.0.0.1:2381/metrics"
READ_SECONDS = 2.0
LEASE_SECONDS = 40  # after which the controller manager calls a node's kubelet silent
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


def ingress(url: str, rate: float = 20, **options: Unpack[RequestOptions]) -> Probe:
    """HTTP requests through the ingress controller; the options are those of measure.traffic(), host above all."""
    once: RequestOptions = {"keepalive": False, **options}
    return _Requests("ingress", steady(url, rate, **once))


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

    A kubelet renews every 10 s; after 40 s the controller manager calls the node's state unknown.
    """
    return _Readings("leases", lambda: _states(cluster, _lease_state, "lease", "kube-node-lease"), every)


def _lease_state(lease: dict[str, Any]) -> str:
    age = (datetime.now(UTC) - datetime.fromisoformat(lease["spec"]["renewTime"])).total_seconds()
    return "renewed" if age <= LEASE_SECONDS / 2 else "overdue"


def pods(cluster: Cluster, namespace: str, selector: str | None = None, every: float = 1.0) -> Probe:
    """What `kubectl get pods` says of each Pod: its phase, "Ready" when it gets traffic, "Terminating" when it ends."""
    return _Readings("pods", lambda: _states(cluster, _pod_state, "pod", namespace, selector), every)


def _pod_state(pod: dict[str, Any]) -> str:
    if "deletionTimestamp" in pod["metadata"]:
        return "Terminating"
    conditions = pod["status"].get("conditions") or []
    if any(one["type"] == "Ready" and one["status"] == "True" for one in conditions):
        return "Ready"
    return str(pod["status"].get("phase", "Pending"))


# --- states asked on the nodes -------------------------------------------------------------------------------------------------------


def etcd(cluster: Cluster, every: float = 1.0) -> Probe:
    """What each etcd member says of itself: "leader", "follower", "no leader", or "no answer"."""
    members = [name for name in cluster.nodes if "control-plane" in name]
    return _Readings("etcd", lambda: _each(cluster, members, _etcd_state), every)


def _each(cluster: Cluster, names: list[str], ask: Callable[[str], str]) -> dict[str, str]:
    """All asked at once: a node that hangs must not hold up the others."""
    with ThreadPoolExecutor(len(names)) as pool:
        return dict(zip(map(cluster.short, names), pool.map(ask, names), strict=True))


def _etcd_state(node: str) -> str:
    try:
        said = docker.run("exec", node, "curl", "--silent", "--fail", "--max-time", "1", ETCD_METRICS, timeout=5)
    except AcplabError:
        return SILENT
    return etcd_role(said)


def etcd_role(metrics: str) -> str:
    """ "leader", "follower" or "no leader", from the text of an etcd member's /metrics."""
    gauges = dict(re.findall(r"^(etcd_server_(?:is|has)_leader) (\d)", metrics, re.MULTILINE))
    if gauges.get("etcd_server_has_leader") != "1":
        return "no leader"
    return "leader" if gauges.get("etcd_server_is_leader") == "1" else "follower"


def dns(cluster: Cluster, node: str, name: str = "kubernetes.default.svc.cluster.local", every: float = 0.5) -> Probe:
    """Whether a name resolves, asked on a node at the cluster's DNS Service: "resolved" or "no answer".

    The thing in its lane is the node that asks."""
    server = cluster.kube.get("service", "kube-dns", "kube-system")["spec"]["clusterIP"]
    return _Readings("dns", lambda: {cluster.short(node): _resolved(node, name, server)}, every)


def _resolved(node: str, name: str, server: str) -> str:
    try:
        said = docker.run("exec", node, "dig", "+short", "+tries=1", "+time=1", f"@{server}", name, timeout=5)
    except AcplabError:
        return SILENT
    return "resolved" if said.strip() else SILENT
