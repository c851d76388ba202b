"""The network plan of a cluster: make one, check it, repair it, see how far it grows, draw it.

    result = plan(Request(vpc="192.168.0.0/16"))

Planning is pure: no I/O and no cluster. What draws a plan, or turns it into a cluster, is loaded when first used.
"""

from __future__ import annotations

import importlib
from typing import Any

from acplab.topics.network.planner import (
    Growth,
    Limit,
    Neighbour,
    Plan,
    Plugin,
    Range,
    Request,
    Result,
    Violation,
    VSwitch,
    apply,
    changed,
    check,
    flannel_nodes,
    flannel_pods,
    growth,
    plan,
    plan_or_raise,
    repair,
    terway_pods,
    usable,
    valid,
)

__all__ = [
    "Brief", "Growth", "Limit", "Neighbour", "Plan", "Plugin", "Range", "Request", "Result", "VSwitch", "Violation",
    "apply", "changed", "check", "cluster_ranges", "flannel_nodes", "flannel_pods", "growth", "plan",
    "plan_holds", "plan_keeps", "plan_or_raise", "plan_picture", "planning_studio", "recorded_plan", "recorded_plan_hint", "repair", "terraform",
    "terway_pods", "usable", "valid", "vpc_diagram",
]  # fmt: skip


# What needs more than planning does, and the module that has it.
LATER = {
    "Brief": "brief",
    "plan_holds": "expect",
    "plan_keeps": "expect",
    "recorded_plan": "expect",
    "recorded_plan_hint": "diagnose",
    "cluster_ranges": "to_cluster",
    "plan_picture": "picture",
    "planning_studio": "studio",
    "terraform": "hcl",
    "vpc_diagram": "vpc",
}


def __getattr__(name: str) -> Any:
    if name in LATER:
        return getattr(importlib.import_module(f"acplab.topics.network.{LATER[name]}"), name)
    raise AttributeError(f"network has no part named {name!r}")
