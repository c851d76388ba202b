"""What is broken on purpose is undone: at the end, after an error, by a guard, or by the next call. docker notes its calls."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest
from acplab.base.errors import AcplabError
from acplab.cluster import faults, journal, ownership
from acplab.cluster.faults import Fault
from acplab.cluster.ownership import Container

HOLD = """
import sys, time
from acplab.cluster import journal
from acplab.cluster.faults import Fault
with journal.broken(Fault("pause one", "ha", ("one",), (("pause", "one"),), (("unfilter", "one", "k"),), "abc123")):
    print("broken", flush=True)
    time.sleep(60)
"""


def fault(*undo: tuple[str, ...]) -> Fault:
    return Fault("pause one", "ha", ("one",), (("pause", "one"),), undo or (("unfilter", "one", "k"),))


@pytest.fixture
def done(monkeypatch):
    """What was done, in order; an action called "fail" fails."""
    steps: list[tuple[str, ...]] = []

    def action(name):
        def act(*arguments: str) -> None:
            steps.append((name, *arguments))
            if name == "fail":
                raise AcplabError("Docker is not running.", "")

        return act

    there = [Container("c", "one", "running")]
    monkeypatch.setattr(ownership, "containers", lambda: there)
    monkeypatch.setattr(faults, "ACTIONS", {name: action(name) for name in (*faults.ACTIONS, "fail")})
    monkeypatch.setattr(journal, "UNDO_SECONDS", 0.2)
    monkeypatch.setattr(journal, "SETTLE_SECONDS", 0.0)
    return steps


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("ACPLAB_HOME", str(tmp_path))
    return tmp_path


def test_the_fault_is_there_in_the_block_and_undone_after_it(done):
    with journal.broken(fault()):
        assert done == [("pause", "one")]
        assert [one.title for one in journal.entries()] == ["pause one"]
    assert done == [("pause", "one"), ("unfilter", "one", "k")]
    assert journal.entries() == []


def test_it_is_undone_after_an_error_and_an_interrupt(done):
    for error in (ValueError, KeyboardInterrupt):
        done.clear()
        with pytest.raises(error), journal.broken(fault()):
            raise error
        assert done[-1] == ("unfilter", "one", "k")
        assert journal.entries() == []


def test_a_fault_that_fails_half_way_is_undone(done):
    half = Fault("two", "ha", ("one",), (("pause", "one"), ("fail",)), (("unfilter", "one", "k"),))
    with pytest.raises(AcplabError, match="Docker"), journal.broken(half):
        pytest.fail("the block must not run")
    assert done[-1] == ("unfilter", "one", "k")
    assert journal.entries() == []


def test_what_could_not_be_undone_stays_for_the_next_call(done, monkeypatch):
    with pytest.raises(AcplabError, match="Docker"), journal.broken(fault(("fail",))):
        pass
    assert [one.title for one in journal.entries()] == ["pause one"]
    monkeypatch.setitem(faults.ACTIONS, "fail", lambda: done.append(("works again",)))
    assert journal.heal() == ["pause one"]
    assert done[-1] == ("works again",)
    assert list(journal._folder().iterdir()) == []
    assert journal.heal() == []


def test_what_somebody_holds_is_left_alone(done):
    with journal.broken(fault()):
        assert journal.heal() == []
        assert done == [("pause", "one")]


def test_what_hit_a_node_that_is_gone_is_forgotten(done, monkeypatch):
    with pytest.raises(AcplabError), journal.broken(fault(("fail",))):
        pass
    monkeypatch.setattr(ownership, "containers", list)
    assert journal.heal() == []
    assert journal.entries() == []


def test_what_still_cannot_be_undone_keeps_nobody_from_a_cluster_and_is_said(done, capsys):
    failed = "'pause one' could not be undone: Docker is not running"
    with pytest.raises(AcplabError, match=failed), journal.broken(fault(("fail",))):
        pass
    assert journal.heal() == []
    assert [one.title for one in journal.entries()] == ["pause one"]
    said = " ".join(capsys.readouterr().out.split())
    assert "'pause one' could not be undone" in said
    assert "./acplab start" in said


def test_what_was_healed_is_said(done, capsys):
    with pytest.raises(AcplabError), journal.broken(fault(("fail",))):
        pass
    faults.ACTIONS["fail"] = lambda: None
    journal.heal()
    assert "An interrupted drill was undone: pause one." in capsys.readouterr().out


def test_what_was_interrupted_settles_before_it_is_undone(done, monkeypatch):
    """Docker may still be pausing when the call that asked for it has been interrupted."""
    monkeypatch.setattr(journal, "SETTLE_SECONDS", 0.3)
    began = time.monotonic()
    half = Fault("two", "ha", ("one",), (("fail",),), (("unfilter", "one", "k"),))
    with pytest.raises(AcplabError), journal.broken(half):
        pass
    assert time.monotonic() - began >= 0.3


def test_an_entry_that_cannot_be_read_is_dropped(done, home):
    (home / "faults").mkdir()
    (home / "faults" / "x.json").write_text("{")
    assert journal.heal() == []
    assert list((home / "faults").glob("*.json")) == []


def test_two_faults_are_undone_in_the_other_order(done):
    with journal.broken(fault(("unfilter", "one", "a")) + fault(("unfilter", "one", "b"))):
        pass
    assert done[2:] == [("unfilter", "one", "b"), ("unfilter", "one", "a")]


def test_faults_of_two_clusters_cannot_be_one():
    other = Fault("pause one", "pair", ("one",), (), ())
    with pytest.raises(AcplabError, match="two clusters, ha and pair"):
        fault() + other


def test_a_guard_undoes_what_a_killed_process_has_broken(tools, home, monkeypatch):
    """The real guard: the process that broke something gets SIGKILL, and nothing else is called."""
    tools.add("docker")
    tools.answer("docker")
    tools.answer("docker", "ps", out="c\tone\trunning\n")
    process = subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "broken\n"
    assert [call[1] for call in tools.calls] == ["pause"]
    process.send_signal(signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + 50
    while journal.entries() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert journal.entries() == []
    assert [call[1:3] for call in tools.calls if call[1] != "ps"] == [["pause", "one"], ["exec", "one"]]


def test_the_guard_waits_for_a_command_that_outlives_its_process(tools, home, monkeypatch):
    """Killed in the middle of `docker pause`: Docker pauses all the same, so the undo must come after it."""
    tools.add("docker")
    tools.answer("docker")
    tools.answer("docker", "ps", out="c\tone\trunning\n")
    tools.answer("docker", "pause", seconds=2.5)
    process = subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 50
    while not tools.calls and time.monotonic() < deadline:
        time.sleep(0.02)
    paused = time.monotonic()
    process.send_signal(signal.SIGKILL)
    process.wait()
    while journal.entries() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert journal.entries() == []
    assert time.monotonic() - paused > 2.3
