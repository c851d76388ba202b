"""A day with peaks and valleys: on nodes alone, on ECI alone, and on nodes for the base with ECI for the peak."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, cos, pi

from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.topics.eci.billing import LIST_PRICE, Prices, price
from acplab.topics.eci.sizes import Size

HOUR = 3600


@dataclass(frozen=True)
class Day:
    """pods: how many are wanted in each step; step: seconds."""

    pods: tuple[int, ...]
    step: float

    @property
    def peak(self) -> int:
        """The most that are wanted at once."""
        return max(self.pods)

    def above(self, base: int) -> float:
        """Pod-seconds that `base` Pods do not cover."""
        return sum(max(one - base, 0) for one in self.pods) * self.step

    def hours(self, pods: int) -> float:
        """Hours in which more than so many Pods are wanted."""
        return sum(one > pods for one in self.pods) * self.step / HOUR

    def missing(self, available: int) -> float:
        """The share of the wanted Pod-seconds that so many Pods leave unserved."""
        wanted = sum(self.pods) * self.step
        return self.above(available) / wanted if wanted else 0.0


@dataclass(frozen=True)
class Costs:
    """Yuan for the day: nodes: for all of it; eci: for all of it; both: nodes for the base and ECI above it.

    lost: the share of the work that nodes of the base alone would leave undone.
    """

    nodes: float
    eci: float
    both: float
    lost: float

    @property
    def cheapest(self) -> str:
        """ "nodes", "eci" or "both"."""
        return min(("nodes", "eci", "both"), key=lambda name: (getattr(self, name), name))

    def __str__(self) -> str:
        words = _("nodes for all of it: {nodes:.2f} yuan; ECI for all of it: {eci:.2f}; nodes and ECI: {both:.2f}.")
        alone = _("The nodes of the third way alone would leave {lost:.0%} of the work undone.")
        return f"{words.format(nodes=self.nodes, eci=self.eci, both=self.both)} {alone.format(lost=self.lost)}"


def peak_and_valley(valley: int, peak: int, steps: int = 24, step: float = HOUR) -> Day:
    """A smooth day: its valley at the begin and the end, its peak in the middle."""
    middle, reach = (peak + valley) / 2, (peak - valley) / 2
    pods = tuple(round(middle - reach * cos(2 * pi * one / steps)) for one in range(steps))
    return Day(pods, step)


def compare(
    day: Day, size: Size, base: int, pods_per_node: int, node_per_day: float, prices: Prices = LIST_PRICE
) -> Costs:
    """What the day costs in the three ways.

    base: Pods that nodes carry in the mixed case; node_per_day: yuan of one node for this day, from your own price list.
    """
    if pods_per_node < 1:
        raise AcplabError(_("A node carries at least one Pod."), _("Give pods_per_node as 1 or more."))
    second = price(size, 1, prices)

    def nodes(pods: int) -> float:
        return ceil(pods / pods_per_node) * node_per_day

    return Costs(
        nodes=nodes(day.peak),
        eci=second * day.above(0),
        both=nodes(base) + second * day.above(base),
        lost=day.missing(base),
    )


def break_even_hours(size: Size, node_per_day: float, pods_per_node: int, prices: Prices = LIST_PRICE) -> float:
    """Hours a day for which ECI and a node's share cost the same; above it the node is cheaper. 24 at most."""
    hour = price(size, HOUR, prices)
    return min(node_per_day / pods_per_node / hour, 24.0)


def best_base(day: Day, size: Size, pods_per_node: int, node_per_day: float) -> int:
    """The number of Pods on nodes with which the mixed case costs least."""
    candidates: Sequence[int] = range(0, day.peak + 1)
    return min(candidates, key=lambda base: (compare(day, size, base, pods_per_node, node_per_day).both, base))
