"""show.drill: all lanes of a drill over one clock: requests as ticks, states as bars, the fault as a grey span."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from acplab.base.i18n import _
from acplab.measure import Traffic
from acplab.measure.states import GONE, LATE_MS, UNREAD, States
from acplab.show import style
from acplab.show.figures import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from acplab.measure.drills import Report

ROW = 0.26  # inches per row
LEFT, BOTTOM, TOP, RIGHT = 2.1, 0.6, 0.75, 0.3
GOOD, BAD, MIDDLE, OTHER = "#009E73", "#A8201A", "#E69F00", "#8C6D31"
WELL = ("Ready", "renewed", "follower", "leader", "resolved", "Succeeded")
ILL = ("NotReady", "no answer", "no leader", "overdue", "Failed", "Unknown")
Row = tuple[str, str, Traffic | States]  # lane, thing, what to draw


def drill(report: Report) -> Figure:
    """The report as a picture, and the same in words."""
    return Figure(report.text, partial(_draw, report))


def _rows(report: Report) -> list[Row]:
    rows: list[Row] = []
    for name, lane in report.lanes.items():
        things = [name] if isinstance(lane, Traffic) else lane.things
        rows += [(name, thing, lane) for thing in things]
    return rows


def _draw(report: Report) -> Drawing:
    rows = _rows(report)
    drawing, axes = style.canvas(ROW * len(rows) + TOP + BOTTOM, left=LEFT, right=RIGHT, top=TOP, bottom=BOTTOM)
    legend = _(
        "ticks: requests (red: lost, orange: after more than 1 s); bars: states; grey behind: while it was broken"
    )
    style.headline(drawing, report.fault.title, legend)
    axes.axvspan(report.broken, report.undone, color=style.FAINT, linewidth=0)
    for row, (_name, thing, lane) in enumerate(rows):
        if isinstance(lane, Traffic):
            _draw_requests(axes, row, lane)
        else:
            _draw_states(axes, row, thing, lane)
    _frame(axes, rows)
    return drawing


def _draw_requests(axes: Axes, row: int, lane: Traffic) -> None:
    kinds = {
        GOOD: [one.t for one in lane if one.ok and one.ms <= LATE_MS],
        MIDDLE: [one.t for one in lane if one.ok and one.ms > LATE_MS],
        BAD: [one.t for one in lane if not one.ok],
    }
    for colour, times in kinds.items():
        axes.vlines(times, row - 0.36, row + 0.36, color=colour, linewidth=1.1)


def _draw_states(axes: Axes, row: int, thing: str, lane: States) -> None:
    for span in lane.spans():
        if span.thing != thing or span.state == GONE:
            continue
        axes.barh(row, span.end - span.start, left=span.start, height=0.62, color=_colour(span.state))
        if (span.end - span.start) / max(lane.end, 1) > 0.012 * len(span.state):
            axes.text(span.start, row, f" {span.state}", va="center", size=7.5, color="white")


def _colour(state: str) -> str:
    if state == UNREAD:
        return style.UNKNOWN_COLOUR
    if state.startswith(ILL):
        return BAD
    if state == "leader":
        return style.COLOURS[0]
    return GOOD if state in WELL else OTHER


def _frame(axes: Axes, rows: list[Row]) -> None:
    axes.set_yticks(range(len(rows)), [name if name == thing else f"{name}: {thing}" for name, thing, _lane in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(left=0)
    axes.set_xlabel(_("seconds since the start"))
    axes.tick_params(length=0)
    axes.spines["left"].set_visible(False)
