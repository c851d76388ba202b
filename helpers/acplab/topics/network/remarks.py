"""What is worth knowing about a request that breaks no rule: fields without effect, and where today and the exam differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from acplab.base.i18n import _
from acplab.topics.network.request import Plugin, Request
from acplab.topics.network.rules import NOT_FOR_VPCS, PRIVATE

# Fields that only the other plug-in reads.
UNUSED: dict[Plugin, tuple[str, ...]] = {
    "flannel": ("instance_type", "eni"),
    "terway": ("pod_cidr", "node_mask", "route_quota"),
}


def remarks(request: Request) -> tuple[str, ...]:
    """A sentence about each field that has no effect, and about what is allowed today or by some of ACK's pages only."""
    return (*_unused(request), *_pod_vswitches(request), *_vpc(request), *_repeated_services(request))


def _unused(request: Request) -> Iterator[str]:
    sentence = _("{field} = {value} has no effect: Flannel's Pods need no ENIs.")
    if request.plugin == "terway":
        sentence = _("{field} = {value} has no effect: Terway's Pods take addresses from Pod vSwitches.")
    defaults = {one.name: one.default for one in fields(Request)}
    for field in UNUSED[request.plugin]:
        if (value := getattr(request, field)) != defaults[field]:
            yield sentence.format(field=field, value=value)


def _pod_vswitches(request: Request) -> Iterator[str]:
    """A dual-stack cluster needs Terway anyway, and its rule says so."""
    if request.plugin == "terway" or request.dual:
        return
    for one in request.vswitches:
        if one.role == "pod":
            yield _(
                "vSwitch {name} {cidr} for Pods has no effect: Flannel's Pods take addresses from the Pod CIDR."
            ).format(name=one.name, cidr=one.cidr)


def _vpc(request: Request) -> Iterator[str]:
    """2021: CSK:UG/网络/网络概述.md. Now: TF:vpc, WD:kubernetes-cluster-network-planning."""
    if not any(request.vpc.within(one) for one in PRIVATE) and not any(map(request.vpc.overlap, NOT_FOR_VPCS)):
        yield _(
            "VPC {vpc} is not inside 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16. The exam (2021) allows only these. "
            "Today a VPC may have other ranges, and ACK accepts public ones on application."
        ).format(vpc=request.vpc)


def _repeated_services(request: Request) -> Iterator[str]:
    """May repeat: CSK:BP/集群/Kubernetes集群网络规划.md. Must not: CSK:创建Kubernetes专有版集群.md, TF:cs_managed_kubernetes."""
    for one in request.neighbours:
        if one.same_vpc and request.service_cidr.overlap(one.service_cidr):
            yield _(
                "Cluster {name} in the same VPC has the Service CIDR {theirs}, which overlaps ours, {ours}. ACK's planning "
                "page allows that, and so does the exam. The help text in the console (2021) and Terraform (now) forbid "
                "it, so a range of its own is safer."
            ).format(name=one.name, theirs=one.service_cidr, ours=request.service_cidr)
