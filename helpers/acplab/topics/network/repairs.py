"""From a request to a plan, from a finding to a proposal, from a broken plan to a valid one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import fields, replace
from itertools import combinations
from typing import Any

from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.topics.network import messages, rules
from acplab.topics.network.choose import NoFreeRange, Some, choose, named, with_vswitches
from acplab.topics.network.findings import Finding, PlanRanges
from acplab.topics.network.model import Plan, Result, Violation
from acplab.topics.network.remarks import remarks
from acplab.topics.network.request import Request

# What is changed first when several fields would do.
FLANNEL = ("pod_cidr", "service_cidr", "node_mask", "route_quota", "node_quota")
TERWAY = ("service_cidr", "eni", "instance_type", "node_quota")
DUAL = ("pod_cidr6", "service_cidr6")


# From a request to a plan


def solve(request: Request) -> Result:
    """A valid plan with what was given kept and the rest chosen; or what is wrong with what was given."""
    missing, lacking = _missing(request), []
    filled = None
    while filled is None:
        try:
            filled = choose(request, missing)
        except NoFreeRange as none:
            missing.remove(none.field)
            lacking.append(none.field)
    if lacking:
        without_room = (_no_room(request, field, [*lacking, *missing]) for field in lacking)
        return Result(None, (*without_room, *_others(filled, lacking)), remarks(filled))
    plan = _as_plan(filled)
    found = tuple(violations(plan))
    return Result(None if found else plan, found, remarks(filled))


def _as_plan(request: Request) -> Plan:
    values = {one.name: getattr(request, one.name) for one in fields(request)}
    return Plan(**(values | ({"pod_cidr": "", "node_mask": 0} if request.plugin == "terway" else {})))


def _missing(request: Request) -> list[str]:
    """The fields that are still to be chosen."""
    names = ["service_cidr", *(("pod_cidr", "node_mask") if request.plugin == "flannel" else ())]
    names += DUAL if request.dual else ()
    lacking = rules.without_vswitch(request)
    vswitches = [name for zone, role in lacking for name in rules.new_vswitches(request, zone, role)]
    return [name for name in names if not getattr(request, name)] + [f"vswitches.{name}" for name in vswitches]


def _no_room(request: Request, field: str, missing: Collection[str]) -> Violation:
    """What there is no room for; the proposal is a VPC with all the rest, if there is one."""
    proposal = {field: ""}
    for group in PlanRanges(request).with_vpc(*missing):
        try:
            cured = choose(request, group)
        except NoFreeRange:
            continue
        if rules.valid(cured):
            proposal = {name: _value(cured, name) for name in changed(request, cured)}
            break
    first, second, sentence, remedy = messages.no_room(request, field)
    return Violation("no-room", first, second, "", sentence, _advice(remedy, proposal), proposal)


def _others(filled: Request, lacking: Collection[str]) -> list[Violation]:
    """What else is wrong; that a vSwitch is missing for which there is no room has been said."""
    return [one for one in violations(filled) if not set(one.proposal) & set(lacking)]


# From a finding to a violation with its proposal


def violations(plan: Request) -> list[Violation]:
    """Every rule that the plan breaks, each with a proposal where one exists."""
    findings = list(rules.broken(plan))
    before = {finding.key for finding in findings}
    return [_violation(plan, finding, before) for finding in findings]


def _violation(plan: Request, finding: Finding, before: Collection[tuple[str, ...]]) -> Violation:
    proposal = _proposal(plan, finding, before)
    first, second, sentence, remedy = messages.message(plan, finding)
    return Violation(finding.rule, first, second, finding.overlap, sentence, _advice(remedy, proposal), proposal)


def _proposal(plan: Request, finding: Finding, before: Collection[tuple[str, ...]]) -> dict[str, str]:
    """The first cure after which the finding is gone and no other has come; its first field with "" if there is none."""
    for group in finding.cures:
        try:
            cured = choose(plan, group)
        except NoFreeRange:
            continue
        after = {one.key for one in rules.broken(cured)}
        if finding.key not in after and after.issubset(before):
            return {field: _value(cured, field) for field in changed(plan, cured)}
    return {finding.cures[0][0]: ""} if finding.cures else {}


def _advice(remedy: str, proposal: Mapping[str, str]) -> str:
    values = ", ".join(f"{field} = {value}" for field, value in proposal.items() if value)
    return f"{remedy} {_('This would do: {values}').format(values=values)}" if values else remedy


def _value(plan: Request, field: str) -> str:
    if field.startswith("vswitches."):
        return next(one.cidr for one in plan.vswitches if one.name == _name(field))
    return str(getattr(plan, field))


def applied(plan: Some, proposal: Mapping[str, str]) -> Some:
    """The plan with a proposal put in; AcplabError if the proposal has no value that works."""
    values: dict[str, Any] = {}
    for field, value in proposal.items():
        if value == "" or not _takes(plan, field):
            raise AcplabError(
                _("There is no value for {field} that works.").format(field=field),
                _("Read the remedy of the violation; something that you asked for must change."),
            )
        values[field] = int(value) if str(value).isdecimal() else value
    known = {f"vswitches.{one.name}": one for one in plan.vswitches}
    cidrs = {field: values.pop(field) for field in proposal if "." in field}
    new = [replace(known.get(field) or named(plan, _name(field)), cidr=cidr) for field, cidr in cidrs.items()]
    return replace(with_vswitches(plan, new), **values)


def _takes(plan: Request, field: str) -> bool:
    """Whether a plan has such a field, or can have such a vSwitch."""
    if not field.startswith("vswitches."):
        return field in {one.name for one in fields(plan)}
    try:
        return any(one.name == _name(field) for one in plan.vswitches) or bool(named(plan, _name(field)))
    except NoFreeRange:
        return False


def _name(field: str) -> str:
    return field.removeprefix("vswitches.")


def changed(old: Request, new: Request) -> list[str]:
    """Names of the fields that differ; a vSwitch is "vswitches.NAME"."""
    names = [one.name for one in fields(old) if getattr(old, one.name) != getattr(new, one.name)]
    if "vswitches" not in names:
        return names
    before, after = ({one.name: one for one in plan.vswitches} for plan in (old, new))
    differ = [f"vswitches.{name}" for name in before | after if before.get(name) != after.get(name)]
    return [name for name in names if name != "vswitches"] + differ


# From a broken plan to a valid one


def repaired(plan: Plan) -> Result:
    """The valid plan with the fewest changed fields; or what is wrong, if no change of ours is enough."""
    findings = list(rules.broken(plan))
    needs = [finding.needs for finding in findings]
    every = _changeable(plan, findings)
    if all(needs) and _solved(plan, every):
        for n in range(len(every) + 1):
            for group in _groups(needs, every, n):
                if solution := _solved(plan, group):
                    return Result(solution)
    return Result(None, tuple(violations(plan)))


def _solved(plan: Plan, group: Collection[str]) -> Plan | None:
    try:
        chosen = choose(plan, group)
    except NoFreeRange:
        return None
    return chosen if rules.valid(chosen) else None


def _changeable(plan: Plan, findings: Iterable[Finding]) -> list[str]:
    """All that may change, what moves least first."""
    names = [*(FLANNEL if plan.plugin == "flannel" else TERWAY), *(DUAL if plan.dual else ())]
    names += [f"vswitches.{one.name}" for one in plan.vswitches]
    names += [field for finding in findings for group in finding.cures for field in group]
    names += [field for group in PlanRanges(plan).with_vpc() for field in group]
    return list(dict.fromkeys(names))


def _groups(needs: list[set[str]], every: list[str], n: int) -> Iterator[frozenset[str]]:
    """The groups of n fields that have at least one of each need."""
    seen = set()

    def grown(group: frozenset[str]) -> Iterator[frozenset[str]]:
        need = next((need for need in needs if not need & group), None)
        if need is None:
            others = [field for field in every if field not in group]
            yield from (group.union(more) for more in combinations(others, n - len(group)))
        elif len(group) < n:
            for field in every:
                if field in need:
                    yield from grown(group | {field})

    for group in grown(frozenset()):
        if group not in seen:
            seen.add(group)
            yield group
