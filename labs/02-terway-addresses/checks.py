"""Pods with addresses of the nodes' own network: whose those are, who reaches them, and what happens when they run out."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from acplab import network
from acplab.base.i18n import _
from acplab.grading.checks import Finding, LabView, expect, hint, notes, task
from acplab.topics.release.ingress import addresses, is_ready

SHOP, PINNED_TO = "shop", "cn-hangzhou-h"
REPLICAS, MIN_PER_ZONE, ZONES = 16, 6, 2
NOT_FOR_PODS = 3  # of a slice: host-local keeps the network's own address, the gateway's and the last one
SLICE_MASK = 28  # node-cidr-mask-size of manifests/clusters/terway.yaml
EXAMPLE, TYPE, NODES = "192.168.32.0/19", "ecs.c7.4xlarge", 5  # CSK:BP/集群/Kubernetes集群网络规划.md
CONTROL_PLANE = "node-role.kubernetes.io/control-plane"


@notes
def at_the_start(lab: LabView) -> dict[str, Any]:
    """What stays true when the learner has mended the shop. Reckoned, since its Pods are not placed yet."""
    node, slice_ = pinned_to(lab)
    others = [one for one in lab.list("pod", namespace="*") if one["metadata"]["namespace"] != lab.namespace]
    held = sum(one["spec"].get("nodeName") == node and has_own_network(one) for one in others)
    return {"full": node, "left_out": max(0, REPLICAS - (room(slice_) - held))}


# --- the tasks -------------------------------------------------------------------------------------------


@task("whose-address")
def whose_address(lab: LabView) -> Iterator[Finding]:
    said, vswitch, nodes = noted(lab, "address"), pod_vswitch(lab), node_network(lab)
    ips = shop(lab)
    yield answer(
        said.get("ip"),
        criterion=_("the noted address is the one of the noted Pod of the shop"),
        ok=ips.get(str(said.get("pod"))) == said.get("ip") is not None,
        wanted=_("a Pod with an address, and that address"),
        why=_("A Pod keeps its address as long as it lives; the one that replaces it gets another."),
        look=_('`kube.list("pod", namespace=lab.namespace)`: `metadata.name` and `status.podIP`.'),
    )
    yield answer(
        said.get("vswitch"),
        criterion=_("the noted block is the one that all Pods of the cluster have their addresses from"),
        ok=cidr(said.get("vswitch")) == vswitch,
        wanted=_("the block that stands for the Pod vSwitch, as a CIDR"),
        why=_("Terway takes Pod addresses from Pod vSwitches; a slice of a single node exists only here."),
        look=_("The ConfigMap kubeadm-config in kube-system holds the network plan of the cluster."),
    )
    yield answer(
        said.get("network"),
        criterion=_("the noted network is the one that the nodes stand in, and the Pod's address is part of it"),
        ok=cidr(said.get("network")) == nodes and within(said.get("ip"), nodes),
        wanted=_("the network of the nodes, as a CIDR"),
        why=_("That is the point of Terway: Pods are in the VPC, side by side with the ECS."),
        look=_("`datapath.routes(NODE)`: what does a node reach without a `via`?"),
    )


@task("from-outside")
def from_outside(lab: LabView) -> Iterator[Finding]:
    said, vswitch = noted(lab, "outside"), pod_vswitch(lab)
    ip = shop(lab).get(str(said.get("pod")), "")
    yield answer(
        said.get("pod"),
        criterion=_("the noted Pod is one of the shop and has an address of the Pod vSwitch"),
        ok=within(ip, vswitch),
        wanted=_("the name of the Pod that answered you"),
        why=_("An answer says which Pod it is from. A Service or a node port in between would have chosen one."),
        look=_("The answer is JSON; its field `pod` names who gave it."),
    )
    yield answer(
        said.get("caller"),
        criterion=_("the noted caller is your own machine, at the address that it has in the network of the nodes"),
        ok=said.get("caller") == own_machine(lab),
        wanted=_("the address in `from` of the Pod's log, without its port"),
        why=_("No address was translated: the Pod sees the machine itself that asks."),
        look=_("`kube.logs(POD, lab.namespace)`: each request is a line, with its path and where it came from."),
    )


@task("why-pending")
def why_pending(lab: LabView) -> Iterator[Finding]:
    said = noted(lab, "shortage")
    now = len(left_out(lab))
    yield answer(
        said.get("without"),
        criterion=_("the noted number of Pods without an address is the one of the start"),
        ok=number(said.get("without")) in {lab.recall("left_out"), now or None} - {None},
        wanted=_("how many of the {n} Pods had none").format(n=REPLICAS),
        why=_("A Deployment that is nearly complete looks well from afar."),
        look=_("Which Pods have no `status.podIP`? Give the others some seconds first."),
    )
    yield answer(
        said.get("node"),
        criterion=_("the noted node is the one whose slice is used up"),
        ok=said.get("node") is not None and said.get("node") == lab.recall("full"),
        wanted=_("the node's whole name"),
        why=_("Each node hands out addresses of its own slice, and knows of no other."),
        look=_("The event of a waiting Pod names a range of addresses. `datapath.node_ranges()` tells whose it is."),
    )
    yield answer(
        said.get("addresses"),
        criterion=_("the noted number of addresses is what a slice has for Pods"),
        ok=number(said.get("addresses")) == room(pinned_to(lab)[1]),
        wanted=_("a number: the size of a slice, without what no Pod may have"),
        why=_("Not every address of a range can be given away, neither here nor in a vSwitch."),
        look=_("The first and the last address of the range in the event, and the gateway of a Pod's own route table."),
    )


@task("spread")
def spread(lab: LabView) -> Iterator[Finding]:
    found, vswitch = servers(lab), pod_vswitch(lab)
    yield expect(
        criterion=_("at least {n} Pods stand ready behind the Service {name}").format(n=REPLICAS, name=SHOP),
        ok=len(found) >= REPLICAS,
        found=_("{n} ready").format(n=len(found)),
        wanted=_("{n} or more").format(n=REPLICAS),
        why=_("The shop was planned for so many. Fewer replicas hide the shortage, and the customers wait."),
        look=_("Where are the Pods that are not ready, and what do their events say?"),
    )
    by_zone = Counter(one.zone for one in found)
    enough = [zone for zone, n in by_zone.items() if n >= MIN_PER_ZONE]
    yield expect(
        criterion=_("each of the two zones has at least {n} of them").format(n=MIN_PER_ZONE),
        ok=len(enough) >= ZONES,
        found=by_zones(by_zone),
        wanted=_("{n} or more in each").format(n=MIN_PER_ZONE),
        why=_("Each zone has a Pod vSwitch of its own, and a zone may fail."),
        look=_("The `nodeName` of each Pod, and the zone of that node in `datapath.node_ranges()`."),
    )
    waiting = left_out(lab)
    yield expect(
        criterion=_("no Pod of the lab waits for an address"),
        ok=not waiting,
        found=_("{n} wait").format(n=len(waiting)),
        wanted=_("none"),
        why=_("A Pod in ContainerCreating counts for nothing, and keeps the release unfinished."),
        look=_('`kube.events("pod", NAME, lab.namespace)` of one that waits. A rollout takes up to a minute.'),
    )
    strange = [one.name for one in found if not within(one.ip, vswitch)]
    yield expect(
        gate=True,
        criterion=_("each of them has an address of the Pod vSwitch"),
        ok=found and not strange,
        found=_("not so: {names}").format(names=", ".join(strange)) if strange else _("all of them"),
        wanted=_("all of them"),
        why=_("A Pod in the network of its host needs no address of its own, and gives up its own ports for it."),
        look=_("`status.podIP` of these Pods."),
    )
    yield from _answers(lab, found)


def _answers(lab: LabView, found: list[Server]) -> Iterator[Finding]:
    """Each Pod is asked from each zone: one that answers its neighbours only would be of no use."""
    for zone, silent, said in asked(lab, found):
        yield expect(
            gate=True,
            criterion=_("asked from {zone}, each of them answers").format(zone=zone),
            ok=not silent,
            found=said,
            wanted=_("{all} of {all} answer").format(all=len(found)),
            why=_("An address alone serves no customer."),
            look=_('`kube.exec(POD, ["storefront", "get", "http://ADDRESS:8080/"], lab.namespace)` from Pod to Pod.'),
        )


@task("plan-it")
def plan_it(lab: LabView) -> Iterator[Finding]:
    said, vswitch = noted(lab, "plan"), pod_vswitch(lab)
    yield answer(
        said.get("slices"),
        criterion=_("the noted number of slices is what the Pod vSwitch of this cluster is cut into"),
        ok=number(said.get("slices")) == 1 << (SLICE_MASK - vswitch.prefixlen),
        wanted=_("how many nodes this cluster could have at most"),
        why=_("One node more, and there is no slice for it, though many addresses are free."),
        look=_("The prefix of the whole block, and the prefix of a slice: 2 to the power of their difference."),
    )
    yield answer(
        said.get("example_nodes"),
        criterion=_("the noted number of nodes is what {cidr} has addresses for").format(cidr=EXAMPLE),
        ok=number(said.get("example_nodes")) == network.usable(EXAMPLE) // pods_per_node(),
        wanted=_("so many nodes that all their Pods get addresses, and one node more would be too many"),
        why=_("The Pods that a node can have are given by its ENIs; the vSwitch must have that many for each."),
        look=_("`network.terway_pods`, and `network.usable`, which knows what the cloud keeps for itself."),
    )
    yield answer(
        said.get("prefix"),
        criterion=_("the noted mask is the one of the smallest Pod vSwitch that serves {n} such nodes").format(n=NODES),
        ok=number(said.get("prefix")) == smallest(NODES * pods_per_node()),
        wanted=_("a prefix such as 24; the larger it is, the smaller the vSwitch"),
        why=_("A vSwitch cannot grow afterwards, and what it takes from the VPC no other one can have."),
        look=_("Try prefixes one after the other: `network.usable` of each, against the Pods of {n} nodes.").format(
            n=NODES
        ),
    )


def answer(said: Any, **finding: Any) -> Finding:
    """A finding about something that the learner has noted."""
    found = _("nothing is noted") if said is None else _("noted: {said}").format(said=said)
    return expect(found=found, **finding)


# --- hints -----------------------------------------------------------------------------------------------


@hint("whose-address")
def hint_whose_address(lab: LabView) -> tuple[str, str]:
    said = noted(lab, "address")
    missing = [key for key in ("pod", "ip", "vswitch", "network") if key not in said]
    if missing:
        return (
            _("Not noted yet, under the key address: {keys}.").format(keys=", ".join(missing)),
            _("Two of the four are in the Pod, one in the plan of the cluster, and one in the route table of a node."),
        )
    inside = [key for key in ("vswitch", "network") if (block := cidr(said[key])) and within(said["ip"], block)]
    return (
        _("Is each of the two blocks a CIDR, and does each of them hold the address?"),
        _("{ip} is in: {inside}. The slice of a node is smaller than the Pod vSwitch, and that one is a part of the network.").format(
            ip=said["ip"], inside=", ".join(f"{key} {said[key]}" for key in inside) or _("none of them")
        ),
    )  # fmt: skip


@hint("from-outside")
def hint_from_outside(lab: LabView) -> tuple[str, str]:
    said = noted(lab, "outside")
    if "pod" not in said or "caller" not in said:
        return (
            _("Two things are to be noted under the key outside: pod and caller."),
            _("Ask one of these from your machine, port 8080: {ips}. Then read the log of the Pod that answered.").format(
                ips=", ".join(list(shop(lab).values())[:3]) or _("no Pod has an address")
            ),
        )  # fmt: skip
    if str(said["pod"]) not in shop(lab):
        return (
            _("The shop has no Pod {name} with an address now.").format(name=said["pod"]),
            _("It has, for example, {names}. Has a rollout replaced yours? Then ask again.").format(
                names=", ".join(list(shop(lab))[:3]) or _("none")
            ),
        )
    return (
        _("The Pod is one of the shop. Where in its log did you find the caller {ip}?").format(ip=said["caller"]),
        _("{ip}: {what}. Take the line with the path that you asked for; the probes of the node are not logged.").format(
            ip=said["caller"], what=what_is(lab, said["caller"])
        ),
    )  # fmt: skip


@hint("why-pending")
def hint_why_pending(lab: LabView) -> tuple[str, str]:
    waiting = left_out(lab)
    if not waiting:
        return (
            _("No Pod waits for an address any more. What you wrote down before you mended it is what counts."),
            _("`lab.reset()` brings the shortage back. There were {n} Pods and one slice.").format(n=REPLICAS),
        )
    name = waiting[0]["metadata"]["name"]
    return (
        _("{n} Pods have no address now. Read the events of {name}.").format(n=len(waiting), name=name),
        _("The last one says: {event}. Count the addresses of that range, and take away what no Pod has got.").format(
            event=ending(lab.events("pod", name))
        ),
    )


@hint("spread")
def hint_spread(lab: LabView) -> tuple[str, str]:
    found, waiting = servers(lab), left_out(lab)
    by_zone = Counter(one.zone for one in found)
    first = _("{n} Pods are ready behind the Service: {zones}. {m} wait for an address.").format(
        n=len(found), zones=by_zones(by_zone), m=len(waiting)
    )
    if waiting:
        places = Counter(one["spec"]["nodeName"] for one in waiting)
        return first, _("Those that wait are on {places}. Free addresses in the slices: {free}.").format(
            places=", ".join(f"{node} ({n})" for node, n in sorted(places.items())), free=free(lab)
        )
    if len(found) < REPLICAS:
        return first, missing(lab)
    if min(by_zone.values()) < MIN_PER_ZONE or len(by_zone) < ZONES:
        return first, _(
            "Enough are ready, and one zone has too few. Which nodes may the Pods have? And while a rollout runs, the "
            "Pods of the old template count for the scheduler too, unless the constraint says otherwise."
        )
    return first, _("All are placed well, so ask them. What came back: {said}.").format(
        said="; ".join(f"{zone}: {said}" for zone, _silent, said in asked(lab, found))
    )


@hint("plan-it")
def hint_plan_it(lab: LabView) -> tuple[str, str]:
    said = noted(lab, "plan")
    missing = [key for key in ("slices", "example_nodes", "prefix") if number(said.get(key)) is None]
    if missing:
        return (
            _("Not noted yet as a number, under the key plan: {keys}.").format(keys=", ".join(missing)),
            _("First find out how many Pods one {type} can have; `network.terway_pods` knows the formula.").format(
                type=TYPE
            ),
        )
    return (
        _("Three numbers are noted: {said}. Reckon backwards: does each of them fit, and the next one not?").format(
            said=", ".join(f"{key} {said[key]}" for key in ("slices", "example_nodes", "prefix"))
        ),
        _(
            "{n} nodes can have {pods} Pods, and {cidr} has {usable} addresses to give away. Your vSwitch of /{prefix} has {own}."
        ).format(
            n=said["example_nodes"],
            pods=number(said["example_nodes"]) * pods_per_node(),
            cidr=EXAMPLE,
            usable=network.usable(EXAMPLE),
            prefix=number(said["prefix"]),
            own=own_size(number(said["prefix"])),
        ),
    )


# --- looking ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Server:
    """A Pod that stands ready behind the Service. end: "IP:PORT"; zone: of its node."""

    name: str
    ip: str
    end: str
    zone: str


def servers(lab: LabView) -> list[Server]:
    ends = {end.rsplit(":", 1)[0]: end for end in addresses(lab, SHOP)}
    zones = {block.node: block.zone for block in lab.blocks()}
    return [
        Server(one["metadata"]["name"], ip, ends[ip], zones.get(one["spec"]["nodeName"], ""))
        for one in lab.list("pod")
        if is_ready(one) and (ip := one["status"].get("podIP")) in ends
    ]


def asked(lab: LabView, found: list[Server]) -> Iterator[tuple[str, list[str], str]]:
    """(zone, the Pods that do not answer well, what came back in words) when a Pod of each zone asks all of them."""
    askers = {one.zone: one for one in reversed(found)}
    for zone, asker in sorted(askers.items()):
        ok, text = lab.ask(asker.name, "get", "-timeout", "1s", *(f"http://{one.end}/" for one in found))
        good = {body.get("pod") for body in bodies(text)} if ok else set()
        silent = [one.name for one in found if one.name not in good]
        said = _("{n} of {all} answer").format(n=len(found) - len(silent), all=len(found)) if ok else text
        yield zone, silent, said


def missing(lab: LabView) -> str:
    """Why there are not more Pods, in words."""
    pods = [one for one in lab.list("pod") if not is_ready(one)]
    if not pods:
        wanted = sum(one["spec"].get("replicas", 1) for one in lab.list("deployment"))
        return _("None is on its way either: the Deployments of the lab ask for {n}.").format(n=wanted)
    said = [event for one in pods for event in lab.events("pod", one["metadata"]["name"])]
    return _("{n} are not ready. The last event of theirs: {event}.").format(n=len(pods), event=ending(said))


def shop(lab: LabView) -> dict[str, str]:
    """Pod -> its address, of all Pods of the lab that have one."""
    return {one["metadata"]["name"]: ip for one in lab.list("pod") if (ip := one["status"].get("podIP"))}


def left_out(lab: LabView) -> list[dict[str, Any]]:
    """The Pods of the lab that have a node and no address."""
    return [
        one
        for one in lab.list("pod")
        if one["spec"].get("nodeName")
        and not one["status"].get("podIP")
        and not one["metadata"].get("deletionTimestamp")
    ]


def has_own_network(pod: dict[str, Any]) -> bool:
    """Whether a Pod holds an address of its node's slice, or will."""
    return not pod["spec"].get("hostNetwork") and pod["status"].get("phase") not in ("Succeeded", "Failed")


