"""The doctor asks everything at once, gets over what fails, and has a remedy for all that is not well."""

from __future__ import annotations

from pathlib import Path

import pytest
from acplab import cluster, images
from acplab.app import doctor
from acplab.app.doctor import Finding
from acplab.base.errors import AcplabError
from acplab.host import docker
from acplab.host import jupyter as server
from acplab.images import NodeImage, Space
from acplab.kube import client as connection

NODE = NodeImage("acplab/node:v1-x", "built", "x")
CLUSTER = cluster.Cluster("small", "acplab-test-small", NODE.reference, {"api": 1, "http": 2, "https": 3})


@pytest.fixture(autouse=True)
def healthy(folders, monkeypatch):
    """A machine where all is well; tests break one thing."""
    monkeypatch.setattr(docker, "state", lambda: "ready")
    monkeypatch.setattr(docker, "run", lambda *words, **_: "28.0.1\n")
    monkeypatch.setattr(images, "present_quick", lambda route="auto": NODE)
    monkeypatch.setattr(cluster, "recorded", lambda profile: CLUSTER)
    monkeypatch.setattr(cluster, "diagnose", lambda recorded, profile: None)
    monkeypatch.setattr(cluster, "answers", lambda there, timeout=2.0: True)
    monkeypatch.setattr(connection, "require_own_cluster", lambda: None)
    monkeypatch.setattr(server, "find", lambda: server.Server(4000, "t", "/x"))
    monkeypatch.setattr(doctor, "_meminfo", lambda key: 8 * 1024**2)
    monkeypatch.setattr(doctor.platform, "system", lambda: "Linux")
    real = Path.read_text
    inotify = "/proc/sys/fs/inotify/max_user_instances"
    monkeypatch.setattr(
        Path, "read_text", lambda self, *a, **k: "512\n" if str(self) == inotify else real(self, *a, **k)
    )
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
        "system", "memory", "inotify instances", "disk", "Docker", "images", "cluster", "API server", "entrance", "JupyterLab",
    }  # fmt: skip


@pytest.mark.parametrize("condition", ["no client", "no daemon", "stopped", "forbidden", "elsewhere", "silent"])
def test_docker_in_every_state_says_what_the_commands_say(monkeypatch, condition):
    monkeypatch.setattr(docker, "state", lambda: condition)
    found = findings()
    assert (found["Docker"].found, found["Docker"].remedy) == docker.remedy(condition)
    assert found["Docker"].ok is False
    # What needs Docker is not asked; what does not, is.
    assert "cluster" not in found
    assert found["JupyterLab"].ok


def test_little_memory(monkeypatch):
    monkeypatch.setattr(doctor, "_meminfo", lambda key: 1024**2)
    assert bad()["memory"].found == "1.0 GiB available"


def test_few_inotify_instances(monkeypatch):
    monkeypatch.setattr(doctor, "INOTIFY_INSTANCES", 1024)
    assert bad()["inotify instances"].remedy.startswith("sudo sysctl")


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
    assert {"cluster", "entrance"} <= set(bad())


def test_an_api_server_that_is_not_ours(monkeypatch):
    def refuse() -> None:
        raise AcplabError("This is not a cluster of acplab, so nothing was changed.", "Run ./acplab start")

    monkeypatch.setattr(connection, "require_own_cluster", refuse)
    assert [one.found for one in bad().values()] == ["This is not a cluster of acplab, so nothing was changed."]


def test_nobody_at_the_entrance(monkeypatch):
    monkeypatch.setattr(cluster, "answers", lambda there, timeout=2.0: False)
    assert bad()["entrance"].ok is False


def test_jupyter_not_running_is_nothing_wrong(monkeypatch):
    monkeypatch.setattr(server, "find", lambda: None)
    assert bad()["JupyterLab"].ok is None


def test_one_question_that_fails_does_not_end_the_examination(monkeypatch):
    def fails(*_, **__):
        raise AcplabError("docker version failed", "Run it yourself.")

    monkeypatch.setattr(docker, "run", fails)
    found = findings()
    assert found["docker"].ok is False
    assert found["JupyterLab"].ok


def test_another_system_is_examined_too(monkeypatch):
    """macOS has no /proc."""

    def absent(self, *_, **__):
        raise FileNotFoundError(2, "No such file or directory", str(self))

    monkeypatch.undo()
    monkeypatch.setattr(doctor.platform, "system", lambda: "Darwin")
    monkeypatch.setattr(docker, "state", lambda: "no client")
    monkeypatch.setattr(images, "present_quick", lambda route="auto": NODE)
    monkeypatch.setattr(server, "find", lambda: None)
    monkeypatch.setattr(Path, "read_text", absent)
    found = findings()
    assert found["system"].ok is None
    assert found["memory"].ok is None
    assert "JupyterLab" in found
