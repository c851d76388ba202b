"""A broken rule of a plan, as the rules find it: what it is about, and what may cure it. messages.py has the words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from acplab.topics.network.ranges import NONE, Range
from acplab.topics.network.request import Neighbour, Request

# Groups of fields, the mildest first: choosing one group again may cure a finding.
Cures = tuple[tuple[str, ...], ...]


class NamedRange(NamedTuple):
    """A range of the plan, by the field that holds it."""

    field: str
    range: Range

    @property
    def key(self) -> str:
        """What makes it the same thing after a change of its range."""
        return self.field


class TheirRange(NamedTuple):
    """A range of a neighbour: one of its cidrs, or its Service CIDR."""

    neighbour: Neighbour
    range: Range
    services: bool = False

    @property
    def key(self) -> str:
        """What makes it the same thing in a changed plan."""
        return f"{self.neighbour.name} {self.range}"


class Finding(NamedTuple):
    """A broken rule. about: what it is about, without our ranges, so that it is found again in a changed plan.

    cures: empty if only a wish could change. Nothing cures it that leaves the first field of every group as it is.
    things: the ranges that it is about; overlap: what two of them have in common. facts: what its sentence needs.
    """

    rule: str
    about: tuple[str, ...]
    cures: Cures
    things: tuple[NamedRange | TheirRange, ...] = ()
    overlap: Range = NONE
    facts: Mapping[str, object] = {}

    @property
    def key(self) -> tuple[str, ...]:
        """What makes it the same finding in a changed plan."""
        return (self.rule, *self.about)

    @property
    def needs(self) -> set[str]:
        """Fields of which at least one must change."""
        return {group[0] for group in self.cures}


class PlanRanges:
    """The ranges of a plan by name; empty ones are left out. pods: of their own, so with Terway only the IPv6 one."""

    def __init__(self, plan: Request) -> None:
        self.plan = plan
        self.vpc = NamedRange("vpc", plan.vpc)
        self.vpcs = [self.vpc, *self._named("vpc6")]
        self.pods = self._named("pod_cidr", "pod_cidr6") if plan.plugin == "flannel" else self._named("pod_cidr6")
        self.services = self._named("service_cidr", "service_cidr6")
        self.vswitches = [NamedRange(f"vswitches.{one.name}", one.cidr) for one in plan.vswitches]

    def _named(self, *fields: str) -> list[NamedRange]:
        return [NamedRange(field, range_) for field in fields if (range_ := getattr(self.plan, field))]

    def by_moving(self, *things: NamedRange) -> Cures:
        """Each of these alone, or the VPC, or the VPC with all that is in it.

        The IPv6 range of a VPC is given by Alibaba Cloud, and a VPC that holds another cluster is not moved.
        """
        alone = tuple((thing.field,) for thing in things if not thing.field.startswith("vpc"))
        return alone + (self.with_vpc() if self.vpc in things else ())

    def with_vpc(self, *fields: str) -> Cures:
        """These fields and the VPC, or these, the VPC and every vSwitch."""
        if any(one.kind == "cluster" and one.same_vpc for one in self.plan.neighbours):
            return ()
        others = tuple(one.field for one in self.vswitches if one.field not in fields)
        return ((*fields, "vpc"), (*fields, "vpc", *others))
