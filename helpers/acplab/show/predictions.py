"""A question that is answered before something is measured: with a number, or with one of some options.

A field or buttons, or a plain call. Both begin empty: a field that holds a number already suggests an answer.
chapter.predict and chapter.choose (course/predictions.py) give them a memory.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from acplab.base import html
from acplab.base.arguments import number
from acplab.base.errors import AcplabError
from acplab.base.i18n import _

if TYPE_CHECKING:
    from typing import Self

    import ipywidgets

    from acplab.measure import Share


_TEXT = "line-height: 1.45; color: var(--jp-content-font-color1, inherit)"  # readable in the dark theme too
NEAR = 0.1  # a number that differs from what was found by at most this share of it is near enough
FEW = 10  # up to here a whole number must be met exactly: of 4 Pods, 5 are too many


@dataclass(frozen=True)
class Comparison:
    """An answer beside what was found, both in words. said, off: None without an answer. sentence: for the learner."""

    said: str | None
    found: str
    off: bool | None
    sentence: str


class Memory(Protocol):
    """Where an answer is kept."""

    @property
    def value(self) -> float | str | None:
        """The answer of an earlier run, None if there is none."""

    def answer(self, value: float | str, words: str) -> None:
        """Keep an answer; AcplabError if it cannot be kept, or can no longer be changed."""

    def compare(self, comparison: Comparison) -> None:
        """Keep what an answer was compared with."""


class Guess(ABC):
    """A question with its answer. value: None until there is one."""

    def __init__(self, question: str, memory: Memory | None) -> None:
        self.question = question
        self._memory = memory
        self.value: Any = memory.value if memory else None
        self._input: Any = None
        self._status: ipywidgets.HTML | None = None

    @property
    def answered(self) -> bool:
        """Whether there is an answer yet."""
        return self.value is not None

    def set(self, value: Any) -> Self:
        """Answer with this value. AcplabError if it cannot be the answer, or was compared with another one already."""
        answer = self._valid(value)
        if answer != self.value:
            if self._memory:
                self._memory.answer(answer, self._words(answer))
            self.value = answer
        self._show(self._noted())
        return self

    def against(self, found: Any) -> str:
        """Compare the answer with what was found: one sentence. It is kept, for chapter.predictions()."""
        comparison = self._comparison(found)
        if self._memory:
            self._memory.compare(comparison)
        return comparison.sentence

    def widget(self) -> ipywidgets.VBox:
        """The question, where to answer, and the answer as it was understood; the keyboard suffices."""
        import ipywidgets

        self._input, self._status = self._make_input(), ipywidgets.HTML()
        self._show(self._noted())
        self._input.observe(lambda change: self._given(change["new"]), names="value")
        question = f'{html.OPTIONS_STYLE}<div style="font-weight: 600; {_TEXT}">{html.inline(self.question)}</div>'
        return ipywidgets.VBox([ipywidgets.HTML(question), self._input, self._status])

    def _given(self, value: Any) -> None:
        """What the widget was given. An exception would vanish there, so its sentence is shown."""
        if value is None:
            return
        try:
            self.set(self._read(value))
        except ValueError:
            self._say(self._wanted())
        except AcplabError as error:
            self._show(f"{error.sentence} {error.remedy}")

    def _show(self, status: str) -> None:
        """Show the answer as it is kept, and the status."""
        if self._input is not None:
            self._input.value = self._as_input()
        self._say(status)

    def _say(self, status: str) -> None:
        if self._status is not None:
            self._status.value = f'<div role="status" style="{_TEXT}">{html.esc(status)}</div>'

    def _noted(self) -> str:
        return _("noted: {answer}").format(answer=self._words(self.value)) if self.answered else self._wanted()

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        return dict(self.widget()._repr_mimebundle_(**kwargs) or {}) | {"text/plain": self.text}

    @property
    @abstractmethod
    def text(self) -> str:
        """The question and the answer, or how to give one."""

    @abstractmethod
    def _valid(self, value: Any) -> Any:
        """The value as it is kept; AcplabError if it cannot be the answer."""

    @abstractmethod
    def _words(self, value: Any) -> str:
        """An answer in words."""

    @abstractmethod
    def _wanted(self) -> str:
        """What an answer looks like."""

    @abstractmethod
    def _comparison(self, found: Any) -> Comparison: ...

    @abstractmethod
    def _make_input(self) -> Any: ...

    @abstractmethod
    def _as_input(self) -> Any:
        """The answer as the input shows it."""

    def _read(self, given: Any) -> Any:
        """What the input holds, as set() takes it; ValueError if it is no answer."""
        return given


class Prediction(Guess):
    """A number from lo to hi, in the unit of the question."""

    def __init__(self, question: str, lo: float, hi: float, unit: str, memory: Memory | None = None) -> None:
        super().__init__(question, memory)
        self.lo, self.hi, self.unit = number("lo", lo), number("hi", hi), unit
        if not lo < hi:
            raise AcplabError(
                _("lo must be less than hi, and {lo:g} is not less than {hi:g}.").format(lo=lo, hi=hi),
                _("Give the smallest answer as lo and the largest as hi."),
            )

    @property
    def text(self) -> str:
        """The question and the answer, or how to give one."""
        if self.answered:
            lines = _("{question} ({lo} to {hi} {unit})\n  {answer} (your answer)")
        else:
            lines = _("{question} ({lo} to {hi} {unit})\n  (not answered yet; answer with .set(...))")
        given = self._words(self.value) if self.answered else ""
        return lines.format(
            question=self.question, lo=_digits(self.lo), hi=_digits(self.hi), unit=self.unit, answer=given
        )

    def _comparison(self, found: float | Share) -> Comparison:
        """found: a number, or a Share, which is taken in percent.

        An answer is off if it is outside of a Share's interval, or differs from a number by more than a tenth of it;
        whole numbers up to ten must be met exactly.
        """
        from acplab.measure import Share

        if isinstance(found, Share):
            return self._beside_share(found)
        known = number("found", found)
        if self.value is None:
            return self._unanswered(known)
        off = not _near(self.value, known)
        if self.value == known:
            sentence = _("You said {said}, and so it was.")
        elif off:
            sentence = _("You said {said}, it was {found}.")
        else:
            sentence = _("You said {said}, it was {found}: near enough.")
        return self._compared(sentence, known, off)

    def _beside_share(self, found: Share) -> Comparison:
        if self.value is None:
            return self._unanswered(100 * found.estimate)
        inside = found.includes(self.value / 100)
        if inside:
            sentence = _("You said {said}, it was {found}: inside the interval.")
        else:
            sentence = _("You said {said}, it was {found}: outside the interval.")
        return self._compared(sentence, 100 * found.estimate, not inside)

    def _unanswered(self, known: float) -> Comparison:
        return _unanswered(self._words(known))

    def _compared(self, sentence: str, known: float, off: bool) -> Comparison:
        said, found = self._words(self.value), self._words(known)
        return Comparison(said, found, off, sentence.format(said=said, found=found))

    def _make_input(self) -> ipywidgets.Text:
        import ipywidgets

        return ipywidgets.Text(
            placeholder=_("{lo} to {hi}").format(lo=_digits(self.lo), hi=_digits(self.hi)),
            description=_("Your answer ({unit})").format(unit=self.unit),
            continuous_update=False,
            style={"description_width": "initial"},
            layout={"width": "auto", "max_width": "24em"},
        )

    def _as_input(self) -> str:
        return f"{self.value:.12g}" if self.answered else ""

    def _read(self, given: str) -> float:
        return float(given.strip().removesuffix(self.unit).replace(",", "."))

    def _wanted(self) -> str:
        return _("a number from {lo} to {hi}").format(lo=_digits(self.lo), hi=_digits(self.hi))

    def _words(self, value: float) -> str:
        return f"{_digits(value)} {self.unit}"

    def _valid(self, value: Any) -> float:
        given = number("value", value)
        if not self.lo <= given <= self.hi:
            raise AcplabError(
                _("{answer} cannot be the answer.").format(answer=self._words(given)),
                _("Choose a number from {lo} to {hi}.").format(lo=_digits(self.lo), hi=_digits(self.hi)),
            )
        return given


class Choice(Guess):
    """One of some options."""

    def __init__(self, question: str, options: Sequence[str], memory: Memory | None = None) -> None:
        super().__init__(question, memory)
        self.options = tuple(options)
        if len(set(options)) < 2:
            raise AcplabError(
                _("A choice needs two options that differ, not {options}.").format(options=list(options)),
                _('Give a list, such as ["v1", "v2"].'),
            )

    @property
    def text(self) -> str:
        """The question, its options, and the answer or how to give one."""
        if self.answered:
            lines = _("{question} ({options})\n  {value} (your answer)")
        else:
            lines = _('{question} ({options})\n  (not answered yet; answer with .set("..."))')
        return lines.format(question=self.question, options=", ".join(self.options), value=self.value)

    def _comparison(self, found: str) -> Comparison:
        known = self._option(found)
        if self.value is None:
            return _unanswered(known)
        off = self.value != known
        sentence = _("You said {said}, it was {found}.") if off else _("You said {said}, and so it was.")
        return Comparison(self.value, known, off, sentence.format(said=self.value, found=known))

    def _make_input(self) -> ipywidgets.RadioButtons:
        import ipywidgets

        # Without index=None the first option would be chosen from the start.
        buttons = ipywidgets.RadioButtons(options=self.options, index=None, layout={"width": "auto"})
        buttons.add_class(html.OPTIONS_CLASS)
        return buttons

    def _as_input(self) -> str | None:
        return self.value  # type: ignore[no-any-return]

    def _wanted(self) -> str:
        return _("not answered yet")

    def _words(self, value: str) -> str:
        return value

    def _valid(self, value: str) -> str:
        return self._option(value)

    def _option(self, text: str) -> str:
        if text not in self.options:
            raise AcplabError(
                _("{option!r} is not one of the options.").format(option=text),
                _("Choose one of: {options}.").format(options=", ".join(self.options)),
            )
        return text


def _unanswered(known: str) -> Comparison:
    return Comparison(None, known, None, _("You have not answered; it was {found}.").format(found=known))


def _near(said: float, known: float) -> bool:
    if known.is_integer() and abs(known) <= FEW:
        return said == known
    return abs(said - known) <= NEAR * abs(known)


def _digits(value: float) -> str:
    """A number as people write it: whole from a thousand on, else with four digits."""
    return f"{value:.0f}" if abs(value) >= 1000 or float(value).is_integer() else f"{value:.4g}"
