"""A plan as a cluster: the ranges that it is made with."""

from __future__ import annotations

from acplab.cluster import Ranges
from acplab.topics.network.model import Plan
from acplab.topics.network.ranges import Range


def cluster_ranges(plan: Plan) -> Ranges:
    """What `cluster.ensure(profile, ranges=...)` takes. kind knows one Pod range: with Terway the first Pod vSwitch."""
    pods = _pods(plan)
    # Terway divides nothing among nodes. Our stand-in does, into parts small enough for several nodes in one vSwitch.
    mask = plan.node_mask if plan.plugin == "flannel" else max(28, min(32, pods.prefix + 2))
    if not plan.dual:
        return Ranges(str(pods), str(plan.service_cidr), mask)
    mask6 = min(128, plan.pod_cidr6.prefix + 8)
    return Ranges(str(pods), str(plan.service_cidr), mask, str(plan.pod_cidr6), str(plan.service_cidr6), mask6)


def _pods(plan: Plan) -> Range:
    if plan.plugin == "flannel":
        return plan.pod_cidr
    return next((one.cidr for one in plan.vswitches if one.role == "pod"), plan.vpc)
