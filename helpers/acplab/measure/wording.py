"""Traffic in words: one line for a repr, several for a summary."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from acplab.base.i18n import _

if TYPE_CHECKING:
    from acplab.measure.samples import Outage, Traffic

# Runs of failures nearer than this are told as one outage: behind a load balancer good and bad answers alternate.
SAME_OUTAGE_SECONDS = 1.0
OUTAGES_TOLD = 5
# Later than this the sender was the slow one, and the latencies say more about this machine than about the cluster.
LATE_MS = 50.0


def line(seen: Traffic) -> str:
    """Reads like: 200 requests: v1 160, v2 40; none failed."""
    if not seen.total:
        return _("no requests")
    answers = counts(seen.by_version) or _("nobody answered")
    return _("{n} requests: {answers}; {failed}").format(n=seen.total, answers=answers, failed=failures(seen))


def summary(seen: Traffic) -> str:
    """What was sent, who answered, what was lost, how long it took; a line each."""
    if not seen.total:
        return _("No requests were sent.")
    lines = [_sent(seen), *_who(seen), failures(seen), *outages(seen), *_speed(seen), *_marks(seen)]
    return "\n".join(lines)


def counts(numbers: dict[str, int]) -> str:
    """Reads like: v1 160, v2 40."""
    return ", ".join(f"{name} {number}" for name, number in numbers.items())


def failures(seen: Traffic) -> str:
    """Reads like: none failed. Or: 12 failed (http 503). Or: 12 failed (http 503 10, timeout 2)."""
    if not seen.failed:
        return _("none failed")
    return _("{n} failed ({errors})").format(n=seen.failed, errors=kinds(seen))


def kinds(seen: Traffic) -> str:
    """Reads like: http 503. Or with more than one kind: http 503 10, timeout 2."""
    return counts(seen.errors) if len(seen.errors) > 1 else "".join(seen.errors)


def outages(seen: Traffic) -> list[str]:
    """A line an outage, the first five."""
    runs = seen.outages(gap=SAME_OUTAGE_SECONDS)
    lines = [outage(run) for run in runs[:OUTAGES_TOLD]]
    if len(runs) > OUTAGES_TOLD:
        lines.append(_("... and {n} more outages").format(n=len(runs) - OUTAGES_TOLD))
    return lines + _recovery(seen)


def outage(run: Outage) -> str:
    """Reads like: outage from 2.10 s to 3.60 s (1.50 s): 75 requests lost."""
    return _("outage from {start:.2f} s to {end:.2f} s ({length:.2f} s): {lost} requests lost").format(
        start=run.start, end=run.end, length=run.end - run.start, lost=run.lost
    )


def _sent(seen: Traffic) -> str:
    text = _("{n} requests in {seconds:.1f} s").format(n=seen.total, seconds=seen.seconds)
    if seen.total > 1:
        text += _(", sent at {rate:.1f} a second").format(rate=seen.achieved_rate)
        text += _(" ({wanted:g} wanted)").format(wanted=seen.rate)
    return text


def _who(seen: Traffic) -> Iterable[str]:
    for version in seen.by_version:
        yield f"{version}: {seen.share(version)}"


def _recovery(seen: Traffic) -> list[str]:
    seconds = seen.seconds_to_recover
    if not seconds:
        return []
    if math.isinf(seconds):
        return [_("not recovered: the last request failed too")]
    return [_("recovered {seconds:.2f} s after the first failure").format(seconds=seconds)]


def _speed(seen: Traffic) -> Iterable[str]:
    if seen.ok:
        yield _("latency of good answers: half within {half:.1f} ms, 95 % within {most:.1f} ms").format(
            half=seen.latency(0.5), most=seen.latency(0.95)
        )
    if seen.lag(0.95) > LATE_MS:
        yield _("this machine was busy: 5 % of the requests left {lag:.0f} ms late or later").format(lag=seen.lag(0.95))


def _marks(seen: Traffic) -> Iterable[str]:
    for mark in seen.marks:
        yield _("at {t:.2f} s: {words}").format(t=mark.t, words=mark.words)
