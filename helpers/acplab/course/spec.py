"""A lab on disk: lab.yaml as a model, with a sentence for everything that is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints, field_validator, model_validator

from acplab.base import didyoumean, paths, yaml_models
from acplab.base.didyoumean import nearest
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.base.yaml_models import YamlModel
from acplab.cluster import Ranges
from acplab.grading.notes import KINDS, RECORDED, Kind

NO_CLUSTER = "none"
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
LONGEST = 63 - len("lab-")  # a namespace may have 63 characters


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise ValueError(f"{text!r} must be lower-case words and digits joined by hyphens")
    if len(text) > LONGEST:
        raise ValueError(f"{text!r} is too long: the namespace lab-<id> may have 63 characters")
    return text


Name = Annotated[str, AfterValidator(_name)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Task(YamlModel):
    """One thing to do. ask: the task in a sentence or two."""

    id: Name
    title: Text
    ask: Text


class LabFile(YamlModel):
    """What lab.yaml says.

    minutes: how long a learner needs. hosts: of this lab alone. cluster: the profile that it needs, "none" for none.
    needs: bundles of images. visits: profiles of other clusters that it uses, with lab.on_cluster(). outside: topic -> parts
    that it puts outside of the namespace, and takes away at the end (outside.py). ready: "deployment/name" to wait for
    after setup; all Deployments of setup/ if it is not given, [] if they are broken on purpose. notes: what a learner
    writes down, `way: {block: cidr, via: address}`.
    ranges: fields of cluster.Ranges; the lab begins on a cluster that has them. alone: it breaks something that other
    labs need, such as the nodes' routes, so the tests run nothing beside it.
    """

    id: Name
    title: Text
    chapter: Text
    minutes: Annotated[int, Field(ge=1, strict=True)]
    skills: tuple[Text, ...]
    hosts: tuple[Text, ...]
    tasks: Annotated[tuple[Task, ...], Field(min_length=1)]
    cluster: Text = "small"
    needs: tuple[Name, ...] = ()
    visits: tuple[Name, ...] = ()
    outside: Mapping[Name, tuple[Name, ...]] = Field(default_factory=dict)
    ready: tuple[Text, ...] | None = None
    notes: Mapping[Text, Kind | Mapping[Text, Kind]] = Field(default_factory=dict)
    ranges: Ranges | None = None
    alone: bool = False

    @field_validator("tasks")
    @classmethod
    def _task_ids_are_unique(cls, tasks: tuple[Task, ...]) -> tuple[Task, ...]:
        names = [task.id for task in tasks]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"the task id {twice[0]!r} is used twice")
        return tasks

    @field_validator("notes")
    @classmethod
    def _kinds_are_known(cls, notes: Mapping[str, Kind | Mapping[str, Kind]]) -> Any:
        for key, kind in notes.items():
            single = not isinstance(kind, Mapping)
            for one in [kind] if single else kind.values():  # type: ignore[list-item,union-attr]
                known = (*KINDS, *RECORDED) if single else tuple(KINDS)
                if isinstance(one, str) and one not in known:
                    raise ValueError(f"{key}: there is no kind {one!r}; use one of: {', '.join(nearest(one, known))}")
        return notes


class LabSpec(LabFile):
    """A lab: what lab.yaml says, and where the lab's files are."""

    folder: Path

    @model_validator(mode="after")
    def _is_named_like_its_folder(self) -> LabSpec:
        if self.id != self.folder.name:
            raise ValueError(f"`id` is {self.id!r} but the folder is {self.folder.name!r}; they must be the same")
        return self

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
    """The error for a name that nothing has, with the names that are near it (all, if none is near)."""
    return AcplabError(
        _("There is no {what} {name}.").format(what=what, name=repr(name)),
        didyoumean.remedy(name, known),
    )


def root() -> Path:
    """Where the labs are."""
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
    return yaml_models.read(LabSpec, folder / "lab.yaml", folder=folder)


def problems(folder: Path) -> list[str]:
    """Everything that is wrong with lab.yaml, a sentence each."""
    file = folder / "lab.yaml"
    try:
        data = yaml_models.load(file)
    except AcplabError as error:
        return [error.sentence]
    known = data | {"folder": folder} if isinstance(data, dict) else data
    return [f"{file}: {fault}" for fault in yaml_models.faults(LabSpec, known)]
