"""A lab on disk: lab.yaml read into plain data, with a sentence for everything that is wrong with it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.cluster import Ranges

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
FIELDS: dict[str, type] = {
    "id": str,
    "title": str,
    "chapter": str,
    "minutes": int,
    "skills": list,
    "hosts": list,
    "tasks": list,
}
# ready: "deployment/name" to wait for after setup, all Deployments of setup/ if absent, [] if they are
# broken on purpose. cluster: the cluster profile that the lab needs, "none" if it needs none. ranges: fields of
# cluster.Ranges; the lab begins on a cluster that has them.
OPTIONAL: dict[str, type] = {"ready": list, "cluster": str, "ranges": dict}
NO_CLUSTER = "none"


@dataclass(frozen=True)
class Task:
    """One thing to do. ask: the task in a sentence or two."""

    id: str
    title: str
    ask: str


@dataclass(frozen=True)
class LabSpec:
    """What lab.yaml says, and where the lab's files lie. minutes: how long a learner needs."""

    id: str
    title: str
    chapter: str
    minutes: int
    skills: tuple[str, ...]
    hosts: tuple[str, ...]
    tasks: tuple[Task, ...]
    folder: Path
    ready: tuple[str, ...] | None = None
    cluster: str = "small"
    ranges: Ranges | None = None

    @property
    def namespace(self) -> str:
        """The namespace that belongs to this lab."""
        return f"lab-{self.id}"

    @property
    def given(self) -> Path:
        """The files that every learner starts from."""
        return self.folder / "given"

    @property
    def setup(self) -> Path:
        """What is applied before the learner begins; may be absent."""
        return self.folder / "setup"

    @property
    def work(self) -> Path:
        """The learner's own copies; git ignores them."""
        return self.folder / "work"

    def task(self, task_id: str) -> Task:
        """The task of that id; AcplabError names the nearest ones if there is none."""
        for found in self.tasks:
            if found.id == task_id:
                return found
        raise unknown(_("task"), task_id, [known.id for known in self.tasks])


def unknown(what: str, name: str, known: Iterable[str]) -> AcplabError:
    """The error for a name that nobody has, with the names that are near it (all, if none is near)."""
    known = list(known)
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5) or known
    return AcplabError(
        _("There is no {what} {name}.").format(what=what, name=repr(name)),
        _("Use one of: {names}.").format(names=", ".join(near) or "-"),
    )


def root() -> Path:
    """Where the labs lie."""
    return paths.ROOT / "labs"


def folders() -> list[Path]:
    """Every lab's folder, in reading order."""
    return sorted(file.parent for file in root().glob("[0-9a-z]*/lab.yaml"))


def all_labs() -> list[LabSpec]:
    """Every lab; a lab.yaml with a fault is an AcplabError, not a lab that is silently missing."""
    return [read(folder) for folder in folders()]


def load(lab_id: str) -> LabSpec:
    """The lab of that id."""
    names = [folder.name for folder in folders()]
    if lab_id not in names:
        raise unknown(_("lab"), lab_id, names)
    return read(root() / lab_id)


def read(folder: Path) -> LabSpec:
    """The lab in that folder, or AcplabError with the first fault of its lab.yaml."""
    faults = problems(folder)
    if faults:
        file = folder / "lab.yaml"
        raise AcplabError(faults[0], _("Restore {file} from the repository.").format(file=file))
    data = yaml.safe_load((folder / "lab.yaml").read_text(encoding="utf-8"))
    for name in ("skills", "hosts", "ready"):
        if name in data:
            data[name] = tuple(data[name])
    if "ranges" in data:
        data["ranges"] = Ranges(**data["ranges"])
    data["tasks"] = tuple(Task(**entry) for entry in data["tasks"])
    return LabSpec(folder=folder, **data)


def problems(folder: Path) -> list[str]:
    """Everything that is wrong with lab.yaml, a sentence each."""
    file = folder / "lab.yaml"
    try:
        data = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        return [f"{file} cannot be read: {error}"]
    if not isinstance(data, dict):
        return [f"{file} must hold a mapping with {', '.join(FIELDS)}."]
    faults = _shape(data) or _values(data, folder.name)
    return [f"{file}: {fault}" for fault in faults]


def _shape(data: dict[Any, Any]) -> list[str]:
    known = FIELDS | OPTIONAL
    faults = [f"{name} is missing." for name in FIELDS if name not in data]
    faults += [f"{name} is not a field that labs have." for name in data if name not in known]
    for name in data.keys() & known.keys():
        if not isinstance(data[name], known[name]) or isinstance(data[name], bool):
            faults.append(f"{name} must be a {known[name].__name__}, not {data[name]!r}.")
    return sorted(faults)


def _values(data: dict[str, Any], folder: str) -> list[str]:
    faults = []
    if data["id"] != folder:
        faults.append(f"id is {data['id']!r} but the folder is {folder!r}; they must be the same.")
    if not NAME.fullmatch(data["id"]):
        faults.append(f"id {data['id']!r} must be lower-case words and digits joined by hyphens.")
    if len(f"lab-{data['id']}") > 63:
        faults.append("id is too long: the namespace lab-<id> may have 63 characters.")
    if not data["title"].strip():
        faults.append("title is empty.")
    if data["minutes"] < 1:
        faults.append("minutes must be at least 1.")
    for name in ("skills", "hosts", "ready"):
        if not all(isinstance(entry, str) and entry for entry in data.get(name, [])):
            faults.append(f"{name} must be a list of words.")
    return faults + _ranges(data.get("ranges", {})) + _tasks(data["tasks"])


def _ranges(values: dict[str, Any]) -> list[str]:
    try:
        Ranges(**{"pods": "", "services": ""} | values)
    except TypeError as error:
        return [f"ranges must be fields of cluster.Ranges: {error}"]
    return [f"ranges: {name} is missing." for name in ("pods", "services") if values and name not in values]


def _tasks(entries: list[Any]) -> list[str]:
    if not entries:
        return ["tasks is empty."]
    faults = [fault for number, entry in enumerate(entries, 1) for fault in _task(number, entry)]
    return faults + [f"task id {name!r} is used twice." for name in twice(entries)]


def twice(entries: list[Any]) -> list[str]:
    """The ids that more than one of these mappings has."""
    ids = [str(entry.get("id")) for entry in entries if isinstance(entry, dict)]
    return sorted({name for name in ids if ids.count(name) > 1})


def _task(number: int, entry: Any) -> list[str]:
    if not isinstance(entry, dict) or set(entry) != {"id", "title", "ask"}:
        return [f"task {number} must have exactly id, title and ask."]
    faults = [
        f"task {number}: {name} must be a text that is not empty."
        for name, value in entry.items()
        if not isinstance(value, str) or not value.strip()
    ]
    if not faults and not NAME.fullmatch(entry["id"]):
        faults = [f"task {number}: id {entry['id']!r} must be lower-case words joined by hyphens."]
    return faults
