"""What a name costs, which way a query goes, and the same load in several cases: as drawings with their words, and a table."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from functools import partial
from typing import TYPE_CHECKING

from acplab.base.i18n import _, ngettext
from acplab.show import Figure, Table, style
from acplab.show.diagrams import Diagram, described, label
from acplab.topics.dns.path import Situation, hops
from acplab.topics.dns.resolv import TYPES, ResolvConf, Resolver, tried
from acplab.topics.dns.trials import Trial

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

LEAST_MS = 0.05  # where the axis begins; it is logarithmic


def name_picture(conf: ResolvConf, name: str, existing: Collection[str] = (), resolver: Resolver = "glibc") -> Diagram:
    """Each name that is tried, in order, and whether it exists. existing: whole names that do."""
    candidates = tried(conf, name, existing, resolver)
    found = bool(candidates) and candidates[-1].lower() in {one.rstrip(".").lower() for one in existing}
    text = "\n".join(_name_words(conf, name, candidates, found))
    return Diagram(text, "\n".join(["flowchart LR", *described(text), *_name_lines(name, candidates, found)]))


def _name_words(conf: ResolvConf, name: str, candidates: list[str], found: bool) -> list[str]:
    queries = len(TYPES) * len(candidates)
    title = ngettext("{name}: {n} query", "{name}: {n} queries", queries).format(name=name, n=queries)
    rule = _("{dots} dots, ndots {ndots}, {n} search domains").format(dots=name.rstrip(".").count("."), ndots=conf.ndots, n=len(conf.search))  # fmt: skip
    lines = [
        _("{i}. {name}: {result}, A and AAAA").format(
            i=i, name=one, result=_("it exists") if found and i == len(candidates) else _("no such name")
        )
        for i, one in enumerate(candidates, 1)
    ]
    return [title, rule, *lines]


def _name_lines(name: str, candidates: list[str], found: bool) -> list[str]:
    lines = [f"    N[{label(name)}]"]
    for i, one in enumerate(candidates, 1):
        before = f"Q{i - 1}" if i > 1 else "N"
        edge = f" -- {label(_('no such name'))} --> " if i > 1 else " --> "
        lines.append(f"    {before}{edge}Q{i}[{label(one + '.', 'A + AAAA')}]")
    end = _("addresses") if found else _("NXDOMAIN")
    return [*lines, f"    Q{len(candidates)} --> E({label(end)})"] if candidates else lines


def path_picture(situation: Situation) -> Diagram:
    """The way of one query."""
    way = hops(situation)
    last = way[-1].target
    text = "\n".join([_("{n} hops, answered by {last}").format(n=len(way), last=last), *map(repr, way)])
    places = list(dict.fromkeys(place for hop in way for place in (hop.source, hop.target)))
    ids = {place: f"P{i}" for i, place in enumerate(places)}
    lines = [f"    {ids[place]}[{label(place)}]" for place in places]
    for hop in way:
        words = f"{hop.number} {hop.protocol}" if hop.number else hop.protocol
        arrow = "-.->" if hop.failed else "-->"
        lines.append(f"    {ids[hop.source]} {arrow}|{label(words)}| {ids[hop.target]}")
    return Diagram(text, "\n".join(["flowchart LR", *described(text), *lines]))


# --- the same load in several cases ---------------------------------------------------------------------------------------


def compared(cases: Mapping[str, Trial]) -> Table:
    """A table of (case, queries asked per second, lost, latency of half and of 95 %, queries at CoreDNS, its CPU).

    compared({"one small CoreDNS": small, "four": four})
    """
    head = (_("case"), _("queries/s"), _("lost"), _("half within"), _("95 % within"), _("reach CoreDNS"), _("its CPU"))
    return Table(_("The same lookups"), head, [(case, *_cells(one)) for case, one in cases.items()])


def compared_picture(cases: Mapping[str, Trial]) -> Figure:
    """A bar per case: the latency that 95 % of the answers keep, on a logarithmic axis, and what was lost beside it."""
    title = _("Latency of the same lookups: 95 % of the answers within")
    lines = [_("{case}: {words}").format(case=case, words=_words(one)) for case, one in cases.items()]
    return Figure("\n".join([title, *(f"  {line}" for line in lines)]), partial(_draw, title, dict(cases)))


def _cells(one: Trial) -> tuple[str, ...]:
    seen = one.load
    lost = f"{100 * seen.loss.estimate:.1f} %" if seen.lost else "0"
    times = (_ms(seen.latency(0.5)), _ms(seen.latency(0.95)))
    return (f"{seen.rate:.0f}", lost, *times, str(one.coredns), _("{n:.0f} m").format(n=1000 * one.cores))


def _ms(value: float) -> str:
    return _("none") if math.isnan(value) else f"{value:.1f} ms"


def _words(one: Trial) -> str:
    return _("{latency}, {lost} of {n} lost").format(latency=_ms(one.load.latency(0.95)), lost=one.load.lost, n=one.load.total)  # fmt: skip


def _draw(title: str, cases: dict[str, Trial]) -> Drawing:
    left = 0.35 + 1.1 * style.LETTER * max(map(len, cases), default=2)
    drawing, axes = style.canvas(1.5 + 0.5 * max(1, len(cases)), left=left, right=2.1, top=0.85)
    style.headline(drawing, title, _("each step of the axis is ten times the one before"))
    values = [max(LEAST_MS, one.load.latency(0.95)) for one in cases.values()]
    most = max([100.0, *(value for value in values if not math.isnan(value))])
    for place, (value, one) in enumerate(zip(values, cases.values(), strict=True)):
        shown = LEAST_MS if math.isnan(value) else value
        axes.barh(place, shown, height=0.5, color=style.COLOURS[1 if one.load.lost else 0], zorder=3)
        axes.text(shown * 1.15, place, _words(one), va="center", size=8.5)
    axes.set_xscale("log")
    axes.set_xlim(LEAST_MS, most)
    axes.set_ylim(max(1, len(cases)) - 0.5, -0.5)
    axes.set_yticks(range(len(cases)), list(cases), color=style.INK)
    axes.set_xlabel(_("ms"))
    axes.grid(axis="x", color=style.FAINT)
    axes.tick_params(length=0)
    return drawing
