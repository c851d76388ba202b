"""Words on a timeline, placed so that they stay readable: what was lost, and what happened when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from acplab.base.i18n import _
from acplab.measure import text
from acplab.show import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from acplab.measure import Mark, Outage, Traffic

ROW = 0.21  # inches per row of words
PLOT_WIDTH = 5.9  # inches of the time axis
LONGEST = 60  # letters of a mark that are drawn
BACKGROUND = {"facecolor": "white", "edgecolor": "none", "pad": 1.2}  # lines do not run through words
Reach = tuple[float, float]  # from where to where words go, in seconds


def mark_rows(marks: Sequence[Mark], span: float) -> list[int]:
    """The row of each mark's words; an earlier mark is higher than the later ones that its words would meet."""
    reaches = [_mark_reach(mark, span) for mark in marks]
    rows: dict[int, int] = {}
    for i in reversed(range(len(marks))):
        met = [rows[j] for j in range(i + 1, len(marks)) if _meet(reaches[i], reaches[j])]
        rows[i] = max(met, default=-1) + 1
    return [rows[i] for i in range(len(marks))]


def draw_marks(axes: Axes, marks: Sequence[Mark], span: float, row_height: float) -> None:
    """A line from the time axis up to the words. row_height: ROW as a part of the axes' height."""
    place = axes.get_xaxis_transform()
    for mark, row in zip(marks, mark_rows(marks, span), strict=True):
        y = 1.03 + row_height * row
        side = "left" if _mark_reach(mark, span)[0] == mark.t else "right"
        step = 0.008 * span * (1 if side == "left" else -1)
        axes.plot([mark.t] * 2, [0, y + 0.06], transform=place, color=style.INK, lw=1.3, ls=(0, (4, 2)), clip_on=False)
        axes.text(
            mark.t + step,
            y,
            _cut(mark.words),
            transform=place,
            ha=side,
            va="bottom",
            size=9.5,
            bbox=BACKGROUND,
            zorder=5,
        )


def outages(traffic: Traffic) -> list[Outage]:
    """Those that get words; none if there are too many to read (the bars still show them, the text counts them)."""
    runs = traffic.outages(gap=text.SAME_OUTAGE_SECONDS)
    return runs if len(runs) <= text.MAX_OUTAGES else []


def outage_rows(runs: Iterable[Outage], span: float) -> list[int]:
    """The row of each outage's words; 0 is just above the bars."""
    rows: list[int] = []
    ends: list[float] = []
    for start, end in (_outage_reach(run, span) for run in runs):
        row = next((i for i, taken in enumerate(ends) if taken < start), len(ends))
        ends[row : row + 1] = [end]
        rows.append(row)
    return rows


def draw_outages(axes: Axes, runs: list[Outage], span: float, highest: float, row_height: float) -> None:
    """A bracket above the bars for each outage, and what it cost. row_height: ROW in units of the y axis."""
    y = highest + 0.3 * row_height
    for run, row in zip(runs, outage_rows(runs, span), strict=True):
        axes.plot([run.start, min(run.end, span)], [y, y], color=style.FAILED_EDGE, lw=2.6, solid_capstyle="butt")
        middle = sum(_outage_reach(run, span)) / 2
        place = (middle, y + (0.25 + row) * row_height)
        axes.text(
            *place,
            _cost(run),
            ha="center",
            va="bottom",
            size=9,
            weight="bold",
            color=style.FAILED_EDGE,
            bbox=BACKGROUND,
            zorder=5,
        )


def _cost(run: Outage) -> str:
    return _("{lost} lost in {seconds:.2f} s").format(lost=run.lost, seconds=run.end - run.start)


def _outage_reach(run: Outage, span: float) -> Reach:
    """Around the middle of the outage, but inside of the picture."""
    half = _seconds_for(_cost(run), span) / 2
    middle = min(max((run.start + min(run.end, span)) / 2, half), span - half)
    return middle - half, middle + half


def _mark_reach(mark: Mark, span: float) -> Reach:
    """Words begin at their line, or end there if they would not fit into the picture."""
    length = _seconds_for(_cut(mark.words) + "   ", span)
    return (mark.t, mark.t + length) if mark.t + length <= 1.2 * span else (mark.t - length, mark.t)


def _cut(words: str) -> str:
    """What fits into the picture; the words below it have it all."""
    return words if len(words) <= LONGEST else words[: LONGEST - 1] + "…"


def _meet(one: Reach, other: Reach) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]


def _seconds_for(words: str, span: float) -> float:
    """How many seconds of the time axis are as wide as the words; Chinese characters are twice as wide."""
    letters = sum(2 if ord(letter) > 0x2E7F else 1 for letter in words)
    return letters * style.LETTER / PLOT_WIDTH * span
