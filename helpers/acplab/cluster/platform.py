"""What a lab cluster gets on top: the ingress controller, the Gateway API, metrics."""

from __future__ import annotations

from acplab import images, kube
from acplab.base import paths

MANIFESTS = paths.ROOT / "manifests" / "platform"


def apply() -> None:
    """Apply the platform. Applying it again changes nothing."""
    # In one call: kinds are looked up anew after each call that brings CRDs.
    kube.apply([crd for file in images.gateway_crds() for crd in kube.read_manifests(file)])
    for file in sorted(MANIFESTS.glob("*.yaml")):
        kube.apply(file)


def wait_ready() -> None:
    """Wait until requests can enter; AcplabError says which part doesn't serve.

    The metrics come by themselves: their first value takes two measurements, 10 s apart, that nobody has to wait for.
    """
    kube.wait("deployment", "traefik", "ready", "ingress", timeout=120)
    kube.wait("gateway", "lab", "ready", "ingress", timeout=60)
