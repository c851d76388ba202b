"""Sentences say it in the field's words: what is clean already stays clean, and joins CLEAN when it is.

To add a package, a notebook or a lab: put its path into the list, run this file, and rewrite what it names.
"""

from __future__ import annotations

import json
from pathlib import Path

import proof
import pytest
import wordlint
from acplab.base import paths

CLEAN = (
    "CONTRIBUTING.md",
    "README.md",
    "helpers/acplab",
    "helpers/images",
    "helpers/templates",
    "labs",
    "notebooks/00-welcome.ipynb",
    "notebooks/02-network-planning.ipynb",
    "notebooks/02b-terway-and-overlap.ipynb",
    "notebooks/03-high-reliability.ipynb",
    "notebooks/03b-reliable-applications.ipynb",
    "notebooks/10-ingress-release.ipynb",
    "notebooks/11-service-discovery.ipynb",
    "notebooks/11b-dns-under-load.ipynb",
    "notebooks/glossary.md",
)
TEXTS = {".py": wordlint.of_python, ".ipynb": wordlint.of_notebook, ".yaml": wordlint.of_text, ".md": wordlint.of_text}


def files() -> list[Path]:
    """What is ours in the clean places: not a learner's files, nor what Jupyter keeps beside them."""
    places = [paths.ROOT / place for place in CLEAN]
    return [file for place in places for file in sorted(proof.below(place)) if file.suffix in TEXTS]


@pytest.mark.parametrize("file", files(), ids=lambda file: str(file.relative_to(paths.ROOT)))
def test_sentences_use_the_words_of_the_field(file: Path) -> None:
    assert TEXTS[file.suffix](file) == []


def test_every_clean_place_is_there() -> None:
    assert [place for place in CLEAN if not (paths.ROOT / place).exists()] == []


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("The cluster is made anew.", "anew"),
        ("Mend the cause.", "Mend"),
        ("whoever comes first", "whoever"),
        ("{nodes} were set going again", "set going"),
        ("setting them going", "setting them going"),
        ("finds what stands", "stands"),
        ("110 Pods a node", "Pods a node"),
        ("50 requests a second", "requests a second"),
        ("nobody listens there", "nobody listens"),
        ("not so after 5 s", "not so after"),
        ("the Pod fits on no node", "fits on no node"),
        ("no Gateway has taken it up, or it was taken up late", "taken up"),
        ("This cluster knows no kind Gateway.", "knows no"),
        ("ask at the entrance", "entrance"),
        ("a Lesson begins", "Lesson"),
    ],
)
def test_a_word_of_the_old_dialect_is_found(text: str, word: str) -> None:
    (fault,) = wordlint.faults(text)
    assert fault.startswith(f"{word!r}: say ")


@pytest.mark.parametrize(
    "text",
    [
        "Terway's stand-in drops it; it stands in for a VPC.",
        "VPC stands for virtual private cloud.",
        "50 requests per second",
        "a second request, a node of the cluster",
        "a recommended, amended lesson for everyone",
        "The Pods are unschedulable.",
        "how many Pods a node's Pod CIDR has addresses for",
    ],
)
def test_other_words_pass(text: str) -> None:
    assert wordlint.faults(text) == []


def test_docstrings_and_sentences_of_python_are_read(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text(
        '"""Made anew."""\n\n\nclass A:\n    """It stands."""\n\n    def b(self):\n        """Mend `mend`."""\n'
        '        return _("whoever"), ngettext("anew", "{n} Pods a node", 2), "anew", {"anew": 1}\n',
        encoding="utf-8",
    )
    assert wordlint.of_python(file) == [
        "a.py:1: 'anew': say again, or recreated",
        "a.py:4: 'stands': say is, runs, is listed",
        "a.py:7: 'Mend': say fix, repair",
        "a.py:9: 'whoever': say a subject: who ... and a verb",
        "a.py:9: 'anew': say again, or recreated",
        "a.py:9: 'Pods a node': say per",
    ]


def test_the_prose_of_a_notebook_is_read_and_its_code_is_not(tmp_path: Path) -> None:
    cells = [
        {"id": "why", "cell_type": "markdown", "source": ["It is made\n", "anew. `anew`\n", "```\nanew\n```"]},
        {"id": "code", "cell_type": "code", "source": ["anew = 1"]},
    ]
    file = tmp_path / "a.ipynb"
    file.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    assert wordlint.of_notebook(file) == ["a.ipynb why: 'anew': say again, or recreated"]


def test_other_texts_are_read(tmp_path: Path) -> None:
    file = tmp_path / "lab.yaml"
    file.write_text("ask: Mend the canary.\n", encoding="utf-8")
    assert wordlint.of_text(file) == ["lab.yaml: 'Mend': say fix, repair"]
