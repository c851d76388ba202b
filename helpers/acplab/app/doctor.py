"""What could be wrong on this machine: the same questions that the commands ask, all at once."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from acplab import cluster, images
from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.base.i18n import _, ngettext
from acplab.host import docker, limits
from acplab.host import jupyter as server
from acplab.kube import client as connection

MEMORY_GIB = 3  # three nodes with the platform, and JupyterLab with its kernels
NODES = 3  # of one more cluster, such as that of ./acplab test


@dataclass(frozen=True)
class Finding:
    """One thing looked at. ok None: not wrong, but worth knowing. remedy: "" only if nothing is to do."""

    what: str
    found: str
    ok: bool | None
    remedy: str = ""


def examine() -> Iterator[Finding]:
    """Look at everything, one finding after another; a question that fails becomes a finding."""
    for question in (_system, _folders, _memory, _disk, _docker):
        yield _asked(question)
    yield from _limits()
    if docker.state() == "ready":
        for question in (_images, _cluster, _api, _ingress):
            yield _asked(question)
    yield _asked(_jupyter)


def _asked(question: Callable[[], Finding]) -> Finding:
    try:
        return question()
    except AcplabError as error:
        return Finding(_title(question), error.sentence, False, error.remedy)
    except OSError as error:
        return Finding(_title(question), str(error), None, _("This could not be looked at here."))


def _title(question: Callable[[], Finding]) -> str:
    """What a question that failed is about."""
    titles = {_docker: "Docker", _jupyter: "JupyterLab", _api: _("API server")}
    return titles.get(question, question.__name__.strip("_"))


def _system() -> Finding:
    found = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    linux = platform.system() == "Linux"
    return Finding(
        _("system"),
        found,
        True if linux else None,
        "" if linux else _("Only Linux is tested; elsewhere take --images published."),
    )


def _folders() -> Finding:
    for folder in (paths.home, paths.cache):
        folder()  # raises what a command would
    refused = paths.unusable()
    if not refused:
        return Finding(_("folders"), _("all files of the course are yours to write"), True)
    error = paths.forbidden(refused[0])
    more = ngettext("{n} file or folder in all", "{n} files and folders in all", len(refused)).format(n=len(refused))
    return Finding(_("folders"), f"{error.sentence} ({more})", False, error.remedy)


def _memory() -> Finding:
    free = limits.memory()
    if free is None:
        return Finding(_("memory"), _("could not be looked at here"), None, _("Docker needs 3 GiB for three nodes."))
    found = _("{free:.1f} GiB available").format(free=free)
    return Finding(_("memory"), found, True if free >= MEMORY_GIB else None, limits.memory_remedy())


def _limits() -> Iterator[Finding]:
    """The kernel's limits, from the code that is asked before a cluster is created."""
    for use in limits.uses():
        found, enough = use.describe(NODES), use.is_enough(NODES)
        # With a cluster that runs, what is there works; only one more would not.
        worse = None if limits.running_nodes() else False
        yield Finding(_(use.limit.title), found, enough or worse, limits.command([use], NODES))


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
    there = docker.daemon()
    return Finding("Docker", there.version if there else _("answers"), True)


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


def _ingress() -> Finding:
    there = cluster.recorded("small")
    if there is None or not cluster.answers(there):
        return Finding(
            _("ingress URL"), _("nothing is listening on it"), False, _("Run ./acplab start; it repairs the cluster.")
        )
    return Finding(_("ingress URL"), there.ingress_url, True)


def _jupyter() -> Finding:
    running = server.find()
    if running is None:
        return Finding("JupyterLab", _("not running"), None, _("./acplab start opens it."))
    return Finding("JupyterLab", running.address, True)
