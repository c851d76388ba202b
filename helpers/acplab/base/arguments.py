"""Numbers that a learner gives to a call: they must be numbers, and in a range that makes sense."""

from __future__ import annotations

import math
import numbers
from typing import Any

from acplab.base.errors import AcplabError
from acplab.base.i18n import _


def number(name: str, value: Any) -> float:
    """The value as a float; AcplabError for "100", None, True and the like. name: of the parameter."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise AcplabError(
            _("{name} must be a number, not {value!r}.").format(name=name, value=value),
            _("Write it without quotes, as in {name}=5.").format(name=name),
        )
    try:
        return float(value)
    except OverflowError:
        return math.inf


def within(name: str, value: Any, most: float, unit: str = "") -> float:
    """The value as a float; AcplabError if it is not greater than 0 and at most `most`. unit: for the sentence."""
    given = number(name, value)
    if not 0 < given <= most:
        zero, last, this = (f"{one:g} {unit}".rstrip() for one in (0, most, given))
        raise AcplabError(
            _("{name} must be greater than {zero} and at most {last}, not {this}.").format(
                name=name, zero=zero, last=last, this=this
            ),
            _("Give {name} a value in this range.").format(name=name),
        )
    return given


def whole(name: str, value: Any, most: float) -> int:
    """The value as an int; AcplabError for "10", 10.5, and what is not greater than 0 and at most `most`."""
    given = within(name, value, most)
    if not given.is_integer():
        raise AcplabError(
            _("{name} must be a whole number, not {value!r}.").format(name=name, value=value),
            _("Write it without a fraction, as in {name}=5.").format(name=name),
        )
    return int(given)


def share(name: str, value: Any) -> float:
    """The value as a float; AcplabError if it is not from 0 to 1."""
    given = number(name, value)
    if not 0 <= given <= 1:
        raise AcplabError(
            _("{name} must be a share from 0 to 1, not {value:g}.").format(name=name, value=given),
            _("Write 0.2 for 20 %."),
        )
    return given
