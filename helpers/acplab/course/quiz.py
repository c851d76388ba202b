"""Questions in the chapters: a widget, and calls that do the same without one.

quiz.show() prints the questions, quiz.answer(2, "A C") judges an answer. Every option is explained, but only
after an answer. Nothing is scored or kept: a chapter's quiz is there to learn from, not to grade.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from acplab.base import html
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.course import questions
from acplab.course.questions import Option, Question

if TYPE_CHECKING:
    import ipywidgets


@dataclass(frozen=True)
class Feedback:
    """The judgement of one answer. chosen: letters."""

    number: int
    question: Question
    chosen: frozenset[str]

    @property
    def right(self) -> bool:
        """Exactly the right options were chosen."""
        return self.chosen == self.question.right

    def title(self) -> str:
        """One line with the verdict."""
        named = {"number": self.number, "chosen": ", ".join(sorted(self.chosen))}
        if self.right:
            return _("Question {number}: {chosen} is right").format(**named)
        return _("Question {number}: {chosen} is not right").format(**named)

    def rows(self) -> list[tuple[str, str]]:
        """(option, why) for every option."""
        return [(self._head(letter, option), option.why) for letter, option in self.question.lettered()]

    def words(self) -> str:
        """Plain lines."""
        source = _("Source: {source}").format(source=self.question.source)
        return "\n".join([self.title(), *(f"  {head}\n     {why}" for head, why in self.rows()), source])

    def html(self) -> str:
        """The same words for a notebook."""
        source = _("Source: {source}").format(source=self.question.source)
        body = html.pairs(self.rows()) + f"<div>{html.inline(source)}</div>"
        return html.card("good" if self.right else "bad", self.title(), body)

    def _head(self, letter: str, option: Option) -> str:
        chosen = letter in self.chosen
        if option.right:
            line = _("{letter}. {option} (right, your choice)") if chosen else _("{letter}. {option} (right)")
        else:
            line = _("{letter}. {option} (wrong, your choice)") if chosen else _("{letter}. {option} (wrong)")
        return line.format(letter=letter, option=option.text)

    def __repr__(self) -> str:
        return self.words()

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        return html.bundle(self.html(), self.words())


class Quiz:
    """The questions of one chapter; display it for the widget, or use show() and answer()."""

    def __init__(self, name: str, entries: list[Question]) -> None:
        self.name = name
        self.questions = entries

    def words(self) -> str:
        """All questions as plain text, without saying which option is right."""
        parts = [_words(number, question) for number, question in enumerate(self.questions, 1)]
        how = _('Answer with quiz.answer(1, "B"), several letters as "A C".')
        return "\n\n".join([*parts, how])

    def show(self) -> None:
        """Print the questions."""
        print(self.words())

    def answer(self, number: int, letters: str) -> Feedback:
        """Judge an answer to question `number` (from 1); letters: "B", for several "A C", "AC" or "a, c"."""
        if number not in range(1, len(self.questions) + 1):
            raise AcplabError(
                _("There is no question {number!r}.").format(number=number),
                _("Use a number from 1 to {last}.").format(last=len(self.questions)),
            )
        question = self.questions[number - 1]
        return Feedback(number, question, _chosen(question, letters))

    def widget(self) -> ipywidgets.VBox:
        """The questions with buttons; the keyboard is enough."""
        import ipywidgets

        return ipywidgets.VBox([_asked(self, number) for number in range(1, len(self.questions) + 1)])

    def __repr__(self) -> str:
        return self.words()

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        return dict(self.widget()._repr_mimebundle_(**kwargs) or {}) | {"text/plain": self.words()}


def ask(name: str) -> Quiz:
    """The quiz of a chapter: quiz.ask("10-ingress-release")."""
    return Quiz(name, questions.load(name))


def _ask(number: int, question: Question) -> str:
    """The question in one line, with its exam terms and how many answers it has."""
    terms = f" [{', '.join(question.zh)}]" if question.zh else ""
    several = question.kind == "multiple"
    line = _("{number}. {question} (choose all that are right)") if several else _("{number}. {question} (choose one)")
    return line.format(number=number, question=question.ask + terms)


def _words(number: int, question: Question) -> str:
    options = [f"   {letter}. {option.text}" for letter, option in question.lettered()]
    return "\n".join([_ask(number, question), *options])


def _chosen(question: Question, letters: str) -> frozenset[str]:
    chosen = frozenset(re.sub(r"[\s,;.]+", "", str(letters)).upper())
    known = [letter for letter, _option in question.lettered()]
    if not chosen or not chosen <= set(known):
        raise AcplabError(
            _("{letters!r} is not an answer to this question.").format(letters=letters),
            _("Use letters from {first} to {last}.").format(first=known[0], last=known[-1]),
        )
    if question.kind != "multiple" and len(chosen) > 1:
        raise AcplabError(_("This question has one right answer."), _("Give one letter."))
    return chosen


def _asked(quiz: Quiz, number: int) -> ipywidgets.VBox:
    """One question of the widget: the choices, a button, and room for the feedback."""
    import ipywidgets

    question = quiz.questions[number - 1]
    ask = ipywidgets.HTML(
        '<div style="font-weight: 600; line-height: 1.45; color: var(--jp-content-font-color1, inherit)">'
        f"{html.lines(_ask(number, question))}</div>"
    )
    choices = _checkboxes(question) if question.kind == "multiple" else _radios(question)
    named = _("Check answer {number}").format(number=number)
    button = ipywidgets.Button(description=named, tooltip=named, layout=ipywidgets.Layout(width="auto"))
    feedback = ipywidgets.HTML()
    button.on_click(lambda _button: _judge(quiz, number, choices, feedback))
    return ipywidgets.VBox([ask, choices, button, feedback])


def _judge(quiz: Quiz, number: int, choices: Any, feedback: ipywidgets.HTML) -> None:
    letters = _ticked(choices)
    if letters:
        feedback.value = quiz.answer(number, letters).html()
    else:
        feedback.value = html.card("note", _("Choose an answer first."), "")


def _checkboxes(question: Question) -> ipywidgets.VBox:
    import ipywidgets

    wide = {"indent": False, "layout": ipywidgets.Layout(width="auto")}
    return ipywidgets.VBox(
        [
            ipywidgets.Checkbox(value=False, description=f"{letter}. {option.text}", **wide)
            for letter, option in question.lettered()
        ]
    )


def _radios(question: Question) -> ipywidgets.RadioButtons:
    import ipywidgets

    options = [(f"{letter}. {option.text}", letter) for letter, option in question.lettered()]
    # Without index=None the first option would be chosen from the start.
    return ipywidgets.RadioButtons(options=options, index=None, layout=ipywidgets.Layout(width="auto"))


def _ticked(choices: Any) -> str:
    if hasattr(choices, "options"):
        return choices.value or ""
    return "".join(box.description[0] for box in choices.children if box.value)
