"""Playing a lab in a test: the cells of its solution, step by step, or a wrong solution in its place."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from acplab import cluster, kube
from acplab.base import paths
from acplab.course import lab as labs
from acplab.course import namespaces
from acplab.course import spec as labfiles
from acplab.course import store as record
from acplab.grading.checks import LabView
from acplab.grading.view import TAKEN_IN_SECONDS

CHECK = re.compile(r"lab\.check\(\"([\w-]+)\"\)")
WRONG = Path(__file__).parent / "wrong"


def code_cells(notebook: Path) -> Iterator[str]:
    """The code cells of a notebook, in order."""
    for cell in json.loads(notebook.read_text())["cells"]:
        if cell["cell_type"] == "code":
            yield "".join(cell["source"])


@dataclass
class Step:
    """What the solution does for one task, up to the cell that checks it."""

    task: str
    cells: list[str] = field(default_factory=list)


def steps(notebook: Path) -> tuple[list[Step], list[str]]:
    """The solution as steps, and the cells after the last check (they clean up)."""
    done, current = [], []
    for cell in code_cells(notebook):
        if found := CHECK.search(cell):
            done.append(Step(found[1], current))
            current = []
        else:
            current.append(cell)
    return done, current


def wrong_cases() -> list[Path]:
    """One folder a wrong solution that looks right: case.yaml and the manifests that replace the right ones."""
    return sorted(file.parent for file in WRONG.glob("*/*/case.yaml"))


class Stage:
    """A lab's namespace that can be brought from one state to another without being made anew."""

    def __init__(self, lab_id: str) -> None:
        self.lesson = labs.find(lab_id)
        self.lesson.reset(lambda _words: None)
        self.there: set[tuple[str, str]] = set()
        self.removed_at = 0.0

    def become(self, sources: list[Path]) -> None:
        """Hold just the objects of these files and folders (later files win), with all Deployments ready.

        A lab that says itself what is ready at its start has something that never will be.
        """
        objects: dict[tuple[str, str], dict[str, Any]] = {}
        for source in sources:
            for one in kube.read_manifests(source):
                objects[one["kind"], one["metadata"]["name"]] = one
        for kind, name in self.there - set(objects):
            self.remove(kind, name)
        self.put(list(objects.values()))
        for kind, name in objects:
            if kind == "Deployment" and self.lesson.lab.ready is None:
                kube.wait(kind, name, "ready", self.lesson.namespace)

    def put(self, objects: list[dict[str, Any]]) -> None:
        """Apply more objects."""
        self.there |= {(one["kind"], one["metadata"]["name"]) for one in objects}
        kube.apply(objects, namespace=self.lesson.namespace)

    def remove(self, kind: str, name: str) -> None:
        """Delete an object, and a Deployment's Pods without waiting for their drain."""
        labels = None
        if kind.lower() == "deployment" and kube.exists(kind, name, self.lesson.namespace):
            matching = kube.get(kind, name, self.lesson.namespace)["spec"]["selector"]["matchLabels"]
            labels = ",".join(f"{key}={value}" for key, value in matching.items())
        kube.delete(kind, name, self.lesson.namespace, wait=False)
        if labels:
            for pod in kube.get("pod", None, self.lesson.namespace, labels):
                kube.delete("pod", pod["metadata"]["name"], self.lesson.namespace, wait=False, grace=0)
        kube.wait(kind, name, "deleted", self.lesson.namespace)
        self.removed_at = time.monotonic()

    def settle(self) -> None:
        """Until the ingress has taken in the last removal, of which a check sees no trace, unlike of a change."""
        time.sleep(max(0.0, self.removed_at + TAKEN_IN_SECONDS - time.monotonic()))

    def renew_notes(self) -> None:
        """What the lab notes at its start, and nothing that a former case has noted."""
        lab = self.lesson.lab
        record.forget(lab.id)
        notes = self.lesson._checks().notes
        record.begin(lab.id, notes(LabView(self.lesson.namespace, self.lesson.ingress_url)) if notes else {})


def play_wrong(stage: Stage, folder: Path) -> dict[str, Any]:
    """Bring the stage to the case's wrong end; the case."""
    case = yaml.safe_load((folder / "case.yaml").read_text())
    lab = stage.lesson.lab
    setup = [lab.setup] if lab.setup.is_dir() else []
    stage.become([*setup, *(lab.folder / name for name in case.get("before", []))])
    stage.renew_notes()
    for manifest in sorted(folder.glob("*.yaml")):
        if manifest.name != "case.yaml":
            stage.put(kube.read_manifests(manifest))
    for target in case.get("wait", []):
        kube.wait(*target.split("/", 1), "ready", lab.namespace)
    for target in case.get("delete", []):
        stage.remove(*target.split("/", 1))
        stage.there = {(kind, name) for kind, name in stage.there if f"{kind.lower()}/{name}" != target}
    for key, value in (case.get("note") or {}).items():
        stage.lesson.note(key, value)
    stage.settle()
    return case


def inventory_before(lab_id: str) -> set[str]:
    """What the lab's cluster holds without this lab in it, and without what earlier tests are still removing."""
    lesson = labs.find(lab_id)
    if lesson.lab.cluster != labfiles.NO_CLUSTER:
        cluster.ensure(lesson.lab.cluster)
    lesson.finish(lambda _words: None)
    for namespace in kube.list("namespace"):
        if namespace["metadata"].get("deletionTimestamp"):
            kube.wait("namespace", namespace["metadata"]["name"], "deleted")
    return namespaces.inventory()


LABS = sorted(folder.name for folder in (paths.ROOT / "labs").iterdir() if (folder / "lab.yaml").exists())
