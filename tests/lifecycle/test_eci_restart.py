"""A cluster with a virtual node is stopped and started: Pods are let in as soon as it is called ready."""

from __future__ import annotations

import secrets

from acplab import cluster as clusters
from acplab import kube
from acplab.cluster.eci import NODE

NAMESPACE = f"t-restart-{secrets.token_hex(3)}"


def pod(name: str, **labels: str) -> kube.Object:
    main = {"name": "main", "image": "docker.io/acplab/storefront:1.0.0", "imagePullPolicy": "IfNotPresent"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels},
        "spec": {"containers": [main]},
    }


def node_of(name: str) -> str:
    return kube.wait("pod", name, namespace=NAMESPACE)["spec"]["nodeName"]


def test_pods_are_let_in_at_once_after_a_restart():
    """A restarted API server may refuse every Pod until it has found the kind that configures our policy."""
    clusters.ensure("eci")
    clusters.stop("eci")
    with clusters.ensure("eci"):
        kube.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}])
        try:
            kube.apply([pod("here"), pod("there", **{"alibabacloud.com/eci": "true"})], NAMESPACE)
            assert node_of("here") != NODE
            assert node_of("there") == NODE
        finally:
            kube.delete("namespace", NAMESPACE, wait=False)
    clusters.stop("eci")
