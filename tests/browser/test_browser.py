"""A person's way: JupyterLab in a real browser, a chapter by Run All, a lab's panel by keyboard alone."""

from __future__ import annotations

import shutil

import pytest
from acplab.base import paths
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
def jupyter(cluster, tmp_path_factory):
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


def test_chapter_10_runs_by_run_all(page, jupyter):
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


def test_the_panel_checks_by_keyboard_alone(page, jupyter):
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
