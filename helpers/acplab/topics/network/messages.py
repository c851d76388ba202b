"""What is said about a broken rule: the two things that it is about, a sentence and a remedy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from acplab.base.i18n import _, ngettext
from acplab.topics.network import capacity, rules
from acplab.topics.network.findings import Finding, NamedRange, TheirRange
from acplab.topics.network.request import Request, Role


class Message(NamedTuple):
    """first, second: the two things, with their ranges."""

    first: str
    second: str
    sentence: str
    remedy: str


def message(plan: Request, finding: Finding) -> Message:
    """What to say about a finding in this plan."""
    return SAYS[finding.rule](plan, finding)


def no_room(request: Request, field: str) -> Message:
    """What to say about a field that no range is free for."""
    vpc = NamedRange("vpc6", request.vpc6) if field == "pod_cidr6" else NamedRange("vpc", request.vpc)
    inside = field == "pod_cidr6" or field.startswith("vswitches.")
    sentence = (
        _("There is no room for {field} in {vpc}.")
        if inside
        else _("There is no room for {field} beside {vpc} and the other ranges.")
    )
    return Message(
        label(field),
        title(vpc),
        sentence.format(field=label(field), vpc=title(vpc)),
        _("Take another VPC, or ask for less."),
    )


# What things are called


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


def title(thing: NamedRange | TheirRange) -> str:
    """What a range is called, with the range."""
    if isinstance(thing, NamedRange):
        return f"{label(thing.field)} {thing.range}"
    if thing.services:
        text = _("Services of cluster {name} {range}")
    elif thing.neighbour.kind == "cluster":
        text = _("Pods of cluster {name} {range}")
    else:
        text = _("VPC {name} {range}") if thing.neighbour.kind == "vpc" else _("IDC {name} {range}")
    return text.format(name=thing.neighbour.name, range=thing.range)


def per_node(plan: Request) -> str:
    """The Pods that are wanted on a node."""
    return ngettext("{n} Pod per node", "{n} Pods per node", plan.pods_per_node).format(n=plan.pods_per_node)


def nodes(n: int) -> str:
    """So many nodes."""
    return ngettext("{n} node", "{n} nodes", n).format(n=n)


# Two ranges


def _two_ranges(_plan: Request, finding: Finding) -> Message:
    first, second = (title(thing) for thing in finding.things)
    sentence, remedy = _about_two(finding.rule)
    return Message(first, second, sentence.format(first=first, second=second, overlap=finding.overlap), remedy)


def _pods_and_others(plan: Request, finding: Finding) -> Message:
    """With Flannel the entries of the nodes decide (FACTS 4); an IPv6 range of Terway's Pods is the VPC's."""
    first, second = (title(thing) for thing in finding.things)
    theirs = finding.things[1]
    if plan.plugin == "terway":
        sentence = _("{first} and {second} overlap in {overlap}. No route can lead to an address on both sides.")
    elif isinstance(theirs, TheirRange) and theirs.neighbour.kind == "cluster" and theirs.neighbour.same_vpc:
        sentence = _(
            "{first} and {second} overlap in {overlap}. Both clusters need route entries there, and a VPC has one route "
            "entry for a range."
        )
    else:
        sentence = _(
            "{first} and {second} overlap in {overlap}. The route entries of our nodes would take these addresses away "
            "from the other side."
        )
    remedy = _("Move our range: an address can be on one side only.")
    return Message(first, second, sentence.format(first=first, second=second, overlap=finding.overlap), remedy)


def _about_two(rule: str) -> tuple[str, str]:
    match rule:
        case "pod-overlaps-vpc":
            return (
                _("{first} and {second} overlap in {overlap}. Flannel's Pods need a range outside of the VPC."),
                _("Move the Pod CIDR out of the VPC, or choose a VPC that leaves it free."),
            )
        case "service-overlaps-vpc":
            return (
                _(
                    "{first} and {second} overlap in {overlap}. A ClusterIP there would shadow the VPC host with the same address."
                ),
                _("Move the Service CIDR out of the VPC."),
            )
        case "pod-overlaps-service":
            return (
                _("{first} and {second} overlap in {overlap}. An address there would be a Pod's and a Service's."),
                _("Move one of the two."),
            )
        case "vswitch-outside-vpc":
            return (
                _("{first} is not inside {second}."),
                _("Give the vSwitch a part of the VPC, or the VPC a range that holds it."),
            )
        case "vswitches-overlap":
            return _("{first} and {second} overlap in {overlap}."), _("Move one of the two vSwitches.")
        case "pod6-outside-vpc6":
            return (
                _("{first} is not inside {second}."),
                _("Terway's Pods have addresses of the VPC: move their range into it."),
            )
    return _about_neighbours(rule)


def _about_neighbours(rule: str) -> tuple[str, str]:
    match rule:
        case "vpc-overlaps-neighbour":
            return (
                _("{first} and {second} overlap in {overlap}. No route can lead to an address on both sides."),
                _("Move our range: an address can be on one side of a link only."),
            )
        case "service-overlaps-cluster":
            return (
                _(
                    "{first} and {second} overlap in {overlap}. Between interconnected VPCs the Service CIDRs of clusters "
                    "must differ, too."
                ),
                _("Move our Service CIDR: it may repeat another one inside the same VPC only."),
            )
        case "service-covers-neighbour":
            return (
                _(
                    "{first} covers {overlap} of {second}. Our Pods would take these for ClusterIPs and never reach them."
                ),
                _("Move the Service CIDR: it must cover nothing that our Pods have to reach."),
            )
        case "vswitch-overlaps-cluster":
            return (
                _("{first} and {second} overlap in {overlap}, in the same VPC."),
                _("Move the vSwitch: the other cluster's Pods have these addresses already."),
            )
    return (
        _("{second} cover {overlap} of {first}. Their Pods would take these for ClusterIPs and never reach them."),
        _("Move our range, or their Service CIDR."),
    )


# A range by itself


def _not_for_vpcs(_plan: Request, finding: Finding) -> Message:
    first = title(finding.things[0])
    return Message(
        first,
        _("reserved range {taboo}").format(taboo=finding.facts["taboo"]),
        _("{first} overlaps {taboo}, which no VPC can have.").format(first=first, taboo=finding.facts["taboo"]),
        _("Take a range inside 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16."),
    )


def _not_private(_plan: Request, finding: Finding) -> Message:
    first = title(finding.things[0])
    return Message(
        first,
        _("private ranges {ranges}").format(ranges=", ".join(rules.PRIVATE)),
        _("{first} is not inside 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16.").format(first=first),
        _("Take a range that is inside one of the three as a whole."),
    )


def _size(_plan: Request, finding: Finding) -> Message:
    thing = finding.things[0]
    prefixes = capacity.PREFIXES[finding.rule, thing.range.version]
    sentence, remedy = _about_size(finding.rule)
    numbers = {"first": title(thing), "shortest": prefixes[0], "longest": prefixes[-1]}
    allowed = _("prefix /{shortest} to /{longest}").format(**numbers)
    return Message(title(thing), allowed, sentence.format(**numbers), remedy.format(**numbers))


def _about_size(rule: str) -> tuple[str, str]:
    match rule:
        case "vpc-size":
            return _("{first} has an impossible size: the prefix of a VPC is /{shortest} to /{longest}."), _(
                "Take a VPC of such a size."
            )
        case "vswitch-size":
            return (
                _("{first} has an impossible size: the prefix of a vSwitch is /{shortest} to /{longest}."),
                _("Take such a size; where /{shortest} is too small, several vSwitches of a zone add up."),
            )
    return (
        _("{first} has an impossible size: the prefix of a Service CIDR is /{shortest} to /{longest}."),
        _("The API server refuses larger Service CIDRs, and kubeadm those with fewer than 10 addresses."),
    )


def _many_services(plan: Request, finding: Finding) -> Message:
    first, room = title(finding.things[0]), int(str(finding.facts["room"]))
    sentence = ngettext(
        "{first} has addresses for {room} Service, and you want {n}.",
        "{first} has addresses for {room} Services, and you want {n}.",
        room,
    )
    return Message(
        first,
        ngettext("{n} Service", "{n} Services", plan.services).format(n=plan.services),
        sentence.format(first=first, room=room, n=plan.services),
        _("Take a larger Service CIDR; it cannot be changed later."),
    )


# Addresses of a zone


def _no_vswitch(_plan: Request, finding: Finding) -> Message:
    zone = finding.facts["zone"]
    sentence = (
        _("Zone {zone} has no vSwitch for nodes.")
        if finding.facts["role"] == "node"
        else _("Zone {zone} has no vSwitch for Pods; with Terway they need one in the zone of their node.")
    )
    return Message(
        _("zone {zone}").format(zone=zone),
        _vswitches_for(finding.facts["role"]),
        sentence.format(zone=zone),
        _("Create a vSwitch in {zone}, or leave the zone out.").format(zone=zone),
    )


def _vswitches_for(role: object) -> str:
    return _("vSwitches for nodes") if role == "node" else _("vSwitches for Pods")


def _small_vswitch(plan: Request, finding: Finding) -> Message:
    role: Role = "node" if finding.facts["role"] == "node" else "pod"
    there = rules.in_a_zone(plan)
    numbers = {"zone": finding.facts["zone"], "room": finding.facts["room"], "nodes": there}
    return Message(
        ", ".join(title(thing) for thing in finding.things),
        ngettext("{nodes} node in {zone}", "{nodes} nodes in {zone}", there).format(**numbers),
        _about_small_vswitch(role, there).format(**numbers, n=rules.needed(plan, role)),
        _("Take a larger vSwitch, or add one in this zone; 4 addresses of each are reserved. Or add a zone."),
    )


def _about_small_vswitch(role: Role, there: int) -> str:
    if role == "node":
        return ngettext(
            "The vSwitches for nodes in {zone} have {room} addresses, and {nodes} node there needs {n}.",
            "The vSwitches for nodes in {zone} have {room} addresses, and {nodes} nodes there need {n}.",
            there,
        )
    return ngettext(
        "The vSwitches for Pods in {zone} have {room} addresses, and the Pods of {nodes} node there need {n}.",
        "The vSwitches for Pods in {zone} have {room} addresses, and the Pods of {nodes} nodes there need {n}.",
        there,
    )


# Numbers


def _most_pods(plan: Request, _finding: Finding) -> Message:
    return Message(
        per_node(plan),
        _("at most {most} Pods per node").format(most=capacity.MAX_PODS),
        _("You want {n} Pods per node; ACK allows {most}.").format(n=plan.pods_per_node, most=capacity.MAX_PODS),
        _("Take more nodes with fewer Pods each, {most} at most.").format(most=capacity.MAX_PODS),
    )


def _small_pod_cidr(plan: Request, _finding: Finding) -> Message:
    room = capacity.flannel_pods(plan.node_mask)
    return Message(
        _("node mask /{mask}").format(mask=plan.node_mask),
        per_node(plan),
        _("A node's Pod CIDR of /{mask} has {room} addresses, and you want {n} Pods per node.").format(
            mask=plan.node_mask, room=room, n=plan.pods_per_node
        ),
        _("Take a shorter node mask: each bit less doubles the Pods per node and halves the nodes."),
    )


def _mask_count(plan: Request, _finding: Finding) -> Message:
    room = capacity.flannel_nodes(plan.pod_cidr, plan.node_mask)
    sentence = ngettext(
        "{cidr} has room for {room} Pod CIDR of /{mask}, one per node, and you want {n} nodes.",
        "{cidr} has room for {room} Pod CIDRs of /{mask}, one per node, and you want {n} nodes.",
        room,
    )
    return Message(
        f"{label('pod_cidr')} {plan.pod_cidr}",
        _("node mask /{mask}").format(mask=plan.node_mask),
        sentence.format(cidr=plan.pod_cidr, room=room, mask=plan.node_mask, n=plan.most_nodes),
        _("Take a larger Pod CIDR, or a longer node mask with fewer Pods per node; neither can be changed later."),
    )


def _route_quota(plan: Request, _finding: Finding) -> Message:
    quota = plan.route_quota
    return Message(
        ngettext("{n} route entry", "{n} route entries", quota).format(n=quota),
        nodes(plan.most_nodes),
        _("Each Flannel node takes a route entry of the VPC: the quota is {quota}, and you want {nodes}.").format(
            quota=quota, nodes=nodes(plan.most_nodes)
        ),
        _("Ask for a larger quota, {most} at most; Terway needs no route entries.").format(most=capacity.MAX_ROUTES),
    )


def _node_quota(plan: Request, _finding: Finding) -> Message:
    quota = plan.node_quota
    return Message(
        _("node quota {n}").format(n=quota),
        nodes(plan.most_nodes),
        _("The cluster may have {quota}, and you want {nodes}.").format(
            quota=nodes(quota), nodes=nodes(plan.most_nodes)
        ),
        _(
            "Ask for a larger quota, {most} at most: a Pro cluster has {usual} by default now, and a Basic one (基础版) "
            "10 nodes. Or take a second cluster."
        ).format(most=capacity.MAX_NODES, usual=capacity.NODE_QUOTA),
    )


# What the plug-in needs


def _dual_flannel(plan: Request, _finding: Finding) -> Message:
    return Message(
        _("plug-in Flannel"),
        f"{label('vpc6')} {plan.vpc6}",
        _("On ACK a dual-stack cluster needs Terway; Flannel has IPv4 alone."),
        _("Take Terway, or leave the IPv6 ranges out."),
    )


def _few_enis(plan: Request, _finding: Finding) -> Message:
    enis, addresses = capacity.INSTANCE_TYPES[plan.instance_type]
    room = capacity.terway_pods(plan.instance_type, plan.eni)
    sentence, remedy = _about_enis(plan.eni)
    return Message(
        _("{type}, ENIs {mode}").format(type=plan.instance_type, mode=plan.eni),
        per_node(plan),
        sentence.format(type=plan.instance_type, enis=enis, ips=addresses, room=room, n=plan.pods_per_node),
        remedy,
    )


def _about_enis(mode: str) -> tuple[str, str]:
    if mode == "shared":
        return (
            _("{type} has {enis} ENIs of {ips} addresses. One ENI is the node's, so {room} Pods fit; you want {n}."),
            _("Take a larger instance type, or more nodes with fewer Pods each."),
        )
    return (
        _("{type} has {enis} ENIs. One is the node's and each Pod takes a whole one, so {room} fit; you want {n}."),
        _("Take a larger instance type, shared ENIs, or more nodes with fewer Pods each."),
    )


TWO_RANGES = (
    "pod-overlaps-vpc", "service-overlaps-vpc", "pod-overlaps-service", "vswitch-outside-vpc", "vswitches-overlap",
    "pod6-outside-vpc6", "vpc-overlaps-neighbour", "service-covers-neighbour", "service-overlaps-cluster",
    "vswitch-overlaps-cluster", "cluster-service-covers-ours",
)  # fmt: skip
SAYS: Mapping[str, Callable[[Request, Finding], Message]] = {
    **dict.fromkeys(TWO_RANGES, _two_ranges),
    "pod-overlaps-neighbour": _pods_and_others,
    **dict.fromkeys(("vpc-size", "vswitch-size", "service-size"), _size),
    **dict.fromkeys(("pod-range", "service-range"), _not_private),
    "vpc-range": _not_for_vpcs,
    "services-too-many": _many_services,
    "zone-without-vswitch": _no_vswitch,
    "vswitch-too-small": _small_vswitch,
    "most-pods": _most_pods,
    "node-quota": _node_quota,
    "pods-per-node": _small_pod_cidr,
    "mask-count": _mask_count,
    "route-quota": _route_quota,
    "dual-stack-flannel": _dual_flannel,
    "eni-limit": _few_enis,
}
