"""A drawing of boxes and arrows as Mermaid text, which JupyterLab draws, with the same in words below it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from acplab.base import html
from acplab.base.i18n import _

# What would end a label or be read as markup; Mermaid's own form of these characters.
ENTITIES = {ord("#"): "#35;", ord('"'): "#quot;", ord("<"): "#lt;", ord(">"): "#gt;", ord("`"): "#96;"}


class Diagram:
    """text: all that the drawing says, in plain lines, the first of which is its title. mermaid: the drawing."""

    def __init__(self, text: str, mermaid: str) -> None:
        self.text, self.mermaid = text, mermaid

    @property
    def title(self) -> str:
        """The first line of the words."""
        return self.text.split("\n", 1)[0]

    def markdown(self) -> str:
        """The drawing, and all words to unfold below it."""
        summary = html.esc(_("The same in words"))
        words = f"<details><summary>{summary}</summary>{html.lines(self.text)}</details>"
        return f"```mermaid\n{self.mermaid}\n```\n\n{words}\n"

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, str]:
        return {"text/plain": self.text, "text/markdown": self.markdown()}


def label(*lines: str) -> str:
    """Lines of text as a Mermaid label."""
    return '"' + "<br>".join(" ".join(line.split()).translate(ENTITIES) for line in lines) + '"'


def described(text: str) -> Iterable[str]:
    """Mermaid's lines for screen readers: the title, and the words in one line."""
    title, *others = (" ".join(line.split()).translate(ENTITIES) for line in text.splitlines())
    return (f"accTitle: {title}", f"accDescr: {'. '.join(others)}")
