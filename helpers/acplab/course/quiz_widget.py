"""The widget of a quiz: per question its options, a button, and room for what is said of the answer; above, a switch."""

from __future__ import annotations

import ipywidgets as widgets

from acplab.base import html
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.course import answers
from acplab.course.questions import CHINESE, ENGLISH
from acplab.course.quiz import Quiz

_TEXT = "line-height: 1.45; color: var(--jp-content-font-color1, inherit)"


class QuizWidget:
    """box: what is displayed. Nothing is chosen at first; Tab, Space and Enter suffice."""

    def __init__(self, quiz: Quiz) -> None:
        self.quiz = quiz
        self.rows = [_Row(quiz, number) for number in quiz.numbers()]
        self.remark = widgets.HTML(f'{html.OPTIONS_STYLE}<div style="{_TEXT}">{html.inline(quiz.remark)}</div>')
        self.language = _language_switch(quiz.language)
        self.language.observe(lambda change: self._switch(change["new"]), names="value")
        above = [self.remark, self.language] if self.rows else [self.remark]
        self.box = widgets.VBox([*above, *(row.box for row in self.rows)])

    def _switch(self, language: str) -> None:
        """Say everything in another language; choices and judgements stay."""
        self.quiz.language = language
        answers.choose_language(language)
        for row in self.rows:
            row.say()


class _Row:
    """One question."""

    def __init__(self, quiz: Quiz, number: int) -> None:
        self.quiz, self.number = quiz, number
        self.judged: frozenset[str] | None = None
        self.ask, self.feedback = widgets.HTML(), widgets.HTML()
        several = quiz.questions[number - 1].kind == "multiple"
        self.choices = _Boxes(quiz.options(number)) if several else _Radios(quiz.options(number))
        named = _("Check answer {number}").format(number=number)
        self.button = widgets.Button(
            description=named, tooltip=named, layout=widgets.Layout(width="auto", align_self="flex-start")
        )
        self.button.on_click(lambda _button: self._judge())
        self.choices.box.add_class(html.OPTIONS_CLASS)
        self.box = widgets.VBox([self.ask, self.choices.box, self.button, self.feedback])
        self.say()

    def say(self) -> None:
        """Everything in the language of the quiz."""
        asked = html.lines(self.quiz.asked(self.number))
        self.ask.value = f'<div style="font-weight: 600; {_TEXT}">{asked}</div>'
        self.choices.say(self.quiz.options(self.number))
        if self.judged is not None:
            self.feedback.value = self.quiz.feedback(self.number, self.judged).html()

    def _judge(self) -> None:
        """Judge what is chosen. An exception would vanish here, so its sentence is shown."""
        chosen = self.choices.chosen()
        if not chosen:
            self.feedback.value = html.card("note", _("Choose an answer first."), "")
            return
        try:
            self.feedback.value = self.quiz.judge(self.number, chosen).html()
            self.judged = chosen
        except AcplabError as error:
            self.feedback.value = html.card("bad", error.sentence, f"<div>{html.lines(error.remedy)}</div>")


class _Radios:
    """One of the options."""

    def __init__(self, options: list[tuple[str, str]]) -> None:
        # Without index=None the first option would be chosen from the start.
        self.box = widgets.RadioButtons(options=options, index=None, layout=widgets.Layout(width="auto"))

    def chosen(self) -> frozenset[str]:
        """The id that is chosen, if one is."""
        return frozenset(filter(None, [self.box.value]))

    def say(self, options: list[tuple[str, str]]) -> None:
        """Other words for the same options."""
        index = self.box.index
        self.box.options = options
        self.box.index = index


class _Boxes:
    """Any of the options."""

    def __init__(self, options: list[tuple[str, str]]) -> None:
        wide = {"indent": False, "layout": widgets.Layout(width="auto")}
        self.boxes = {name: widgets.Checkbox(value=False, description=shown, **wide) for shown, name in options}
        self.box = widgets.VBox(list(self.boxes.values()))

    def chosen(self) -> frozenset[str]:
        """The ids that are ticked."""
        return frozenset(name for name, box in self.boxes.items() if box.value)

    def say(self, options: list[tuple[str, str]]) -> None:
        """Other words for the same options."""
        for shown, name in options:
            self.boxes[name].description = shown


def _language_switch(language: str) -> widgets.ToggleButtons:
    options = [("English", ENGLISH), ("中文", CHINESE)]
    chosen = language if language in (ENGLISH, CHINESE) else None
    return widgets.ToggleButtons(
        options=options, value=chosen, style={"button_width": "auto"}, tooltips=["English", "中文"]
    )
