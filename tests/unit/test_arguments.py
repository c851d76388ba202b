"""Numbers that are given to a call: taken, or refused with a sentence that names the parameter."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from acplab.base.arguments import number, share, whole, within
from acplab.base.errors import AcplabError


@pytest.mark.parametrize("value", [5, 5.0, np.int64(5), np.float32(5), Fraction(5)])
def test_every_kind_of_number_is_taken(value: Any) -> None:
    taken = number("n", value), within("n", value, 5), whole("n", value, 5)
    assert taken == (5.0, 5.0, 5)
    assert [type(one) for one in taken] == [float, float, int]


@pytest.mark.parametrize("value", ["5", None, True, [5], 5j, b"5"])
def test_what_is_no_number_is_refused(value: Any) -> None:
    for check in (number, share, lambda name, given: whole(name, given, 9)):
        with pytest.raises(AcplabError, match="rate must be a number, not ") as caught:
            check("rate", value)
        assert "rate=5" in caught.value.remedy


@pytest.mark.parametrize("value", [0, -1, 31, float("nan"), float("inf"), 10**400])
def test_a_range_is_named_with_its_unit(value: Any) -> None:
    with pytest.raises(AcplabError, match="timeout must be greater than 0 s and at most 30 s, not "):
        within("timeout", value, 30, "s")


def test_a_range_without_unit() -> None:
    with pytest.raises(AcplabError, match="n must be greater than 0 and at most 9, not 10"):
        within("n", 10, 9)


def test_a_whole_number_has_no_fraction() -> None:
    with pytest.raises(AcplabError, match=r"n must be a whole number, not 2\.5"):
        whole("n", 2.5, 9)


@pytest.mark.parametrize("value", [-0.1, 1.1, 20, float("nan")])
def test_a_share_is_no_percentage(value: float) -> None:
    with pytest.raises(AcplabError, match="p must be a share from 0 to 1") as caught:
        share("p", value)
    assert "0.2 for 20 %" in caught.value.remedy


@pytest.mark.parametrize("value", [0, 0.2, 1])
def test_a_share_includes_both_ends(value: float) -> None:
    assert share("p", value) == value
