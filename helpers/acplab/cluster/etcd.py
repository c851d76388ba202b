"""etcd's own tools for a cluster, in a Pod on a control plane: neither the nodes nor etcd's image have them on every route.

    etcd.toolbox(cluster, "default")        then: kubectl exec -n default toolbox -- etcdctl member list -w table

The Pod has etcd's image, the node's programs beside it, and the certificate that etcd wants of a client. Who has that
certificate has all that is in the cluster.
"""

from __future__ import annotations

import os
import re
import secrets
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, TypeVar

from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.base.retry import retry_context
from acplab.cluster import ownership
from acplab.cluster.handle import Cluster, start_command
from acplab.host import docker, shell
from acplab.kube import Object
from acplab.kube.conditions import verdict

SYSTEM = "kube-system"
FOLDER = "/snapshots"  # in the toolbox; it goes with the Pod
PKI = "/etc/kubernetes/pki"
# Folders of the node that its programs need; /usr/local/bin has etcd's tools, if the node has them.
TREES = {"/node/bin": "/usr/local/bin", **{path: path for path in ("/usr/bin", "/usr/sbin", "/usr/lib", "/bin", "/lib", "/lib64")}}  # fmt: skip
PATH = "/usr/local/bin:/node/bin:/usr/sbin:/usr/bin:/bin"
LOCAL = "https://127.0.0.1:2379"  # what a Pod of the node's network calls the node's own member
CLIENT = {
    "ETCDCTL_CACERT": f"{PKI}/etcd/ca.crt",
    "ETCDCTL_CERT": f"{PKI}/etcd/healthcheck-client.crt",
    "ETCDCTL_KEY": f"{PKI}/etcd/healthcheck-client.key",
}
UNTIL_ENDED = "trap 'exit 0' TERM; sleep infinity & wait"
COPY_SECONDS = 120
SELECTOR, BORROWED = "app=acplab-etcd-tools", "acplab-toolbox-"  # labels of all such Pods; how the names of some begin
METRICS = "http://127.0.0.1:2381/metrics"  # of the member on each control plane
API = "https://127.0.0.1:6443/readyz"
ASK = ("curl", "--silent", "--fail", "--insecure", "--max-time", "2")
T = TypeVar("T")


@dataclass(frozen=True)
class Member:
    """A member of etcd. node: its control plane, at this address; image: what it runs; ready: what the API says of its Pod."""

    node: str
    address: str
    image: str
    ready: bool


def members(cluster: Cluster) -> list[Member]:
    """The control planes that run etcd, by name."""
    found = cluster.kube.list("pod", SYSTEM, "component=etcd")
    return sorted((_member(pod) for pod in found), key=lambda one: one.node)


def _member(pod: Object) -> Member:
    ready = verdict(pod["status"], "Ready") is True
    image = pod["spec"]["containers"][0]["image"]
    return Member(pod["spec"]["nodeName"], pod["status"].get("hostIP", ""), image, ready)


def ready_member(cluster: Cluster, node: str | None = None) -> Member:
    """The first member that is ready, or that of a node."""
    found = members(cluster)
    for one in found:
        if one.node == node or (node is None and one.ready):
            return one
    names = ", ".join(one.node for one in found) or "-"
    if node:
        raise AcplabError(
            _("{node} runs no member of etcd.").format(node=node), _("Take one of: {names}.").format(names=names)
        )
    raise AcplabError(
        _("No member of etcd is ready in {cluster}.").format(cluster=cluster.name),
        _("Run {start}.").format(start=start_command(cluster.profile)),
    )


def roles(cluster: Cluster) -> dict[str, str]:
    """What each member says of itself: control plane -> "leader", "follower", "no leader" or "no answer"."""
    return _each(cluster, _role)


def api_servers(cluster: Cluster) -> dict[str, bool]:
    """Control plane -> whether the API server on it is ready, asked there and not through the load balancer."""
    return _each(cluster, lambda node: _asked(node, API) == "ok")


def wait_whole(cluster: Cluster, timeout: float = 60) -> dict[str, str]:
    """Wait until one member leads, all others follow, and all API servers are ready; the roles then."""
    for attempt in retry_context(on=AcplabError, attempts=None, timeout=timeout, wait_initial=0.5, wait_max=1.0):
        with attempt:
            found = roles(cluster)
            _require_whole(cluster, found)
    return found


def is_whole(roles: dict[str, str]) -> bool:
    """Whether one member leads and all others follow."""
    return sorted(roles.values()) == ["follower"] * (len(roles) - 1) + ["leader"]


def _require_whole(cluster: Cluster, found: dict[str, str]) -> None:
    said = ", ".join(f"{cluster.short(node)}: {role}" for node, role in found.items())
    if not is_whole(found):
        raise AcplabError(
            _("etcd is not whole: {said}.").format(said=said), _("Look at the control plane that does not answer.")
        )
    if silent := [cluster.short(node) for node, ready in api_servers(cluster).items() if not ready]:
        raise AcplabError(
            _("No API server is ready on {nodes}.").format(nodes=", ".join(silent)),
            _("Look at the static Pods of that control plane."),
        )


def _each(cluster: Cluster, ask: Callable[[str], T]) -> dict[str, T]:
    names = control_planes(cluster)
    with ThreadPoolExecutor(len(names)) as pool:
        return dict(zip(names, pool.map(ask, names), strict=True))


def on_node(cluster: Cluster, node: str, *command: str) -> str:
    """What a command says on a node, as after a login: the way in when its kubelet has no API server to ask."""
    if node not in cluster.nodes:
        raise AcplabError(
            _("{cluster} has no node {node}.").format(cluster=cluster.name, node=node),
            _("Take one of: {names}.").format(names=", ".join(cluster.nodes)),
        )
    ownership.require_own(cluster.name)
    return docker.run("exec", node, *command, timeout=30)


