"""How many requests a load has, at which rate, and what is too much."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from acplab.base.errors import AcplabError
from acplab.measure import schedule, steady, traffic
from acplab.measure.schedule import Schedule


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n": 20_001, "rate": 2000}, "n must be greater than 0 and at most 20000, not 20001"),
        ({"n": 0}, "n must be greater than 0"),
        ({"n": -1}, "n must be greater than 0"),
        ({"n": 10**400}, "n must be greater than 0 and at most 20000"),
        ({"rate": 2001}, "rate must be greater than 0 and at most 2000"),
        ({"rate": 0}, "rate must be greater than 0"),
        ({"rate": float("nan")}, "rate must be greater than 0"),
        ({"rate": float("inf")}, "rate must be greater than 0"),
        ({"seconds": 301, "rate": 1}, "seconds must be greater than 0 s and at most 300 s"),
        ({"seconds": 0}, "seconds must be greater than 0"),
        ({"n": 400, "rate": 1}, "400 requests at a rate of 1 take 400 s"),
        ({"seconds": 100, "rate": 1000}, "n must be greater than 0 and at most 20000, not 100000"),
    ],
)
def test_too_much_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(AcplabError, match=words):
        traffic("http://127.0.0.1:9", **options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n": "10"}, "n must be a number, not '10'"),
        ({"n": 10.5}, "n must be a whole number, not 10.5"),
        ({"n": True}, "n must be a number, not True"),
        ({"n": [10]}, "n must be a number"),
        ({"rate": "100"}, "rate must be a number, not '100'"),
        ({"rate": None}, "rate must be a number, not None"),
        ({"seconds": "5"}, "seconds must be a number, not '5'"),
        ({"seconds": 1j}, "seconds must be a number"),
    ],
)
def test_what_is_no_number_gets_a_sentence(options: dict[str, Any], words: str) -> None:
    with pytest.raises(AcplabError, match=words):
        traffic("http://127.0.0.1:9", **options)


def test_a_steady_load_checks_its_rate_too() -> None:
    with pytest.raises(AcplabError, match="rate must be a number, not '50'"):
        steady("http://127.0.0.1:9", rate="50")  # type: ignore[arg-type]


def test_n_and_seconds_together_are_refused() -> None:
    with pytest.raises(AcplabError, match="Both"):
        traffic("http://127.0.0.1:9", n=5, seconds=5)


@pytest.mark.parametrize(
    ("n", "seconds", "rate", "count"),
    [
        (7, None, 100, 7),
        (7.0, None, 100, 7),
        (np.int64(7), None, np.float64(100), 7),
        (None, 2, 50, 100),
        (None, Fraction(1, 2), 50, 25),
        (None, None, 9, 100),
        (None, 0.1, 1, 1),
    ],
)
def test_the_number_of_requests(n: Any, seconds: Any, rate: Any, count: int) -> None:
    found = schedule.of(n, seconds, rate)
    assert found == Schedule(count, float(rate))
    assert type(found.count) is int


@pytest.mark.parametrize(("rate", "count"), [(50, 15_000), (100, 20_000), (0.001, 1)])
def test_a_steady_load_is_bounded(rate: float, count: int) -> None:
    assert schedule.longest(rate).count == count
