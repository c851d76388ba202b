"""Where each range of a network plan lies, what is used of it, and what it meets: as pieces with titles.

The words and the picture of a plan are both made from them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from acplab.base.i18n import _
from acplab.topics import network
from acplab.topics.network import capacity, messages, rendering, rules
from acplab.topics.network.findings import TheirRange
from acplab.topics.network.model import Violation
from acplab.topics.network.ranges import NONE
from acplab.topics.network.request import Neighbour, Request, VSwitch

Use = Literal["now", "later", "free"]
CIDRS = 3  # nodes' Pod CIDRs that are drawn one by one
STRIP = 5  # a Pod CIDR is drawn as long as so many of them


class Segment(NamedTuple):
    """A part of a strip. share: of its length, 0..1."""

    share: float
    use: Use
    label: str = ""


@dataclass(frozen=True)
class Piece:
    """A box of the picture. title: what sentences call it, so that marks find it. strip: what is used of it."""

    title: str
    notes: tuple[str, ...] = ()
    strip: tuple[Segment, ...] = ()
    inner: tuple[Piece, ...] = ()
    framed: bool = True


@dataclass(frozen=True)
class Scene:
    """All that is drawn. marks: title of a piece -> what is wrong with it."""

    title: str
    ours: tuple[Piece, ...]
    theirs: tuple[Piece, ...]
    marks: Mapping[str, list[str]]
    problems: tuple[str, ...]


def scene(plan: Request) -> Scene:
    """What plan_picture() shows of a Plan; of a Request its plan, or what it asks for if it has none."""
    drawn, problems = _drawn(plan)
    return Scene(
        _title(drawn),
        tuple(_ours(drawn)),
        tuple(piece for one in drawn.neighbours for piece in _neighbour(drawn, one)),
        _marks(problems),
        tuple(f"{number}  {one.sentence}" for number, one in enumerate(problems, 1)),
    )


def _drawn(plan: Request) -> tuple[Request, Sequence[Violation]]:
    if isinstance(plan, network.Plan):
        return plan, network.check(plan)
    result = network.plan(plan)
    return result.plan or _with_vswitches(plan), result.violations


def _with_vswitches(wish: Request) -> Request:
    """A wish that gets no plan, with the vSwitches that it would get if nothing else were in the way."""
    alone = replace(wish, pod_cidr=NONE, service_cidr=NONE, neighbours=(), services=0, route_quota=1000)
    found = network.plan(alone).plan
    return replace(wish, vswitches=found.vswitches) if found else wish


def _title(plan: Request) -> str:
    plugin = "Flannel" if plan.plugin == "flannel" else "Terway"
    return _("{plugin} in {vpc}; nodes: {now} now, {later} in two years; Pods per node: {pods}").format(
        plugin=plugin, vpc=plan.vpc, now=plan.nodes, later=plan.nodes_later, pods=plan.pods_per_node
    )


def _marks(problems: Sequence[Violation]) -> Mapping[str, list[str]]:
    marks: dict[str, list[str]] = defaultdict(list)
    for number, one in enumerate(problems, 1):
        meets = one.overlap and "outside" not in one.rule
        mark = _("{number}  overlap {overlap}") if meets else _("{number}  broken rule, see below")
        for title in (*one.first.split(", "), *one.second.split(", ")):
            marks[title].append(mark.format(number=number, overlap=one.overlap))
    return marks


# Our own ranges


def _ours(plan: Request) -> Iterator[Piece]:
    flannel = plan.plugin == "flannel"
    six = (*_six(plan, "vpc6", framed=False), *(() if flannel else _six(plan, "pod_cidr6", framed=False)))
    zones = (_zone(plan, zone) for zone in plan.zones)
    yield Piece(f"{messages.label('vpc')} {plan.vpc}", () if flannel else _enis(plan), inner=(*six, *zones))
    if flannel:
        yield _pod_cidr(plan)
        yield from _six(plan, "pod_cidr6")
    yield _service_cidr(plan)
    yield from _six(plan, "service_cidr6")


def _enis(plan: Request) -> tuple[str, ...]:
    note = _("{type}, ENIs {mode}: {room} Pods per node at most")
    room = network.terway_pods(plan.instance_type, plan.eni)
    return (note.format(type=plan.instance_type, mode=plan.eni, room=room),)


def _six(plan: Request, field: str, framed: bool = True) -> list[Piece]:
    text = getattr(plan, field)
    return [Piece(f"{messages.label(field)} {text}", framed=framed)] if text else []


def _zone(plan: Request, zone: str) -> Piece:
    inner = [piece for role in rules.ROLES[plan.plugin] for piece in _vswitches(plan, zone, role)]
    return Piece(_("zone {zone}").format(zone=zone), inner=tuple(inner))


def _vswitches(plan: Request, zone: str, role: Literal["node", "pod"]) -> Iterator[Piece]:
    """Nodes are spread evenly over the zones; several vSwitches of one zone are filled one after the other."""
    each = 1 if role == "node" else plan.pods_per_node
    now, later = (-(-nodes // len(plan.zones)) * each for nodes in (plan.nodes, plan.most_nodes))
    there = rules.of(plan, zone, role)
    for one in there:
        room = network.usable(one.cidr)
        full = room if one is not there[-1] else later  # the last one shows what is missing
        yield _vswitch(one, min(now, full), min(later, full), room)
        now, later = max(0, now - room), max(0, later - room)
    if not there:
        wanted = _("vSwitch for nodes: none yet") if role == "node" else _("vSwitch for Pods: none yet")
        yield Piece(wanted, framed=False)


def _vswitch(one: VSwitch, now: int, later: int, room: int) -> Piece:
    note = (
        _("addresses for nodes: {now} now, {later} in two years, room for {room}")
        if one.role == "node"
        else _("addresses for Pods: {now} now, {later} in two years, room for {room}")
    )
    title = f"{messages.label(f'vswitches.{one.name}')} {one.cidr}"
    uses = note.format(now=_grouped(now), later=_grouped(later), room=_grouped(room))
    return Piece(title, (uses,), _used(now, later, room), framed=False)


def _pod_cidr(plan: Request) -> Piece:
    if not plan.pod_cidr:
        return Piece(_("Pod CIDR: none yet"))
    title = f"{messages.label('pod_cidr')} {plan.pod_cidr}"
    if not plan.node_mask:
        return Piece(title, (_("no node mask yet"),))
    room = network.flannel_nodes(plan.pod_cidr, plan.node_mask)
    note = _(
        "Pod CIDRs of /{mask}, one per node: {now} now, {later} in two years, room for {room}, {free} free"
    ).format(
        room=_grouped(room),
        mask=plan.node_mask,
        now=_grouped(plan.nodes),
        later=_grouped(plan.most_nodes),
        free=_grouped(max(0, room - plan.most_nodes)),
    )
    return Piece(title, (note,), tuple(_node_cidrs(plan, room)))


def _node_cidrs(plan: Request, room: int) -> Iterator[Segment]:
    """The first nodes' Pod CIDRs, then the nodes of today, those to come, and what is free. Not to scale: one is tiny."""
    now, later = min(plan.nodes, room), min(plan.most_nodes, room)
    first = rendering.node_pod_cidrs(plan, min(CIDRS, later))
    parts: list[tuple[float, Use, str]] = []
    for node, cidr in enumerate(first, 1):
        parts.append((1, "now" if node <= now else "later", _("node {n}").format(n=node) + f"\n{cidr}"))
    ends: dict[int, Use] = {later: "later", now: "now"}  # if both are the same, it is now
    for last, use in ends.items():
        if last > CIDRS:
            parts.insert(CIDRS, (0.7, use, _("to node\n{n}").format(n=_grouped(last))))
    if room > later:
        parts.append((max(0.7, STRIP - sum(weight for weight, _use, _label in parts)), "free", _("free")))
    total = sum(weight for weight, _use, _label in parts)
    yield from (Segment(weight / total, use, label) for weight, use, label in parts)


