"""macOS and Docker Desktop: commands on a machine without /proc and /sys, whose nodes run in a machine of Docker's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

# Hides /proc and /sys from Python, then becomes the program that it is given.
HIDDEN = """
import os, sys
HERE = ("/proc", "/sys")
def hidden(path):
    return isinstance(path, (str, bytes, os.PathLike)) and os.fsdecode(path).startswith(HERE)
def refuse(event, arguments):
    if event in ("open", "os.listdir", "os.scandir") and arguments and hidden(arguments[0]):
        raise FileNotFoundError(2, "No such file or directory", arguments[0])
stat = os.stat
def no_stat(path, *words, **named):
    if hidden(path):
        raise FileNotFoundError(2, "No such file or directory", path)
    return stat(path, *words, **named)
os.stat = no_stat
sys.addaudithook(refuse)
try:
    open("/proc/self/status")
except FileNotFoundError:
    pass
else:
    raise SystemExit("/proc is not hidden")
exec(sys.argv[1])
"""
DESKTOP = {"ServerVersion": "28.3.0", "KernelVersion": "6.10.14-linuxkit", "MemTotal": 8 * 1024**3,
           "DockerRootDir": "/var/lib/docker-desktop-only", "OperatingSystem": "Docker Desktop"}  # fmt: skip


@pytest.fixture
def run(tools, folders):
    """Run Python code there; what it printed."""
    tools.add("docker")
    tools.answer("docker", "info", out=json.dumps(DESKTOP))

    def call(program: str, code: int = 0) -> str:
        done = subprocess.run([sys.executable, "-c", HIDDEN, program], capture_output=True, text=True, timeout=60)
        assert "Traceback" not in done.stderr, done.stderr
        assert done.returncode == code, done.stderr
        return done.stdout

    return call


def command(*words: str) -> str:
    return f"sys.argv = ['acplab', *{words!r}]; from acplab.app import cli; cli.main()"


def test_status(run):
    assert "Docker                  running" in run(command("status"))


def test_doctor(run):
    found = run(command("doctor"), code=1)  # there is no cluster
    assert "memory              8.0 GiB available" in found
    assert "Docker              28.3.0" in found
    assert "inotify" not in found
    assert "could not be looked at" not in found


def test_limits_are_left_to_dockers_own_machine(run):
    assert run("from acplab.host import limits; limits.require(3)") == ""


def test_the_nodes_network_is_made(run, tools):
    run("from acplab.cluster import nodes; print(nodes.network())")
    assert ["docker", "network", "create"] in [call[:3] for call in tools.calls]


def test_this_test_can_fail(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", HIDDEN, "from pathlib import Path; Path('/proc/self/status').read_text()"],
        capture_output=True,
        text=True,
        env=os.environ | {"HOME": str(tmp_path)},
        timeout=60,
    )
    assert "FileNotFoundError" in done.stderr
    assert Path("/proc/self").exists() == (sys.platform == "linux")
