"""How long a chapter takes its reader: words, cells as they were measured, a minute per prediction and per question."""

from __future__ import annotations

import ast
import json
import math
import re
from pathlib import Path
from typing import Any

from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.course import questions

WORDS_PER_MINUTE = 200
PREDICTION_MINUTES = 1
QUESTION_MINUTES = 1
# No words: pictures and code blocks, tags, where links lead, and the signs of Markdown.
NO_WORDS = re.compile(r"```.*?```|<[^>]*>|\]\([^)]*\)|[|*_#>`~]", re.DOTALL)


def minutes(notebook: Path) -> int:
    """Whole minutes for reading and running a chapter, rounded up; without its cells if nobody has measured them."""
    cells = _cells(notebook)
    read = sum(words(_source(cell)) for cell in cells if cell["cell_type"] == "markdown") / WORDS_PER_MINUTE
    asked = PREDICTION_MINUTES * len(_predictions(cells)) + QUESTION_MINUTES * _questions(notebook)
    return math.ceil(read + measured_seconds(notebook) / 60 + asked)


def _questions(notebook: Path) -> int:
    """How many questions its bank has; 0 without one that can be read."""
    try:
        return len(questions.load(notebook.stem))
    except AcplabError:
        return 0


def words(markdown: str) -> int:
    """How many words a reader reads, those of tables and of folded details too; no pictures and no code blocks."""
    return sum(any(letter.isalnum() for letter in word) for word in NO_WORDS.sub(" ", markdown).split())


def measured_seconds(notebook: Path) -> float:
    """How long its cells took in the last recorded test run; 0.0 if none is recorded."""
    file = paths.ROOT / "tests" / "proof.json"
    proof = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return float(proof.get(f"{notebook.parent.name}/{notebook.name}", {}).get("seconds", 0))


def predictions(notebook: Path) -> list[str]:
    """The keys of all predictions that a notebook asks, in its order."""
    return _predictions(_cells(notebook))


def _predictions(cells: list[dict[str, Any]]) -> list[str]:
    sources = [_source(cell) for cell in cells if cell["cell_type"] == "code"]
    return [key for source in sources for key in predictions_in(source)]


def predictions_in(source: str) -> list[str]:
    """The keys of all chapter.predict("key", ...) and chapter.choose("key", ...) of a cell, or the same of a lab."""
    try:
        tree = ast.parse(source)
    except SyntaxError:  # a cell that the learner is still writing
        return []
    return [key for node in ast.walk(tree) if isinstance(node, ast.Call) for key in _keys(node)]


def _keys(call: ast.Call) -> list[str]:
    """The key that a call asks under, if it asks."""
    asking = {f"{owner}.{verb}" for owner in ("chapter", "lab") for verb in ("predict", "choose")}
    asked = call.args[:1] if ast.unparse(call.func) in asking else []
    return [key.value for key in asked if isinstance(key, ast.Constant) and isinstance(key.value, str)]


def _cells(notebook: Path) -> list[dict[str, Any]]:
    """None of a file that is missing or no notebook: what we say of the time must keep nobody from a chapter."""
    try:
        return list(json.loads(notebook.read_text(encoding="utf-8")).get("cells", []))
    except (OSError, ValueError):
        return []


def _source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])
