"""Question banks and the quiz, with and without widgets."""

from __future__ import annotations

import json
import re

import ipywidgets
import pytest
from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.course import questions
from acplab.course import quiz as exam

BANK = """\
- id: retired
  kind: single
  ask: Which controller is retired?
  zh: [灰度发布]
  options:
    - {text: Traefik, right: false, why: It is alive.}
    - {text: "ingress-nginx <old>", right: true, why: Its makers said so.}
    - {text: Envoy, right: false, why: It is a proxy.}
  source: the makers' page
- id: or
  kind: multiple
  ask: "Which can say OR?"
  options:
    - {text: HTTPRoute, right: true, why: Entries of `matches` are OR.}
    - {text: service-match, right: false, why: One rule a Service.}
    - {text: IngressRoute, right: true, why: It has a language of its own.}
  source: CANARY.md
- id: draws
  kind: truefalse
  ask: Traefik draws at random.
  options:
    - {text: "True", right: false, why: It counts.}
    - {text: "False", right: true, why: It counts.}
  source: CANARY.md
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    found = tmp_path / "notebooks" / "questions" / "10-ingress-release.yaml"
    found.parent.mkdir(parents=True)
    found.write_text(BANK, encoding="utf-8")
    return found


@pytest.fixture
def quiz(file, monkeypatch) -> exam.Quiz:
    """With the options in the order of BANK, so that a test can speak of A and B."""
    monkeypatch.setattr(questions, "_mixed", lambda question: question)
    return exam.ask("10-ingress-release")


def test_the_plain_form_shows_questions_but_no_answers(quiz, capsys):
    quiz.show()
    out = capsys.readouterr().out
    assert "1. Which controller is retired? [灰度发布] (choose one)" in out
    assert "   B. ingress-nginx <old>" in out
    assert "2. Which can say OR? (choose all that are right)" in out
    for question in quiz.questions:
        assert not [option.why for option in question.options if option.why in out]


def test_right_and_wrong(quiz):
    assert quiz.answer(1, "B").right
    assert not quiz.answer(1, "a").right
    assert quiz.answer(3, "b").right


@pytest.mark.parametrize("letters", ["A C", "CA", "a, c", "A;C."])
def test_several_letters(quiz, letters):
    assert quiz.answer(2, letters).right


@pytest.mark.parametrize("letters", ["A", "A B C", "B"])
def test_all_or_nothing(quiz, letters):
    assert not quiz.answer(2, letters).right


def test_every_option_is_explained(quiz):
    feedback = quiz.answer(1, "A")
    words = feedback.words()
    assert words.startswith("Question 1: A is not right")
    assert "A. Traefik (wrong, your choice)\n     It is alive." in words
    assert "B. ingress-nginx <old> (right)\n     Its makers said so." in words
    assert "Source: the makers' page" in words
    assert feedback._repr_mimebundle_()["text/plain"] == words
    assert "&lt;old&gt;" in feedback.html()


@pytest.mark.parametrize(
    ("number", "letters"),
    [(0, "A"), (4, "A"), ("1", "A"), (None, "A"), (1.5, "A"), (1, "D"), (1, ""), (1, "A B"), (1, "yes")],
)
def test_an_answer_that_is_none_says_what_is(quiz, number, letters):
    with pytest.raises(AcplabError) as caught:
        quiz.answer(number, letters)
    assert re.search(r"from (1|A) to (3|C)|one letter", caught.value.remedy)


def test_nothing_is_kept(quiz, tmp_path, monkeypatch):
    monkeypatch.setenv("ACPLAB_HOME", str(tmp_path / "home"))
    quiz.answer(1, "A")
    assert not (tmp_path / "home").exists()


def parts(quiz, number):
    return quiz.widget().children[number - 1].children


def test_the_widget_needs_an_answer_first(quiz):
    _ask, choices, button, feedback = parts(quiz, 1)
    assert choices.index is None
    assert feedback.value == ""
    button.click()
    assert "Choose an answer first." in feedback.value


@pytest.mark.parametrize("number", [1, 3])
def test_one_choice(quiz, number):
    _ask, choices, button, feedback = parts(quiz, number)
    assert isinstance(choices, ipywidgets.RadioButtons)
    choices.index = 1
    button.click()
    assert feedback.value == quiz.answer(number, "B").html()


def test_several_choices(quiz):
    _ask, choices, button, feedback = parts(quiz, 2)
    for box in (choices.children[0], choices.children[2]):
        box.value = True
    button.click()
    assert feedback.value == quiz.answer(2, "AC").html()


def test_display_has_words_too(quiz):
    bundle = quiz._repr_mimebundle_()
    assert bundle["text/plain"] == quiz.words()
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_an_unknown_bank(file):
    with pytest.raises(AcplabError) as caught:
        exam.ask("10-ingres")
    assert "10-ingress-release" in caught.value.remedy


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ("right: true, why: Its", "right: false, why: Its", "exactly one right option, not 0"),
        ("right: false, why: It is alive", "right: true, why: It is alive", "exactly one right option, not 2"),
        ("right: true, why: Entries", "right: false, why: Entries", "at least two right options, not 1"),
        ("why: It is alive.", 'why: ""', "`options.1.why`: String should have at least 1 character"),
        (", why: It is alive.", "", "question 1: `options.1.why` is missing"),
        ('text: "True"', "text: True", "question 3: `options.1.text`: Input should be a valid string, not True"),
        (
            "right: false, why: One",
            'right: "no", why: One',
            "`options.2.right`: Input should be a valid boolean, not 'no'",
        ),
        ("kind: single", "kind: double", "`kind`: Input should be 'single', 'multiple' or 'truefalse'"),
        ("id: or", "id: retired", "'retired' is used twice"),
        ("  source: the makers' page\n", "", "`source` is missing"),
        ("zh: [灰度发布]", "zh: 灰度发布", "`zh`: Input should be a valid tuple"),
        ("  zh:", "  points: 3\n  zh:", "There is no key `points`; use one of: "),
    ],
)
def test_faults_of_a_bank_are_sentences(file, before, after, sentence):
    assert before in BANK
    file.write_text(BANK.replace(before, after, 1), encoding="utf-8")
    assert sentence in "\n".join(questions.problems(file))
    with pytest.raises(AcplabError):
        exam.ask("10-ingress-release")


def test_the_bank_itself_is_fine(file):
    assert questions.problems(file) == []


def test_options_are_mixed_by_the_question_alone(file):
    """Written with the right answer first, as one tends to."""
    entries = [
        {
            "id": f"question-{i}",
            "kind": "single",
            "ask": "?",
            "source": "?",
            "options": [{"text": str(n), "right": n == 0, "why": "?"} for n in range(4)],
        }
        for i in range(40)
    ]
    file.write_text(json.dumps(entries), encoding="utf-8")
    first, second = questions.read(file), questions.read(file)
    assert first == second
    assert all(sorted(option.text for option in question.options) == list("0123") for question in first)
    letters = [letter for question in first for letter in question.right]
    assert all(letters.count(letter) >= 4 for letter in "ABCD")


def test_true_stays_before_false(file):
    question = next(question for question in questions.read(file) if question.kind == "truefalse")
    assert [option.text for option in question.options] == ["True", "False"]
