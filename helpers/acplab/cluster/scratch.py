"""A control plane for a moment: etcd with the data of a snapshot, and an API server in front of it, in one Pod.

    with scratch.api(cluster, file) as then:
        then.list("deployment", "shop")

Only this process reaches it: both listen on the Pod's own 127.0.0.1, the API server wants the cluster's certificates, and
its port is forwarded for as long as the block runs. The cluster itself is not touched.
"""

from __future__ import annotations

import os
import queue
import re
import secrets
import subprocess
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.base.retry import retry_context
from acplab.cluster import etcd
from acplab.cluster.etcd import SYSTEM, Member, Toolbox
from acplab.cluster.handle import Cluster
from acplab.host import shell
from acplab.kube import Object
from acplab.kube.bound import Kube

DATA = "/scratch"
SNAPSHOT = f"{DATA}/snapshot.db"
RESTORE = (
    f"until [ -f {SNAPSHOT} ]; do sleep 0.1; done; exec etcdutl snapshot restore {SNAPSHOT} --data-dir {DATA}/etcd"
)
PORT = 6443
# Of the API server's flags those that make it one of the cluster.
OTHERS = ("--etcd-", "--bind-address", "--secure-port", "--endpoint-reconciler-type")
OWN = ("--etcd-servers=http://127.0.0.1:2379", "--bind-address=127.0.0.1", f"--secure-port={PORT}", "--endpoint-reconciler-type=none")  # fmt: skip
ASK = [*etcd.ASK, f"https://127.0.0.1:{PORT}/readyz"]
READY_SECONDS, FORWARD_SECONDS = 180, 30


@contextmanager
def api(cluster: Cluster, snapshot: Path) -> Iterator[Kube]:
    """kube's verbs, spoken to an API server that has what the snapshot holds. Nothing of it is left after the block."""
    member = etcd.ready_member(cluster)
    box = Toolbox(cluster, f"acplab-scratch-{secrets.token_hex(3)}", SYSTEM)
    try:
        cluster.kube.apply([manifest(box.name, member, _api_server(cluster, member))])
        _hand_over(box, snapshot)
        cluster.kube.wait("pod", box.name, namespace=SYSTEM, timeout=READY_SECONDS)
        with _forwarded(box) as port, tempfile.TemporaryDirectory() as folder:
            yield _allowed(Kube(_kubeconfig(cluster, port, Path(folder))))
    finally:
        cluster.kube.delete("pod", box.name, SYSTEM, grace=1)


def _api_server(cluster: Cluster, member: Member) -> Object:
    """The static Pod of the API server on the member's node."""
    found = cluster.kube.list("pod", SYSTEM, "component=kube-apiserver")
    for one in found:
        if one["spec"]["nodeName"] == member.node:
            return one
    raise AcplabError(_("{node} runs no API server.").format(node=member.node), _("Run ./acplab start."))


def manifest(name: str, member: Member, api_server: Object) -> Object:
    """The Pod: the snapshot is waited for and restored, then etcd and the API server start."""
    data = {DATA: "files"}
    (model,) = api_server["spec"]["containers"]
    load = etcd.container("restore", member.image, ["sh", "-c", RESTORE], data)
    store = etcd.container(
        "etcd", member.image, ["etcd", f"--data-dir={DATA}/etcd", "--unsafe-no-fsync"], data,
        readinessProbe={"exec": {"command": ASK}, "periodSeconds": 1, "timeoutSeconds": 3},
    )  # fmt: skip
    serve = {
        "name": "kube-apiserver",
        "image": model["image"],
        "imagePullPolicy": "IfNotPresent",
        "command": api_command(model["command"]),
        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}},
        "volumeMounts": [one | {"name": f"api-{one['name']}"} for one in model["volumeMounts"]],
    }
    made = etcd.pod(name, SYSTEM, member.node, [store, serve], hostNetwork=False, initContainers=[load])
    made["spec"]["volumes"] += [one | {"name": f"api-{one['name']}"} for one in api_server["spec"]["volumes"]]
    return made


def api_command(command: list[str]) -> list[str]:
    """The API server's command, on this etcd and for this Pod alone."""
    return [word for word in command if not word.startswith(OTHERS)] + [*OWN]


def _hand_over(box: Toolbox, snapshot: Path) -> None:
    """Copy the snapshot into the Pod as soon as its first container runs."""
    box.cluster.kube.wait("pod", box.name, _restores, SYSTEM, timeout=60)
    with snapshot.open("rb") as source:
        box.write(SNAPSHOT, source, "restore")


def _restores(pod: Object) -> bool:
    return any("running" in one["state"] for one in pod["status"].get("initContainerStatuses") or [])


@contextmanager
def _forwarded(box: Toolbox) -> Iterator[int]:
    """A port of this machine that leads to the API server in the Pod."""
    words = [str(shell.kubectl()), "port-forward", "-n", SYSTEM, f"pod/{box.name}", f":{PORT}", "--address=127.0.0.1"]
    with subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | shell.environment(box.cluster.kubeconfig),
    ) as forward:
        try:
            yield _port(forward)
        finally:
            forward.terminate()


def _port(forward: subprocess.Popen[str]) -> int:
    """What kubectl says first: "Forwarding from 127.0.0.1:40001 -> 6443"."""
    assert forward.stdout is not None
    said: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_pass_on, args=(forward.stdout, said), daemon=True).start()
    try:
        line = said.get(timeout=FORWARD_SECONDS)
    except queue.Empty:
        line = ""
    if found := re.search(r"127\.0\.0\.1:(\d+)", line):
        return int(found[1])
    raise AcplabError(
        _("kubectl port-forward has not opened a port: {line}").format(line=line.strip() or "-"), _("Try again.")
    )


def _pass_on(lines: Iterable[str], said: queue.Queue[str]) -> None:
    """All that is said, and "" at the end; read on, since kubectl would stop when nobody does."""
    for line in lines:
        said.put(line)
    said.put("")


def _kubeconfig(cluster: Cluster, port: int, folder: Path) -> Path:
    """The cluster's kubeconfig with this port in the place of its own."""
    config: dict[str, Any] = yaml.safe_load(cluster.kubeconfig.read_text(encoding="utf-8"))
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{port}"
    file = folder / "kubeconfig"
    file.touch(mode=0o600)
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    return file


def _allowed(then: Kube) -> Kube:
    """Wait until the API server knows who may do what; it says so of itself a moment too early."""
    for attempt in retry_context(on=AcplabError, attempts=None, timeout=FORWARD_SECONDS, wait_max=1.0):
        with attempt:
            then.list("namespace")
    return then
