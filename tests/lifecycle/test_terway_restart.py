"""The stand-in for Terway forgets its sysctls when its nodes stop; a repair brings them back."""

from __future__ import annotations

import secrets
import urllib.request

import pytest
from acplab import cluster as clusters
from acplab import kube
from acplab.base.retry import retry_context
from acplab.cluster import nodes
from acplab.kube import client as connection

NAME = f"shop-{secrets.token_hex(3)}"
SHOP = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": NAME},
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
    kube.delete("pod", NAME, "default", grace=0, wait=False)
    connection.use(before)


def assert_answers() -> None:
    """The Pod answers a machine that is no member of the cluster: this one, in the network of the nodes.

    Where an earlier cluster had the same address, this machine needs some seconds to forget whose it was (ARP).
    """
    address = kube.get("pod", NAME, "default")["status"]["podIP"]
    for attempt in retry_context(on=OSError, attempts=None, timeout=30, wait_initial=0.5, wait_max=0.5):
        with attempt:
            assert urllib.request.urlopen(f"http://{address}:8080/", timeout=2).status == 200


def test_pods_are_reached_from_outside_also_after_a_restart(terway, run_docker):
    kube.apply([SHOP], "default")
    kube.wait("pod", NAME, "ready", "default")
    assert_answers()
    run_docker("stop", "--time", "5", *nodes.states(terway.name))
    again = clusters.ensure("terway")
    assert kube.exists("pod", NAME, "default"), "the cluster was rebuilt, not repaired"
    assert nodes.addresses(again.name) == terway.addresses
    kube.wait("pod", NAME, "ready", "default")
    assert_answers()
