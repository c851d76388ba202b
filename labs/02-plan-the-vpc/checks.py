"""Plans for four briefs: does each keep what the customer has, and hold for all that the customer wants?

A plan is judged by its ranges. What the customer wants is put in from the brief and not from the learner's request: who
asks for fewer nodes, or leaves a neighbour out, has it no easier.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from acplab import network
from acplab.base.i18n import _
from acplab.grading.checks import Finding, LabView, expect, hint, task

WISHES = ("nodes", "nodes_later", "pods_per_node", "services", "route_quota", "neighbours")


class Brief(NamedTuple):
    """What a customer said. wish: word for word. keep: fields that stay as they are.

    gives: the wish that the customer would change. inside: a range that the Pod CIDR must lie in.
    """

    wish: network.Request
    keep: tuple[str, ...]
    gives: str = ""
    inside: str = ""


BRIEFS = {
    "shop": Brief(
        network.Request(
            vpc="192.168.0.0/16",
            nodes=30,
            nodes_later=60,
            pods_per_node=100,
            services=200,
            pod_cidr="172.20.0.0/19",
            service_cidr="172.21.0.0/20",
            route_quota=48,
        ),
        keep=("plugin", "vpc", "pod_cidr", "service_cidr"),
        gives="route_quota",
    ),
    "bank": Brief(
        network.Request(
            vpc="172.16.0.0/12",
            nodes=40,
            nodes_later=120,
            pods_per_node=120,
            services=2000,
            pod_cidr="172.20.0.0/16",
            neighbours=(network.Neighbour("data-centre", "idc", ("10.0.0.0/8", "192.168.10.7/32")),),
        ),
        keep=("plugin", "vpc"),
    ),
    "game": Brief(
        network.Request(
            vpc="10.4.0.0/16",
            plugin="terway",
            zones=("cn-hangzhou-h", "cn-hangzhou-i"),
            vswitches=(
                network.VSwitch("node-h", "cn-hangzhou-h", "10.4.0.0/24"),
                network.VSwitch("node-i", "cn-hangzhou-i", "10.4.1.0/24"),
            ),
            nodes=40,
            nodes_later=64,
            pods_per_node=128,
            services=500,
        ),
        keep=("plugin", "vpc", "zones", "instance_type", "eni"),
    ),
    "staging": Brief(
        network.Request(
            vpc="192.168.0.0/16",
            nodes=10,
            nodes_later=16,
            pods_per_node=60,
            services=200,
            service_cidr="172.21.0.0/20",
            neighbours=(
                network.Neighbour("production", "cluster", ("172.20.0.0/19",), service_cidr="172.21.0.0/20"),
                network.Neighbour("office", "vpc", ("172.20.64.0/18",)),
            ),
        ),
        keep=("plugin", "vpc", "service_cidr"),
        inside="172.20.0.0/16",
    ),
}
FORECAST = ("shop", "bank", "game")


@task("shop")
def shop(lab: LabView) -> Iterator[Finding]:
    yield rule_named(lab, "shop")
    yield from plan_judged(lab, "shop")


@task("bank")
def bank(lab: LabView) -> Iterator[Finding]:
    yield rule_named(lab, "bank")
    yield from plan_judged(lab, "bank")


@task("game")
def game(lab: LabView) -> Iterator[Finding]:
    yield from plan_judged(lab, "game")


@task("staging")
def staging(lab: LabView) -> Iterator[Finding]:
    yield from plan_judged(lab, "staging")


@task("limits")
def limits(lab: LabView) -> Iterator[Finding]:
    for name in FORECAST:
        yield limit_named(lab, name)


# --- findings --------------------------------------------------------------------------------------------


def rule_named(lab: LabView, name: str) -> Finding:
    noted = lab.recall(f"{name}-rule")
    return expect(
        criterion=_("the rule is named that makes the brief of the {name} impossible").format(name=name),
        ok=noted in rules(name),
        found=_("nothing is noted") if noted is None else noted,
        wanted=_("the id of a rule that the brief breaks as it stands"),
        why=_("Whoever can name the rule can tell the customer what would have to change."),
        look=_("Let the planner object to the brief as it stands; each of its objections has a `.rule`."),
    )


def plan_judged(lab: LabView, name: str) -> Iterator[Finding]:
    """Whether there is a plan, keeps what the customer has, and holds for what the customer wants."""
    plan = recorded(lab, name)
    if plan is None:
        yield nothing_recorded(name)
        return
    yield kept(name, plan)
    yield holds(name, plan)


def nothing_recorded(name: str) -> Finding:
    return expect(
        criterion=_("a plan is recorded under {name}").format(name=name),
        ok=False,
        found=_("none"),
        wanted=_("a plan for the brief"),
        why=_("A plan in your head is not one that others can hold against the brief."),
        look=_('Make a plan with network.plan_or_raise(...), then: `lab.record("{name}", plan)`').format(name=name),
    )


def kept(name: str, plan: network.Plan) -> Finding:
    missing = lost(BRIEFS[name], plan)
    return expect(
        criterion=_("what the customer has stays as it is"),
        ok=not missing,
        found="; ".join(missing) or _("nothing is given up but what the customer offers"),
        wanted="; ".join(must_stay(BRIEFS[name])),
        why=_("What stands already costs the customer most to change."),
        look=_("Read again what the customer cannot change, and give that to the planner as it is."),
    )


def holds(name: str, plan: network.Plan) -> Finding:
    wish, broken = BRIEFS[name].wish, network.check(judged(name, plan))
    return expect(
        criterion=_("the plan holds for all that the customer wants, now and in two years"),
        ok=not broken,
        found="\n".join(one.sentence for one in broken) or _("no rule is broken"),
        wanted=_("no broken rule with {n} nodes, {pods} Pods on each, {services} Services, and {ranges} ranges around").format(
            n=wish.most_nodes,
            pods=wish.pods_per_node,
            services=wish.services,
            ranges=sum(len(one.cidrs) for one in wish.neighbours),
        ),
        why=_("Of the ranges of a cluster none can be changed later."),
        look=_("Lay your request beside the brief. The check has taken the wishes from the brief, not from your request."),
    )  # fmt: skip


def limit_named(lab: LabView, name: str) -> Finding:
    noted, plan = forecast(lab).get(name), recorded(lab, name)
    first = network.growth(plan).first.nodes if plan is not None and is_good(name, plan) else None
    return expect(
        criterion=_("the first limit of the plan for the {name} is known").format(name=name),
        ok=first is not None and noted == first,
        found=_("nothing is noted") if noted is None else _("{n} nodes, and no plan that fits the brief").format(n=noted)
        if first is None
        else _("{n} nodes").format(n=noted),
        wanted=_("the number of nodes at which the first of its limits is reached"),
        why=_("A plan that is full next year has to be replaced next year; the customer should hear it today."),
        look=_("Each limit by itself allows a number of nodes. Which limits does this plug-in have, and which is reached first?"),
    )  # fmt: skip


# --- hints -----------------------------------------------------------------------------------------------


@hint("shop")
def hint_shop(lab: LabView) -> tuple[str, str]:
    return hint_impossible(lab, "shop")


@hint("bank")
def hint_bank(lab: LabView) -> tuple[str, str]:
    return hint_impossible(lab, "bank")


@hint("game")
def hint_game(lab: LabView) -> tuple[str, str]:
    wish = BRIEFS["game"].wish
    plan = recorded(lab, "game")
    if plan is not None:
        return hint_plan("game", plan)
    return (
        _("The planner has nothing against the draft. So lay the draft beside the brief, number by number."),
        _("In two years {nodes} nodes stand in each zone, with {pods} Pods on each, and each Pod takes an address there.").format(
            nodes=wish.nodes_later // len(wish.zones), pods=wish.pods_per_node
        ),
    )  # fmt: skip


@hint("staging")
def hint_staging(lab: LabView) -> tuple[str, str]:
    plan = recorded(lab, "staging")
    if plan is not None:
        return hint_plan("staging", plan)
    return (
        _("The planner knows no firewall. Which parts of {all} does nobody have?").format(all=BRIEFS["staging"].inside),
        _("Taken there: {ranges}. Look at the ends of these ranges, not at their digits.").format(
            ranges=", ".join(cidr for one in BRIEFS["staging"].wish.neighbours for cidr in one.cidrs)
        ),
    )


@hint("limits")
def hint_limits(lab: LabView) -> tuple[str, str]:
    noted = forecast(lab)
    plans = {name: plan for name in FORECAST if (plan := recorded(lab, name)) and is_good(name, plan)}
    wrong = [
        name for name in FORECAST if name not in plans or noted.get(name) != network.growth(plans[name]).first.nodes
    ]
    if not wrong:
        return _("All three numbers are right."), _('Run the check again: `lab.check("limits")`.')
    if wrong[0] not in plans:
        return (
            _("You need plans that fit their briefs first; {name} has none.").format(name=wrong[0]),
            _("Go back to the task {name}, and to its hints.").format(name=wrong[0]),
        )
    return (
        _("Look again at {names}. What does a plan of this plug-in run out of?").format(names=", ".join(wrong)),
        _("The limits of {name} are, in no order: {limits}. The smallest number counts.").format(
            name=wrong[0], limits=", ".join(sorted(one.name for one in network.growth(plans[wrong[0]]).limits))
        ),
    )


def hint_impossible(lab: LabView, name: str) -> tuple[str, str]:
    if lab.recall(f"{name}-rule") not in rules(name):
        objection = objections(name)[0]
        return (
            _("Write the brief down as a Request with everything in it, and ask the planner."),
            _("It sets {first} against {second}. The id of that rule is wanted.").format(
                first=objection.first, second=objection.second
            ),
        )
    plan = recorded(lab, name)
    if plan is not None:
        return hint_plan(name, plan)
    return (
        _("You know the rule. What does the customer offer to change, and does that cure it?"),
        _("These stay as they are: {fields}. Change what is left, and ask the planner again.").format(
            fields="; ".join(must_stay(BRIEFS[name]))
        ),
    )


def hint_plan(name: str, plan: network.Plan) -> tuple[str, str]:
    """About a plan that is recorded: what it gives up, or what it breaks."""
    if missing := lost(BRIEFS[name], plan):
        return (
            _("Your plan gives up something that the customer wants to keep."),
            _("Your plan has: {missing}.").format(missing="; ".join(missing)),
        )
    if broken := network.check(judged(name, plan)):
        return (
            _("Held against the brief, the plan breaks rules ({n}). Your own request says something else than the brief about: {fields}.")
            .format(n=len(broken), fields=", ".join(differing(BRIEFS[name], plan)) or _("nothing")),
            broken[0].sentence,
        )  # fmt: skip
    return _("Your plan fits the brief."), _('Run the check again: `lab.check("{name}")`.').format(name=name)


# --- looking ---------------------------------------------------------------------------------------------


def recorded(lab: LabView, name: str) -> network.Plan | None:
    """The plan that the learner has recorded for a brief."""
    record = lab.recall(name)
    return network.Plan.from_record(record) if record is not None else None


def forecast(lab: LabView) -> dict[str, Any]:
    """What the learner has noted as limits."""
    noted = lab.recall("limits")
    return noted if isinstance(noted, dict) else {}


def objections(name: str) -> tuple[network.Violation, ...]:
    """What the planner has against a brief as it stands."""
    return network.plan(BRIEFS[name].wish).violations


def rules(name: str) -> list[str]:
    """The rules that a brief breaks as it stands."""
    return [one.rule for one in objections(name)]


def judged(name: str, plan: network.Plan) -> network.Plan:
    """The plan with what the customer wants, in the place of what the learner has asked for."""
    brief = BRIEFS[name]
    return replace(plan, **{wish: getattr(brief.wish, wish) for wish in WISHES if wish != brief.gives})


def differing(brief: Brief, plan: network.Plan) -> list[str]:
    """The wishes of which the learner's own request says something else than the brief; names of neighbours are free."""
    pairs = {wish: (getattr(plan, wish), getattr(brief.wish, wish)) for wish in WISHES if wish != brief.gives}
    pairs["neighbours"] = (ranges_of(plan), ranges_of(brief.wish))
    return [wish for wish, (mine, theirs) in pairs.items() if mine != theirs]


