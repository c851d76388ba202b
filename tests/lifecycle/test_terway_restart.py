"""The stand-in for Terway forgets its sysctls when its nodes stop; a repair brings them back."""

from __future__ import annotations

import secrets

import pytest
from acplab import cluster as clusters
from acplab import kube
from acplab.base.errors import AcplabError
from acplab.base.retry import retry_context
from acplab.cluster import nodes

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
def terway(standing):
    with clusters.ensure("terway") as there:
        yield there
        kube.delete("pod", NAME, "default", grace=0, wait=False)


@pytest.fixture
def assert_answers(standing, run_docker):
    """The Pod answers a machine that is no member of its cluster, in the network of the nodes: a node of another.

    Where an earlier cluster had the same address, that node needs some seconds to forget whose it was (ARP).
    """

    def ask() -> None:
        url = f"http://{kube.get('pod', NAME, 'default')['status']['podIP']}:8080/"
        for attempt in retry_context(on=AcplabError, attempts=None, timeout=30, wait_initial=0.5, wait_max=0.5):
            with attempt:
                run_docker("exec", standing.nodes[0], "curl", "--fail", "--silent", "--max-time", "2", url)

    return ask


def test_pods_are_reached_from_outside_also_after_a_restart(terway, run_docker, assert_answers):
    kube.apply([SHOP], "default")
    kube.wait("pod", NAME, "ready", "default")
    assert_answers()
    run_docker("stop", "--time", "5", *nodes.states(terway.name))
    again = clusters.ensure("terway")
    assert kube.exists("pod", NAME, "default"), "the cluster was recreated, not repaired"
    assert nodes.addresses(again.name) == terway.addresses
    kube.wait("pod", NAME, "ready", "default")
    assert_answers()
