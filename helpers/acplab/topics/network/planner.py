"""The network plan of a cluster: make one, check it, repair it, see how far it grows.

    result = plan(Request(vpc="192.168.0.0/16"))
    result.plan, result.violations      # the plan, or None and the broken rules

Facts and their sources are in the modules beside this one: rules, capacity.
"""

from __future__ import annotations

from collections.abc import Mapping

from acplab.topics.network import growing, repairs, rules
from acplab.topics.network.capacity import flannel_nodes, flannel_pods, terway_pods, usable
from acplab.topics.network.choose import Some
from acplab.topics.network.model import Growth, Limit, Plan, Result, Violation
from acplab.topics.network.ranges import Range
from acplab.topics.network.request import Neighbour, Plugin, Request, VSwitch

__all__ = [
    "Growth", "Limit", "Neighbour", "Plan", "Plugin", "Range", "Request", "Result", "VSwitch", "Violation",
    "apply", "changed", "check", "flannel_nodes", "flannel_pods", "growth", "plan", "plan_or_raise", "repair", "terway_pods",
    "usable", "valid",
]  # fmt: skip


def plan(request: Request) -> Result:
    """A valid plan with what was given kept and the rest chosen; or what is wrong with what was given."""
    return repairs.solve(request)


def plan_or_raise(request: Request) -> Plan:
    """The plan of a request that has one; AcplabError with the first violation if it has none."""
    return plan(request).plan_or_raise()


def check(plan: Plan) -> list[Violation]:
    """Every rule that the plan breaks; empty if it is valid."""
    return repairs.violations(plan)


def valid(plan: Plan) -> bool:
    """Whether check(plan) would be empty; quicker than check() where it would not."""
    return rules.valid(plan)


def apply(plan: Some, proposal: Mapping[str, str]) -> Some:
    """The plan, or request, with a violation's proposal put in. AcplabError if the proposal has no value that works."""
    return repairs.applied(plan, proposal)


def repair(plan: Plan) -> Result:
    """A valid plan that changes as few fields as possible; or what is wrong, if changing ours would not do.

    What you asked for (nodes, Pods, Services, zones, neighbours) stays as it is.
    """
    return repairs.repaired(plan)


def growth(plan: Plan) -> Growth:
    """At how many nodes each limit is reached.

    node-quota, mask-count and route-quota (Flannel), node-vswitch ZONE, pod-vswitch ZONE (Terway); and pods-per-node
    with 0 nodes, if the Pods of a single node do not fit. The number of Services is tied to none of them.
    """
    return growing.growth(plan)


def changed(old: Request, new: Request) -> list[str]:
    """Names of the fields that differ; a vSwitch is "vswitches.NAME"."""
    return repairs.changed(old, new)
