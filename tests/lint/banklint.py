"""The rules of question banks: enough questions, in both languages, with sources, and no letter that one could bet on.

Each function gives sentences, one a fault.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import nblint
from acplab.course import questions
from acplab.course.questions import Question

MOST_OF_A_SECTION = 4
MULTIPLE = (0.2, 0.4)  # the exam has 30 %
MOST_OF_A_LETTER = 0.45
SEEDS = [f"2026-11-{day}" for day in range(10, 30)]  # as quiz.ask has them: a day each


def problems(chapter: Path) -> list[str]:
    """Everything that is wrong with a chapter's bank by itself."""
    file = bank_of(chapter)
    if not file.is_file():
        return [f"{chapter.stem} has no question bank {file}."]
    faults = questions.problems(file)
    if faults:
        return faults
    bank = questions.read(file)
    found = [*enough(chapter, bank)]
    found += [f"{one.id}: {fault}" for one in bank for fault in (*reasons(one), *sources(one))]
    return [f"{file}: {fault}" for fault in found]


def bank_of(chapter: Path) -> Path:
    """The bank of a chapter's notebook."""
    return chapter.parent / "questions" / f"{chapter.stem}.yaml"


def enough(chapter: Path, bank: list[Question]) -> Iterator[str]:
    """Eight questions, of the first chapter five."""
    fewest = 5 if chapter.stem.startswith("00-") else 8
    if len(bank) < fewest:
        yield f"it has {len(bank)} questions; {fewest} are the fewest."


def sections(chapter: Path) -> Iterator[str]:
    """Each section of a bank is asked in the chapter, with a few questions, and each that is asked exists."""
    bank = questions.read(bank_of(chapter))
    has, asked = Counter(question.section for question in bank), set(asked_sections(chapter))
    yield from (f"the chapter never asks the section {name!r}." for name in sorted(set(has) - asked))
    yield from (f"the chapter asks the section {name!r}, which has no questions." for name in sorted(asked - set(has)))
    for name, n in has.items():
        if n > MOST_OF_A_SECTION:
            yield f"the section {name!r} has {n} questions; {MOST_OF_A_SECTION} are the most."


def asked_sections(chapter: Path) -> Iterator[str]:
    """The second words of all quiz.ask("chapter", "section") of a notebook."""
    for tree in nblint.trees(nblint.read(chapter)):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "quiz.ask":
                yield from (str(word.value) for word in node.args[1:2] if isinstance(word, ast.Constant))


def reasons(question: Question) -> Iterator[str]:
    """Each option has a reason of its own."""
    for language in (questions.ENGLISH, questions.CHINESE):
        whys = Counter(option.why.said(language) for option in question.options)
        yield from (f"two options have the reason {why!r}." for why, times in whys.items() if times > 1)


def sources(question: Question) -> Iterator[str]:
    """Each question names the facts that it rests on, and sources that are known or are named in full (with a slash)."""
    if not question.facts:
        yield "it names no section of the facts page."
    for source in question.sources:
        if questions.source_key(source) not in questions.sources() and "/" not in source:
            yield f"the source {source!r} has no key of notebooks/sources.yaml."


def together(banks: list[list[Question]]) -> list[str]:
    """What all banks keep together: as many multiple choices as in the exam, and no letter that is right too often."""
    all_of_them = [question for bank in banks for question in bank]
    share = sum(question.kind == "multiple" for question in all_of_them) / len(all_of_them)
    faults = (
        [] if MULTIPLE[0] <= share <= MULTIPLE[1] else [f"{share:.0%} of the questions are multiple, not about 30 %."]
    )
    return faults + [fault for bank in banks for seed in SEEDS for fault in letters(bank, seed)]


def letters(bank: list[Question], seed: str) -> list[str]:
    """A letter that is right too often, when a seed has decided on the order."""
    single = [question for question in questions.shuffled(bank, seed) if question.kind == "single"]
    counts = Counter(letter for question in single for letter, option in question.lettered() if option.right)
    return [
        f"with the seed {seed} the letter {letter} is right in {n} of {len(single)} questions, {single[0].id} to {single[-1].id}."
        for letter, n in counts.items()
        if n > MOST_OF_A_LETTER * len(single)
    ]
