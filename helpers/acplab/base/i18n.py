"""Every sentence that the helpers print passes through here, so that a Chinese edition is a catalogue."""

from __future__ import annotations

import gettext
import os
from functools import cache
from pathlib import Path

LOCALES = Path(__file__).parents[1] / "locales"


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    return gettext.translation("acplab", LOCALES, languages=[language], fallback=True)


def _(text: str) -> str:
    """The text in the learner's language (ACPLAB_LANG, English if that is not set)."""
    return _catalogue(os.environ.get("ACPLAB_LANG", "en")).gettext(text)
