"""A node's Pod CIDR that is too small: which Pods have an address, which wait, and a cluster by a better plan."""

from ipaddress import IPv4Address, IPv4Network
from typing import Any

from acplab import network
from acplab.grading import LabView, Results, Words, at_start, diagnose, expect, hint, task

SHOP, EVERYWHERE = "app=shop", "*"
NEVER = 3  # addresses of a node's Pod CIDR that no Pod gets: the network's, the gateway's and the last one
SYSTEM = 3  # Pods of the system that may be on a node: two of CoreDNS, one that provides volumes
PODS = 8
PREFIX = 19  # a larger Pod CIDR the shop does not get
# What the shop says. The office and the factory have, among much else, all ranges that acplab's own Docker network may
# take: a plan that meets them could not be built.
BRIEF = network.Brief(
    network.Request(
        vpc="192.168.0.0/16",
        nodes=1,
        nodes_later=40,
        pods_per_node=60 + SYSTEM,
        services=200,
        neighbours=(
            network.Neighbour("office", "vpc", ("172.16.0.0/12",)),
            network.Neighbour("factory", "idc", ("10.192.0.0/10",)),
        ),
    ),
    keep=("vpc", "plugin"),
)


@at_start
def shortage(lab: LabView) -> dict[str, Any]:
    """What is short on the cluster that the lab began with; nothing on a cluster that has room for all.

    The Pods of the shop are just being made, so they are counted by their Deployments. Others have the node's address.
    """
    size = node_range(lab).num_addresses
    wanted = sum(one["spec"]["replicas"] for one in lab.list("deployment", namespace=EVERYWHERE))
    room = size - NEVER
    return {"start": {"addresses": size, "held": room, "waiting": wanted - room}} if wanted > room else {}


@task("diagnose")
def diagnosis(lab: LabView) -> Results:
    truth = lab.recall("start") or {}
    for path in ("diagnosis.addresses", "diagnosis.held", "diagnosis.waiting"):
        yield expect.noted(lab, path, truth.get(path.partition(".")[2]))
    yield expect.noted(lab, "diagnosis.cause", "plan" if truth else None)


@task("plan")
def plan(lab: LabView) -> Results:
    planned = network.recorded_plan(lab, "plan")
    yield network.plan_keeps(planned, BRIEF, text="keeps")
    yield network.plan_holds(planned, BRIEF, text="holds")
    yield expect.met(
        "thrifty", planned and thrifty(planned), planned.pod_cidr if planned else "-", f"/{PREFIX}", n=PREFIX
    )
    yield expect.met("room", planned and room(planned) >= BRIEF.wish.pods_per_node, room(planned) if planned else "-",
                     BRIEF.wish.pods_per_node, never=NEVER)  # fmt: skip


@task("rebuild")
def rebuild(lab: LabView) -> Results:
    planned = network.recorded_plan(lab, "plan")
    yield expect.met("good-plan", planned and is_good(planned), planned.pod_cidr if planned else "-")
    there = ", ".join(f"{one.node}: {one.cidr}" for one in lab.node_ranges())
    wanted = f"/{planned.node_mask} inside {planned.pod_cidr}" if planned else "-"
    yield expect.met("node-range", planned and built_by(lab, planned), there, wanted)
    strangers = outside(lab, planned.service_cidr) if planned else ["-"]
    yield expect.met("services", not strangers, ", ".join(strangers) or "-", planned.service_cidr if planned else "-")


@task("run")
def run(lab: LabView) -> Results:
    pods = lab.pods(SHOP)
    yield expect.ready_pods(lab, at_least=PODS, text="all-ready", selector=SHOP)
    ranges = {one.node: one.cidr for one in lab.node_ranges()}
    yield expect.addresses_in(lab, pods, ranges, at_least=PODS, text="own-addresses")
    others = [f"{address(pod)}:8080" for pod in pods[1:]] if len(pods) >= PODS else []
    yield expect.all_reach_all(lab, [pod["metadata"]["name"] for pod in pods[:1]], others, text="one-reaches-all")


@task("headroom")
def headroom(lab: LabView) -> Results:
    truth = left(lab)
    for path in ("headroom.addresses", "headroom.nodes"):
        yield expect.noted(lab, path, truth.get(path.partition(".")[2]))


# --- what there is ---------------------------------------------------------------------------------------


