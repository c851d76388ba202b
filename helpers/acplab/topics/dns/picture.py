"""dns.name_picture and dns.path_picture: what a name costs, and which way a query goes, as drawings with their words."""

from __future__ import annotations

from collections.abc import Collection

from acplab.base.i18n import _, ngettext
from acplab.show.diagrams import Diagram, described, label
from acplab.topics.dns.path import Situation, hops
from acplab.topics.dns.resolv import TYPES, ResolvConf, Resolver, tried


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
