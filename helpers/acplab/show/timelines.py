"""show.timeline: who answered when, what was lost, and what happened at that moment."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from acplab.show import buckets
from acplab.show.buckets import FAILED, Bucket
from acplab.show.figures import Figure
from acplab.words import _

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from acplab.measure import Outage, Traffic

SAME_OUTAGE_SECONDS = 1.0
MOST_LABELS = 5
ROW = 0.21  # inches a row of labels


def timeline(traffic: Traffic, bucket: float | None = None) -> Figure:
    """Requests a second over time, stacked by version; failures hatched on top; marks as lines with their words.

    bucket: seconds a bar; by default chosen so that there are at most 60 bars with some requests each.
    A request stands where it was scheduled, also if its answer (or timeout) came seconds later.
    """
    pieces = buckets.cut(traffic, bucket)
    return Figure("\n".join(_words(traffic, pieces)), partial(_draw, traffic, pieces))


def _title(traffic: Traffic) -> str:
    if not traffic.total:
        return _("No requests")
    return _("{n} requests over {seconds:.1f} s, {failed} failed").format(
        n=traffic.total, seconds=traffic.samples[-1].t + 1 / traffic.rate, failed=traffic.failed
    )


def _words(traffic: Traffic, pieces: list[Bucket]) -> list[str]:
    from acplab.measure import wording

    lines = [*buckets.told(pieces, traffic.marks), *wording.outages(traffic)]
    return [_title(traffic)] + [f"  {line}" for line in lines]


def _draw(traffic: Traffic, pieces: list[Bucket]) -> Drawing:
    from acplab.show import style

    span = pieces[-1].end if pieces else 1.0
    rows = _mark_rows(traffic, span)
    top = 0.82 + ROW * (max(rows, default=-1) + 1)
    drawing, axes = style.canvas(2.55 + top + 0.6, top=top, left=0.75, right=1.35)
    style.headline(drawing, _title(traffic), _legend(pieces))
    highest = _draw_bars(axes, pieces)
    _draw_frame(axes, span, highest)
    _draw_names(axes, traffic, pieces)
    _draw_outages(axes, traffic, span, highest)
    _draw_marks(axes, traffic, rows, span)
    return drawing


def _legend(pieces: list[Bucket]) -> str:
    if not pieces:
        return ""
    return _("a bar is {width:.2g} s; a request stands at the instant it was sent").format(
        width=pieces[0].end - pieces[0].start
    )


def _draw_bars(axes: Axes, pieces: list[Bucket]) -> float:
    """Gives the height of the highest stack."""
    from acplab.show import style

    names = buckets.keys(pieces)
    colour = style.colours(name for name in names if name != FAILED)
    left = [piece.start for piece in pieces]
    width = [0.94 * (piece.end - piece.start) for piece in pieces]
    floor = [0.0] * len(pieces)
    for name in names:
        height = [piece.rate(name) for piece in pieces]
        axes.bar(left, height, width, bottom=floor, align="edge", **_paint(name, colour))
        floor = [below + own for below, own in zip(floor, height, strict=True)]
    return max(floor, default=1.0)


def _paint(name: str, colour: dict[str, str]) -> dict[str, Any]:
    from acplab.show import style

    if name != FAILED:
        return {"color": colour[name], "linewidth": 0}
    return {
        "facecolor": style.FAILED_FACE,
        "edgecolor": style.FAILED_EDGE,
        "hatch": style.FAILED_HATCH,
        "linewidth": 0.8,
    }


def _draw_frame(axes: Axes, span: float, highest: float) -> None:
    from acplab.show import style

    axes.set_xlim(0, span)
    axes.set_ylim(0, 1.3 * highest)
    axes.set_xlabel(_("seconds since the start"))
    axes.set_ylabel(_("requests a second"))
    axes.grid(axis="y", color=style.FAINT)
    axes.tick_params(length=0)
    axes.spines["left"].set_visible(False)


def _draw_names(axes: Axes, traffic: Traffic, pieces: list[Bucket]) -> None:
    """A list at the right in the order of the stack, each name with its pattern and its number of requests."""
    from matplotlib.patches import Rectangle

    from acplab.show import style

    names = buckets.keys(pieces)
    colour = style.colours(name for name in names if name != FAILED)
    totals = {name: sum(piece.counts[name] for piece in pieces) for name in names}
    for row, name in enumerate(reversed(names)):
        y = 0.74 - 0.15 * row
        swatch = Rectangle((1.025, y - 0.045), 0.03, 0.09, transform=axes.transAxes, clip_on=False)
        swatch.set(**_paint(name, colour))
        axes.add_patch(swatch)
        axes.text(1.065, y, buckets.label(name), transform=axes.transAxes, va="center", weight="bold", size=10.5)
        axes.text(
            1.065, y - 0.065, str(totals[name]), transform=axes.transAxes, va="center", size=8.5, color=style.GREY
        )


def _draw_outages(axes: Axes, traffic: Traffic, span: float, highest: float) -> None:
    """A bracket over each outage, with what it cost."""
    from acplab.show import style

    runs = traffic.outages(gap=SAME_OUTAGE_SECONDS)
    if len(runs) > MOST_LABELS:
        return  # the bars show it, and the words tell the first ones
    y = 1.07 * highest
    for run, row in zip(runs, style.levels([_reach(run, span) for run in runs]), strict=True):
        end = min(run.end, span)
        axes.plot([run.start, end], [y, y], color=style.FAILED_EDGE, lw=2.4, solid_capstyle="butt")
        middle = sum(_reach(run, span)) / 2
        axes.text(
            middle,
            y + (0.035 + 0.1 * row) * highest,
            _cost(run),
            ha="center",
            va="bottom",
            size=9,
            color=style.FAILED_EDGE,
        )


def _cost(run: Outage) -> str:
    return _("{lost} lost in {seconds:.1f} s").format(lost=run.lost, seconds=run.end - run.start)


def _reach(run: Outage, span: float) -> tuple[float, float]:
    """From where to where the label of an outage goes, in seconds, kept inside of the picture."""
    half = _seconds_for(_cost(run), span) / 2
    middle = min(max((run.start + min(run.end, span)) / 2, half), span - half)
    return middle - half, middle + half


def _seconds_for(words: str, span: float) -> float:
    from acplab.show import style

    return len(words) * style.LETTER / (style.WIDTH - 2.1) * span


def _mark_rows(traffic: Traffic, span: float) -> list[int]:
    from acplab.show import style

    return style.levels([_mark_reach(mark.t, mark.words, span) for mark in traffic.marks])


def _mark_reach(t: float, words: str, span: float) -> tuple[float, float]:
    """Words begin at their line, or end there if they would not fit into the picture."""
    length = _seconds_for(words + "  ", span)
    return (t, t + length) if t + length <= 1.2 * span else (t - length, t)


def _draw_marks(axes: Axes, traffic: Traffic, rows: list[int], span: float) -> None:
    from acplab.show import style

    place = axes.get_xaxis_transform()
    for mark, row in zip(traffic.marks, rows, strict=True):
        top = 1.02 + ROW / 2.55 * row
        axes.plot(
            [mark.t, mark.t], [0, top + 0.05], transform=place, color=style.INK, lw=1.3, ls=(0, (4, 2)), clip_on=False
        )
        side = "left" if _mark_reach(mark.t, mark.words, span)[0] == mark.t else "right"
        step = 0.006 * span * (1 if side == "left" else -1)
        axes.text(mark.t + step, top, mark.words, transform=place, ha=side, va="bottom", size=9.5)