def ranges_of(request: network.Request) -> set[str]:
    """The ranges of all neighbours."""
    return {cidr for one in request.neighbours for cidr in (*one.cidrs, one.service_cidr) if cidr}


def is_good(name: str, plan: network.Plan) -> bool:
    """Whether the plan fits the brief."""
    return not lost(BRIEFS[name], plan) and network.valid(judged(name, plan))


def must_stay(brief: Brief) -> list[str]:
    """What the customer cannot or will not change, in words."""
    fields = [f"{field} = {said(brief.wish, field)}" for field in brief.keep]
    fields += [_("vSwitch {cidr} in {zone}").format(cidr=one.cidr, zone=one.zone) for one in brief.wish.vswitches]
    return fields + ([_("pod_cidr inside {range}").format(range=brief.inside)] if brief.inside else [])


def lost(brief: Brief, plan: network.Plan) -> list[str]:
    """What the plan gives up that should stay, in words."""
    wish = brief.wish
    gone = [f"{field} = {said(plan, field)}" for field in brief.keep if said(plan, field) != said(wish, field)]
    places = {(one.cidr, one.zone, one.role) for one in plan.vswitches}
    gone += [
        _("no vSwitch {cidr} for nodes in {zone}").format(cidr=one.cidr, zone=one.zone)
        for one in wish.vswitches
        if (one.cidr, one.zone, one.role) not in places
    ]
    return gone + ([f"pod_cidr = {plan.pod_cidr}"] if brief.inside and not within(plan.pod_cidr, brief.inside) else [])


def said(request: network.Request, field: str) -> str:
    """A field's value as text; zones in one order, since theirs means nothing."""
    value = getattr(request, field)
    return ", ".join(sorted(value)) if field == "zones" else str(value) or _("none")


def within(cidr: str, other: str) -> bool:
    """Whether a range lies in another one; no range lies nowhere."""
    return bool(cidr) and ipaddress.IPv4Network(cidr).subnet_of(ipaddress.IPv4Network(other))
