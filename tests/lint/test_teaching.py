"""teachlint and banklint notice when a notebook or a bank breaks one of their rules, and are content with good ones."""

from __future__ import annotations

import copy
import json

import banklint
import pytest
import teachlint
from acplab.base import paths
from acplab.course import questions

PREDICTION = 'guess = chapter.predict("pods", "How many Pods?", 0, 9, "Pods")\nguess'
FOLDED_PROOF = {"tags": ["proof"], "jupyter": {"source_hidden": True}}


def text(name: str, source: str) -> dict:
    return {"cell_type": "markdown", "id": name, "metadata": {}, "source": source}


def run(name: str, source: str, metadata: dict | None = None) -> dict:
    return {
        "cell_type": "code", "id": name, "metadata": metadata or {}, "source": source, "outputs": [], "execution_count": None,
    }  # fmt: skip


GOOD = [
    text("title", "# Good\n\n" + "word " * 300),
    run("open", 'chapter = chapters.open("00-good")'),
    text("ask", "**Predict** how many.\n\n<details><summary>More</summary>\n\n" + "word " * 100 + "\n</details>"),
    run("predict", PREDICTION),
    run("observe", "print(guess.against(4))"),
    run("proof", "# Was it so?\nassert chapter", FOLDED_PROOF),
    text("table", "| a | `b|c` |\n|---|---|\n| | 1 |\n\n```\n# no heading\n```"),
    run("quiz", 'quiz.ask("00-good", "first")'),
    run("helper", "def f():\n    return 1", {"tags": ["hide-input"], "jupyter": {"source_hidden": True}}),
    text("next", "Go on with [a lab](x)."),
    run("close", "chapter.close()"),
]


def faults(folder, cells: list[dict]) -> str:
    file = folder / "00-good.ipynb"
    file.write_text(json.dumps({"cells": cells, "metadata": {}}), encoding="utf-8")
    return "\n".join(teachlint.problems(file))


def test_a_good_notebook_teaches_well(tmp_path):
    assert faults(tmp_path, GOOD) == ""


@pytest.mark.parametrize(
    ("name", "change", "sentence"),
    [
        ("predict", {"source": "1"}, "the cell ask says Predict, but the next one calls no"),
        ("predict", {"source": 'other.predict("pods")'}, "the cell ask says Predict"),
        ("predict", text("more", "It will be 4."), "the cell ask says Predict"),
        ("ask", {"source": "**Predict** this. **Predict** that."}, "the cell ask has 2 predictions"),
        ("table", {"source": "Guess: is it 4?"}, "the cell table asks for a guess that nobody takes down"),
        ("predict", {"source": PREDICTION.removesuffix("guess")}, "the cell predict must end with"),
        ("predict", {"source": PREDICTION.removeprefix("guess = ")}, "the cell predict must end with"),
        ("observe", {"source": "print(4)"}, "the prediction pods is never compared"),
        ("observe", {"source": "guess = 4\nguess"}, "the prediction pods is never compared"),
        ("quiz", {"source": PREDICTION}, "the prediction 'pods' is asked twice"),
        ("predict", {"source": PREDICTION.replace('"pods"', '"Pods?"')}, "the key 'Pods?' is not words"),
        ("proof", {"source": "assert chapter"}, "the cell proof begins with its assert"),
        ("proof", {"metadata": {}}, "the cell proof asserts; give it the tag proof"),
        ("proof", {"metadata": {"tags": ["proof"]}}, "the cell proof asserts; give it the tag proof"),
        ("proof", {"metadata": FOLDED_PROOF | {"tags": []}}, "the cell proof asserts; give it the tag proof"),
        ("observe", run("early", "assert chapter", FOLDED_PROOF), "the cell early asserts before guess.against"),
        ("helper", {"metadata": {}}, "the cell helper only defines helpers"),
        ("helper", {"metadata": {"tags": ["hide-input"]}}, "the cell helper only defines helpers"),
        ("ask", {"source": "**Predict** " + "word " * 80}, "before the cell predict there are 81 words"),
        ("title", {"source": "## No title"}, "it has 0 headings"),
        ("next", {"source": "# Next\n[a](b)"}, "it has 2 headings"),
        ("table", {"source": "| | b |\n|---|---|\n| 1 | 2 |"}, "a column that has no name: | | b |"),
        ("table", {"source": " a | b |  |\n :-- | --: | - |\n1 | 2 | 3"}, "a column that has no name: a | b |"),
        ("quiz", {"source": 'lab.hint("x")'}, "the cell quiz gives a hint"),
        ("quiz", {"source": "chapter.apply('a'), chapter.apply('b')"}, "the cell quiz joins statements"),
        ("quiz", {"source": "f = lambda: 1"}, "the cell quiz gives a lambda a name"),
        ("next", {"source": "That was all."}, "its last text has no link"),
    ],
)
def test_faults_of_teaching_are_found(tmp_path, name, change, sentence):
    cells = copy.deepcopy(GOOD)
    next(cell for cell in cells if cell["id"] == name).update(change)
    assert sentence in faults(tmp_path, cells)


def test_a_prediction_may_be_compared_in_the_proof_itself(tmp_path):
    cells = [one for one in copy.deepcopy(GOOD) if one["id"] != "observe"]
    cells[4]["source"] = "# Was it so?\nprint(guess.against(4))\nassert chapter"
    assert faults(tmp_path, cells) == ""


