"""Questions through one `docker exec`: here docker runs the shell itself, and SIGSTOP is what `docker pause` does."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from acplab.base.errors import AcplabError
from acplab.cluster import Cluster
from acplab.host import streams
from acplab.host.streams import Stream
from acplab.measure.drills import probes

DOCKER = """#!/bin/sh
echo "$@" >> {calls}
[ "$3" = silent ] && exec sleep 60
[ "$3" = stopped ] && exit 1
shift 3
exec "$@"
"""


@pytest.fixture
def calls(tmp_path, monkeypatch) -> Path:
    """A docker whose exec runs the command here; what it was called with."""
    program, noted = tmp_path / "bin" / "docker", tmp_path / "calls"
    program.parent.mkdir()
    noted.touch()
    program.write_text(DOCKER.format(calls=noted))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return noted


@pytest.fixture
def stream(calls) -> Iterator[Stream]:
    made = Stream("one", "echo first; echo second")
    yield made
    made.close()


def test_each_question_gets_the_words_as_one_line(stream, calls):
    for _again in range(3):
        stream.ask()
        assert stream.said(wait=30, patience=30) == "first second"
    assert calls.read_text().count("exec --interactive one") == 1, "one docker exec for all questions"


def test_a_frozen_container_is_silent_and_is_asked_once_only(calls, tmp_path):
    count = tmp_path / "count"
    stream = Stream("one", f"echo x >> {count}; echo yes")
    stream.ask()
    assert stream.said(30, 30) == "yes"
    os.killpg(stream._process.pid, signal.SIGSTOP)
    for _again in range(5):
        stream.ask()
        time.sleep(0.05)
    assert stream.said(0, patience=5) == "yes", "not late yet"
    assert stream.said(0, patience=0.1) is None
    os.killpg(stream._process.pid, signal.SIGCONT)
    assert stream.said(30, 30) == "yes"
    assert count.read_text() == "x\nx\n"
    stream.close()


def test_the_loop_ends_when_nobody_listens_any_more(stream):
    stream.ask()
    stream.said(30, 30)
    stream.close()
    assert stream._process.returncode == 0


def test_the_loop_ends_also_when_this_process_is_killed(stream):
    """The kernel closes a dead process's pipes; the loop sees the end of its input."""
    stream.ask()
    stream.said(30, 30)
    os.close(stream._process.stdin.fileno())
    assert stream._process.wait(10) == 0


def test_a_frozen_loop_does_not_hold_up_the_end(stream, monkeypatch):
    monkeypatch.setattr(streams, "END_SECONDS", 0.2)
    stream.ask()
    stream.said(30, 30)
    os.killpg(stream._process.pid, signal.SIGSTOP)
    stream.close()
    assert stream.ended


def test_a_container_that_has_stopped_is_asked_again_later(stream, monkeypatch):
    monkeypatch.setattr(streams, "AGAIN", 0.1)
    stream.ask()
    stream.said(30, 30)
    os.killpg(stream._process.pid, signal.SIGKILL)
    stream._process.wait()
    assert stream.said(0, 10) is None
    time.sleep(0.2)
    stream.ask()
    assert stream.said(30, 30) == "first second"


def test_words_are_not_file_names(calls):
    stream = Stream("one", "echo '*'")
    stream.ask()
    assert stream.said(30, 30) == "*"
    stream.close()


# --- the probes that ask so ----------------------------------------------------------------------------------------------


def probe(*nodes: str, command: str = "echo well", every: float = 0.2) -> probes._Asked:
    return probes._Asked("etcd", command, {node: node for node in nodes}, str.upper, every)


def wait_for(made: probes._Asked, **states: str) -> None:
    """Until a reading from now on has just these states."""
    before, deadline = len(made._seen), time.monotonic() + 30
    while not any(seen == states for _t, seen in made._seen[before:]):
        assert time.monotonic() < deadline, made._seen
        time.sleep(0.02)


def test_a_frozen_node_is_silent_and_holds_up_no_other(calls):
    watching = probe("one", "two")
    watching.start()
    wait_for(watching, one="WELL", two="WELL")
    os.killpg(watching._streams["one"]._process.pid, signal.SIGSTOP)
    for _again in range(3):
        wait_for(watching, one="no answer", two="WELL")
    os.killpg(watching._streams["one"]._process.pid, signal.SIGCONT)
    wait_for(watching, one="WELL", two="WELL")
    watching.stop()
    assert calls.read_text().count("exec --interactive") == 2, "nothing begins while a node may be paused"


def test_nothing_is_broken_while_docker_still_begins(calls, monkeypatch):
    monkeypatch.setattr(probes, "BEGIN_SECONDS", 0.3)
    monkeypatch.setattr(streams, "END_SECONDS", 0.1)
    watching = probe("one", "silent")
    with pytest.raises(AcplabError, match=r"begun nothing on silent within 0\.3 s, so nothing was broken"):
        watching.start()
    assert all(stream.ended for stream in watching._streams.values())


def test_a_node_that_has_stopped_before_is_silent_from_the_start(calls):
    watching = probe("one", "stopped")
    watching.start()
    wait_for(watching, one="WELL", stopped="no answer")
    watching.stop()


def test_a_command_that_says_nothing_is_no_answer(calls):
    assert probe("one", command="true").now() == {"one": "no answer"}


HA = Cluster("ha", "c-ha", "image", {}, {"c-ha-control-plane": "", "c-ha-control-plane2": "", "c-ha-worker": ""})


@pytest.mark.parametrize("leads", ["1", "0"])
def test_the_leader_is_named_by_its_node(calls, monkeypatch, leads):
    curl = calls.parent / "bin" / "curl"
    curl.write_text(f"#!/bin/sh\necho 'etcd_server_has_leader 1'; echo 'etcd_server_is_leader {leads}'\n")
    curl.chmod(0o755)
    if leads == "1":
        assert probes.leader(HA) == "c-ha-control-plane"
    else:
        with pytest.raises(AcplabError, match="No etcd member of c-ha says that it leads"):
            probes.leader(HA)


@pytest.mark.parametrize(
    ("said", "state"),
    [("172.21.0.1", "resolved"), (";; connection timed out; no servers could be reached", "no answer")],
)
def test_what_dig_says(said, state):
    assert probes.dns_state(said) == state
