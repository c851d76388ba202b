"""A person's way: JupyterLab in a real browser, a chapter by Run All; panel, prediction and quiz by keyboard alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from acplab.base import paths
from acplab.course import answers, questions
from acplab.course import lab as labs
from acplab.host import jupyter as server
from playwright.sync_api import Page, expect, sync_playwright

LAB = "10-canary-by-request"
QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
CELLS = """() => jupyterapp.shell.currentWidget.content.widgets
    .filter(cell => cell.model.type === 'code' && cell.model.sharedModel.source.trim())
    .map(cell => ({
        id: cell.model.id,
        count: cell.model.executionCount,
        running: cell.model.executionState === 'running',
        expected: (cell.model.getMetadata('tags') || []).includes('raises-exception'),
        errors: cell.model.outputs.toJSON().filter(output => output.output_type === 'error').map(output => output.evalue),
    }))"""
RUNNING = "() => jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status"


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory):
    """A JupyterLab on copies, so that running them leaves no output in the checkout."""
    root = tmp_path_factory.mktemp("course")
    for folder in ("notebooks", "labs"):
        shutil.copytree(paths.ROOT / folder, root / folder, ignore=shutil.ignore_patterns("work", ".ipynb_checkpoints"))
    yield server.ensure(root, "--expose-app-in-browser")
    server.stop(root)


@pytest.fixture
def page(jupyter):
    """A fresh tab of Debian's Chromium."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        tab = browser.new_page(viewport={"width": 1280, "height": 1000})
        tab.set_default_timeout(60_000)
        yield tab
        browser.close()


def open_notebook(page: Page, jupyter: server.Server, notebook: str) -> None:
    """Open it, and only it (JupyterLab would bring back what the test before had open); wait until its kernel is there."""
    page.goto(f"{jupyter.url(notebook)}&reset")
    page.wait_for_function(
        "path => window.jupyterapp?.shell.currentWidget?.context?.path === path"
        " && jupyterapp.shell.currentWidget.content.widgets.length > 1",
        arg=notebook,
    )
    page.wait_for_function(f"() => ({RUNNING})() === 'idle'", timeout=90_000)


def test_chapter_10_runs_by_run_all(page, jupyter, cluster):
    open_notebook(page, jupyter, "notebooks/10-ingress-release.ipynb")
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.wait_for_function(
        f"() => {{ const cells = ({CELLS})(); return cells.at(-1).count || cells.some(one => one.errors.length && !one.expected); }}",
        timeout=280_000,
    )
    cells = page.evaluate(CELLS)
    assert [one for one in cells if one["errors"] and not one["expected"]] == []
    assert all(one["count"] for one in cells)


def test_the_panel_checks_by_keyboard_alone(page, jupyter, cluster):
    labs.find(LAB).reset(lambda _words: None)
    open_notebook(page, jupyter, f"labs/{LAB}/lab.ipynb")
    run_until_panel(page)
    check = page.get_by_role("button", name="Check 1", exact=True)
    check.focus()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Hint 1", exact=True)).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(check).to_be_focused()
    page.keyboard.press("Enter")
    verdict = page.get_by_text("wanted", exact=False).first
    verdict.wait_for()
    assert not labs.find(LAB).done()
    check.scroll_into_view_if_needed()
    page.screenshot(path=paths.logs() / "lab-panel.png")  # docs/ has a copy of it
    labs.find(LAB).finish(lambda _words: None)


def run_until_panel(page: Page) -> None:
    """Run code cell after code cell from the top until the panel's first button is there."""
    page.evaluate("() => { jupyterapp.shell.currentWidget.content.activeCellIndex = 0; }")
    for _cell in range(8):
        # Not awaited: a request that the kernel never got would hold the browser for ever, and say nothing.
        page.evaluate("() => { void jupyterapp.commands.execute('notebook:run-cell-and-select-next'); }")
        page.wait_for_function(f"() => ({RUNNING})() === 'idle'", timeout=120_000)
        page.wait_for_function(f"() => !({CELLS})().some(cell => cell.running)", timeout=120_000)
        if page.get_by_role("button", name="Check 1", exact=True).count():
            return
    raise AssertionError(f"no panel after eight cells: {page.evaluate(CELLS)}")


ASKING = """\
from acplab import labs, quiz
guess = labs.find("00-hello").predict("browser", "How many Pods are ready?", 0, 500, "Pods")
guess
---
one = quiz.ask("00-welcome", "exam", language="en", seed=1)
one.questions = one.questions[:1]
one
"""


@pytest.fixture
def asking(jupyter):
    """A notebook that asks for a prediction and some questions; what is answered is forgotten at the end."""
    cells = [
        {
            "cell_type": "code",
            "id": f"ask-{n}",
            "metadata": {},
            "source": source,
            "outputs": [],
            "execution_count": None,
        }
        for n, source in enumerate(ASKING.split("---\n"))
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": kernel, "cells": cells}
    (Path(jupyter.root) / "asking.ipynb").write_text(json.dumps(notebook))
    yield "asking.ipynb"
    answers.forget_predictions("00-hello")


def run_all(page: Page) -> None:
    page.evaluate("() => { void jupyterapp.commands.execute('notebook:run-all-cells'); }")
    page.get_by_role("button", name="Check answer 1", exact=True).wait_for()


def test_predictions_and_questions_are_answered_by_keyboard_alone(page, jupyter, asking):
    open_notebook(page, jupyter, asking)
    run_all(page)
    field = page.get_by_label("Your answer (Pods)")
    field.focus()
    page.keyboard.type("100")
    page.keyboard.press("Enter")
    page.get_by_text("noted: 100 Pods", exact=True).wait_for()
    options = page.get_by_role("radio")
    options.first.focus()
    page.keyboard.press("Space")
    for _option in range(options.count()):  # the Tab key goes from option to option
        page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Check answer 1", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_text("Question 1: A is", exact=False).first.wait_for()
    page.get_by_role("button", name="中文", exact=True).click()
    asked = next(one for one in questions.load("00-welcome") if one.section == "exam")
    page.get_by_text(asked.ask.zh, exact=False).wait_for()


def test_an_answer_is_there_after_a_restart_of_the_kernel(page, jupyter, asking):
    labs.find("00-hello").predict("browser", "How many Pods are ready?", 0, 500, "Pods").set(7)
    open_notebook(page, jupyter, asking)
    run_all(page)
    expect(page.get_by_label("Your answer (Pods)")).to_have_value("7")
