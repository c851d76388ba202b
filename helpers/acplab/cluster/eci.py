"""The virtual node of a cluster: upstream's virtual-kubelet in a container beside the nodes, which stands in for ECI.

A cluster whose profile says `virtual_node: true` has one: lifecycle.py calls bring_up_to_date() when the cluster is made or
found, and remove_containers() when it is stopped or deleted. The program is in helpers/images/eci, what it may do in manifests/eci. All of its containers and volumes carry our owner id and
the cluster's name; what lacks one of the two is never touched.
"""

from __future__ import annotations

import base64
import io
import tarfile
from typing import Any

import yaml

from acplab import kube
from acplab.base import paths
from acplab.base.console import stage
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.base.retry import retry_context
from acplab.cluster import nodes, platform
from acplab.cluster.handle import Cluster
from acplab.cluster.profiles import own
from acplab.host import docker
from acplab.images import catalogue, sources, store
from acplab.kube import Object, client, ownership

NODE = "virtual-kubelet-cn-hangzhou-i"
MANIFESTS = paths.ROOT / "manifests" / "eci"
SYSTEM = "kube-system"
OWNER, CLUSTER, ROLE, INPUTS = "acplab.dev/owner", "acplab.dev/cluster", "acplab.dev/eci", "acplab.dev/eci-inputs"
SOCKET = "/var/run/docker.sock"
KUBECONFIG = "/etc/acplab/kubeconfig"
# They tolerate every taint, so only an affinity keeps them from a node that runs no DaemonSet. ACK's have the same one.
EVERYWHERE = ("kube-proxy", "podnet", "kindnet")
PROBE = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "acplab-probe", "namespace": "default"},
    "spec": {"containers": [{"name": "main", "image": "docker.io/acplab/storefront:1.0.0"}]},
}
AWAY = {"key": "type", "operator": "NotIn", "values": ["virtual-kubelet"]}


def bring_up_to_date(cluster: Cluster) -> None:
    """Make the virtual node of this cluster, the current one, if it does not run as it would be made today."""
    if _ours(cluster.name, "program", f"label={INPUTS}={inputs(cluster)}", "status=running"):
        return
    client.require_own_cluster()
    _get_images(cluster)
    with stage("eci", _("Starting the virtual node"), 10):
        for file in sorted(MANIFESTS.glob("*.yaml")):
            kube.apply(kube.read_manifests(file))
        _keep_away()
        _run(cluster)
        kube.wait("node", NODE, timeout=60)
        _wait_for_policies()


def _wait_for_policies() -> None:
    """Wait until Pods are let in: an API server that was restarted refuses each of them until it has found the kinds again
    by which our admission policies are configured, which takes it up to half a minute."""
    for attempt in retry_context(on=client.Refused, attempts=None, timeout=90, wait_initial=0.2, wait_max=1.0):
        with attempt:
            kube.dry_run([PROBE])


def inputs(cluster: Cluster) -> str:
    """Twelve hex digits of all that the virtual node of a cluster is made of."""
    texts = [file.read_text(encoding="utf-8") for file in sorted(MANIFESTS.glob("*.yaml"))]
    # The platform too: podnet comes with it, and has to be kept away again.
    return catalogue.fingerprint(texts, catalogue.image_inputs(_image()), platform.fingerprint(own(cluster.profile)))


def _get_images(cluster: Cluster) -> None:
    """Our own images, also those of the platform that Pods of chapters run: here Docker runs them, and not a node."""
    wanted = [one for one in catalogue.images("eci", "platform") if one.ours]
    missing = [one for one in wanted if store.built_from(one.reference) != catalogue.image_inputs(one)]
    if missing:
        with sources.alone():
            sources.by_ladder(cluster.route, lambda route, prefix: sources.fetch(missing, route, prefix))


def _image() -> catalogue.Image:
    return next(one for one in catalogue.images("eci") if one.folder == "eci")


def _keep_away() -> None:
    for name in EVERYWHERE:
        if found := kube.find("daemonset", name, SYSTEM):
            kube.patch("daemonset", name, away_patch(found), SYSTEM)


def away_patch(daemonset: Object) -> Object:
    """The merge patch that keeps a DaemonSet from virtual nodes, beside what it demands of nodes already."""
    spec = daemonset["spec"]["template"]["spec"]
    affinity = dict(spec.get("affinity") or {})
    node = dict(affinity.get("nodeAffinity") or {})
    required = node.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    terms = [_with_away(one) for one in required.get("nodeSelectorTerms") or [{}]]
    node["requiredDuringSchedulingIgnoredDuringExecution"] = {"nodeSelectorTerms": terms}
    return {"spec": {"template": {"spec": {"affinity": affinity | {"nodeAffinity": node}}}}}


def _with_away(term: dict[str, Any]) -> dict[str, Any]:
    others = [one for one in term.get("matchExpressions") or [] if one != AWAY]
    return term | {"matchExpressions": [*others, AWAY]}


