"""A network plan as boxes in boxes: first each shape gets its place, then all are drawn.

Lengths are inches, counted from the upper left corner.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from acplab.base.i18n import _
from acplab.show import style
from acplab.topics.network.scene import Piece, Scene, Segment

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing


EDGE, GAP, PAD = 0.15, 0.12, 0.1  # around the picture, between boxes, inside of them
HEAD = 0.72  # for the title of the picture
OTHERS = 2.6  # the width of the neighbours' column
HEIGHTS = {"heading": 0.26, "title": 0.2, "note": 0.17, "strip": 0.24, "blocks": 0.46, "mark": 0.27, "problem": 0.19}
SIZES = {"heading": 9.5, "title": 9.5, "note": 8.5, "blocks": 8.0, "mark": 8.5, "problem": 9.0}
LETTERS = {"title": 1.05, "note": 0.93, "mark": 1.05, "problem": 0.9}  # bold ones are wider, and digits than words
INDENT = 0.15  # of the words on a hatched ground
LEAST = 0.03  # of what is used, to be seen in a large range
FACES = ("#EAF2F9", "white")  # of a box, and of one in it
PAINT = {"now": "#00568A", "later": "#A9D3EE", "free": "white"}


class Shape(NamedTuple):
    """Something to draw. what: "frame" or a key of HEIGHTS."""

    what: str
    x: float
    y: float
    width: float
    height: float
    text: str = ""
    strip: tuple[Segment, ...] = ()
    depth: int = 0


def draw(scene: Scene) -> Drawing:
    """Our ranges at the left, the others at the right, the broken rules below."""
    shapes = list(placed(scene))
    bottom = max(shape.y + shape.height for shape in shapes)
    drawing, axes = style.canvas(bottom + EDGE, 0, 0, 0, 0)
    style.headline(drawing, scene.title, _legend(scene))
    axes.set(xlim=(0, style.WIDTH), ylim=(bottom + EDGE, 0))
    axes.set_axis_off()
    painters = {"frame": _draw_frame, "strip": _draw_strip, "blocks": _draw_strip, "mark": _draw_mark}
    for shape in shapes:
        painters.get(shape.what, _draw_text)(axes, shape)
    return drawing


def _legend(scene: Scene) -> str:
    parts = [_("dark: used now"), _("light: used in two years"), _("white: free")]
    return "    ".join([*parts, *([_("hatched: breaks the rule of that number")] if scene.problems else [])])


# Places


def placed(scene: Scene) -> Iterator[Shape]:
    """Every shape of the picture in the order of drawing."""
    whole = style.WIDTH - 2 * EDGE
    ours = _column(_("This cluster"), scene.ours, EDGE, whole - OTHERS - 2 * GAP if scene.theirs else whole, scene)
    theirs = _column(_("Beside it"), scene.theirs, style.WIDTH - EDGE - OTHERS, OTHERS, scene) if scene.theirs else []
    yield from (*ours, *theirs)
    y = _bottom([*ours, *theirs]) + 2 * GAP
    for problem in scene.problems:
        for line in _wrapped(problem, whole, "problem"):
            yield Shape("problem", EDGE, y, whole, HEIGHTS["problem"], line)
            y += HEIGHTS["problem"]


def _column(heading: str, pieces: Iterable[Piece], x: float, width: float, scene: Scene) -> list[Shape]:
    head = Shape("heading", x, HEAD, width, HEIGHTS["heading"], heading)
    return [head, *_stacked(pieces, x, _bottom([head]), width, scene)]


def _stacked(pieces: Iterable[Piece], x: float, y: float, width: float, scene: Scene, depth: int = 0) -> list[Shape]:
    """Boxes below each other."""
    shapes: list[Shape] = []
    for piece in pieces:
        shapes += _box(piece, x, _bottom(shapes) + GAP if shapes else y, width, scene, depth)
    return shapes


def _box(piece: Piece, x: float, y: float, width: float, scene: Scene, depth: int) -> list[Shape]:
    pad = PAD if piece.framed else 0.0
    shapes = list(_lines(piece, x + pad, y + pad, width - 2 * pad, scene))
    below = _bottom(shapes) + GAP / 2
    shapes += _stacked(piece.inner, x + pad, below, width - 2 * pad, scene, depth + 1)
    frame = Shape("frame", x, y, width, _bottom(shapes) + pad - y, depth=depth)
    return [frame, *shapes] if piece.framed else shapes


def _lines(piece: Piece, x: float, y: float, width: float, scene: Scene) -> Iterator[Shape]:
    """The content of a box, without the boxes in it."""
    rows: list[tuple[str, str, tuple[Segment, ...]]] = []
    for what, text in (("title", piece.title), *(("note", note) for note in piece.notes)):
        rows += [(what, line, ()) for line in _wrapped(text, width, what)]
    if piece.strip:
        rows.append(("blocks" if any(segment.label for segment in piece.strip) else "strip", "", piece.strip))
    for mark in scene.marks.get(piece.title, ()):
        rows += [("mark", line, ()) for line in _wrapped(mark, width - 2 * INDENT, "mark")]
    for what, text, strip in rows:
        yield Shape(what, x, y, width, HEIGHTS[what], text, strip)
        y += HEIGHTS[what]


def _wrapped(text: str, width: float, what: str) -> list[str]:
    letters = max(8, int(width / (style.LETTER * LETTERS[what] * SIZES[what] / 9)))
    return textwrap.wrap(text, letters, subsequent_indent="    " if what == "problem" else "", break_on_hyphens=False)


def _bottom(shapes: Iterable[Shape]) -> float:
    return max(shape.y + shape.height for shape in shapes)


# Shapes


def _draw_frame(axes: Axes, shape: Shape) -> None:
    face = FACES[min(shape.depth, len(FACES) - 1)]
    _rectangle(axes, shape.x, shape.y, shape.width, shape.height, facecolor=face, edgecolor=style.GREY)


def _draw_text(axes: Axes, shape: Shape) -> None:
    weight = "bold" if shape.what == "title" else "normal"
    colour = style.GREY if shape.what == "heading" else style.INK
    axes.text(shape.x, shape.y + 0.02, shape.text, va="top", size=SIZES[shape.what], weight=weight, color=colour)


def _draw_strip(axes: Axes, shape: Shape) -> None:
    """Its upper edge keeps off the line of words above. What is used is seen, however little it is."""
    x, y, height = shape.x, shape.y + 0.05, shape.height - 0.08
    _rectangle(axes, shape.x, y, shape.width, height, facecolor=PAINT["free"])
    for segment in shape.strip:
        width = min(max(LEAST, segment.share * shape.width), shape.x + shape.width - x)
        _draw_segment(axes, segment, x, y, width, height)
        x += width
    _rectangle(axes, shape.x, y, shape.width, height, facecolor="none", edgecolor=style.GREY, zorder=4)


def _draw_segment(axes: Axes, segment: Segment, x: float, y: float, width: float, height: float) -> None:
    edge = "white" if segment.label else "none"  # a strip to scale has no lines between its parts
    _rectangle(axes, x, y, width, height, facecolor=PAINT[segment.use], edgecolor=edge)
    ink = "white" if segment.use == "now" else style.INK
    place = (x + width / 2, y + height / 2)
    axes.text(*place, segment.label, ha="center", va="center", size=SIZES["blocks"], color=ink, zorder=5)


def _draw_mark(axes: Axes, shape: Shape) -> None:
    """Hatching and words, so that no mark depends on colour."""
    paint = {"facecolor": style.FAILED_FACE, "edgecolor": style.FAILED_EDGE, "hatch": style.FAILED_HATCH}
    _rectangle(axes, shape.x, shape.y + 0.05, shape.width, shape.height - 0.07, **paint)
    ground = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
    y = shape.y + 0.05 + (shape.height - 0.07) / 2
    axes.text(
        shape.x + INDENT, y, shape.text, va="center_baseline", size=SIZES["mark"], weight="bold", bbox=ground, zorder=5
    )


def _rectangle(axes: Axes, x: float, y: float, width: float, height: float, **paint: Any) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((x, y), width, height, **{"linewidth": 0.9, "zorder": 2} | paint))
