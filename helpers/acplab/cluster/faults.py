"""What can be broken on purpose in a cluster, and how each of it is undone.

A fault is data: steps to do and steps to undo, so that it is written down (journal.py) before anything breaks. Each
step that undoes may be repeated, and does nothing where there is nothing to undo.
"""

from __future__ import annotations

import json
import secrets
import shlex
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from acplab.base import arguments
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.cluster import nodes, ownership
from acplab.cluster.handle import Cluster, made, recorded
from acplab.host import docker, freezer

ZONE = "topology.kubernetes.io/zone"
MANIFESTS = "/etc/kubernetes/manifests"
ASIDE = "/etc/kubernetes/acplab-aside"
CONDITION_TAINTS = "node.kubernetes.io/"
FILLER = "acplab-filler"  # a file
MOST_MEGABYTES = 200
MEMORY_TAINT = "node.kubernetes.io/memory-pressure"
KUBELET = "/var/lib/kubelet/config.yaml"
KUBELET_ASIDE = "/var/lib/kubelet/config.acplab"
# Soft: a hard threshold would also be taken off what the node may give to Pods. In percent: 100 % is read as "none".
PRESSING = r"""
evictionSoft: {memory.available: 99.99%}
evictionSoftGracePeriod: {memory.available: 5s}
evictionMaxPodGracePeriod: 5
"""
REGISTER_SECONDS = 40
SETTLE_SECONDS = 1.0  # then Docker has ended what it was hanging at
Step = tuple[str, ...]  # the name of an action, and its arguments


@dataclass(frozen=True)
class Fault:
    """title: what happens, as a chart says it. profile: of the cluster. touched: its nodes that the fault hits."""

    title: str
    profile: str
    touched: tuple[str, ...]
    do: tuple[Step, ...]
    undo: tuple[Step, ...]
    id: str = field(default_factory=lambda: secrets.token_hex(3))

    def __add__(self, other: Fault) -> Fault:
        """Both at once, the second undone first."""
        if self.profile != other.profile:
            raise AcplabError(
                _("These faults are of two clusters, {one} and {other}.").format(one=self.profile, other=other.profile),
                _("Break one cluster at a time."),
            )
        return Fault(
            f"{self.title}; {other.title}",
            self.profile,
            (*self.touched, *other.touched),
            self.do + other.do,
            other.undo + self.undo,
        )


# --- the faults -----------------------------------------------------------------------------------------------------------------


def pause(*names: str) -> Fault:
    """Freeze all processes of these nodes: connections stay open and nothing answers, as when a machine hangs."""
    return _whole(_("pause {nodes}"), "pause", names)


def stop(*names: str) -> Fault:
    """Switch these nodes off at once, as when a machine loses its power. Undone, they start again."""
    return _whole(_("stop {nodes}"), "kill", names)


def _whole(title: str, action: str, names: Sequence[str]) -> Fault:
    cluster = _cluster_of(names)
    undo = tuple(("restart", cluster.name, name, cluster.addresses[name]) for name in names)
    return Fault(title.format(nodes=_short(names, cluster)), cluster.profile, tuple(names), _each(action, names), undo)


def disconnect(*names: str) -> Fault:
    """Drop every packet that enters or leaves these nodes: they go on running, alone."""
    cluster = _cluster_of(names)
    return _filtered(_("disconnect {nodes}").format(nodes=_short(names, cluster)), cluster, dict.fromkeys(names, ()))


def lose(share: float, *names: str) -> Fault:
    """Drop a share (0 to 1) of the packets that enter or leave these nodes, each by chance."""
    cluster, share = _cluster_of(names), arguments.share("share", share)
    title = _("lose {share:.0%} of the packets of {nodes}").format(share=share, nodes=_short(names, cluster))
    return _filtered(title, cluster, dict.fromkeys(names, ()), f"{share:g}")


def cut_zone(zone: str, profile: str = "ha") -> Fault:
    """Drop all packets between the nodes of a zone and those of other zones; inside of the zone all goes on.

    The load balancer in front of the API servers is in no zone: it loses the servers of this one.
    """
    cluster = _found(profile)
    inside = nodes_of_zone(zone, cluster)
    peers = _addresses_outside(cluster, inside)
    return _filtered(_("cut zone {zone}").format(zone=zone), cluster, dict.fromkeys(inside, peers))


