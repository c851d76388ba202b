"""The network planner against a model that shares no code with it: ranges are sets of numbers, one for each /29."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from itertools import combinations, product
from math import inf

import pytest
from acplab.topics import network
from acplab.topics.network import Neighbour, Plan, Request, VSwitch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

ZONES = ("cn-hangzhou-h", "cn-hangzhou-i", "cn-hangzhou-j")
# ENIs, IPs per ENI and Pods with shared ENIs, as ACK's own table would have it.
ENIS = {
    "ecs.c7.large": (3, 6, 12),
    "ecs.c7.xlarge": (4, 15, 45),
    "ecs.c7.3xlarge": (8, 15, 105),
    "ecs.c7.4xlarge": (8, 30, 210),
    "ecs.c7.32xlarge": (15, 30, 420),
}

# --- the model ----------------------------------------------------------------------------------------------------------


@cache
def units(cidr: str) -> frozenset[int]:
    """The /29s of a range, as numbers."""
    a, b, c, d, prefix = (int(part) for part in re.split(r"[./]", cidr))
    first = (((a * 256 + b) * 256 + c) * 256 + d) // 8
    return frozenset(range(first, first + 2 ** (29 - prefix)))


@cache
def private(cidr: str) -> bool:
    """Whether each address is 10.*, 172.16.* to 172.31.* or 192.168.*"""
    tops = {divmod(unit // 8192, 256) for unit in units(cidr)}
    return all(a == 10 or (a == 172 and 16 <= b < 32) or (a, b) == (192, 168) for a, b in tops)


def reserved(cidr: str) -> bool:
    """Whether an address is one of those that no VPC has: 100.64/10, 127/8, 169.254/16, 224/4."""
    tops = {divmod(unit // 8192, 256) for unit in units(cidr)}
    return any((a == 100 and 64 <= b < 128) or a == 127 or (a, b) == (169, 254) or 224 <= a < 240 for a, b in tops)


def size(cidr: str) -> int:
    """How many addresses a range has."""
    return 8 * len(units(cidr))


def meet(one: str, other: str) -> bool:
    """Whether two ranges have a /29 in common."""
    return not units(one).isdisjoint(units(other))


def share(plan: Request, zone: str) -> int:
    """Nodes of a zone, dealt out like cards."""
    return sum(1 for node in range(max(plan.nodes, plan.nodes_later)) if plan.zones[node % len(plan.zones)] == zone)


def model(plan: Request) -> set[str]:
    """The ids of the rules that an IPv4 plan breaks."""
    flannel = plan.plugin == "flannel"
    pods = [plan.pod_cidr] if flannel else []
    worst = max(share(plan, zone) for zone in plan.zones)
    wanted = max(plan.nodes, plan.nodes_later)
    says = {
        "vpc-range": reserved(plan.vpc),
        "vpc-size": not 16 <= size(plan.vpc) <= 256**3,
        "vswitch-size": any(not 8 <= size(one.cidr) <= 256**2 for one in plan.vswitches),
        "service-size": not 10 <= size(plan.service_cidr) <= 2**20,
        "pod-range": any(not private(pod) for pod in pods),
        "service-range": not private(plan.service_cidr),
        "pod-overlaps-vpc": any(meet(pod, plan.vpc) for pod in pods),
        "service-overlaps-vpc": meet(plan.service_cidr, plan.vpc),
        "pod-overlaps-service": any(meet(pod, plan.service_cidr) for pod in pods),
        "vswitch-outside-vpc": any(not units(one.cidr) <= units(plan.vpc) for one in plan.vswitches),
        "vswitches-overlap": any(meet(one.cidr, two.cidr) for one, two in combinations(plan.vswitches, 2)),
        "services-too-many": plan.services > 8 * len(units(plan.service_cidr)) - 4,
        "most-pods": plan.pods_per_node > 256,
        "node-quota": wanted > plan.node_quota,
    }
    for role in ("node",) if flannel else ("node", "pod"):
        for zone in plan.zones:
            sizes = [8 * len(units(one.cidr)) - 4 for one in plan.vswitches if (one.zone, one.role) == (zone, role)]
            need = worst * (plan.pods_per_node if role == "pod" else 1)
            says["zone-without-vswitch"] = says.get("zone-without-vswitch", False) or not sizes
            says["vswitch-too-small"] = says.get("vswitch-too-small", False) or (bool(sizes) and sum(sizes) < need)
    if flannel:
        block = 2 ** (32 - plan.node_mask)
        says["pods-per-node"] = block < plan.pods_per_node <= 256
        says["mask-count"] = 8 * len(units(plan.pod_cidr)) // block < wanted
        says["route-quota"] = plan.route_quota < wanted
    else:
        enis, _addresses, shared = ENIS[plan.instance_type]
        room = shared if plan.eni == "shared" else enis - 1
        says["eni-limit"] = room < plan.pods_per_node <= 256
    for one in plan.neighbours:
        for rule in neighbours(plan, pods, one):
            says[rule] = True
    return {rule for rule, broken in says.items() if broken}


def neighbours(plan: Request, pods: list[str], one: Neighbour) -> set[str]:
    inside = one.kind == "cluster" and one.same_vpc
    says = set()
    for theirs in one.cidrs:
        says |= {"vpc-overlaps-neighbour"} if not inside and meet(plan.vpc, theirs) else set()
        says |= {"pod-overlaps-neighbour"} if any(meet(pod, theirs) for pod in pods) else set()
        says |= {"service-covers-neighbour"} if meet(plan.service_cidr, theirs) else set()
        says |= {"vswitch-overlaps-cluster"} if inside and any(meet(v.cidr, theirs) for v in plan.vswitches) else set()
    if one.service_cidr and any(meet(ours, one.service_cidr) for ours in [plan.vpc, *pods]):
        says.add("cluster-service-covers-ours")
    if one.service_cidr and not inside and meet(plan.service_cidr, one.service_cidr):
        says.add("service-overlaps-cluster")
    return says


# --- plans by chance ----------------------------------------------------------------------------------------------------

SERVICES = ("10.0.0.0/11", "10.0.0.0/12", "172.21.0.0/28", "172.21.0.0/29")
AREAS = ("10.0", "172.20", "192.168", "192.169", "100.64")


@st.composite
def cidrs(draw, areas=AREAS[:3], prefixes=(16, 24)):
    """A range in one of a few areas of a /16, so that ranges meet often."""
    prefix = draw(st.integers(*prefixes))
    size = 2 ** (24 - prefix)
    return f"{draw(st.sampled_from(areas))}.{draw(st.integers(0, 256 // size - 1)) * size}.0/{prefix}"


@st.composite
def neighbour(draw, name, areas=AREAS[:3]):
    kind = draw(st.sampled_from(["vpc", "idc", "cluster"]))
    theirs = tuple(draw(st.lists(cidrs(areas, (18, 24)), min_size=1, max_size=2)))
    service = draw(st.just("") | cidrs(areas, (18, 24))) if kind == "cluster" else ""
    return Neighbour(name, kind, theirs, service, draw(st.booleans()))


@st.composite
def wishes(draw):
    return {
        "plugin": draw(st.sampled_from(["flannel", "terway"])),
        "zones": ZONES[: draw(st.integers(1, 3))],
        "nodes": draw(st.integers(1, 60)),
        "nodes_later": draw(st.integers(1, 400)),
        "pods_per_node": draw(st.sampled_from([1, 12, 16, 64, 128, 210, 256, 257])),
        "services": draw(st.sampled_from([0, 100, 252, 253, 5000])),
        "route_quota": draw(st.sampled_from([48, 200, 1000])),
        "node_quota": draw(st.sampled_from([10, 100, 5000])),
        "instance_type": draw(st.sampled_from(sorted(ENIS))),
        "eni": draw(st.sampled_from(["shared", "exclusive"])),
        "neighbours": tuple(draw(neighbour(f"n{i}")) for i in range(draw(st.integers(0, 2)))),
    }


@st.composite
def vswitches(draw, zones, most=4):
    areas = AREAS[2:3]
    parts = st.tuples(
        st.sampled_from(zones), cidrs(areas, (18, 24)) | st.just("192.168.0.0/15"), st.sampled_from(["node", "pod"])
    )
    return tuple(VSwitch(f"v{i}", *one) for i, one in enumerate(draw(st.lists(parts, max_size=most))))


@st.composite
def plans(draw, areas=AREAS):
    """Any plan, most of them broken: somewhat more of those that could be valid."""
    values = draw(wishes())
    return Plan(
        vpc=draw(cidrs(areas) | st.sampled_from(["192.168.0.0/16", "192.168.0.0/29", "169.254.0.0/16"])),
        vswitches=draw(vswitches(values["zones"])),
        pod_cidr=draw(cidrs(areas)),
        service_cidr=draw(cidrs(areas) | st.sampled_from(SERVICES)),
        node_mask=draw(st.integers(24, 28)),
        **values,
    )


@st.composite
def requests(draw):
    """Any request: each range given or left to be chosen."""
    values = draw(wishes())
    return Request(
        vpc=draw(cidrs(AREAS[:3]) | st.just("192.168.0.0/29")),
        vswitches=draw(st.just(()) | vswitches(values["zones"])),
        pod_cidr=draw(st.just("") | cidrs()),
        service_cidr=draw(st.just("") | cidrs() | st.sampled_from(SERVICES)),
        node_mask=draw(st.sampled_from([0, 0, 24, 25, 26, 27, 28])),
        **values,
    )


@st.composite
def healthy(draw, plugins=("flannel", "terway")):
    """A valid plan, with neighbours that leave it room."""
    zones = ZONES[: draw(st.integers(1, 3))]
    near = st.builds(
        Neighbour,
        st.just("near"),
        st.sampled_from(["vpc", "idc", "cluster"]),
        st.lists(cidrs(AREAS[:2], (18, 24)), min_size=1, max_size=2).map(tuple),
    )
    return network.plan_or_raise(
        Request(
            vpc=draw(st.sampled_from(["192.168.0.0/16", "192.168.64.0/18"])),
            plugin=draw(st.sampled_from(plugins)),
            zones=zones,
            vswitches=draw(st.just(()) | st.just((VSwitch("mine", zones[0], "192.168.96.0/21"),))),
            nodes=draw(st.integers(1, 48)),
            nodes_later=draw(st.integers(1, 48)),
            pods_per_node=draw(st.sampled_from([12, 64, 100])),
            services=draw(st.sampled_from([0, 100, 4092])),
            pod_cidr=draw(st.just("") | st.just("10.9.0.0/16")),
            instance_type=draw(st.sampled_from(["ecs.c7.4xlarge", "ecs.c7.32xlarge"])),
            neighbours=draw(st.just(()) | st.tuples(near.filter(lambda one: "10.9." not in str(one.cidrs)))),
        )
    )


def bare(violation) -> tuple[str, ...]:
    """What a violation is about, without ranges and numbers."""
    return (
        violation.rule,
        *(re.sub(r"[0-9a-f.:]+/\d+|\b\d+\b", "#", text) for text in (violation.first, violation.second)),
    )


def rules(found) -> set[str]:
    return {one.rule for one in found}


# --- the planner says what the model says -------------------------------------------------------------------------------


@given(plans())
def test_check_finds_the_rules_that_the_model_finds(plan):
    assert rules(network.check(plan)) == model(plan)


@given(plans())
def test_valid_is_an_empty_check(plan):
    assert network.valid(plan) == (network.check(plan) == [])


@given(plans())
def test_every_sentence_is_whole_and_names_both_things(plan):
    for one in network.check(plan):
        assert re.fullmatch(r"[^:{}]+(: [^{}]+)?\.", one.sentence)
        assert "{" not in one.remedy
        assert one.first
        assert one.second


@given(plans())
def test_a_repeated_service_cidr_is_remarked_and_nothing_else_is(plan):
    inside = [one for one in plan.neighbours if one.kind == "cluster" and one.same_vpc and one.service_cidr]
    repeated = [one for one in inside if meet(plan.service_cidr, one.service_cidr)]
    said = [remark for remark in network.plan(plan).remarks if "Service CIDR" in remark]
    assert [f"Cluster {one.name} " in remark for one, remark in zip(repeated, said, strict=True)] == [True] * len(said)


@given(requests())
def test_an_accepted_plan_breaks_no_rule_and_keeps_what_was_given(request_):
    result = network.plan(request_)
    made = result.plan
    assert bool(made) != bool(result.violations)
    if not made:
        return
    assert model(made) == set()
    assert set(request_.vswitches) <= set(made.vswitches)
    ignored = {"pod_cidr", "node_mask"} if made.plugin == "terway" else set()
    for name in {"vpc", "pod_cidr", "service_cidr", "node_mask", "nodes", "pods_per_node", "neighbours"} - ignored:
        assert getattr(request_, name) in ("", 0, getattr(made, name))


@given(healthy())
def test_a_plan_of_a_plan_is_the_plan(plan):
    assert network.plan(plan).plan == plan
    assert network.repair(plan).plan == plan


# --- room ---------------------------------------------------------------------------------------------------------------


def fits(sizes: list[int], free: frozenset[int]) -> bool:
    """Whether blocks of these sizes (in /29s, aligned to their size) have room; by trying every place."""
    if not sizes:
        return True
    size, *rest = sizes
    blocks = (frozenset(range(at, at + size)) for at in free if at % size == 0)
    return any(fits(rest, free - block) for block in blocks if block <= free)


@given(
    prefix=st.integers(22, 26),
    taken=st.lists(cidrs(("192.168",), (24, 24)).map(lambda text: text.replace(".0/24", ".32/28")), max_size=4),
    nodes=st.sampled_from([1, 4, 5, 10, 28, 29, 100]),
    zones=st.integers(1, 3),
    plugin=st.sampled_from(["flannel", "terway"]),
)
def test_vswitches_are_found_if_and_only_if_there_is_room_for_all(prefix, taken, nodes, zones, plugin):
    """The cluster next door has a few addresses of the VPC."""
    vpc, pods, each = f"192.168.0.0/{prefix}", 2, -(-nodes // zones)
    near = (Neighbour("other", "cluster", tuple(taken)),) if taken else ()
    result = network.plan(
        Request(vpc, plugin, ZONES[:zones], nodes=1, nodes_later=nodes, pods_per_node=pods, neighbours=near)
    )
    needs = [each] * zones + ([each * pods] * zones if plugin == "terway" else [])
    sizes = sorted((next(2**k for k in range(17) if 8 * 2**k - 4 >= need) for need in needs), reverse=True)
    assert bool(result.plan) == fits(sizes, units(vpc).difference(*map(units, taken)))


# --- proposals and repairs ----------------------------------------------------------------------------------------------


@given(plans())
def test_a_proposal_cures_its_violation_and_causes_none(plan):
    found = network.check(plan)
    before = {bare(one) for one in found}
    for one in found:
        if one.proposal and all(one.proposal.values()):
            after = {bare(other) for other in network.check(network.apply(plan, one.proposal))}
            assert bare(one) not in after
            assert after <= before


@given(healthy(), st.data())
def test_one_range_put_wrong_has_a_proposal_that_makes_the_plan_valid(plan, data):
    """Of a plan that was valid one range is moved at will; somebody else's range may be what must give way, but not here:
    without neighbours a range can always be moved."""
    plan = replace(plan, neighbours=())
    field = data.draw(st.sampled_from(["service_cidr"] + (["pod_cidr"] if plan.plugin == "flannel" else [])))
    broken = replace(plan, **{field: data.draw(cidrs(AREAS))})
    found = network.check(broken)
    assert bool(found) == bool(model(broken))
    for one in found:
        assert one.proposal
        assert all(one.proposal.values())
    fixed = network.repair(broken).plan_or_raise()
    assert len(network.changed(broken, fixed)) == bool(found)


POOL = ("10.0.0.0/16", "10.1.0.0/24", "172.20.0.0/18", "192.168.0.0/16", "192.168.64.0/20", "192.168.3.0/24")


def can_be_repaired(plan: Plan, most: int) -> bool:
    """Whether values of the pool in some fields, at most so many, make the model content."""
    fields = ["vpc", "pod_cidr", "service_cidr", "node_mask", *(f"vswitches.{one.name}" for one in plan.vswitches)]
    for group in (group for n in range(most + 1) for group in combinations(fields, n)):
        for values in product(*(("24", "26", "28") if field == "node_mask" else POOL for field in group)):
            if not model(network.apply(plan, dict(zip(group, values, strict=True)))):
                return True
    return False


@pytest.mark.slow
@settings(max_examples=30)
@given(plans())
def test_a_repair_changes_as_few_fields_as_brute_force_does(plan):
    assume(len(plan.vswitches) <= 3)
    result = network.repair(plan)
    if fixed := result.plan:
        assert model(fixed) == set()
        assert not can_be_repaired(plan, min(2, len(network.changed(plan, fixed)) - 1))
        kept = ("nodes", "nodes_later", "pods_per_node", "services", "zones", "neighbours")
        assert [getattr(fixed, name) for name in kept] == [getattr(plan, name) for name in kept]
    else:
        assert rules(result.violations) == model(plan)
        assert not can_be_repaired(plan, 1)


# --- growth -------------------------------------------------------------------------------------------------------------


def larger(plan: Plan) -> list[Plan]:
    """The plan with more of one thing, for each thing; it need not be valid."""

    def wider(cidr: str) -> str:
        prefix = cidr.split("/")[1]
        size = 2 ** (30 - int(prefix))  # in /29s, of the range that is twice as large
        first = min(units(cidr)) // size * size * 8
        return f"{'.'.join(str(first >> bits & 255) for bits in (24, 16, 8, 0))}/{int(prefix) - 1}"

    grown = [
        replace(plan, route_quota=1000),
        replace(plan, node_quota=15_000),
        replace(plan, service_cidr=wider(plan.service_cidr)),
        replace(plan, eni="shared"),
        *(replace(plan, vswitches=(*plan.vswitches, VSwitch("more", zone, plan.vpc))) for zone in plan.zones),
    ]
    grown += [
        replace(plan, vswitches=tuple(replace(o, cidr=wider(o.cidr)) if o is one else o for o in plan.vswitches))
        for one in plan.vswitches
    ]
    if plan.plugin == "flannel":
        grown.append(replace(plan, pod_cidr=wider(plan.pod_cidr)))
    more = [
        name
        for name, numbers in ENIS.items()
        if all(a >= b for a, b in zip(numbers, ENIS[plan.instance_type], strict=True))
    ]
    return grown + [replace(plan, instance_type=name) for name in more]


@given(plans(AREAS[:3]))
def test_more_of_anything_never_lowers_a_limit(plan):
    before = {limit.name: limit.nodes for limit in network.growth(plan).limits}
    for grown in larger(plan):
        after = {limit.name: limit.nodes for limit in network.growth(grown).limits}
        for name, nodes in before.items():
            assert after.get(name, inf) >= nodes
        assert set(after) <= set(before)


@given(healthy())
def test_a_limit_is_the_last_number_of_nodes_that_its_rule_lets_through(plan):
    for limit in network.growth(plan).limits:
        rule, alone = alone_with(plan, limit.name)
        if rule:
            assert rule not in model(replace(alone, nodes_later=limit.nodes))
            assert rule in model(replace(alone, nodes_later=limit.nodes + 1))


def alone_with(plan: Plan, limit: str) -> tuple[str, Plan]:
    """The rule that stands behind a limit, and the plan with nothing else that would break this rule."""
    name, _space, zone = limit.partition(" ")
    plan = replace(plan, nodes=1)
    if not zone:
        return name if name in ("mask-count", "route-quota", "node-quota") else "", plan
    role = name.removesuffix("-vswitch")
    own = tuple(one for one in plan.vswitches if (one.zone, one.role) == (zone, role))
    others = tuple(
        VSwitch(f"{r} {z}", z, "10.0.0.0/14", r) for z in ZONES[:len(plan.zones)] for r in ("node", "pod") if (z, r) != (zone, role)
    )  # fmt: skip
    pods = 1 if role == "node" else plan.pods_per_node
    return "vswitch-too-small", replace(plan, vswitches=own + others, pods_per_node=pods)


@given(plans(AREAS[:3]))
def test_limits_are_sorted_and_the_first_comes_first(plan):
    growth = network.growth(plan)
    numbers = [limit.nodes for limit in growth.limits]
    assert numbers == sorted(numbers)
    assert growth.first.nodes == min(numbers)


# --- blocks -------------------------------------------------------------------------------------------------------------


@given(healthy(["flannel"]), st.integers(0, 40))
def test_the_pod_cidrs_of_nodes_are_apart_and_inside_the_clusters_pod_cidr(plan, n):
    blocks = plan.node_pod_cidrs(n)
    assert len(blocks) == min(n, network.flannel_nodes(plan.pod_cidr, plan.node_mask))

    def addresses(cidr: str) -> range:
        a, b, c, d, prefix = (int(part) for part in re.split(r"[./]", cidr))
        first = ((a * 256 + b) * 256 + c) * 256 + d
        return range(first, first + 2 ** (32 - prefix))

    pods, seen = addresses(plan.pod_cidr), [address for block in blocks for address in addresses(block)]
    assert len(seen) == len(set(seen)) == len(blocks) * 2 ** (32 - plan.node_mask)
    assert all(address in pods for address in seen)


# --- IPv6 ---------------------------------------------------------------------------------------------------------------


@st.composite
def six(draw, groups=("2001:db8:", "fd00:0:")):
    """A range of /48 to /52 in one of two small areas."""
    prefix = draw(st.integers(48, 52))
    size = 2 ** (64 - prefix)
    return f"{draw(st.sampled_from(groups))}0:{draw(st.integers(0, 65536 // size - 1)) * size:x}::/{prefix}"


def addresses6(cidr: str) -> set[int]:
    """The /52s of a range."""
    head, prefix = cidr.split("::/")
    parts = [int(part, 16) for part in head.split(":")]
    parts += [0] * (4 - len(parts))
    first = parts[0] * 10**6 + parts[3] // 4096
    return set(range(first, first + 2 ** (52 - int(prefix))))


@given(six(), six(), six(), st.none() | six())
def test_ipv6_ranges_follow_the_same_rules(vpc, pods, services, theirs):
    base = network.plan_or_raise(Request("192.168.0.0/16", "terway"))
    near = (Neighbour("office", "idc", (theirs,)),) if theirs else ()
    found = rules(network.check(replace(base, vpc6=vpc, pod_cidr6=pods, service_cidr6=services, neighbours=near)))
    vpc, pods, services = map(addresses6, (vpc, pods, services))
    there = addresses6(theirs) if theirs else set()
    assert found == {
        rule
        for rule, broken in {
            "pod6-outside-vpc6": pods - vpc,
            "service-size": True,  # a /48 to /52 is always too large
            "service-overlaps-vpc": services & vpc,
            "pod-overlaps-service": pods & services,
            "vpc-overlaps-neighbour": vpc & there,
            "pod-overlaps-neighbour": pods & there,
            "service-covers-neighbour": services & there,
        }.items()
        if broken
    }


@pytest.mark.parametrize("theirs", ["2001:db8::/60", "fd00::/16", "10.0.0.0/8"])
def test_ipv6_ranges_are_chosen_clear_of_what_there_is(theirs):
    near = (Neighbour("office", "idc", (theirs,)),)
    result = network.plan(Request("192.168.0.0/16", "terway", vpc6="2001:db8::/32", neighbours=near))
    if theirs.startswith("2001"):
        assert rules(result.violations) == {"vpc-overlaps-neighbour"}
        assert result.violations[0].proposal in ({}, {"vpc6": ""})
    else:
        assert result.plan_or_raise().dual
