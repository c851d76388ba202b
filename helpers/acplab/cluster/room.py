"""Whether a cluster fits beside those that run, or has to take their place for a while."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from acplab.base.i18n import _, ngettext
from acplab.cluster import ownership
from acplab.cluster.ownership import cluster_name
from acplab.cluster.profiles import kind_form
from acplab.host import docker
from acplab.host.limits import MEMORY_PER_NODE

LARGE = "ha"  # the one profile that others may have to make room for, and that may have to make room for them
# GiB in use, measured some minutes after creation, idle, with the platform (2026-11): small 1.3, ha with its load balancer 2.7.
MEASURED = {"small": 1.3, "ha": 2.7}
# GiB for JupyterLab with its kernels and Docker itself: the doctor asks for 3 beside small's 1.3.
REST = 1.7
CORES = 2  # on two, a drill on ha was tried while small ran


@dataclass(frozen=True)
class Room:
    """stopped: the profiles that make room for the wanted one. sentence: which of both it is, and why."""

    stopped: tuple[str, ...]
    sentence: str


def need(profile: str) -> float:
    """GiB of memory that a running cluster of this profile takes."""
    return MEASURED.get(profile) or len(kind_form(profile)["nodes"]) * MEMORY_PER_NODE


def decide(wanted: str, running: Mapping[str, float], foreign: float, memory: float, cores: int) -> Room | None:
    """Whether `wanted` runs next to what runs or instead of it; None if nothing runs.

    running: GiB by profile, of this home's other clusters; foreign: GiB of clusters that are not ours, which stay as they
    are. memory: GiB that Docker's machine has in all.
    """
    if not running:
        return None
    needed = need(wanted) + sum(running.values()) + foreign + REST
    numbers = {"needed": needed, "memory": memory, "cores": _cores(cores), "wanted": wanted}
    if needed <= memory and cores >= CORES:
        words = _(
            "Cluster {wanted} runs next to {others}: together {needed:.1f} GiB, and Docker has {memory:.1f} GiB and {cores}."
        )
        return Room((), words.format(others=", ".join(running), **numbers))
    stopped = tuple(running) if wanted == LARGE else (LARGE,)
    words = _(
        "Cluster {wanted} runs instead of {others}: together they want {needed:.1f} GiB and two cores, and Docker has "
        "{memory:.1f} GiB and {cores}. {others} is stopped, not deleted, and starts again when it is next used."
    )
    return Room(stopped, words.format(others=", ".join(stopped), **numbers))


def for_cluster(profile: str) -> Room | None:
    """decide() by what Docker tells now; None also if the cluster runs already."""
    running = [one.cluster for one in ownership.containers() if one.state == "running"]
    own = {one: need(one) for one in ownership.own_profiles() if cluster_name(one) in running}
    if profile in own or LARGE not in (profile, *own):
        return None
    strangers = sum(cluster not in map(cluster_name, own) for cluster in running)
    daemon = docker.daemon()
    memory, cores = (daemon.memory / 1024**3, daemon.cores) if daemon else (0.0, 0)
    return decide(profile, own, strangers * MEMORY_PER_NODE, memory, cores)


def _cores(n: int) -> str:
    return ngettext("{n} core", "{n} cores", n).format(n=n)
