"""Checks of labs: what labs/<id>/checks.py imports, and how such a file is loaded and run.

A check grades behaviour, never spelling: it is a generator of findings that looks at a LabView, which can
only read. Everything that is not met comes with what was found, what was wanted, why, and where to look.
"""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.grading.results import Finding, Hint, Report
from acplab.grading.view import LabView

__all__ = [
    "Checks",
    "Finding",
    "Hint",
    "LabView",
    "Report",
    "expect",
    "hint",
    "load",
    "notes",
    "run",
    "task",
    "tiers",
]

CheckFunction = Callable[[LabView], Iterator[Finding]]
HintFunction = Callable[[LabView], tuple[str, str]]
NotesFunction = Callable[[LabView], dict[str, Any]]
F = TypeVar("F", bound=Callable[..., Any])

TASK, HINT, NOTES = "acplab_task", "acplab_hint", "acplab_notes"


def _marked(mark: str, value: str) -> Callable[[F], F]:
    """The mark stays on the function: a registry of its own would mix up labs that name tasks alike."""

    def keep(function: F) -> F:
        function.__dict__[mark] = value
        return function

    return keep


def task(task_id: str) -> Callable[[CheckFunction], CheckFunction]:
    """Mark a generator of findings as the check of a task."""
    return _marked(TASK, task_id)


def hint(task_id: str) -> Callable[[HintFunction], HintFunction]:
    """Mark a function that gives two strings, made from the learner's own state and never the answer."""
    return _marked(HINT, task_id)


def notes(function: NotesFunction) -> NotesFunction:
    """Mark the function whose dict (JSON values) is kept when the lab is set up; LabView.recall reads it."""
    return _marked(NOTES, "yes")(function)


def expect(*, criterion: str, ok: Any, found: Any, wanted: Any, why: str, look: str, gate: bool = False) -> Finding:
    """One finding. ok is taken as a truth value; found and wanted become text."""
    return Finding(criterion, bool(ok), str(found), str(wanted), why, look, gate)


@dataclass
class Checks:
    """What one checks.py holds, by task id."""

    tasks: dict[str, CheckFunction] = field(default_factory=dict)
    hints: dict[str, HintFunction] = field(default_factory=dict)
    notes: NotesFunction | None = None


def load(folder: Path) -> Checks:
    """Read labs/<id>/checks.py afresh, so that an author's edit counts at the next check."""
    found = Checks()
    for function in vars(_module(folder / "checks.py")).values():
        marks = getattr(function, "__dict__", {})
        if TASK in marks:
            _put(found.tasks, marks[TASK], function)
        if HINT in marks:
            _put(found.hints, marks[HINT], function)
        if NOTES in marks:
            found.notes = function
    return found


def _put(table: dict[str, Any], key: str, function: Any) -> None:
    if table.setdefault(key, function) is not function:
        raise ValueError(f"two functions in checks.py are marked {key!r}")


def _module(file: Path) -> ModuleType:
    name = "acplab_lab_" + file.parent.name.replace("-", "_")
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None or not file.is_file():
        raise AcplabError(
            _("The lab {lab} has no checks.py.").format(lab=file.parent.name),
            _("Restore {file} from the repository.").format(file=file),
        )
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses in checks.py look their module up here
    spec.loader.exec_module(module)
    return module


def run(function: CheckFunction, bench: LabView) -> tuple[Finding, ...]:
    """The findings of one check. It never raises: a check that stumbles is red and says over what."""
    findings: list[Finding] = []
    try:
        findings.extend(function(bench))
    except AcplabError as error:
        findings.append(_could_not_look(error))
    except Exception as error:
        findings.append(_stumbled(error))
    return tuple(findings)


def tiers(function: HintFunction, bench: LabView) -> tuple[str, str]:
    """Both hints; a cluster that cannot be read makes a hint too, since that is what to mend first."""
    try:
        first, second = function(bench)
    except AcplabError as error:
        return error.sentence, f"{error.sentence}\n{error.remedy}"
    return first, second


def _could_not_look(error: AcplabError) -> Finding:
    return expect(
        criterion=_("the check can look"),
        ok=False,
        found=error.sentence,
        wanted=_("an answer from the cluster"),
        why=_("What cannot be seen cannot be judged."),
        look=error.remedy,
    )


def _stumbled(error: Exception) -> Finding:
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(last.filename).name}:{last.lineno}"
    return expect(
        criterion=_("the check can read what is there"),
        ok=False,
        found=f"{type(error).__name__}: {error} ({where})",
        wanted=_("a state that the check understands"),
        why=_("This is a fault of the check, not of your work."),
        look=_("Compare your objects with the task's text; if they look right, report this line as a bug."),
    )