def pinned_to(lab: LabView) -> tuple[str, str]:
    """The one node on which the shop's Pods could be placed at the start, and its slice."""
    workers = {one["metadata"]["name"] for one in lab.list("node") if CONTROL_PLANE not in one["metadata"]["labels"]}
    return next((one.node, one.cidr) for one in lab.blocks() if one.node in workers and one.zone == PINNED_TO)


def room(slice_: str) -> int:
    """How many Pods a node's slice has addresses for."""
    return IPv4Network(slice_).num_addresses - NOT_FOR_PODS


def free(lab: LabView) -> str:
    """The nodes with what is left in their slices, in words."""
    held = Counter(one["spec"].get("nodeName") for one in lab.list("pod", namespace="*") if one["status"].get("podIP")
                   and has_own_network(one))  # fmt: skip
    return ", ".join(f"{block.node} {room(block.cidr) - held[block.node]}" for block in lab.blocks())


def pod_vswitch(lab: LabView) -> IPv4Network:
    """The block of all Pods of the cluster, as kubeadm was told."""
    config = lab.get("configmap", "kubeadm-config", "kube-system") or {"data": {}}
    found = re.search(r"podSubnet: (\S+)", config["data"].get("ClusterConfiguration", ""))
    return IPv4Network(found[1] if found else "0.0.0.0/32")


