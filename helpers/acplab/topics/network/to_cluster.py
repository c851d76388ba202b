"""A plan as a cluster: the ranges that it is made with, and the kind configuration to read and to keep."""

from __future__ import annotations

import re

from acplab import cluster
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.cluster import Ranges
from acplab.topics.network.model import Plan
from acplab.topics.network.ranges import Range

MAX_KIND_NODES = 3
NAME = re.compile(r"[a-z0-9.-]+")


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


def kind_config(plan: Plan, name: str = "") -> str:
    """The YAML of a kind cluster of this plan, with one node in each zone (3 at most)."""
    if name and not NAME.fullmatch(name):
        raise AcplabError(
            _("kind accepts no cluster name {name!r}.").format(name=name),
            _("Use lower-case letters, digits, dots and hyphens."),
        )
    nodes = [_node(zone, first=zone == plan.zones[0]) for zone in plan.zones[:MAX_KIND_NODES]]
    named = {"name": name} if name else {}
    profile = {"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4", **named, "networking": {}, "nodes": nodes}
    return cluster.kind_yaml(profile, cluster_ranges(plan))


def _node(zone: str, first: bool) -> dict[str, object]:
    return {"role": "control-plane" if first else "worker", "labels": {"topology.kubernetes.io/zone": zone}}
