"""How far a plan can grow: at how many nodes each limit is reached."""

from __future__ import annotations

from acplab.base.i18n import _, ngettext
from acplab.topics.network import capacity, rules
from acplab.topics.network.model import Growth, Limit, Plan
from acplab.topics.network.request import Role


def growth(plan: Plan) -> Growth:
    """At how many nodes each limit is reached, sorted."""
    quota = Limit("node-quota", plan.node_quota, capacity.whose_node_quota(plan.node_quota))
    limits = [quota, *_plugin(plan), *_zones(plan)]
    return Growth(tuple(sorted(limits, key=lambda limit: limit.nodes)))


def _plugin(plan: Plan) -> list[Limit]:
    if plan.plugin == "terway":
        pods = capacity.terway_pods(plan.instance_type, plan.eni)
        return _pods(plan, pods)
    nodes = capacity.flannel_nodes(plan.pod_cidr, plan.node_mask)
    own = [Limit("mask-count", nodes, _mask_count(plan, nodes)), Limit("route-quota", plan.route_quota, _routes(plan))]
    return own + _pods(plan, capacity.flannel_pods(plan.node_mask))


def _mask_count(plan: Plan, nodes: int) -> str:
    why = ngettext(
        "{cidr} has room for {n} Pod CIDR of /{mask}, one per node",
        "{cidr} has room for {n} Pod CIDRs of /{mask}, one per node",
        nodes,
    )
    return why.format(cidr=plan.pod_cidr, n=nodes, mask=plan.node_mask)


def _routes(plan: Plan) -> str:
    why = ngettext(
        "the VPC has {n} route entry, one per node", "the VPC has {n} route entries, one per node", plan.route_quota
    )
    return why.format(n=plan.route_quota)


def _pods(plan: Plan, room: int) -> list[Limit]:
    """A limit only where the Pods of a single node do not fit; otherwise more nodes bring more room with them."""
    room = min(room, capacity.MAX_PODS)
    why = _("a node has room for {room} Pods, and you want {n}").format(room=room, n=plan.pods_per_node)
    return [Limit("pods-per-node", 0, why)] if room < plan.pods_per_node else []


def _zones(plan: Plan) -> list[Limit]:
    return [_zone(plan, zone, role) for zone in plan.zones for role in rules.ROLES[plan.plugin]]


def _zone(plan: Plan, zone: str, role: Role) -> Limit:
    """Nodes are spread evenly, so the zone that is full first stops all."""
    room = sum(capacity.usable(one.cidr) for one in rules.of(plan, zone, role))
    nodes = room // (1 if role == "node" else plan.pods_per_node) * len(plan.zones)
    why = (
        _("the vSwitches for nodes in {zone} have {room} addresses")
        if role == "node"
        else _("the vSwitches for Pods in {zone} have {room} addresses, {n} per node")
    )
    return Limit(f"{role}-vswitch {zone}", nodes, why.format(zone=zone, room=room, n=plan.pods_per_node))
