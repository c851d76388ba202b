"""release.error_shares: two error shares while requests come in, until they are apart. release.costs_picture: strategies."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from acplab.base.i18n import _
from acplab.measure import Share, Traffic
from acplab.show import style
from acplab.show.figures import Figure
from acplab.topics.release.strategies import Cost
from acplab.topics.release.watch import fails_more

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

POINTS = 60  # of a curve, at most
TOP = 60.0  # percent; with the first requests an interval reaches up to 100 %, which says nothing yet


class _Point(NamedTuple):
    """The error share of a version after so many requests in all."""

    n: int
    share: Share


def error_shares(seen: Traffic, new: str, old: str) -> Figure:
    """A curve per version: its error share so far, and a band for its interval, against the number of requests."""
    curves = {version: _curve(seen, version) for version in (old, new)}
    return Figure("\n".join(_words(seen, new, old)), partial(_draw, curves, _title(seen, new, old)))


def _title(seen: Traffic, new: str, old: str) -> str:
    if fails_more(seen, new, old):
        return _("{new} fails more often than {old}: after {n} requests the intervals are apart").format(
            new=new, old=old, n=seen.total
        )
    return _("After {n} requests the intervals of {old} and {new} overlap").format(n=seen.total, old=old, new=new)


def _words(seen: Traffic, new: str, old: str) -> list[str]:
    shares = [
        _("errors of {version}: {share}").format(version=version, share=seen.error_share(version))
        for version in (old, new)
    ]
    return [_title(seen, new, old), *(f"  {line}" for line in shares)]


def _curve(seen: Traffic, version: str) -> list[_Point]:
    """The share after ever more requests, from the version's first answer on."""
    step = max(1, seen.total // POINTS)
    ends = [*range(step, seen.total, step), seen.total]
    points = [_Point(n, Traffic(seen.samples[:n], seen.rate).error_share(version)) for n in ends]
    return [point for point in points if point.share.n]


def _draw(curves: dict[str, list[_Point]], title: str) -> Drawing:
    drawing, axes = style.canvas(3.6, left=0.8, right=1.0, top=0.9)
    style.headline(drawing, title, _("error share so far; the band is the 95 % interval"))
    colours = style.colours(curves)
    for version, points in curves.items():
        _draw_curve(axes, version, points, colours[version])
    axes.set_xlim(0, max((points[-1].n for points in curves.values() if points), default=1))
    axes.set_ylim(0, TOP)
    axes.set_xlabel(_("requests in all"))
    axes.set_yticks(range(0, int(TOP) + 1, 10), [f"{y} %" for y in range(0, int(TOP) + 1, 10)])
    axes.grid(axis="y", color=style.FAINT)
    axes.tick_params(length=0)
    return drawing


def _draw_curve(axes: Axes, version: str, points: list[_Point], colour: str) -> None:
    if not points:
        return
    x = [point.n for point in points]
    low, high = [
        [100 * end for end in ends] for ends in zip(*((p.share.low, p.share.high) for p in points), strict=True)
    ]
    middle = [100 * point.share.estimate for point in points]
    axes.fill_between(x, low, high, color=colour, alpha=0.22, linewidth=0)
    axes.plot(x, middle, color=colour, lw=2.2)
    axes.annotate(
        version,
        (x[-1], middle[-1]),
        xytext=(8, 0),
        textcoords="offset points",
        color=colour,
        weight="bold",
        va="center",
    )


def costs_picture(rows: Sequence[Cost]) -> Figure:
    """A point per strategy: to the right the seconds that failures lasted, upwards the share of requests that failed meanwhile."""
    title = _("What a bad version costs, by strategy")
    words = [
        _("{strategy}: {failed} failed, {share:.0%} meanwhile; it lasted {lasted:.1f} s; {extra} Pods more").format(
            strategy=one.strategy, failed=one.failed, share=one.share, lasted=one.lasted, extra=one.extra
        )
        for one in rows
    ]
    return Figure("\n".join([title, *(f"  {line}" for line in words)]), partial(_draw_costs, rows, title))


def _draw_costs(rows: Sequence[Cost], title: str) -> Drawing:
    drawing, axes = style.canvas(3.8, left=0.8, right=1.6, top=0.9)
    style.headline(drawing, title, _("lower left is best; a larger point needs more Pods"))
    colours = style.colours(one.strategy for one in rows)
    for one in rows:
        colour, height = colours[one.strategy], 100 * one.share
        axes.plot([one.lasted], [height], "o", color=colour, ms=7 + 2 * min(one.extra, 6))
        axes.annotate(
            one.strategy, (one.lasted, height), xytext=(12, 0), textcoords="offset points", va="center", color=colour,
            weight="bold",
        )  # fmt: skip
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.set_xlabel(_("seconds from the first failure to the last"))
    axes.set_ylabel(_("failed of the requests meanwhile, %"))
    axes.grid(color=style.FAINT)
    axes.tick_params(length=0)
    return drawing
