"""Which names were probably meant by one that does not exist."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from acplab.base.i18n import _


def nearest(name: object, known: Iterable[str]) -> list[str]:
    """The names that are near this one; all of them if none is."""
    known = list(known)
    return difflib.get_close_matches(str(name), known, n=3, cutoff=0.5) or known


def remedy(name: object, known: Iterable[str]) -> str:
    """The remedy for a name that does not exist: the nearest names."""
    return _("Use one of: {names}.").format(names=", ".join(nearest(name, known)) or "-")
