"""network.vpc_diagram: one VPC with its zones, vSwitches, first nodes and route table, as a drawing and in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from acplab.base.i18n import _
from acplab.show.diagrams import Diagram, described, label
from acplab.topics.network import planner, rules
from acplab.topics.network.model import Plan
from acplab.topics.network.ranges import NONE, Range
from acplab.topics.network.request import Request, Role


class Node(NamedTuple):
    """A node of the drawing. pods: its Pod CIDR with Flannel, the Pod vSwitch of its zone with Terway."""

    number: int
    zone: str
    pods: Range

    @property
    def name(self) -> str:
        """What it is called."""
        return _("node {n}").format(n=self.number)


def vpc_diagram(plan: Request, nodes: int = 3) -> Diagram:
    """Where the first nodes of a plan are, and what the VPC's route table has for them; nothing is to scale.

        network.vpc_diagram(plan)            # draws itself as the last line of a cell; .text is the same in words

    Flannel: one entry per node, written by the Cloud Controller Manager. Terway: none, since Pods have addresses of Pod
    vSwitches. A Request is planned first (AcplabError if it has no plan); neighbours are left out.
    """
    plan = plan if isinstance(plan, Plan) else planner.plan_or_raise(plan)
    some = list(_nodes(plan, nodes))
    text = "\n".join(_words(plan, some))
    return Diagram(text, "\n".join(["flowchart LR", *described(text), *_boxes(plan, some), *_arrows(plan, some)]))


def _nodes(plan: Plan, most: int) -> Iterator[Node]:
    """The first nodes, dealt out over the zones."""
    cidrs = plan.node_pod_cidrs(most)
    count = min(most, plan.nodes, len(cidrs) if plan.plugin == "flannel" else most)
    for i in range(count):
        zone = plan.zones[i % len(plan.zones)]
        pods = cidrs[i] if cidrs else next((one.cidr for one in rules.of(plan, zone, "pod")), NONE)
        yield Node(i + 1, zone, pods)


def _entries(plan: Plan, nodes: list[Node]) -> list[str]:
    """The lines of the route table."""
    if plan.plugin == "terway":
        return [_("no entry for Pods")]
    return [f"{one.pods} → {one.name}" for one in nodes]


# In words


def _words(plan: Plan, nodes: list[Node]) -> Iterator[str]:
    yield _("{plugin} in the VPC {vpc}").format(plugin=plan.plugin.capitalize(), vpc=plan.vpc)
    for zone in plan.zones:
        yield "  " + _("zone {zone}").format(zone=zone)
        yield from (f"    {line}" for line in _zone_words(plan, zone, nodes))
    yield "  " + _("route table (路由表) of the VPC")
    yield from (f"    {line}" for line in _entries(plan, nodes))
    yield from _beside(plan)


def _zone_words(plan: Plan, zone: str, nodes: list[Node]) -> Iterator[str]:
    here = ", ".join(one.name for one in nodes if one.zone == zone) or "-"
    for role in rules.ROLES[plan.plugin]:
        for number, title in enumerate(_titles(plan, zone, role)):
            first = role == "node" and number == 0
            yield f"{title}: {here}" if first else title


def _titles(plan: Plan, zone: str, role: Role) -> list[str]:
    title = _("vSwitch {cidr} for nodes") if role == "node" else _("vSwitch {cidr} for Pods")
    return [title.format(cidr=one.cidr) for one in rules.of(plan, zone, role)]


def _beside(plan: Plan) -> list[str]:
    """The ranges that no vSwitch has."""
    services = _("Service CIDR {cidr}: in no route table; each node knows it").format(cidr=plan.service_cidr)
    if plan.plugin == "terway":
        return [services]
    pods = _(
        "Pod CIDR {cidr}, outside the VPC: a /{mask} per node; the Cloud Controller Manager (CCM) writes the route entry"
    )
    return [pods.format(cidr=plan.pod_cidr, mask=plan.node_mask), services]


# As boxes and arrows


def _boxes(plan: Plan, nodes: list[Node]) -> Iterator[str]:
    yield f"subgraph vpc[{label(f'VPC {plan.vpc}')}]"
    yield f"table[{label(_('route table (路由表)'), *_entries(plan, nodes))}]"
    for i, zone in reversed(list(enumerate(plan.zones))):  # Mermaid puts the last one first
        yield f"subgraph zone{i}[{label(_('zone {zone}').format(zone=zone))}]"
        yield from _zone_boxes(plan, i, [one for one in nodes if one.zone == zone])
        yield "end"
    yield "end"


def _zone_boxes(plan: Plan, i: int, nodes: list[Node]) -> Iterator[str]:
    zone = plan.zones[i]
    yield f"subgraph nodes{i}[{label(*_titles(plan, zone, 'node'))}]"
    for one in nodes:
        lines = [_("Pods {cidr}").format(cidr=one.pods)] if plan.plugin == "flannel" else []
        yield f"node{one.number}[{label(one.name, *lines)}]"
    if not nodes:
        yield f'none{i}[" "]'
    yield "end"
    if plan.plugin == "terway":
        yield f"pods{i}[{label(*_titles(plan, zone, 'pod'))}]"


def _arrows(plan: Plan, nodes: list[Node]) -> Iterator[str]:
    if plan.plugin == "terway":
        for one in nodes:
            yield f"table ~~~ node{one.number}"  # not seen; it puts the zones below each other
            yield f"node{one.number} -- {label(_('ENIs for its Pods'))} --> pods{plan.zones.index(one.zone)}"
        return
    cidr = label(_("Pod CIDR {cidr}").format(cidr=plan.pod_cidr), _("outside the VPC"))
    yield f"cidr[{cidr}] -. {label(_('a /{mask} per node').format(mask=plan.node_mask))} .-> table"
    yield f"ccm([{label('Cloud Controller Manager (CCM)')}]) -- {label(_('writes the entries'))} --> table"
    yield from (f"table --> node{one.number}" for one in nodes)
