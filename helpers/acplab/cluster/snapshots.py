"""Snapshots of etcd: save one, and bring back from it what was lost.

    snapshot = snapshots.save(cluster)                          all that the API server keeps, as it is now
    snapshots.restore_namespace(cluster, snapshot, "shop")      a namespace that is gone, as it was then
    snapshots.restore(cluster, snapshot)                        the whole cluster, with all that was written since lost

A snapshot holds every object, Secrets too, so its file is readable by its owner alone. It holds no data of volumes, no
images and no logs.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.cluster import etcd, revival, rewind, scratch
from acplab.cluster.etcd import FOLDER, Toolbox
from acplab.cluster.handle import Cluster
from acplab.kube import Applied, Object
from acplab.kube.bound import Kube

PAGE, DIGEST = 512, 32  # etcd writes pages, and a SHA-256 of all of them at the end
# These follow from other objects, change by themselves, or are measured.
NEVER_KEPT = ("Event", "Lease", "Endpoints", "EndpointSlice", "ControllerRevision", "PodMetrics")


@dataclass(frozen=True)
class Snapshot:
    """file: on this machine, in the folder of its cluster. taken: when; bytes: of the file; revision: the number of
    writes that etcd had seen by then; keys: how many keys it holds, older revisions included."""

    file: Path
    taken: datetime
    bytes: int
    revision: int
    keys: int

    @property
    def age(self) -> float:
        """Seconds since it was taken: what was written in them is not in it."""
        return (datetime.now(UTC) - self.taken).total_seconds()

    @property
    def text(self) -> str:
        """All of it in a line."""
        return _("snapshot of {taken} UTC: revision {revision}, {keys} keys, {size:.1f} MB, {file}").format(
            taken=f"{self.taken:%Y-%m-%d %H:%M:%S}",
            revision=self.revision,
            keys=self.keys,
            size=self.bytes / 1e6,
            file=self.file.name,
        )

    def remove(self) -> None:
        """Delete its file and what is noted of it: it holds all Secrets of the cluster."""
        for file in (self.file, self.file.with_suffix(".json")):
            file.unlink(missing_ok=True)

    def __repr__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Restored:
    """objects: what was created again, in that order; seconds: how long that took, from the call to the last object."""

    namespace: str
    objects: tuple[Applied, ...]
    seconds: float

    @property
    def text(self) -> str:
        """A line for each object."""
        head = _("{n} objects of {namespace} are back after {seconds:.0f} s:")
        first = head.format(n=len(self.objects), namespace=self.namespace, seconds=self.seconds)
        return "\n".join([first, *(f"  {one}" for one in self.objects)])

    def __repr__(self) -> str:
        return self.text


# --- saving -------------------------------------------------------------------------------------------------------------------


def save(cluster: Cluster) -> Snapshot:
    """Take a snapshot: `etcdctl snapshot save` on one member, copied to this machine."""
    with etcd.borrowed(cluster) as box:
        path = f"{FOLDER}/{datetime.now(UTC):%Y%m%d-%H%M%S}.db"
        box.run("env", f"ETCDCTL_ENDPOINTS={etcd.LOCAL}", "etcdctl", "snapshot", "save", path)  # of one member
        return fetch(box, path)


def fetch(box: Toolbox, path: str) -> Snapshot:
    """Copy a snapshot out of a toolbox into the folder of its cluster, and look whether it is whole."""
    status = json.loads(box.run("etcdutl", "snapshot", "status", path, "--write-out=json").splitlines()[0])
    taken = datetime.fromtimestamp(int(box.run("stat", "--format=%Y", path)), UTC)
    file = _folder(box.cluster) / f"{taken:%Y%m%d-%H%M%S}-{status['revision']}.db"
    part = file.with_suffix(".part")
    with paths.explain_refusals():
        part.unlink(missing_ok=True)
        part.touch(mode=0o600)
        with part.open("wb") as target:
            box.read(path, target)
        require_whole(part)
        part.replace(file)
    known = {"taken": taken.isoformat(), "revision": status["revision"], "keys": status["totalKey"]}
    paths.write_whole(file.with_suffix(".json"), json.dumps(known), 0o600)
    return _read(file)


def saved(cluster: Cluster) -> list[Snapshot]:
    """The snapshots in the folder of a cluster, oldest first. They go when the cluster is deleted."""
    folder = cluster.kubeconfig.with_name("snapshots")
    found = [_read(file) for file in folder.glob("*.db") if file.with_suffix(".json").exists()]
    return sorted(found, key=lambda one: (one.taken, one.revision))


def newest(cluster: Cluster) -> Snapshot:
    """The last snapshot that was taken of a cluster. AcplabError if there is none here."""
    if found := saved(cluster):
        return found[-1]
    raise AcplabError(
        _("No snapshot of {cluster} is on this machine.").format(cluster=cluster.name),
        _("Take one with snapshots.save(...), or copy one out of a Pod with snapshots.fetch(...)."),
    )


def _read(file: Path) -> Snapshot:
    known = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
    taken = datetime.fromisoformat(known["taken"])
    return Snapshot(file, taken, file.stat().st_size, known["revision"], known["keys"])


def _folder(cluster: Cluster) -> Path:
    folder = cluster.kubeconfig.with_name("snapshots")
    with paths.explain_refusals():
        folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def require_whole(file: Path) -> None:
    """AcplabError unless the file is what `etcdctl snapshot save` has written, to the last byte."""
    size = file.stat().st_size
    with file.open("rb") as content:
        digest = hashlib.sha256()
        left = size - DIGEST
        while left > 0 and (chunk := content.read(min(left, 1 << 20))):
            digest.update(chunk)
            left -= len(chunk)
        if size > DIGEST and size % PAGE == DIGEST and content.read() == digest.digest():
            return
    raise AcplabError(
        _("{file} is no whole snapshot: its own checksum does not fit.").format(file=file.name),
        _("Take it again with `etcdctl snapshot save`; a copy of etcd's data folder is none."),
    )


# --- bringing a namespace back ---------------------------------------------------------------------------------------------------


def restore_namespace(cluster: Cluster, snapshot: Snapshot, namespace: str) -> Restored:
    """Create again what a namespace held when the snapshot was taken; it must be gone now.

    The snapshot is read by an etcd and an API server of its own; the cluster's are not touched. Pods, ReplicaSets and the
    like follow from their owners. Volumes come back empty. Objects get new UIDs and, unless they asked for one, Services
    new addresses. AcplabError if the namespace is there, or is not in the snapshot; then nothing was created.
    """
    began = time.monotonic()
    require_whole(snapshot.file)
    _require_gone(cluster, namespace)
    with scratch.api(cluster, snapshot.file) as then:
        found = list(_contents(then, cluster.kube, namespace))
    done = cluster.kube.apply(revival.again(found))
    return Restored(namespace, tuple(done), time.monotonic() - began)


def _require_gone(cluster: Cluster, namespace: str) -> None:
    there = cluster.kube.find("namespace", namespace)
    if there and "deletionTimestamp" not in there["metadata"]:
        raise AcplabError(
            _("The namespace {name} is there; a restore would mix what is in it with what was.").format(name=namespace),
            _("Delete it first: kubectl delete namespace {name}").format(name=namespace),
        )
    if there:
        cluster.kube.wait("namespace", namespace, "deleted")


def _contents(then: Kube, now: Kube, namespace: str) -> Iterator[Object]:
    """The namespace and all objects in it whose kinds the cluster still has."""
    yield _namespace(then, namespace)
    kinds = {kind for kind, namespaced in then.api_resources() if namespaced}
    for kind in sorted(kinds & {kind for kind, _namespaced in now.api_resources()} - {*NEVER_KEPT}):
        yield from then.list(kind, namespace)


def _namespace(then: Kube, name: str) -> Object:
    if found := then.find("namespace", name):
        return found
    names = ", ".join(one["metadata"]["name"] for one in then.list("namespace"))
    raise AcplabError(
        _("The snapshot holds no namespace {name}.").format(name=name), _("It holds: {names}.").format(names=names)
    )


def restore(cluster: Cluster, snapshot: Snapshot) -> float:
    """Take the whole cluster back to a snapshot of its own: what was written since is lost, in all namespaces.

    All members of etcd are replaced at once, and all API servers are away meanwhile. The seconds until they were back.
    """
    require_whole(snapshot.file)
    return rewind.rewind(cluster, snapshot.file)