def _addresses_outside(cluster: Cluster, inside: Sequence[str]) -> tuple[str, ...]:
    """The other machines, and the Pod CIDRs of the other nodes: a Pod's packets cross a node with its own address."""
    machines = [address for name, address in cluster.addresses.items() if name not in inside]
    others = [one["spec"] for one in cluster.kube.list("node") if one["metadata"]["name"] not in inside]
    return (*machines, *(spec["podCIDR"] for spec in others if "podCIDR" in spec))


def stop_zone(zone: str, profile: str = "ha") -> Fault:
    """Switch off all nodes of a zone at once."""
    cluster = _found(profile)
    fault = stop(*nodes_of_zone(zone, cluster))
    return Fault(_("stop zone {zone}").format(zone=zone), profile, fault.touched, fault.do, fault.undo)


def stop_static_pod(component: str, node: str) -> Fault:
    """Take the manifest of a static Pod ("etcd", "kube-apiserver") away, so that the node's kubelet ends it."""
    cluster = _cluster_of([node])
    present = docker.run("exec", node, "ls", MANIFESTS).split()
    if f"{component}.yaml" not in present:
        known = ", ".join(sorted(name.removesuffix(".yaml") for name in present))
        raise AcplabError(
            _("{node} runs no static Pod {component}.").format(node=node, component=component),
            _("Take one of: {known}.").format(known=known or _("none; choose a control plane")),
        )
    title = _("stop {component} on {nodes}").format(component=component, nodes=_short([node], cluster))
    return Fault(title, cluster.profile, (node,), (("aside", node, component),), (("back", node, component),))


def drain_in_turn(*names: str, seconds: float = 120) -> Fault:
    """Drain each of these nodes and uncordon it before the next, as an upgrade in batches of one does.

    seconds: for each node; one that is not empty by then ends the turn.
    """
    cluster = _cluster_of(names)
    title = _("drain {nodes} in turn").format(nodes=_short(names, cluster))
    undo = tuple(("uncordon", cluster.profile, name) for name in names)
    drains = (("drain", cluster.profile, name, f"{seconds:g}") for name in names)
    do = tuple(step for one in zip(drains, undo, strict=True) for step in one)
    return Fault(title, cluster.profile, tuple(names), do, undo)


def put_back(names: Iterable[str]) -> None:
    """Give these control planes back what was put aside: a machine that has been restarted has its static Pods."""
    for name in names:
        if "control-plane" in name:
            _shell(name, f"[ ! -d {ASIDE} ] || find {ASIDE} -name '*.yaml' -exec mv {{}} {MANIFESTS}/ ';'")


def drain(node: str, seconds: float = 120) -> Fault:
    """kubectl drain: cordon the node and evict its Pods, as long as PodDisruptionBudgets allow; undone by uncordon."""
    cluster = _cluster_of([node])
    title = _("drain {nodes}").format(nodes=_short([node], cluster))
    do = (("drain", cluster.profile, node, f"{seconds:g}"),)
    return Fault(title, cluster.profile, (node,), do, (("uncordon", cluster.profile, node),))


def delete_node(node: str) -> Fault:
    """kubectl delete node: its machine goes on running, and the cluster knows nothing of it any more.

    Undone, the Node is there as before, with its labels, taints and Pod CIDR, and its kubelet reports again.
    """
    cluster = _cluster_of([node])
    before = json.dumps(_as_it_was(cluster.kube.get("node", node)))
    title = _("delete node {nodes}").format(nodes=_short([node], cluster))
    do = (("delete node", cluster.profile, node),)
    return Fault(title, cluster.profile, (node,), do, (("register", cluster.profile, node, before),))


def _as_it_was(node: dict[str, Any]) -> dict[str, Any]:
    """What a kubelet does not tell of its node by itself. Taints of a condition are the controller manager's."""
    metadata = {key: node["metadata"].get(key) or {} for key in ("labels", "annotations")}
    spec = {
        key: node["spec"][key] for key in ("podCIDR", "podCIDRs", "providerID", "unschedulable") if key in node["spec"]
    }
    taints = [one for one in node["spec"].get("taints") or [] if not one["key"].startswith(CONDITION_TAINTS)]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": node["metadata"]["name"], **metadata},
        "spec": spec | ({"taints": taints} if taints else {}),
    }