def control_planes(cluster: Cluster) -> list[str]:
    """The names of its control planes, whether or not etcd runs there."""
    return [name for name in cluster.nodes if "control-plane" in name]


def _asked(node: str, url: str) -> str:
    """What a program on a node answers; "" if it doesn't."""
    try:
        return docker.run("exec", node, *ASK, url, timeout=10)
    except AcplabError:
        return ""


def _role(node: str) -> str:
    said = _asked(node, METRICS)
    return role(said) if said else "no answer"


def role(metrics: str) -> str:
    """ "leader", "follower" or "no leader", from lines of an etcd member's /metrics."""
    gauges = dict(re.findall(r"(etcd_server_(?:is|has)_leader) (\d)", metrics))
    if gauges.get("etcd_server_has_leader") != "1":
        return "no leader"
    return "leader" if gauges.get("etcd_server_is_leader") == "1" else "follower"


# --- the toolbox ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Toolbox:
    """A Pod with etcdctl, etcdutl, a shell and the node's programs. etcdctl knows all members and has the certificate."""

    cluster: Cluster
    name: str
    namespace: str

    def run(self, *command: str, container: str | None = None) -> str:
        """What a command says. AcplabError if it ends with another code than 0."""
        return self.cluster.kube.exec(self.name, [*command], self.namespace, container)

    def read(self, path: str, target: IO[bytes]) -> None:
        """Copy a file of the Pod into an open file."""
        self._stream("--", "cat", path, target=target)

    def write(self, path: str, source: IO[bytes], container: str) -> None:
        """Copy an open file into one of a container; it appears when it is whole."""
        script = f"umask 077; cat > {path}.part && mv {path}.part {path}"
        self._stream("-i", "-c", container, "--", "sh", "-c", script, source=source)

    def _stream(self, *words: str, source: IO[bytes] | None = None, target: IO[bytes] | None = None) -> None:
        command = [str(shell.kubectl()), "exec", "-n", self.namespace, self.name, *words]
        done = subprocess.run(
            command,
            stdin=source or subprocess.DEVNULL,
            stdout=target or subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=os.environ | shell.environment(self.cluster.kubeconfig),
            timeout=COPY_SECONDS,
        )
        if done.returncode:
            last = (done.stderr.decode(errors="replace").strip().splitlines() or [_("no words")])[-1]
            raise AcplabError(
                _("A file could not be copied from or to the Pod {pod}: {last}").format(pod=self.name, last=last),
                _("Try again; if the disk of the node is full, ./acplab doctor says so."),
            )

    def __repr__(self) -> str:
        return f"kubectl exec -n {self.namespace} {self.name} -- etcdctl"


def toolbox(cluster: Cluster, namespace: str, node: str | None = None) -> Toolbox:
    """The Pod `toolbox` in a namespace, started if it isn't there, and ready. node: on this control plane.

    It ends with its namespace. Its repr is how a command in the terminal begins.
    """
    return _started(Toolbox(cluster, "toolbox", namespace), ready_member(cluster, node))


@contextmanager
def borrowed(cluster: Cluster) -> Iterator[Toolbox]:
    """A toolbox of one's own, in kube-system, gone at the end of the block."""
    box = Toolbox(cluster, f"{BORROWED}{secrets.token_hex(3)}", SYSTEM)
    try:
        yield _started(box, ready_member(cluster))
    finally:
        cluster.kube.delete("pod", box.name, box.namespace, grace=1)


def _started(box: Toolbox, member: Member) -> Toolbox:
    if not box.cluster.kube.exists("pod", box.name, box.namespace):
        urls = ",".join(f"https://{box.cluster.addresses[one]}:2379" for one in control_planes(box.cluster))
        tools = container("tools", member.image, ["sh", "-c", UNTIL_ENDED], {FOLDER: "files"}, urls)
        box.cluster.kube.apply([pod(box.name, box.namespace, member.node, [tools])])
    box.cluster.kube.wait("pod", box.name, namespace=box.namespace)
    return box


# --- Pods with the node's programs ---------------------------------------------------------------------------------------------


def pod(name: str, namespace: str, node: str, containers: list[Object], **spec: Any) -> Object:
    """A Pod on this node, of containers that container() has made. Each may mount "files", a folder of the Pod."""
    volumes = [{"name": _volume(path), "hostPath": {"path": path}} for path in (*TREES.values(), PKI)]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": dict([SELECTOR.split("=")])},
        "spec": {
            # By its label, so that a Pod which comes back from a snapshot comes back here.
            "nodeSelector": {"kubernetes.io/hostname": node},
            "hostNetwork": True,
            "tolerations": [{"operator": "Exists"}],
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 1,
            "containers": containers,
            "volumes": [*volumes, {"name": "files", "emptyDir": {}}],
        }
        | spec,
    }


def container(
    name: str, image: str, command: list[str], mounts: dict[str, str], endpoints: str = LOCAL, **more: Any
) -> Object:
    """A container with the node's programs and etcd's client certificate.

    mounts: path -> volume, in addition. endpoints: the members that etcdctl asks.
    """
    environment = CLIENT | {"ETCDCTL_ENDPOINTS": endpoints, "PATH": PATH, "HOME": "/tmp"}
    shared = [
        {"name": _volume(source), "mountPath": path, "readOnly": True} for path, source in (TREES | {PKI: PKI}).items()
    ]
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": command,
        "env": [{"name": key, "value": value} for key, value in environment.items()],
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "512Mi"}},
        "volumeMounts": [*shared, *({"name": volume, "mountPath": path} for path, volume in mounts.items())],
    } | more


def _volume(path: str) -> str:
    return path.strip("/").replace("/", "-")
