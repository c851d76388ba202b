"""An alarm for any release, and the judge at work: both look at a load once a second until something is sure."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.measure import Share
from acplab.topics.release.judge import ROLL_BACK, WAIT, Counts, Judge, Verdict
from acplab.topics.release.watch import LOOK_SECONDS

if TYPE_CHECKING:
    from acplab.measure import Load, Traffic

SLOW_MS = 1000.0
LOOKS = 60


class Judgement(NamedTuple):
    """The verdict of a judge, after how many looks, and what it has seen."""

    verdict: Verdict
    looks: int
    seen: Traffic

    def __repr__(self) -> str:
        return _("{verdict} (looks: {looks}; requests: {n})").format(
            verdict=self.verdict, looks=self.looks, n=self.seen.total
        )


def alarm(load: Load, above: float = 0.01) -> Traffic:
    """Let the load run until the failures leave little doubt that more than a share `above` (0..1) fails; what was seen then.

    It looks at all versions together once a second, as an alarm on a dashboard does, and does not correct for its many
    looks as the judge does. AcplabError if all is well after a minute.
    """
    for _look in range(LOOKS):
        load.run_for(LOOK_SECONDS)
        seen = load.so_far()
        if Share(seen.failed, seen.total).low > above:
            return seen
        if not load.running:
            break
    raise AcplabError(
        _("No alarm: too little has failed to say that more than {share:.0%} fail.").format(share=above),
        _("Is the bad version out, and does the load ask the host that it answers?"),
    )


def counted(seen: Traffic, version: str, slow_ms: float = SLOW_MS) -> Counts:
    """What a version has answered; slow is a good answer that took longer than so many milliseconds.

    A request without an answer, or with one of the ingress itself, tells no version and counts for none.
    """
    answers = [sample for sample in seen if sample.version == version]
    slow = sum(sample.ok and sample.ms > slow_ms for sample in answers)
    return Counts(len(answers), sum(not sample.ok for sample in answers), slow)


def decide(
    load: Load, judge: Judge, new: str, old: str, slow_ms: float = SLOW_MS, say: Callable[[object], None] = print
) -> Judgement:
    """Let the judge look once a second until it promotes or rolls back; the last look decides in any case.

    A new version that answers nothing is rolled back: nobody knows how it is. say: gets each verdict.
    """
    begun = load.so_far().total
    for look in range(1, judge.looks + 1):
        load.run_for(LOOK_SECONDS)
        seen = _since(load.so_far(), begun)
        verdict = judge.verdict(counted(seen, new, slow_ms), counted(seen, old, slow_ms), last=look == judge.looks)
        say(_("look {look}: {verdict}").format(look=look, verdict=verdict))
        if verdict.what != WAIT:
            return Judgement(verdict, look, seen)
    return Judgement(Verdict(ROLL_BACK, _("nothing was sure")), judge.looks, seen)


def _since(seen: Traffic, first: int) -> Traffic:
    from acplab.measure import Traffic

    return Traffic(seen.samples[first:], seen.rate)
