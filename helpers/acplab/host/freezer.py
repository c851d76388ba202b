"""Containers that Docker can neither end nor unpause, since processes in them are frozen (hosts with cgroup v1)."""

from __future__ import annotations

from pathlib import Path

from acplab.host import docker

FREEZER = Path("/sys/fs/cgroup/freezer")


def thaw(containers: list[str]) -> bool:
    """Let frozen processes in these containers go on; whether there were any, and this user may.

    On cgroup v1 runc freezes a container for a moment while it starts it. A node that is killed in just that moment
    keeps the frozen process, which no signal reaches, and Docker can never remove the node. A `docker exec` that begins
    while its container is being paused is frozen, too, and holds the lock that unpausing waits for.
    """
    states = [state for one in _ids(containers) for state in FREEZER.glob(f"**/{one}/**/freezer.state")]
    frozen = [state for state in states if state.read_text().strip() != "THAWED"]
    try:
        for state in frozen:
            state.write_text("THAWED")
    except OSError:
        return False
    return bool(frozen)


def freeze(containers: list[str]) -> None:
    """Freeze these containers, which Docker takes for paused: it unpauses none whose processes are running."""
    for one in _ids(containers):
        for state in FREEZER.glob(f"**/{one}/freezer.state"):
            state.write_text("FROZEN")


def _ids(containers: list[str]) -> list[str]:
    """Not by `docker inspect`, which waits for the lock."""
    listed = docker.run("ps", "--all", "--no-trunc", "--format", "{{.Names}} {{.ID}}", timeout=30)
    return [one for name, one in map(str.split, listed.splitlines()) if name in containers]
