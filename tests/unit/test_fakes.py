"""The fake cluster of these tests keeps the promises that tests/cluster finds kept by the real one."""

from __future__ import annotations

import contract
from fakes import FakeCluster


def test_the_fake_cluster_does_what_kube_does():
    assert contract.failures(FakeCluster(), "space") == {}
