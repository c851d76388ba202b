"""show.sample_sizes: what it costs to tell two shares apart."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from acplab.base.errors import AcplabError
from acplab.base.i18n import _, ngettext
from acplab.measure import sample_size
from acplab.show import style
from acplab.show.figures import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing


def sample_sizes(p: float, others: Iterable[float], confidence: float = 0.95, power: float = 0.8) -> Figure:
    """Requests needed to tell share p from each of the others, against the difference (all shares 0..1).

    Both axes are logarithmic, where the rule "half the difference, four times the requests" is a straight line.
    """
    points = {other: sample_size(p, other, confidence, power) for other in sorted(set(others))}
    if not points:
        raise AcplabError(_("There is no share to compare {p} with.").format(p=p), _("Give some, such as [0.25, 0.3]."))
    text = "\n".join(_words(p, points, confidence, power))
    return Figure(text, partial(_draw, p, points, confidence, power))


def _title(p: float) -> str:
    return _("Requests needed to tell {p:.4g} % from another share").format(p=100 * p)


def _terms(confidence: float, power: float) -> str:
    return _("{confidence:.4g} % confidence, seen in {power:.4g} % of the cases, in each of two measurements").format(
        confidence=100 * confidence, power=100 * power
    )


def _words(p: float, points: dict[float, int], confidence: float, power: float) -> Iterable[str]:
    yield _title(p)
    yield "  " + _terms(confidence, power)
    for other, n in points.items():
        line = ngettext(
            "from {other:.4g} % ({difference:+.4g} points): {n} request",
            "from {other:.4g} % ({difference:+.4g} points): {n} requests",
            n,
        )
        yield "  " + line.format(other=100 * other, difference=100 * (other - p), n=_grouped(n))
    yield "  " + _("Half the difference costs about four times the requests.")


def _grouped(n: int) -> str:
    return f"{n:,}".replace(",", " ")


def _draw(p: float, points: dict[float, int], confidence: float, power: float) -> Drawing:
    drawing, axes = style.canvas(4.3, left=0.95, right=0.5, top=0.95)
    style.headline(drawing, _title(p), _terms(confidence, power))
    axes.set_xscale("log")
    axes.set_yscale("log")
    for side, colour in ((1, style.COLOURS[0]), (-1, style.COLOURS[1])):
        mine = {other: n for other, n in points.items() if (other - p) * side > 0}
        if mine:
            _draw_side(axes, p, mine, side, colour, partial(sample_size, confidence=confidence, power=power))
    _draw_frame(axes, [100 * abs(other - p) for other in points], list(points.values()))
    return drawing


def _draw_side(axes: Axes, p: float, mine: dict[float, int], side: int, colour: str, size: partial[int]) -> None:
    steps = _steps([abs(other - p) for other in mine], p if side < 0 else 1 - p)
    axes.plot(
        [100 * step for step in steps], [size(p, p + side * step) for step in steps], color=colour, lw=2, zorder=2
    )
    for other, n in mine.items():
        x = 100 * abs(other - p)
        axes.plot(x, n, "o", ms=8, color=colour, mec="white", mew=1.5, zorder=3)
        up = side > 0
        axes.annotate(
            _("{other:.4g} %: {n}").format(other=100 * other, n=_grouped(n)),
            (x, n),
            xytext=(8, 5) if up else (-8, -5),
            textcoords="offset points",
            ha="left" if up else "right",
            va="bottom" if up else "top",
            color=style.INK,
        )


def _steps(differences: list[float], most: float) -> list[float]:
    """Differences from a bit less than the smallest to a bit more than the largest, evenly on a log scale."""
    start, end = 0.75 * min(differences), min(1.15 * max(differences), most)
    return [start * (end / start) ** (i / 60) for i in range(61)]


def _draw_frame(axes: Axes, differences: list[float], sizes: list[int]) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

    axes.set_xlim(0.7 * min(differences), 1.7 * max(differences))
    axes.set_ylim(min(sizes) / 2.2, 2.6 * max(sizes))
    ticks = [x for x in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50) if 0.7 * min(differences) <= x <= 1.7 * max(differences)]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _place: f"{x:g}"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _place: _grouped(round(y)) if y >= 1 else ""))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())
        axis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(_("difference in percentage points"))
    axes.set_ylabel(_("requests needed"))
    axes.grid(color=style.FAINT)
    axes.tick_params(length=0)
