"""The network plan of a cluster: make one, check it, repair it, see how far it grows.

    made = plan(Request(vpc="192.168.0.0/16"))      # a Plan, or the list of Violations that stand in its way

Facts and their sources stand in the modules beside this one: rules, capacity, growth.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from acplab.planning.capacity import flannel_nodes, flannel_pods, terway_pods, usable
from acplab.planning.model import Growth, Limit, Neighbour, Plan, Plugin, Request, Violation, VSwitch

__all__ = [
    "Growth", "Limit", "Neighbour", "Plan", "Plugin", "Request", "VSwitch", "Violation",
    "apply", "changed", "check", "flannel_nodes", "flannel_pods", "growth", "must", "plan", "repair", "terway_pods",
    "usable",
]  # fmt: skip


def plan(request: Request) -> Plan | list[Violation]:
    """A valid plan with what was given kept and the rest chosen; or what is wrong with what was given."""
    raise NotImplementedError


def must(request: Request) -> Plan:
    """The plan of a request that has one; AcplabError with the first violation if not."""
    raise NotImplementedError


def check(plan: Plan) -> list[Violation]:
    """Every rule that the plan breaks; empty if it is valid."""
    raise NotImplementedError


def apply(plan: Plan, proposal: Mapping[str, str]) -> Plan:
    """The plan with a violation's proposal put in."""
    raise NotImplementedError


def repair(plan: Plan) -> Plan | list[Violation]:
    """A valid plan that changes as few fields as possible; or what is wrong, if no change of ours would do."""
    raise NotImplementedError


def growth(plan: Plan) -> Growth:
    """At how many nodes each limit is reached."""
    raise NotImplementedError


def changed(old: Plan, new: Plan) -> list[str]:
    """Names of the fields that differ; a vSwitch is "vswitches.NAME"."""
    return [one.name for one in fields(old) if getattr(old, one.name) != getattr(new, one.name)]
