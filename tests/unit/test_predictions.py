"""chapter.predict and chapter.choose: an answer is kept, compared and listed; a kernel may restart in between."""

from __future__ import annotations

import json

import pytest
from acplab.base.errors import AcplabError
from acplab.course import store
from acplab.course.predictions import Predicting
from acplab.measure import Share

CELLS = [
    'guess = chapter.predict("nodes", "How many nodes?", 0, 5000, "nodes")\nguess',
    'guess = chapter.choose("who", "Who answers?", ["v1", "v2"])\nguess',
    'guess = chapter.predict("share", "Which share?", 0, 100)\nguess',
    'guess = chapter.predict("lost", "How many are lost?", 0, 100, "requests")\nguess',
]
WHO = ("who", "Who answers?", ["v1", "v2"])


class Notebook(Predicting):
    """What a restarted kernel makes again of the same chapter."""

    def __init__(self, file) -> None:
        self._called, self._kept_as, self._notebook = "chapter", "00-good", file


@pytest.fixture
def opened(folders):
    file = folders / "00-good.ipynb"
    file.write_text(json.dumps({"cells": [{"cell_type": "code", "source": source} for source in CELLS]}))
    return lambda: Notebook(file)


def nodes(chapter):
    return chapter.predict("nodes", "How many nodes?", 0, 5000, "nodes")


def field(guess):
    return guess.widget().children[1]


def test_an_answer_outlives_the_kernel(opened):
    assert nodes(opened()).value is None
    nodes(opened()).set(300)
    again = nodes(opened())
    assert again.value == 300
    assert field(again).value == "300"
    assert opened().choose(*WHO).set("v2").answered
    assert field(opened().choose(*WHO)).value == "v2"


def test_an_answer_can_be_replaced_until_it_is_compared(opened):
    guess = nodes(opened()).set(300)
    typed = field(guess)
    typed.value = "200"
    assert nodes(opened()).value == 200
    assert guess.against(512) == "You said 200 nodes, it was 512 nodes."
    for late in (guess, nodes(opened())):
        with pytest.raises(AcplabError, match=r"Your answer was 200 nodes\. It has been compared, so it stays"):
            late.set(512)
        assert late.set(200).value == 200
    typed.value = "512"
    assert typed.value == "200"
    assert "It has been compared" in guess._status.value
    assert nodes(opened()).value == 200


def test_a_choice_that_is_compared_stays(opened):
    guess = opened().choose(*WHO).set("v1")
    buttons = field(guess)
    assert guess.against("v2") == "You said v1, it was v2."
    buttons.value = "v2"
    assert (guess.value, buttons.value) == ("v1", "v1")


def test_without_an_answer_it_says_so_and_one_can_still_be_given(opened):
    guess = nodes(opened())
    assert guess.against(512) == "You have not answered; it was 512 nodes."
    assert opened().predictions().rows == [("not answered", "-", "512 nodes", "How many nodes?")]
    nodes(opened()).set(3)
    assert opened().predictions().rows == [("not compared yet", "3 nodes", "512 nodes", "How many nodes?")]


@pytest.mark.parametrize(
    "other",
    [
        ("How many Pods?", 0, 5000, "nodes"),
        ("How many nodes?", 0, 50, "nodes"),
        ("How many nodes?", 0, 5000, "Pods"),
    ],
)
def test_a_question_that_has_changed_begins_without_an_answer(opened, other):
    nodes(opened()).set(3).against(3)
    assert opened().predict("nodes", *other).value is None
    assert opened().predictions().rows[0][0] == "not answered"


def test_a_choice_with_other_options_begins_without_an_answer(opened):
    opened().choose(*WHO).set("v1")
    assert opened().choose("who", "Who answers?", ["v1", "v2", "v3"]).value is None


@pytest.mark.parametrize(
    ("said", "found", "off"),
    [
        (512, 512, False),
        (470, 512, False),
        (460, 512, True),
        (9, 10, True),
        (1, 0, True),
        (0, 0, False),
        (2.4, 2.5, False),
        (2, 2.5, True),
        (10, 11, False),
    ],
)
def test_what_counts_as_off(opened, said, found, off):
    nodes(opened()).set(said).against(found)
    assert opened().predictions().rows[0][0] == ("off" if off else "right")


@pytest.mark.parametrize(("said", "verdict"), [(20, "right"), (30, "right"), (40, "off")])
def test_a_share_is_met_inside_of_its_interval(opened, said, verdict):
    opened().predict("share", "Which share?", 0, 100).set(said).against(Share(50, 200))
    assert opened().predictions().rows == [(verdict, f"{said} %", "25 %", "Which share?")]


def test_the_table_begins_with_what_was_off_then_what_has_no_answer(opened):
    chapter = opened()
    nodes(chapter).set(512).against(512)
    chapter.choose(*WHO)
    chapter.predict("share", "Which share?", 0, 100).set(5)
    chapter.predict("lost", "How many are lost?", 0, 100, "requests").set(0).against(12)
    table = opened().predictions()
    assert table.text.splitlines() == [
        "Your predictions: 1 of 4 right, 1 off, 1 not answered",
        "  verdict            you said     it was        prediction",
        "  off                0 requests   12 requests   How many are lost?",
        "  not answered       -            -             Who answers?",
        "  not compared yet   5 %          -             Which share?",
        "  right              512 nodes    512 nodes     How many nodes?",
    ]
    assert table._repr_mimebundle_()["text/plain"] == table.text


def test_what_an_earlier_edition_asked_is_not_listed(opened):
    opened().predict("gone", "How many were there?", 0, 9).set(3)
    assert opened().predictions().text.startswith("No prediction has been asked yet")


def test_all_can_begin_again(opened):
    nodes(opened()).set(3).against(512)
    opened().predictions().forget()
    assert nodes(opened()).set(512).against(512) == "You said 512 nodes, and so it was."


@pytest.mark.parametrize("key", ["Pods per node", "", "a_b", "-a"])
def test_a_key_is_words_joined_by_hyphens(opened, key):
    with pytest.raises(AcplabError, match="is no key"):
        opened().predict(key, "How many?", 0, 1)


def test_what_was_found_is_one_of_the_options(opened):
    with pytest.raises(AcplabError, match="'v3' is not one of the options"):
        opened().choose(*WHO).against("v3")


def test_a_damaged_file_is_one_sentence_and_stays(opened):
    guess = nodes(opened())
    typed = field(guess)
    store.file().write_text("no database")
    typed.value = "7"
    assert "cannot be read or written" in guess._status.value
    assert typed.value == ""
    for act in (lambda: nodes(opened()), lambda: guess.set(7), opened().predictions):
        with pytest.raises(AcplabError, match="cannot be read or written"):
            act()
    assert store.file().read_text() == "no database"


def test_starting_a_lab_over_forgets_its_predictions(opened):
    nodes(opened()).set(3)
    store.forget("00-good")
    assert nodes(opened()).value is None
