"""One load, asked again and again: of one small CoreDNS, of several, of a cache, by a better client.

need = trial(client, conf, "www.example.com", namespace)     what it costs: latency, loss, queries and CPU at CoreDNS
limit_coredns(milli_cores=need.third, replicas=1)             too little CPU, on purpose
restore_coredns()                                            as it was; clean() does it too
with frozen(pod): ...                                        it hangs: it runs, and answers nobody
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from acplab import kube
from acplab.base.arguments import within
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.base.retry import retry_context
from acplab.datapath import node_exec
from acplab.measure.dns import Counters, Lookups, Server, counters, load, servers
from acplab.measure.dns.questions import checked_name
from acplab.topics.dns.resolv import ResolvConf, questions

NAMESPACE, COREDNS = "kube-system", "coredns"
SELECTOR = "k8s-app=kube-dns"
BEFORE = "acplab.dev/before"  # an annotation of the Deployment: its replicas and its container, as JSON
LEAST_MILLI, MOST_MILLI, MOST_REPLICAS = 10, 2000, 6  # the kernel's smallest share is 10 millicores
SOCKETS = 40  # as many as a program has that opens one per lookup
MOST_HANG = 20  # seconds; a liveness probe waits longer
WAIT_SECONDS = 30.0  # until a server that has fallen behind tells its counters
SIDECAR_METRICS = "127.0.0.1:9153"


@dataclass(frozen=True)
class Trial:
    """load: what the client saw; each: queries per lookup; coredns: queries that reached CoreDNS; cores: that it used."""

    load: Lookups
    each: int
    coredns: int
    cores: float

    @property
    def third(self) -> int:
        """A third of the CPU that CoreDNS used, in millicores."""
        return max(LEAST_MILLI, round(self.cores * 1000 / 3))

    def __repr__(self) -> str:
        lines = [
            self.load.summary(),
            _("{n} queries per lookup").format(n=self.each),
            _("CoreDNS got {n} queries, and used {milli:.0f} millicores").format(
                n=self.coredns, milli=1000 * self.cores
            ),
        ]
        return "\n".join(lines)


def trial(
    pod: str,
    conf: ResolvConf,
    name: str,
    namespace: str,
    *,
    lookups: float = 150,
    seconds: float = 3,
    server: str | None = None,
) -> Trial:
    """What a program costs that looks up a name `lookups` times per second, each time with all queries of its resolv.conf.

    Nothing is kept between two lookups, and each query leaves from one of 40 sockets: a client without connection pool.
    server: an address; the cluster's DNS Service if it is not given. The name is taken to exist as it is.
    """
    asked = questions(conf, name, [name.rstrip(".")])
    names = list(dict.fromkeys(f"{one.name}." for one in asked))
    before = _patiently(pod, namespace)
    seen = load(
        pod, names, namespace, rate=lookups * len(asked), seconds=seconds, server=server, type="A AAAA", sockets=SOCKETS
    )
    spent = _patiently(pod, namespace) - before
    # A load ends with its last answer, which a slow server gives late.
    return Trial(seen, len(asked), spent.requests, spent.cpu_seconds / seen.own.get("seconds", seconds))


def _patiently(pod: str, namespace: str) -> Counters:
    """The counters of CoreDNS; one that is short of CPU may need some seconds to tell them."""
    for attempt in retry_context(on=AcplabError, attempts=None, timeout=WAIT_SECONDS, wait_max=1.0):
        with attempt:
            found = counters(pod, namespace, servers())
    return found


def limit_coredns(milli_cores: float, replicas: int = 1) -> None:
    """Give CoreDNS so much CPU per Pod and so many Pods, and wait for them. restore_coredns() undoes it."""
    cpu = f"{max(LEAST_MILLI, round(within('milli_cores', milli_cores, MOST_MILLI)))}m"
    count = round(within("replicas", replicas, MOST_REPLICAS))
    found = kube.get("deployment", COREDNS, NAMESPACE)
    before = _before(found) or json.dumps(_kept(found))
    container = copy.deepcopy(_container(found))
    for kind in ("requests", "limits"):
        container.setdefault("resources", {}).setdefault(kind, {})["cpu"] = cpu
    container.setdefault("readinessProbe", {})["periodSeconds"] = 1  # a Pod counts as soon as it can answer
    _change(count, container, before)


def restore_coredns() -> bool:
    """Give CoreDNS its replicas and its CPU from before; says whether they were changed."""
    before = _before(kube.find("deployment", COREDNS, NAMESPACE))
    if before is None:
        return False
    kept = json.loads(before)
    _change(kept["replicas"], kept["container"], None)
    return True


def coredns_is_limited() -> bool:
    """Whether CoreDNS has other replicas and CPU than its cluster gave it."""
    return _before(kube.find("deployment", COREDNS, NAMESPACE)) is not None


def _before(deployment: kube.Object | None) -> str | None:
    annotations: dict[str, str] = ((deployment or {}).get("metadata", {}).get("annotations")) or {}
    return annotations.get(BEFORE)


def _kept(found: kube.Object) -> kube.Object:
    return {"replicas": found["spec"].get("replicas", 1), "container": _container(found)}


def _container(found: kube.Object) -> kube.Object:
    return next(one for one in found["spec"]["template"]["spec"]["containers"] if one["name"] == COREDNS)


def _change(replicas: int, container: kube.Object, before: str | None) -> None:
    """All in one patch: a kill cannot come in between."""
    spec = {"replicas": replicas, "template": {"spec": {"containers": [container]}}}
    patch = {"metadata": {"annotations": {BEFORE: before}}, "spec": spec}
    kube.patch("deployment", COREDNS, patch, NAMESPACE)
    wait_replaced(grace=1)  # with little CPU they would take their time


def wait_replaced(grace: int | None = None) -> None:
    """Wait until the Pods of CoreDNS are new ones, and the old ones are gone.

    Pods that end go on answering for some seconds, with the CPU and the Corefile from before, while the kube-proxy of a
    node still sends queries to them. grace: seconds that they get to end; None: as long as the
    `lameduck` of its Corefile lasts.
    """
    kube.wait("deployment", COREDNS, namespace=NAMESPACE)
    for pod in kube.list("pod", NAMESPACE, SELECTOR):
        if "deletionTimestamp" in pod["metadata"]:
            kube.delete("pod", pod["metadata"]["name"], NAMESPACE, grace=grace)


@contextmanager
def frozen(pod: str, namespace: str = NAMESPACE) -> Iterator[None]:
    """While the block runs, CoreDNS in this Pod hangs: it has its address and its sockets, and answers nothing.

    If this kernel dies in the block, the Pod's liveness probe restarts it after a minute or two, or clean() removes it.
    """
    found = kube.get("pod", pod, namespace)
    signal(found, "STOP")
    try:
        yield
    finally:
        signal(found, "CONT")


def hang(pod: str, seconds: float = 5, namespace: str = NAMESPACE) -> None:
    """CoreDNS in this Pod hangs for so many seconds, at most 20, while a load or something else goes on."""
    seconds = within("seconds", seconds, MOST_HANG, "s")
    with frozen(pod, namespace):
        time.sleep(seconds)


def crash(pod: str, namespace: str = NAMESPACE) -> None:
    """Kill CoreDNS in this Pod at once, as when it runs out of memory; kubelet starts it again."""
    signal(kube.get("pod", pod, namespace), "KILL")


def signal(pod: kube.Object, name: str) -> None:
    """Send a signal to the processes of CoreDNS in a Pod. AcplabError if there are none."""
    uid = pod["metadata"]["uid"]
    pattern = f"{uid}|{uid.replace('-', '_')}"  # as the two cgroup drivers write it
    script = (
        f"n=1; for p in $(pgrep -x {COREDNS}); do"
        f" grep -qE '{pattern}' /proc/$p/cgroup && kill -{name} $p && n=0; done; exit $n"
    )
    try:
        node_exec.run(pod["spec"]["nodeName"], "sh", "-c", script)
    except AcplabError as error:
        raise AcplabError(
            _("No CoreDNS runs in Pod {pod}.").format(pod=pod["metadata"]["name"]),
            _("Look at: kubectl get pod -n {namespace}").format(namespace=pod["metadata"]["namespace"]),
        ) from error


def lookup_seconds(pod: str, name: str, namespace: str) -> float:
    """How long a program in the Pod waits for a name, by glibc and its resolv.conf, in seconds."""
    script = f"a=$(date +%s%N); getent ahosts {checked_name(name)} >/dev/null; echo $(($(date +%s%N) - a))"
    return int(kube.exec(pod, ["sh", "-c", script], namespace).strip()) / 1e9


def sidecar(pod: str, namespace: str) -> Server:
    """The DNS sidecar of a Pod, as a server: its metrics can be read by that Pod alone."""
    found = kube.get("pod", pod, namespace)
    return Server(pod, found["spec"].get("nodeName", ""), "127.0.0.1", SIDECAR_METRICS)
