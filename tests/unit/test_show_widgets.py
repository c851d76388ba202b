"""Widgets: what a click does a call does too, without a front end nothing fails, and the words are the same."""

from __future__ import annotations

import textwrap
from html import unescape
from pathlib import Path
from typing import Any

import nbformat
import pytest
from acplab import show
from acplab.base.errors import AcplabError
from acplab.measure import Sample, Share, Traffic, steady
from acplab.show import Choice, LiveView, Prediction
from loopback import serve
from nbclient import NotebookClient


def fields(box: Any) -> Any:
    (field,) = [
        child for child in box.children if hasattr(child, "placeholder") and hasattr(child, "continuous_update")
    ]
    return field


def test_a_prediction_begins_empty() -> None:
    guess = Prediction("How many of 100 reach `v2`?", 0, 100, "%")
    assert (guess.value, guess.answered) == (None, False)
    assert fields(guess.widget()).value == ""


def test_set_and_the_field_do_the_same() -> None:
    guess = Prediction("How many?", 0, 100, "%")
    field = fields(guess.widget())
    field.value = "30"  # what typing and Enter do
    assert (guess.value, guess.answered) == (30, True)
    assert guess.set(20) is guess
    assert field.value == "20"
    assert guess.value == 20
    assert fields(guess.widget()).value == "20"


def test_the_field_does_not_round_an_answer() -> None:
    guess = Prediction("How many?", 0, 10**7, "%")
    guess.widget()
    assert guess.set(1_234_567).value == 1_234_567


@pytest.mark.parametrize(
    ("typed", "value"), [(" 20 ", 20), ("20 %", 20), ("20%", 20), ("2,5", 2.5), ("0", 0), ("1e1", 10)]
)
def test_a_number_is_read_as_people_write_it(typed: str, value: float) -> None:
    guess = Prediction("How many?", 0, 100, "%")
    box = guess.widget()
    fields(box).value = typed
    assert guess.value == value
    assert f"noted: {value:g} %" in box.children[-1].value


@pytest.mark.parametrize("typed", ["99", "-1", "nan", "many", "5 %", "..."])
def test_what_is_no_answer_keeps_the_last_one_and_says_so(typed: str) -> None:
    guess = Prediction("How long?", 5, 10, "s").set(7)
    box = guess.widget()
    fields(box).value = typed
    assert guess.value == 7
    assert "a number from 5 to 10" in box.children[-1].value


def test_the_field_has_its_unit_and_its_range() -> None:
    box = Prediction("How many <b>?", 5, 10, "s").widget()
    assert (fields(box).description, fields(box).placeholder) == ("Your answer (s)", "5 to 10")
    assert "<b>" not in box.children[0].value


@pytest.mark.parametrize("value", [-1, 101, float("nan")])
def test_a_call_with_an_impossible_answer_is_refused(value: float) -> None:
    guess = Prediction("How many?", 0, 100, "%")
    with pytest.raises(AcplabError, match="cannot be the answer"):
        guess.set(value)
    assert not guess.answered


@pytest.mark.parametrize("value", ["20", None, True])
def test_an_answer_is_a_number(value: Any) -> None:
    with pytest.raises(AcplabError, match="value must be a number"):
        Prediction("How many?", 0, 100, "%").set(value)


def test_a_question_needs_a_range() -> None:
    with pytest.raises(AcplabError, match="lo must be less than hi"):
        Prediction("How many?", 5, 5, "%")
    with pytest.raises(AcplabError, match="hi must be a number"):
        Prediction("How many?", 0, "100", "%")  # type: ignore[arg-type]


def test_the_words_say_whether_there_is_an_answer() -> None:
    guess = Prediction("How many?", 0, 100, "%")
    assert guess.text == "How many? (0 to 100 %)\n  (not answered yet; answer with .set(...))"
    assert guess.set(20).text == "How many? (0 to 100 %)\n  20 % (your answer)"