def node_range(lab: LabView) -> IPv4Network:
    return IPv4Network(lab.node_ranges()[0].cidr)


def address(pod: dict[str, Any]) -> str:
    return pod["status"].get("podIP") or ""


def thrifty(planned: network.Plan) -> bool:
    return bool(planned.pod_cidr) and planned.pod_cidr.prefix >= PREFIX


def room(planned: network.Plan) -> int:
    """Pods of a node that its Pod CIDR has addresses for; with Terway a node has none."""
    return network.flannel_pods(planned.node_mask) - NEVER if planned.node_mask else 0


def is_good(planned: network.Plan) -> bool:
    return thrifty(planned) and room(planned) >= BRIEF.wish.pods_per_node and BRIEF.fits(planned)


def built_by(lab: LabView, planned: network.Plan) -> bool:
    """Whether each node's Pod CIDR has the plan's mask and is a part of the plan's Pod CIDR."""
    ranges = [network.Range(one.cidr) for one in lab.node_ranges()]
    return all(one.prefix == planned.node_mask and one.within(planned.pod_cidr) for one in ranges)


def outside(lab: LabView, cidr: str) -> list[str]:
    """ "NAME ADDRESS" of each Service whose address is not in the range; headless ones have none."""
    services = {one["metadata"]["name"]: one["spec"].get("clusterIP", "") for one in lab.list("service", namespace="*")}
    inside = IPv4Network(cidr)
    return [f"{name} {ip}" for name, ip in services.items() if ip not in ("", "None") and IPv4Address(ip) not in inside]


def held(lab: LabView) -> int:
    """How many Pods of the cluster hold an address of the node's Pod CIDR."""
    pods = [pod for pod in lab.list("pod", namespace=EVERYWHERE) if pod["status"]["phase"] in ("Pending", "Running")]
    return sum(IPv4Address(address(pod)) in node_range(lab) for pod in pods if address(pod))


def left(lab: LabView) -> dict[str, int]:
    """The right answer of the last task; nothing as long as the cluster is not built by the plan."""
    planned = network.recorded_plan(lab, "plan")
    if planned is None or not built_by(lab, planned):
        return {}
    addresses = node_range(lab).num_addresses - NEVER - held(lab)
    return {"addresses": addresses, "nodes": network.flannel_nodes(planned.pod_cidr, planned.node_mask)}


# --- hints -----------------------------------------------------------------------------------------------


def another_cluster(lab: LabView) -> bool:
    return node_range(lab).num_addresses != (lab.recall("start") or {}).get("addresses")


def stuck(lab: LabView) -> Words | None:
    """What the Pods without an address say, as long as nothing is noted."""
    pods = [pod for pod in lab.pods(ready=False) if not address(pod)]
    if lab.recall("diagnosis") or not pods:
        return None
    return Words("stuck", {"n": len(pods), "event": diagnose.last_event(lab, pods[0])})


def plan_lacks(lab: LabView) -> Words | None:
    planned = network.recorded_plan(lab, "plan")
    if planned is None or is_good(planned):
        return None
    values = {"cidr": planned.pod_cidr, "prefix": PREFIX, "mask": planned.node_mask, "n": room(planned),
              "wanted": BRIEF.wish.pods_per_node}  # fmt: skip
    return Words("room" if thrifty(planned) else "thrifty", values)


not_rebuilt = diagnose.say(
    "not-rebuilt", when=lambda lab: not left(lab), there=lambda lab: ", ".join(one.cidr for one in lab.node_ranges())
)
no_plan = diagnose.say("no-plan", when=lambda lab: lab.recall("plan") is None, n=SYSTEM)
plan_ladders = (network.recorded_plan_hint("plan", BRIEF), plan_lacks)

hint(
    "diagnose",
    diagnose.say("another-cluster", when=another_cluster),
    stuck,
    diagnose.notes("diagnosis", then="count", cidr=node_range, node=lambda lab: lab.node_ranges()[0].address),
)
hint("plan", no_plan, *plan_ladders)
hint("rebuild", no_plan, *plan_ladders, not_rebuilt)
hint("run", diagnose.pods(SHOP), diagnose.say("too-few", n=lambda lab: len(lab.pods(SHOP)), wanted=PODS))
hint("headroom", no_plan, not_rebuilt, diagnose.notes("headroom", then="count-again", cidr=node_range, n=held))
