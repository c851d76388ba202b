"""show.split: who answered which share, how sure that is, and what was wanted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from acplab.base.arguments import share as checked_share
from acplab.base.i18n import _, ngettext
from acplab.measure import as_traffic, text
from acplab.show import style
from acplab.show.figures import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from acplab.measure import Load, Share, Traffic


class _Row(NamedTuple):
    version: str
    share: Share
    wanted: float | None


def split(traffic: Traffic | Load, wanted: Mapping[str, float] | None = None) -> Figure:
    """A bar per version with its Wilson interval, and a mark where the wanted share (0..1) lies.

    wanted: for example {"v1": 0.8, "v2": 0.2}. A version that is wanted and did not answer has a bar of 0 %.
    """
    traffic = as_traffic(traffic)
    wanted = {version: checked_share(f"wanted[{version!r}]", share) for version, share in (wanted or {}).items()}
    versions = style.in_order({*traffic.by_version, *wanted})
    rows = [_Row(version, traffic.share(version), wanted.get(version)) for version in versions]
    return Figure("\n".join(_words(traffic, rows)), partial(_draw, traffic, rows))


def _title(traffic: Traffic) -> str:
    answered = sum(traffic.by_version.values())
    if not answered:
        return ngettext("No answer to {n} request", "No answers to {n} requests", traffic.total).format(n=traffic.total)
    if answered < traffic.total:
        return _("Who answered {answered} of {n} requests").format(answered=answered, n=traffic.total)
    return ngettext("Who answered {n} request", "Who answered {n} requests", answered).format(n=answered)


def _words(traffic: Traffic, rows: list[_Row]) -> list[str]:
    lines = [*map(_line, rows), *([text.failures(traffic.errors)] if traffic.failed else [])]
    return [_title(traffic), *(f"  {line}" for line in [*lines, *text.redirected(traffic.redirects)])]


def _line(row: _Row) -> str:
    if row.wanted is None:
        line = "{version}: {share}"
    elif row.share.includes(row.wanted):
        line = _("{version}: {share}; wanted {wanted:.1f} %, inside the interval")
    else:
        line = _("{version}: {share}; wanted {wanted:.1f} %, OUTSIDE the interval")
    return line.format(version=row.version, share=row.share, wanted=100 * (row.wanted or 0.0))


def _draw(traffic: Traffic, rows: list[_Row]) -> Drawing:
    left, right = _margins(rows)
    drawing, axes = style.canvas(1.55 + 0.72 * max(1, len(rows)) + 0.1, left=left, right=right, top=0.85)
    style.headline(drawing, _title(traffic), _legend(traffic, rows))
    colour = style.colours(row.version for row in rows)
    for place, row in enumerate(rows):
        _draw_row(axes, place, row, colour[row.version])
    _draw_frame(axes, rows)
    return drawing


def _margins(rows: list[_Row]) -> tuple[float, float]:
    """Inches for the versions at the left and the numbers at the right."""
    version = max((len(row.version) for row in rows), default=2)
    numbers = max((len(_interval(row)) for row in rows), default=0)
    return 0.35 + 1.25 * style.LETTER * version, 0.3 + 0.87 * style.LETTER * numbers


def _legend(traffic: Traffic, rows: list[_Row]) -> str:
    parts = [_("bar: measured share   line: 95 % interval")]
    if any(row.wanted is not None for row in rows):
        parts.append(_("triangle: wanted share"))
    if traffic.failed:
        parts.append(text.failures(traffic.errors))
    return "   ".join(parts)


def _draw_row(axes: Axes, place: int, row: _Row, colour: str) -> None:
    estimate = 0.0 if math.isnan(row.share.estimate) else 100 * row.share.estimate
    low, high = 100 * row.share.low, 100 * row.share.high
    axes.barh(place, estimate, height=0.44, color=colour, zorder=3)
    for width, colour in ((5.5, "white"), (2.0, style.INK)):  # a pale rim, to be seen on the dark bar too
        axes.plot([low, high], [place, place], color=colour, lw=width, solid_capstyle="butt", zorder=4)
        for end in (low, high):
            axes.plot([end, end], [place - 0.1, place + 0.1], color=colour, lw=width, clip_on=False, zorder=4)
    axes.text(102, place - 0.09, _percent(row), va="center", size=12, weight="bold")
    axes.text(102, place + 0.21, _interval(row), va="center", size=8.5, color=style.GREY)
    if row.wanted is not None:
        _draw_wanted(axes, place, row)


def _percent(row: _Row) -> str:
    return f"{100 * row.share.estimate:.1f} %" if row.share.n else "?"


def _interval(row: _Row) -> str:
    share = row.share
    return _("{low:.1f}-{high:.1f} %, {hits} of {n}").format(
        low=100 * share.low, high=100 * share.high, hits=share.hits, n=share.n
    )


def _draw_wanted(axes: Axes, place: int, row: _Row) -> None:
    """A triangle above the bar; the words beside it lean to the side that has room."""
    x = 100 * (row.wanted or 0.0)
    axes.plot(x, place - 0.3, marker="v", ms=8, color=style.INK, clip_on=False, zorder=5)
    side, step = ("left", 1.7) if x < 60 else ("right", -1.7)
    inside = row.share.includes(row.wanted or 0.0)
    note = _("wanted {share:.4g} %") if inside else _("wanted {share:.4g} %, outside the interval")
    axes.text(x + step, place - 0.33, note.format(share=x), ha=side, va="center", size=8.5)


def _draw_frame(axes: Axes, rows: list[_Row]) -> None:
    axes.set_xlim(0, 100)
    axes.set_ylim(max(1, len(rows)) - 0.5, -0.55)
    axes.set_yticks(range(len(rows)), [row.version for row in rows], size=12, weight="bold", color=style.INK)
    axes.set_xticks(range(0, 101, 20), [f"{x} %" for x in range(0, 101, 20)])
    axes.set_xlabel(_("share of the answers"))
    axes.grid(axis="x", color=style.FAINT)
    axes.tick_params(length=0)
    axes.spines["left"].set_visible(False)
    axes.spines["bottom"].set_color(style.FAINT)
