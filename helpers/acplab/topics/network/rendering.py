"""A plan as others read it: the rows of ACK's console, plain words."""

from __future__ import annotations

from itertools import islice

from acplab.base.i18n import _
from acplab.topics.network import ranges
from acplab.topics.network.ranges import Range
from acplab.topics.network.request import Neighbour, Request


def node_pod_cidrs(plan: Request, n: int) -> list[Range]:
    """The Pod CIDRs of the first n nodes (Flannel); fewer if the cluster's Pod CIDR has fewer."""
    if plan.plugin == "terway":
        return []
    pods = plan.pod_cidr
    size = 1 << (32 - plan.node_mask)
    starts = islice(range(pods.first, pods.last + 2 - size, size), max(0, n))
    return [ranges.block(4, start, plan.node_mask) for start in starts]


# For people


def console(plan: Request) -> list[tuple[str, str]]:
    """Rows of ACK's page for creating a cluster: (field with its Chinese name, value).

    2021: CSK:UG/集群/创建集群/创建Kubernetes专有版集群.md. Now: WD:kubernetes-cluster-network-planning.
    """
    flannel = plan.plugin == "flannel"
    rows: list[tuple[str, str]] = [(_("VPC (专有网络)"), plan.vpc)]
    rows += [(_("Network plug-in (网络插件)"), "Flannel" if flannel else "Terway")]
    rows += [(_("vSwitch (2021: 虚拟交换机, now: 交换机)"), one) for one in _vswitches(plan, "node")]
    if flannel:
        rows += [(_("Pod CIDR (2021: Pod网络CIDR, now: 容器网段)"), plan.pod_cidr)]
        size = str(1 << (32 - plan.node_mask))
        rows += [(_("Addresses per node (2021: 节点IP数量, now: 节点Pod数量)"), size)]
    else:
        rows += [(_("Pod vSwitch (2021: Pod虚拟交换机, now: Pod交换机)"), one) for one in _vswitches(plan, "pod")]
    rows += [(_("Service CIDR (now: 服务网段)"), plan.service_cidr)]
    if plan.dual:
        rows += [(_("IPv6 dual stack (IPv6双栈)"), _("on")), ("IPv6 Service CIDR", plan.service_cidr6)]
    return rows


def _vswitches(plan: Request, role: str) -> list[str]:
    return [f"{one.cidr} ({one.name}, {one.zone})" for one in plan.vswitches if one.role == role]


def words(plan: Request) -> str:
    """The whole plan in plain lines."""
    lines = [f"{field}: {value}" for field, value in console(plan)]
    lines += [_("Nodes: {now} now, {later} later").format(now=plan.nodes, later=plan.nodes_later)]
    if plan.plugin == "flannel":
        lines += [_("Each node has a Pod CIDR of /{mask} and a route entry in the VPC.").format(mask=plan.node_mask)]
    else:
        lines += [_("Nodes are {type}, ENIs {mode}.").format(type=plan.instance_type, mode=plan.eni)]
    if plan.dual:
        lines += [_("IPv6: VPC {vpc}, Pods {pods}").format(vpc=plan.vpc6, pods=plan.pod_cidr6)]
    return "\n".join([*lines, *(line for one in plan.neighbours for line in _neighbour(plan, one))])


def _neighbour(plan: Request, one: Neighbour) -> list[str]:
    kind = {"vpc": "VPC", "idc": "IDC", "cluster": _("Cluster")}[one.kind]
    return [f"{kind} {one.name}: {', '.join(one.cidrs)}", *(f"  {line}" for line in way_to_pods(plan, one))]


def way_to_pods(plan: Request, one: Neighbour) -> list[str]:
    """The route that the other end of a link needs, if clients there call our Pods (Flannel).

    Answers to our Pods need none: Flannel's Pods leave with the address of their node.
    """
    if plan.plugin == "terway" or one.kind == "cluster" or not plan.pod_cidr:
        return []
    route = (
        _("if clients there call our Pods: a route for {pods} in the route table of that VPC")
        if one.kind == "vpc"
        else _("if clients there call our Pods: a route for {pods} on the border router (VBR)")
    )
    return [route.format(pods=plan.pod_cidr)]
