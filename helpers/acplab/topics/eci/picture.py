"""Cost and loss on one picture."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from acplab.base.i18n import _
from acplab.show import Figure, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from acplab.measure import Share

Points = Mapping[str, tuple[float, "Share"]]


def cost_and_loss(points: Points) -> Figure:
    """A point for each way to run a shop for a day. points: way -> (yuan, share of requests lost)."""
    lines = [
        _("{way}: {yuan:.4f} yuan, lost {lost}").format(way=way, yuan=y, lost=lost) for way, (y, lost) in points.items()
    ]
    return Figure("\n".join([_title(), *(f"  {line}" for line in lines)]), partial(_draw, points))


def _title() -> str:
    return _("What a day costs, and what it loses")


def _draw(points: Points) -> Drawing:
    drawing, axes = style.canvas(3.6, left=0.9, right=0.6, top=0.8)
    style.headline(drawing, _title(), _("best is the corner at the left below: cheap, and nothing lost"))
    for (way, (yuan, lost)), colour in zip(points.items(), style.COLOURS, strict=False):
        share = 100 * lost.estimate
        axes.errorbar(
            yuan,
            share,
            [[share - 100 * lost.low], [100 * lost.high - share]],
            color=colour,
            marker="o",
            ms=9,
            capsize=4,
        )
        axes.annotate(
            way, (yuan, share), xytext=(9, 7), textcoords="offset points", size=11, weight="bold", color=colour
        )
    axes.set_xlim(0, 1.4 * max(yuan for yuan, _lost in points.values()))
    axes.set_ylim(-2, max(10.0, 1.25 * max(100 * lost.high for _yuan, lost in points.values())))
    axes.set_xlabel(_("yuan a day"))
    axes.set_ylabel(_("requests lost, %"))
    axes.grid(color=style.FAINT)
    return drawing
