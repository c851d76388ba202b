"""The rules of a network plan (CSK:BP/集群/Kubernetes集群网络规划.md, where no other source stands beside a rule).

What a rule finds says which fields could be chosen anew to cure it; what they could be is for repairs.py to find out.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

from acplab.base.i18n import _
from acplab.topics.network import capacity
from acplab.topics.network.ranges import Range
from acplab.topics.network.request import Neighbour, Plugin, Request, Role, VSwitch

PRIVATE = tuple(Range(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
ALIBABAS_OWN = Range("100.64.0.0/10")  # H:document_detail/35745; the VPC's DNS servers are in it, section 11

# Whose vSwitches a plug-in needs.
ROLES: dict[Plugin, tuple[Role, ...]] = {"flannel": ("node",), "terway": ("node", "pod")}


class Finding(NamedTuple):
    """A broken rule. about: what it is about, without ranges, so that it can be found again after a change.

    cures: groups of fields; choosing one group anew may cure it, the mildest first. Nothing cures it that leaves the
    first field of each group as it is. Empty if only a wish could change.
    """

    rule: str
    about: tuple[str, ...]
    first: str
    second: str
    overlap: str
    sentence: str
    remedy: str
    cures: tuple[tuple[str, ...], ...]

    @property
    def key(self) -> tuple[str, ...]:
        """What makes it the same finding in a changed plan."""
        return (self.rule, *self.about)

    @property
    def needs(self) -> set[str]:
        """Fields of which at least one must change."""
        return {group[0] for group in self.cures}


class NamedRange(NamedTuple):
    """A range of the plan, by the field that holds it."""

    field: str
    range: Range

    def __str__(self) -> str:
        return f"{label(self.field)} {self.range}"


def label(field: str) -> str:
    """What a field is called in sentences."""
    match field:
        case "vpc":
            return _("VPC")
        case "pod_cidr":
            return _("Pod CIDR")
        case "service_cidr":
            return _("Service CIDR")
        case "vpc6":
            return _("IPv6 range of the VPC")
        case "pod_cidr6":
            return _("IPv6 range of the Pods")
        case "service_cidr6":
            return _("IPv6 range of the Services")
    return _("vSwitch {name}").format(name=field.removeprefix("vswitches."))


class PlanRanges:
    """The ranges of a plan by name. pods: of their own, so with Terway only the IPv6 one. Empty fields are left out."""

    def __init__(self, plan: Request) -> None:
        self.plan = plan
        self.vpc = NamedRange("vpc", plan.vpc)
        self.vpcs = [self.vpc, *self._things("vpc6")]
        self.pods = self._things("pod_cidr", "pod_cidr6") if plan.plugin == "flannel" else self._things("pod_cidr6")
        self.services = self._things("service_cidr", "service_cidr6")
        self.vswitches = [NamedRange(f"vswitches.{one.name}", one.cidr) for one in plan.vswitches]

    def _things(self, *fields: str) -> list[NamedRange]:
        return [NamedRange(field, range_) for field in fields if (range_ := getattr(self.plan, field))]

    def by_moving(self, *things: NamedRange) -> tuple[tuple[str, ...], ...]:
        """Cures: each of these alone, or the VPC, or the VPC with all that is in it.

        The IPv6 range of a VPC is given by Alibaba Cloud, and a VPC that holds another cluster stays where it is.
        """
        alone = tuple((thing.field,) for thing in things if not thing.field.startswith("vpc"))
        return alone + (self.with_vpc() if self.vpc in things else ())

    def with_vpc(self, *fields: str) -> tuple[tuple[str, ...], ...]:
        """Cures: these fields and the VPC, or these, the VPC and every vSwitch."""
        if any(one.kind == "cluster" and one.same_vpc for one in self.plan.neighbours):
            return ()
        others = tuple(one.field for one in self.vswitches if one.field not in fields)
        return ((*fields, "vpc"), (*fields, "vpc", *others))


def broken(plan: Request) -> Iterator[Finding]:
    """Every rule that the plan breaks, one by one. A field that is still empty breaks none."""
    view = PlanRanges(plan)
    for rules in (_private, _own, _vswitches, _zones, _services, _flannel if plan.plugin == "flannel" else _terway):
        yield from rules(view)
    for neighbour in plan.neighbours:
        yield from (_cluster if neighbour.kind == "cluster" else _linked)(view, neighbour)


def valid(plan: Request) -> bool:
    """Whether no rule is broken; it stops at the first one that is."""
    return next(broken(plan), None) is None


def _clash(
    rule: str, one: NamedRange, other: NamedRange | str, overlap: str, words: tuple[str, str], cures: tuple
) -> Finding:
    """What two overlapping ranges make. words: sentence and remedy; they may name {first}, {second} and {overlap}."""
    about = (one.field, other.field if isinstance(other, NamedRange) else other.rsplit(" ", 1)[0])
    first, second = str(one), str(other)
    sentence, remedy = (text.format(first=first, second=second, overlap=overlap) for text in words)
    return Finding(rule, about, first, second, overlap, sentence, remedy, cures)


# The plan by itself


def _private(view: PlanRanges) -> Iterator[Finding]:
    """VPC: CSK:UG/网络/网络概述.md. Pods and Services: API reference of CreateCluster, container_cidr, service_cidr."""
    rules = {"vpc": "vpc-range", "pod_cidr": "pod-range", "service_cidr": "service-range"}
    for thing in (view.vpc, *view.pods, *view.services):
        if thing.range.version == 6 or any(thing.range.within(one) for one in PRIVATE):
            continue
        overlap = thing.range.overlap(ALIBABAS_OWN)
        yield _clash(
            rules[thing.field],
            thing,
            _("Alibaba Cloud's own range {range}").format(range=ALIBABAS_OWN)
            if overlap
            else _("private ranges {ranges}").format(ranges=", ".join(PRIVATE)),
            overlap,
            (
                _("{first} is not inside 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16."),
                _("Take a range that lies in one of the three as a whole."),
            ),
            view.by_moving(thing),
        )


def _own(view: PlanRanges) -> Iterator[Finding]:
    """One VPC, one cluster: Pods and Services differ from the VPC and from each other."""
    for vpc in view.vpcs:
        for pod in view.pods if view.plan.plugin == "flannel" else ():
            if overlap := pod.range.overlap(vpc.range):
                words = (
                    _("{first} and {second} overlap in {overlap}; Flannel's Pods need a range outside of the VPC."),
                    _("Move the Pod CIDR out of the VPC, or choose a VPC that leaves it free."),
                )
                yield _clash("pod-overlaps-vpc", pod, vpc, overlap, words, view.by_moving(pod, vpc))
        for service in view.services:
            if overlap := service.range.overlap(vpc.range):
                words = (
                    _(
                        "{first} and {second} overlap in {overlap}; a Service address there hides what has it in the VPC."
                    ),
                    _("Move the Service CIDR out of the VPC."),
                )
                yield _clash("service-overlaps-vpc", service, vpc, overlap, words, view.by_moving(service, vpc))
    for pod in view.pods:
        for service in view.services:
            if overlap := pod.range.overlap(service.range):
                words = (
                    _("{first} and {second} overlap in {overlap}; an address would be a Pod's and a Service's."),
                    _("Move one of the two."),
                )
                yield _clash("pod-overlaps-service", pod, service, overlap, words, view.by_moving(service, pod))


def _vswitches(view: PlanRanges) -> Iterator[Finding]:
    """vSwitches lie in the VPC and do not overlap (H:document_detail/35745)."""
    for one in view.vswitches:
        if not one.range.within(view.vpc.range):
            words = (
                _("{first} is not inside {second}."),
                _("Give the vSwitch a part of the VPC, or the VPC a range that holds it."),
            )
            overlap = one.range.overlap(view.vpc.range)
            yield _clash("vswitch-outside-vpc", one, view.vpc, overlap, words, view.by_moving(one, view.vpc))
    for one, other in combinations(view.vswitches, 2):
        if overlap := one.range.overlap(other.range):
            words = (_("{first} and {second} overlap in {overlap}."), _("Move one of the two vSwitches."))
            cures = (*view.by_moving(other, one), *view.with_vpc(other.field, one.field))
            yield _clash("vswitches-overlap", one, other, overlap, words, cures)


def _services(view: PlanRanges) -> Iterator[Finding]:
    plan = view.plan
    room = capacity.services(plan.service_cidr) if plan.service_cidr else plan.services
    if plan.services > room:
        thing = NamedRange("service_cidr", plan.service_cidr)
        yield Finding(
            "services-too-many",
            (),
            str(thing),
            _("{n} Services").format(n=plan.services),
            "",
            _("{thing} has addresses for {room} Services, and you want {n}.").format(
                thing=thing, room=room, n=plan.services
            ),
            _("Take a larger Service CIDR; it cannot be changed later."),
            (("service_cidr",),),
        )


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


def _zones(view: PlanRanges) -> Iterator[Finding]:
    """Nodes, and with Terway Pods, have vSwitches in each zone (CSK:UG/网络/容器网络CNI/使用Terway网络插件.md)."""
    plan = view.plan
    for zone, role in without_vswitch(plan):
        yield _no_vswitch(view, zone, role)
    for zone in plan.zones:
        for role in ROLES[plan.plugin]:
            there = of(plan, zone, role)
            room = sum(capacity.usable(one.cidr) for one in there)
            if there and needed(plan, role) > room:
                yield _small_vswitch(view, zone, role, there, room)


def _no_vswitch(view: PlanRanges, zone: str, role: Role) -> Finding:
    field = f"vswitches.{role}-{zone}"
    sentence = (
        _("Zone {zone} has no vSwitch for nodes.")
        if role == "node"
        else _("Zone {zone} has no vSwitch for Pods; with Terway they need one in the zone of their node.")
    )
    return Finding(
        "zone-without-vswitch",
        (zone, role),
        _("zone {zone}").format(zone=zone),
        _("vSwitches for nodes") if role == "node" else _("vSwitches for Pods"),
        "",
        sentence.format(zone=zone),
        _("Make a vSwitch in {zone}, or leave the zone out.").format(zone=zone),
        ((field,), *view.with_vpc(field)),
    )


def _small_vswitch(view: PlanRanges, zone: str, role: Role, there: list[VSwitch], room: int) -> Finding:
    plan, fields = view.plan, tuple(f"vswitches.{one.name}" for one in there)
    sentence = (
        _("The vSwitches for nodes in {zone} have {room} addresses, and {nodes} nodes there need {n}.")
        if role == "node"
        else _("The vSwitches for Pods in {zone} have {room} addresses, and the Pods of {nodes} nodes there need {n}.")
    )
    return Finding(
        "vswitch-too-small",
        (zone, role),
        ", ".join(f"{label(f'vswitches.{one.name}')} {one.cidr}" for one in there),
        _("{nodes} nodes in {zone}").format(nodes=in_a_zone(plan), zone=zone),
        "",
        sentence.format(zone=zone, room=room, nodes=in_a_zone(plan), n=needed(plan, role)),
        _("Take a larger vSwitch; 4 addresses of each are reserved. Or add a zone."),
        (*((field,) for field in fields), fields, *view.with_vpc(*fields)),
    )


# Flannel: blocks and routes


def _flannel(view: PlanRanges) -> Iterator[Finding]:
    plan = view.plan
    if plan.dual:
        yield _dual_flannel(view)
    if plan.pods_per_node > capacity.MAX_PODS:
        yield _most_pods(plan)
    elif plan.node_mask and plan.pods_per_node > capacity.flannel_pods(plan.node_mask):
        yield _small_block(plan)
    if plan.pod_cidr and plan.node_mask and plan.most_nodes > capacity.flannel_nodes(plan.pod_cidr, plan.node_mask):
        yield _few_blocks(plan)
    if plan.most_nodes > plan.route_quota:
        yield _few_routes(plan)


def _most_pods(plan: Request) -> Finding:
    return Finding(
        "most-pods",
        (),
        _("{n} Pods a node").format(n=plan.pods_per_node),
        _("at most {most} Pods a node").format(most=capacity.MAX_PODS),
        "",
        _("You want {n} Pods on a node; ACK allows {most}.").format(n=plan.pods_per_node, most=capacity.MAX_PODS),
        _("Take more nodes with fewer Pods each, {most} at most.").format(most=capacity.MAX_PODS),
        (),
    )


def _small_block(plan: Request) -> Finding:
    room = capacity.flannel_pods(plan.node_mask)
    return Finding(
        "pods-per-node",
        (),
        _("node mask /{mask}").format(mask=plan.node_mask),
        _("{n} Pods a node").format(n=plan.pods_per_node),
        "",
        _("A /{mask} block has {room} addresses, and you want {n} Pods on a node.").format(
            mask=plan.node_mask, room=room, n=plan.pods_per_node
        ),
        _("Take a shorter node mask; each step down doubles the Pods of a node and halves the nodes."),
        (("node_mask",), ("node_mask", "pod_cidr")),
    )


def _few_blocks(plan: Request) -> Finding:
    room = capacity.flannel_nodes(plan.pod_cidr, plan.node_mask)
    return Finding(
        "mask-count",
        (),
        f"{label('pod_cidr')} {plan.pod_cidr}",
        _("node mask /{mask}").format(mask=plan.node_mask),
        "",
        _("{cidr} has {room} blocks of /{mask}, one for each node, and you want {n} nodes.").format(
            cidr=plan.pod_cidr, room=room, mask=plan.node_mask, n=plan.most_nodes
        ),
        _("Take a larger Pod CIDR, or a longer node mask with fewer Pods on a node; neither can be changed later."),
        (("pod_cidr",), ("node_mask",), ("pod_cidr", "node_mask")),
    )


def _few_routes(plan: Request) -> Finding:
    """CSK:产品简介/使用限制.md (48 in 2021); WD:comparison-between-terway-and-flannel (200, at most 1000)."""
    return Finding(
        "route-quota",
        (),
        _("{n} route entries").format(n=plan.route_quota),
        _("{n} nodes").format(n=plan.most_nodes),
        "",
        _("Each Flannel node takes a route entry of the VPC: there are {quota}, and you want {n} nodes.").format(
            quota=plan.route_quota, n=plan.most_nodes
        ),
        _("Ask for a larger quota, {most} at most; Terway needs no route entries.").format(most=capacity.MAX_ROUTES),
        (("route_quota",),),
    )


def _dual_flannel(view: PlanRanges) -> Finding:
    """WD:comparison-between-terway-and-flannel."""
    pods = tuple(f"vswitches.pod-{zone}" for zone in view.plan.zones if not of(view.plan, zone, "pod"))
    return Finding(
        "dual-stack-flannel",
        (),
        _("plug-in Flannel"),
        f"{label('vpc6')} {view.plan.vpc6}",
        "",
        _("On ACK a dual-stack cluster needs Terway; Flannel has IPv4 alone."),
        _("Take Terway, or leave the IPv6 ranges out."),
        (("plugin", *pods), ("plugin", "pod_cidr6", *pods), ("plugin", "pod_cidr6", "eni", "instance_type", *pods)),
    )


# Terway: ENIs


def _terway(view: PlanRanges) -> Iterator[Finding]:
    plan = view.plan
    room = capacity.terway_pods(plan.instance_type, plan.eni)
    if plan.pods_per_node > capacity.MAX_PODS:
        yield _most_pods(plan)
    elif plan.pods_per_node > room:
        yield _few_enis(plan, room)
    for pod in view.pods:
        if not pod.range.within(view.vpcs[-1].range):
            words = (
                _("{first} is not inside {second}."),
                _("Terway's Pods have addresses of the VPC; move the range in."),
            )
            yield _clash("pod6-outside-vpc6", pod, view.vpcs[-1], "", words, view.by_moving(pod))


def _few_enis(plan: Request, room: int) -> Finding:
    """WD:comparison-between-terway-and-flannel."""
    enis, addresses = capacity.INSTANCE_TYPES[plan.instance_type]
    sentence = (
        _("{type} has {enis} ENIs of {ips} addresses. One ENI is the node's, so {room} Pods fit; you want {n}.")
        if plan.eni == "shared"
        else _("{type} has {enis} ENIs. One is the node's and each Pod takes a whole one, so {room} fit; you want {n}.")
    )
    return Finding(
        "eni-limit",
        (),
        _("{type}, ENIs {mode}").format(type=plan.instance_type, mode=plan.eni),
        _("{n} Pods a node").format(n=plan.pods_per_node),
        "",
        sentence.format(type=plan.instance_type, enis=enis, ips=addresses, room=room, n=plan.pods_per_node),
        _("Take a larger instance type, shared ENIs, or more nodes with fewer Pods each."),
        (("eni",), ("instance_type",), ("eni", "instance_type")),
    )


# Neighbours: what must be reached, and what shares the VPC


def _linked(view: PlanRanges, neighbour: Neighbour) -> Iterator[Finding]:
    """An interconnected VPC or an IDC: nothing of ours may overlap it, in neither direction."""
    kind = _("VPC {name}") if neighbour.kind == "vpc" else _("IDC {name}")
    for cidr in neighbour.cidrs:
        yield from _reached(view, f"{kind.format(name=neighbour.name)} {cidr}", cidr, own=True)


def _cluster(view: PlanRanges, neighbour: Neighbour) -> Iterator[Finding]:
    """Another cluster: Pod CIDRs differ, Service CIDRs may repeat. Of another VPC, what is routed away counts as used."""
    pods = _("Pods of cluster {name}").format(name=neighbour.name)
    for cidr in neighbour.cidrs:
        yield from _reached(view, f"{pods} {cidr}", cidr, own=not neighbour.same_vpc)
        for one in view.vswitches if neighbour.same_vpc else ():
            if overlap := one.range.overlap(cidr):
                words = (
                    _("{first} and {second} overlap in {overlap}, in the same VPC."),
                    _("Move the vSwitch; the other cluster's Pods are there already."),
                )
                yield _clash("vswitch-overlaps-cluster", one, f"{pods} {cidr}", overlap, words, view.by_moving(one))
    if neighbour.service_cidr:
        yield from _their_services(view, neighbour)


def _reached(view: PlanRanges, theirs: str, there: Range, own: bool) -> Iterator[Finding]:
    """Ranges that must be reached. own: whether they are outside of our VPC, so that it must not overlap them either."""
    remedy = _("Move ours; a range can lie on one side of a link alone.")
    for thing in view.vpcs if own else ():
        if overlap := thing.range.overlap(there):
            words = (
                _("{first} and {second} overlap in {overlap}; there is no route for an address on both sides."),
                remedy,
            )
            yield _clash("vpc-overlaps-neighbour", thing, theirs, overlap, words, view.by_moving(thing))
    for thing in view.pods:
        if overlap := thing.range.overlap(there):
            words = (_("{first} and {second} overlap in {overlap}; answers to Pods there would not find back."), remedy)
            yield _clash("pod-overlaps-neighbour", thing, theirs, overlap, words, view.by_moving(thing))
    for thing in view.services:
        if overlap := thing.range.overlap(there):
            words = (
                _("{first} covers {overlap} of {second}; our Pods would take it for Services and never reach it."),
                _("Move the Service CIDR; it may repeat other clusters', but cover nothing that must be reached."),
            )
            yield _clash("service-covers-neighbour", thing, theirs, overlap, words, view.by_moving(thing))


def _their_services(view: PlanRanges, neighbour: Neighbour) -> Iterator[Finding]:
    """[derived] What their Service CIDR covers, their Pods cannot reach."""
    theirs, there = _("Services of cluster {name}").format(name=neighbour.name), neighbour.service_cidr
    for thing in (*view.vpcs, *view.pods):
        if overlap := thing.range.overlap(there):
            words = (
                _("{second} cover {overlap} of {first}; their Pods would take it for Services and never reach it."),
                _("Derived from how Services work: move what is ours, or their Service CIDR."),
            )
            yield _clash(
                "cluster-service-covers-ours", thing, f"{theirs} {there}", overlap, words, view.by_moving(thing)
            )
