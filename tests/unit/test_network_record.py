"""A plan can be kept as JSON and read back, and what is no plan is refused with a sentence."""

from __future__ import annotations

import json
import pickle

import pytest
from acplab.base.errors import AcplabError
from acplab.topics import network
from acplab.topics.network import Neighbour, Plan, Request, VSwitch

FLANNEL = Request(
    vpc="192.168.0.0/16",
    nodes_later=40,
    neighbours=(
        Neighbour("production", "cluster", ("172.20.0.0/19",), "172.21.0.0/20"),
        Neighbour("office", "idc", ("10.0.0.0/8", "172.31.255.254/32")),
    ),
)
TERWAY = Request(
    vpc="10.4.0.0/16",
    plugin="terway",
    zones=("cn-hangzhou-h", "cn-hangzhou-i"),
    vswitches=(VSwitch("pod-h", "cn-hangzhou-h", "10.4.32.0/19", "pod"),),
    vpc6="2001:db8::/56",
)


@pytest.mark.parametrize("request_", [FLANNEL, TERWAY], ids=lambda request: request.plugin)
def test_a_plan_comes_back_as_it_was(request_):
    plan = network.plan_or_raise(request_)
    assert Plan.from_record(json.loads(json.dumps(plan.record()))) == plan


@pytest.mark.parametrize(
    "record", [None, 5, [], "plan", {}, {"vpc": "192.168.0.0/16"}, {"colour": "red"}], ids=lambda record: str(record)
)
def test_what_is_no_plan_is_refused(record):
    with pytest.raises(AcplabError) as refusal:
        Plan.from_record(record)
    assert refusal.value.remedy


def test_a_broken_plan_can_be_kept_too():
    broken = Plan(vpc="172.16.0.0/12", pod_cidr="172.20.0.0/16", service_cidr="192.168.0.0/20", node_mask=24)
    kept = Plan.from_record(broken.record())
    assert [one.rule for one in network.check(kept)] == [one.rule for one in network.check(broken)] != []


def test_a_result_is_recorded_as_its_plan_or_says_why_there_is_none():
    assert network.plan(FLANNEL).record() == network.plan_or_raise(FLANNEL).record()
    with pytest.raises(AcplabError, match="route entry") as refusal:
        network.plan(Request("192.168.0.0/16", nodes=49, route_quota=48)).record()
    assert "route_quota = 200" in refusal.value.remedy


def test_ranges_are_plain_text_in_a_record():
    assert {type(value) for value in network.plan_or_raise(FLANNEL).record().values()} == {str, int, list}
    assert type(network.plan_or_raise(TERWAY).record()["vswitches"][0]["cidr"]) is str


def test_a_range_is_its_text_and_survives_a_copy():
    vpc = FLANNEL.vpc
    assert (vpc, str(vpc), json.dumps(vpc)) == ("192.168.0.0/16", "192.168.0.0/16", '"192.168.0.0/16"')
    copied = pickle.loads(pickle.dumps(vpc))
    assert (copied, copied.first, copied.size, copied.prefix) == (vpc, 0xC0A80000, 65536, 16)
    assert not FLANNEL.pod_cidr
    assert FLANNEL.pod_cidr == ""
    assert FLANNEL.pod_cidr.size == 0