def test_an_answer_is_compared_with_what_was_found() -> None:
    guess = Prediction("How many?", 0, 100, "%").set(20)
    assert guess.against(Share(50, 200)) == "You said 20 %, it was 25 %: inside the interval."
    assert guess.against(Share(80, 200)) == "You said 20 %, it was 40 %: outside the interval."
    assert Prediction("How long?", 0, 60, "s").set(5).against(2.5) == "You said 5 s, it was 2.5 s."


def test_no_answer_is_not_made_up() -> None:
    guess = Prediction("How many?", 0, 100, "%")
    assert guess.against(Share(50, 200)) == "You have not answered; it was 25 %."
    assert guess.against(512) == "You have not answered; it was 512 %."


def test_a_choice_begins_empty_and_a_click_answers() -> None:
    choice = Choice("Who answers?", ["v1", "v2"])
    buttons = choice.widget().children[1]
    assert (choice.value, buttons.value) == (None, None)
    buttons.value = "v2"
    assert choice.value == "v2"
    assert choice.set("v1") is choice
    assert buttons.value == "v1"
    assert choice.widget().children[1].value == "v1"


def test_a_choice_in_words() -> None:
    choice = Choice("Who <b> answers?", ["v1", "v2"])
    assert repr(choice) == 'Who <b> answers? (v1, v2)\n  (not answered yet; answer with .set("..."))'
    assert choice.against("v2") == "You have not answered; it was v2."
    assert choice.set("v1").text == "Who <b> answers? (v1, v2)\n  v1 (your answer)"
    assert choice.against("v2") == "You said v1, it was v2."
    assert choice.against("v1") == "You said v1, and so it was."
    assert "<b>" not in choice.widget().children[0].value


def test_a_choice_is_one_of_its_options() -> None:
    with pytest.raises(AcplabError, match="'v3' is not one of") as caught:
        Choice("Who?", ["v1", "v2"]).set("v3")
    assert "v1, v2" in caught.value.remedy
    with pytest.raises(AcplabError, match="two options"):
        Choice("Who?", ["v1", "v1"])


def test_a_choice_shows_as_widget_and_words() -> None:
    choice = Choice("Who?", ["v1", "v2"])
    bundle = choice._repr_mimebundle_()
    assert bundle["text/plain"] == choice.text
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_a_prediction_shows_as_widget_and_words() -> None:
    guess = Prediction("How many?", 0, 100, "%")
    bundle = guess._repr_mimebundle_()
    assert bundle["text/plain"] == guess.text
    assert "application/vnd.jupyter.widget-view+json" in bundle


def seen(*versions: str) -> Traffic:
    samples = [
        Sample(i, 1, status=200, version=name) if name else Sample(i, 1, status=503, error="http 503")
        for i, name in enumerate(versions)
    ]
    return Traffic(samples, rate=1)


def test_routing_says_who_answers_what() -> None:
    moved = Traffic([Sample(0, 1, status=308, location="https://a/")], rate=1)
    table = show.routing(
        [
            ("no header", seen("v1", "v1")),
            ("`foo: bar`", seen("v2", "v2", "v1", "")),
            ("<b>", {"v2": 3}),
            ("other", "nobody"),
            ("lost", seen("", "")),
            ("http", moved),
        ]
    )
    assert table.text.splitlines() == [
        "Who answers which request",
        "  request      who answered                                      failed",
        "  no header    v1, all 2                                         none",
        "  `foo: bar`   v1 1 of 3, v2 2 of 3                              1 (http 503)",
        "  <b>          v2, all 3",
        "  other        nobody",
        "  lost         no answers                                        2 (http 503)",
        "  http         ?, all 1; 1 redirected (http 308 to https://a/)   none",
    ]
    assert repr(table) == table._repr_mimebundle_()["text/plain"]


