"""The panel does what the plain calls do, and shows what is on record."""

from __future__ import annotations

import re
import subprocess
import sys

import ipywidgets
import pytest
from acplab.base import console
from acplab.base.errors import AcplabError
from acplab.course import lab as labs
from fakes import LAB_YAML, World, build


@pytest.fixture
def world(tmp_path, monkeypatch) -> World:
    return build(tmp_path, monkeypatch)


@pytest.fixture
def lesson(world) -> labs.Lab:
    return labs.start("01-shop", say=lambda _sentence: None)


def walk(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from walk(child)


def test_the_check_button_shows_the_words_of_the_check(lesson):
    panel = lesson.panel()
    panel.rows[0].check.click()
    report = lesson.check("open")
    assert panel.rows[0].words == report.words()
    assert panel.rows[0].verdict.value == report.html()
    assert report.words() in panel.words()


def test_green_ticks_the_task_and_the_next_panel_knows(lesson):
    panel = lesson.panel()
    lesson.apply("shop.yaml")
    panel.rows[0].check.click()
    for shown in (panel, labs.find("01-shop").panel()):
        assert "1 of 2 tasks are done" in shown.head.value
        assert "(done)" in shown.rows[0].head.value
        assert "(open)" in shown.rows[1].head.value


def test_the_hint_button_counts_on(lesson):
    panel = lesson.panel()
    panel.rows[0].hint.click()
    assert "Hint 1 of 2" in panel.rows[0].verdict.value
    lesson.panel().rows[0].hint.click()
    assert lesson.hint("open").tier == 2


def test_only_buttons_and_text_so_that_the_keyboard_is_enough(lesson):
    panel = lesson.panel()
    kinds = {type(widget) for widget in walk(panel.box)}
    assert kinds == {ipywidgets.VBox, ipywidgets.HBox, ipywidgets.HTML, ipywidgets.Button}
    shown = [widget for widget in walk(panel.box) if isinstance(widget, ipywidgets.Button)]
    assert shown == panel.buttons()
    names = [button.description for button in shown]
    assert len(set(names)) == len(names)
    assert all(button.tooltip for button in shown)
    assert panel.rows[1].check.tooltip == "Check task 2: Grow the shop"


def test_an_error_is_shown_and_the_buttons_work_again(lesson, world):
    panel = lesson.panel()
    world.kube.up = False
    panel.rows[0].check.click()
    assert "no cluster" in panel.rows[0].verdict.value
    assert "./acplab start" in panel.rows[0].words
    assert not any(button.disabled for button in panel.buttons())


def test_a_fault_of_ours_does_not_vanish(lesson, monkeypatch):
    panel = lesson.panel()
    monkeypatch.setattr(lesson, "check", lambda _task: 1 / 0)
    panel.rows[0].check.click()
    assert "ZeroDivisionError" in panel.rows[0].verdict.value


def test_reset_asks_first(lesson, world):
    panel = lesson.panel()
    lesson.apply("shop.yaml")
    assert panel.question.layout.display == "none"
    panel.startover.click()
    assert panel.question.layout.display == "flex"
    panel.keep.click()
    assert panel.question.layout.display == "none"
    assert world.kube.names("deployment") == ["shop"]


def test_reset_says_what_happens_and_disables_the_buttons_meanwhile(lesson, world, monkeypatch):
    panel = lesson.panel()
    lesson.apply("shop.yaml")
    panel.rows[0].check.click()
    seen: list[tuple[bool, str]] = []
    reset = lesson.reset

    def watched(say):
        def told(sentence):
            say(sentence)
            seen.append((all(button.disabled for button in panel.buttons()), panel.status.value))

        reset(told)

    monkeypatch.setattr(lesson, "reset", watched)
    panel.startover.click()
    panel.really.click()
    assert all(disabled for disabled, _status in seen)
    assert "Resetting 01-shop" in seen[0][1]
    assert "Removed the namespace" in panel.status.value
    assert "as it was at the start" in panel.status.value
    assert not any(button.disabled for button in panel.buttons())
    assert "0 of 2" in panel.head.value
    assert panel.rows[0].verdict.value == ""
    assert not world.kube.names("deployment")


def test_reset_shows_what_the_cluster_reports_meanwhile(lesson, monkeypatch, capsys, tmp_path):
    """A reset may recreate a cluster, for minutes: its stages belong into the panel, not below the cell."""
    panel = lesson.panel()

    monkeypatch.setenv("ACPLAB_CACHE", str(tmp_path))

    def rebuilding(say):
        with console.stage("kind", "Creating the cluster", 60):
            say("Reset.")

    monkeypatch.setattr(lesson, "reset", rebuilding)
    panel.reset()
    assert "Creating the cluster (about 1:00)" in panel.status.value
    assert "Creating the cluster: done after 0:00" in panel.status.value
    assert capsys.readouterr().out == ""


def test_a_reset_that_fails_says_why_and_keeps_the_verdicts(lesson, world):
    panel = lesson.panel()
    panel.rows[0].check.click()
    world.kube.broken["delete"] = AcplabError("It does not go away.", "Look at its finalizers.")
    panel.reset()
    assert "It does not go away." in panel.status.value
    assert "finalizers" in panel.status.value
    assert panel.rows[0].verdict.value
    assert not any(button.disabled for button in panel.buttons())


def test_texts_are_escaped(world):
    world.write("labs/01-shop/lab.yaml", LAB_YAML.replace("Open the shop", "<script>x</script>"))
    panel = labs.start("01-shop", say=lambda _sentence: None).panel()
    html = "".join(widget.value for widget in walk(panel.box) if isinstance(widget, ipywidgets.HTML))
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_text_colours_are_the_themes(lesson):
    panel = lesson.panel()
    panel.rows[0].check.click()
    html = "".join(widget.value for widget in walk(panel.box) if isinstance(widget, ipywidgets.HTML))
    colours = set(re.findall(r"(?<![\w-])color: ([^;\"]+)", html))
    assert colours == {"var(--jp-content-font-color1, inherit)"}


def test_without_a_front_end(lesson):
    panel = lesson.panel()
    panel.check("open")
    assert "NOT YET  the shop is open" in repr(panel)
    bundle = panel._repr_mimebundle_()
    assert bundle["text/plain"] == panel.words()
    with pytest.raises(AcplabError, match="no task"):
        panel.check("nothing")


def test_lessons_do_not_load_the_widgets():
    code = "import sys, acplab.course.lab; sys.exit('ipywidgets' in sys.modules or 'kubernetes' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
