"""What the kernel allows and what nodes need: a /proc of the test's own plays the machine."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from types import SimpleNamespace

import pytest
from acplab.base.errors import AcplabError
from acplab.host import docker, limits

GIB = 1024**3
SYSCTLS = {
    "fs/inotify/max_user_instances": 128,
    "fs/inotify/max_user_watches": 524288,
    "fs/file-max": 10**9,
    "fs/file-nr": "2326\t0\t1000000000",
    "kernel/keys/maxkeys": 200,
    "kernel/keys/maxbytes": 20000,
    "kernel/keys/root_maxkeys": 1000000,
    "kernel/keys/root_maxbytes": 25000000,
}
KEYS = "    0:    58 57/57 52/1000000 2258/25000000\n 1000:    30 29/29 25/200 900/20000\n"


class Machine:
    """A kernel of the test's own, below a folder that stands for /proc."""

    def __init__(self, proc: Path) -> None:
        self.proc = proc
        for name, value in SYSCTLS.items():
            self.set(name, value)
        (proc / "key-users").write_text(KEYS)
        self.memory(16)

    def set(self, name: str, value: object) -> None:
        file = self.proc / "sys" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{value}\n")

    def get(self, name: str) -> int:
        return int((self.proc / "sys" / name).read_text())

    def memory(self, gib: float) -> None:
        (self.proc / "meminfo").write_text(f"MemTotal: 99999999 kB\nMemAvailable: {int(gib * 1024**2)} kB\n")

    def process(self, pid: int, *watches: int) -> None:
        """A process with one inotify instance for each number of watches, and a file that is none."""
        for folder in ("fd", "fdinfo"):
            (self.proc / str(pid) / folder).mkdir(parents=True)
        for number, count in enumerate(watches):
            (self.proc / str(pid) / "fd" / str(number)).symlink_to("anon_inode:inotify")
            (self.proc / str(pid) / "fdinfo" / str(number)).write_text("pos: 0\n" + "inotify wd:1 ino:2\n" * count)
        (self.proc / str(pid) / "fd" / "900").symlink_to("/dev/null")


def engine(**changes) -> docker.Daemon:
    known = {"version": "28", "kernel": platform.release(), "root": Path("/var/lib/docker"), "memory": 8 * GIB}
    return docker.Daemon(**known | {"rootless": False} | changes)


@pytest.fixture
def machine(tmp_path, monkeypatch) -> Machine:
    """A machine whose Docker runs here, seen by root."""
    monkeypatch.setattr(limits, "PROC", tmp_path / "proc")
    monkeypatch.setattr(docker, "daemon", engine)
    monkeypatch.setattr(limits, "running_nodes", lambda: 0)
    monkeypatch.setattr(limits.os, "geteuid", lambda: 0)
    # Whatever user runs the tests owns the processes of this machine.
    stat = Path.stat
    monkeypatch.setattr(Path, "stat", lambda self, **words: Owned(stat(self, **words)))
    return Machine(tmp_path / "proc")


class Owned:
    st_uid = 0

    def __init__(self, real: os.stat_result) -> None:
        self.real = real

    def __getattr__(self, name: str):
        return getattr(self.real, name)


def use(key: str) -> limits.Use:
    (found,) = [one for one in limits.uses() if one.limit.key == key]
    return found


def refused(nodes: int) -> AcplabError:
    with pytest.raises(AcplabError) as told:
        limits.require(nodes)
    return told.value


def as_learner(monkeypatch) -> None:
    monkeypatch.setattr(limits.os, "geteuid", lambda: 1000)


def test_what_is_in_use_is_counted(machine):
    machine.process(11, 3, 4)
    machine.process(12, 5)
    assert use("fs.inotify.max_user_instances") == limits.Use(limits.INSTANCES, 3, 128)
    assert use("fs.inotify.max_user_watches") == limits.Use(limits.WATCHES, 12, 524288)
    assert use("fs.file-max").used == 2326
    assert use("kernel.keys.root_maxkeys") == limits.Use(limits.ROOT_KEYS[0], 52, 1000000)
    assert use("kernel.keys.root_maxbytes").used == 2258


def test_a_process_that_has_just_ended_does_no_harm(machine):
    machine.process(11, 3)
    (machine.proc / "11" / "fdinfo" / "0").unlink()
    (machine.proc / "13").mkdir()
    assert use("fs.inotify.max_user_instances").used == 0


def test_without_root_the_nodes_that_run_are_reckoned_with(machine, monkeypatch):
    as_learner(monkeypatch)
    monkeypatch.setattr(limits, "running_nodes", lambda: 3)
    assert use("fs.inotify.max_user_instances").used == 3 * limits.INSTANCES.per_node


