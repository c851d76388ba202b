"""What a release of a bad version costs, by strategy: requests that failed, for how long, how soon the way back works, Pods more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.show import Table

if TYPE_CHECKING:
    from acplab.measure import Load, Traffic


@dataclass(frozen=True)
class Cost:
    """failed: requests, of those that came meanwhile, from the first failure to the last. lasted: seconds between these two.

    back: seconds from the decision to go back to the last failure. extra: Pods more than usual, at most, as it is set.
    """

    strategy: str
    failed: int
    meanwhile: int
    lasted: float
    back: float
    extra: int

    @property
    def share(self) -> float:
        """Of the requests meanwhile those that failed, 0..1. It has no interval: failures themselves begin and end it."""
        return self.failed / self.meanwhile


def cost(strategy: str, seen: Traffic | Load, undone: str, extra: int) -> Cost:
    """The cost of a release that a load has watched.

    undone: the words of the load's mark when the way back began. extra: Pods that ran more than usual, at most.
    """
    from acplab.measure import as_traffic

    traffic = as_traffic(seen)
    failures = [sample.t for sample in traffic.samples if not sample.ok]
    if not failures:
        raise AcplabError(
            _("The load of {strategy} has seen no failure.").format(strategy=strategy),
            _("Release the bad version inside of the block of measure.steady(...), and go back when the alarm rings."),
        )
    first, last = min(failures), max(failures)
    meanwhile = sum(first <= sample.t <= last for sample in traffic.samples)
    after = [sample.t for sample in traffic.after(undone).samples if not sample.ok]
    back = max(after) - _marked(traffic, undone) if after else 0.0
    return Cost(strategy, len(failures), meanwhile, last - first, back, extra)


def _marked(traffic: Traffic, words: str) -> float:
    return next(mark.t for mark in traffic.marks if mark.words == words)


def costs(rows: Sequence[Cost]) -> Table:
    """The table of several strategies, in their order."""
    head = (
        _("strategy"),
        _("failed"),
        _("of the requests meanwhile"),
        _("it lasted"),
        _("the way back took"),
        _("Pods more"),
    )
    return Table(_("The same bad version, released in different ways"), head, [_cells(one) for one in rows])


def _cells(one: Cost) -> tuple[str, ...]:
    meanwhile = _("{share:.0%} of {n}").format(share=one.share, n=one.meanwhile)
    return one.strategy, str(one.failed), meanwhile, f"{one.lasted:.1f} s", f"{one.back:.1f} s", str(one.extra)
