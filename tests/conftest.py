"""What the tests share: one cluster of their own, and a fresh namespace for each test that wants one."""

from __future__ import annotations

import os
import secrets

import hypothesis
import pytest
from acplab import cluster as clusters
from acplab import kube

# Timings belong into tests/bench: a busy machine must not fail a property. Each run draws other examples, so that few a
# run are many in a week; HYPOTHESIS_PROFILE=thorough tries many at once.
hypothesis.settings.register_profile("acplab", deadline=None, max_examples=40)
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=400)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "acplab"))


@pytest.fixture(scope="session")
def cluster():
    """The cluster `small` of the instance "test", found or made."""
    return clusters.ensure("small")


@pytest.fixture
def namespace(cluster):
    """A namespace of this test alone; also the first label of its hosts, so that no two tests share one."""
    name = f"t-{secrets.token_hex(4)}"
    kube.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}])
    yield name
    kube.delete("namespace", name, wait=False)
