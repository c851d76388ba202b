"""Predictions that count: an answer is kept, compared with what was measured, and shown at the end of the chapter.

An answer can be replaced until it has been compared; then it stays, since a prediction is made before one has seen.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.course import answers, reading
from acplab.course.answers import Kept
from acplab.show import Choice, Comparison, Prediction, Table

KEY = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class Predicting:
    """What a chapter and a lab have in common.

    _called: the name that it has in the notebook; _kept_as: its name on record; _notebook: the file that asks.
    """

    _called: str
    _kept_as: str
    _notebook: Path

    def predict(self, key: str, question: str, lo: float, hi: float, unit: str = "%") -> Prediction:
        """Ask for a number from lo to hi. key: words joined by hyphens, unique here; the answer is kept under it."""
        return Prediction(question, lo, hi, unit, _Record(self, key, question, [lo, hi, unit]))

    def choose(self, key: str, question: str, options: Sequence[str]) -> Choice:
        """Ask for one of two to four options. key: as in predict()."""
        return Choice(question, options, _Record(self, key, question, list(options)))

    def predictions(self) -> Predictions:
        """All predictions so far, those first that were off, then those without an answer."""
        return Predictions(self._kept_as, self._notebook)


class Predictions(Table):
    """What was said and what was found, as a table."""

    def __init__(self, name: str, notebook: Path) -> None:
        self._name = name
        kept = answers.predictions(name)
        # By their place in the notebook; what an earlier edition asked is left out.
        asked = [kept[key] for key in reading.predictions(notebook) if key in kept]
        asked.sort(key=_importance)
        head = (_("verdict"), _("you said"), _("it was"), _("prediction"))
        super().__init__(_title(asked), head, [_row(one) for one in asked])

    def forget(self) -> None:
        """Begin again: all answers of this chapter are forgotten, and each can be given once more."""
        answers.forget_predictions(self._name)


class _Record:
    """Where one answer is kept (show.predictions.Memory). A question that has changed begins without an answer."""

    def __init__(self, place: Predicting, key: str, question: str, form: list[Any]) -> None:
        self._place = place
        asked = Kept(_valid(key), question, form)
        kept = answers.predictions(place._kept_as).get(key, asked)
        self._keep(kept if (kept.question, kept.form) == (question, form) else asked)

    @property
    def value(self) -> float | str | None:
        """The answer on record."""
        return self._kept.value

    def answer(self, value: float | str, words: str) -> None:
        """Keep it; AcplabError if an earlier answer was compared already."""
        if self._kept.off is not None:
            raise AcplabError(
                _("Your answer was {said}. It has been compared, so it stays.").format(said=self._kept.said),
                _("To begin all again, run {place}.predictions().forget(), and then this cell.").format(
                    place=self._place._called
                ),
            )
        self._keep(replace(self._kept, value=value, said=words))

    def compare(self, comparison: Comparison) -> None:
        """Keep what was found."""
        self._keep(replace(self._kept, found=comparison.found, off=comparison.off))

    def _keep(self, kept: Kept) -> None:
        self._kept = kept
        answers.keep(self._place._kept_as, kept)


def _valid(key: str) -> str:
    if KEY.fullmatch(key):
        return key
    raise AcplabError(
        _("{key} is no key for a prediction.").format(key=repr(key)),
        _('Give words joined by hyphens, such as "pods-per-node".'),
    )


def _importance(kept: Kept) -> int:
    """Off, without an answer, not compared yet, right."""
    if kept.off is not None:
        return 0 if kept.off else 3
    return 1 if kept.said is None else 2


def _title(kept: list[Kept]) -> str:
    if not kept:
        return _("No prediction has been asked yet")
    places = [_importance(one) for one in kept]
    return _("Your predictions: {right} of {all} right, {off} off, {unanswered} not answered").format(
        right=places.count(3), all=len(kept), off=places.count(0), unanswered=places.count(1)
    )


def _row(kept: Kept) -> tuple[str, ...]:
    verdict = (_("off"), _("not answered"), _("not compared yet"), _("right"))[_importance(kept)]
    return verdict, kept.said or "-", kept.found or "-", kept.question
