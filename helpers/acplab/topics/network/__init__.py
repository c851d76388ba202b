"""The network plan of a cluster: make one, check it, repair it, see how far it grows, draw it.

    found = plan(Request(vpc="192.168.0.0/16"))

Planning is pure: no I/O and no cluster. `picture` and `studio` load matplotlib and ipywidgets when first used.
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
    Request,
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
    "Growth", "Limit", "Neighbour", "Plan", "Plugin", "Request", "VSwitch", "Violation",
    "apply", "changed", "check", "flannel_nodes", "flannel_pods", "growth", "plan", "plan_or_raise", "plan_picture",
    "planning_studio", "repair", "terway_pods", "usable", "valid",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in ("plan_picture", "planning_studio"):
        return getattr(importlib.import_module("acplab.topics.network.picture"), name)
    raise AttributeError(f"network has no part named {name!r}")
