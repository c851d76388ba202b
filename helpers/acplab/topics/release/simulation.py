"""How often a judge errs: thousands of releases by dice, and for a single look the exact chances. Pure.

A version is a pair of true shares: of errors, and of slow answers.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

from acplab.base.arguments import share, whole
from acplab.base.i18n import _
from acplab.measure.stats import Share
from acplab.topics.release.judge import PROMOTE, ROLL_BACK, WAIT, Counts, Judge

MOST = 100_000
NEGLIGIBLE = 1e-12


@dataclass(frozen=True)
class Truth:
    """What a version really is: its share of errors and of slow answers, both 0..1."""

    errors: float = 0.0
    slow: float = 0.0

    def __post_init__(self) -> None:
        share("errors", self.errors)
        share("slow", self.slow)


@dataclass(frozen=True)
class Outcomes:
    """Of so many releases: how many were promoted, how many were found worse, and how many were not sure after the last look.

    requests: to the new version, of a release on average.
    """

    releases: int
    promoted: int
    worse: int
    unsure: int
    requests: float

    @property
    def rolled_back(self) -> int:
        """Those that were found worse, and those that were not sure."""
        return self.worse + self.unsure

    def share(self, n: int) -> Share:
        """A number of releases as a share of all, with its interval: found.share(found.worse)."""
        return Share(n, self.releases)

    def __repr__(self) -> str:
        words = _(
            "{n} releases: {up} promoted, {worse} found worse, {unsure} not sure; on average after {requests:.0f} requests"
        )
        counts = {"up": self.promoted, "worse": self.worse, "unsure": self.unsure}
        shares = {name: f"{n / self.releases:.1%}" for name, n in counts.items()}
        return words.format(n=self.releases, requests=self.requests, **shares)


def simulate(
    judge: Judge, new: Truth, old: Truth, n_new: int, n_old: int, releases: int = 10_000, seed: int = 10
) -> Outcomes:
    """Release so many times by dice. n_new, n_old: requests that each version gets between two looks."""
    whole("releases", releases, MOST)
    lot, seen = random.Random(seed), [(Counts(0, 0), Counts(0, 0))] * releases
    done = {PROMOTE: 0, ROLL_BACK: 0}
    requests = 0
    for _look in range(judge.looks):
        requests += n_new * len(seen)
        seen = _looked(lot, seen, new, old, n_new, n_old)
        known = {pair: judge.verdict(*pair).what for pair in set(seen)}  # thousands of releases have seen the same
        verdicts = [known[pair] for pair in seen]
        for what in done:
            done[what] += verdicts.count(what)
        seen = [pair for pair, what in zip(seen, verdicts, strict=True) if what == WAIT]
    return Outcomes(releases, done[PROMOTE], done[ROLL_BACK], len(seen), requests / releases)


def _looked(
    lot: random.Random, seen: list[tuple[Counts, Counts]], new: Truth, old: Truth, n_new: int, n_old: int
) -> list[tuple[Counts, Counts]]:
    """What all releases have seen one look later."""
    more = zip(_drawn(lot, new, n_new, len(seen)), _drawn(lot, old, n_old, len(seen)), strict=True)
    return [(_sum(one, first), _sum(other, second)) for (one, other), (first, second) in zip(seen, more, strict=True)]


def _sum(one: Counts, other: Counts) -> Counts:
    return Counts(one.n + other.n, one.failed + other.failed, one.slow + other.slow)


def _drawn(lot: random.Random, truth: Truth, n: int, times: int) -> Iterator[Counts]:
    """So many draws of what n requests to a version give."""
    failed, slow = (lot.choices(range(n + 1), cum_weights=_up_to(n, p), k=times) for p in (truth.errors, truth.slow))
    return (Counts(n, *both) for both in zip(failed, slow, strict=True))


def _up_to(n: int, p: float) -> list[float]:
    return list(accumulate(binomial(n, p)))


def binomial(n: int, p: float) -> list[float]:
    """The chances of 0 to n hits in n tries, each with the chance p."""
    if p in (0.0, 1.0):
        return [1.0 if k == n * p else 0.0 for k in range(n + 1)]
    log = [math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) for k in range(n + 1)]
    return [math.exp(log[k] + k * math.log(p) + (n - k) * math.log1p(-p)) for k in range(n + 1)]


def chances(judge: Judge, new: Truth, old: Truth, n_new: int, n_old: int) -> dict[str, float]:
    """The exact chances of each verdict of a single look, of errors alone: what a simulation must come near to."""
    found = {PROMOTE: 0.0, ROLL_BACK: 0.0, WAIT: 0.0}
    others = [(k, q) for k, q in enumerate(binomial(n_old, old.errors)) if q > NEGLIGIBLE]
    for failed, p in enumerate(binomial(n_new, new.errors)):
        for k, q in others if p > NEGLIGIBLE else ():
            found[judge.verdict(Counts(n_new, failed), Counts(n_old, k)).what] += p * q
    return found
