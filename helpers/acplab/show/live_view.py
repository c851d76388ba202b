"""show.live: a steady load while it runs.

Drawn as a few rectangles, not with matplotlib: that would take a tenth of a second from the very process
that sends the requests, twice a second, and so change what is measured.
"""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

from acplab.base import html
from acplab.base.arguments import within
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.show import buckets, style
from acplab.show.buckets import FAILED, Bucket

if TYPE_CHECKING:
    import ipywidgets

    from acplab.measure import Load, Mark, Traffic

WIDTH, HEIGHT = 720, 150  # of the drawing, in its own units
LINE_SECONDS = 2.0  # between two lines where only text can be shown
MAX_SECONDS = 60.0  # between two pictures


def live(load: Load, every: float = 0.5) -> LiveView:
    """Show a load of measure.steady() and redraw it every so many seconds (at most 60) until it ends.

    In a notebook this is a picture with a line of words; elsewhere lines of text. Call it inside of the block:

        with measure.steady(ingress_url) as load:
            show.live(load)
    """
    if not hasattr(load, "so_far"):
        raise AcplabError(
            _("show.live needs a load that runs, not {given!r}.").format(given=load),
            _("Give it the load of `with measure.steady(...) as load:`, inside of that block."),
        )
    every = within("every", every, MAX_SECONDS, "s")
    view = LiveView(load)
    if _in_notebook():
        from IPython.display import display

        display(view.widget())  # type: ignore[no-untyped-call]
    else:
        every = max(every, LINE_SECONDS)
    threading.Thread(target=view.follow, args=(every,), name="acplab-live", daemon=True).start()
    return view


class LiveView:
    """What live() shows. text: the load in one line, as it is now."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self._html: ipywidgets.HTML | None = None
        self._ended = threading.Event()

    @property
    def text(self) -> str:
        """One line about what has come back until now."""
        return repr(self.load)

    def widget(self) -> ipywidgets.HTML:
        """The picture; redraw() renews it."""
        import ipywidgets

        self._html = ipywidgets.HTML(self.html())
        return self._html

    def follow(self, every: float) -> None:
        """Redraw until the load has ended, and once more then."""
        while not self.load.wait(every):
            self.redraw()
        self.redraw()
        self._ended.set()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the last picture is drawn; says whether it is."""
        return self._ended.wait(seconds)

    def redraw(self) -> None:
        """Show the load as it is now."""
        if self._html is None:
            print(self.text)
        else:
            self._html.value = self.html()

    def html(self) -> str:
        """The picture and its words as they are now."""
        seen = self.load.so_far()
        return (
            f'<div style="max-width: {WIDTH}px; color: var(--jp-content-font-color1, inherit)">'
            f"{_svg(seen)}<div>{_names(seen)}</div><div>{html.esc(self.text)}</div></div>"
        )

    def __repr__(self) -> str:
        return self.text


def _in_notebook() -> bool:
    """Whether a kernel runs us; plain Python has no IPython, and its terminal shell has no kernel."""
    shell: Any = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return getattr(shell, "kernel", None) is not None


def _svg(seen: Traffic) -> str:
    pieces = buckets.cut(seen)
    span = pieces[-1].end if pieces else 1.0
    highest = max((sum(piece.counts.values()) / (piece.end - piece.start) for piece in pieces), default=1.0)
    names = buckets.keys(pieces)
    colour = style.colours(name for name in names if name != FAILED) | {FAILED: "url(#acplab-failed)"}
    bars = "".join(_stack(piece, names, colour, span, highest) for piece in pieces)
    marks = "".join(_mark(mark, span) for mark in seen.marks)
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.esc(seen)}"'
        f' style="width: 100%; background: white; display: block">{_PATTERN}{bars}{marks}</svg>'
    )


def _names(seen: Traffic) -> str:
    """The legend: a colour per version."""
    names = buckets.keys(buckets.cut(seen))
    colour = style.colours(name for name in names if name != FAILED) | {FAILED: style.FAILED_EDGE}
    return " &nbsp; ".join(
        f'<span aria-hidden="true" style="color: {colour[name]}">{"▨" if name == FAILED else "■"}</span>'
        f" {html.esc(buckets.label(name))}"
        for name in names
    )


_PATTERN = (
    '<defs><pattern id="acplab-failed" width="6" height="6" patternUnits="userSpaceOnUse"'
    f' patternTransform="rotate(45)"><rect width="6" height="6" fill="{style.FAILED_FACE}"/>'
    f'<rect width="2.5" height="6" fill="{style.FAILED_EDGE}"/></pattern></defs>'
)


def _stack(piece: Bucket, names: list[str], colour: dict[str, str], span: float, highest: float) -> str:
    x, width = WIDTH * piece.start / span, 0.94 * WIDTH * (piece.end - piece.start) / span
    y, drawn = float(HEIGHT), ""
    for name in names:
        height = 0.85 * HEIGHT * piece.rate(name) / highest
        y -= height
        drawn += f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour[name]}"/>'
    return drawn


def _mark(mark: Mark, span: float) -> str:
    x = min(WIDTH * mark.t / span, WIDTH - 1.0)
    side = "start" if x < WIDTH / 2 else "end"
    shift = 4 if x < WIDTH / 2 else -4
    return (
        f'<line x1="{x:.1f}" y1="0" x2="{x:.1f}" y2="{HEIGHT}" stroke="{style.INK}" stroke-dasharray="4 3"/>'
        f'<text x="{x + shift:.1f}" y="13" font-size="12" text-anchor="{side}" fill="{style.INK}">'
        f"{html.esc(mark.words)}</text>"
    )
