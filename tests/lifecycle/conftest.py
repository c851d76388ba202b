"""These tests stop, break and rebuild the cluster, so they run last."""

from __future__ import annotations

import pytest
from acplab import cluster as clusters
from acplab import kube
from acplab.cluster import nodes
from acplab.host import docker


@pytest.fixture
def standing(cluster):
    """The cluster as it stands now: an earlier test here may have rebuilt it."""
    return clusters.ensure("small")


@pytest.fixture
def mark(standing):
    """A ConfigMap: whoever still finds it after a repair has the same cluster, not a new one."""
    name = "lifecycle-mark"
    kube.apply(
        [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"here": "yes"}}], "default"
    )
    return lambda: kube.exists("configmap", name, "default")


@pytest.fixture
def worker(standing):
    """The name of one worker's container."""
    return next(name for name in nodes.states(standing.name) if name.endswith("worker"))


@pytest.fixture
def run_docker():
    """`docker ARGUMENTS`, behind acplab's back."""
    return docker.run
