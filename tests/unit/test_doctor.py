"""The doctor asks everything at once, gets over what fails, and has a remedy for all that is not well."""

from __future__ import annotations

from pathlib import Path

import pytest
from acplab import cluster, images
from acplab.app import doctor
from acplab.app.doctor import Finding
from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.host import docker, limits
from acplab.host import jupyter as server
from acplab.images import NodeImage, Space
from acplab.kube import client as connection

NODE = NodeImage("acplab/node:v1-x", "built", "x")
ENGINE = docker.Daemon("28.0.1", "6.1.0", Path("/var/lib/docker"), 8 * 1024**3, rootless=False)
CLUSTER = cluster.Cluster("small", "acplab-test-small", NODE.reference, {"api": 1, "http": 2, "https": 3})


@pytest.fixture(autouse=True)
def healthy(folders, monkeypatch):
    """A machine where all is well; tests break one thing."""
    monkeypatch.setattr(docker, "state", lambda: "ready")
    monkeypatch.setattr(docker, "daemon", lambda: ENGINE)
    monkeypatch.setattr(docker, "run", lambda *words, **_: "")
    monkeypatch.setattr(images, "present_quick", lambda route="auto": NODE)
    monkeypatch.setattr(cluster, "recorded", lambda profile: CLUSTER)
    monkeypatch.setattr(cluster, "diagnose", lambda recorded, profile: None)
    monkeypatch.setattr(cluster, "answers", lambda there, timeout=2.0: True)
    monkeypatch.setattr(connection, "require_own_cluster", lambda: None)
    monkeypatch.setattr(server, "find", lambda: server.Server(4000, "t", "/x"))
    monkeypatch.setattr(limits, "memory", lambda: 8.0)
    monkeypatch.setattr(limits, "uses", lambda: [limits.Use(limits.INSTANCES, 83, 1024)])
    monkeypatch.setattr(limits, "running_nodes", lambda: 0)
    monkeypatch.setattr(paths, "unusable", list)
    monkeypatch.setattr(doctor.platform, "system", lambda: "Linux")
    monkeypatch.setattr(images, "needed_space", lambda: [Space(Path("/cache"), 2, 100, "")])


def findings() -> dict[str, Finding]:
    found = list(doctor.examine())
    assert len({one.what for one in found}) == len(found)
    for one in found:
        assert one.found
        assert one.ok is True or one.remedy, f"{one.what} is not well and has no remedy"
    return {one.what: one for one in found}


def bad() -> dict[str, Finding]:
    return {name: one for name, one in findings().items() if one.ok is not True}


def test_a_healthy_machine():
    assert bad() == {}
    assert set(findings()) == {
        "system", "folders", "memory", "inotify instances", "disk", "Docker", "images", "cluster", "API server", "ingress URL", "JupyterLab",
    }  # fmt: skip


@pytest.mark.parametrize(
    "condition",
    ["no client", "no daemon", "stopped", "forbidden", "elsewhere", "podman", "context", "remote", "silent"],
)
def test_docker_in_every_state_says_what_the_commands_say(monkeypatch, condition):
    monkeypatch.setattr(docker, "state", lambda: condition)
    found = findings()
    assert (found["Docker"].found, found["Docker"].remedy) == docker.remedy(condition)
    assert found["Docker"].ok is False
    # What needs Docker is not asked; what does not, is.
    assert "cluster" not in found
    assert found["JupyterLab"].ok


def test_little_memory(monkeypatch):
    monkeypatch.setattr(limits, "memory", lambda: 1.0)
    assert bad()["memory"].found == "1.0 GiB available"


@pytest.mark.parametrize(("nodes", "ok"), [(0, False), (3, None)])
def test_few_inotify_instances_are_used_needed_and_limit(monkeypatch, nodes, ok):
    """What runs works; so with nodes that run it is a warning."""
    monkeypatch.setattr(limits, "uses", lambda: [limits.Use(limits.INSTANCES, 83, 128)])
    monkeypatch.setattr(limits, "running_nodes", lambda: nodes)
    found = bad()["inotify instances"]
    assert found.found == "83 in use, 72 needed for 3 more nodes, limit 128"
    assert found.remedy == "sudo sysctl -w fs.inotify.max_user_instances=1024"
    assert found.ok is ok


