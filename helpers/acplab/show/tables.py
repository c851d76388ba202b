"""show.routing: what a request looked like, and who answered it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from acplab.base import html
from acplab.base.i18n import _

if TYPE_CHECKING:
    from acplab.measure import Load, Traffic

    Answer: TypeAlias = Traffic | Load | Mapping[str, int] | str
    Rows: TypeAlias = Mapping[str, Answer] | Iterable[tuple[str, Answer]]


def routing(rows: Rows) -> Table:
    """A table of (what the request looks like, who answered).

    rows: pairs, or a dict. Who answered is a Traffic, a dict like {"v2": 40}, or a string:
    routing([("no header", plain), ("foo: bar", marked), ("cookie foo=bar", "v2")])
    """
    pairs = rows.items() if isinstance(rows, Mapping) else rows
    head = (_("request"), _("who answered"), _("failed"))
    return Table(_("Who answers which request"), head, [(asked, *_cells(answer)) for asked, answer in pairs])


class Table:
    """The same table as HTML and as text; title and head say what is in it."""

    def __init__(self, title: str, head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
        self.title, self.head, self.rows = title, head, rows

    @property
    def text(self) -> str:
        """The table as lines, its columns aligned."""
        lines = [self.head, *self.rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.head))]
        return "\n".join([self.title, *("  " + _aligned(line, widths) for line in lines)])

    def html(self) -> str:
        """The table for a notebook; it follows the theme, and a screen reader finds caption and headers."""
        head = "".join(f'<th scope="col" style="{_CELL}">{html.esc(cell)}</th>' for cell in self.head)
        body = "".join(f"<tr>{_row(row)}</tr>" for row in self.rows)
        return (
            '<table style="border-collapse: collapse; margin: 4px 0">'
            f'<caption style="text-align: left; font-weight: 600; padding: 4px 0">{html.esc(self.title)}</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )

    def save(self, path: str | Path) -> Path:
        """Write the table as .html, or as text under any other name; returns the path."""
        path = Path(path)
        path.write_text(self.html() if path.suffix == ".html" else self.text + "\n", encoding="utf-8")
        return path

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        return html.bundle(self.html(), self.text)


_CELL = "text-align: left; padding: 4px 16px 4px 0; border-bottom: 1px solid var(--jp-border-color1, #bdbdbd)"


def _row(cells: tuple[str, ...]) -> str:
    first, *others = (html.inline(cell) for cell in cells)
    head = f'<th scope="row" style="{_CELL}; font-weight: 400">{first}</th>'
    return head + "".join(f'<td style="{_CELL}">{cell}</td>' for cell in others)


def _aligned(cells: tuple[str, ...], widths: list[int]) -> str:
    return "   ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _cells(answer: Answer) -> tuple[str, str]:
    """(who answered, what failed)."""
    if isinstance(answer, str):
        return answer, ""
    if isinstance(answer, Mapping):
        return _counted(answer), ""
    from acplab.measure import as_traffic, text

    traffic = as_traffic(answer)
    failed = f"{traffic.failed} ({text.kinds(traffic.errors)})" if traffic.failed else _("none")
    return "; ".join([_counted(traffic.by_version), *text.redirected(traffic.redirects)]), failed


def _counted(counts: Mapping[str, int]) -> str:
    total = sum(counts.values())
    if not total:
        return _("no answers")
    if len(counts) == 1:
        return _("{name}, all {n}").format(name=next(iter(counts)), n=total)
    return ", ".join(_("{name} {n} of {total}").format(name=name, n=n, total=total) for name, n in counts.items())
