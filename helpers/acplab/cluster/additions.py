"""What a cluster gets when a chapter or lab first needs it, and then keeps: images of a bundle, and kinds that go with them.

The programs themselves run in the namespace of who needs them, and go with it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from acplab import images, kube
from acplab.base.console import stage
from acplab.base.i18n import _
from acplab.cluster.handle import Cluster
from acplab.cluster.platform import LABEL
from acplab.kube import read_manifests

KINDS: dict[str, Callable[[], list[Path]]] = {"rollouts": lambda: images.rollouts_crds()}


def add_on(name: str, cluster: Cluster) -> str:
    """Load a bundle ("rollouts") into the nodes of this cluster, and see that it knows its kinds; what was done, in words.

    AcplabError if there is no such bundle, or it cannot be had.
    """
    loaded = images.load(cluster.nodes, name)
    with cluster:
        added = [kind for file in KINDS.get(name, list)() for kind in _added(file)]
    if not (loaded or added):
        return _("{cluster} has {name} already.").format(cluster=cluster.name, name=name)
    return _("{cluster} has {name} now.").format(cluster=cluster.name, name=name)


def _added(file: Path) -> list[str]:
    """The kinds of a file that the cluster did not have."""
    missing = [one for one in read_manifests(file) if not kube.exists(one["kind"], one["metadata"]["name"])]
    if missing:
        with stage(
            f"kinds-{file.stem}", _("Adding the kind {name}").format(name=missing[0]["spec"]["names"]["kind"]), 2
        ):
            for one in missing:
                one["metadata"].setdefault("labels", {})[LABEL] = "true"
            kube.apply(missing)
            for one in missing:
                kube.wait("customresourcedefinition", one["metadata"]["name"], timeout=30)
    return [one["metadata"]["name"] for one in missing]
