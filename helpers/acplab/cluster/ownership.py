"""Whose a kind cluster is, asked of Docker before its containers are stopped, restarted or removed.

A cluster is ours if its name carries the owner id of this home and each of its containers runs an image of acplab.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from acplab.base import paths
from acplab.base.i18n import _
from acplab.host import docker
from acplab.kube.ownership import Foreign, owner

KIND_LABEL = "io.x-k8s.kind.cluster"
ANSWER_SECONDS = 30  # after which Docker is taken to hang
IMAGES = ("acplab/node:", "docker.io/kindest/haproxy:", "kindest/haproxy:")


def cluster_name(profile: str) -> str:
    """What kind calls this home's cluster of a profile."""
    return f"{_prefix()}{profile}"


def _prefix() -> str:
    return f"acplab-{paths.instance()}-{owner()[:6]}-"


@dataclass(frozen=True)
class Container:
    """A container of a kind cluster. state: Docker's word for it ("running", "paused", "exited", ...)."""

    cluster: str
    name: str
    state: str


def containers() -> list[Container]:
    """Those of all kind clusters on this Docker, also of other owners."""
    wanted = f'{{{{.Label "{KIND_LABEL}"}}}}\t{{{{.Names}}}}\t{{{{.State}}}}'
    listed = docker.run("ps", "--all", "--filter", f"label={KIND_LABEL}", "--format", wanted, timeout=ANSWER_SECONDS)
    return [Container(*line.split("\t")) for line in sorted(listed.splitlines())]


def own_profiles() -> list[str]:
    """The profiles of which this home has containers."""
    prefix = _prefix()
    return sorted({one.cluster.removeprefix(prefix) for one in containers() if one.cluster.startswith(prefix)})


def others() -> list[str]:
    """Clusters of acplab that are not this home's: of other users, of other instances, of before there were owner ids."""
    prefix = _prefix()
    names = {one.cluster for one in containers()}
    return sorted(name for name in names if name.startswith("acplab-") and not name.startswith(prefix))


def require_own(cluster: str) -> None:
    """Foreign unless the cluster is ours; one without containers is nobody's."""
    names = [one.name for one in containers() if one.cluster == cluster]
    if not names:
        return
    if not cluster.startswith(_prefix()):
        raise Foreign(
            _("The cluster {name} is not of this acplab home, so it was left alone.").format(name=cluster),
            _("If it is yours to remove: {command}").format(command=removal(cluster)),
        )
    for one in json.loads(docker.run("inspect", *names, timeout=ANSWER_SECONDS)):
        image = one["Config"]["Image"]
        if not image.startswith(IMAGES):
            raise Foreign(
                _("The container {name} runs {image}, so it is not a node of acplab; it was left alone.").format(
                    name=one["Name"].lstrip("/"), image=image
                ),
                _("If it is yours to remove: {command}").format(command=removal(cluster)),
            )


def removal(cluster: str) -> str:
    """The command by which its owner removes a cluster without acplab."""
    return f"docker rm --force --volumes $(docker ps --all --quiet --filter label={KIND_LABEL}={cluster})"
