"""Choosing fields of a plan so that they fit the rest of it. plan(), proposals and repair() all choose here.

Ranges that are chosen together are placed from the largest to the smallest. Blocks are aligned to their size, so a
large one never splits a place that a smaller one could have left whole: if there is room for all, it is found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from itertools import chain
from typing import Any, NamedTuple, TypeVar

from acplab.topics.network import capacity, ranges, rules
from acplab.topics.network.ranges import Range
from acplab.topics.network.request import Request, Role, VSwitch

Some = TypeVar("Some", bound=Request)
# Where to look for room: the ranges of ACK's own examples first, then all that is private. Beside a link Pods come
# from 10.0.0.0/8, as in ACK's example of two VPCs.
EXAMPLES = {"pod_cidr": Range("172.20.0.0/16"), "service_cidr": Range("172.21.0.0/16")}
SIXTEEN, TWELVE, EIGHT = rules.PRIVATE[2], rules.PRIVATE[1], rules.PRIVATE[0]
ULA = Range("fd00::/8")  # RFC 4193
USUAL_ROUTES = 200
MIN_PREFIX = {"pod_cidr": 8, "service_cidr": capacity.PREFIXES["service-size", 4][0]}
ROOMY = {"pod_cidr": 16, "service_cidr": 20, "node": 24, "pod": 19}


class NoFreeRange(Exception):
    """Nothing fits for a field."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


class Wanted(NamedTuple):
    """A range to be placed. roomy and tight: the prefix that it would like, and the one that is just enough."""

    field: str
    roomy: int
    tight: int
    places: tuple[Range, ...]
    taken: tuple[Range, ...]


def choose(request: Some, fields: Collection[str]) -> Some:
    """The request with these fields chosen again, so that they fit the others; NoFreeRange if nothing does.

    Fields that are not named stay, even if they break rules among themselves. A vSwitch is "vswitches.NAME"; one that
    does not exist is made if its name is ROLE-ZONE.
    """
    request = _numbers(request, fields)
    problem: NoFreeRange | None = None
    for mask in _masks(request, fields):
        try:
            return _ranges(replace(request, node_mask=mask), fields)
        except NoFreeRange as found:
            problem = problem or found
    assert problem is not None
    raise problem


def _masks(request: Request, fields: Collection[str]) -> list[int]:
    """The node mask, and if it is chosen together with the Pod CIDR, the longer ones: they need less room."""
    if not {"node_mask", "pod_cidr"} <= set(fields) or request.plugin != "flannel":
        return [request.node_mask]
    longer = [mask for mask in capacity.NODE_MASKS if mask > request.node_mask]
    return [request.node_mask, *(mask for mask in longer if capacity.flannel_pods(mask) >= request.pods_per_node)]


def _ranges(request: Some, fields: Collection[str]) -> Some:
    if "vpc" not in fields:
        return _in_vpc(request, fields)
    problem = NoFreeRange("vpc")
    for vpc in _vpcs(request, fields):
        try:
            return _in_vpc(replace(request, vpc=vpc), fields)
        except NoFreeRange as found:
            problem = found
    raise problem


def _in_vpc(request: Some, fields: Collection[str]) -> Some:
    return _ipv6(_apart(_vswitches(request, fields), fields), fields)


def place(wanted: list[Wanted]) -> dict[str, Range]:
    """Where each range goes, all as roomy as there is room for. NoFreeRange if they do not even fit tightly."""
    steps = max((one.tight - one.roomy for one in wanted), default=0)
    for step in range(steps):
        try:
            return _place(wanted, step)
        except NoFreeRange:
            continue
    return _place(wanted, steps)


def _place(wanted: list[Wanted], step: int) -> dict[str, Range]:
    """step: by how many bits each may be smaller than it would like."""
    prefixes = {one.field: min(one.roomy + step, one.tight) for one in wanted}
    placed: dict[str, Range] = {}
    for one in sorted(wanted, key=lambda one: prefixes[one.field]):
        taken = (*one.taken, *placed.values())
        found = next((room for at in one.places if (room := ranges.free(prefixes[one.field], at, taken))), None)
        if found is None:
            raise NoFreeRange(one.field)
        placed[one.field] = found
    return placed


# Numbers


def _numbers(request: Some, fields: Collection[str]) -> Some:
    choices: dict[str, Callable[[Request, Collection[str]], Any]] = {
        "plugin": lambda _request, _fields: "terway",
        "route_quota": _route_quota,
        "node_quota": _node_quota,
        "eni": lambda _request, _fields: "shared",
        "instance_type": _instance_type,
        "node_mask": _node_mask,
    }
    for field, choice in choices.items():
        if field in fields:
            request = replace(request, **{field: choice(request, fields)})
    return request


def _route_quota(request: Request, _fields: Collection[str]) -> int:
    if request.most_nodes > capacity.MAX_ROUTES:
        raise NoFreeRange("route_quota")
    return max(request.most_nodes, USUAL_ROUTES)


