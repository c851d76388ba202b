"""show.timeline: who answered when, what was lost, and what happened at that moment."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from acplab.base.i18n import _, ngettext
from acplab.measure import as_traffic, text
from acplab.show import buckets, callouts, style
from acplab.show.buckets import FAILED, Bucket
from acplab.show.figures import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from acplab.measure import Load, Traffic

BARS = 2.2  # inches from the time axis to the top of the highest bar
LEFT, BOTTOM = 0.75, 0.6  # inches beside and below the axes


def timeline(traffic: Traffic | Load, bucket: float | None = None) -> Figure:
    """Requests per second over time, stacked by version; failures hatched on top; marks as lines with their words.

    bucket: seconds per bar, at most 300; by default there are at most 60 bars with some requests each.
    A request is drawn when it was due, also if its answer (or timeout) came seconds later.
    """
    traffic = as_traffic(traffic)
    pieces = buckets.cut(traffic, bucket)
    return Figure("\n".join(_words(traffic, pieces)), partial(_draw, traffic, pieces))


def _title(traffic: Traffic) -> str:
    if not traffic.total:
        return _("No requests")
    return ngettext(
        "{n} request over {seconds:.1f} s, {failures}", "{n} requests over {seconds:.1f} s, {failures}", traffic.total
    ).format(
        n=traffic.total,
        seconds=traffic.samples[-1].t + 1 / traffic.rate,
        failures=text.failures(traffic.errors),
    )


def _words(traffic: Traffic, pieces: list[Bucket]) -> list[str]:
    lines = [*buckets.describe(pieces, traffic.marks), *text.redirected(traffic.redirects), *traffic.outages_in_words()]
    return [_title(traffic)] + [f"  {line}" for line in lines]


def _draw(traffic: Traffic, pieces: list[Bucket]) -> Drawing:
    span = max([piece.end for piece in pieces] + [mark.t for mark in traffic.marks], default=1.0)
    runs = callouts.outages(traffic)
    above = 0.15 + callouts.ROW * (max(callouts.outage_rows(runs, span)) + 1.5 if runs else 0)
    top = 0.75 + callouts.ROW * (max(callouts.mark_rows(traffic.marks, span), default=-1) + 1)
    drawing, axes = style.canvas(
        BARS + above + top + BOTTOM,
        top=top,
        bottom=BOTTOM,
        left=LEFT,
        right=style.WIDTH - LEFT - callouts.PLOT_WIDTH,
    )
    style.headline(drawing, _title(traffic), _legend(pieces))
    highest = _draw_bars(axes, pieces)
    _draw_frame(axes, span, highest * (BARS + above) / BARS)
    _draw_names(axes, pieces, BARS / (BARS + above))
    callouts.draw_outages(axes, runs, span, highest, callouts.ROW / BARS * highest)
    callouts.draw_marks(axes, traffic.marks, span, callouts.ROW / (BARS + above))
    return drawing


def _legend(pieces: list[Bucket]) -> str:
    if not pieces:
        return ""
    width = pieces[0].end - pieces[0].start
    return _("each bar is {width:.2g} s; a request is drawn when it was due").format(width=width)


def _draw_bars(axes: Axes, pieces: list[Bucket]) -> float:
    """Returns the height of the highest stack."""
    floor = {piece.start: 0.0 for piece in pieces}
    names = buckets.keys(pieces)
    for name in names:
        there = [piece for piece in pieces if piece.counts[name]]
        axes.bar(
            [piece.start for piece in there],
            [piece.rate(name) for piece in there],
            [0.94 * (piece.end - piece.start) for piece in there],
            bottom=[floor[piece.start] for piece in there],
            align="edge",
            **_paint(name, names),
        )
        floor |= {piece.start: floor[piece.start] + piece.rate(name) for piece in there}
    return max(floor.values(), default=1.0)


def _paint(name: str, names: list[str]) -> dict[str, Any]:
    if name != FAILED:
        return {"color": style.colours(other for other in names if other != FAILED)[name], "linewidth": 0}
    return {
        "facecolor": style.FAILED_FACE,
        "edgecolor": style.FAILED_EDGE,
        "hatch": style.FAILED_HATCH,
        "linewidth": 0.8,
    }


def _draw_frame(axes: Axes, span: float, top: float) -> None:
    axes.set_xlim(0, span)
    axes.set_ylim(0, top)
    axes.set_xlabel(_("seconds since the start"))
    axes.set_ylabel(_("requests per second"))
    axes.grid(axis="y", color=style.FAINT)
    axes.tick_params(length=0)
    axes.spines["left"].set_visible(False)


def _draw_names(axes: Axes, pieces: list[Bucket], top: float) -> None:
    """A list at the right in the order of the stack, each name with its pattern and its number of requests."""
    from matplotlib.patches import Rectangle

    names = buckets.keys(pieces)
    place = axes.transAxes
    for row, name in enumerate(reversed(names)):
        y = top - 0.05 - min(0.16, top / len(names)) * row
        swatch = Rectangle((1.025, y - 0.05), 0.03, 0.1, transform=place, clip_on=False)
        swatch.set(**_paint(name, names))
        axes.add_patch(swatch)
        axes.text(1.067, y + 0.025, buckets.label(name), transform=place, va="center", weight="bold", size=10.5)
        total = str(sum(piece.counts[name] for piece in pieces))
        axes.text(1.067, y - 0.045, total, transform=place, va="center", size=8.5, color=style.GREY)
