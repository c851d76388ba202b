"""The learner's files of a lab: handed out once, never overwritten, never deleted."""

from __future__ import annotations

import filecmp
import shutil
from datetime import datetime
from pathlib import Path

from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.course.spec import LabSpec


@paths.explain_refusals()
def hand_out(lab: LabSpec) -> None:
    """Copy what is given into work/, except what the learner already has."""
    lab.work.mkdir(exist_ok=True)
    for source in _files(lab.given):
        if not (lab.work / source.name).exists():
            shutil.copyfile(source, lab.work / source.name)


@paths.explain_refusals()
def put_away(lab: LabSpec) -> Path | None:
    """Move the files that the learner changed or added to work/old-<time>/; None if there are none."""
    changed = [file for file in _files(lab.work) if not _as_given(lab, file)]
    if not changed:
        return None
    shelf = _new_shelf(lab.work)
    for file in changed:
        file.rename(shelf / file.name)
    return shelf


def locate(lab: LabSpec, name: str) -> Path:
    """The file or folder of that name: the learner's own, else the given one, else from the lab's folder."""
    for base in (lab.work, lab.given, lab.folder):
        found = (base / name).resolve()
        if found.exists() and found.is_relative_to(lab.folder.resolve()) and found != lab.folder.resolve():
            return found
    mine = ", ".join(file.name for file in _files(lab.work) or _files(lab.given))
    raise AcplabError(
        _("The lab {lab} has no file {name}.").format(lab=lab.id, name=repr(name)),
        _("Your files in {work} are: {files}.").format(work=lab.work, files=mine or "-"),
    )


def _files(folder: Path) -> list[Path]:
    found = folder.iterdir() if folder.is_dir() else ()
    return sorted(file for file in found if file.is_file() and not file.name.startswith("."))


def _as_given(lab: LabSpec, file: Path) -> bool:
    given = lab.given / file.name
    return given.is_file() and filecmp.cmp(given, file, shallow=False)


def _new_shelf(work: Path) -> Path:
    name = datetime.now().strftime("old-%Y%m%d-%H%M%S")
    for ending in ("", *(f"-{number}" for number in range(2, 1000))):
        shelf = work / (name + ending)
        if not shelf.exists():
            shelf.mkdir()
            return shelf
    raise AssertionError("a thousand resets in one second")
