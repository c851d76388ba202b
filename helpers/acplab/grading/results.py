"""What a check says: results, and a report that has the same words as plain text and as HTML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from acplab.base import html as markup
from acplab.base.errors import AcplabError
from acplab.base.i18n import _, ngettext


@dataclass(frozen=True)
class Result:
    """One criterion, judged.

    text: its key in criteria.yaml, where claim, why and look come from; values: what fills their {fields}.
    gate: it holds in the untouched lab and must stay so; it scores nothing.
    """

    text: str
    ok: bool
    found: str
    wanted: str
    values: Mapping[str, Any] = field(default_factory=dict)
    claim: str = ""
    why: str = ""
    look: str = ""
    gate: bool = False

    def mark(self) -> str:
        """The verdict in a word or two."""
        if self.ok:
            return _("ok")
        return _("BROKEN") if self.gate else _("NOT YET")

    def rows(self) -> list[tuple[str, str]]:
        """(name, text) of what there is to say; a criterion that is met needs no more than what was found."""
        if self.ok:
            return [(_("found"), self.found)]
        return [
            (_("found"), self.found),
            (_("wanted"), self.wanted),
            (_("why"), self.why),
            (_("next look"), self.look),
        ]

    def words(self) -> str:
        """Plain lines."""
        named = [(name, text.replace("\n", "\n" + " " * 15)) for name, text in self.rows()]
        return "\n".join([f"  {self.mark():<8} {self.claim}"] + [f"    {n:<10} {t}" for n, t in named])

    def html(self) -> str:
        """The same words, escaped."""
        sign = "✓" if self.ok else "✗"
        head = f'<span aria-hidden="true">{sign}</span> <strong>{markup.esc(self.mark())}</strong> '
        return f"<li>{head}{markup.inline(self.claim)}{markup.pairs(self.rows())}</li>"


@dataclass(frozen=True)
class Report:
    """The outcome of one check of one task.

    next: what to do now, one sentence; empty if nothing is known.
    """

    lab_id: str
    task_id: str
    results: tuple[Result, ...]
    next: str = ""

    @property
    def scored(self) -> list[Result]:
        """The results that score: all but the gates."""
        return [result for result in self.results if not result.gate]

    @property
    def passed(self) -> bool:
        """All results are ok, and at least one of them counts: a check that found nothing proves nothing."""
        return bool(self.scored) and all(result.ok for result in self.results)

    def title(self) -> str:
        """One line with the verdict."""
        name = f"{self.lab_id} / {self.task_id}"
        if self.passed:
            return _("{name}: passed").format(name=name)
        if not self.results:
            return _("{name}: not yet, the check judged nothing").format(name=name)
        open_ = sum(not result.ok for result in self.results)
        return ngettext(
            "{name}: not yet, {open} of {all} criterion is open",
            "{name}: not yet, {open} of {all} criteria are open",
            len(self.results),
        ).format(name=name, open=open_, all=len(self.results))

    def words(self) -> str:
        """The whole report as plain lines."""
        tail = [self.next] if self.next else []
        return "\n".join([self.title(), *(result.words() for result in self.results), *tail])

    def html(self) -> str:
        """The same words for a notebook."""
        items = "".join(result.html() for result in self.results)
        tail = f"<div>{markup.inline(self.next)}</div>" if self.next else ""
        body = f'<ul style="list-style: none; padding-left: 0; margin: 4px 0">{items}</ul>{tail}'
        return markup.card("good" if self.passed else "bad", self.title(), body)

    def must_pass(self) -> Report:
        """This report, or AcplabError with its words, so that a solution notebook stops when red."""
        if not self.passed:
            raise AcplabError(self.words(), _("Follow the next look of the first open criterion."))
        return self

    def __repr__(self) -> str:
        return self.words()

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        return markup.bundle(self.html(), self.words())


@dataclass(frozen=True)
class Hint:
    """A hint of tier 1 (where to look) or 2 (closer, still not the answer)."""

    lab_id: str
    task_id: str
    tier: int
    text: str

    def title(self) -> str:
        """One line that says which hint this is."""
        return _("Hint {tier} of 2 for {task}").format(tier=self.tier, task=self.task_id)

    def words(self) -> str:
        """Plain lines."""
        return "\n".join([self.title(), self.text, *self._more()])

    def html(self) -> str:
        """The same words for a notebook."""
        more = "".join(f"<div>{markup.inline(line)}</div>" for line in self._more())
        return markup.card("note", self.title(), f"<div>{markup.lines(self.text)}</div>{more}")

    def _more(self) -> list[str]:
        return [_("Ask again for a closer one.")] if self.tier == 1 else []

    def __repr__(self) -> str:
        return self.words()

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        return markup.bundle(self.html(), self.words())
