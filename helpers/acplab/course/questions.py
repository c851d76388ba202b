"""Question banks on disk: notebooks/questions/<chapter>.yaml, read into plain data, faults as sentences."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from acplab.base import didyoumean, paths
from acplab.base.errors import AcplabError
from acplab.base.i18n import _

KINDS = ("single", "multiple", "truefalse")
LETTERS = "ABCDEFGH"
_REQUIRED = {"id": str, "kind": str, "ask": str, "options": list, "source": str}


@dataclass(frozen=True)
class Option:
    """One answer to choose. why: why it is right, or what is wrong with it."""

    text: str
    right: bool
    why: str


@dataclass(frozen=True)
class Question:
    """One exam question. kind: single, multiple or truefalse; zh: exam terms in Chinese."""

    id: str
    kind: str
    ask: str
    options: tuple[Option, ...]
    source: str
    zh: tuple[str, ...] = ()

    @property
    def right(self) -> frozenset[str]:
        """The letters of the right options."""
        return frozenset(letter for letter, option in self.lettered() if option.right)

    def lettered(self) -> list[tuple[str, Option]]:
        """(letter, option), in the order in which they are shown."""
        return list(zip(LETTERS, self.options, strict=False))


def folder() -> Path:
    """The folder of the question banks."""
    return paths.ROOT / "notebooks" / "questions"


def load(name: str) -> list[Question]:
    """The questions of a chapter; AcplabError if there are none, or with the first fault."""
    file = folder() / f"{name}.yaml"
    if not file.is_file():
        known = sorted(path.stem for path in folder().glob("*.yaml"))
        raise AcplabError(_("There is no question bank {name!r}.").format(name=name), didyoumean.remedy(name, known))
    return read(file)


def read(file: Path) -> list[Question]:
    """The questions in a file, or AcplabError with its first fault."""
    faults = problems(file)
    if faults:
        raise AcplabError(faults[0], _("Restore {file} from the repository.").format(file=file))
    return [_question(entry) for entry in yaml.safe_load(file.read_text(encoding="utf-8"))]


def _question(entry: dict[str, Any]) -> Question:
    options = _mixed(entry["id"], entry["kind"], [Option(**option) for option in entry["options"]])
    return Question(**(entry | {"options": options, "zh": tuple(entry.get("zh") or ())}))


def _mixed(name: str, kind: str, options: list[Option]) -> tuple[Option, ...]:
    """The options in an order that only the question's id decides: in a bank the right one tends to come first.

    So a letter means the same for everybody, in each session and language. True stays before False.
    """
    if kind != "truefalse":
        random.Random(name).shuffle(options)
    return tuple(options)


def problems(file: Path) -> list[str]:
    """Everything that is wrong with a bank, a sentence each."""
    try:
        entries = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        return [f"{file} cannot be read: {error}"]
    if not isinstance(entries, list) or not entries:
        return [f"{file} must hold a list of questions."]
    faults = [f"{file}: question {number}: {f}" for number, e in enumerate(entries, 1) for f in _faults(e)]
    return faults + [f"{file}: the id {name!r} is used twice." for name in _twice(entries)]


def _twice(entries: list[Any]) -> list[str]:
    """The ids that more than one question has."""
    ids = Counter(str(entry.get("id")) for entry in entries if isinstance(entry, dict))
    return sorted(name for name, times in ids.items() if times > 1)


def _faults(entry: Any) -> list[str]:
    if not isinstance(entry, dict):
        return ["it must be a mapping."]
    faults = [
        f"{name} must be a {kind.__name__} that is not empty."
        for name, kind in _REQUIRED.items()
        if not isinstance(entry.get(name), kind) or not entry[name]
    ]
    unknown = entry.keys() - _REQUIRED.keys() - {"zh"}
    faults += [f"{name} is not a field that questions have." for name in unknown]
    zh = entry.get("zh") or []
    if not isinstance(zh, list) or not all(isinstance(term, str) for term in zh):
        faults.append("zh must be a list of terms.")
    return faults or _kind(entry) or _options(entry["options"]) or _answer(entry)


def _kind(entry: dict[str, Any]) -> list[str]:
    if entry["kind"] not in KINDS:
        return [f"kind {entry['kind']!r} is none of {', '.join(KINDS)}."]
    if not 2 <= len(entry["options"]) <= len(LETTERS):
        return [f"it must have 2 to {len(LETTERS)} options."]
    if entry["kind"] == "truefalse" and len(entry["options"]) != 2:
        return ["truefalse must have two options."]
    return []


def _options(options: list[Any]) -> list[str]:
    return [fault for option in options for fault in _option(option)]


def _option(option: Any) -> list[str]:
    if not isinstance(option, dict) or set(option) != {"text", "right", "why"}:
        return [f"the option {option!r} must have exactly text, right and why."]
    if not isinstance(option["right"], bool):
        return [f"the option {option['text']!r}: right must be true or false."]
    if not all(isinstance(option[name], str) and option[name].strip() for name in ("text", "why")):
        return [f"the option {option['text']!r}: text and why must be texts (quote yes, no and 1.0)."]
    return []


def _answer(entry: dict[str, Any]) -> list[str]:
    right = sum(option["right"] for option in entry["options"])
    if entry["kind"] == "multiple":
        return [] if right >= 2 else [f"multiple must have at least two right options, not {right}."]
    return [] if right == 1 else [f"{entry['kind']} must have exactly one right option, not {right}."]
