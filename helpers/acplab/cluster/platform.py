"""What a cluster gets on top: its Pod network, the ingress controller, the Gateway API, metrics."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from acplab import images, kube
from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.cluster import terway
from acplab.cluster.profiles import Own
from acplab.kube import Object, Objects

MANIFESTS = paths.ROOT / "manifests" / "platform"
LABEL = "acplab.dev/platform"
# What is in them would go with them, and that may be a learner's.
NEVER_PRUNED = ("Namespace", "CustomResourceDefinition")


def fingerprint(profile: Own) -> str:
    """Twelve hex digits of all that apply() applies to a cluster of this profile."""
    digest = hashlib.sha256()
    if profile.network == "default":
        digest.update(images.cni_manifest().encode())
    if profile.network == "terway":
        digest.update(terway.form().encode())
    for file in (*images.gateway_crds(), *_manifests()) if profile.platform else ():
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def _manifests() -> list[Path]:
    return sorted(MANIFESTS.glob("*.yaml"))


def apply(profile: Own, former: list[str] | None = None) -> list[str]:
    """Apply what a cluster of this profile gets, and delete what it got earlier and does not get now.

    former, and what is returned: "Kind/namespace/name" of each object. Applying it again changes nothing.
    """
    if profile.network == "terway":
        terway.install()
    applied = [_line(one) for objects in _parts(profile) for one in _applied(objects)]
    for line in sorted(set(former or []) - set(applied)):
        _prune(*line.split("/"))
    return applied


def _parts(profile: Own) -> Iterator[Objects]:
    """What is applied in one call each: kinds are looked up again after each call that brings CRDs."""
    if profile.network == "default":
        yield _pod_network()
    if profile.platform:
        yield [crd for file in images.gateway_crds() for crd in kube.read_manifests(file)]
        yield from (kube.read_manifests(file) for file in _manifests())


def _pod_network() -> Objects:
    """podnet, which kind has installed when it made the cluster, with the Pod range that kind filled in then."""
    (container,) = kube.get("daemonset", "podnet", "kube-system")["spec"]["template"]["spec"]["containers"]
    pods = next(one["value"] for one in container["env"] if one["name"] == "POD_SUBNET")
    return kube.read_manifests(images.cni_manifest().replace("{{ .PodSubnet }}", pods))


def _applied(objects: Objects) -> Objects:
    labelled = [_labelled(one) for one in objects]
    if labelled:
        kube.apply(labelled)
    return labelled


def _labelled(one: Object) -> Object:
    one["metadata"].setdefault("labels", {})[LABEL] = "true"
    return one


def _line(one: Object) -> str:
    return f"{one['kind']}/{one['metadata'].get('namespace', '')}/{one['metadata']['name']}"


def _prune(kind: str, namespace: str, name: str) -> None:
    if kind in NEVER_PRUNED or kind not in {known for known, _namespaced in kube.api_resources()}:
        return
    found = kube.find(kind, name, namespace or None)
    if found and LABEL in (found["metadata"].get("labels") or {}):
        kube.delete(kind, name, namespace or None, wait=False)


def wait_ready() -> None:
    """Wait until requests can enter; AcplabError says which part doesn't serve.

    The metrics come by themselves: their first value takes two measurements, 10 s apart, that nobody has to wait for.
    """
    kube.wait("deployment", "traefik", "ready", "ingress", timeout=120)
    kube.wait("gateway", "lab", "ready", "ingress", timeout=60)


def wait_system() -> None:
    """Wait until every Pod of a new cluster is ready, so that it has its address before anybody takes the last one."""
    for pod in kube.list("pod", namespace="*"):
        kube.wait("pod", pod["metadata"]["name"], namespace=pod["metadata"]["namespace"], timeout=120)


def wait_names() -> None:
    """Wait until CoreDNS is back, after a restart of the nodes. If it does not come, somebody may have broken it on purpose."""
    for pod in kube.list("pod", "kube-system", "k8s-app=kube-dns"):
        if "deletionTimestamp" not in pod["metadata"]:
            with suppress(AcplabError):
                kube.wait("pod", pod["metadata"]["name"], namespace="kube-system", timeout=30)
