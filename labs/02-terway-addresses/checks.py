"""Pods with addresses of the nodes' own network: whose those are, who reaches them, and what happens when they run out."""

from collections import Counter
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from acplab import network
from acplab.grading import LabView, Results, at_start, diagnose, expect, hint, task

SHOP, PINNED_TO = "shop", "cn-hangzhou-h"
REPLICAS, MIN_PER_ZONE, ZONES = 16, 6, 2
NEVER = 3  # addresses of a node's Pod CIDR that no Pod gets: the network's, the gateway's and the last one
EXAMPLE, TYPE, NODES = "192.168.32.0/19", "ecs.c7.4xlarge", 5  # CSK:BP/集群/Kubernetes集群网络规划.md
CONTROL_PLANE = "node-role.kubernetes.io/control-plane"


@at_start
def shortage(lab: LabView) -> dict[str, Any]:
    """What stays true when the learner has repaired the shop. Calculated, since its Pods are just being made."""
    node, cidr = pinned_to(lab)
    others = [pod for pod in lab.list("pod", namespace="*") if pod["metadata"]["namespace"] != lab.namespace]
    held = sum(pod["spec"].get("nodeName") == node and takes_address(pod) for pod in others)
    return {"full": node, "left_out": max(0, REPLICAS - (room(cidr) - held))}


@task("whose-address")
def whose_address(lab: LabView) -> Results:
    pods = in_vswitch(lab)
    yield expect.noted(lab, "address.pod", list(pods))
    yield expect.noted(lab, "address.ip", pods.get(lab.noted("address.pod")))
    yield expect.noted(lab, "address.vswitch", lab.pod_cidr())
    yield expect.noted(lab, "address.network", node_network(lab))


@task("from-outside")
def from_outside(lab: LabView) -> Results:
    yield expect.noted(lab, "outside.pod", list(in_vswitch(lab)))
    yield expect.noted(lab, "outside.caller", own_machine(lab))


@task("why-pending")
def why_pending(lab: LabView) -> Results:
    now = len(without_address(lab)) or None
    yield expect.noted(lab, "shortage.without", [lab.recall("left_out"), now], n=REPLICAS)
    yield expect.noted(lab, "shortage.node", lab.recall("full"))
    yield expect.noted(lab, "shortage.addresses", room(pinned_to(lab)[1]))


@task("spread")
def spread(lab: LabView) -> Results:
    lab.settle()  # the Service hears of a ready Pod a moment later
    found, zones = servers(lab), by_zone(lab)
    yield expect.addresses_in(lab, found.values(), lab.pod_cidr(), at_least=REPLICAS, text="ready")
    yield expect.met("each-zone", len(large_zones(lab)) >= ZONES, counts(lab), n=MIN_PER_ZONE)
    waiting = without_address(lab)
    yield expect.met("none-waits", lab.pods(ready=False) and not waiting, len(waiting))
    # A Pod of each zone asks all: one that answers its neighbours only would be of no use.
    askers = [pods[0] for pods in zones.values()] if len(zones) >= ZONES else []
    yield expect.all_reach_all(lab, askers, list(found), text="answered")


