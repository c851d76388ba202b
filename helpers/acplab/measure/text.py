"""What was measured, in words. Plain values in, lines out: Traffic and the charts put them together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from acplab.base.i18n import _, ngettext
from acplab.measure.samples import Mark, Outage

# Runs of failures nearer than this are reported as one outage: behind a load balancer good and bad answers alternate.
SAME_OUTAGE_SECONDS = 1.0
MAX_OUTAGES = 5
# Later than this the sender was the slow one, and the latencies say more about this machine than about the cluster.
LATE_MS = 50.0


def counts(numbers: Mapping[str, int]) -> str:
    """Reads like: v1 160, v2 40."""
    return ", ".join(f"{name} {number}" for name, number in numbers.items())


def kinds(numbers: Mapping[str, int]) -> str:
    """Reads like: http 503. Or with more than one kind: http 503 10, timeout 2."""
    return counts(numbers) if len(numbers) > 1 else "".join(numbers)


def line(total: int, answers: Mapping[str, int], errors: Mapping[str, int], redirects: Mapping[str, int]) -> str:
    """Reads like: 200 requests: v1 160, v2 40; none failed."""
    if not total:
        return _("no requests")
    facts = [counts(answers) or _("no answers"), failures(errors), *redirected(redirects)]
    return ngettext("{n} request: {facts}", "{n} requests: {facts}", total).format(n=total, facts="; ".join(facts))


def failures(errors: Mapping[str, int]) -> str:
    """Reads like: none failed. Or: 12 failed (http 503). Or: 12 failed (http 503 10, timeout 2)."""
    failed = sum(errors.values())
    if not failed:
        return _("none failed")
    return ngettext("{n} failed ({errors})", "{n} failed ({errors})", failed).format(n=failed, errors=kinds(errors))


def redirected(redirects: Mapping[str, int]) -> list[str]:
    """Reads like: 60 redirected (http 308 to https://shop.example.com/). No line if there were none."""
    n = sum(redirects.values())
    if not n:
        return []
    return [ngettext("{n} redirected ({kinds})", "{n} redirected ({kinds})", n).format(n=n, kinds=kinds(redirects))]


def sent(total: int, seconds: float, rate: float, wanted: float) -> str:
    """Reads like: 60 requests in 6.0 s, sent at 10.0 per second (10 wanted)."""
    if total == 1:
        return _("1 request in {seconds:.1f} s").format(seconds=seconds)
    return ngettext(
        "{n} request in {seconds:.1f} s, sent at {rate:.1f} per second ({wanted:g} wanted)",
        "{n} requests in {seconds:.1f} s, sent at {rate:.1f} per second ({wanted:g} wanted)",
        total,
    ).format(n=total, seconds=seconds, rate=rate, wanted=wanted)


def outages(runs: Sequence[Outage], seconds_to_recover: float) -> list[str]:
    """A line per outage, the first five, and when it was over."""
    lines = [outage(run) for run in runs[:MAX_OUTAGES]]
    more = len(runs) - MAX_OUTAGES
    if more > 0:
        lines.append(ngettext("... and {n} more outage", "... and {n} more outages", more).format(n=more))
    return lines + _recovery(seconds_to_recover)


def outage(run: Outage) -> str:
    """Reads like: outage from 2.10 s to 3.60 s (1.50 s): 75 requests lost."""
    return ngettext(
        "outage from {start:.2f} s to {end:.2f} s ({length:.2f} s): {lost} request lost",
        "outage from {start:.2f} s to {end:.2f} s ({length:.2f} s): {lost} requests lost",
        run.lost,
    ).format(start=run.start, end=run.end, length=run.end - run.start, lost=run.lost)


def _recovery(seconds: float) -> list[str]:
    if not seconds:
        return []
    if math.isinf(seconds):
        return [_("not recovered: the last request failed too")]
    return [_("recovered {seconds:.2f} s after the first failure").format(seconds=seconds)]


def latency(half: float, most: float) -> str:
    """half, most: the 50th and the 95th percentile, in ms."""
    return _("latency of good answers: half within {half:.1f} ms, 95 % within {most:.1f} ms").format(
        half=half, most=most
    )


def late(lag: float) -> list[str]:
    """A line if the sender itself was late. lag: the 95th percentile, in ms."""
    if not lag > LATE_MS:
        return []
    return [_("this machine was busy: 5 % of the requests left {lag:.0f} ms late or later").format(lag=lag)]


def marks(found: Iterable[Mark]) -> list[str]:
    """A line per mark."""
    return [_("at {t:.2f} s: {words}").format(t=mark.t, words=mark.words) for mark in found]