def fill_disk(pod: str, megabytes: float, namespace: str = "default", profile: str = "ha") -> Fault:
    """Write so many megabytes (at most 200) into an emptyDir of this Pod, as a log that nobody rotates.

    Above the volume's sizeLimit, or the container's limit for ephemeral-storage, the kubelet evicts the Pod; it looks
    about once a minute. Undone, the file is gone.
    """
    cluster, size = _found(profile), arguments.whole("megabytes", megabytes, MOST_MEGABYTES)
    found = cluster.kube.get("pod", pod, namespace)
    path = f"/var/lib/kubelet/pods/{found['metadata']['uid']}/volumes/kubernetes.io~empty-dir/{_volume(found)}/{FILLER}"
    node = found["spec"].get("nodeName", "")
    _cluster_of([node])
    title = _("fill {size} MB of the disk of Pod {pod}").format(size=size, pod=pod)
    return Fault(title, profile, (node,), (("fill", node, path, str(size)),), (("empty", node, path),))


def press_memory(node: str) -> Fault:
    """The node's kubelet takes its memory for short, and evicts one Pod after the other, as where memory really ends.

    Nothing uses more memory than before: the kubelet is restarted with an eviction threshold that no node can meet.
    The first Pod goes after about ten seconds. Undone, the kubelet has its own thresholds again.
    """
    cluster = _cluster_of([node])
    title = _("press the memory of {nodes}").format(nodes=_short([node], cluster))
    return Fault(title, cluster.profile, (node,), (("press", node),), (("release", cluster.profile, node),))


def _volume(pod: dict[str, Any]) -> str:
    """The first emptyDir of the Pod that is on disk."""
    for one in pod["spec"].get("volumes") or []:
        if one.get("emptyDir") is not None and one["emptyDir"].get("medium") != "Memory":
            return str(one["name"])
    raise AcplabError(
        _("Pod {pod} has no emptyDir on disk.").format(pod=pod["metadata"]["name"]),
        _("Give it a volume of kind emptyDir: then what is written there counts for its node's disk."),
    )


def nodes_of_zone(zone: str, cluster: Cluster) -> list[str]:
    """The names of its nodes with this zone label."""
    found = {one["metadata"]["name"]: one["metadata"]["labels"].get(ZONE) for one in cluster.kube.list("node")}
    if names := sorted(name for name, of in found.items() if of == zone):
        return names
    known = ", ".join(sorted({of for of in found.values() if of}))
    raise AcplabError(
        _("No node of {cluster} is in zone {zone}.").format(cluster=cluster.name, zone=zone),
        _("Its zones are: {known}.").format(known=known),
    )


def _filtered(title: str, cluster: Cluster, peers: dict[str, tuple[str, ...]], share: str = "1") -> Fault:
    """Packets dropped by a chain on each node. peers: node -> the addresses that it loses, none for all."""
    key = secrets.token_hex(3)
    do = tuple(("filter", node, key, share, *lost) for node, lost in peers.items())
    undo = tuple(("unfilter", node, key) for node in peers)
    return Fault(title, cluster.profile, tuple(peers), do, undo)


def _each(action: str, names: Iterable[str]) -> tuple[Step, ...]:
    return tuple((action, name) for name in names)


def _short(names: Sequence[str], cluster: Cluster) -> str:
    return ", ".join(map(cluster.short, names))


def _found(profile: str) -> Cluster:
    if cluster := recorded(profile):
        return cluster
    raise AcplabError(
        _("There is no cluster {profile} yet.").format(profile=profile),
        _("Create it with cluster.ensure({profile!r}).").format(profile=profile),
    )


def _cluster_of(names: Sequence[str]) -> Cluster:
    """The cluster of this home that these containers belong to."""
    clusters = [cluster for cluster in map(recorded, made()) if cluster]
    for cluster in clusters:
        if names and set(names) <= set(cluster.addresses):
            ownership.require_own(cluster.name)
            return cluster
    known = sorted(node for cluster in clusters for node in cluster.addresses)
    raise AcplabError(
        _("{names} are not nodes of one cluster of yours.").format(names=", ".join(names) or _("No names")),
        _("Name one or more of: {known}.").format(known=", ".join(known)),
    )


# --- the actions ------------------------------------------------------------------------------------------------------------------


def carry_out(steps: Iterable[Step]) -> None:
    """Do these steps, in order."""
    for action, *objects in steps:
        ACTIONS[action](*objects)


def _restart(cluster: str, node: str, address: str) -> None:
    try:
        nodes.restart_nodes(cluster, {node: address})
    except AcplabError:
        if not freezer.thaw([node]):
            raise
        _restart_thawed(cluster, node, address)


def _restart_thawed(cluster: str, node: str, address: str) -> None:
    """Where Docker has hung, since a `docker exec` in the node was caught by the pause, and the kernel has let all go on."""
    time.sleep(SETTLE_SECONDS)
    if nodes.states(cluster).get(node) == "paused":
        freezer.freeze([node])
    nodes.restart_nodes(cluster, {node: address})