@task("plan-it")
def plan_it(lab: LabView) -> Results:
    mask = IPv4Network(lab.node_ranges()[0].cidr).prefixlen
    yield expect.noted(lab, "plan.nodes", 2 ** (mask - IPv4Network(lab.pod_cidr()).prefixlen))
    yield expect.noted(lab, "plan.example_nodes", network.usable(EXAMPLE) // pods_per_node(), cidr=EXAMPLE)
    yield expect.noted(lab, "plan.prefix", smallest(NODES * pods_per_node()), n=NODES)


# --- what there is ---------------------------------------------------------------------------------------


def in_vswitch(lab: LabView) -> dict[str, str]:
    """Pod -> its address, of the Pods of the lab that have one of the Pod vSwitch; not those with their node's."""
    vswitch = IPv4Network(lab.pod_cidr())
    addresses = {pod["metadata"]["name"]: pod["status"].get("podIP") for pod in lab.pods(ready=False)}
    return {name: ip for name, ip in addresses.items() if ip and IPv4Address(ip) in vswitch}


def without_address(lab: LabView) -> list[dict[str, Any]]:
    return [pod for pod in lab.pods(ready=False) if not pod["status"].get("podIP")]


def servers(lab: LabView) -> dict[str, dict[str, Any]]:
    """ "ADDRESS:PORT" -> Pod, of the ready Pods behind the Service."""
    pods = {pod["status"].get("podIP"): pod for pod in lab.pods()}
    return {end: pods[ip] for end in lab.endpoints(SHOP) if (ip := end.rpartition(":")[0]) in pods}


def by_zone(lab: LabView) -> dict[str, list[str]]:
    """Zone -> its Pods behind the Service."""
    zone_of = {one.node: one.zone for one in lab.node_ranges()}
    found: dict[str, list[str]] = {}
    for pod in servers(lab).values():
        found.setdefault(zone_of.get(pod["spec"]["nodeName"], ""), []).append(pod["metadata"]["name"])
    return dict(sorted(found.items()))


def large_zones(lab: LabView) -> list[str]:
    return [zone for zone, pods in by_zone(lab).items() if len(pods) >= MIN_PER_ZONE]


def takes_address(pod: dict[str, Any]) -> bool:
    """Whether a Pod holds an address of its node's Pod CIDR, or will."""
    return not pod["spec"].get("hostNetwork") and pod["status"].get("phase") not in ("Succeeded", "Failed")


def pinned_to(lab: LabView) -> tuple[str, str]:
    """The one node that the shop's Pods can have at the start, and its Pod CIDR."""
    workers = {one["metadata"]["name"] for one in lab.list("node") if CONTROL_PLANE not in one["metadata"]["labels"]}
    return next((one.node, one.cidr) for one in lab.node_ranges() if one.node in workers and one.zone == PINNED_TO)


def room(cidr: str) -> int:
    """How many Pods a node's Pod CIDR has addresses for."""
    return IPv4Network(cidr).num_addresses - NEVER


def node_network(lab: LabView) -> IPv4Network:
    """The network that the nodes are in: a node reaches it without a next hop."""
    node = lab.node_ranges()[0]
    direct = [IPv4Network(route.to) for route in lab.routes(node.node) if not route.via and "/" in route.to]
    return next(one for one in direct if IPv4Address(node.address) in one)


def own_machine(lab: LabView) -> str:
    """The address of this machine in the network of the nodes: it is their default gateway, as Docker makes networks."""
    return next(route.via for route in lab.routes(lab.node_ranges()[0].node) if route.to == "default")


def pods_per_node() -> int:
    return network.terway_pods(TYPE, "shared")


def smallest(addresses: int) -> int:
    """The longest prefix of a vSwitch that has so many addresses for use."""
    return next(prefix for prefix in range(29, 7, -1) if network.usable(f"0.0.0.0/{prefix}") >= addresses)


# --- hints -----------------------------------------------------------------------------------------------


def counts(lab: LabView) -> str:
    return ", ".join(f"{zone}: {len(pods)}" for zone, pods in by_zone(lab).items()) or "-"


def some(lab: LabView) -> str:
    """Three Pods with their addresses."""
    return ", ".join(f"{name} {ip}" for name, ip in list(in_vswitch(lab).items())[:3]) or "-"


def is_strange(lab: LabView) -> bool:
    """Whether the Pod that is noted has no address of the Pod vSwitch."""
    noted = lab.noted("outside.pod")
    return noted is not None and noted not in in_vswitch(lab)


def holds_it(lab: LabView) -> str:
    """Which of the two noted ranges hold the noted address."""
    ip = lab.noted("address.ip")
    ranges = {name: lab.noted(f"address.{name}") for name in ("vswitch", "network")}
    return ", ".join(name for name, one in ranges.items() if ip and one and IPv4Address(ip) in IPv4Network(one)) or "-"


def places(lab: LabView) -> str:
    """The nodes of the Pods without an address."""
    found = Counter(pod["spec"].get("nodeName", "-") for pod in without_address(lab))
    return ", ".join(f"{node}: {n}" for node, n in sorted(found.items())) or "-"


def free(lab: LabView) -> str:
    """What is left in the Pod CIDR of each node."""
    pods = [pod for pod in lab.list("pod", namespace="*") if pod["status"].get("podIP") and takes_address(pod)]
    held = Counter(pod["spec"]["nodeName"] for pod in pods)
    return ", ".join(f"{one.node}: {room(one.cidr) - held[one.node]}" for one in lab.node_ranges())


def last_words(lab: LabView) -> str:
    """The last event of a Pod without an address, from where the network plug-in speaks."""
    return diagnose.last_event(lab, without_address(lab)[0]).rpartition("(add): ")[2]


def wanted_now(lab: LabView) -> int:
    return sum(one["spec"].get("replicas", 1) for one in lab.list("deployment"))


def heard(lab: LabView) -> str:
    return "; ".join(lab.answers(pods[0], list(servers(lab))).text for pods in by_zone(lab).values())


def nothing_planned(lab: LabView) -> bool:
    return any(lab.noted(path) is None for path in lab.fields("plan"))


def own_size(lab: LabView) -> int:
    return network.usable(f"0.0.0.0/{lab.noted('plan.prefix')}")


seen = {"n": lambda lab: len(servers(lab)), "zones": counts, "waiting": lambda lab: len(without_address(lab))}

hint("whose-address", diagnose.notes("address", then="two-ranges", inside=holds_it))
hint(
    "from-outside",
    diagnose.say("ask-one", when=lambda lab: not lab.recall("outside"), some=some),
    diagnose.say("no-such-pod", when=is_strange, pod=lambda lab: lab.noted("outside.pod"), some=some),
    diagnose.notes("outside", then="who-asked", network=node_network, vswitch=lambda lab: lab.pod_cidr()),
)
hint(
    "why-pending",
    diagnose.say("too-late", when=lambda lab: not without_address(lab), n=REPLICAS),
    diagnose.notes("shortage", then="read-event", event=last_words, **seen),
)
hint(
    "spread",
    diagnose.say("full-node", when=without_address, places=places, free=free, **seen),
    diagnose.pods(),
    diagnose.say("too-few", when=lambda lab: len(servers(lab)) < REPLICAS, wanted=wanted_now, **seen),
    diagnose.say("one-zone", when=lambda lab: len(large_zones(lab)) < ZONES, **seen),
    diagnose.say("placed-well", heard=heard, **seen),
)
hint(
    "plan-it",
    diagnose.say("pods-first", when=nothing_planned, type=TYPE),
    diagnose.notes(
        "plan",
        then="backwards",
        n=lambda lab: lab.noted("plan.example_nodes"),
        pods=lambda lab: lab.noted("plan.example_nodes") * pods_per_node(),
        cidr=EXAMPLE,
        usable=network.usable(EXAMPLE),
        prefix=lambda lab: lab.noted("plan.prefix"),
        own=own_size,
    ),
)
