"""What could be wrong on this machine: the same questions that the commands ask, all at once."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from acplab import cluster, images
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.host import docker
from acplab.host import jupyter as server
from acplab.kube import client as connection

INOTIFY_INSTANCES = 128  # below this, a cluster of several nodes runs out ("too many open files")
MEMORY_GIB = 6


@dataclass(frozen=True)
class Finding:
    """One thing looked at. ok None: not wrong, but worth knowing. remedy: "" only if nothing is to do."""

    what: str
    found: str
    ok: bool | None
    remedy: str = ""


def examine() -> Iterator[Finding]:
    """Look at everything, one finding after another; a question that fails becomes a finding."""
    for question in (_system, _memory, _inotify, _disk, _docker):
        yield _asked(question)
    if docker.state() == "ready":
        for question in (_images, _cluster, _api, _entrance):
            yield _asked(question)
    yield _asked(_jupyter)


def _asked(question: Callable[[], Finding]) -> Finding:
    try:
        return question()
    except AcplabError as error:
        return Finding(question.__name__.strip("_"), error.sentence, False, error.remedy)
    except OSError as error:  # a system that has no /proc
        return Finding(question.__name__.strip("_"), str(error), None, _("This could not be looked at here."))


def _system() -> Finding:
    found = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    linux = platform.system() == "Linux"
    return Finding(
        _("system"),
        found,
        True if linux else None,
        "" if linux else _("Only Linux is tested; elsewhere take --images published."),
    )


def _memory() -> Finding:
    free = _meminfo("MemAvailable") / 1024**2
    remedy = _("Close something large: three nodes need about 3 GiB, JupyterLab and the kernels 1 GiB.")
    return Finding(
        _("memory"), _("{free:.1f} GiB available").format(free=free), True if free >= MEMORY_GIB / 2 else None, remedy
    )


def _meminfo(key: str) -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1])
    return 0


def _inotify() -> Finding:
    instances = int(Path("/proc/sys/fs/inotify/max_user_instances").read_text())
    remedy = "sudo sysctl fs.inotify.max_user_instances=512"
    return Finding(_("inotify instances"), str(instances), instances >= INOTIFY_INSTANCES, remedy)


def _disk() -> Finding:
    disks = images.needed_space()
    for disk in disks:
        if disk.problem:
            return Finding(_("disk"), disk.problem.sentence, False, disk.problem.remedy)
    found = [_("{free:.0f} GiB free at {folder}").format(free=disk.free, folder=disk.folder) for disk in disks]
    return Finding(_("disk"), "; ".join(found), True)


def _docker() -> Finding:
    condition = docker.state()
    if condition != "ready":
        return Finding("Docker", *_failed(docker.remedy(condition)))
    return Finding("Docker", docker.run("version", "--format", "{{.Server.Version}}").strip(), True)


def _failed(pair: tuple[str, str]) -> tuple[str, bool, str]:
    return pair[0], False, pair[1]


def _images() -> Finding:
    node = images.present_quick()
    if node is None:
        return Finding(
            _("images"),
            _("not there yet"),
            None,
            _("./acplab start gets them; built from nothing that takes about 15 minutes."),
        )
    return Finding(_("images"), f"{node.reference} ({node.route})", True)


def _cluster() -> Finding:
    recorded = cluster.recorded("small")
    if problem := cluster.diagnose(recorded, "small"):
        return Finding(_("cluster"), problem.sentence, False, problem.remedy)
    return Finding(_("cluster"), str(recorded), True)


def _api() -> Finding:
    connection.require_own_cluster()
    return Finding(_("API server"), _("answers, and the nodes are ours"), True)


def _entrance() -> Finding:
    there = cluster.recorded("small")
    if there is None or not cluster.answers(there):
        return Finding(_("entrance"), _("nobody listens"), False, _("Run ./acplab start; it repairs the cluster."))
    return Finding(_("entrance"), there.ingress_url, True)


def _jupyter() -> Finding:
    running = server.find()
    if running is None:
        return Finding("JupyterLab", _("not running"), None, _("./acplab start opens it."))
    return Finding("JupyterLab", f"http://127.0.0.1:{running.port}", True)
