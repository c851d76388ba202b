"""A load cut into time buckets of equal width: what both the timeline and the live view draw."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from acplab.base.arguments import within
from acplab.base.i18n import _
from acplab.show import style

if TYPE_CHECKING:
    from acplab.measure import Mark, Sample, Traffic

FAILED = "failed"  # the key of the requests that failed; no version has this name
WIDTHS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
MIN_BUCKETS, MAX_BUCKETS = 8, 60
MAX_WIDTH = 300.0  # seconds, as long as a load can be
ENOUGH = 10  # requests per bucket; with fewer the heights jump for no reason


@dataclass
class Bucket:
    """Requests that were scheduled between start and end (seconds), counted by version, or as failed."""

    start: float
    end: float
    counts: Counter[str] = field(default_factory=Counter)

    def rate(self, key: str) -> float:
        """Requests per second."""
        return self.counts[key] / (self.end - self.start)


def cut(traffic: Traffic, width: float | None = None) -> list[Bucket]:
    """The buckets from the start to the last request; width in seconds, chosen to read well if it is None.

    The last one ends with the load, so that a half-filled bucket does not look like a drop.
    """
    if not traffic.total:
        return []
    end = traffic.samples[-1].t + 1 / traffic.rate
    width = _fitting(traffic.rate, end) if width is None else within("bucket", width, MAX_WIDTH, "s")
    number = max(1, math.ceil(end / width - 1e-6))
    pieces = [Bucket(i * width, min((i + 1) * width, end)) for i in range(number)]
    for sample in traffic:
        pieces[min(number - 1, int(sample.t / width + 1e-6))].counts[key(sample)] += 1
    return pieces


def key(sample: Sample) -> str:
    """The version that answered well, or FAILED."""
    return sample.version if sample.ok else FAILED


def label(name: str) -> str:
    """A key in the learner's language."""
    return _("failed") if name == FAILED else name


def keys(pieces: list[Bucket]) -> list[str]:
    """All that occurs: versions in order, then FAILED."""
    found = {name for piece in pieces for name in piece.counts}
    return style.in_order(found - {FAILED}) + sorted(found & {FAILED})


def describe(pieces: list[Bucket], marks: tuple[Mark, ...]) -> list[str]:
    """The buckets in words: neighbours with the same versions become one line, with the marks between them."""
    lines = [(run.start, 1, _line(run)) for run in _runs(pieces, marks)]
    lines += [(_start_of(mark, pieces), 0, f"{mark.t:.1f} s: {mark.words}") for mark in marks]
    return [line for _start, _order, line in sorted(lines)]


def _start_of(mark: Mark, pieces: list[Bucket]) -> float:
    """The start of the bucket in which a mark lies, so that it comes before what it caused."""
    return max((piece.start for piece in pieces if piece.start <= mark.t), default=mark.t)


def _runs(pieces: list[Bucket], marks: tuple[Mark, ...]) -> list[Bucket]:
    """Neighbours with the same versions, joined; a mark begins a new run."""
    fresh = {_start_of(mark, pieces) for mark in marks}
    runs: list[Bucket] = []
    last: set[str] = set()
    for i, piece in enumerate(pieces):
        who = _present(pieces, i)
        if runs and who == last and piece.start not in fresh:
            runs[-1].end = piece.end
            runs[-1].counts.update(piece.counts)
        else:
            runs.append(Bucket(piece.start, piece.end, Counter(piece.counts)))
        last = who
    return runs


def _present(pieces: list[Bucket], i: int) -> set[str]:
    """The versions in a bucket; a rare one that is missing here only, by chance, counts as present."""
    around = pieces[i - 1 : i] + pieces[i + 1 : i + 2]
    steady = set.intersection(*(set(piece.counts) for piece in around)) if len(around) == 2 else set()
    return set(pieces[i].counts) | (steady - {FAILED})


def _line(run: Bucket) -> str:
    counts = ", ".join(f"{label(name)} {run.counts[name]}" for name in keys([run]))
    return _("{start:.1f}-{end:.1f} s: {counts}").format(start=run.start, end=run.end, counts=counts or _("nothing"))


def _fitting(rate: float, seconds: float) -> float:
    fits = [width for width in WIDTHS if MIN_BUCKETS <= seconds / width <= MAX_BUCKETS]
    full = [width for width in fits if rate * width >= ENOUGH]
    return (full or fits[-1:] or [seconds / MIN_BUCKETS])[0]
