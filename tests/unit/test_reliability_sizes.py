"""Quorums and batches, against the tables that etcd and ACK print; and where Pods are counted."""

from __future__ import annotations

import pytest
from acplab import kube, reliability
from acplab.base.errors import AcplabError


@pytest.mark.parametrize(
    ("members", "needed", "spare"), [(1, 1, 0), (2, 2, 0), (3, 2, 1), (4, 3, 1), (5, 3, 2), (7, 4, 3)]
)
def test_more_than_half_is_a_quorum(members, needed, spare):
    assert (reliability.majority(members), reliability.spare(members)) == (needed, spare)


@pytest.mark.parametrize("members", range(1, 20))
def test_no_two_groups_can_both_have_a_quorum(members):
    assert 2 * reliability.majority(members) > members


@pytest.mark.parametrize(
    ("nodes", "batches"),
    [(1, [1]), (3, [1, 1, 1]), (20, [1, *[2] * 9, 1]), (100, [1, 2, 4, 8, *[10] * 8, 5])],
)
def test_batches_double_up_to_a_tenth(nodes, batches):
    assert reliability.batches(nodes) == batches


@pytest.mark.parametrize("nodes", [1, 9, 10, 57, 999, 5000])
def test_batches_leave_no_node_out(nodes):
    found = reliability.batches(nodes)
    assert sum(found) == nodes
    assert max(found) <= max(1, nodes / 10)


@pytest.mark.parametrize("bad", [0, -3, 2.5, "3"])
def test_numbers_that_make_no_sense_are_refused(bad):
    with pytest.raises(AcplabError):
        reliability.majority(bad)
    with pytest.raises(AcplabError):
        reliability.batches(bad)


def pod(node: str, ready: str = "True", **metadata: str) -> dict:
    status = {"conditions": [{"type": "Ready", "status": ready}]}
    return {"metadata": {"name": "shop", **metadata}, "spec": {"nodeName": node}, "status": status}


def test_pods_are_counted_where_they_are_ready(monkeypatch):
    pods = [pod("n1"), pod("n1"), pod("n2"), pod("n2", "False"), pod("n3", deletionTimestamp="2026-11-26T00:00:00Z")]
    labels = {"n1": "h", "n2": "i", "n3": "j"}
    nodes = [
        {"metadata": {"name": name, "labels": {"topology.kubernetes.io/zone": zone}}} for name, zone in labels.items()
    ]
    monkeypatch.setattr(kube, "list", lambda kind, *_where: pods if kind == "pod" else nodes)
    assert reliability.by_node("app=shop", "ns") == {"n1": 2, "n2": 1}
    assert reliability.by_zone("app=shop", "ns") == {"h": 2, "i": 1, "j": 0}
