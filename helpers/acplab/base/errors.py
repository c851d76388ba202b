"""The one kind of error that a learner sees: what is wrong, and what to do about it."""

from __future__ import annotations


class AcplabError(Exception):
    """Something that the learner can act on.

    sentence: what is wrong, one clear sentence.
    remedy: what to do next; a command, or where to look.
    """

    def __init__(self, sentence: str, remedy: str) -> None:
        super().__init__(sentence, remedy)
        self.sentence = sentence
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.sentence}\n  → {self.remedy}"

    def _render_traceback_(self) -> list[str]:
        """Jupyter calls this instead of printing a traceback, which would bury the remedy."""
        return [str(self)]
