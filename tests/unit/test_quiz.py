"""Question banks and the quiz, with and without widgets."""

from __future__ import annotations

import json
import re
from collections import Counter

import ipywidgets
import pytest
from acplab import quiz as exam
from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.course import questions, store

NAME = "10-ingress-release"
BANK = """\
- id: retired
  section: entry
  kind: single
  ask: {en: "Which controller is retired?", zh: "哪个控制器已退役?"}
  options:
    - {id: traefik, right: false, text: {en: Traefik, zh: Traefik}, why: {en: It is alive., zh: 它还在。}}
    - {id: nginx, right: true, text: {en: "ingress-nginx <old>", zh: "ingress-nginx <旧>"}, why: {en: Its makers said so., zh: 作者说的。}}
    - {id: envoy, text: {en: Envoy, zh: Envoy}, why: {en: It is a proxy., zh: 它是代理。}}
  facts: ["10"]
  source: the makers' page; CANARY(row 3)
- id: or
  section: canary
  kind: multiple
  ask: {en: "Which can say OR?", zh: "哪些支持“或”?"}
  options:
    - {id: route, right: true, text: {en: HTTPRoute, zh: HTTPRoute}, why: {en: Entries of `matches` are OR., zh: 或}}
    - {id: match, right: false, text: {en: service-match, zh: service-match}, why: {en: One rule per Service., zh: 一条}}
    - {id: own, right: true, text: {en: IngressRoute, zh: IngressRoute}, why: {en: It has a language of its own., zh: 自己的}}
  source: CANARY
- id: draws
  section: canary
  kind: single
  ask: {en: "Does Traefik draw at random?", zh: "Traefik会随机抽取吗?"}
  options:
    - {id: "yes", text: {en: "Yes", zh: 是}, why: {en: "No.", zh: 不}}
    - {id: "no", right: true, text: {en: "No", zh: 否}, why: {en: It counts., zh: 它计数}}
  source: CANARY
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    found = tmp_path / "notebooks" / "questions" / f"{NAME}.yaml"
    found.parent.mkdir(parents=True)
    found.write_text(BANK, encoding="utf-8")
    keys = "CANARY: {en: 'our table,', zh: 我们的表}\nTF: {en: resource, zh: 资源}\n"
    (tmp_path / "notebooks" / "sources.yaml").write_text(keys, encoding="utf-8")
    return found


@pytest.fixture
def in_order(file, monkeypatch) -> None:
    """The options in the order of BANK, so that a test can speak of A and B."""
    monkeypatch.setattr(questions, "shuffled", lambda bank, seed: bank)


@pytest.fixture
def quiz(in_order) -> exam.Quiz:
    return exam.ask(NAME)


def test_the_plain_form_shows_questions_but_no_answers(quiz, capsys):
    quiz.show()
    out = capsys.readouterr().out
    assert "1. Which controller is retired? (choose one)" in out
    assert "   B. ingress-nginx <old>" in out
    assert "2. Which can say OR? (choose all that are right)" in out
    for question in quiz.questions:
        assert not [option.why.en for option in question.options if option.why.en in out and option.id != "yes"]


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
    assert "Source: the makers' page; our table, row 3" in words
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
    assert "2 right" not in exam.score(NAME).text


# --- sections, languages, seeds ---------------------------------------------------------------------------


def test_a_section_is_asked_by_itself(in_order):
    asked = exam.ask(NAME, "canary")
    assert [question.id for question in asked.questions] == ["or", "draws"]
    assert asked.words().startswith("1. Which can say OR?")
    with pytest.raises(AcplabError) as caught:
        exam.ask(NAME, "canari")
    assert caught.value.remedy == "Use one of: canary."


def test_the_call_answers_what_was_asked_last(in_order):
    exam.ask(NAME, "entry")
    exam.ask(NAME, "canary")
    assert exam.answer(1, "A C").right
    exam._asked.clear()
    with pytest.raises(AcplabError, match="No question has been asked yet"):
        exam.answer(1, "A")


def test_in_chinese(in_order):
    quiz = exam.ask(NAME, language="zh")
    assert "1. 哪个控制器已退役? (choose one)" in quiz.words()
    assert "B. ingress-nginx <旧> (right)\n     作者说的。" in quiz.answer(1, "A").words()


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("TF:vpc", "resource vpc"),
        ("TF:a/b#c (d)", "resource a/b#c (d)"),
        ("TF", "resource"),
        ("TF(7)", "resource 7"),
        ("TFX:vpc", "TFX:vpc"),
        ("kubernetes/kubernetes #72236", "kubernetes/kubernetes #72236"),
    ],
)
def test_a_source_is_written_out(file, source, words):
    assert questions.source_words(source, "en") == words


def test_in_both_languages(in_order):
    assert "Which controller is retired? / 哪个控制器已退役?" in exam.ask(NAME, language="both").words()


@pytest.mark.parametrize(
    ("en", "zh", "said"), [("25 %", "25%", "25 %"), ("a b", "a b", "a b"), ("two", "2", "two / 2")]
)
def test_in_both_languages_nothing_is_said_twice(en, zh, said):
    assert questions.Words(en=en, zh=zh).said("both") == said


def test_an_unknown_language(in_order):
    with pytest.raises(AcplabError) as caught:
        exam.ask(NAME, language="fr")
    assert caught.value.remedy == "Use one of: en, zh, both."


def test_without_a_choice_it_is_the_language_of_our_sentences(in_order, monkeypatch):
    monkeypatch.setenv("ACPLAB_LANG", "zh_CN")
    assert exam.ask(NAME).language == "zh"


def test_the_seed_decides_on_the_letters(file):
    first, again, other = (exam.ask(NAME, seed=seed).words() for seed in (1, 1, 2))
    assert first == again
    assert {first} != {exam.ask(NAME, seed=seed).words() for seed in range(2, 20)}
    assert sorted(other.replace(".", " ").split()) == sorted(first.replace(".", " ").split())


def test_an_answer_is_kept_by_what_was_chosen_not_by_its_letter(file):
    for seed in range(20):
        quiz = exam.ask(NAME, "entry", seed=seed)
        (letter,) = (letter for letter, option in quiz.questions[0].lettered() if option.id == "nginx")
        assert quiz.answer(1, letter).right
        assert exam.score(NAME).rows[0] == ("entry", "1", "0", "0")


def test_right_answers_are_spread_over_the_letters_with_any_seed(file):
    """Written with the right answer first, as one tends to."""
    words = {"en": "?", "zh": "?"}
    options = [{"id": str(n), "text": words, "right": n == 0, "why": words} for n in range(4)]
    entry = {"section": "all", "kind": "single", "ask": words, "source": "?", "options": options}
    file.write_text(json.dumps([entry | {"id": f"question-{i}"} for i in range(10)]), encoding="utf-8")
    orders = set()
    for seed in range(30):
        bank = questions.shuffled(questions.read(file), str(seed))
        assert all(sorted(option.id for option in question.options) == list("0123") for question in bank)
        letters = "".join(letter for question in bank for letter, option in question.lettered() if option.right)
        assert set(Counter(letters).values()) == {2, 3}
        orders.add(letters)
    assert len(orders) == 30, "even, but in no order that one could learn"


# --- what is kept -------------------------------------------------------------------------------------------


def test_missed_asks_again_what_was_wrong_last(quiz):
    for number, letters in ((1, "A"), (2, "B"), (2, "A C")):
        quiz.answer(number, letters)
    again = exam.missed(NAME)
    assert [question.id for question in again.questions] == ["retired"]
    assert again.words().startswith("1 question was missed; here it is again. 1 of 3 is not answered.\n\n1. Which")
    again.answer(1, "B")
    assert exam.missed(NAME).words() == "None missed. 1 of 3 is not answered."


def test_the_score_counts_by_section(quiz):
    quiz.answer(1, "B")
    quiz.answer(2, "B")
    table = exam.score(NAME)
    assert table.rows == [("entry", "1", "0", "0"), ("canary", "0", "1", "1")]
    assert table.text.splitlines()[1].split("   ") == ["  section", "right", "wrong", "not answered"]


def test_a_damaged_file_is_one_sentence_and_stays(quiz):
    store.file().write_text("no database")
    row = quiz.widget().rows[0]
    row.choices.box.index = 1
    row.button.click()
    assert "cannot be read or written" in row.feedback.value
    with pytest.raises(AcplabError, match="cannot be read or written"):
        quiz.answer(1, "B")
    assert store.file().read_text() == "no database"


# --- the widget ---------------------------------------------------------------------------------------------


def test_the_widget_needs_an_answer_first(quiz):
    row = quiz.widget().rows[0]
    assert row.choices.box.index is None
    assert row.feedback.value == ""
    row.button.click()
    assert "Choose an answer first." in row.feedback.value
    assert exam.score(NAME).rows[0] == ("entry", "0", "0", "1")


@pytest.mark.parametrize("number", [1, 3])
def test_one_choice(quiz, number):
    row = quiz.widget().rows[number - 1]
    assert isinstance(row.choices.box, ipywidgets.RadioButtons)
    row.choices.box.index = 1
    row.button.click()
    assert row.feedback.value == quiz.answer(number, "B").html()


def test_several_choices(quiz):
    row = quiz.widget().rows[1]
    for name in ("route", "own"):
        row.choices.boxes[name].value = True
    row.button.click()
    assert row.feedback.value == quiz.answer(2, "AC").html()


def test_a_switch_of_the_language_keeps_choices_and_judgements_and_is_remembered(quiz):
    widget = quiz.widget()
    first, second = widget.rows[:2]
    first.choices.box.index = 0
    first.button.click()
    second.choices.boxes["own"].value = True
    assert "It is alive." in first.feedback.value
    widget.language.value = "zh"
    assert "哪个控制器已退役?" in first.ask.value
    assert first.choices.box.options[1] == ("B. ingress-nginx <旧>", "nginx")
    assert first.choices.box.index == 0
    assert "它还在。" in first.feedback.value
    assert second.choices.chosen() == {"own"}
    assert second.feedback.value == ""
    assert exam.ask(NAME).language == "zh"


def test_display_has_words_too(quiz):
    bundle = quiz._repr_mimebundle_()
    assert bundle["text/plain"] == quiz.words()
    assert "application/vnd.jupyter.widget-view+json" in bundle


# --- banks --------------------------------------------------------------------------------------------------


def test_an_unknown_bank(file):
    with pytest.raises(AcplabError) as caught:
        exam.ask("10-ingres")
    assert NAME in caught.value.remedy


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ('right: true, text: {en: "ing', 'right: false, text: {en: "ing', "exactly one right option, not 0"),
        ("right: false, text: {en: Trae", "right: true, text: {en: Trae", "exactly one right option, not 2"),
        ("right: true, text: {en: HTTP", "right: false, text: {en: HTTP", "at least two right options, not 1"),
        ("{en: It is alive., zh: 它还在。}", '{en: ""}', "`options.1.why.en`: String should have at least 1 character"),
        (", why: {en: It is alive., zh: 它还在。}", "", "question 1: `options.1.why` is missing"),
        ('{en: "Yes", ', "{en: Yes, ", "question 3: `options.1.text.en`: Input should be a valid string, not True"),
        ("right: false, text: {en: serv", 'right: "no", text: {en: serv', "Input should be a valid boolean, not 'no'"),
        ("kind: single", "kind: truefalse", "`kind`: Input should be 'single' or 'multiple'"),
        ("id: or\n", "id: retired\n", "'retired' is used twice"),
        ("id: envoy", "id: nginx", "Two options have the id 'nginx'"),
        ("  source: the makers' page; CANARY(row 3)\n", "", "`source` is missing"),
        ("  section: entry\n", "", "`section` is missing"),
        ("  facts:", "  points: 3\n  facts:", "There is no key `points`; use one of: "),
    ],
)
def test_faults_of_a_bank_are_sentences(file, before, after, sentence):
    assert before in BANK
    file.write_text(BANK.replace(before, after, 1), encoding="utf-8")
    assert sentence in "\n".join(questions.problems(file))
    with pytest.raises(AcplabError):
        exam.ask(NAME)


def test_the_bank_itself_is_fine(file):
    assert questions.problems(file) == []
    assert questions.read(file)[0].sources == ["the makers' page", "CANARY(row 3)"]
