"""What a cut zone loses: the machines of other zones, and the Pods on them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from acplab.base.errors import AcplabError
from acplab.cluster import faults
from acplab.cluster.faults import ZONE

NODES = {"c-one": ("h", "10.0.0.0/24"), "c-two": ("i", "10.0.1.0/24"), "c-three": ("i", None)}


@pytest.fixture(autouse=True)
def cluster(monkeypatch):
    listed = [
        {"metadata": {"name": name, "labels": {ZONE: zone}}, "spec": {"podCIDR": cidr} if cidr else {}}
        for name, (zone, cidr) in NODES.items()
    ]
    addresses = {"c-one": "172.18.0.2", "c-two": "172.18.0.3", "c-three": "172.18.0.4", "c-balancer": "172.18.0.9"}
    kube = SimpleNamespace(list=lambda _kind: listed)
    there = SimpleNamespace(name="c", profile="ha", addresses=addresses, kube=kube)
    monkeypatch.setattr(faults, "recorded", lambda _profile: there)


def test_a_cut_zone_loses_other_machines_and_their_pods():
    fault = faults.cut_zone("h")
    (step,) = fault.do
    assert (step[:2], step[3]) == (("filter", "c-one"), "1")
    assert set(step[4:]) == {"172.18.0.3", "172.18.0.4", "172.18.0.9", "10.0.1.0/24"}
    assert [one[:2] for one in fault.undo] == [("unfilter", "c-one")]


def test_all_nodes_of_a_zone_are_cut_and_not_from_each_other():
    fault = faults.cut_zone("i")
    assert fault.touched == ("c-three", "c-two")
    assert all(set(step[4:]) == {"172.18.0.2", "172.18.0.9", "10.0.0.0/24"} for step in fault.do)


def test_a_zone_without_nodes_names_those_that_there_are():
    with pytest.raises(AcplabError, match="in zone k") as told:
        faults.cut_zone("k")
    assert "h, i" in told.value.remedy