def node_network(lab: LabView) -> IPv4Network:
    """The network that a node reaches without a next hop, and stands in itself."""
    node = lab.blocks()[0]
    direct = [cidr(route.to) for route in lab.routes(node.node) if not route.via]
    return next(block for block in direct if block and block.prefixlen < 32 and within(node.address, block))


def own_machine(lab: LabView) -> str:
    """The address of this machine in the network of the nodes: it is their way out, as Docker makes such networks."""
    return next(route.via for route in lab.routes(lab.blocks()[0].node) if route.to == "default")


def what_is(lab: LabView, ip: Any) -> str:
    """What an address stands for, in words."""
    nodes = node_network(lab)
    if not within(ip, nodes):
        return _("no address in {network}").format(network=nodes)
    if str(ip) in {block.address for block in lab.blocks()}:
        return _("a node of the cluster")
    if within(ip, pod_vswitch(lab)):
        return _("an address of the Pod vSwitch")
    return _("your own machine") if ip == own_machine(lab) else _("nobody of this cluster, and not your machine")


def ending(events: list[str]) -> str:
    """The last event, without what comes before the plug-in's own words."""
    return events[-1].rpartition("(add): ")[2] if events else _("nothing yet")


def by_zones(counts: Counter[str]) -> str:
    return ", ".join(f"{zone} {n}" for zone, n in sorted(counts.items())) or _("none")


