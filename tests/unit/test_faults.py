"""Faults of the API and of disks: what is written down before they happen, and what undoes them."""

from __future__ import annotations

import json

import pytest
from acplab.base.errors import AcplabError
from acplab.cluster import faults
from acplab.cluster.handle import Cluster
from acplab.host import docker, freezer

NODE = {
    "metadata": {"name": "c-ha-worker", "uid": "u", "labels": {faults.ZONE: "h"}, "annotations": None},
    "spec": {
        "podCIDR": "172.20.3.0/24",
        "podCIDRs": ["172.20.3.0/24"],
        "providerID": "kind://docker/c-ha/c-ha-worker",
        "taints": [
            {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"},
            {"key": "shop", "effect": "NoSchedule"},
        ],
    },
    "status": {"conditions": []},
}
POD = {
    "metadata": {"name": "shop-1", "uid": "0f-1"},
    "spec": {
        "nodeName": "c-ha-worker",
        "volumes": [
            {"name": "config", "configMap": {}},
            {"name": "fast", "emptyDir": {"medium": "Memory"}},
            {"name": "logs", "emptyDir": {}},
        ],
    },
}
FOLDER = "/var/lib/kubelet/pods/0f-1/volumes/kubernetes.io~empty-dir/logs"


class Kube:
    """What the faults ask of a cluster's kube."""

    def __init__(self) -> None:
        self.objects = {("node", "c-ha-worker"): NODE, ("pod", "shop-1"): POD}
        self.done: list[tuple] = []

    def get(self, kind, name, namespace=None):
        return self.objects[kind, name]

    def exists(self, kind, name):
        return (kind, name) in self.objects

    def delete(self, kind, name):
        del self.objects[kind, name]

    def apply(self, one):
        self.objects[one["kind"].lower(), one["metadata"]["name"]] = one

    def wait(self, *what, **_):
        self.done.append(("wait", *what))


@pytest.fixture
def kube(monkeypatch) -> Kube:
    kube = Kube()

    class Here(Cluster):
        kube = None

    Here.kube = kube
    here = Here("ha", "c-ha", "image", {}, {"c-ha-worker": "172.28.0.9"})
    monkeypatch.setattr(faults, "_found", lambda profile: here)
    monkeypatch.setattr(faults, "_cluster_of", lambda names: here)
    monkeypatch.setattr(docker, "run", lambda *words, **_: kube.done.append(words) or "")
    return kube


def test_a_deleted_node_comes_back_with_its_labels_taints_and_pod_cidr(kube):
    fault = faults.delete_node("c-ha-worker")
    assert fault.title == "delete node worker"
    faults.carry_out(fault.do)
    assert not kube.exists("node", "c-ha-worker")
    faults.carry_out(fault.undo)
    back = kube.get("node", "c-ha-worker")
    assert back["metadata"] == {"name": "c-ha-worker", "labels": {faults.ZONE: "h"}, "annotations": {}}
    assert back["spec"] == NODE["spec"] | {"taints": [{"key": "shop", "effect": "NoSchedule"}]}
    assert kube.done == [
        ("exec", "c-ha-worker", "systemctl", "restart", "kubelet"), ("wait", "node", "c-ha-worker"),
    ]  # fmt: skip


def test_a_node_that_is_there_is_left_as_it_is(kube):
    fault = faults.delete_node("c-ha-worker")
    faults.carry_out(fault.undo)
    assert kube.get("node", "c-ha-worker") is NODE
    assert kube.done == [("wait", "node", "c-ha-worker")]


def test_the_undo_is_text_for_the_journal(kube):
    fault = faults.delete_node("c-ha-worker")
    assert json.loads(json.dumps(fault.undo))[0][:3] == ["register", "ha", "c-ha-worker"]


def test_a_disk_is_filled_in_the_first_volume_that_is_on_disk(kube):
    fault = faults.fill_disk("shop-1", 50, "shops")
    faults.carry_out(fault.do)
    faults.carry_out(fault.undo)
    assert kube.done == [
        ("exec", "c-ha-worker", "sh", "-c", f"head -c 50M /dev/zero > '{FOLDER}/acplab-filler'"),
        ("exec", "c-ha-worker", "sh", "-c", f"rm -f '{FOLDER}/acplab-filler'"),
    ]
    assert fault.touched == ("c-ha-worker",)


@pytest.mark.parametrize("megabytes", [0, 201, 1.5, "5"])
def test_how_much_is_written_is_bounded(kube, megabytes):
    with pytest.raises(AcplabError, match="megabytes must be"):
        faults.fill_disk("shop-1", megabytes)


def test_a_pod_without_a_volume_on_disk_is_refused(kube):
    kube.objects["pod", "shop-1"] = {"metadata": POD["metadata"], "spec": {"volumes": POD["spec"]["volumes"][:2]}}
    with pytest.raises(AcplabError, match="Pod shop-1 has no emptyDir on disk"):
        faults.fill_disk("shop-1", 5)


def test_memory_is_pressed_beside_the_kubelets_own_file_which_comes_back(kube):
    fault = faults.press_memory("c-ha-worker")
    faults.carry_out(fault.do)
    faults.carry_out(fault.undo)
    (*_command, pressed), (*_command, released), waited = kube.done
    assert pressed.startswith("cp --no-clobber /var/lib/kubelet/config.yaml /var/lib/kubelet/config.acplab && ")
    assert "evictionSoft: {memory.available: 99.99%}" in pressed
    assert released.startswith("[ ! -f /var/lib/kubelet/config.acplab ] || ")
    assert waited[:3] == ("wait", "node", "c-ha-worker")
    assert fault.touched == ("c-ha-worker",)


@pytest.fixture
def hanging(monkeypatch) -> list[str]:
    """Docker hangs at the first restart of a paused node; what was done, in order."""
    done: list[str] = []

    def restart(cluster, wanted):
        done.append("restart")
        if done == ["restart"]:
            raise AcplabError("docker unpause one has not answered for 30 s.", "")

    monkeypatch.setattr(faults.nodes, "restart_nodes", restart)
    monkeypatch.setattr(faults.nodes, "states", lambda cluster: {"one": "paused"})
    monkeypatch.setattr(freezer, "thaw", lambda names: done.append("thaw") or True)
    monkeypatch.setattr(freezer, "freeze", lambda names: done.append("freeze"))
    monkeypatch.setattr(faults, "SETTLE_SECONDS", 0)
    return done


RESTART = (("restart", "c", "one", "172.28.0.2"),)


def test_a_node_at_which_docker_hangs_is_thawed_and_then_unpaused(hanging):
    """Thawed, nothing holds Docker's lock any more; but Docker unpauses only what is frozen."""
    faults.carry_out(RESTART)
    assert hanging == ["restart", "thaw", "freeze", "restart"]


def test_a_node_that_goes_on_once_it_is_thawed_is_not_frozen_again(hanging, monkeypatch):
    monkeypatch.setattr(faults.nodes, "states", lambda cluster: {"one": "running"})
    faults.carry_out(RESTART)
    assert hanging == ["restart", "thaw", "restart"]


def test_where_nothing_is_frozen_the_error_stays(hanging, monkeypatch):
    monkeypatch.setattr(freezer, "thaw", lambda names: False)
    with pytest.raises(AcplabError, match="has not answered"):
        faults.carry_out(RESTART)


def test_what_is_frozen_is_what_bears_the_containers_id(monkeypatch, tmp_path):
    monkeypatch.setattr(freezer, "FREEZER", tmp_path)
    monkeypatch.setattr(docker, "run", lambda *_words, **_: "one id1\ntwo id2\n")
    states = [tmp_path / "docker" / one / "freezer.state" for one in ("id1", "id1/pod", "id2")]
    for state in states:
        state.parent.mkdir(parents=True)
        state.write_text("THAWED")
    freezer.freeze(["one"])
    assert [state.read_text() for state in states] == ["FROZEN", "THAWED", "THAWED"]
