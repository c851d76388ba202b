"""How long a chapter takes: what counts as a word, what was measured, and which predictions it asks."""

from __future__ import annotations

import json

import pytest
from acplab.base import paths
from acplab.course import questions, reading


@pytest.mark.parametrize(
    ("markdown", "n"),
    [
        ("A vSwitch (虚拟交换机) has **one** zone.", 6),
        ("| a | b |\n|---|---|\n| `c` d | 1 |", 5),
        ("[a link](../labs/00-hello/lab.ipynb) - and 1 word", 5),
        ("<details><summary>In words</summary>\n\nFolded text.</details>", 4),
        ("one\n```mermaid\ngraph LR\n```\ntwo", 2),
        ("# 10.0.0.0/8 isn't\n\n- that", 3),
        ("", 0),
    ],
)
def test_words(markdown, n):
    assert reading.words(markdown) == n


@pytest.fixture
def notebook(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    file = tmp_path / "notebooks" / "00-good.ipynb"
    file.parent.mkdir()
    cells = [
        {"cell_type": "markdown", "source": ["word " * 150, "word " * 150]},
        {"cell_type": "code", "source": ['guess = chapter.predict("a-key", "?", 0, 1)\n', "guess"]},
        {"cell_type": "code", "source": 'other.predict("no"); chapter.predict(); chapter.choose(key, "?", [])'},
        {"cell_type": "code", "source": 'print(lab.choose("b", "?", ["x", "y"]))'},
        {"cell_type": "code", "source": "half a ("},
    ]
    file.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    return file


def test_minutes_are_words_predictions_and_what_was_measured(notebook):
    assert reading.predictions(notebook) == ["a-key", "b"]
    assert reading.minutes(notebook) == 4  # 1.5 to read, 2 to predict
    proof = paths.ROOT / "tests" / "proof.json"
    proof.parent.mkdir()
    proof.write_text(json.dumps({"notebooks/00-good.ipynb": {"seconds": 90}}))
    assert reading.minutes(notebook) == 5


def test_each_question_of_its_bank_takes_a_minute(notebook, monkeypatch):
    without = reading.minutes(notebook)
    monkeypatch.setattr(questions, "load", lambda name: {"00-good": ["one", "two"]}[name])
    assert reading.minutes(notebook) == without + 2


def test_a_notebook_that_cannot_be_read_takes_no_time(tmp_path):
    assert reading.minutes(tmp_path / "gone.ipynb") == 0
    (tmp_path / "bad.ipynb").write_text("{")
    assert reading.predictions(tmp_path / "bad.ipynb") == []