# --- the program --------------------------------------------------------------------------------------------------------


def container_name(cluster: Cluster) -> str:
    """Of the program's container."""
    return f"{cluster.name}-eci"


def _run(cluster: Cluster) -> None:
    name = container_name(cluster)
    if former := _ours(cluster.name, "program"):
        docker.run("rm", "--force", *former)
    docker.run(*create_command(cluster, _settings(cluster)))
    _put(name, KUBECONFIG, _kubeconfig(cluster))
    docker.run("start", name)


def create_command(cluster: Cluster, settings: dict[str, str]) -> list[str]:
    """`docker create` of the program; Docker starts it again after a crash and after its own restart."""
    words = ["create", "--name", container_name(cluster), "--network", nodes.network(), "--restart", "unless-stopped"]
    for key, value in (labels(cluster.name, "program") | {INPUTS: inputs(cluster)}).items():
        words += ["--label", f"{key}={value}"]
    for key, value in settings.items():
        words += ["--env", f"ECI_{key}={value}"]
    words += ["--env", f"KUBECONFIG={KUBECONFIG}", "--volume", f"{_socket()}:{SOCKET}"]
    return [*words, _image().reference]


def labels(cluster: str, role: str) -> dict[str, str]:
    """What our containers carry. cluster: its name; role: program, sandbox, container or volume."""
    return {OWNER: ownership.owner(), CLUSTER: cluster, ROLE: role}


def _socket() -> str:
    """Docker's socket as its own machine sees it."""
    found = docker.endpoint()
    return found.removeprefix("unix://") if found.startswith("unix://") else SOCKET


def _settings(cluster: Cluster) -> dict[str, str]:
    return {
        "OWNER": ownership.owner(),
        "INSTANCE": paths.instance(),
        "CLUSTER": cluster.name,
        "NETWORK": nodes.network(),
        "NODE": NODE,
        "SANDBOX_IMAGE": _image().reference,
        "CLUSTER_DNS": kube.get("service", "kube-dns", SYSTEM)["spec"]["clusterIP"],
        "SERVICE_CIDR": kube.get("servicecidr", "kubernetes")["spec"]["cidrs"][0],
    }


def _kubeconfig(cluster: Cluster) -> str:
    """The account's, with the API server's name on the Docker network."""
    token = _token()
    own: dict[str, Any] = yaml.safe_load(cluster.kubeconfig.read_text(encoding="utf-8"))
    authority = own["clusters"][0]["cluster"]["certificate-authority-data"]
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "eci",
            "clusters": [{"name": "c", "cluster": {"server": _api(cluster), "certificate-authority-data": authority}}],
            "users": [{"name": "u", "user": {"token": token}}],
            "contexts": [{"name": "eci", "context": {"cluster": "c", "user": "u"}}],
        }
    )


def _api(cluster: Cluster) -> str:
    """With several control planes it is the load balancer's, as kind names it."""
    names = set(nodes.states(cluster.name))
    balancer = f"{cluster.name}-external-load-balancer"
    return f"https://{balancer if balancer in names else cluster.name + '-control-plane'}:6443"


def _token() -> str:
    """The controller manager fills the Secret within moments."""
    for attempt in retry_context(on=AcplabError, attempts=None, timeout=30, wait_initial=0.1, wait_max=1.0):
        with attempt:
            data = kube.get("secret", "eci-token", SYSTEM).get("data") or {}
            if "token" not in data:
                raise AcplabError(_("The account of the virtual node has no token yet."), _("Try again."))
    return base64.b64decode(data["token"]).decode()


def _put(name: str, path: str, text: str) -> None:
    """Write a file into a container that does not run yet; in an environment variable anybody could read it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        member = tarfile.TarInfo(path.lstrip("/"))
        member.size, member.mode = len(text.encode()), 0o600
        tar.addfile(member, io.BytesIO(text.encode()))
    # An archive of plain ASCII text is itself text.
    docker.run("cp", "-", f"{name}:/", stdin=buffer.getvalue().decode("ascii"))


# --- the end ------------------------------------------------------------------------------------------------------------


def remove_containers(cluster: str) -> None:
    """Of a cluster, by its name: the program first, or it would make again what is removed; then instances, and their volumes.

    Asks no API server.
    """
    for role in ("program", "container", "sandbox"):
        if found := _ours(cluster, role):
            docker.run("rm", "--force", "--volumes", *found)
    if volumes := docker.run("volume", "ls", "--quiet", *_filters(cluster, "volume")).split():
        docker.run("volume", "rm", "--force", *volumes)


def _ours(cluster: str, role: str, *more: str) -> list[str]:
    """Containers of this role; more: further filters of `docker ps`."""
    further = [word for one in more for word in ("--filter", one)]
    return docker.run("ps", "--all", "--quiet", *_filters(cluster, role), *further).split()


def _filters(cluster: str, role: str) -> list[str]:
    return [word for key, value in labels(cluster, role).items() for word in ("--filter", f"label={key}={value}")]
