"""Nodes that are drained one after the other, as data."""

from __future__ import annotations

import pytest
from acplab.cluster import faults
from acplab.cluster.handle import Cluster


@pytest.fixture
def ha(monkeypatch):
    cluster = Cluster("ha", "acplab-x-ha", "image", {"http": 1})
    monkeypatch.setattr(faults, "_cluster_of", lambda names: cluster)
    return cluster


def test_each_node_is_back_before_the_next_is_drained(ha):
    fault = faults.drain_in_turn("acplab-x-ha-worker", "acplab-x-ha-worker2", seconds=60)
    assert fault.title == "drain worker, worker2 in turn"
    assert fault.do == (
        ("drain", "ha", "acplab-x-ha-worker", "60"),
        ("uncordon", "ha", "acplab-x-ha-worker"),
        ("drain", "ha", "acplab-x-ha-worker2", "60"),
        ("uncordon", "ha", "acplab-x-ha-worker2"),
    )


def test_whatever_ended_the_turn_no_node_stays_cordoned(ha):
    names = ("acplab-x-ha-worker", "acplab-x-ha-worker2")
    assert faults.drain_in_turn(*names).undo == tuple(("uncordon", "ha", name) for name in names)
