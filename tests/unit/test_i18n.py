"""Sentences in the learner's language, and the plural forms that a language has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from acplab.base import i18n
from acplab.base.i18n import _, ngettext


@pytest.fixture
def polish(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A catalogue with three plural forms, which a suffix could never give."""
    from babel.messages.catalog import Catalog
    from babel.messages.mofile import write_mo

    catalogue = Catalog(locale="pl")
    catalogue.add("no Pod", "brak Podów")
    catalogue.add(("{n} Pod", "{n} Pods"), ("{n} Pod", "{n} Pody", "{n} Podów"))
    file = tmp_path / "pl" / "LC_MESSAGES" / "acplab.mo"
    file.parent.mkdir(parents=True)
    with file.open("wb") as mo:
        write_mo(mo, catalogue)
    monkeypatch.setattr(i18n, "LOCALES", tmp_path)
    monkeypatch.setenv("ACPLAB_LANG", "pl")
    i18n._catalogue.cache_clear()
    yield
    i18n._catalogue.cache_clear()


@pytest.mark.parametrize(("n", "words"), [(0, "0 Pods"), (1, "1 Pod"), (2, "2 Pods"), (21, "21 Pods")])
def test_english_has_two_plural_forms(n: int, words: str) -> None:
    assert ngettext("{n} Pod", "{n} Pods", n).format(n=n) == words


@pytest.mark.usefixtures("polish")
@pytest.mark.parametrize(("n", "words"), [(1, "1 Pod"), (3, "3 Pody"), (5, "5 Podów"), (22, "22 Pody")])
def test_the_catalogue_decides_the_plural_form(n: int, words: str) -> None:
    assert ngettext("{n} Pod", "{n} Pods", n).format(n=n) == words


@pytest.mark.usefixtures("polish")
def test_a_sentence_that_the_catalogue_lacks_stays_english() -> None:
    assert (_("no Pod"), _("one Pod more")) == ("brak Podów", "one Pod more")


def test_an_unknown_language_falls_back_to_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACPLAB_LANG", "xx")
    assert _("Pod") == "Pod"
