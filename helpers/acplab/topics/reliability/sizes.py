"""How many: members of etcd that make a quorum, and nodes in the batches of an upgrade. Pure arithmetic."""

from __future__ import annotations

from acplab.base import arguments

MOST_MEMBERS = 99
MOST_NODES = 100_000


def majority(members: int) -> int:
    """How many of so many etcd members must agree before anything is written: more than half."""
    return arguments.whole("members", members, MOST_MEMBERS) // 2 + 1


def spare(members: int) -> int:
    """How many of so many etcd members may be lost while the rest still has its quorum."""
    return members - majority(members)


def batches(nodes: int) -> list[int]:
    """How many nodes ACK upgrades at a time: first 1, then powers of 2, and at most 10 % of all nodes (at least 1)."""
    left = arguments.whole("nodes", nodes, MOST_NODES)
    most, size = max(1, left // 10), 1
    found: list[int] = []
    while left:
        found.append(min(size, most, left))
        left -= found[-1]
        size *= 2
    return found