def _node_quota(request: Request, _fields: Collection[str]) -> int:
    if request.most_nodes > capacity.MAX_NODES:
        raise NoFreeRange("node_quota")
    return max(request.most_nodes, capacity.NODE_QUOTA)


def _instance_type(request: Request, _fields: Collection[str]) -> str:
    """The smallest type that has room for the Pods."""
    room = {name: capacity.terway_pods(name, request.eni) for name in capacity.INSTANCE_TYPES}
    enough = [name for name in room if room[name] >= request.pods_per_node]
    if not enough:
        raise NoFreeRange("instance_type")
    return min(enough, key=lambda name: room[name])


def _node_mask(request: Request, fields: Collection[str]) -> int:
    """The shortest mask with a Pod CIDR for each node; if a Pod CIDR is chosen too, out of one of the usual size.

    If there is none, the longest one that has the Pods, which leaves the smallest Pod CIDR to be found.
    """
    known = "pod_cidr" not in fields and request.pod_cidr
    prefix = request.pod_cidr.prefix if known else ROOMY["pod_cidr"]
    masks = [mask for mask in capacity.NODE_MASKS if capacity.flannel_pods(mask) >= request.pods_per_node]
    enough = [mask for mask in masks if mask >= prefix and 1 << (mask - prefix) >= request.most_nodes]
    return enough[0] if enough else max(masks, default=capacity.NODE_MASKS[0])


# The VPC and its vSwitches


def _vpcs(request: Request, fields: Collection[str]) -> Iterator[Range]:
    """Private ranges that hold the vSwitches which stay, clear of what the VPC must not meet; the size it has first."""
    kept = [one.cidr for one in request.vswitches if f"vswitches.{one.name}" not in fields]
    taken = [*_neighbours(request, services=True), *_kept(request, fields, "pod_cidr", "service_cidr")]
    for prefix in sorted(
        capacity.PREFIXES["vpc-size", 4], key=lambda prefix: (abs(prefix - request.vpc.prefix), prefix)
    ):
        for place_ in (SIXTEEN, TWELVE, EIGHT):
            found = _around(kept, prefix, place_, taken) if kept else ranges.free(prefix, place_, taken)
            if found:
                yield found


