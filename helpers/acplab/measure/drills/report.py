"""The report of a drill: what was lost, and how many seconds it took to notice, to react and to be well again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import TypeVar

from acplab.base.errors import AcplabError
from acplab.base.i18n import _, ngettext
from acplab.cluster.faults import Fault
from acplab.measure import text
from acplab.measure.results import Traffic
from acplab.measure.samples import Mark
from acplab.measure.states import LATE_MS, States
from acplab.measure.stats import Share

Lane = Traffic | States
L = TypeVar("L", Traffic, States)
SHOWN = 12  # changes of a lane that the words tell


class Report:
    """lanes: by the name of their probe, a Traffic or a States. Times count from the start of the drill.

    broken, undone: when the fault was there and when the undoing began.
    """

    def __init__(self, fault: Fault, marks: list[Mark], lanes: Mapping[str, Lane]) -> None:
        self.fault = fault
        self.marks = tuple(marks)
        self.lanes = dict(lanes)
        self.broken, self.undone = marks[0].t, marks[1].t

    def requests(self, name: str) -> Traffic:
        """The requests of a probe."""
        return self._lane(name, Traffic)

    def states(self, name: str) -> States:
        """The states that a probe has read."""
        return self._lane(name, States)

    def lost(self, name: str) -> int:
        """How many requests of this probe were not answered with a status below 400."""
        return self.requests(name).failed

    def late(self, name: str, ms: float = LATE_MS) -> int:
        """How many were answered, after more than so many milliseconds."""
        return sum(sample.ok and sample.ms > ms for sample in self.requests(name))

    def share_lost(self, name: str) -> Share:
        """Of the requests of this probe that were sent while it was broken, the share that was lost."""
        sent = self.requests(name).between(self.broken, self.undone)
        return Share(sent.failed, sent.total)

    def down(self, name: str) -> float:
        """Seconds from the first lost request of this probe to the first good answer after the last one; 0 if none was lost."""
        outages = self.requests(name).outages()
        return outages[-1].end - outages[0].start if outages else 0.0

    def seconds_to(self, name: str, *states: str, things: Iterable[str] | None = None) -> float | None:
        """Seconds from the fault until something in this lane is in one of the states; None if that did not happen."""
        change = self.states(name).first(states, self.broken, things)
        return change.t - self.broken if change else None

    @property
    def text(self) -> str:
        """All lanes in words."""
        title = _("{fault}: broken at {broken:.0f} s, undone from {undone:.0f} s on").format(
            fault=self.fault.title, broken=self.broken, undone=self.undone
        )
        return "\n".join([title, *(line for name in self.lanes for line in self._words(name))])

    def _words(self, name: str) -> list[str]:
        lane = self.lanes[name]
        return self._of_requests(name, lane) if isinstance(lane, Traffic) else _of_states(lane, self.broken)

    def _of_requests(self, name: str, lane: Traffic) -> list[str]:
        late = self.late(name)
        sentence = ngettext("{name}: {n} request, {failures}", "{name}: {n} requests, {failures}", lane.total)
        first = sentence.format(name=name, n=lane.total, failures=text.failures(lane.errors))
        after = ngettext("{n} answer after more than 1 s", "{n} answers after more than 1 s", late).format(n=late)
        return [f"  {first}; {after}", *(f"    {line}" for line in lane.outages_in_words())]

    def _lane(self, name: str, kind: type[L]) -> L:
        lane = self.lanes.get(name)
        if isinstance(lane, kind):
            return lane
        fitting = ", ".join(one for one, lane in self.lanes.items() if isinstance(lane, kind))
        raise AcplabError(
            _("This drill has no such lane {name!r}.").format(name=name),
            _("Take one of: {fitting}.").format(fitting=fitting or _("none; give the drill a probe for it")),
        )

    def __repr__(self) -> str:
        return self.text


def _of_states(lane: States, broken: float) -> list[str]:
    later = [change for change in lane.changes if change.t >= broken]
    if not later:
        return [f"  {lane.name}: " + _("nothing changed")]
    alike = groupby(later, key=lambda change: (change.t, change.was, change.now))
    told = [_in_words([change.thing for change in group], key, lane, broken) for key, group in alike]
    more = len(told) - SHOWN
    rest = [ngettext("{n} more change", "{n} more changes", more).format(n=more)] if more > 0 else []
    return [f"  {lane.name}:", *(f"    {line}" for line in [*told[:SHOWN], *rest])]


def _in_words(things: list[str], key: tuple[float, str | None, str], lane: States, broken: float) -> str:
    """One line for all that changed alike at the same reading."""
    t, was, now = key
    together = _("all {n}").format(n=len(things)) if len(things) == len(lane.things) > 1 else ", ".join(things)
    return _("{seconds:.1f} s after the fault: {things} {was} → {now}").format(
        seconds=t - broken, things=together, was=was or _("(new)"), now=now
    )
