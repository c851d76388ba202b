"""Questions in a notebook: a widget, and calls that do the same without one.

quiz.ask(...) shows the questions of a section; quiz.answer(2, "A C") answers one of those asked last. Every option is
explained, but only after an answer. Answers are kept by the ids of the options: quiz.missed(...) asks again what was
answered wrong last, quiz.score(...) counts by section. A bank may be a chapter's or an exam's.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from acplab.base import html
from acplab.base.errors import AcplabError
from acplab.base.i18n import _, ngettext
from acplab.course import answers, questions
from acplab.course.questions import BOTH, CHINESE, ENGLISH, Option, Question
from acplab.course.spec import unknown
from acplab.show import Table

if TYPE_CHECKING:
    from acplab.course.quiz_widget import QuizWidget

LANGUAGES = (ENGLISH, CHINESE, BOTH)
_asked: list[Quiz] = []  # the quiz that was asked last, for quiz.answer


@dataclass(frozen=True)
class Feedback:
    """The judgement of one answer. chosen: ids of options."""

    number: int
    question: Question
    chosen: frozenset[str]
    language: str

    @property
    def right(self) -> bool:
        """Exactly the right options were chosen."""
        return self.chosen == self.question.right

    def title(self) -> str:
        """One line with the verdict."""
        letters = [letter for letter, option in self.question.lettered() if option.id in self.chosen]
        named = {"number": self.number, "chosen": ", ".join(letters)}
        if self.right:
            return _("Question {number}: {chosen} is right").format(**named)
        return _("Question {number}: {chosen} is not right").format(**named)

    def rows(self) -> list[tuple[str, str]]:
        """(option, why) for every option."""
        return [(self._head(*lettered), lettered[1].why.said(self.language)) for lettered in self.question.lettered()]

    def words(self) -> str:
        """Plain lines."""
        return "\n".join([self.title(), *(f"  {head}\n     {why}" for head, why in self.rows()), self._source()])

    def html(self) -> str:
        """The same words for a notebook."""
        body = html.pairs(self.rows()) + f"<div>{html.inline(self._source())}</div>"
        return html.card("good" if self.right else "bad", self.title(), body)

    def _source(self) -> str:
        sources = [questions.source_words(one, self.language) for one in self.question.sources]
        return _("Source: {source}").format(source="; ".join(sources))

    def _head(self, letter: str, option: Option) -> str:
        chosen = option.id in self.chosen
        if option.right:
            line = _("{letter}. {option} (right, your choice)") if chosen else _("{letter}. {option} (right)")
        else:
            line = _("{letter}. {option} (wrong, your choice)") if chosen else _("{letter}. {option} (wrong)")
        return line.format(letter=letter, option=option.text.said(self.language))

    def __repr__(self) -> str:
        return self.words()

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        return html.bundle(self.html(), self.words())


class Quiz:
    """Some questions of a bank; display it for the widget, or use show() and answer(). remark: a line above them."""

    def __init__(self, bank: str, entries: list[Question], language: str, remark: str = "") -> None:
        self.bank, self.questions, self.language, self.remark = bank, entries, language, remark

    def words(self) -> str:
        """All questions as plain text, without saying which option is right."""
        parts = [self._question_words(number) for number in self.numbers()]
        how = [_('Answer with quiz.answer(1, "B"), several letters as "A C".')] if parts else []
        return "\n\n".join([*filter(None, [self.remark]), *parts, *how])

    def show(self) -> None:
        """Print the questions."""
        print(self.words())

    def answer(self, number: int, letters: str) -> Feedback:
        """Judge an answer to question `number` (from 1) and keep it; letters: "B", for several "A C", "AC" or "a, c"."""
        if number not in self.numbers():
            raise AcplabError(
                _("There is no question {number!r}.").format(number=number),
                _("Use a number from 1 to {last}.").format(last=len(self.questions)),
            )
        question = self.questions[number - 1]
        return self.judge(number, _chosen(question, letters))

    def judge(self, number: int, chosen: frozenset[str]) -> Feedback:
        """The same for the ids of options."""
        question = self.questions[number - 1]
        answers.answer(self.bank, question.id, chosen)
        return self.feedback(number, chosen)

    def feedback(self, number: int, chosen: frozenset[str]) -> Feedback:
        """What is said of an answer, in the language of the quiz."""
        return Feedback(number, self.questions[number - 1], chosen, self.language)

    def numbers(self) -> range:
        """The numbers of the questions."""
        return range(1, len(self.questions) + 1)

    def asked(self, number: int) -> str:
        """A question in one line, with how many answers it has."""
        question = self.questions[number - 1]
        several = question.kind == "multiple"
        line = (
            _("{number}. {question} (choose all that are right)") if several else _("{number}. {question} (choose one)")
        )
        return line.format(number=number, question=question.ask.said(self.language))

    def options(self, number: int) -> list[tuple[str, str]]:
        """(what is shown, id) of each option of a question."""
        lettered = self.questions[number - 1].lettered()
        return [(f"{letter}. {option.text.said(self.language)}", option.id) for letter, option in lettered]

    def widget(self) -> QuizWidget:
        """The questions with buttons and a switch for the language; the keyboard is enough."""
        from acplab.course.quiz_widget import QuizWidget

        return QuizWidget(self)

    def _question_words(self, number: int) -> str:
        return "\n".join([self.asked(number), *(f"   {shown}" for shown, _id in self.options(number))])

    def __repr__(self) -> str:
        return self.words()

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        return dict(self.widget().box._repr_mimebundle_(**kwargs) or {}) | {"text/plain": self.words()}


def ask(name: str, section: str | None = None, language: str | None = None, seed: str | int | None = None) -> Quiz:
    """The questions of a chapter's section: quiz.ask("10-ingress-release", "canary"); of all sections without one.

    language: "en", "zh" or "both"; the one that was chosen last without one. The seed decides on the order of the options;
    without one it is the day, so letters stay the same all day.
    """
    bank = _bank(name, seed)
    known = list(dict.fromkeys(question.section for question in bank))
    if section is not None and section not in known:
        raise unknown(_("section"), section, known)
    return _asking(Quiz(name, [one for one in bank if section in (None, one.section)], _language(language)))


def answer(number: int, letters: str) -> Feedback:
    """Answer a question of the quiz that was asked last: quiz.answer(1, "B")."""
    if not _asked:
        raise AcplabError(_("No question has been asked yet."), _("Run a cell with quiz.ask(...) first."))
    return _asked[0].answer(number, letters)


def missed(name: str, language: str | None = None, seed: str | int | None = None) -> Quiz:
    """The questions of a chapter whose last answer was wrong, asked again."""
    bank, last = _bank(name, seed), answers.last_answers(name)
    wrong = [question for question in bank if question.id in last and last[question.id] != question.right]
    unanswered = sum(question.id not in last for question in bank)
    remark = f"{_missed(len(wrong))} {_unanswered(unanswered, len(bank))}"
    return _asking(Quiz(name, wrong, _language(language), remark))


def score(name: str) -> Table:
    """How many questions of each section were answered, and how many of the last answers were right."""
    bank, last = questions.load(name), answers.last_answers(name)
    rows: list[tuple[str, ...]] = []
    for section in dict.fromkeys(question.section for question in bank):
        asked = [question for question in bank if question.section == section]
        right = sum(last.get(question.id) == question.right for question in asked)
        answered = sum(question.id in last for question in asked)
        rows.append((section, str(right), str(answered - right), str(len(asked) - answered)))
    head = (_("section"), _("right"), _("wrong"), _("not answered"))
    return Table(_("Questions of {name}").format(name=name), head, rows)


def _asking(quiz: Quiz) -> Quiz:
    """The quiz, which quiz.answer() answers from now on."""
    _asked[:] = [quiz]
    return quiz


def _bank(name: str, seed: str | int | None) -> list[Question]:
    return questions.shuffled(questions.load(name), f"{name} {date.today() if seed is None else seed}")


def _language(wanted: str | None) -> str:
    """The language that is wanted, or was chosen last, or is that of our sentences."""
    if wanted is None:
        ours = CHINESE if os.environ.get("ACPLAB_LANG", ENGLISH).startswith(CHINESE) else ENGLISH
        return answers.language() or ours
    if wanted not in LANGUAGES:
        raise unknown(_("language"), wanted, LANGUAGES)
    return wanted


def _missed(n: int) -> str:
    if n == 0:
        return _("None missed.")
    return ngettext(
        "{n} question was missed; here it is again.", "{n} questions were missed; here they are again.", n
    ).format(n=n)


def _unanswered(n: int, total: int) -> str:
    return ngettext("{n} of {total} is not answered.", "{n} of {total} are not answered.", n).format(n=n, total=total)


def _chosen(question: Question, letters: str) -> frozenset[str]:
    """The ids of the options with these letters."""
    given = set(re.sub(r"[\s,;.]+", "", str(letters)).upper())
    known = {letter: option.id for letter, option in question.lettered()}
    if not given or not given <= set(known):
        raise AcplabError(
            _("{letters!r} is not an answer to this question.").format(letters=letters),
            _("Use letters from {first} to {last}.").format(first=min(known), last=max(known)),
        )
    if question.kind == "single" and len(given) > 1:
        raise AcplabError(_("This question has one right answer."), _("Give one letter."))
    return frozenset(known[letter] for letter in given)