def test_routing_is_a_table_for_screen_readers() -> None:
    html = show.routing({"<b>": "v1"}).html()
    assert "<caption" in html
    assert html.count('scope="col"') == 3
    assert 'scope="row"' in html
    assert "<b>" not in html
    assert "<b>" in unescape(html)


def test_routing_can_be_saved(tmp_path: Path) -> None:
    table = show.routing({"a": "v1"})
    assert "<table" in table.save(tmp_path / "a.html").read_text()
    assert table.save(tmp_path / "a.txt").read_text() == table.text + "\n"


def test_live_prints_lines_without_a_front_end(capsys: pytest.CaptureFixture[str]) -> None:
    with serve() as server, steady(server.url, rate=100) as load:
        view = show.live(load)
        server.wait_for(3)
        assert "running" in view.text
    assert view.wait(20)
    assert "load, ended" in capsys.readouterr().out
    assert repr(view) == view.text


def test_charts_take_a_load_for_its_traffic() -> None:
    with serve() as server, steady(server.url, rate=100) as load:
        server.wait_for(3)
    figures = show.split(load), show.timeline(load), show.routing({"any": load})
    same = show.split(load.result), show.timeline(load.result), show.routing({"any": load.result})
    assert [figure.text for figure in figures] == [figure.text for figure in same]


@pytest.mark.parametrize("given", [None, {"v1": 3}, [1], 5])
def test_charts_of_something_else_say_what_they_need(given: Any) -> None:
    for chart in (show.split, show.timeline):
        with pytest.raises(AcplabError, match="needs traffic that was measured") as caught:
            chart(given)
        assert "load.result" in caught.value.remedy


def test_live_needs_a_load_that_runs() -> None:
    with pytest.raises(AcplabError, match="needs a load that runs") as caught:
        show.live(Traffic([], rate=1))  # type: ignore[arg-type]
    assert "measure.steady" in caught.value.remedy


@pytest.mark.parametrize(
    ("every", "words"), [("1", "a number, not '1'"), (0, "greater than 0 s"), (61, "at most 60 s")]
)
def test_live_is_told_how_often_in_seconds(every: Any, words: str) -> None:
    with pytest.raises(AcplabError, match=words):
        show.live(steady("http://127.0.0.1:9"), every)


def test_the_live_picture_is_redrawn() -> None:
    with serve() as server, steady(server.url, rate=100) as load:
        view = LiveView(load)
        html = view.widget()
        first = html.value
        server.wait_for(5)
        load.mark("<now>")
        server.failing = True
        server.wait_for(10)
    view.redraw()
    assert html.value != first
    assert "&lt;now&gt;" in html.value
    assert "url(#acplab-failed)" in html.value
    assert view.text in unescape(html.value)


CELL = """
    from acplab import measure, show
    from acplab.show import Prediction
    guess = Prediction("How many?", 0, 100, "%")
    display(guess)
    with measure.steady({url!r}, rate=100) as load:
        view = show.live(load, every=0.1)
        while load.so_far().total < 10:
            load.wait(0.05)
        load.mark("half")
    assert view.wait(20)
    assert measure.traffic({url!r}, n=5).ok == 5, "inside of Jupyter's running loop"
    assert guess.value is None
    display(show.timeline(load.result), show.split(load.result), show.routing({{"any": load.result}}))
    """


def test_all_of_it_works_in_a_kernel_that_nobody_looks_at() -> None:
    with serve() as server:
        cell = nbformat.v4.new_code_cell(textwrap.dedent(CELL.format(url=server.url)))
        notebook = nbformat.v4.new_notebook(cells=[cell])
        NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    shown = [output.data for output in cell.outputs if output.output_type == "display_data"]
    assert len(shown) == 5
    assert all(data["text/plain"] for data in shown)
    assert sum("image/png" in data for data in shown) == 2
    assert not [output for output in cell.outputs if output.output_type == "stream" and output.name == "stderr"]
