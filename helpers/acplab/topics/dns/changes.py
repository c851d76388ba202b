"""What the chapter and its labs change in kube-system and on the nodes; all of it can be undone at any time.

with changed_corefile(text):     another Corefile while the block runs        restore_corefile()   the one from before
install("node-local-dns")    a part of manifests/11-…/platform            clean()              everything as it was
The Corefile from before is kept in the cluster, so clean() also puts right what a killed kernel has left.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from acplab import images, kube
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.datapath import node_exec
from acplab.measure.dns.questions import chosen
from acplab.measure.dns.server_pods import servers
from acplab.topics.dns.injection import CACHE, SIDECAR, is_injected
from acplab.topics.dns.trials import coredns_is_limited, restore_coredns, wait_replaced

T = TypeVar("T")
NAMESPACE = "kube-system"
PLATFORM = "manifests/11-service-discovery/platform"
PARTS = {  # part -> what must be ready
    "node-local-dns": ("daemonset", "node-local-dns"),
    "dns-injection": ("deployment", "dns-injection"),
    "private-zone": ("secret", "private-zone"),
}
COREFILE, BEFORE = "coredns", "acplab-corefile-before"
DEVICES = ("lo", "nodelocaldns")
SECONDS, RELOAD_SECONDS, POLL = 60.0, 120.0, 0.5
# What the plugin reload says at the start and of a good Corefile, and of one that CoreDNS refuses.
RELOADED = ("Running configuration SHA512", "Corefile changed but reload failed", "Corefile parse failed")


def prepare() -> list[str]:
    """Load the images of the chapter into the nodes, and undo what an earlier run has left: its names."""
    images.load(node_exec.names(), "dns")
    return clean()


def install(part: str) -> None:
    """Apply a part ("node-local-dns", "dns-injection", "private-zone"), and wait until it is ready."""
    kind, name = PARTS[chosen("part", part, tuple(PARTS))]
    kube.apply(f"{PLATFORM}/{part}.yaml")
    if kind != "secret":
        kube.wait(kind, name, namespace=NAMESPACE)
    if part == "dns-injection":
        _wait_for_injection()


def remove(part: str) -> bool:
    """Remove a part and what it has done to the nodes; says whether there was anything."""
    chosen("part", part, tuple(PARTS))
    objects = kube.read_manifests(f"{PLATFORM}/{part}.yaml")
    there = [one for one in reversed(objects) if _place(one, kube.exists)]
    for one in there:
        _place(one, kube.delete)
    left = _take_address_away() if part == "node-local-dns" else False
    return bool(there) or left


def clean() -> list[str]:
    """Undo all that is changed: the Corefile first, then each part. What was undone, by name."""
    undone = [_("the Corefile")] if restore_corefile(restart=not coredns_is_limited()) else []
    undone += [_("the CPU and the replicas of CoreDNS")] if restore_coredns() else []  # this replaces its Pods, too
    # The webhook goes before the cache: until then new Pods would get a cache that is not there.
    return undone + [part for part in ("dns-injection", "node-local-dns", "private-zone") if remove(part)]


@contextmanager
def changed_corefile(text: str) -> Iterator[None]:
    """CoreDNS runs with another Corefile while the block does. Its Pods are replaced, at the beginning and at the end."""
    set_corefile(text)
    try:
        yield
    finally:
        restore_corefile()


def read_corefile() -> str:
    """The Corefile of CoreDNS."""
    return str(kube.get("configmap", COREFILE, NAMESPACE)["data"]["Corefile"])


def set_corefile(text: str, restart: bool = True) -> None:
    """Give CoreDNS another Corefile. The first one that is replaced is kept.

    restart: its Pods are replaced, so that it counts at once. Otherwise the plugin reload sees it: up to two minutes later,
    since kubelet takes its time to bring a changed ConfigMap into a Pod.
    """
    if not kube.exists("configmap", BEFORE, NAMESPACE):
        kube.apply(_configmap(BEFORE, read_corefile()))
    kube.patch("configmap", COREFILE, {"data": {"Corefile": text}}, NAMESPACE)
    if restart:
        _restart()


def reload_corefile(text: str, seconds: float = RELOAD_SECONDS) -> dict[str, str]:
    """Give CoreDNS another Corefile without a restart; what each Pod's plugin reload says of it, by Pod.

    It can take a minute: reload looks every 30 s or so. AcplabError if a Pod says nothing in so many seconds.
    """
    said_before = {one.pod: _reloads(one.pod) for one in servers()}
    set_corefile(text, restart=False)
    for pod in said_before:  # a Pod that changes gets its ConfigMap at once, not when its turn comes
        kube.annotate("pod", pod, NAMESPACE, **{"acplab.dev/reloaded": f"{time.time():.0f}"})
    return {pod: _next_reload(pod, len(before), time.monotonic() + seconds) for pod, before in said_before.items()}


def _next_reload(pod: str, known: int, deadline: float) -> str:
    while len(said := _reloads(pod)) <= known:
        if time.monotonic() > deadline:
            raise AcplabError(
                _("{pod} has not read its Corefile again.").format(pod=pod),
                _("Has the Corefile that runs the plugin reload? Otherwise CoreDNS must be restarted."),
            )
        time.sleep(POLL)
    return said[-1]


def _reloads(pod: str) -> list[str]:
    """What a Pod has said of Corefiles that it read."""
    lines = kube.logs(pod, NAMESPACE).splitlines()
    return [line.partition("plugin/reload: ")[2] for line in lines if any(words in line for words in RELOADED)]


def restore_corefile(restart: bool = True) -> bool:
    """Put back the Corefile from before; says whether there was one. CoreDNS is restarted if it has another one.

    restart: no if its Pods are replaced afterwards anyway.
    """
    kept = kube.find("configmap", BEFORE, NAMESPACE)
    if kept is None:
        return False
    if (text := kept["data"]["Corefile"]) != read_corefile():
        kube.patch("configmap", COREFILE, {"data": {"Corefile": text}}, NAMESPACE)
        if restart:
            _restart()
    kube.delete("configmap", BEFORE, NAMESPACE)  # last, so that a kill before this loses nothing
    return True


def _restart() -> None:
    kube.restart("coredns", NAMESPACE)
    wait_replaced()


def _configmap(name: str, text: str) -> list[kube.Object]:
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "data": {"Corefile": text},
        }
    ]


def _place(one: kube.Object, verb: Callable[[str, str, str | None], T]) -> T:
    """Call a verb of kube for an object of a manifest."""
    return verb(one["kind"].lower(), one["metadata"]["name"], one["metadata"].get("namespace"))


def _wait_for_injection() -> None:
    """Until the API server knows the webhook's certificate and reaches it: before, Pods are made as they are."""
    deadline = time.monotonic() + SECONDS
    while not _injects():
        if time.monotonic() > deadline:
            raise AcplabError(
                _("The webhook dns-injection has injected nothing within {s:g} s.").format(s=SECONDS),
                _("Look at: kubectl logs deployment/dns-injection -n kube-system"),
            )
        time.sleep(POLL)


def _injects() -> bool:
    """Whether a Pod that asked for a sidecar would get one. The Pod is not made."""
    container = {"name": "asks", "image": "docker.io/acplab/dns-tools:1.0.0"}
    metadata = {"name": "asks-for-a-sidecar", "annotations": {SIDECAR: "on"}}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}}
    return is_injected(kube.dry_run([pod], "default")[0], first="127.0.0.1")


def _take_address_away() -> bool:
    """Remove the cache's address from nodes whose Pod was killed before it could; says whether one had it."""
    found = False
    for node in node_exec.names():
        for device in DEVICES:
            if CACHE in _addresses(node, device):
                found = True
                node_exec.run(node, "ip", "address", "del", f"{CACHE}/32", "dev", device)
    return found


def _addresses(node: str, device: str) -> list[str]:
    with suppress(AcplabError):  # there is no such device
        shown = node_exec.ip(node, "address", "show", "dev", device)
        return [address["local"] for one in shown for address in one.get("addr_info", [])]
    return []
