"""How our pictures look: light, few lines, colours that colour-blind people can tell, labels at the thing."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

WIDTH = 8.0  # inches
INK, GREY, FAINT = "#222222", "#5F5F5F", "#E3E3E3"
# Okabe and Ito's colours, made to differ for every kind of colour vision
COLOURS = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#8C6D31"]
UNKNOWN_COLOUR = "#9A9A9A"
FAILED_FACE, FAILED_EDGE, FAILED_HATCH = "#FDEAE6", "#A8201A", "////"
# Chinese sentences need one of these; the first that this machine has is used
CJK_FONTS = [
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "PingFang SC",
    "Hiragino Sans GB",
    "Microsoft YaHei",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Droid Sans Fallback",
]
LETTER = 0.078  # inches that a letter of 9 points takes, about


@contextmanager
def applied() -> Iterator[None]:
    """Our style and nothing of the user's, for as long as a picture is drawn."""
    import matplotlib.style

    own = {
        "font.family": _fonts(),
        "font.size": 9.5,
        "text.color": INK,
        "axes.edgecolor": GREY,
        "axes.labelcolor": GREY,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "xtick.color": GREY,
        "ytick.color": GREY,
        "xtick.labelsize": 9,
        "ytick.labelsize": 9,
        "hatch.linewidth": 1.2,
        "svg.fonttype": "none",
    }
    with matplotlib.style.context(["default", own]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # a box for a letter is better than a failed cell
        yield


@cache
def _fonts() -> list[str]:
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # it reports every font that it lacks
    from matplotlib import font_manager

    here = {font.name for font in font_manager.fontManager.ttflist}
    return ["DejaVu Sans", *[name for name in CJK_FONTS if name in here][:1]]


def canvas(
    height: float, left: float = 0.7, right: float = 0.3, top: float = 0.9, bottom: float = 0.6
) -> tuple[Drawing, Axes]:
    """An empty picture of WIDTH x height inches with these margins, without pyplot and its global state."""
    from matplotlib.figure import Figure as Drawing

    drawing = Drawing(figsize=(WIDTH, height), facecolor="white")
    box = (left / WIDTH, bottom / height, 1 - (left + right) / WIDTH, 1 - (top + bottom) / height)
    return drawing, drawing.add_axes(box)


def headline(drawing: Drawing, title: str, below: str = "") -> None:
    """The title, and a smaller line that explains the signs."""
    height = drawing.get_figheight()
    drawing.text(0.15 / WIDTH, 1 - 0.14 / height, title, size=12.5, weight="bold", va="top")
    drawing.text(0.15 / WIDTH, 1 - 0.42 / height, below, size=9, color=GREY, va="top")


def in_order(versions: Iterable[str]) -> list[str]:
    """Versions sorted, the unknown one last."""
    return sorted(versions, key=lambda name: (name == "?", name))


def colours(versions: Iterable[str]) -> dict[str, str]:
    """A colour per version. v2 has the same in every picture, also where it is alone."""
    chosen: dict[str, str] = {}
    for name in sorted(versions, key=lambda name: (_number(name) is None, name)):
        wish = (_number(name) or len(chosen) + 1) - 1
        wheel = [COLOURS[(wish + i) % len(COLOURS)] for i in range(len(COLOURS))]
        free = [colour for colour in wheel if colour not in chosen.values()]
        chosen[name] = UNKNOWN_COLOUR if name == "?" else (free or wheel)[0]
    return chosen


def _number(name: str) -> int | None:
    found = re.fullmatch(r"v(\d+)", name)
    return int(found[1]) if found else None
