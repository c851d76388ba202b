"""What a number of requests can tell: shares with their interval, and how many requests that takes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from acplab.base.arguments import number, share
from acplab.base.errors import AcplabError
from acplab.base.i18n import _


def wilson(hits: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """The Wilson interval (low, high), both 0..1, of a share that was seen as hits of n.

    Unlike estimate ± z·s it stays inside 0..1 and is honest for 0 of n and n of n, which is what a routing
    that works (or does not) shows. Nothing seen (n = 0) gives (0, 1): everything is still possible.
    """
    if not 0 <= hits <= n:
        raise AcplabError(
            _("There cannot be {hits} hits in {n} requests.").format(hits=hits, n=n),
            _("Give 0 <= hits <= n."),
        )
    if n == 0:
        return 0.0, 1.0
    z = _two_sided(confidence)
    p = hits / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    # at the ends the formula gives exactly 0 and 1, the floating point does not
    low = 0.0 if hits == 0 else middle - half
    high = 1.0 if hits == n else middle + half
    return low, high


def difference(new: Share, old: Share) -> tuple[float, float]:
    """The interval (low, high), each -1..1, of how much larger the share `new` is than `old`: Newcombe's, of two Wilsons.

    Of two shares that were measured independently, with the same confidence. Unlike the textbook's it is honest for 0 of n.
    """
    if not new.n or not old.n:
        return -1.0, 1.0
    middle = new.estimate - old.estimate
    down = math.hypot(new.estimate - new.low, old.high - old.estimate)
    up = math.hypot(new.high - new.estimate, old.estimate - old.low)
    return max(-1.0, middle - down), min(1.0, middle + up)


def sample_size(p: float, other: float, confidence: float = 0.95, power: float = 0.8) -> int:
    """Requests in each of two measurements to tell share p from share other (both 0..1).

    The usual two-proportion formula, two-sided, without continuity correction. power is the chance to see
    the difference if it is there.
    """
    p, other = share("p", p), share("other", other)
    if p == other:
        raise AcplabError(
            _("No number of requests can tell a share of {p} from itself.").format(p=p),
            _("Choose two shares that differ."),
        )
    alike, apart = _two_sided(confidence), _normal_quantile("power", power)
    mean = (p + other) / 2
    root = alike * math.sqrt(2 * mean * (1 - mean)) + apart * math.sqrt(p * (1 - p) + other * (1 - other))
    return max(1, math.ceil((root / (p - other)) ** 2))


def sample_for_margin(p: float, margin: float, confidence: float = 0.95) -> int:
    """Requests after which the estimate of a share near p lies within margin of it (both 0..1).

    The usual z²·p·(1-p)/margin². Nearer to 0 or 1 than the margin, p counts as margin away from there: for
    p = 0 that is just how many answers without a hit bring the Wilson interval down to the margin.
    """
    p, margin = share("p", p), share("margin", margin)
    if margin == 0:
        raise AcplabError(
            _("No number of requests gives a share without any margin."),
            _("Give a margin above 0, for example 0.05 for 5 percentage points."),
        )
    edge = min(margin, 0.5)
    p = min(max(p, edge), 1 - edge)
    needed = (_two_sided(confidence) / margin) ** 2 * p * (1 - p)
    return max(1, math.ceil(needed - 1e-9))  # 1e-9: rounding must not cost a whole request


def quantile(values: Sequence[float], q: float) -> float:
    """The q-quantile (q 0..1) of values, linear between neighbours; nan if there are none.

    quantile(x, 0.95) is what 95 of 100 values do not exceed.
    """
    q = share("q", q)
    if not values:
        return math.nan
    ordered = sorted(values)
    place = q * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


@dataclass(frozen=True)
class Share:
    """A share that was measured: hits of n requests, with what that says about the true share."""

    hits: int
    n: int
    confidence: float = 0.95

    def __post_init__(self) -> None:
        wilson(self.hits, self.n, self.confidence)  # refuses what cannot be, early

    @property
    def estimate(self) -> float:
        """hits / n, 0..1; nan if nothing was counted."""
        return self.hits / self.n if self.n else math.nan

    @property
    def low(self) -> float:
        """The lower end of the Wilson interval, 0..1."""
        return wilson(self.hits, self.n, self.confidence)[0]

    @property
    def high(self) -> float:
        """The upper end of the Wilson interval, 0..1."""
        return wilson(self.hits, self.n, self.confidence)[1]

    def includes(self, p: float) -> bool:
        """Whether the measurement is compatible with a true share of p (0..1)."""
        return self.low <= p <= self.high

    def __repr__(self) -> str:
        if not self.n:
            return _("unknown (0 of 0)")
        return _("{estimate:.1f} % ({confidence:g} % interval {low:.1f}-{high:.1f} %, {hits} of {n})").format(
            estimate=100 * self.estimate,
            confidence=round(100 * self.confidence, 6),
            low=100 * self.low,
            high=100 * self.high,
            hits=self.hits,
            n=self.n,
        )


def _two_sided(confidence: float) -> float:
    """The z of a two-sided interval: 1.96 for 0.95."""
    _probability("confidence", confidence)
    return NormalDist().inv_cdf((1 + confidence) / 2)


def _normal_quantile(name: str, probability: float) -> float:
    _probability(name, probability)
    return NormalDist().inv_cdf(probability)


def _probability(name: str, value: float) -> None:
    if not 0 < number(name, value) < 1:
        raise AcplabError(
            _("{name} must be greater than 0 and less than 1, not {value}.").format(name=name, value=value),
            _("Write 0.95 for 95 %."),
        )