def bodies(text: str) -> Iterator[dict[str, Any]]:
    """The JSON of each good answer; such a line reads "200 v1 {...}"."""
    for line in text.splitlines():
        code, _version, body = [*line.split(" ", 2), "", ""][:3]
        if code == "200" and body.startswith("{"):
            yield json.loads(body)


def pods_per_node() -> int:
    return network.terway_pods(TYPE, "shared")


def smallest(addresses_wanted: int) -> int:
    """The longest prefix of a vSwitch with so many addresses for use."""
    return next(prefix for prefix in range(29, 7, -1) if network.usable(f"10.0.0.0/{prefix}") >= addresses_wanted)


def own_size(prefix: int) -> str:
    """How many addresses a vSwitch of this prefix has for use, in words."""
    return str(network.usable(f"10.0.0.0/{prefix}")) if 8 <= prefix <= 32 else _("no size at all")


def noted(lab: LabView, key: str) -> dict[str, Any]:
    """What the learner has noted under a key, without what was left empty."""
    said = lab.recall(key)
    return {name: value for name, value in said.items() if value not in ("", 0, None)} if isinstance(said, dict) else {}


def number(said: Any) -> Any:
    """A whole number, also written as "/21"; None for anything else."""
    found = re.fullmatch(r"/?(\d{1,6})(\.0)?", str(said).strip())
    return int(found[1]) if found else None


def cidr(text: Any) -> IPv4Network | None:
    try:
        return IPv4Network(str(text))
    except ValueError:
        return None


def within(ip: Any, block: IPv4Network) -> bool:
    try:
        return IPv4Address(str(ip)) in block
    except ValueError:
        return False