def _service_cidr(plan: Request) -> Piece:
    if not plan.service_cidr:
        return Piece(_("Service CIDR: none yet"))
    room = capacity.services(plan.service_cidr)
    note = _("Services: {n} in two years, room for {room}").format(n=_grouped(plan.services), room=_grouped(room))
    strip = _used(0, plan.services, room)
    return Piece(f"{messages.label('service_cidr')} {plan.service_cidr}", (note,), strip)


def _used(now: int, later: int, room: int) -> tuple[Segment, ...]:
    """A strip to scale; it ends where the room ends."""
    now, later = min(now, room), min(later, room)
    parts: list[tuple[int, Use]] = [(now, "now"), (later - now, "later"), (room - later, "free")]
    return tuple(Segment(n / room, use) for n, use in parts if n > 0)


def _grouped(n: int) -> str:
    return f"{n:,}".replace(",", " ")


# The others


def _neighbour(plan: Request, one: Neighbour) -> Iterator[Piece]:
    """A piece for each range, under the name by which the planner's sentences call it."""
    if one.kind == "cluster":
        yield from _cluster(one)
        return
    note = _("interconnected VPC") if one.kind == "vpc" else _("data centre")
    for cidr in one.cidrs:
        yield Piece(messages.title(TheirRange(one, cidr)), (note, *rendering.way_to_pods(plan, one)))


def _cluster(one: Neighbour) -> Iterator[Piece]:
    note = _("in the same VPC") if one.same_vpc else _("in an interconnected VPC")
    for cidr in one.cidrs:
        yield Piece(messages.title(TheirRange(one, cidr)), (note,))
    if one.service_cidr:
        services = TheirRange(one, one.service_cidr, services=True)
        repeats = _("may repeat our Service CIDR") if one.same_vpc else _("must differ from our Service CIDR")
        yield Piece(messages.title(services), (repeats,))


# In words


def words(scene: Scene) -> Iterator[str]:
    """The lines that say all that the picture shows."""
    yield scene.title
    for heading, pieces in ((_("This cluster"), scene.ours), (_("Beside it"), scene.theirs)):
        if pieces:
            yield f"  {heading}"
            for piece in pieces:
                yield from _lines(piece, scene.marks, "    ")
    if scene.problems:
        yield "  " + _("Broken rules")
        yield from (f"    {problem}" for problem in scene.problems)


def _lines(piece: Piece, marks: Mapping[str, list[str]], indent: str) -> Iterator[str]:
    yield indent + ": ".join([piece.title, *([", ".join(piece.notes)] if piece.notes else [])])
    labels = [segment.label.replace("\n", " ") for segment in piece.strip if segment.label]
    if labels:
        yield f"{indent}  {', '.join(labels)}"
    for mark in marks.get(piece.title, ()):
        yield f"{indent}  ! {mark}"
    for inner in piece.inner:
        yield from _lines(inner, marks, indent + "  ")
