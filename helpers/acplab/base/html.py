"""Small HTML for panels and reports that reads well in JupyterLab's dark and light themes.

Whatever came from the cluster or a learner's file is escaped here: a label or a log line must never
become part of the page. Colours are JupyterLab's own variables, and never the only sign: words say it too.
"""

from __future__ import annotations

import re
from html import escape
from typing import Any

# name -> (theme variable, fallback outside JupyterLab), used for a border only: text keeps the theme's colour
TONES = {
    "good": ("--jp-success-color1", "#2e7d32"),
    "bad": ("--jp-error-color1", "#c62828"),
    "note": ("--jp-info-color1", "#1565c0"),
    "plain": ("--jp-border-color1", "#757575"),
}


# Radio buttons and checkboxes of ipywidgets have one line of fixed height: in a narrow window long options would
# overlap or be cut off. The class goes on the widget, the style into any HTML widget beside it.
OPTIONS_CLASS = "acplab-options"
OPTIONS_STYLE = (
    f"<style>.{OPTIONS_CLASS}, .{OPTIONS_CLASS} .widget-checkbox, .{OPTIONS_CLASS} label {{ height: auto; }}"
    f" .{OPTIONS_CLASS} label {{ display: flex; align-items: flex-start; padding: 3px 0; line-height: 1.4;"
    " white-space: normal; overflow: visible; }"
    f" .{OPTIONS_CLASS} .widget-radio-box label {{ flex-direction: row-reverse; justify-content: flex-end; }}"
    f" .{OPTIONS_CLASS} input {{ flex: none; margin: 3px 8px 0 1px; }}"
    f" .{OPTIONS_CLASS} .widget-radio-box input {{ margin-top: 0; }}</style>"
)


def esc(text: Any) -> str:
    """The text, safe inside an element and inside a quoted attribute."""
    return escape(str(text), quote=True)


def inline(text: Any) -> str:
    """Escaped text in which `backticks` become <code>, the one bit of Markdown that our sentences use."""
    return re.sub(r"`([^`\n]+)`", r"<code>\1</code>", esc(text))


def lines(text: Any) -> str:
    """Escaped text of several lines; the line ends stay."""
    return f'<span style="white-space: pre-wrap; overflow-wrap: anywhere">{inline(text)}</span>'


# JupyterLab floats both parts of such a list in columns of 20 and 80 %, and the next word comes beside the text before.
_OWN_LINE = "float: none; width: auto"


def pairs(rows: list[tuple[str, str]]) -> str:
    """A list of (what, text): a description list, which screen readers read in order."""
    inner = "".join(
        f'<dt style="{_OWN_LINE}; font-weight: 600; margin: 0">{esc(name)}</dt>'
        f'<dd style="{_OWN_LINE}; margin: 0 0 4px 1.5em">{lines(text)}</dd>'
        for name, text in rows
    )
    return f'<dl style="margin: 2px 0 6px 0">{inner}</dl>'


def card(tone: str, title: str, body: str) -> str:
    """A titled box; body is HTML. role=status makes screen readers announce it when it appears."""
    variable, fallback = TONES[tone]
    return (
        f'<div role="status" aria-label="{esc(title)}"'
        f' style="border-left: 4px solid var({variable}, {fallback});'
        " padding: 4px 0 4px 12px; margin: 4px 0; line-height: 1.45; overflow-wrap: anywhere;"
        f' color: var(--jp-content-font-color1, inherit)"><strong>{inline(title)}</strong>{body}</div>'
    )


def bundle(html: str, text: str) -> dict[str, str]:
    """What Jupyter wants from _repr_mimebundle_: the picture and its words."""
    return {"text/html": html, "text/plain": text}
