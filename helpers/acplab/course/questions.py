"""Question banks on disk: notebooks/questions/<chapter>.yaml as models, with a sentence for everything that is wrong."""

from __future__ import annotations

import random
import string
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool, StringConstraints, model_validator

from acplab.base import didyoumean, paths, yaml_models
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.base.yaml_models import YamlModel

LETTERS = "ABCDEFGH"
ENGLISH, CHINESE, BOTH = "en", "zh", "both"
KEY_LETTERS = string.ascii_letters
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, strict=True)]


class Words(YamlModel):
    """A text in the two languages of the course."""

    en: Text
    zh: Text

    def said(self, language: str) -> str:
        """The text in a language, or in both; a number such as "25 %" is not said twice."""
        if language == BOTH and self.zh.replace(" ", "") != self.en.replace(" ", ""):
            return f"{self.en} / {self.zh}"
        return self.zh if language == CHINESE else self.en


class Option(YamlModel):
    """One answer to choose. id: what an answer is kept as; why: why it is right, or what is wrong with it."""

    id: Text
    text: Words
    right: StrictBool = False
    why: Words


class Question(YamlModel):
    """One exam question. facts: sections of the facts page; source: keys of sources, separated by "; "."""

    id: Text
    section: Text
    kind: Literal["single", "multiple"]
    ask: Words
    options: Annotated[tuple[Option, ...], Field(min_length=2, max_length=len(LETTERS))]
    facts: tuple[Text, ...] = ()
    source: Text

    @model_validator(mode="after")
    def _has_as_many_right_options_as_its_kind(self) -> Question:
        right = len(self.right)
        if self.kind == "multiple" and right < 2:
            raise ValueError(f"a question of kind multiple must have at least two right options, not {right}")
        if self.kind == "single" and right != 1:
            raise ValueError(f"a question of kind single must have exactly one right option, not {right}")
        return self

    @model_validator(mode="after")
    def _has_options_that_can_be_told_apart(self) -> Question:
        for name, times in Counter(option.id for option in self.options).items():
            if times > 1:
                raise ValueError(f"two options have the id {name!r}")
        return self

    @property
    def right(self) -> frozenset[str]:
        """The ids of the right options."""
        return frozenset(option.id for option in self.options if option.right)

    @property
    def sources(self) -> list[str]:
        """The single sources."""
        return [one.strip() for one in self.source.split(";")]

    def lettered(self) -> list[tuple[str, Option]]:
        """(letter, option), in the order in which they are shown."""
        return list(zip(LETTERS, self.options, strict=False))


def sources() -> dict[str, Words]:
    """What the keys of sources stand for."""
    entries = yaml_models.load(paths.ROOT / "notebooks" / "sources.yaml")
    return {key: Words(**entry) for key, entry in entries.items()}


def source_words(source: str, language: str) -> str:
    """A source with its key written out: "TF:vpc" is resource vpc of the Terraform provider, "YT(7)" chapter 7 of YT."""
    key = source_key(source)
    known, place = sources().get(key), source[len(key) :]
    place = place[1:-1] if place.startswith("(") else place.lstrip(":- ")
    return f"{known.said(language)} {place}".strip() if known else source


def source_key(source: str) -> str:
    """The word that a source begins with."""
    return source[: len(source) - len(source.lstrip(KEY_LETTERS))]


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
    return [Question(**entry) for entry in yaml_models.load(file)]


def shuffled(bank: list[Question], seed: str) -> list[Question]:
    """The same questions with their options in an order that the seed decides.

    The right answers of single choices are spread evenly over the letters: chance alone gives a short quiz of one letter.
    """
    lot = random.Random(seed)
    places = [number % 4 for number in range(len(bank))]
    lot.shuffle(places)
    return [_mixed(question, place, lot) for question, place in zip(bank, places, strict=True)]


def _mixed(question: Question, place: int, lot: random.Random) -> Question:
    """Its options in another order; the right one of a single choice comes to this place."""
    options = lot.sample(question.options, len(question.options))
    if question.kind == "single":
        right = next(option for option in options if option.right)
        options.remove(right)
        options.insert(place % len(question.options), right)
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
