"""Question banks on disk: notebooks/questions/<chapter>.yaml as models, with a sentence for everything that is wrong."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool, StringConstraints, model_validator

from acplab.base import didyoumean, paths, yaml_models
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.base.yaml_models import YamlModel

LETTERS = "ABCDEFGH"
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, strict=True)]


class Option(YamlModel):
    """One answer to choose. why: why it is right, or what is wrong with it."""

    text: Text
    right: StrictBool
    why: Text


class Question(YamlModel):
    """One exam question. zh: exam terms in Chinese."""

    id: Text
    kind: Literal["single", "multiple", "truefalse"]
    ask: Text
    options: Annotated[tuple[Option, ...], Field(min_length=2, max_length=len(LETTERS))]
    source: Text
    zh: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _has_as_many_right_options_as_its_kind(self) -> Question:
        right = sum(option.right for option in self.options)
        if self.kind == "multiple" and right < 2:
            raise ValueError(f"a question of kind multiple must have at least two right options, not {right}")
        if self.kind != "multiple" and right != 1:
            raise ValueError(f"a question of kind {self.kind} must have exactly one right option, not {right}")
        if self.kind == "truefalse" and len(self.options) != 2:
            raise ValueError(f"a question of kind truefalse must have two options, not {len(self.options)}")
        return self

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
    return [_mixed(Question(**entry)) for entry in yaml_models.load(file)]


def _mixed(question: Question) -> Question:
    """Its options in an order that only its id decides: in a bank the right one tends to come first.

    So a letter means the same for everybody, in each session and language. True stays before False.
    """
    if question.kind == "truefalse":
        return question
    options = random.Random(question.id).sample(question.options, len(question.options))
    return question.model_copy(update={"options": tuple(options)})


def problems(file: Path) -> list[str]:
    """Everything that is wrong with a bank, a sentence each."""
    try:
        entries = yaml_models.load(file)
    except AcplabError as error:
        return [error.sentence]
    if not isinstance(entries, list) or not entries:
        return [_("{file} must hold a list of questions.").format(file=file)]
    return [f"{file}: {fault}" for fault in [*_faults(entries), *_repeated(entries)]]


def _faults(entries: list[Any]) -> list[str]:
    return [
        _("question {number}: {fault}").format(number=number, fault=fault)
        for number, entry in enumerate(entries, 1)
        for fault in yaml_models.faults(Question, entry)
    ]


def _repeated(entries: list[Any]) -> list[str]:
    ids = Counter(str(entry.get("id")) for entry in entries if isinstance(entry, dict))
    return [_("The id {name!r} is used twice.").format(name=name) for name, times in ids.items() if times > 1]
