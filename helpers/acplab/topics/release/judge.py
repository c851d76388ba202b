"""A judge of canaries: promotes, rolls back, or looks again. Pure: counts in, a verdict out.

A version is worse if more of its answers are errors, or more are slow. Each difference has an interval; looking often
would find a difference by chance alone, so the intervals are wider the more looks are planned (Bonferroni).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from acplab.base.arguments import share, whole
from acplab.base.i18n import _
from acplab.measure.stats import Share, difference

PROMOTE, ROLL_BACK, WAIT = "promote", "roll back", "wait"
QUESTIONS = 2  # errors, and slow answers
LEAST = 3  # one or two bad answers prove nothing, however many good ones the old version has given


@dataclass(frozen=True)
class Counts:
    """What a version has answered: how many requests, how many of them with an error, how many of the good ones slowly."""

    n: int
    failed: int
    slow: int = 0


@dataclass(frozen=True)
class Verdict:
    """what: PROMOTE, ROLL_BACK or WAIT. why: a sentence with numbers; worse: in what the version is surely worse, or ""."""

    what: str
    why: str
    worse: str = ""

    @property
    def short(self) -> str:
        """Without numbers: "promote", "roll back: it fails more often"."""
        return f"{self.what}: {self.worse}" if self.worse else self.what

    def __repr__(self) -> str:
        return f"{self.what}: {self.why}"


@dataclass(frozen=True)
class Judge:
    """margin: a difference (0..1) that we could live with. looks: how often it looks at most, planned before.

    A version that is as good as the old one is found worse with a chance of about (1 - confidence) / 2 in all, over both
    questions and all planned looks; one that is worse by the margin is promoted about as seldom. The intervals are
    approximate, so a few bad answers alone (fewer than LEAST) prove nothing; simulate() tells how it is with your numbers.
    corrected: False looks with plain intervals each time, which promises nothing of the kind.
    """

    margin: float = 0.05
    looks: int = 10
    confidence: float = 0.95
    corrected: bool = True

    def __post_init__(self) -> None:
        share("margin", self.margin)
        whole("looks", self.looks, 100)

    @property
    def strictness(self) -> float:
        """The confidence of each single interval."""
        looks = self.looks * QUESTIONS if self.corrected else 1
        return 1 - (1 - self.confidence) / looks

    def verdict(self, new: Counts, old: Counts, last: bool = False) -> Verdict:
        """What is sure by now. last: there is no other look, so what is not sure goes back."""
        errors = _range(new.failed, new.n, old.failed, old.n, self.strictness)
        slow = _range(new.slow, new.n, old.slow, old.n, self.strictness)
        if errors[0] > 0 and new.failed >= LEAST:
            why = _("it fails more often, {by}").format(by=_points(errors))
            return Verdict(ROLL_BACK, why, _("it fails more often"))
        if slow[0] > 0 and new.slow >= LEAST:
            why = _("it is slow more often, {by}").format(by=_points(slow))
            return Verdict(ROLL_BACK, why, _("it is slow more often"))
        worst = max(errors[1], slow[1])
        if worst < self.margin:
            return Verdict(PROMOTE, _("it is worse by less than {points:.1f} points").format(points=100 * worst))
        why = _("it may be worse by up to {points:.1f} points").format(points=100 * worst)
        return Verdict(ROLL_BACK if last else WAIT, why)


@lru_cache(maxsize=100_000)  # a simulation asks the same again and again
def _range(new: int, of_new: int, old: int, of_old: int, confidence: float) -> tuple[float, float]:
    return difference(Share(new, of_new, confidence), Share(old, of_old, confidence))


def _points(found: tuple[float, float]) -> str:
    return _("by {low:.1f} to {high:.1f} points").format(low=100 * found[0], high=100 * found[1])
