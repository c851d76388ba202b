"""The stand-in for Terway forgets its sysctls when its nodes stop; a repair brings them back."""

from __future__ import annotations

import urllib.request

import pytest
from acplab import cluster as clusters
from acplab import connection, kube, nodes

SHOP = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "shop"},
    "spec": {
        "containers": [
            {"name": "shop", "image": "docker.io/acplab/storefront:1.0.0", "imagePullPolicy": "IfNotPresent"}
        ]
    },
}


@pytest.fixture
def terway():
    before = connection.current()
    yield clusters.ensure("terway")
    kube.delete("pod", "shop", "default", grace=0)
    connection.use(before)


def answer() -> int:
    """What the Pod says to a machine that is no member of the cluster: this one, in the network of the nodes."""
    address = kube.get("pod", "shop", "default")["status"]["podIP"]
    return urllib.request.urlopen(f"http://{address}:8080/", timeout=5).status


def test_pods_are_reached_from_outside_also_after_a_restart(terway, run_docker):
    kube.apply([SHOP], "default")
    kube.wait("pod", "shop", "ready", "default")
    assert answer() == 200
    run_docker("stop", "--time", "5", *nodes.states(terway.name))
    clusters.ensure("terway")
    kube.wait("pod", "shop", "ready", "default")
    assert answer() == 200