def _around(kept: list[Range], prefix: int, place_: Range, taken: list[Range]) -> Range | None:
    if prefix < place_.prefix:
        return None
    size = 1 << (32 - prefix)
    found = ranges.block(4, kept[0].first // size * size, prefix)
    fits = found.within(place_) and all(one.within(found) for one in kept)
    return found if fits and not any(found.overlap(one) for one in taken) else None


def _vswitches(request: Some, fields: Collection[str]) -> Some:
    chosen = [field.removeprefix("vswitches.") for field in fields if field.startswith("vswitches.")]
    if not chosen:
        return request
    known = {one.name: one for one in request.vswitches}
    made = {name: known.get(name) or named(request, name) for name in sorted(chosen, key=_numbered)}
    taken = [one.cidr for one in request.vswitches if one.name not in made]
    taken += [cidr for one in request.neighbours if one.same_vpc for cidr in one.cidrs]
    wanted = [
        Wanted(f"vswitches.{name}", *_sizes(request, made, name, known.get(name)), (request.vpc,), tuple(taken))
        for name in sorted(made, key=lambda name: (request.zones.index(made[name].zone), made[name].role))
    ]
    placed = place(wanted)
    return with_vswitches(request, [replace(made[name], cidr=placed[f"vswitches.{name}"]) for name in made])


def _numbered(name: str) -> tuple[str, int]:
    """The order of vSwitches: node-h, node-h-2, node-h-10."""
    first, _dash, number = name.rpartition("-")
    return (first, int(number)) if number.isdecimal() else (name, 1)


def _sizes(request: Request, made: dict[str, VSwitch], name: str, known: VSwitch | None) -> tuple[int, int]:
    """The roomy and the tight prefix of a vSwitch; NoFreeRange if the largest possible one is too small."""
    lacking = _lacking(request, made, name)
    if lacking > capacity.MAX_IN_VSWITCH:
        raise NoFreeRange(f"vswitches.{name}")
    allowed = capacity.PREFIXES["vswitch-size", 4]
    tight = ranges.prefix_for(max(1, lacking) + capacity.RESERVED)
    usual = ROOMY["pod" if request.plugin == "terway" else "node"]
    return max(allowed[0], min(tight, known.cidr.prefix if known else usual)), tight


def _lacking(request: Request, made: dict[str, VSwitch], name: str) -> int:
    """Addresses that a vSwitch must have. Of several in one zone the first ones take as many as they can."""
    one = made[name]
    kept = [other for other in rules.of(request, one.zone, one.role) if other.name not in made]
    lacking = rules.needed(request, one.role) - sum(capacity.usable(other.cidr) for other in kept)
    names = [other.name for other in made.values() if (other.zone, other.role) == (one.zone, one.role)]
    left = lacking - names.index(name) * capacity.MAX_IN_VSWITCH
    return left if name == names[-1] else min(left, capacity.MAX_IN_VSWITCH)


def named(request: Request, name: str) -> VSwitch:
    """The new vSwitch that a name like node-cn-hangzhou-h or node-cn-hangzhou-h-2 means; its range is still to be chosen.

    NoFreeRange if the name means none.
    """
    role, _dash, zone = name.partition("-")
    zone = zone if zone in request.zones else re.sub(r"-[0-9]+$", "", zone)
    if role not in ("node", "pod") or zone not in request.zones:
        raise NoFreeRange(f"vswitches.{name}")
    roles: dict[str, Role] = {"node": "node", "pod": "pod"}
    return VSwitch(name, zone, request.vpc, roles[role])


def with_vswitches(request: Some, new: Iterable[VSwitch]) -> Some:
    """The request with these vSwitches in the place of those of the same name; others are added."""
    both = {one.name: one for one in (*request.vswitches, *new)}
    return replace(request, vswitches=tuple(both.values()))


# Pods and Services, which lie apart from the VPC


def _apart(request: Some, fields: Collection[str]) -> Some:
    """Service CIDRs of one VPC may repeat, but a range of its own is better; so it repeats one if there is no other."""
    try:
        return _placed_apart(request, fields, repeat=False)
    except NoFreeRange:
        return _placed_apart(request, fields, repeat=True)


def _placed_apart(request: Some, fields: Collection[str], repeat: bool) -> Some:
    wanted = []
    if "service_cidr" in fields:
        services = [one for one in request.neighbours if not (repeat and one.same_vpc)]
        theirs = (one.service_cidr for one in services if one.service_cidr)
        taken = (request.vpc, *_neighbours(request), *theirs, *_kept(request, fields, "pod_cidr"))
        allowed = capacity.PREFIXES["service-size", 4]
        tight = min(allowed[-1], ranges.prefix_for(request.services + 4))
        if tight < allowed[0]:
            raise NoFreeRange("service_cidr")
        wanted.append(_range_of(request, "service_cidr", tight, (TWELVE, EIGHT, SIXTEEN), taken))
    if "pod_cidr" in fields and request.plugin == "flannel":
        taken = (request.vpc, *_neighbours(request, services=True), *_kept(request, fields, "service_cidr"))
        tight = ranges.prefix_for(request.most_nodes << (32 - request.node_mask))
        linked = any(one.kind != "cluster" or not one.same_vpc for one in request.neighbours)
        places = (EIGHT, TWELVE, SIXTEEN) if linked else (TWELVE, EIGHT, SIXTEEN)
        wanted.append(_range_of(request, "pod_cidr", tight, places, taken))
    placed: dict[str, Any] = place(wanted)
    return replace(request, **placed) if placed else request


def _range_of(request: Request, field: str, tight: int, places: tuple[Range, ...], taken: tuple[Range, ...]) -> Wanted:
    old = getattr(request, field)
    roomy = max(MIN_PREFIX[field], min(tight, old.prefix if old else ROOMY[field]))
    return Wanted(field, roomy, tight, (EXAMPLES[field], *places) if places[0] == TWELVE else places, taken)


def _neighbours(request: Request, services: bool = False) -> tuple[Range, ...]:
    """All ranges of the neighbours, with the Service CIDRs of other clusters or without."""
    reached = chain.from_iterable(one.cidrs for one in request.neighbours)
    theirs = (one.service_cidr for one in request.neighbours if services and one.service_cidr)
    return (*reached, *theirs)


def _kept(request: Request, fields: Collection[str], *names: str) -> tuple[Range, ...]:
    """Ranges of the plan that stay as they are. A Pod CIDR means nothing to Terway."""
    names = tuple(name for name in names if name != "pod_cidr" or request.plugin == "flannel")
    return tuple(range_ for name in names if name not in fields and (range_ := getattr(request, name)))


# IPv6


def _ipv6(request: Some, fields: Collection[str]) -> Some:
    wanted = []
    if "pod_cidr6" in fields:
        prefix = max(64, request.vpc6.prefix)
        taken = (*_neighbours(request, services=True), *_kept(request, fields, "service_cidr6"))
        wanted.append(Wanted("pod_cidr6", prefix, prefix, (request.vpc6,), taken))
    if "service_cidr6" in fields:
        taken = (request.vpc6, *_neighbours(request), *_kept(request, fields, "pod_cidr6"))
        wanted.append(Wanted("service_cidr6", 112, 112, (ULA,), taken))
    placed: dict[str, Any] = place(wanted)
    return replace(request, **placed) if placed else request
