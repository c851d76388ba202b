"""Every sentence that the helpers print passes through here, so that a Chinese edition is a catalogue.

A sentence is whole: `_("{name} has {n} Pods").format(...)`, never put together from parts. Where a count
decides between "Pod" and "Pods", `ngettext` chooses, since other languages have other plural forms.
"""

from __future__ import annotations

import gettext
import os
from functools import cache
from pathlib import Path

LOCALES = Path(__file__).parents[1] / "locales"


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    return gettext.translation("acplab", LOCALES, languages=[language], fallback=True)


def _in_use() -> gettext.NullTranslations:
    """The catalogue of the learner's language: ACPLAB_LANG, English if that is not set."""
    return _catalogue(os.environ.get("ACPLAB_LANG", "en"))


def _(text: str) -> str:
    """The text in the learner's language."""
    return _in_use().gettext(text)


def ngettext(one: str, many: str, n: int) -> str:
    """`one` or `many` in the learner's language, as n demands. Fill in the count afterwards, like any other value:

    ngettext("{n} request failed", "{n} requests failed", n).format(n=n)
    """
    return _in_use().ngettext(one, many, n)
