"""Takes a whole cluster back to a snapshot: all members of etcd at once, each by a Pod on its control plane.

    rewind.rewind(cluster, file)

The API server is one of the things that stop, so nobody can be asked meanwhile. Each Pod knows all that it has to do, and
does it whether or not this process lives: it makes the new data folder, puts the manifests of the API server and of etcd
aside, swaps the folders, and puts the manifests back. If the API server does not come up with the new data, it swaps back.
"""

from __future__ import annotations

import secrets
import time
from contextlib import suppress
from pathlib import Path

from acplab.base.console import stage
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.base.retry import retry_context
from acplab.cluster import etcd, nodes
from acplab.cluster.etcd import FOLDER, SYSTEM, Member, Toolbox
from acplab.cluster.handle import Cluster
from acplab.kube import Object, client

SNAPSHOT, GO = f"{FOLDER}/snapshot.db", f"{FOLDER}/go"
# Revisions jump ahead, and older ones are called compacted: whoever watches reads everything again.
AHEAD = 1_000_000_000
LIMIT_SECONDS, NOTICE_SECONDS, PATIENCE_SECONDS = 240, 8, 3.0
SCRIPT = (
    """
set -u
trap '' TERM  # the kubelet ends this Pod as soon as the API server, which does not know it any more, is back
data=/node/etcd manifests=/node/kubernetes/manifests aside=/node/kubernetes/acplab-restore
off() { for one in kube-apiserver etcd; do
    [ ! -e $manifests/$one.yaml ] || mv $manifests/$one.yaml $aside/
    while pgrep -x $one >/dev/null; do sleep 0.2; done
done; }
on() { for one in etcd kube-apiserver; do [ ! -e $aside/$one.yaml ] || mv $aside/$one.yaml $manifests/; done; }
swap() { mv $data/member $data/acplab-$2 && mv $data/acplab-$1 $data/member; }
ready() { for _ in $(seq 120); do curl -sfk --max-time 2 https://127.0.0.1:6443/readyz >/dev/null && return; sleep 1; done; return 1; }
until [ -f SNAPSHOT ]; do sleep 0.1; done
rm -rf $data/acplab-*
etcdutl snapshot restore SNAPSHOT --data-dir $data/acplab-made --name "$NAME" --initial-cluster "$MEMBERS" \\
    --initial-cluster-token "$TOKEN" --initial-advertise-peer-urls "$PEER" --bump-revision AHEAD --mark-compacted || { rm -rf $data/acplab-*; exit 1; }
mv $data/acplab-made/member $data/acplab-then
mkdir -p $aside
until [ -f GO ] && [ "$(date +%s)" -ge "$(cat GO)" ]; do sleep 0.1; done
off; swap then now; on
ready || { off; swap now then; on; }
rm -rf $data/acplab-* $aside
""".replace("GO", GO)
    .replace("SNAPSHOT", SNAPSHOT)
    .replace("AHEAD", str(AHEAD))
)


def rewind(cluster: Cluster, snapshot: Path) -> float:
    """Bring the cluster back to a snapshot, and wait until it is whole. Seconds until the API answered with the old state."""
    members = etcd.members(cluster)
    token = f"acplab-{secrets.token_hex(4)}"
    boxes = [Toolbox(cluster, f"acplab-rewind-{token[-8:]}-{n}", SYSTEM) for n in range(len(members))]
    try:
        for box, member in zip(boxes, members, strict=True):
            cluster.kube.apply([manifest(box.name, member, members, token)])
        for box in boxes:
            _hand_over(box, snapshot)
        _start(boxes)
        away = _came_back(cluster, boxes[0])
        _tidy(cluster)
        return away
    finally:
        for box in boxes:  # the snapshot does not hold them; they are there only if nothing has happened
            with suppress(AcplabError):
                cluster.kube.delete("pod", box.name, SYSTEM, wait=False)


def manifest(name: str, member: Member, members: list[Member], token: str) -> Object:
    """The Pod that takes one member back."""
    own = {
        "NAME": member.node,
        "PEER": _peer(member),
        "MEMBERS": ",".join(f"{one.node}={_peer(one)}" for one in members),
        "TOKEN": token,
    }
    mounts = {FOLDER: "files", "/node/etcd": "etcd-data", "/node/kubernetes": "kubernetes"}
    tools = etcd.container("rewind", member.image, ["sh", "-c", SCRIPT], mounts)
    tools["env"] += [{"name": key, "value": value} for key, value in own.items()]
    made = etcd.pod(name, SYSTEM, member.node, [tools], hostPID=True, restartPolicy="Never")
    made["spec"]["terminationGracePeriodSeconds"] = 2 * LIMIT_SECONDS
    made["spec"]["volumes"] += [
        {"name": "etcd-data", "hostPath": {"path": "/var/lib/etcd"}},
        {"name": "kubernetes", "hostPath": {"path": "/etc/kubernetes"}},
    ]
    return made


def _peer(member: Member) -> str:
    return f"https://{member.address}:2380"


def _hand_over(box: Toolbox, snapshot: Path) -> None:
    box.cluster.kube.wait("pod", box.name, namespace=SYSTEM)
    with snapshot.open("rb") as source:
        box.write(SNAPSHOT, source, "rewind")


def _tidy(cluster: Cluster) -> None:
    """Remove the toolbox that took the snapshot: it was there then, so it came back."""
    for pod in cluster.kube.list("pod", SYSTEM, etcd.SELECTOR):
        if pod["metadata"]["name"].startswith(etcd.BORROWED):
            cluster.kube.delete("pod", pod["metadata"]["name"], SYSTEM, wait=False, grace=1)


def _start(boxes: list[Toolbox]) -> None:
    """All begin at the same moment, which is told to each before: half a cluster that is taken back is none."""
    moment = int(time.time()) + NOTICE_SECONDS
    try:
        for box in boxes:
            box.run("sh", "-c", f"echo {moment} > {GO}.part && mv {GO}.part {GO}")
    except AcplabError:
        for box in boxes:
            with suppress(AcplabError):
                box.run("rm", "-f", GO)
        raise


def _came_back(cluster: Cluster, box: Toolbox) -> float:
    """Wait until the API server answers and does not know of this Pod, and then for all nodes and members."""
    began = time.monotonic()
    with stage("rewind", _("Taking {cluster} back to a snapshot").format(cluster=cluster.name), 60):
        for attempt in retry_context(on=AcplabError, attempts=None, timeout=LIMIT_SECONDS, wait_max=0.5):
            with attempt, client.patience(PATIENCE_SECONDS):
                _require_back(cluster, box)
        away = time.monotonic() - began
        with cluster:
            nodes.wait_ready()
        etcd.wait_whole(cluster)
    return away


def _require_back(cluster: Cluster, box: Toolbox) -> None:
    if cluster.kube.exists("pod", box.name, box.namespace):
        raise AcplabError(
            _("{cluster} is not back at its snapshot.").format(cluster=cluster.name),
            _("Why, it says itself: kubectl logs -n {namespace} {pod}").format(namespace=box.namespace, pod=box.name),
        )
