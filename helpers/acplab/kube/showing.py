"""Shows a notebook's reader the kubectl line of each kube call in a cell."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, ParamSpec, TypeVar

from acplab.base.errors import AcplabError
from acplab.base.html import esc
from acplab.kube.arguments import bind

P = ParamSpec("P")
R = TypeVar("R")
STYLE = (
    "margin: 0; white-space: pre-wrap; color: var(--jp-content-font-color2, gray); font-size: var(--jp-code-font-size)"
)
MOST_LINES = 12
WRAPPERS = ("called", "spoken")  # of verb() here, of a lab's methods, of a cluster's kube
_wanted: bool | None = None  # what show_commands() was told
_chapter_is_open = False
_shown: tuple[int, set[str]] = (0, set())  # the cell, and what it has shown


def show_commands(on: bool | None = True) -> None:
    """Whether calls of kube show their kubectl line. None: in the notebook of an open chapter, as from the start."""
    global _wanted
    _wanted = on


def in_chapter(is_open: bool) -> None:
    """Noted by a chapter that opens or closes in this kernel."""
    global _chapter_is_open
    _chapter_is_open = is_open


def verb(line: Callable[..., str | None] | None = None) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """For a verb of kube: look at its arguments, and show the kubectl line to who wrote the call in a cell."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def called(*arguments: P.args, **options: P.kwargs) -> R:
            bind(function, arguments, options)
            if line:
                show_line(lambda: line(*arguments, **options))
            return function(*arguments, **options)

        return called

    return decorate


def show_line(line: Callable[[], str | None]) -> None:
    """Show the line if the function that calls this was called by a cell; helpers that call kube stay quiet."""
    kernel = _kernel()
    if not _is_wanted(kernel) or not _is_by_a_cell(sys._getframe(2)):
        return
    try:
        text = line()
    except AcplabError:  # what is wrong with the call, the call itself says
        return
    if text and kernel:
        _display(text, kernel.execution_count)
    elif text:
        print(f"$ {text}", file=sys.stderr)


def _is_by_a_cell(caller: FrameType | None) -> bool:
    """Whether the call is in a cell, or passes only through decorators of ours on its way from there."""
    while caller and caller.f_code.co_name in WRAPPERS and caller.f_globals["__name__"].startswith("acplab."):
        caller = caller.f_back
    return caller is not None and caller.f_globals.get("__name__") == "__main__"


def _is_wanted(kernel: Any) -> bool:
    return (_chapter_is_open and kernel is not None) if _wanted is None else _wanted


def _kernel() -> Any:
    """IPython's shell if this is a notebook's kernel, else None."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell if hasattr(shell, "kernel") else None


def _display(text: str, cell: int) -> None:
    """Once a cell, however often a loop makes the same call."""
    global _shown
    if _shown[0] != cell:
        _shown = (cell, set())
    if text in _shown[1]:
        return
    _shown[1].add(text)
    from IPython.display import publish_display_data

    # The prompt is not copied with the line, so that it can be pasted.
    prompt = '<span style="user-select: none">$ </span>'
    html = f'<pre class="acplab-kubectl" style="{STYLE}">{prompt}{esc(text)}</pre>'
    if text.count("\n") > MOST_LINES:  # a manifest with values filled in: its first line tells enough
        html = f'<details><summary style="{STYLE}">$ {esc(text.splitlines()[0])}</summary>{html}</details>'
    publish_display_data({"text/html": html, "text/plain": f"$ {text}"})
