"""What a learner has done, in sqlite: it outlives the kernel, the cluster and a reset of either.

Here are the labs; answers.py keeps the answers to predictions and questions in the same file.
"""

from __future__ import annotations

import json
import math
import numbers
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from typing import Any

from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.base.i18n import _

SCHEMA = """
create table if not exists lab (lab text primary key, begun text not null);
create table if not exists done (lab text, task text, at text not null, primary key (lab, task));
create table if not exists hint (lab text, task text, tier integer not null, primary key (lab, task));
create table if not exists note (lab text, key text, value text not null, primary key (lab, key));
create table if not exists attempt (lab text not null, task text not null, at text not null, passed integer);
create table if not exists prediction (
    name text, key text, question text not null, form text not null, value text not null, said text, found text,
    off integer, primary key (name, key)
);
create table if not exists answer (bank text not null, question text not null, chosen text not null, at text not null);
create table if not exists setting (name text primary key, value text not null);
"""


def file() -> Path:
    """Where it lies."""
    return paths.home() / "progress.sqlite3"


@contextmanager
def database() -> Iterator[sqlite3.Connection]:
    """A connection for one operation, committed at its end; a damaged file is never written over."""
    paths.require_usable(file())
    try:
        with closing(sqlite3.connect(file(), timeout=10)) as db, db:
            db.executescript(SCHEMA)
            yield db
    except sqlite3.Error as error:
        raise AcplabError(
            _("Your progress in {file} cannot be read or written: {error}.").format(file=file(), error=error),
            _("If no other program holds it, move the file away; labs, predictions and quizzes then begin with none."),
        ) from error


def now() -> str:
    """The time as it is kept: ISO, with zone."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


def begin(lab: str, notes: dict[str, Any]) -> None:
    """The lab was set up: remember when for the first time, and what it noted then (JSON values)."""
    with database() as db:
        db.execute("insert or ignore into lab values (?, ?)", (lab, now()))
        db.executemany("insert or replace into note values (?, ?, ?)", _rows(lab, notes))


def begun(lab: str) -> str | None:
    """When the lab was first set up (ISO time with zone), or None."""
    with database() as db:
        row = db.execute("select begun from lab where lab = ?", (lab,)).fetchone()
    return row[0] if row else None


def note(lab: str, key: str, value: Any) -> None:
    """Keep a value for later checks, as JSON has it; AcplabError if it has no such form."""
    with database() as db:
        db.executemany("insert or replace into note values (?, ?, ?)", _rows(lab, {key: value}))


def notes(lab: str) -> dict[str, Any]:
    """All that was noted for a lab."""
    with database() as db:
        rows = db.execute("select key, value from note where lab = ?", (lab,)).fetchall()
    return {key: json.loads(value) for key, value in rows}


def attempt(lab: str, task: str, passed: bool) -> None:
    """A check was run. A task that was done stays done: a later task may undo what it asked for."""
    with database() as db:
        db.execute("insert into attempt values (?, ?, ?, ?)", (lab, task, now(), int(passed)))
        if passed:
            db.execute("insert or ignore into done values (?, ?, ?)", (lab, task, now()))


def attempts(lab: str, task: str) -> int:
    """How often the task was checked, resets included."""
    with database() as db:
        query = "select count(*) from attempt where lab = ? and task = ?"
        return int(db.execute(query, (lab, task)).fetchone()[0])


def done(lab: str) -> set[str]:
    """Ids of the tasks that are done."""
    with database() as db:
        return {row[0] for row in db.execute("select task from done where lab = ?", (lab,))}


def next_tier(lab: str, task: str) -> int:
    """1 for the first call, 2 for every later one; it counts on through a restarted kernel."""
    with database() as db:
        db.execute("insert into hint values (?, ?, 1) on conflict (lab, task) do update set tier = 2", (lab, task))
        query = "select tier from hint where lab = ? and task = ?"
        return int(db.execute(query, (lab, task)).fetchone()[0])


def forget(lab: str) -> None:
    """Open all tasks of a lab again; how often they were tried stays on record."""
    with database() as db:
        for table in ("done", "hint", "note"):
            db.execute(f"delete from {table} where lab = ?", (lab,))
        db.execute("delete from prediction where name = ?", (lab,))


def _rows(lab: str, values: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(lab, key, json.dumps(plain(key, value))) for key, value in values.items()]


def plain(key: str, value: Any) -> Any:
    """A value as JSON has it: numpy's numbers too, addresses and ranges as text, a set as a sorted list, a plan as its record."""
    match value:
        case None | bool():
            return value
        case str() | IPv4Address() | IPv6Address() | IPv4Network() | IPv6Network():
            return str(value)
        case numbers.Integral():
            return int(value)
        case numbers.Real() if math.isfinite(value):
            return float(value)
        case Mapping():
            return {str(name): plain(key, one) for name, one in value.items()}
        case list() | tuple():
            return [plain(key, one) for one in value]
        case set() | frozenset():
            return sorted((plain(key, one) for one in value), key=_order)
    if callable(getattr(value, "record", None)):
        return value.record()
    raise AcplabError(
        _("{key}: a {kind} cannot be noted.").format(key=key, kind=type(value).__name__),
        _("Note numbers and texts, or a list or dict of them; of an object one of its fields."),
    )


def _order(value: Any) -> tuple[float, str]:
    """Numbers by size, then all else by its text."""
    return (value, "") if isinstance(value, int | float) else (math.inf, json.dumps(value))
