"""What public bug reports broke in the network planner: the whole kind of each, and its right answer."""

from __future__ import annotations

import pytest
from acplab.base.errors import AcplabError
from acplab.topics import network
from acplab.topics.network import Neighbour, Request, VSwitch

H = "cn-hangzhou-h"
V = "192.168.0.0/16"


def rules(request: Request) -> list[str]:
    return [one.rule for one in network.plan(request).violations]


def cured(request: Request) -> Request:
    """The request with every proposal of its first violation taken, one after the other, until it has a plan."""
    for _round in range(5):
        violations = network.plan(request).violations
        if not violations:
            return request
        request = network.apply(request, violations[0].proposal)
    raise AssertionError(violations)


# --- sizes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "rule", "says"),
    [
        # kubernetes/kubernetes#12624, kubernetes/kubeadm#695, canonical/k8s-snap#706, kubernetes PR #90411
        (Request(V, pod_cidr="10.128.0.0/9", service_cidr="10.0.0.0/9"), "service-size", "/12 to /28"),
        (Request(V, "terway", vpc6="2001:db8::/56", service_cidr6="fd00::/64"), "service-size", "/108 to /124"),
        (Request(V, "terway", vpc6="2001:db8::/56", service_cidr6="fd00::/96"), "service-size", "/108 to /124"),
        (Request(V, "terway", vpc6="2001:db8::/56", service_cidr6="fd00::/125"), "service-size", "/108 to /124"),
        (Request(V, service_cidr="172.21.0.0/29", services=4), "service-size", "/12 to /28"),
        (Request(V, service_cidr="172.21.0.0/30", services=0), "service-size", "/12 to /28"),
        (Request(V, service_cidr="172.21.0.0/32", services=0), "service-size", "/12 to /28"),
        # vSwitch: terraform alicloud_vswitch
        (Request("10.0.0.0/8", vswitches=(VSwitch("nodes", H, "10.0.0.0/8"),)), "vswitch-size", "/16 to /29"),
        (Request("10.0.0.0/8", vswitches=(VSwitch("nodes", H, "10.0.0.0/15"),)), "vswitch-size", "/16 to /29"),
        (
            Request("10.0.0.0/8", vswitches=(VSwitch("a", H, "10.0.0.0/24"), VSwitch("b", H, "10.0.1.0/30"))),
            "vswitch-size",
            "/16 to /29",
        ),
        # VPC: terraform alicloud_vpc
        (Request("192.168.0.0/30", nodes=1, nodes_later=1), "vpc-size", "/8 to /28"),
        (Request("192.168.0.0/29", nodes=1, nodes_later=1), "vpc-size", "/8 to /28"),
        (Request("8.0.0.0/7"), "vpc-size", "/8 to /28"),
    ],
)
def test_a_range_of_a_size_that_does_not_exist_is_refused_and_another_proposed(request_, rule, says):
    found = [one for one in network.plan(request_).violations if one.rule == rule]
    assert len(found) == 1
    assert says in found[0].sentence
    assert rule not in rules(network.apply(request_, found[0].proposal))
    assert network.plan(cured(request_)).plan


@pytest.mark.parametrize(
    ("request_", "field", "prefix"),
    [
        (Request(V, pod_cidr="10.128.0.0/9", service_cidr="10.0.0.0/12"), "service_cidr", 12),
        (Request(V, service_cidr="172.21.0.0/28", services=12), "service_cidr", 28),
        (Request(V, services=0), "service_cidr", 20),
        (Request(V, services=1_000_000), "service_cidr", 12),
        (Request(V, "terway", vpc6="2001:db8::/56", service_cidr6="fd00::/108"), "service_cidr6", 108),
        (Request(V, "terway", vpc6="2001:db8::/56", service_cidr6="fd00::/124"), "service_cidr6", 124),
        (Request("192.168.0.0/28", nodes=1, nodes_later=1), "vpc", 28),
    ],
)
def test_the_largest_and_the_smallest_that_exist_are_accepted(request_, field, prefix):
    assert getattr(network.plan_or_raise(request_), field).prefix == prefix


def test_more_services_than_the_largest_service_cidr_has_are_refused():
    assert rules(Request(V, services=1 << 20)) == ["no-room"]


def test_a_vpc_that_is_too_small_becomes_a_28():
    request = Request("192.168.0.0/30", nodes=1, nodes_later=1)
    assert {one.proposal["vpc"] for one in network.plan(request).violations} == {"192.168.0.0/28"}


