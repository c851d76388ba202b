"""A picture with its words, as Jupyter, a screen reader and a file want it."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acplab.base import html
from acplab.base.i18n import _

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

MAX_ALT = 250  # letters of the alternative text
SCREEN_WIDTH = 800  # CSS pixels; the PNG has twice as many, for sharp letters on fine screens


class Figure:
    """text: all that the picture says, in plain lines, the first of which is its title.

    The picture is drawn when it is first shown or saved, so that reading the words alone takes no time.
    """

    def __init__(self, text: str, draw: Callable[[], Drawing]) -> None:
        self.text = text
        self._draw = draw

    @cached_property
    def png(self) -> bytes:
        """The picture as a PNG file."""
        return self._render("png")

    def save(self, path: str | Path) -> Path:
        """Write .png, .svg or .pdf, or the words as .txt, by the ending of the name; returns the path."""
        path = Path(path)
        content = self.text.encode() if path.suffix == ".txt" else self._render(path.suffix[1:])
        path.write_bytes(content)
        return path

    def html(self) -> str:
        """The picture with its title and results as alternative text, and all words to unfold below it."""
        source = base64.b64encode(self.png).decode()
        return (
            '<figure style="margin: 0">'
            f'<img src="data:image/png;base64,{source}" alt="{html.esc(self.alt)}"'
            f' style="width: {SCREEN_WIDTH}px; max-width: 100%; background: white">'
            f"<figcaption><details><summary>{html.esc(_('The same in words'))}</summary>"
            f"{html.lines(self.text)}</details></figcaption></figure>"
        )

    @property
    def title(self) -> str:
        """The first line of the words."""
        return self.text.split("\n", 1)[0]

    @property
    def alt(self) -> str:
        """The alternative text: the title, and of the other lines as many as one can listen to."""
        alt, *others = (line.strip() for line in self.text.splitlines())
        for line in others:
            if len(alt) + len(line) > MAX_ALT:
                return f"{alt}; ..."
            alt += f"; {line}"
        return alt

    def _render(self, format_: str) -> bytes:
        from acplab.show import style

        with style.applied():
            file = io.BytesIO()
            self._draw().savefig(file, format=format_, dpi=200)
        return file.getvalue()

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        return {"text/html": self.html(), "image/png": self.png, "text/plain": self.text}
