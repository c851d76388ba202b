"""A load that the learner has recorded: what it says of a moment that no check can see any more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from acplab.base.i18n import _


class Span(NamedTuple):
    """The first and the last good answer of a version, in seconds since the load began."""

    first: float
    last: float


@dataclass(frozen=True)
class RecordedLoad:
    """What Traffic.record() has kept.

    errors: how many of each kind; spans: by version; marks: (seconds, words); began: when, None if nobody has said.
    """

    total: int = 0
    failed: int = 0
    spans: Mapping[str, Span] = field(default_factory=dict)
    marks: tuple[tuple[float, str], ...] = ()
    began: datetime | None = None
    errors: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, record: Any) -> RecordedLoad:
        """From the JSON value; an empty one if there is none."""
        if not isinstance(record, dict):
            return cls()
        spans = {name: Span(one["first"], one["last"]) for name, one in record["by_version"].items()}
        marks = tuple((at, words) for at, words in record["marks"])
        began = datetime.fromisoformat(record["began"]) if record.get("began") else None
        return cls(record["total"], record["failed"], spans, marks, began, record.get("errors", {}))

    def marked(self, words: str) -> float | None:
        """When something was marked, seconds since the load began."""
        return next((at for at, said in self.marks if said.strip().lower() == words), None)

    def words(self) -> str:
        """Who answered from when to when."""
        spans = [f"{version}: {span.first:.1f}-{span.last:.1f} s" for version, span in self.spans.items()]
        return ", ".join(spans) or _("nothing is recorded")
