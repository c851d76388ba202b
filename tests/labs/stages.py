"""Bringing a lab to a wrong end: the namespace stays up from one case to the next, only what differs is changed."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from acplab import cluster, kube
from acplab.base.errors import AcplabError
from acplab.course import lab as labs
from acplab.course import spec, wrong
from acplab.course import store as record
from acplab.course.wrong import WrongCase
from acplab.grading import LabView
from acplab.grading.notes import RECORDED
from acplab.grading.view import TAKEN_IN_SECONDS
from acplab.topics import release


def wrong_cases() -> list[tuple[str, str, WrongCase]]:
    """(lab id, name, case) of every wrong solution."""
    return [(lab.id, name, case) for lab in spec.all_labs() for name, case in wrong.read(lab).items()]


class Stage:
    """A lab's namespace that can be brought from one state to another without being made again."""

    def __init__(self, lab_id: str) -> None:
        self.lab = labs.find(lab_id)
        self.lab.reset(lambda _words: None)
        self.there: set[tuple[str, str]] = set()
        self.removed_at = 0.0

    def play(self, case: WrongCase) -> None:
        """Bring the lab to the case's wrong end."""
        spec = self.lab.lab
        setup = [spec.setup] if spec.setup.is_dir() else []
        self.become([*setup, *(spec.folder / name for name in case.before)])
        self.renew_notes()
        self.put(wrong.changed(spec, case))
        for target in case.wait:
            kube.wait(*target.split("/", 1), "ready", spec.namespace)
        for target in case.delete:
            self.remove(*target.split("/", 1))
            self.there = {(kind, name) for kind, name in self.there if f"{kind.lower()}/{name}" != target}
        self.note(case)
        self.settle()

    def become(self, sources: list[Path]) -> None:
        """Hold just the objects of these files and folders (later files win), with all Deployments and Rollouts ready.

        A lab that says itself what is ready at its start has something that never will be.
        """
        found = [one for source in sources for one in kube.read_manifests(source)]
        objects = {(one["kind"], one["metadata"]["name"]): one for one in found}
        for kind, name in self.there - set(objects):
            self.remove(kind, name)
        self.put(list(objects.values()))
        for kind, name in objects:
            if kind == "Deployment" and self.lab.lab.ready is None:
                kube.wait(kind, name, "ready", self.lab.namespace)
            if kind == "Rollout":
                self.bring_out(name)

    def bring_out(self, name: str) -> None:
        """Let a Rollout come out in all of its Pods; where it pauses, somebody says go on."""
        there = self.lab.namespace
        found = kube.wait("rollout", name, lambda one: release.is_paused(one) or release.is_healthy(one), there)
        if release.is_paused(found):
            release.promote(name, there)
            release.wait_healthy(name, there)

    def put(self, objects: list[dict[str, Any]]) -> None:
        """Apply more objects."""
        self.there |= {(one["kind"], one["metadata"]["name"]) for one in objects}
        if objects:
            kube.apply(objects, namespace=self.lab.namespace)

    def remove(self, kind: str, name: str) -> None:
        """Delete an object, and a Deployment's Pods without waiting for their drain."""
        labels = None
        if kind.lower() == "deployment" and (found := kube.find(kind, name, self.lab.namespace)):
            labels = ",".join(f"{key}={value}" for key, value in found["spec"]["selector"]["matchLabels"].items())
        kube.delete(kind, name, self.lab.namespace, wait=False)
        for pod in kube.list("pod", self.lab.namespace, labels) if labels else []:
            kube.delete("pod", pod["metadata"]["name"], self.lab.namespace, wait=False, grace=0)
        kube.wait(kind, name, "deleted", self.lab.namespace)
        self.removed_at = time.monotonic()

    def settle(self) -> None:
        """Until the ingress has taken in the last removal, of which a check sees no trace, unlike of a change."""
        time.sleep(max(0.0, self.removed_at + TAKEN_IN_SECONDS - time.monotonic()))

    def renew_notes(self) -> None:
        """What the lab notes at its start, and nothing that a former case has noted."""
        record.forget(self.lab.lab.id)
        first = self.lab._checks().first_notes
        record.begin(self.lab.lab.id, first(LabView(self.lab.namespace, self.lab.ingress_url)) if first else {})

    def _filled(self, notes: Mapping[str, Any]) -> dict[str, Any]:
        """The notes with ${cluster} filled in: nodes are called after their cluster, and that after its owner."""
        there = cluster.recorded(self.lab.lab.cluster)
        return json.loads(json.dumps(dict(notes)).replace("${cluster}", there.name if there else ""))

    def note(self, case: WrongCase) -> None:
        """Note what the case's learner has noted; what cannot be noted at all is refused."""
        declared = self.lab.lab.notes
        for key, value in self._filled(case.notes).items():
            if declared.get(key) in RECORDED:
                record.note(self.lab.lab.id, key, value)
            elif case.refused:
                with pytest.raises(AcplabError, match=r"must be|has fields"):
                    self.lab.note(key, value)
            else:
                self.lab.note(key, value)
