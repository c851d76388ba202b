"""What the machine's kernel allows, what is in use of it, and what the nodes of a cluster need.

Nodes are containers, so all of them draw on the kernel's limits for one user. A cluster that runs into one of these
fails late and without a word about the cause: containerd starts without its CRI plug-in, or a kubelet never reports.
Where the nodes have a kernel of their own (Docker Desktop), the limits are that machine's, and nothing is asked.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from acplab.base.console import say
from acplab.base.errors import AcplabError
from acplab.base.i18n import _, ngettext
from acplab.host import docker

PROC = Path("/proc")
NODE_LABEL = "io.x-k8s.kind.cluster"
DISK_PER_NODE = 1.8  # GiB; measured: a control plane holds 1.7 after some hours, a worker 1.4
MEMORY_PER_NODE = 0.45  # GiB; measured: three idle nodes with the platform take 1.3 GiB


@dataclass(frozen=True)
class Limit:
    """A limit of the kernel.

    title: for people; key: as sysctl calls it; per_node: what a node with the platform's Pods uses, measured and rounded
    up; enough: the value that is set when the limit has to be raised.
    """

    title: str
    key: str
    per_node: int
    enough: int


# Measured on nodes of Kubernetes 1.36: a control plane holds 30 inotify instances, a worker 15.
INSTANCES = Limit("inotify instances", "fs.inotify.max_user_instances", 24, 1024)
WATCHES = Limit("inotify watches", "fs.inotify.max_user_watches", 300, 524_288)
FILES = Limit("open files", "fs.file-max", 600, 1_048_576)
ROOT_KEYS = (
    Limit("keys", "kernel.keys.root_maxkeys", 40, 1_000_000),
    Limit("bytes of keys", "kernel.keys.root_maxbytes", 2000, 25_000_000),
)
USER_KEYS = (  # of the user who runs a rootless Docker
    Limit("keys", "kernel.keys.maxkeys", 40, 2000),
    Limit("bytes of keys", "kernel.keys.maxbytes", 2000, 200_000),
)


@dataclass(frozen=True)
class Use:
    """How much of a limit is in use."""

    limit: Limit
    used: int
    allowed: int

    def is_enough(self, nodes: int) -> bool:
        """Whether so many more nodes fit."""
        return self.used + nodes * self.limit.per_node <= self.allowed

    def raised(self, nodes: int) -> int:
        """A value with which so many more nodes fit."""
        return max(self.limit.enough, self.used + nodes * self.limit.per_node)

    def describe(self, nodes: int) -> str:
        """Used, needed and allowed, in words."""
        words = ngettext(
            "{used} in use, {needed} needed for {nodes} more node, limit {allowed}",
            "{used} in use, {needed} needed for {nodes} more nodes, limit {allowed}",
            nodes,
        )
        return words.format(used=self.used, needed=nodes * self.limit.per_node, nodes=nodes, allowed=self.allowed)


def require(nodes: int) -> None:
    """Make sure that the kernel has room for so many more nodes.

    As root a limit that is too low is raised, and that is said; else AcplabError has the one command.
    AcplabError also if there is too little memory.
    """
    _require_memory(nodes)
    short = [use for use in uses() if not use.is_enough(nodes)]
    if short and not (os.geteuid() == 0 and _raise(short, nodes)):
        raise shortage(short, nodes)


def shortage(short: list[Use], nodes: int) -> AcplabError:
    """What to say of limits that are too low for so many more nodes."""
    lines = "; ".join(f"{use.limit.key}: {use.describe(nodes)}" for use in short)
    return AcplabError(_("The kernel's limits are too low. {lines}.").format(lines=lines), command(short, nodes))


def command(short: list[Use], nodes: int) -> str:
    """The command that raises these limits until the next boot."""
    return "sudo sysctl -w " + " ".join(f"{use.limit.key}={use.raised(nodes)}" for use in short)


def _raise(short: list[Use], nodes: int) -> bool:
    """Raise the limits as root; False if the kernel refuses, as it does in a container."""
    for use in short:
        try:
            _sysctl(use.limit.key).write_text(f"{use.raised(nodes)}\n")
        except OSError:
            return False
        say(
            _("{key} was too low for the nodes: raised from {before} to {after} until the next boot.").format(
                key=use.limit.key, before=use.allowed, after=use.raised(nodes)
            )
        )
    return True


def _sysctl(key: str) -> Path:
    return PROC / "sys" / key.replace(".", "/")


# --- what is in use ---------------------------------------------------------------------------------------------------------


def uses() -> list[Use]:
    """How much of each limit is in use; empty where the nodes run on another kernel than this process."""
    daemon = docker.daemon()
    if daemon is None or daemon.kernel != platform.release() or not _sysctl(INSTANCES.key).exists():
        return []
    user = os.getuid() if daemon.rootless else 0
    instances, watches = _inotify(user)
    found = [(INSTANCES, instances, _number(INSTANCES)), (WATCHES, watches, _number(WATCHES))]
    found += [(FILES, int((PROC / "sys/fs/file-nr").read_text().split()[0]), _number(FILES))]
    found += zip(USER_KEYS if user else ROOT_KEYS, *_keys(user), strict=True)
    return [Use(*one) for one in found]


def _number(limit: Limit) -> int:
    return int(_sysctl(limit.key).read_text())


def _keys(user: int) -> tuple[list[int], list[int]]:
    """Keys and their bytes that a user has, and may have: "0: 58 57/57 52/1000000 2258/25000000"."""
    for line in (PROC / "key-users").read_text().splitlines():
        if re.match(rf"\s*{user}:", line):
            pairs = [word.split("/") for word in line.split()[-2:]]
            return [int(used) for used, _allowed in pairs], [int(allowed) for _used, allowed in pairs]
    return [0, 0], [_number(limit) for limit in (USER_KEYS if user else ROOT_KEYS)]


def _inotify(user: int) -> tuple[int, int]:
    """Instances and watches that the processes of a user hold. Only root may look into those of others."""
    if os.geteuid() not in (0, user):
        nodes = running_nodes()
        return nodes * INSTANCES.per_node, nodes * WATCHES.per_node
    held = [text.count("inotify wd:") for text in _inotify_instances(user)]
    return len(held), sum(held)


def running_nodes() -> int:
    """How many nodes of kind clusters run on this machine, ours and others'."""
    return len(docker.run("ps", "--quiet", "--filter", f"label={NODE_LABEL}").split())