def test_files_of_root_are_named_with_the_command(monkeypatch):
    monkeypatch.setattr(paths, "unusable", lambda: [paths.home() / "locks", paths.home() / "logs"])
    found = bad()["folders"]
    assert found.ok is False
    assert str(paths.home()) in found.found
    assert "2 files and folders in all" in found.found


def test_a_home_that_is_a_file_does_not_end_the_examination(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("ACPLAB_HOME", str(tmp_path / "file"))
    assert "Set ACPLAB_HOME" in bad()["folders"].remedy


def test_a_full_disk_is_named_whichever_of_the_two_it_is(monkeypatch):
    disks = [Space(Path("/cache"), 14, 100, "Move the cache."), Space(Path("/data"), 7, 3, "Move Docker's data.")]
    monkeypatch.setattr(images, "needed_space", lambda: disks)
    assert bad()["disk"].found == "Only 3 GiB are free in /data; the images need 7."
    assert bad()["disk"].remedy == "Move Docker's data."


def test_no_images_yet_is_nothing_wrong(monkeypatch):
    monkeypatch.setattr(images, "present_quick", lambda route="auto": None)
    assert bad()["images"].ok is None


def test_a_cluster_in_trouble_says_what_find_says(monkeypatch):
    trouble = AcplabError("Node two is paused.", "Run ./acplab start.")
    monkeypatch.setattr(cluster, "diagnose", lambda recorded, profile: trouble)
    assert (bad()["cluster"].found, bad()["cluster"].remedy) == (trouble.sentence, trouble.remedy)


def test_no_cluster_at_all(monkeypatch):
    monkeypatch.setattr(cluster, "recorded", lambda profile: None)
    monkeypatch.setattr(cluster, "diagnose", lambda recorded, profile: AcplabError("There is none.", "start"))
    assert {"cluster", "ingress URL"} <= set(bad())


def test_an_api_server_that_is_not_ours(monkeypatch):
    def refuse() -> None:
        raise AcplabError("This is not a cluster of acplab, so nothing was changed.", "Run ./acplab start")

    monkeypatch.setattr(connection, "require_own_cluster", refuse)
    assert [one.found for one in bad().values()] == ["This is not a cluster of acplab, so nothing was changed."]


def test_nothing_listens_at_the_ingress_url(monkeypatch):
    monkeypatch.setattr(cluster, "answers", lambda there, timeout=2.0: False)
    assert bad()["ingress URL"].ok is False


def test_jupyter_not_running_is_nothing_wrong(monkeypatch):
    monkeypatch.setattr(server, "find", lambda: None)
    assert bad()["JupyterLab"].ok is None


def test_one_question_that_fails_does_not_end_the_examination(monkeypatch):
    def fails(*_, **__):
        raise AcplabError("docker version failed", "Run it yourself.")

    monkeypatch.setattr(docker, "daemon", fails)
    found = findings()
    assert found["Docker"].ok is False
    assert found["JupyterLab"].ok


def test_another_system_is_examined_too(monkeypatch, tmp_path):
    """macOS has neither /proc nor /sys."""
    monkeypatch.undo()
    monkeypatch.setattr(limits, "PROC", tmp_path / "none")
    monkeypatch.setenv("ACPLAB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ACPLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(docker, "daemon", lambda: None)
    monkeypatch.setattr(doctor.platform, "system", lambda: "Darwin")
    monkeypatch.setattr(docker, "state", lambda: "no client")
    monkeypatch.setattr(images, "present_quick", lambda route="auto": NODE)
    monkeypatch.setattr(server, "find", lambda: None)
    found = findings()
    assert found["system"].ok is None
    assert found["memory"].ok is None
    assert "JupyterLab" in found
