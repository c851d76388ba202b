"""Hints about a network plan that the learner has recorded."""

from __future__ import annotations

from acplab.base.i18n import _
from acplab.grading import LabView
from acplab.grading.checks import Ladder
from acplab.grading.prose import listed
from acplab.topics.network.brief import Brief
from acplab.topics.network.expect import recorded_plan

Two = tuple[str, str]


def recorded_plan_hint(key: str, brief: Brief) -> Ladder:
    """A plan that is recorded: what it gives up, or which rule it breaks when it is held against the brief."""

    def ladder(lab: LabView) -> Two | None:
        planned = recorded_plan(lab, key)
        if planned is None:
            return None
        if lost := brief.lost(planned):
            return (
                _("Your plan gives up something that the customer wants to keep."),
                _("Your plan has: {lost}.").format(lost="; ".join(lost)),
            )
        if broken := brief.broken(planned):
            return (
                _(
                    "Held against the brief, the plan breaks a rule. Your request differs from the brief in: {fields}."
                ).format(fields=listed(brief.differing(planned))),
                broken[0].sentence,
            )
        return None

    return ladder
