"""A customer's brief, against which a plan is held. What the customer wants comes from the brief, not from the learner.

So a request for fewer nodes, or without one of the neighbours, has it no easier.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from acplab.base.i18n import _
from acplab.topics.network.planner import Growth, Plan, Range, Request, Violation, check, growth, plan

WISHES = ("nodes", "nodes_later", "pods_per_node", "services", "route_quota", "node_quota", "neighbours")


@dataclass(frozen=True)
class Brief:
    """What a customer has said.

    wish: all of it. keep: the fields that stay as they are. gives: the wish that the customer would change.
    inside: a range that the Pod CIDR must lie in.
    """

    wish: Request
    keep: tuple[str, ...]
    gives: str = ""
    inside: str = ""

    def objections(self) -> tuple[Violation, ...]:
        """What the planner has against the brief as it is."""
        return plan(self.wish).violations

    def broken(self, planned: Plan) -> list[Violation]:
        """The rules that the plan breaks with what the customer wants."""
        return check(self._held(planned))

    def growth(self, planned: Plan) -> Growth:
        """How far the plan can grow with what the customer wants and has."""
        return growth(self._held(planned))

    def _held(self, planned: Plan) -> Plan:
        return replace(planned, **self._wishes(self.wish))

    def lost(self, planned: Plan) -> list[str]:
        """What the plan gives up that should stay, in words."""
        wish = self.wish
        gone = [f"{name} = {_said(planned, name)}" for name in self.keep if _said(planned, name) != _said(wish, name)]
        places = {(one.cidr, one.zone, one.role) for one in planned.vswitches}
        gone += [
            _("no vSwitch {cidr} for nodes in {zone}").format(cidr=one.cidr, zone=one.zone)
            for one in wish.vswitches
            if (one.cidr, one.zone, one.role) not in places
        ]
        outside = self.inside and not planned.pod_cidr.within(Range(self.inside))
        return [*gone, f"pod_cidr = {planned.pod_cidr or '-'}"] if outside else gone

    def stays(self) -> list[str]:
        """What the customer cannot or will not change, in words."""
        fields = [f"{name} = {_said(self.wish, name)}" for name in self.keep]
        fields += [_("vSwitch {cidr} in {zone}").format(cidr=one.cidr, zone=one.zone) for one in self.wish.vswitches]
        return [*fields, _("pod_cidr inside {range}").format(range=self.inside)] if self.inside else fields

    def differing(self, planned: Plan) -> list[str]:
        """The wishes of which the learner's request says something else than the brief; names of neighbours are free."""
        mine, theirs = self._wishes(planned), self._wishes(self.wish)
        mine["neighbours"], theirs["neighbours"] = _ranges(planned), _ranges(self.wish)
        return [name for name in mine if mine[name] != theirs[name]]

    def fits(self, planned: Plan) -> bool:
        """Whether the plan keeps what should stay and holds for what is wanted."""
        return not self.lost(planned) and not self.broken(planned)

    def _wishes(self, request: Request) -> dict[str, Any]:
        return {name: getattr(request, name) for name in WISHES if name != self.gives}


def _ranges(request: Request) -> set[str]:
    return {cidr for one in request.neighbours for cidr in (*one.cidrs, one.service_cidr) if cidr}


def _said(request: Request, name: str) -> str:
    """A field's value as text; zones in one order, since theirs means nothing."""
    value = getattr(request, name)
    return ", ".join(sorted(value)) if name == "zones" else str(value) or _("none")
