"""show.predict and show.choose: say what you expect before you measure. A field or buttons, or a plain call.

Both begin empty: a field that holds a number already suggests an answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from acplab.base import html
from acplab.base.arguments import number
from acplab.base.errors import AcplabError
from acplab.base.i18n import _

if TYPE_CHECKING:
    import ipywidgets

    from acplab.measure import Share


_COLOUR = "color: var(--jp-content-font-color1, inherit)"  # readable in the dark theme too


def predict(question: str, lo: float, hi: float, unit: str = "%") -> Prediction:
    """A question with a number between lo and hi as answer. `.set(20)` does what typing 20 does."""
    return Prediction(question, number("lo", lo), number("hi", hi), unit)


def choose(question: str, options: Sequence[str]) -> Choice:
    """A question with one of some short options as answer. `.set("v2")` does what a click on v2 does."""
    return Choice(question, tuple(options))


class Prediction:
    """value: the number, as typed or set; None until then."""

    def __init__(self, question: str, lo: float, hi: float, unit: str) -> None:
        if not lo < hi:
            raise AcplabError(
                _("lo must be less than hi, and {lo:g} is not less than {hi:g}.").format(lo=lo, hi=hi),
                _("Give the smallest answer as lo and the largest as hi."),
            )
        self.question, self.lo, self.hi, self.unit = question, lo, hi, unit
        self.value: float | None = None
        self._field: ipywidgets.Text | None = None

    @property
    def answered(self) -> bool:
        """Whether there is an answer yet."""
        return self.value is not None

    def set(self, value: float) -> Prediction:
        """Answer with this number, in the unit of the question."""
        self.value = self._within(number("value", value))
        if self._field is not None:
            self._field.value = f"{self.value:.12g}"
        return self

    def against(self, found: float | Share) -> str:
        """One sentence that compares the answer with what was found (a number, or a Share: then in percent)."""
        from acplab.measure import Share

        known = 100 * found.estimate if isinstance(found, Share) else found
        if self.value is None:
            sentence = _("You gave no answer; it was {found:.4g} {unit}.")
        elif not isinstance(found, Share):
            sentence = _("You said {said:g} {unit}, it was {found:.4g} {unit}.")
        elif found.includes(self.value / 100):
            sentence = _("You said {said:g} {unit}, it was {found:.4g} {unit}: inside the interval.")
        else:
            sentence = _("You said {said:g} {unit}, it was {found:.4g} {unit}: outside the interval.")
        return sentence.format(said=self.value, found=known, unit=self.unit)

    @property
    def text(self) -> str:
        """The question and the answer, or how to give one."""
        if self.answered:
            lines = _("{question} ({lo:g} to {hi:g} {unit})\n  {value:g} {unit} (your answer)")
        else:
            lines = _("{question} ({lo:g} to {hi:g} {unit})\n  (not answered yet; answer with .set(...))")
        return lines.format(question=self.question, lo=self.lo, hi=self.hi, unit=self.unit, value=self.value)

    def widget(self) -> ipywidgets.VBox:
        """The question, a field with its label, and the answer as it was understood. Tab, digits, Enter suffice."""
        import ipywidgets

        self._field = ipywidgets.Text(
            value="" if self.value is None else f"{self.value:.12g}",
            placeholder=_("{lo:g} to {hi:g}").format(lo=self.lo, hi=self.hi),
            description=_("Your answer ({unit})").format(unit=self.unit),
            continuous_update=False,
            style={"description_width": "initial"},
            layout={"width": "20em"},
        )
        noted = ipywidgets.HTML(_status(self._noted()))
        self._field.observe(lambda change: self._typed(change["new"], noted), names="value")
        return ipywidgets.VBox([_heading(self.question), self._field, noted])

    def _typed(self, text: str, noted: ipywidgets.HTML) -> None:
        """Take what was typed; a text that is no answer leaves the last one and says what one is."""
        try:
            self.value = self._within(float(text.strip().removesuffix(self.unit).replace(",", ".")))
            noted.value = _status(self._noted())
        except (ValueError, AcplabError):
            noted.value = _status(self._wanted())

    def _noted(self) -> str:
        if self.value is None:
            return self._wanted()
        return _("noted: {value:g} {unit}").format(value=self.value, unit=self.unit)

    def _wanted(self) -> str:
        return _("a number from {lo:g} to {hi:g}").format(lo=self.lo, hi=self.hi)

    def _within(self, value: float) -> float:
        if not self.lo <= value <= self.hi:
            raise AcplabError(
                _("{value:g} {unit} cannot be the answer.").format(value=value, unit=self.unit),
                _("Choose a number from {lo:g} to {hi:g}.").format(lo=self.lo, hi=self.hi),
            )
        return value

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        return dict(self.widget()._repr_mimebundle_(**kwargs) or {}) | {"text/plain": self.text}


class Choice:
    """value: the chosen option, None until then."""

    def __init__(self, question: str, options: tuple[str, ...]) -> None:
        if len(set(options)) < 2:
            raise AcplabError(
                _("A choice needs two options that differ, not {options}.").format(options=list(options)),
                _('Give a list, such as ["v1", "v2"].'),
            )
        self.question, self.options = question, options
        self.value: str | None = None
        self._buttons: ipywidgets.RadioButtons | None = None

    def set(self, option: str) -> Choice:
        """Answer with this option."""
        if option not in self.options:
            raise AcplabError(
                _("{option!r} is not one of the options.").format(option=option),
                _("Choose one of: {options}.").format(options=", ".join(self.options)),
            )
        self.value = option
        if self._buttons is not None:
            self._buttons.value = option
        return self

    def against(self, found: str) -> str:
        """One sentence that compares the answer with what was found."""
        if self.value is None:
            sentence = _("You gave no answer; it was {found}.")
        elif self.value == found:
            sentence = _("You said {said}, and so it was.")
        else:
            sentence = _("You said {said}, it was {found}.")
        return sentence.format(said=self.value, found=found)

    @property
    def text(self) -> str:
        """The question, its options, and the answer or how to give one."""
        options = ", ".join(self.options)
        if self.value is not None:
            lines = _("{question} ({options})\n  {value} (your answer)")
        else:
            lines = _('{question} ({options})\n  (not answered yet; answer with .set("..."))')
        return lines.format(question=self.question, options=options, value=self.value)

    def widget(self) -> ipywidgets.VBox:
        """The question and a button per option, none chosen; Tab and the arrow keys suffice."""
        import ipywidgets

        self._buttons = ipywidgets.RadioButtons(options=self.options, index=None, layout={"width": "auto"})
        self._buttons.value = self.value
        self._buttons.observe(lambda change: self.set(change["new"]), names="value")
        return ipywidgets.VBox([_heading(self.question), self._buttons])

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        return dict(self.widget()._repr_mimebundle_(**kwargs) or {}) | {"text/plain": self.text}


def _heading(question: str) -> ipywidgets.HTML:
    import ipywidgets

    return ipywidgets.HTML(f'<strong style="{_COLOUR}">{html.inline(question)}</strong>')


def _status(text: str) -> str:
    return f'<span role="status" style="{_COLOUR}">{html.esc(text)}</span>'
