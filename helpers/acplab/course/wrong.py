"""wrong.yaml: solutions that look right and are wrong, as merge patches on the lab's own files.

fifteen-of-400:
  title: The weight is 15, and it still counts out of 400
  task: fifteen-percent
  before: [solution/new-cart.yaml]      # applied first, as they are; their Deployments are waited for
  apply: [solution/canary.yaml]         # applied then, with the changes
  change:                               # only the mistake is seen
    ingress/cart-canary: {metadata: {annotations: {nginx.ingress.kubernetes.io/canary-weight: "15"}}}
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field

from acplab.base import yaml_models
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.base.yaml_models import YamlModel
from acplab.course.spec import LabSpec, Text, unknown

Object = dict[str, Any]


class WrongCase(YamlModel):
    """One wrong solution.

    before, apply: files of the lab's folder. change: "kind/name" -> a merge patch for an object of the lab's files;
    one that gives another metadata.name makes a copy. create: more objects, in full. wait: "kind/name" that
    must be ready; delete: "kind/name" that is removed at the end. notes: what the learner would have noted.
    refused: the notes cannot be noted at all.
    """

    title: Text
    task: Text
    before: tuple[Text, ...] = ()
    apply: tuple[Text, ...] = ()
    change: Mapping[Text, dict[str, Any]] = Field(default_factory=dict)
    create: tuple[dict[str, Any], ...] = ()
    wait: tuple[Text, ...] = ()
    delete: tuple[Text, ...] = ()
    notes: Mapping[Text, Any] = Field(default_factory=dict)
    refused: bool = False


def read(lab: LabSpec) -> dict[str, WrongCase]:
    """The wrong solutions of a lab by name; none without a wrong.yaml. AcplabError names the first fault."""
    file = lab.folder / "wrong.yaml"
    if not file.exists():
        return {}
    found = problems(lab)
    if found:
        raise AcplabError(found[0], _("Correct {file}.").format(file=file))
    return {name: WrongCase(**data) for name, data in yaml_models.load(file).items() if not name.startswith("_")}


def problems(lab: LabSpec) -> list[str]:
    """Everything that is wrong with wrong.yaml. Names that begin with "_" are there for YAML anchors only."""
    file = lab.folder / "wrong.yaml"
    data = yaml_models.load(file)
    if not isinstance(data, dict):
        return [f"{file} must hold a mapping: name of the case -> title, task, ..."]
    cases = {name: one for name, one in data.items() if not name.startswith("_")}
    faults = [f"{name}: {fault}" for name, one in cases.items() for fault in yaml_models.faults(WrongCase, one)]
    faults = faults or [f"{name}: {fault}" for name, one in cases.items() for fault in _misfits(lab, WrongCase(**one))]
    return [f"{file}: {fault}" for fault in faults]


def _misfits(lab: LabSpec, case: WrongCase) -> list[str]:
    """What the lab does not have: a task, files, objects to change."""
    try:
        lab.task(case.task)
        changed(lab, case)
    except (AcplabError, OSError) as error:
        return [str(error)]
    return []


def changed(lab: LabSpec, case: WrongCase) -> list[Object]:
    """What is applied after `before`: the objects of `apply` and all that is changed or created."""
    objects = {key(one): one for file in case.apply for one in read_objects(lab.folder / file)}
    known = _originals(lab, case) | objects
    for name, patch in case.change.items():
        if name not in known:
            raise unknown(_("object to change"), name, known)
        one = merge(copy.deepcopy(known[name]), patch)
        objects[key(one)] = one
    return [*objects.values(), *case.create]


def _originals(lab: LabSpec, case: WrongCase) -> dict[str, Object]:
    """All objects of the lab's files. Of two with one name that in `before` wins, then setup/, solution/ and given/."""
    named = [lab.folder / name for name in case.before]
    others = [
        file
        for name in ("given", "solution", "setup")
        for file in sorted((lab.folder / name).glob("*.yaml"), reverse=True)
    ]
    return {key(one): one for file in [*others, *named] for one in read_objects(file)}


def read_objects(file: Path) -> list[Object]:
    """The objects of a manifest."""
    found = yaml.safe_load_all(file.read_text(encoding="utf-8"))
    return [one for one in found if isinstance(one, dict) and "kind" in one]


def key(one: Object) -> str:
    """ "kind/name" in lower case, as wrong.yaml writes it."""
    return f"{one['kind'].lower()}/{one['metadata']['name']}"


def merge(target: Any, patch: Any) -> Any:
    """A merge patch as `kube.patch` has it (RFC 7386): None removes a field, a list replaces a list.

    Beyond that, a mapping for a list changes single items of it, by their name or, without names, by their index.
    """
    if isinstance(target, list) and isinstance(patch, dict):
        return _merge_items(target, patch)
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


def _merge_items(target: list[Any], patch: dict[Any, Any]) -> list[Any]:
    items = {one["name"] if isinstance(one, dict) and "name" in one else n: one for n, one in enumerate(target)}
    if any(isinstance(name, int) for name in patch):
        items = dict(enumerate(target))
    for name, value in patch.items():
        if value is None:
            items.pop(name, None)
        else:
            named = {"name": name} if isinstance(name, str) else {}
            items[name] = merge(items.get(name, named), value)
    return list(items.values())
