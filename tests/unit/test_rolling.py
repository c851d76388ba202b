"""kubectl rollout as calls: what is patched, and when there is nothing to go back to."""

from __future__ import annotations

import pytest
from acplab import kube
from acplab.base.errors import AcplabError
from acplab.kube import rolling, verbs
from acplab.kube.pods import REVISION


class World:
    """A Deployment with ReplicaSets, and what was patched."""

    def __init__(self) -> None:
        self.spec = {"selector": {"matchLabels": {"app": "shop"}}}
        self.sets: list[dict] = []
        self.patched: list[dict] = []
        self.guarded: list[bool] = []

    def get(self, _kind, name, _namespace):
        return {"metadata": {"name": name}, "spec": self.spec}

    def list(self, _kind, _namespace, _selector):
        return self.sets

    def patch(self, _kind, _name, body, _namespace):
        self.patched.append(body["spec"])


@pytest.fixture
def world(monkeypatch):
    world = World()
    for name in ("get", "list", "patch"):
        monkeypatch.setattr(verbs, name, getattr(world, name))
    monkeypatch.setattr(rolling.client, "require_own_cluster", lambda: world.guarded.append(True))
    return world


def replicaset(revision: int, version: str) -> dict:
    labels = {"app": "shop", "pod-template-hash": version}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": version}]}}
    return {"metadata": {"annotations": {REVISION: str(revision)}}, "spec": {"template": template}}


def test_pause_and_resume(world):
    kube.pause("shop", "ns")
    kube.resume("shop", "ns")
    assert world.patched == [{"paused": True}, {"paused": False}]


def test_undo_takes_the_template_of_before_by_number_not_by_text(world):
    world.sets = [replicaset(10, "v10"), replicaset(9, "v9"), replicaset(2, "v2")]
    kube.undo("shop", "ns")
    template = world.patched[0]["template"]
    assert template["spec"]["containers"] == [{"name": "v9"}]
    assert template["metadata"]["labels"] == {"app": "shop"}, "the hash belongs to the ReplicaSet"
    assert world.guarded, "ours is asked for before anything is read"


def test_a_paused_deployment_is_not_undone(world):
    world.spec["paused"] = True
    with pytest.raises(AcplabError, match="paused") as told:
        kube.undo("shop", "ns")
    assert "resume" in told.value.remedy
    assert not world.patched


def test_there_must_be_a_template_of_before(world):
    world.sets = [replicaset(1, "v1")]
    with pytest.raises(AcplabError, match="one template only"):
        kube.undo("shop", "ns")