def _aside(node: str, component: str) -> None:
    _shell(node, f"mkdir -p {ASIDE} && mv {MANIFESTS}/{component}.yaml {ASIDE}/")


def _back(node: str, component: str) -> None:
    _shell(node, f"[ ! -f {ASIDE}/{component}.yaml ] || mv {ASIDE}/{component}.yaml {MANIFESTS}/")


def _filter(node: str, key: str, share: str, *peers: str) -> None:
    """In the table raw, before any rule of kube-proxy, for what crosses the node's own interface."""
    chain, by_chance = f"ACPLAB-{key}", "" if share == "1" else f"-m statistic --mode random --probability {share}"
    ends = [f"{end} {peer}" for peer in peers for end in ("-s", "-d")] or [""]
    rules = [f"iptables -w -t raw -A {chain} {end} {by_chance} -j DROP" for end in ends]
    _shell(node, " && ".join([f"iptables -w -t raw -N {chain}", *rules, *_jumps("-I", chain)]))


def _unfilter(node: str, key: str) -> None:
    chain = f"ACPLAB-{key}"
    commands = [*_jumps("-D", chain), f"iptables -w -t raw -F {chain}", f"iptables -w -t raw -X {chain}"]
    _shell(node, "; ".join(f"{command} 2>/dev/null" for command in commands) + "; true")


def _jumps(command: str, chain: str) -> list[str]:
    """What leads packets of the node's own interface into the chain (-I), or no longer (-D)."""
    return [f"iptables -w -t raw {command} {jump} -j {chain}" for jump in ("PREROUTING -i eth0", "OUTPUT -o eth0")]


def _drain(profile: str, node: str, seconds: str) -> None:
    _found(profile).kube.drain(node, float(seconds))


def _uncordon(profile: str, node: str) -> None:
    _found(profile).kube.uncordon(node)


def _delete_node(profile: str, node: str) -> None:
    _found(profile).kube.delete("node", node)


def _register(profile: str, node: str, before: str) -> None:
    """The Node is made before its kubelet is restarted: a kubelet alone would get another Pod CIDR and no taints."""
    cluster = _found(profile)
    if not cluster.kube.exists("node", node):
        cluster.kube.apply(json.loads(before))
        docker.run("exec", node, "systemctl", "restart", "kubelet", timeout=ownership.ANSWER_SECONDS)
    cluster.kube.wait("node", node, timeout=REGISTER_SECONDS)


def _fill(node: str, path: str, megabytes: str) -> None:
    _shell(node, f"head -c {megabytes}M /dev/zero > {shlex.quote(path)}")


def _empty(node: str, path: str) -> None:
    _shell(node, f"rm -f {shlex.quote(path)}")


def _press(node: str) -> None:
    keep = f"cp --no-clobber {KUBELET} {KUBELET_ASIDE}"
    change = f"printf %s {shlex.quote(PRESSING)} | cat {KUBELET_ASIDE} - > {KUBELET}"
    _shell(node, f"{keep} && {change} && systemctl restart kubelet")


def _release(profile: str, node: str) -> None:
    """And wait: as long as the node has the taint, no Pod comes back."""
    _shell(node, f"[ ! -f {KUBELET_ASIDE} ] || {{ mv {KUBELET_ASIDE} {KUBELET} && systemctl restart kubelet; }}")
    _found(profile).kube.wait("node", node, _takes_pods, timeout=REGISTER_SECONDS)


def _takes_pods(node: dict[str, Any]) -> bool:
    return all(one["key"] != MEMORY_TAINT for one in node["spec"].get("taints") or [])


def _shell(node: str, script: str) -> None:
    docker.run("exec", node, "sh", "-c", script, timeout=ownership.ANSWER_SECONDS)


ACTIONS: dict[str, Callable[..., object]] = {
    "pause": lambda node: docker.run("pause", node, timeout=ownership.ANSWER_SECONDS),
    "kill": lambda node: docker.run("kill", node, timeout=ownership.ANSWER_SECONDS),
    "restart": _restart,
    "aside": _aside,
    "back": _back,
    "filter": _filter,
    "unfilter": _unfilter,
    "delete node": _delete_node,
    "register": _register,
    "fill": _fill,
    "empty": _empty,
    "press": _press,
    "release": _release,
    "drain": _drain,
    "uncordon": _uncordon,
}