def test_many_stops_of_middle_length_are_found(tmp_path):
    more = [cell for n in range(46, 51) for cell in (text(f"text-{n}", "word " * n), run(f"run-{n}", "1"))]
    assert "there are 46.5 words as a median; 45 are the most" in faults(tmp_path, [*GOOD[:9], *more, *GOOD[9:]])
    assert faults(tmp_path, [*GOOD[:9], *more[:4], *GOOD[9:]]) == ""


def test_two_texts_without_a_cell_between_count_together_and_so_do_folded_cells(tmp_path):
    cells = [*GOOD[:8], text("one", "word " * 50), GOOD[8], text("two", "word " * 50 + "[on](x)"), GOOD[-1]]
    assert "before the cell close there are 101 words" in faults(tmp_path, cells)


def test_a_lab_that_its_chapter_does_not_link_to_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    (tmp_path / "notebooks").mkdir()
    file = tmp_path / "notebooks" / "00-good.ipynb"
    for name, chapter in (("00-a", "00-good"), ("00-b", "00-good"), ("10-c", "10-other")):
        lab = tmp_path / "labs" / name / "lab.yaml"
        lab.parent.mkdir(parents=True)
        lab.write_text(
            f"id: {name}\ntitle: T\nchapter: {chapter}\nminutes: 5\nskills: [s]\nhosts: []\ntasks: [{{id: a, title: A, ask: b}}]\n"
        )
    file.write_text(json.dumps({"cells": [text("a", "[lab](../labs/00-a/lab.ipynb)")]}))
    assert teachlint.labs_linked(file) == [f"{file}: it has no link to its lab labs/00-b/lab.ipynb."]


# --- banks --------------------------------------------------------------------------------------------------


def option(n: int, right: bool = False) -> dict:
    return {"id": f"o{n}", "right": right, "text": both(f"o{n}"), "why": both(f"why {n}")}


def both(words: str) -> dict:
    return {"en": words, "zh": f"{words} 中"}


def question(n: int, section: str = "first", **changes) -> dict:
    kind = changes.pop("kind", "single")
    options = [option(0, True), option(1, kind == "multiple"), option(2), option(3)]
    asked = {"id": f"q{n}", "section": section, "kind": kind, "ask": both("?"), "options": options}
    return asked | {"facts": ["1"], "source": "TF:vpc; owner/name #3"} | changes


@pytest.fixture
def chapter(tmp_path, monkeypatch):
    """A chapter of a course of its own, with the course's keys of sources."""
    known = (paths.ROOT / "notebooks" / "sources.yaml").read_text(encoding="utf-8")
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    (tmp_path / "notebooks" / "questions").mkdir(parents=True)
    (tmp_path / "notebooks" / "sources.yaml").write_text(known, encoding="utf-8")
    file = tmp_path / "notebooks" / "10-good.ipynb"
    file.write_text(json.dumps({"cells": [run("a", 'quiz.ask("10-good", "first")\nquiz.ask("10-good", "second")')]}))
    return file


BANK = [question(n, "first" if n < 4 else "second", kind="multiple" if n in (1, 5) else "single") for n in range(8)]


def write(chapter, bank: list[dict]) -> list[questions.Question]:
    file = banklint.bank_of(chapter)
    file.write_text(json.dumps(bank, ensure_ascii=False), encoding="utf-8")
    return questions.read(file)


def test_a_good_bank(chapter):
    bank = write(chapter, BANK)
    assert banklint.problems(chapter) == list(banklint.sections(chapter)) == banklint.together([bank]) == []


def test_a_chapter_without_a_bank(chapter):
    assert "no question bank" in banklint.problems(chapter)[0]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"facts": []}, "q0: it names no section of the facts page"),
        ({"source": "TF:vpc; hearsay"}, "q0: the source 'hearsay' has no key"),
        (
            {"options": [option(0, True), option(1), option(2) | {"why": both("why 1")}]},
            "q0: two options have the reason",
        ),
        ({"ask": {"en": "?"}}, "`ask.zh` is missing"),
    ],
)
def test_faults_of_a_question_are_found(chapter, change, sentence):
    banklint.bank_of(chapter).write_text(json.dumps([BANK[0] | change, *BANK[1:]]), encoding="utf-8")
    assert sentence in "\n".join(banklint.problems(chapter))


def test_too_few_questions(chapter):
    write(chapter, BANK[:7])
    assert "has 7 questions; 8 are the fewest" in banklint.problems(chapter)[0]


@pytest.mark.parametrize(
    ("bank", "sentence"),
    [
        ([*BANK, question(8, "third")], "the chapter never asks the section 'third'."),
        (BANK[:4], "the chapter asks the section 'second', which has no questions."),
        ([*BANK, question(8)], "the section 'first' has 5 questions; 4 are the most."),
    ],
)
def test_faults_of_sections_are_found(chapter, bank, sentence):
    write(chapter, bank)
    assert list(banklint.sections(chapter)) == [sentence]


@pytest.mark.parametrize("multiples", [1, 4])
def test_the_share_of_multiple_choices(chapter, multiples):
    kinds = [{"kind": "multiple"}] * multiples + [{}] * (8 - multiples)
    bank = write(chapter, [question(n, **kind) for n, kind in enumerate(kinds)])
    assert "are multiple, not about 30 %" in banklint.together([bank])[0]


def test_a_letter_that_is_right_too_often_is_found(chapter, monkeypatch):
    bank = write(chapter, BANK)
    monkeypatch.setattr(questions, "shuffled", lambda bank, seed: bank)
    assert "the letter A is right in 6 of 6 questions" in banklint.letters(bank, "any")[0]
