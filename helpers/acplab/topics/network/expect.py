"""What checks expect of a network plan that the learner has recorded."""

from __future__ import annotations

from acplab.base.i18n import _
from acplab.grading import LabView, Result
from acplab.grading.expect import met
from acplab.topics.network.brief import Brief
from acplab.topics.network.planner import Plan


def recorded_plan(lab: LabView, key: str) -> Plan | None:
    """The plan that the learner has recorded under a key."""
    record = lab.recall(key)
    return Plan.from_record(record) if record is not None else None


def plan_keeps(planned: Plan | None, brief: Brief, text: str) -> Result:
    """There is a plan, and it gives up nothing that the customer wants to keep."""
    lost = [_("no plan is recorded")] if planned is None else brief.lost(planned)
    found = "; ".join(lost) or _("nothing is given up but what the customer offers")
    return met(text, not lost, found, "; ".join(brief.stays()))


def plan_holds(planned: Plan | None, brief: Brief, text: str) -> Result:
    """There is a plan, and it breaks no rule with what the customer wants."""
    broken = [_("no plan is recorded")] if planned is None else [one.sentence for one in brief.broken(planned)]
    wish = brief.wish
    wanted = _(
        "no broken rule with {n} nodes, {pods} Pods on each, {services} Services, and {ranges} ranges around"
    ).format(
        n=wish.most_nodes,
        pods=wish.pods_per_node,
        services=wish.services,
        ranges=sum(len(one.cidrs) for one in wish.neighbours),
    )
    return met(text, not broken, "\n".join(broken) or _("no rule is broken"), wanted)
