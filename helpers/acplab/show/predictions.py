"""show.predict: say what you expect before you measure. A field to type into, or a plain call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from acplab.base import html
from acplab.base.arguments import number
from acplab.base.errors import AcplabError
from acplab.base.i18n import _

if TYPE_CHECKING:
    import ipywidgets

    from acplab.measure import Share


_COLOUR = "color: var(--jp-content-font-color1, inherit)"  # readable in the dark theme too


def predict(question: str, lo: float, hi: float, unit: str = "%", start: float | None = None) -> Prediction:
    """A question with a number between lo and hi as answer.

    start: its value before the learner answers, by default the middle. `.set(20)` does what typing does.
    """
    return Prediction(question, number("lo", lo), number("hi", hi), unit, start)


class Prediction:
    """value: the number, as typed or set. answered: whether the learner has chosen one yet."""

    def __init__(self, question: str, lo: float, hi: float, unit: str, start: float | None = None) -> None:
        if not lo < hi:
            raise AcplabError(
                _("lo must be less than hi, and {lo:g} is not less than {hi:g}.").format(lo=lo, hi=hi),
                _("Give the smallest answer as lo and the largest as hi."),
            )
        self.question, self.lo, self.hi, self.unit = question, lo, hi, unit
        self.value = self._within((lo + hi) / 2 if start is None else start)
        self.answered = False
        self._field: ipywidgets.BoundedFloatText | None = None

    def set(self, value: float) -> Prediction:
        """Answer with this number, in the unit of the question."""
        self._answer(self._within(value))
        if self._field is not None:
            self._field.value = self.value
        return self

    def against(self, found: float | Share) -> str:
        """One sentence that compares the answer with what was found (a number, or a Share: then in percent)."""
        from acplab.measure import Share

        known = 100 * found.estimate if isinstance(found, Share) else found
        if not isinstance(found, Share):
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
            lines = _("{question} ({lo:g} to {hi:g} {unit})\n  {value:g} {unit}  (your answer)")
        else:
            lines = _(
                "{question} ({lo:g} to {hi:g} {unit})\n  {value:g} {unit}  (not answered yet; answer with .set({value:g}))"
            )
        return lines.format(question=self.question, lo=self.lo, hi=self.hi, unit=self.unit, value=self.value)

    def widget(self) -> ipywidgets.VBox:
        """The question, a field with its label, and the answer as it was understood. Tab, digits, Enter suffice."""
        import ipywidgets

        self._field = ipywidgets.BoundedFloatText(
            value=self.value,
            min=self.lo,
            max=self.hi,
            description=_("Your answer ({unit})").format(unit=self.unit),
            style={"description_width": "initial"},
            layout={"width": "16em"},
        )
        said = ipywidgets.HTML(self._said_html())
        self._field.observe(lambda change: self._typed(change["new"], said), names="value")
        ask = f'<strong style="{_COLOUR}">{html.inline(self.question)}</strong>'
        return ipywidgets.VBox([ipywidgets.HTML(ask), self._field, said])

    def _typed(self, value: float, said: ipywidgets.HTML) -> None:
        self._answer(value)
        said.value = self._said_html()

    def _said(self) -> str:
        if not self.answered:
            return _("a number from {lo:g} to {hi:g}").format(lo=self.lo, hi=self.hi)
        return _("noted: {value:g} {unit}").format(value=self.value, unit=self.unit)

    def _said_html(self) -> str:
        return f'<span role="status" style="{_COLOUR}">{html.esc(self._said())}</span>'

    def _answer(self, value: float) -> None:
        self.value, self.answered = value, True

    def _within(self, value: float) -> float:
        value = number("value", value)
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
