"""What a lab cluster gets on top: the ingress controller, the Gateway API, metrics."""

from __future__ import annotations

from acplab import images, kube, paths

MANIFESTS = paths.ROOT / "manifests" / "platform"
WORKLOADS = [("traefik", "ingress"), ("metrics-server", "kube-system")]


def apply() -> None:
    """Apply the platform. Applying it again changes nothing."""
    # In one call: kinds are looked up anew after each call that brings CRDs.
    kube.apply([crd for file in images.gateway_crds() for crd in kube.read_manifests(file)])
    for file in sorted(MANIFESTS.glob("*.yaml")):
        kube.apply(file)


def wait_ready() -> None:
    """Wait until every part of the platform serves; AcplabError says which one doesn't."""
    for name, namespace in WORKLOADS:
        kube.wait("deployment", name, "ready", namespace, timeout=120)
    kube.wait("gateway", "lab", "ready", "ingress", timeout=60)