def test_a_rootless_docker_has_the_quota_of_its_user(machine, monkeypatch):
    monkeypatch.setattr(docker, "daemon", lambda: engine(rootless=True))
    monkeypatch.setattr(limits.os, "getuid", lambda: 1000)
    assert use("kernel.keys.maxkeys") == limits.Use(limits.USER_KEYS[0], 25, 200)
    monkeypatch.setattr(limits.os, "getuid", lambda: 1001)  # who has no key yet
    assert use("kernel.keys.maxkeys") == limits.Use(limits.USER_KEYS[0], 0, 200)


def test_enough_is_passed_in_silence(machine, capsys):
    limits.require(3)
    assert capsys.readouterr().out == ""
    assert machine.get("fs/inotify/max_user_instances") == 128


def test_root_raises_a_limit_and_says_so(machine, capsys):
    machine.process(11, *[1] * 100)
    limits.require(3)
    assert machine.get("fs/inotify/max_user_instances") == 1024
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("fs.inotify.max_user_instances was too low for the nodes: raised from 128 to 1024")
    limits.require(3)
    assert capsys.readouterr().out == ""


def test_a_limit_is_raised_as_far_as_the_nodes_need(machine):
    machine.process(11, *[1] * 90)
    machine.memory(64)
    limits.require(50)
    assert machine.get("fs/inotify/max_user_instances") == 90 + 50 * limits.INSTANCES.per_node


def test_who_is_not_root_reads_one_command(machine, monkeypatch):
    as_learner(monkeypatch)
    machine.set("fs/inotify/max_user_watches", 8192)
    machine.set("fs/inotify/max_user_instances", 60)
    monkeypatch.setattr(limits, "running_nodes", lambda: 27)
    told = refused(3)
    assert "fs.inotify.max_user_instances: 648 in use, 72 needed for 3 more nodes, limit 60" in told.sentence
    assert told.remedy == ("sudo sysctl -w fs.inotify.max_user_instances=1024 fs.inotify.max_user_watches=524288")
    assert machine.get("fs/inotify/max_user_instances") == 60


def test_root_in_a_container_that_may_not_raise_it_reads_the_command_too(machine, monkeypatch):
    machine.process(11, *[1] * 100)

    def refuse(self, *_words, **_named):
        raise OSError(30, "Read-only file system", str(self))

    monkeypatch.setattr(Path, "write_text", refuse)
    assert refused(3).remedy == "sudo sysctl -w fs.inotify.max_user_instances=1024"


def test_one_node_is_not_one_nodes():
    assert "for 1 more node," in limits.Use(limits.INSTANCES, 1, 2).describe(1)


# --- memory --------------------------------------------------------------------------------------------------------------


def test_too_little_memory_is_a_sentence(machine):
    machine.memory(1)
    told = refused(3)
    assert told.sentence == "3 nodes need about 1.4 GiB of memory, and 1.0 GiB are available."
    assert "./acplab stop" in told.remedy


# --- disk ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("free", "nodes", "enough"), [(20, 6, True), (10, 6, False), (1, 1, False), (2, 1, True)])
def test_new_nodes_need_room_on_dockers_disk(monkeypatch, tmp_path, free, nodes, enough):
    monkeypatch.setattr(docker, "daemon", lambda: engine(root=tmp_path))
    monkeypatch.setattr(limits.shutil, "disk_usage", lambda folder: SimpleNamespace(free=free * GIB))
    if enough:
        limits.require_disk(nodes)
        return
    with pytest.raises(AcplabError, match=f"about {nodes * 1.8:.1f} GiB of disk, and {free}.0 GiB are free") as told:
        limits.require_disk(nodes)
    assert "./acplab delete --profile" in told.value.remedy


# --- machines without /proc, and those whose containers run in a machine of Docker's own -------------------------------------


@pytest.fixture(params=["macOS", "Docker Desktop on Linux", "no Docker"])
def elsewhere(request, tmp_path, monkeypatch) -> str:
    """A machine on which nothing of the nodes' kernel can be read."""
    monkeypatch.setattr(limits, "PROC", tmp_path / "none")
    if request.param == "Docker Desktop on Linux":
        monkeypatch.setattr(limits, "PROC", Machine(tmp_path / "proc").proc)
    there = None if request.param == "no Docker" else engine(kernel="6.12.5-linuxkit")
    monkeypatch.setattr(docker, "daemon", lambda: there)
    return request.param


def test_limits_of_another_kernel_are_passed_in_silence(elsewhere, capsys):
    assert limits.uses() == []
    limits.require(3)
    limits.require_disk(100_000)
    assert capsys.readouterr().out == ""


def test_memory_is_that_of_dockers_own_machine(elsewhere, monkeypatch):
    assert limits.memory() == (None if elsewhere == "no Docker" else 8)
    monkeypatch.setattr(docker, "daemon", lambda: engine(kernel="6.12.5-linuxkit", memory=GIB))
    told = refused(3)
    assert "1.0 GiB are available" in told.sentence


def test_a_mac_is_told_where_docker_gets_its_memory(monkeypatch, tmp_path):
    monkeypatch.setattr(limits, "PROC", tmp_path)
    assert "Docker Desktop, Settings, Resources" in limits.memory_remedy()
