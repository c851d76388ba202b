"""Containers that Docker cannot end because runc left a process in them frozen (hosts with cgroup v1)."""

from __future__ import annotations

from pathlib import Path

from acplab.host import docker

FREEZER = Path("/sys/fs/cgroup/freezer")


def thaw(containers: list[str]) -> bool:
    """Let frozen processes in these containers go on, so that they can die; whether there were any.

    On cgroup v1 runc freezes a container for a moment while it starts it. A node that is killed in just that moment
    keeps the frozen process, which no signal reaches, and Docker can never remove the node.
    """
    ids = docker.run("inspect", "--format", "{{.Id}}", *containers).split()
    states = [state for one in ids for state in FREEZER.glob(f"**/{one}/**/freezer.state")]
    frozen = [state for state in states if state.read_text().strip() != "THAWED"]
    try:
        for state in frozen:
            state.write_text("THAWED")
    except OSError:
        return False
    return bool(frozen)
