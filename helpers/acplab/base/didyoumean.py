"""Which names were probably meant by one that does not exist."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from acplab.base.i18n import _


def remedy(name: object, known: Iterable[str]) -> str:
    """A remedy that names the known names nearest to `name`, or all of them if none is near."""
    known = list(known)
    near = difflib.get_close_matches(str(name), known, n=3, cutoff=0.5) or known
    return _("Use one of: {names}.").format(names=", ".join(near) or "-")
