"""What came back, in plain records: a Sample per request, a Mark per event, an Outage per run of failures."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NamedTuple

UNKNOWN = "?"


@dataclass(frozen=True, slots=True)
class Sample:
    """One request.

    t: the instant it was scheduled for, in seconds since the start, whether or not it left on time
    ms: from that instant to the end of the answer, or to the failure, in milliseconds
    lag: how late it was sent, in milliseconds; part of ms
    status: the HTTP status, None if there was no whole answer
    version: who answered, "?" if the answer does not say
    error: None, or what went wrong: "http 503", "connection refused", "timeout", ...
    body: the answer as it came (empty if longer than 16 KiB)
    location: where a redirect leads, empty if the answer is none
    """

    t: float
    ms: float
    lag: float = 0.0
    status: int | None = None
    version: str = UNKNOWN
    error: str | None = None
    body: bytes = b""
    location: str = ""

    @property
    def ok(self) -> bool:
        """Whether there was an answer with a status below 400."""
        return self.error is None

    @property
    def redirect(self) -> str | None:
        """Reads like "http 308 to https://shop.example.com/"; None if the answer is no redirect."""
        return f"http {self.status} to {self.location}" if self.location else None

    def json(self) -> Any:
        """The body read as JSON, or None if it is something else."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


class Mark(NamedTuple):
    """Something that happened during the load, t seconds after its start."""

    t: float
    words: str


class Outage(NamedTuple):
    """A run of failures: start and end in seconds since the start of the load, and how many requests it cost."""

    start: float
    end: float
    lost: int