def _inotify_instances(user: int) -> Iterator[str]:
    """The kernel's table of watches of each open inotify instance."""
    for process in PROC.glob("[0-9]*"):
        try:
            if process.stat().st_uid == user:
                yield from [_fdinfo(one) for one in (process / "fd").iterdir() if _is_inotify(one)]
        except OSError:
            continue  # it has just ended


def _is_inotify(descriptor: Path) -> bool:
    try:
        return os.readlink(descriptor) == "anon_inode:inotify"
    except OSError:  # just closed
        return False


def _fdinfo(descriptor: Path) -> str:
    return (descriptor.parents[1] / "fdinfo" / descriptor.name).read_text()


# --- memory -----------------------------------------------------------------------------------------------------------------


def memory() -> float | None:
    """GiB that nodes can still take: what is available here, or all that Docker's own machine has. None: not known."""
    daemon = docker.daemon()
    if daemon is not None and daemon.kernel != platform.release():
        return daemon.memory / 1024**3
    try:
        lines = (PROC / "meminfo").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024**2 for line in lines if line.startswith("MemAvailable")), None)


def memory_remedy() -> str:
    """What to do about too little memory."""
    if not (PROC / "meminfo").exists():
        return _("Give Docker more memory: Docker Desktop, Settings, Resources.")
    return _("Close something large, or stop a cluster: ./acplab stop.")


def _require_memory(nodes: int) -> None:
    free = memory()
    if free is not None and free < nodes * MEMORY_PER_NODE:
        sentence = ngettext(
            "{n} node needs about {needed:.1f} GiB of memory, and {free:.1f} GiB are available.",
            "{n} nodes need about {needed:.1f} GiB of memory, and {free:.1f} GiB are available.",
            nodes,
        )
        raise AcplabError(sentence.format(n=nodes, needed=nodes * MEMORY_PER_NODE, free=free), memory_remedy())


# --- disk -------------------------------------------------------------------------------------------------------------------


def require_disk(nodes: int) -> None:
    """AcplabError unless Docker's disk has room for so many new nodes: each gets a copy of the images.

    On a full disk kind waits for minutes and says nothing of the cause. Where Docker has a disk of its own (Docker
    Desktop), nothing is asked.
    """
    daemon = docker.daemon()
    if daemon is None or daemon.kernel != platform.release() or not daemon.root.exists():
        return
    free, needed = shutil.disk_usage(daemon.root).free / 1024**3, nodes * DISK_PER_NODE
    if free < needed:
        sentence = ngettext(
            "{n} new node needs about {needed:.1f} GiB of disk, and {free:.1f} GiB are free in {folder}.",
            "{n} new nodes need about {needed:.1f} GiB of disk, and {free:.1f} GiB are free in {folder}.",
            nodes,
        )
        raise AcplabError(
            sentence.format(n=nodes, needed=needed, free=free, folder=daemon.root),
            _("Delete a cluster that you don't need (./acplab status names them, ./acplab delete --profile NAME)."),
        )
