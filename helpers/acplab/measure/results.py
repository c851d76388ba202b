"""Traffic: all samples of a load, and the questions that one asks about them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.measure import text
from acplab.measure.samples import UNKNOWN, Mark, Outage, Sample
from acplab.measure.stats import Share, quantile


class Traffic:
    """All samples of a load, in the order in which they were scheduled.

    rate: requests per second that were wanted; marks: what was noted while it ran; began: when, if it was sent from here.
    Latencies count from the scheduled instant. A client that waits for an answer before it sends again sends
    nothing while the server hangs, and so never sees the worst (coordinated omission); this one does.
    """

    def __init__(
        self, samples: Iterable[Sample], rate: float, marks: Iterable[Mark] = (), began: datetime | None = None
    ) -> None:
        self.samples = tuple(sorted(samples, key=lambda sample: sample.t))
        self.rate, self.began = rate, began
        self.marks = tuple(sorted(marks))

    def __len__(self) -> int:
        return len(self.samples)

    def __iter__(self) -> Iterator[Sample]:
        return iter(self.samples)

    def __getitem__(self, index: int) -> Sample:
        return self.samples[index]

    @property
    def total(self) -> int:
        """How many requests were sent and have ended."""
        return len(self.samples)

    @property
    def ok(self) -> int:
        """How many were answered with a status below 400."""
        return sum(sample.ok for sample in self.samples)

    @property
    def failed(self) -> int:
        """How many were not: total - ok."""
        return self.total - self.ok

    @property
    def by_version(self) -> dict[str, int]:
        """Who answered how many, sorted by version.

        An error that a version itself gave counts too, since the request did reach it. What no version
        answered (no connection, an error page of the proxy) is in .errors only.
        """
        return _counted(sample.version for sample in self.samples if sample.ok or sample.version != UNKNOWN)

    @property
    def errors(self) -> dict[str, int]:
        """What went wrong how often, sorted by kind."""
        return _counted(sample.error for sample in self.samples if sample.error)

    @property
    def redirects(self) -> dict[str, int]:
        """Redirects by status and target, sorted: {"http 308 to https://shop.example.com/": 60}.

        None is followed. A redirect has a status below 400 and so counts as .ok.
        """
        return _counted(sample.redirect for sample in self.samples if sample.redirect)

    def by(self, field: str) -> dict[str, int]:
        """Good answers counted by a field of their JSON body, for example by("node") or by("zone"), sorted."""
        bodies = (sample.json() for sample in self.samples if sample.ok)
        return _counted(str(body.get(field, UNKNOWN)) if isinstance(body, dict) else UNKNOWN for body in bodies)

    def only(self, version: str) -> bool:
        """Whether this version answered every request, and none failed; False without any request."""
        return self.ok > 0 and self.failed == 0 and list(self.by_version) == [version]

    def share(self, version: str, confidence: float = 0.95) -> Share:
        """The share of a version in .by_version, with its interval."""
        counts = self.by_version
        return Share(counts.get(version, 0), sum(counts.values()), confidence)

    def error_share(self, version: str, confidence: float = 0.95) -> Share:
        """The share of errors among the answers of a version, with its interval."""
        answers = [sample for sample in self.samples if sample.version == version]
        return Share(sum(not sample.ok for sample in answers), len(answers), confidence)

    def latency(self, q: float = 0.5) -> float:
        """The q-quantile (q 0..1; 0.95 is the 95th percentile) of the good answers, in ms; nan without any.

        Failures are left out: a refused connection is quick, and a timeout takes just what was allowed.
        """
        return quantile([sample.ms for sample in self.samples if sample.ok], q)

    def lag(self, q: float = 1.0) -> float:
        """The q-quantile of how late requests were sent, in ms; by default the worst. It judges the sender."""
        return quantile([sample.lag for sample in self.samples], q)

    @property
    def achieved_rate(self) -> float:
        """Requests per second that really left, from first to last; 0 if there are fewer than two."""
        sent = [sample.t + sample.lag / 1000 for sample in self.samples]
        return (len(sent) - 1) / (max(sent) - min(sent)) if len(sent) > 1 else 0.0

    @property
    def seconds(self) -> float:
        """From the start of the load to the last answer (or failure); 0 if there is none."""
        return max((sample.t + sample.ms / 1000 for sample in self.samples), default=0.0)

    def bodies(self, k: int = 1) -> list[Any]:
        """The first k JSON bodies, to show what an answer looks like."""
        found: list[Any] = []
        for sample in self.samples:
            if len(found) == k:
                break
            body = sample.json()
            if body is not None:
                found.append(body)
        return found

    def shifted(self, seconds: float) -> Traffic:
        """The same on a clock that began so many seconds before this load."""
        later = (replace(sample, t=sample.t + seconds) for sample in self.samples)
        return Traffic(later, self.rate, (Mark(mark.t + seconds, mark.words) for mark in self.marks))

    def between(self, start: float, end: float) -> Traffic:
        """The part that was scheduled from start on and before end, in seconds; times still count from the start."""
        return Traffic((sample for sample in self.samples if start <= sample.t < end), self.rate)

    def after(self, words: str) -> Traffic:
        """The part that was scheduled from the mark with these words on; times still count from the start."""
        for mark in self.marks:
            if mark.words == words:
                return Traffic((s for s in self.samples if s.t >= mark.t), self.rate, self.marks)
        raise AcplabError(_('This load has no mark "{words}".').format(words=words), self._known_marks())

    def _known_marks(self) -> str:
        if not self.marks:
            return _("It has no marks; `load.mark(...)` sets one.")
        known = ", ".join(f'"{mark.words}"' for mark in self.marks)
        return _("Its marks are: {known}.").format(known=known)

    def outages(self, gap: float = 0.0) -> list[Outage]:
        """Runs of failures, in the order in which requests were scheduled.

        A run starts with its first failed request and ends with the next that is answered (with the end of
        the load if there is none). Runs that are at most gap seconds apart count as one: with a dead server
        behind a load balancer good and bad answers alternate, and that is one outage, not fifty.
        """
        runs: list[Outage] = []
        for run in self._runs():
            if runs and run.start - runs[-1].end <= gap:
                last = runs.pop()
                run = Outage(last.start, run.end, last.lost + run.lost)
            runs.append(run)
        return runs

    def _runs(self) -> Iterator[Outage]:
        start, lost = 0.0, 0
        for sample in self.samples:
            if not sample.ok:
                start = start if lost else sample.t
                lost += 1
            elif lost:
                yield Outage(start, sample.t, lost)
                lost = 0
        if lost:
            yield Outage(start, max(self.seconds, start), lost)

    @property
    def seconds_to_recover(self) -> float:
        """From the first failed request to the first after which none failed any more.

        0 if nothing failed, infinite if the last request still did.
        """
        runs = self.outages(gap=math.inf)
        if not runs:
            return 0.0
        return math.inf if not self.samples[-1].ok else runs[0].end - runs[0].start

    def record(self) -> dict[str, Any]:
        """A JSON value with what outlives the load: total, failed, the marks, and who answered from when to when.

        errors: how many of each kind. began: of the load, ISO 8601, or None. first and last are the ends of a version's first and last good answer, in
        seconds since then.
        """
        ends: dict[str, list[float]] = {}
        for sample in self.samples:
            if sample.ok and sample.version != UNKNOWN:
                ends.setdefault(sample.version, []).append(sample.t + sample.ms / 1000)
        by_version = {
            version: {"total": len(times), "first": min(times), "last": max(times)} for version, times in ends.items()
        }
        marks = [[mark.t, mark.words] for mark in self.marks]
        began = self.began.isoformat() if self.began else None
        kept = {"total": self.total, "failed": self.failed, "errors": dict(self.errors)}
        return kept | {"by_version": by_version, "marks": marks, "began": began}

    def summary(self) -> str:
        """Several plain lines: what was sent, who answered, what was lost, how long it took."""
        if not self.total:
            return _("No requests were sent.")
        return "\n".join([*self._answers_in_words(), *self._times_in_words()])

    def _answers_in_words(self) -> Iterator[str]:
        yield text.sent(self.total, self.seconds, self.achieved_rate, self.rate)
        yield from (f"{version}: {self.share(version)}" for version in self.by_version)
        yield text.failures(self.errors)
        yield from text.redirected(self.redirects)

    def _times_in_words(self) -> Iterator[str]:
        yield from self.outages_in_words()
        if self.ok:
            yield text.latency(self.latency(0.5), self.latency(0.95))
        yield from text.late(self.lag(0.95))
        yield from text.marks(self.marks)

    def outages_in_words(self) -> list[str]:
        """A line per outage, and how long it took to recover; none if nothing failed."""
        return text.outages(self.outages(gap=text.SAME_OUTAGE_SECONDS), self.seconds_to_recover)

    def __repr__(self) -> str:
        return text.line(self.total, self.by_version, self.errors, self.redirects)


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))
