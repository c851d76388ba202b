"""When the requests of a load leave: how many of them, at which rate, and never too many."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from acplab.base.arguments import whole, within
from acplab.base.errors import AcplabError
from acplab.base.i18n import _

MAX_REQUESTS = 20_000
MAX_RATE = 2_000.0
MAX_SECONDS = 300.0


@dataclass(frozen=True)
class Schedule:
    """count requests; request i is due i/rate seconds after the start."""

    count: int
    rate: float

    @property
    def seconds(self) -> float:
        """How long it takes to send them all."""
        return self.count / self.rate


def of(n: Any, seconds: Any, rate: Any) -> Schedule:
    """n requests, or as many as rate gives in so many seconds, or 100; AcplabError if that is too much."""
    if n is not None and seconds is not None:
        raise AcplabError(
            _("Both n and seconds were given, and each decides how many requests are sent."),
            _("Give one of them; with n = {n} it takes n / rate seconds.").format(n=n),
        )
    rate = within("rate", rate, MAX_RATE)
    if seconds is not None:
        n = max(1, round(rate * within("seconds", seconds, MAX_SECONDS, "s")))
    return _short_enough(Schedule(whole("n", 100 if n is None else n, MAX_REQUESTS), rate))


def longest(rate: Any) -> Schedule:
    """As many requests as fit into the limits at this rate."""
    rate = within("rate", rate, MAX_RATE)
    return Schedule(max(1, math.floor(min(MAX_REQUESTS, MAX_SECONDS * rate))), rate)


def _short_enough(schedule: Schedule) -> Schedule:
    if schedule.seconds > MAX_SECONDS:
        raise AcplabError(
            _("{n} requests at a rate of {rate:g} take {seconds:g} s, and a load lasts at most {most:g} s.").format(
                n=schedule.count, rate=schedule.rate, seconds=schedule.seconds, most=MAX_SECONDS
            ),
            _("Send fewer requests, or raise the rate."),
        )
    return schedule
