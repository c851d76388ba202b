"""What a probe that reads states has seen: for each thing, when it changed into what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

GONE = "gone"
LATE_MS = 1000.0  # of requests in a drill: an answer after more than this is late
UNREAD = "not read"  # the reading itself failed, so nothing is known


class Change(NamedTuple):
    """A thing was seen in another state than before; was is None when it was seen for the first time.

    t: seconds since the start of the drill.
    """

    t: float
    thing: str
    was: str | None
    now: str


class Span(NamedTuple):
    """A thing was in one state from start to end, in seconds since the start of the drill."""

    thing: str
    state: str
    start: float
    end: float


class States:
    """The lane of one probe. Between two readings nothing is known, so a change is late by up to `every` seconds."""

    def __init__(self, name: str, every: float) -> None:
        self.name, self.every = name, every
        self.changes: list[Change] = []
        self.end = 0.0
        self._now: dict[str, str] = {}

    def read(self, t: float, seen: dict[str, str]) -> None:
        """Note a reading: thing -> state. What was there and is not any more is "gone"."""
        gone = dict.fromkeys(set(self._now) - set(seen), GONE)
        for thing, state in sorted({**seen, **gone}.items()):
            if self._now.get(thing) != state:
                self.changes.append(Change(t, thing, self._now.get(thing), state))
        self._now |= seen | gone
        self.end = max(self.end, t)

    @property
    def things(self) -> list[str]:
        """All things that were seen, sorted."""
        return sorted(self._now)

    def spans(self) -> Iterator[Span]:
        """How long each thing was in each state."""
        for thing in self.things:
            own = [change for change in self.changes if change.thing == thing]
            ends = [*(change.t for change in own[1:]), max(self.end, own[-1].t)]
            yield from (Span(thing, one.now, one.t, end) for one, end in zip(own, ends, strict=True))

    def first(self, states: Iterable[str], after: float, things: Iterable[str] | None = None) -> Change | None:
        """The first change into one of the states from `after` on, of one of the things (None: of any)."""
        wanted, among = set(states), set(self.things if things is None else things)
        later = (one for one in self.changes if one.t >= after and one.now in wanted and one.thing in among)
        return next(later, None)
