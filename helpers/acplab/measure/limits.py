"""Numbers that a load is given: they must be numbers, and within what this machine and a lab can bear."""

from __future__ import annotations

import math
import numbers
from typing import Any

from acplab.base.errors import AcplabError
from acplab.base.i18n import _


def number(name: str, value: Any) -> float:
    """The value as a float; AcplabError for "100", None, True and the like."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise AcplabError(
            _("{name} must be a number, not {value!r}.").format(name=name, value=value),
            _("Write it without quotes: {name}=100.").format(name=name),
        )
    try:
        return float(value)
    except OverflowError:
        return math.inf


def whole(name: str, value: Any, most: float) -> int:
    """The value as an int; AcplabError for "10", 10.5 and what is not above 0 and at most `most`."""
    given = within(name, value, most)
    if not given.is_integer():
        raise AcplabError(
            _("{name} must be a whole number, not {value!r}.").format(name=name, value=value),
            _("Write it without a fraction: {name}=100.").format(name=name),
        )
    return int(given)


def within(name: str, value: Any, most: float) -> float:
    """The value as a float; AcplabError if it is not above 0 and at most `most`."""
    given = number(name, value)
    if not 0 < given <= most:
        raise AcplabError(
            _("{name} must be greater than 0 and at most {most:g}, not {value:g}.").format(
                name=name, most=most, value=given
            ),
            _("Choose a number in that range."),
        )
    return given