def test_many_pods_get_several_pod_vswitches_of_a_16_at_most():
    plan = network.plan_or_raise(Request("10.0.0.0/8", "terway", nodes_later=3000, pods_per_node=200))
    pods = [one for one in plan.vswitches if one.role == "pod"]
    assert len(pods) == 10
    assert all(one.cidr.prefix >= 16 for one in plan.vswitches)
    assert sum(network.usable(one.cidr) for one in pods) >= 600_000
    assert [one.name for one in pods[:2]] == [f"pod-{H}", f"pod-{H}-2"]


def test_a_pod_vswitch_that_cannot_grow_any_more_gets_another_beside_it():
    own = (VSwitch("nodes", H, "10.0.0.0/20"), VSwitch("pods", H, "10.1.0.0/16", "pod"))
    request = Request("10.0.0.0/8", "terway", vswitches=own, nodes_later=400, pods_per_node=200)
    (found,) = network.plan(request).violations
    assert found.proposal == {f"vswitches.pod-{H}": "10.0.64.0/18"}
    assert network.plan(network.apply(request, found.proposal)).plan


# --- ranges that are allowed today, or are none -----------------------------------------------------------------------


def test_a_vpc_of_other_ranges_is_accepted_with_a_word_about_the_exam():
    near = (Neighbour("shanghai", "vpc", ("21.0.0.0/8",)),)
    result = network.plan(Request("20.0.0.0/8", pod_cidr="10.0.0.0/16", service_cidr="172.16.0.0/16", neighbours=near))
    assert result.plan
    (remark,) = result.remarks
    assert "20.0.0.0/8" in remark
    assert "exam" in remark
    assert f"Note: {remark}" in result.words()


@pytest.mark.parametrize("vpc", ["100.64.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/8", "100.0.0.0/8"])
def test_ranges_that_no_vpc_can_have_are_refused(vpc):
    found = network.plan(Request(vpc)).violations
    assert "vpc-range" in {one.rule for one in found}
    assert network.plan(Request(vpc)).remarks == ()
    assert any("no VPC can have" in one.sentence for one in found)


@pytest.mark.parametrize(
    "cidrs",
    [("0.0.0.0/0",), ("0.0.0.0/1", "128.0.0.0/1"), ("10.0.0.0/8", "0.0.0.0/0"), ("::/0",), ("8000::/1", "::/1")],
)
@pytest.mark.parametrize("kind", ["vpc", "idc", "cluster"])
def test_a_default_route_is_no_range(kind, cidrs):
    """moby/libnetwork#779"""
    with pytest.raises(AcplabError, match="default route") as refusal:
        Neighbour("office", kind, cidrs)
    assert "10.8.0.0/16" in refusal.value.remedy


def test_two_neighbours_together_are_no_default_route_either():
    halves = (Neighbour("a", "idc", ("0.0.0.0/1",)), Neighbour("b", "idc", ("128.0.0.0/1",)))
    with pytest.raises(AcplabError, match="default route"):
        Request(V, neighbours=halves)
    assert Request(V, neighbours=halves[:1])


# --- fields that mean nothing to the plug-in --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (Request(V, "terway", pod_cidr="172.20.0.0/16"), "pod_cidr = 172.20.0.0/16 has no effect"),
        (Request(V, "terway", node_mask=26), "node_mask = 26 has no effect"),
        (Request(V, "terway", route_quota=48), "route_quota = 48 has no effect"),
        (Request(V, eni="exclusive"), "eni = exclusive has no effect"),
        (Request(V, instance_type="ecs.c7.large"), "instance_type = ecs.c7.large has no effect"),
        (
            Request(V, vswitches=(VSwitch("pod-h", H, "192.168.32.0/19", "pod"),)),
            "vSwitch pod-h 192.168.32.0/19 for Pods has no effect",
        ),
    ],
)
def test_what_means_nothing_to_the_plug_in_is_said(request_, words):
    """aliyun/terraform-provider-alicloud#8822, pulumi/pulumi-alicloud#1027"""
    result = network.plan(request_)
    assert result.plan
    assert [remark for remark in result.remarks if words in remark]
    assert words in result.words()


@pytest.mark.parametrize("plugin", ["flannel", "terway"])
def test_there_is_nothing_to_remark_about_a_usual_request(plugin):
    assert network.plan(Request(V, plugin)).remarks == ()


# --- remedies ---------------------------------------------------------------------------------------------------------


def test_the_remedy_does_not_name_what_is_chosen_already():
    """aws/amazon-vpc-cni-k8s#890"""
    (found,) = network.plan(Request(V, "terway", instance_type="ecs.c7.xlarge", pods_per_node=58)).violations
    assert "45 Pods fit" in found.sentence
    assert "shared" not in found.remedy
    assert found.proposal == {"instance_type": "ecs.c7.3xlarge"}
    (found,) = network.plan(Request(V, "terway", eni="exclusive", pods_per_node=58)).violations
    assert "shared ENIs" in found.remedy
