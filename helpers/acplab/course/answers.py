"""What a learner has answered: predictions by chapter (or lab) and key, questions by bank and id. Kept beside the labs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from acplab.course.store import database, now


@dataclass(frozen=True)
class Kept:
    """A prediction on record. form: its range and unit, or its options. value: as answered; said, found: in words."""

    key: str
    question: str
    form: list[Any]
    value: float | str | None = None
    said: str | None = None
    found: str | None = None
    off: bool | None = None


def keep(name: str, kept: Kept) -> None:
    """Put a prediction of a chapter or lab on record, in place of what was there under its key."""
    form, value = json.dumps(kept.form), json.dumps(kept.value)
    row = (name, kept.key, kept.question, form, value, kept.said, kept.found, kept.off)
    with database() as db:
        db.execute("insert or replace into prediction values (?, ?, ?, ?, ?, ?, ?, ?)", row)


def predictions(name: str) -> dict[str, Kept]:
    """All predictions on record for a chapter or lab, by key."""
    with database() as db:
        query = "select key, question, form, value, said, found, off from prediction where name = ?"
        rows = db.execute(query, (name,)).fetchall()
    return {row[0]: _kept(*row) for row in rows}


def _kept(key: str, question: str, form: str, value: str, said: str, found: str, off: int | None) -> Kept:
    return Kept(key, question, json.loads(form), json.loads(value), said, found, None if off is None else bool(off))


def forget_predictions(name: str) -> None:
    """Begin all predictions of a chapter or lab again."""
    with database() as db:
        db.execute("delete from prediction where name = ?", (name,))


def answer(bank: str, question: str, chosen: Iterable[str]) -> None:
    """Keep an answer to a question: the ids of the options that were chosen."""
    with database() as db:
        db.execute("insert into answer values (?, ?, ?, ?)", (bank, question, json.dumps(sorted(chosen)), now()))


def last_answers(bank: str) -> dict[str, frozenset[str]]:
    """Question id -> ids of the options that were chosen last; questions without an answer are missing."""
    with database() as db:
        rows = db.execute("select question, chosen from answer where bank = ? order by rowid", (bank,)).fetchall()
    return {question: frozenset(json.loads(chosen)) for question, chosen in rows}


def language() -> str | None:
    """The language that the learner last chose for questions, None before the first choice."""
    with database() as db:
        row = db.execute("select value from setting where name = 'language'").fetchone()
    return row[0] if row else None


def choose_language(chosen: str) -> None:
    """Remember it for later quizzes."""
    with database() as db:
        db.execute("insert or replace into setting values ('language', ?)", (chosen,))
