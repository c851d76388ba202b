"""The rules of a network plan (CSK:BP/集群/Kubernetes集群网络规划.md, unless a rule names another source).

A rule finds what is broken and which fields could be chosen again to cure it. What they could be, repairs.py finds out;
how it is said, messages.py knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations, islice

from acplab.topics.network import capacity
from acplab.topics.network.findings import Finding, NamedRange, PlanRanges, TheirRange
from acplab.topics.network.ranges import Range
from acplab.topics.network.request import Neighbour, Plugin, Request, Role, VSwitch

PRIVATE = tuple(Range(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
# No VPC has these (TF:vpc). 100.64.0.0/10 is Alibaba Cloud's own; the VPC's DNS servers are in it, section 11.
NOT_FOR_VPCS = tuple(Range(text) for text in ("100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4"))

# Whose vSwitches a plug-in needs.
ROLES: dict[Plugin, tuple[Role, ...]] = {"flannel": ("node",), "terway": ("node", "pod")}


def broken(plan: Request) -> Iterator[Finding]:
    """Every rule that the plan breaks, one by one. A field that is still empty breaks none."""
    view = PlanRanges(plan)
    for rules in (_places, _sizes, _own, _vswitches, _services, _zones, _plugin):
        yield from rules(view)
    for neighbour in plan.neighbours:
        yield from (_cluster if neighbour.kind == "cluster" else _linked)(view, neighbour)


def valid(plan: Request) -> bool:
    """Whether no rule is broken; it stops at the first one that is."""
    return next(broken(plan), None) is None


def _overlaps(
    rule: str, view: PlanRanges, ours: Iterable[NamedRange], others: Iterable[NamedRange | TheirRange]
) -> Iterator[Finding]:
    """A finding for each of ours that overlaps one of the others. Ours gives way, or both if both are ours."""
    for one in ours:
        for other in others:
            if overlap := one.range.overlap(other.range):
                moved = (one, other) if isinstance(other, NamedRange) else (one,)
                yield Finding(rule, (one.key, other.key), view.by_moving(*moved), (one, other), overlap)


# Each range by itself


def _places(view: PlanRanges) -> Iterator[Finding]:
    """VPC: TF:vpc. Pods and Services: API reference of CreateCluster, container_cidr, service_cidr."""
    for taboo in NOT_FOR_VPCS:
        if overlap := view.vpc.range.overlap(taboo):
            yield Finding("vpc-range", ("vpc", taboo), view.by_moving(view.vpc), (view.vpc,), overlap, {"taboo": taboo})
    for rule, things in (("pod-range", view.pods), ("service-range", view.services)):
        for thing in things:
            if thing.range.version == 4 and not any(thing.range.within(one) for one in PRIVATE):
                yield Finding(rule, (thing.key,), view.by_moving(thing), (thing,))


def _sizes(view: PlanRanges) -> Iterator[Finding]:
    for rule, things in (("vpc-size", [view.vpc]), ("vswitch-size", view.vswitches), ("service-size", view.services)):
        for thing in things:
            if thing.range.prefix not in capacity.PREFIXES[rule, thing.range.version]:
                cures = view.by_moving(thing) + (view.with_vpc(thing.field) if rule == "vswitch-size" else ())
                yield Finding(rule, (thing.key,), cures, (thing,))


# The ranges of one cluster among each other


def _own(view: PlanRanges) -> Iterator[Finding]:
    """One VPC, one cluster: Pods and Services differ from the VPC and from each other."""
    if view.plan.plugin == "flannel":
        yield from _overlaps("pod-overlaps-vpc", view, view.pods, view.vpcs)
    yield from _overlaps("service-overlaps-vpc", view, view.services, view.vpcs)
    for finding in _overlaps("pod-overlaps-service", view, view.pods, view.services):
        pod, service = finding.things
        yield finding._replace(cures=view.by_moving(service, pod))  # type: ignore[arg-type]


def _vswitches(view: PlanRanges) -> Iterator[Finding]:
    """vSwitches lie in the VPC and do not overlap (H:document_detail/35745)."""
    for one in view.vswitches:
        if not one.range.within(view.vpc.range):
            overlap = one.range.overlap(view.vpc.range)
            cures = view.by_moving(one, view.vpc)
            yield Finding("vswitch-outside-vpc", (one.key, "vpc"), cures, (one, view.vpc), overlap)
    for one, other in combinations(view.vswitches, 2):
        if overlap := one.range.overlap(other.range):
            cures = (*view.by_moving(other, one), *view.with_vpc(other.field, one.field))
            yield Finding("vswitches-overlap", (one.key, other.key), cures, (one, other), overlap)


def _services(view: PlanRanges) -> Iterator[Finding]:
    plan = view.plan
    if plan.service_cidr and plan.services > (room := capacity.services(plan.service_cidr)):
        thing = NamedRange("service_cidr", plan.service_cidr)
        yield Finding("services-too-many", (), (("service_cidr",),), (thing,), facts={"room": room})


# Addresses for nodes and Pods, zone by zone


def in_a_zone(plan: Request) -> int:
    """Nodes of the fullest zone, if they are spread evenly."""
    return -(-plan.most_nodes // len(plan.zones))


def needed(plan: Request, role: Role) -> int:
    """Addresses that the vSwitches of a role need in each zone."""
    return in_a_zone(plan) * (1 if role == "node" else plan.pods_per_node)


def of(plan: Request, zone: str, role: Role) -> list[VSwitch]:
    """The vSwitches of a role in a zone."""
    return [one for one in plan.vswitches if one.zone == zone and one.role == role]


def without_vswitch(plan: Request) -> list[tuple[str, Role]]:
    """Zones that have no vSwitch of a role, with the role."""
    return [(zone, role) for zone in plan.zones for role in ROLES[plan.plugin] if not of(plan, zone, role)]


def new_vswitches(plan: Request, zone: str, role: Role) -> tuple[str, ...]:
    """Names of the vSwitches to be added in a zone, so that its nodes or Pods have addresses; one at the least."""
    lacking = needed(plan, role) - sum(capacity.usable(one.cidr) for one in of(plan, zone, role))
    names = {one.name for one in plan.vswitches}
    first = f"{role}-{zone}"
    candidates = (name for n in range(1, 10_000) if (name := first if n == 1 else f"{first}-{n}") not in names)
    return tuple(islice(candidates, max(1, -(-lacking // capacity.MAX_IN_VSWITCH))))


def _zones(view: PlanRanges) -> Iterator[Finding]:
    """Nodes, and with Terway Pods, have vSwitches in each zone (CSK:UG/网络/容器网络CNI/使用Terway网络插件.md)."""
    plan = view.plan
    for zone, role in without_vswitch(plan):
        fields = tuple(f"vswitches.{name}" for name in new_vswitches(plan, zone, role))
        yield Finding(
            "zone-without-vswitch", (zone, role), (fields, *view.with_vpc(*fields)), facts={"zone": zone, "role": role}
        )
    for zone in plan.zones:
        for role in ROLES[plan.plugin]:
            there = of(plan, zone, role)
            room = sum(capacity.usable(one.cidr) for one in there)
            if there and needed(plan, role) > room:
                yield _small_vswitch(view, zone, role, there, room)


def _small_vswitch(view: PlanRanges, zone: str, role: Role, there: list[VSwitch], room: int) -> Finding:
    fields = tuple(f"vswitches.{one.name}" for one in there)
    more = tuple(f"vswitches.{name}" for name in new_vswitches(view.plan, zone, role))
    cures = (*((field,) for field in fields), fields, more, *view.with_vpc(*fields), *view.with_vpc(*more))
    things = tuple(NamedRange(field, one.cidr) for field, one in zip(fields, there, strict=True))
    facts = {"zone": zone, "role": role, "room": room}
    return Finding("vswitch-too-small", (zone, role), cures, things, facts=facts)


# What the plug-in needs


def _plugin(view: PlanRanges) -> Iterator[Finding]:
    """Nodes of a cluster: CSK:产品简介/使用限制.md (2021), WD:comparison-between-terway-and-flannel (now)."""
    if view.plan.pods_per_node > capacity.MAX_PODS:
        yield Finding("most-pods", (), ())
    if view.plan.most_nodes > view.plan.node_quota:
        yield Finding("node-quota", (), (("node_quota",),))
    yield from (_flannel if view.plan.plugin == "flannel" else _terway)(view)


def _flannel(view: PlanRanges) -> Iterator[Finding]:
    """Route entries: CSK:产品简介/使用限制.md (48 in 2021); WD:comparison-between-terway-and-flannel (200, at most 1000)."""
    plan = view.plan
    if plan.dual:
        yield _dual_flannel(plan)
    if plan.node_mask and capacity.flannel_pods(plan.node_mask) < plan.pods_per_node <= capacity.MAX_PODS:
        yield Finding("pods-per-node", (), (("node_mask",), ("node_mask", "pod_cidr")))
    if plan.pod_cidr and plan.node_mask and plan.most_nodes > capacity.flannel_nodes(plan.pod_cidr, plan.node_mask):
        yield Finding("mask-count", (), (("pod_cidr",), ("node_mask",), ("pod_cidr", "node_mask")))
    if plan.most_nodes > plan.route_quota:
        yield Finding("route-quota", (), (("route_quota",),))


def _dual_flannel(plan: Request) -> Finding:
    """WD:comparison-between-terway-and-flannel."""
    pods = tuple(f"vswitches.pod-{zone}" for zone in plan.zones if not of(plan, zone, "pod"))
    ways = (("plugin",), ("plugin", "pod_cidr6"), ("plugin", "pod_cidr6", "eni", "instance_type"))
    return Finding("dual-stack-flannel", (), tuple((*way, *pods) for way in ways))


def _terway(view: PlanRanges) -> Iterator[Finding]:
    """ENIs: WD:comparison-between-terway-and-flannel."""
    plan = view.plan
    if capacity.terway_pods(plan.instance_type, plan.eni) < plan.pods_per_node <= capacity.MAX_PODS:
        by_eni = (("eni",),) if plan.eni == "exclusive" else ()
        both = (("eni", "instance_type"),) if plan.eni == "exclusive" else ()
        yield Finding("eni-limit", (), (*by_eni, ("instance_type",), *both))
    for pod in view.pods:
        vpc = view.vpcs[-1]
        if not pod.range.within(vpc.range):
            yield Finding("pod6-outside-vpc6", (pod.key, vpc.key), view.by_moving(pod), (pod, vpc))


# Neighbours: what must be reached, and what shares the VPC


def _linked(view: PlanRanges, neighbour: Neighbour) -> Iterator[Finding]:
    """An interconnected VPC or an IDC: nothing of ours may overlap it, in neither direction."""
    theirs = [TheirRange(neighbour, cidr) for cidr in neighbour.cidrs]
    yield from _overlaps("vpc-overlaps-neighbour", view, view.vpcs, theirs)
    yield from _reached(view, theirs)


def _cluster(view: PlanRanges, neighbour: Neighbour) -> Iterator[Finding]:
    """Another cluster of this VPC: Pod CIDRs differ, and Service CIDRs may repeat. Of a linked VPC: nothing overlaps.

    [derived] What their Service CIDR covers, their Pods cannot reach.
    """
    theirs = [TheirRange(neighbour, cidr) for cidr in neighbour.cidrs]
    if neighbour.same_vpc:
        yield from _reached(view, theirs)
        yield from _overlaps("vswitch-overlaps-cluster", view, view.vswitches, theirs)
    else:
        yield from _linked(view, neighbour)
    if neighbour.service_cidr:
        services = [TheirRange(neighbour, neighbour.service_cidr, services=True)]
        yield from _overlaps("cluster-service-covers-ours", view, [*view.vpcs, *view.pods], services)
        if not neighbour.same_vpc:
            yield from _overlaps("service-overlaps-cluster", view, view.services, services)


def _reached(view: PlanRanges, theirs: list[TheirRange]) -> Iterator[Finding]:
    """Ranges that our Pods must reach, and that must reach them."""
    yield from _overlaps("pod-overlaps-neighbour", view, view.pods, theirs)
    yield from _overlaps("service-covers-neighbour", view, view.services, theirs)
