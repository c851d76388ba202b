"""The panel of a lab: its tasks with buttons, and the same words that the plain calls give.

Only buttons, in reading order, so that Tab and Enter are enough. Nothing here is known that is not on
record: a panel that is made after a restarted kernel shows the kept progress.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import ipywidgets as widgets

from acplab.base import console
from acplab.base import html as markup
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.course.spec import LabSpec, Task
from acplab.grading.results import Hint, Report


class Tasks(Protocol):
    """What a panel asks of its lab."""

    lab: LabSpec

    def check(self, task: str | None = None) -> Report:
        """Judge a task."""

    def hint(self, task: str | None = None) -> Hint:
        """Give a hint for a task."""

    def reset(self, say: Callable[[str], None]) -> None:
        """Start over, and say each step."""

    def done(self) -> set[str]:
        """Ids of the tasks that are done."""

    def summary(self) -> str:
        """One line on the whole lab."""

    def progress(self) -> str:
        """Lines on its tasks."""


class _Row:
    """One task: what to do, two buttons, and room for the verdict."""

    def __init__(self, number: int, task: Task, panel: Panel) -> None:
        self.number, self.task = number, task
        self.words = ""
        self.head, self.verdict = widgets.HTML(), widgets.HTML()
        self.check = self._button(_("Check {number}"), _("Check task {number}: {title}"))
        self.hint = self._button(_("Hint {number}"), _("Hint for task {number}: {title}"))
        self.check.on_click(lambda _button: panel.check(task.id))
        self.hint.on_click(lambda _button: panel.hint(task.id))
        self.box = widgets.VBox([self.head, widgets.HBox([self.check, self.hint]), self.verdict])

    def _button(self, words: str, tooltip: str) -> widgets.Button:
        named = {"number": self.number, "title": self.task.title}
        return _button(words.format(**named), tooltip.format(**named))

    def show(self, html: str, words: str) -> None:
        self.verdict.value, self.words = html, words

    def refresh(self, done: bool) -> None:
        state = _("done") if done else _("open")
        sign = "☑" if done else "☐"
        self.head.value = (
            '<div style="line-height: 1.45; color: var(--jp-content-font-color1, inherit)">'
            f'<span aria-hidden="true">{sign}</span>'
            f" <strong>{self.number}. {markup.inline(self.task.title)}</strong>"
            f" ({markup.esc(state)})<br>{markup.inline(self.task.ask)}</div>"
        )


class Panel:
    """Lab.panel(). Every button has a call: check(task), hint(task), reset(); words() is its text."""

    def __init__(self, lab: Tasks) -> None:
        self.lab = lab
        self.rows = [_Row(number, task, self) for number, task in enumerate(lab.lab.tasks, 1)]
        self.head, self.status = widgets.HTML(), widgets.HTML()
        self.startover = _button(_("Start over"), _("Reset the lab; asks before it does"))
        self.really = _button(_("Yes, start over"), _("Reset the lab now; your changed files are kept"))
        self.keep = _button(_("No, keep it"), _("Do not reset"))
        self.question = widgets.HBox([self.really, self.keep])
        self.startover.on_click(lambda _button: self._ask(True))
        self.keep.on_click(lambda _button: self._ask(False))
        self.really.on_click(lambda _button: self.reset())
        tasks = [row.box for row in self.rows]
        self.box = widgets.VBox([self.head, *tasks, self.startover, self.question, self.status])
        self._ask(False)
        self.refresh()

    def buttons(self) -> list[widgets.Button]:
        """All buttons, in Tab order."""
        tasks = [button for row in self.rows for button in (row.check, row.hint)]
        return [*tasks, self.startover, self.really, self.keep]

    def check(self, task_id: str) -> None:
        """What the check button does: the words of lab.check(task_id), shown below the task."""
        self._show(task_id, _("Checking ..."), self.lab.check)

    def hint(self, task_id: str) -> None:
        """What the hint button does."""
        self._show(task_id, _("Looking at your lab ..."), self.lab.hint)

    def reset(self) -> None:
        """What the second of the two reset buttons does; it says each step while it happens."""
        self._ask(False)
        said: list[str] = []
        with self._busy(_("Resetting ...")), console.to(lambda line: self._say(said, line)):
            try:
                self.lab.reset(console.say)
            except Exception as error:
                self._status("bad", *_in_words(error))
                return
        for row in self.rows:
            row.show("", "")

    def refresh(self) -> None:
        """Show what is on record."""
        done = self.lab.done()
        self.head.value = (
            '<div style="font-weight: 600; color: var(--jp-content-font-color1, inherit)">'
            f"{markup.inline(self.lab.summary())}</div>"
        )
        for row in self.rows:
            row.refresh(row.task.id in done)

    def words(self) -> str:
        """The panel as plain text: progress, then the last verdict or hint of each task."""
        parts = [self.lab.progress(), *(row.words for row in self.rows if row.words)]
        return "\n\n".join(parts)

    def _show(self, task_id: str, meanwhile: str, act: Callable[[str], Any]) -> None:
        row = next(row for row in self.rows if row.task.id == self.lab.lab.task(task_id).id)
        with self._busy(meanwhile):
            try:
                said = act(task_id)
                row.show(said.html(), said.words())
            except Exception as error:
                sentence, remedy = _in_words(error)
                row.show(_card("bad", sentence, remedy), f"{sentence}\n{remedy}")

    @contextmanager
    def _busy(self, meanwhile: str) -> Iterator[None]:
        """No button works while the kernel does; afterwards all do, whatever happened."""
        before = self.status.value
        self._enable(False)
        self._status("note", meanwhile)
        shown = self.status.value
        try:
            yield
        finally:
            if self.status.value == shown:
                self.status.value = before
            self._enable(True)
            self.refresh()

    def _say(self, said: list[str], sentence: str) -> None:
        said.append(sentence)
        self._status("note", said[0], "\n".join(said[1:]))

    def _status(self, tone: str, title: str, text: str = "") -> None:
        self.status.value = _card(tone, title, text)

    def _enable(self, on: bool) -> None:
        for button in self.buttons():
            button.disabled = not on

    def _ask(self, asking: bool) -> None:
        self.question.layout.display = "flex" if asking else "none"

    def __repr__(self) -> str:
        return self.words()

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        return dict(self.box._repr_mimebundle_(**kwargs) or {}) | {"text/plain": self.words()}


def _button(words: str, tooltip: str) -> widgets.Button:
    return widgets.Button(description=words, tooltip=tooltip, layout=widgets.Layout(width="auto"))


def _card(tone: str, title: str, text: str) -> str:
    return markup.card(tone, title, f"<div>{markup.lines(text)}</div>" if text else "")


def _in_words(error: Exception) -> tuple[str, str]:
    """(sentence, remedy). A button has no place for a traceback: an exception would just vanish."""
    if isinstance(error, AcplabError):
        return error.sentence, error.remedy
    return f"{type(error).__name__}: {error}", _("This is a fault of the course; please report it.")
