"""How checks.py of a lab is loaded and run: its tasks, and for each the hints that its author has put in order.

A check grades behaviour, never spelling: it is a generator of results that looks at a LabView, which can only
read. A hint is a ladder: a function of the view that gives two texts, or None if it has nothing to say.
"""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, TypeVar

from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.grading import prose
from acplab.grading.prose import Prose
from acplab.grading.results import Result
from acplab.grading.view import LabView

FAULT = "fault-of-the-check"  # the key of a result that no lab has written


class Words(NamedTuple):
    """A hint whose two texts are in criteria.yaml under `hints`, and what fills their {fields}."""

    key: str
    values: dict[str, Any]


Check = Callable[[LabView], Iterator[Result]]
Ladder = Callable[[LabView], "Words | tuple[str, str] | None"]
FirstNotes = Callable[[LabView], dict[str, Any]]
F = TypeVar("F", bound=Callable[..., Any])


@dataclass
class Checks:
    """What one checks.py holds, by task id, and the prose beside it."""

    tasks: dict[str, Check] = field(default_factory=dict)
    hints: dict[str, list[Ladder]] = field(default_factory=dict)
    first_notes: FirstNotes | None = None
    prose: Prose = field(default_factory=Prose)

    def run(self, task_id: str, lab: LabView) -> tuple[Result, ...]:
        """The results of one check. It never raises: a check that fails is red and says why."""
        results: list[Result] = []
        try:
            for result in self.tasks[task_id](lab):
                results.append(self.prose.say(result))
        except AcplabError as error:
            results.append(_could_not_read(error))
        except Exception as error:
            results.append(_failed(error))
        return tuple(results)

    def tiers(self, task_id: str, lab: LabView) -> tuple[str, str]:
        """Both hints of a task: of the first ladder that has something to say."""
        lab.judge_with(lambda: self.run(task_id, lab))
        try:
            for ladder in self.hints[task_id]:
                if (said := ladder(lab)) is not None:
                    return self.prose.hint(*said) if isinstance(said, Words) else said
        except AcplabError as error:
            return error.sentence, f"{error.sentence}\n{error.remedy}"
        return _from_results(lab.open_results())


# checks.py registers here while it is loaded: one at a time, since labs may name their tasks alike.
_loading: ContextVar[Checks] = ContextVar("checks that are being loaded")


def _current() -> Checks:
    return _loading.get(Checks())


def task(task_id: str) -> Callable[[Check], Check]:
    """Mark a generator of results as the check of a task."""

    def keep(function: Check) -> Check:
        if _current().tasks.setdefault(task_id, function) is not function:
            raise ValueError(f"two checks are for the task {task_id!r}")
        return function

    return keep


def hint(task_id: str, *ladders: Ladder) -> Callable[[F], F]:
    """Give a task its hints, in this order: the first that applies is shown. Also a decorator of a ladder."""
    _current().hints.setdefault(task_id, []).extend(ladders)

    def keep(function: F) -> F:
        _current().hints.setdefault(task_id, []).append(function)
        return function

    return keep


def at_start(function: FirstNotes) -> FirstNotes:
    """Mark the function whose dict (JSON values) is kept when the lab is set up; LabView.recall reads it."""
    _current().first_notes = function
    return function


def load(folder: Path) -> Checks:
    """Read checks.py and criteria.yaml of a lab again, so that an author's edit counts at the next check."""
    found = Checks(prose=prose.read(folder))
    token = _loading.set(found)
    try:
        _module(folder / "checks.py")
    finally:
        _loading.reset(token)
    return found


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


def _from_results(results: list[Result]) -> tuple[str, str]:
    """The last resort: what the check itself says about the first criterion that is open."""
    if not results:
        return _("Everything is as it should be."), _("Run the check again.")
    first = results[0]
    return first.look, _("Found: {found}. Wanted: {wanted}.").format(found=first.found, wanted=first.wanted)


def _could_not_read(error: AcplabError) -> Result:
    return Result(
        text="cannot-read",
        ok=False,
        found=error.sentence,
        wanted=_("an answer from the cluster"),
        claim=_("the check can read the cluster"),
        why=_("The check could not read the cluster, so it cannot judge."),
        look=error.remedy,
    )


def _failed(error: Exception) -> Result:
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(last.filename).name}:{last.lineno}"
    return Result(
        text=FAULT,
        ok=False,
        found=f"{type(error).__name__}: {error} ({where})",
        wanted=_("a state that the check understands"),
        claim=_("the check can read what is there"),
        why=_("This is a fault of the check, not of your work."),
        look=_("Compare your objects with the task's text; if they look right, report this line as a bug."),
    )
