"""conduct(): watch, break, watch, undo, watch."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack

from acplab.base.arguments import within
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.cluster import journal
from acplab.cluster.faults import Fault
from acplab.measure.drills.probes import Probe
from acplab.measure.drills.report import Report
from acplab.measure.samples import Mark
from acplab.measure.schedule import MAX_SECONDS


def conduct(fault: Fault, probes: Sequence[Probe], seconds: float = 60, before: float = 5, after: float = 30) -> Report:
    """Let the probes watch for `before` seconds, break, wait for `seconds`, undo, and watch for `after` seconds more.

    The fault is always undone: at the end, after an error or an interrupt, and by a guard if this kernel dies.
    A probe can be used once. Times are in seconds, each at most 300 and 300 together.
    """
    _require(probes, [seconds, before, after])
    journal.heal()  # what an earlier drill has left, if its kernel died
    marks: list[Mark] = []
    start = time.monotonic()
    with ExitStack() as watching:
        for probe in probes:
            probe.start()
            watching.callback(probe.stop)
        time.sleep(before)
        marks.append(Mark(time.monotonic() - start, fault.title))
        with journal.broken(fault):
            time.sleep(seconds)
            marks.append(Mark(time.monotonic() - start, _("undone")))
        time.sleep(after)
    return Report(fault, marks, {probe.name: probe.lane(start) for probe in probes})


def _require(probes: Sequence[Probe], times: list[float]) -> None:
    names = [probe.name for probe in probes]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise AcplabError(
            _("Two probes are called {name}.").format(name=twice[0]), _('Give each its own: probe.name = "...".')
        )
    for name, value in zip(("seconds", "before", "after"), times, strict=True):
        within(name, value, MAX_SECONDS, "s")
    if sum(times) > MAX_SECONDS:
        raise AcplabError(
            _("A drill of {sum:g} s is too long; {most:g} s are the most.").format(sum=sum(times), most=MAX_SECONDS),
            _("Shorten before, seconds or after."),
        )
