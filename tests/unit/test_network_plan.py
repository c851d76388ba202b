"""The network planner by example: ACK's own tables and rules, bad input, and what a plan turns into."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import FrozenInstanceError, replace

import pytest
import yaml
from acplab.base.errors import AcplabError
from acplab.cluster import Ranges
from acplab.cluster.kind_config import kind_config
from acplab.topics import network
from acplab.topics.network import Neighbour, Plan, Request, VSwitch

H, I, J = "cn-hangzhou-h", "cn-hangzhou-i", "cn-hangzhou-j"  # noqa: E741
NODES = VSwitch("nodes", H, "192.168.0.0/24")


def flannel(**changes) -> Plan:
    """ACK's example of a Flannel cluster."""
    values = {
        "vpc": "192.168.0.0/16",
        "vswitches": (NODES,),
        "pod_cidr": "172.20.0.0/16",
        "service_cidr": "172.21.0.0/20",
        "node_mask": 24,
    }
    return Plan(**values | changes)


def terway(**changes) -> Plan:
    """ACK's example of a Terway cluster in two zones."""
    values = {
        "vpc": "192.168.0.0/16",
        "plugin": "terway",
        "zones": (I, J),
        "vswitches": (
            VSwitch("node-i", I, "192.168.0.0/19"),
            VSwitch("pod-i", I, "192.168.32.0/19", "pod"),
            VSwitch("node-j", J, "192.168.64.0/19"),
            VSwitch("pod-j", J, "192.168.96.0/19", "pod"),
        ),
        "service_cidr": "172.21.0.0/20",
    }
    return Plan(**values | changes)


def only(plan: Plan) -> network.Violation:
    """The one violation of a plan."""
    (found,) = network.check(plan)
    assert found.sentence.endswith(".")
    assert found.remedy
    return found


# --- the tables of ACK's planning page -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mask", "nodes", "pods"), [(24, 256, 256), (25, 512, 128), (26, 1024, 64), (27, 2048, 32), (28, 4096, 16)]
)
def test_nodes_and_pods_of_a_16_by_node_mask(mask, nodes, pods):
    assert network.flannel_nodes("172.20.0.0/16", mask) == nodes
    assert network.flannel_pods(mask) == pods


def test_a_pod_cidr_that_is_smaller_than_a_nodes_has_room_for_no_node():
    assert network.flannel_nodes("172.20.0.0/25", 24) == 0
    assert network.flannel_nodes("172.20.0.0/24", 24) == 1


@pytest.mark.parametrize(
    ("cidr", "n"), [("192.168.0.0/24", 252), ("192.168.0.0/29", 4), ("192.168.0.0/30", 0), ("192.168.0.0/32", 0)]
)
def test_four_addresses_of_a_vswitch_are_reserved(cidr, n):
    assert network.usable(cidr) == n


@pytest.mark.parametrize(
    ("vpc", "n"), [("10.0.0.0/8", 16_777_212), ("172.16.0.0/12", 1_048_572), ("192.168.0.0/16", 65_532)]
)
def test_usable_addresses_of_the_private_ranges(vpc, n):
    assert network.usable(vpc) == n


@pytest.mark.parametrize(
    ("type_", "shared", "exclusive"), [("ecs.c7.4xlarge", 210, 7), ("ecs.c7.large", 12, 2), ("ecs.g7.xlarge", 45, 3)]
)
def test_pods_of_an_instance_type(type_, shared, exclusive):
    assert network.terway_pods(type_, "shared") == shared
    assert network.terway_pods(type_, "exclusive") == exclusive


@pytest.mark.parametrize("plan", [flannel(), terway(), terway(zones=(I,), vswitches=terway().vswitches[:2])])
def test_acks_own_examples_are_valid(plan):
    assert network.check(plan) == []
    assert network.valid(plan)
    assert network.plan(plan) == network.Result(plan)


def test_a_request_without_ranges_becomes_acks_own_example():
    made = network.plan_or_raise(Request("192.168.0.0/16"))
    assert replace(made, vswitches=(NODES,)) == flannel()
    made = network.plan_or_raise(Request("192.168.0.0/16", "terway", zones=(I, J)))
    assert {(one.zone, one.role, one.cidr) for one in made.vswitches} == {
        (one.zone, one.role, one.cidr) for one in terway().vswitches
    }


def test_a_plan_for_the_most_nodes_that_a_vpc_has_routes_for():
    made = network.plan_or_raise(Request("192.168.0.0/16", nodes_later=1000, route_quota=1000, pods_per_node=256))
    assert (made.pod_cidr.split("/")[1], made.node_mask) == ("14", 24)
    made = network.plan_or_raise(Request("192.168.0.0/16", nodes_later=1000, route_quota=1000, pods_per_node=64))
    assert (made.pod_cidr, made.node_mask) == ("172.20.0.0/16", 26)


# --- the rules of one cluster ----------------------------------------------------------------------------------------------


def test_a_vpc_of_172_16_overlaps_the_usual_pod_cidr():
    swallowed = flannel(
        vpc="172.16.0.0/12", vswitches=(VSwitch("nodes", H, "172.16.0.0/24"),), service_cidr="192.168.0.0/20"
    )
    found = only(swallowed)
    assert (found.rule, found.overlap) == ("pod-overlaps-vpc", "172.20.0.0/16")
    assert (found.first, found.second) == ("Pod CIDR 172.20.0.0/16", "VPC 172.16.0.0/12")
    assert found.proposal == {"pod_cidr": "10.0.0.0/16"}
    assert "10.0.0.0/16" in found.remedy
    assert network.check(network.apply(swallowed, found.proposal)) == []


@pytest.mark.parametrize(
    ("changes", "rules"),
    [
        ({"pod_cidr": "192.167.0.0/16"}, {"pod-range"}),  # beside the VPC, and not private
        ({"pod_cidr": "172.21.0.0/16"}, {"pod-overlaps-service"}),
        ({"pod_cidr": "172.21.16.0/20", "node_mask": 28, "pods_per_node": 16}, set()),  # begins where the Services end
        ({"pod_cidr": "172.20.240.0/20", "node_mask": 28, "pods_per_node": 16}, set()),  # ends where the Services begin
        (
            {"pod_cidr": "172.21.15.0/24", "node_mask": 28, "pods_per_node": 16},
            {"pod-overlaps-service"},
        ),  # the last 256 Services
        ({"service_cidr": "192.168.255.0/24"}, {"service-overlaps-vpc"}),
        ({"service_cidr": "100.64.0.0/16"}, {"service-range"}),
        ({"service_cidr": "172.21.0.0/25"}, set()),
        ({"service_cidr": "172.21.0.0/26"}, {"services-too-many"}),
        ({"vpc": "192.168.0.0/24"}, set()),
        ({"vpc": "192.168.0.0/25"}, {"vswitch-outside-vpc"}),
        ({"vpc": "192.168.1.0/24"}, {"vswitch-outside-vpc"}),
        ({"vpc": "192.160.0.0/12"}, set()),  # today a VPC may have other ranges than the private ones
        ({"vpc": "96.0.0.0/5"}, {"vpc-range", "vpc-size", "vswitch-outside-vpc"}),  # it holds 100.64.0.0/10
        ({"vpc": "192.168.0.0/28"}, {"vswitch-outside-vpc"}),
        ({"vpc": "192.168.0.0/29"}, {"vpc-size", "vswitch-outside-vpc"}),
        ({"vpc": "192.0.0.0/8"}, set()),
        ({"vpc": "192.0.0.0/7"}, {"vpc-size"}),
        ({"service_cidr": "10.0.0.0/12"}, set()),
        ({"service_cidr": "10.0.0.0/11"}, {"service-size"}),  # kubernetes/kubernetes#12624
        ({"service_cidr": "172.21.0.0/28", "services": 12}, set()),
        ({"service_cidr": "172.21.0.0/29", "services": 4}, {"service-size"}),  # kubernetes/kubernetes PR #90411
        ({"service_cidr": "172.21.0.0/32", "services": 0}, {"service-size"}),
        ({"vswitches": (VSwitch("all", H, "192.168.0.0/16"),)}, set()),
        ({"vswitches": (NODES, VSwitch("more", H, "192.168.1.0/30"))}, {"vswitch-size"}),
        ({"vswitches": (NODES, VSwitch("more", H, "192.168.1.0/24"))}, set()),
        ({"vswitches": (NODES, VSwitch("more", H, "192.168.0.248/29"))}, {"vswitches-overlap"}),
        ({"vswitches": (VSwitch("more", H, "192.168.0.248/29"), NODES)}, {"vswitches-overlap"}),
        ({"vswitches": (VSwitch("more", H, "192.168.0.0/29"), NODES)}, {"vswitches-overlap"}),
        ({"vswitches": (VSwitch("more", H, "192.168.1.0/29"), NODES)}, set()),
        ({"zones": (H, I)}, {"zone-without-vswitch"}),
        ({"nodes_later": 200}, set()),
        ({"nodes_later": 201}, {"route-quota"}),
        ({"nodes": 48, "route_quota": 48}, set()),
        ({"nodes": 49, "route_quota": 48}, {"route-quota"}),
        ({"nodes_later": 252, "route_quota": 1000}, set()),
        ({"nodes_later": 253, "route_quota": 1000}, {"vswitch-too-small"}),
        ({"nodes_later": 257, "route_quota": 1000}, {"vswitch-too-small", "mask-count"}),
        ({"node_mask": 26}, set()),
        ({"node_mask": 27}, {"pods-per-node"}),
        ({"pods_per_node": 256}, set()),
        ({"pods_per_node": 257}, {"most-pods"}),
    ],
)
def test_rules_that_a_flannel_plan_breaks(changes, rules):
    assert {one.rule for one in network.check(flannel(**changes))} == rules


@pytest.mark.parametrize(
    ("changes", "rules"),
    [
        ({"pods_per_node": 210}, set()),
        ({"pods_per_node": 211}, {"eni-limit"}),
        ({"pods_per_node": 7, "eni": "exclusive"}, set()),
        ({"pods_per_node": 8, "eni": "exclusive"}, {"eni-limit"}),
        ({"nodes_later": 254}, set()),  # 127 nodes a zone x 64 Pods = 8128 of 8188
        ({"nodes_later": 255}, {"vswitch-too-small"}),
        ({"nodes_later": 5000, "pods_per_node": 3}, set()),  # no routes, no blocks
        ({"zones": (I, J, H)}, {"zone-without-vswitch"}),
        ({"service_cidr": "192.168.128.0/20"}, {"service-overlaps-vpc"}),
        ({"pod_cidr": "192.168.0.0/16"}, set()),  # it means nothing to Terway
        ({"pods_per_node": 256, "instance_type": "ecs.c7.32xlarge"}, set()),
        ({"pods_per_node": 257, "instance_type": "ecs.c7.32xlarge"}, {"most-pods"}),
    ],
)
def test_rules_that_a_terway_plan_breaks(changes, rules):
    assert {one.rule for one in network.check(terway(**changes))} == rules


def test_pods_need_a_vswitch_in_the_zone_of_their_node():
    plan = terway(vswitches=terway().vswitches[:3])
    found = only(plan)
    assert (found.rule, found.proposal) == ("zone-without-vswitch", {f"vswitches.pod-{J}": "192.168.96.0/19"})
    added = network.apply(plan, found.proposal).vswitches[-1]
    assert (added.zone, added.role) == (J, "pod")


def test_a_plan_that_fits_its_masks_but_not_its_routes():
    plan = flannel(nodes_later=250)
    assert network.flannel_nodes(plan.pod_cidr, plan.node_mask) >= 250
    found = only(plan)
    assert (found.rule, found.overlap, found.proposal) == ("route-quota", "", {"route_quota": "250"})
    assert network.growth(plan).first.name == "route-quota"
    assert network.growth(plan).first.nodes == 200


def test_the_quota_of_2021_is_raised_to_the_one_of_today():
    assert only(flannel(nodes=60, route_quota=48)).proposal == {"route_quota": "200"}


@pytest.mark.parametrize(("quota", "proposed"), [(10, "5000"), (100, "5000"), (5000, "6000"), (15_000, None)])
def test_a_cluster_has_no_more_nodes_than_its_quota(quota, proposed):
    plan = terway(nodes_later=6000, pods_per_node=2, node_quota=quota)
    if quota < 5000:
        plan = replace(plan, nodes_later=quota + 1)
    if proposed is None:
        assert network.check(plan) == []
        return
    found = only(plan)
    assert (found.rule, found.overlap, found.proposal) == ("node-quota", "", {"node_quota": proposed})
    assert f"The cluster may have {quota} nodes, and you want {plan.nodes_later} nodes." == found.sentence
    assert network.check(replace(plan, nodes_later=quota)) == []


def test_no_quota_allows_more_nodes_than_the_largest():
    found = next(one for one in network.check(terway(nodes_later=15_001)) if one.rule == "node-quota")
    assert found.proposal == {"node_quota": ""}


def test_where_no_value_works_the_proposal_is_empty():
    found = next(one for one in network.check(flannel(nodes_later=1001)) if one.rule == "route-quota")
    assert found.proposal == {"route_quota": ""}
    with pytest.raises(AcplabError, match="no value for route_quota"):
        network.apply(flannel(), found.proposal)
    assert only(flannel(pods_per_node=300)).proposal == {}


# --- what is chosen --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wishes", "chosen"),
    [
        ({"pod_cidr": "172.20.0.0/20", "nodes_later": 16}, {"node_mask": 24}),
        ({"pod_cidr": "172.20.0.0/20", "nodes_later": 17}, {"node_mask": 25}),
        ({"pod_cidr": "172.20.0.0/20", "nodes_later": 64}, {"node_mask": 26}),
        ({"node_mask": 24, "nodes_later": 200}, {"pod_cidr": "172.20.0.0/16"}),
        ({"node_mask": 24, "nodes_later": 257, "route_quota": 1000}, {"pod_cidr": "172.16.0.0/15"}),
        ({"pod_cidr": "172.20.0.0/24", "nodes": 1, "nodes_later": 1}, {"node_mask": 24}),
        # A /16 has too few blocks for 128 Pods each, so the Pod CIDR grows as little as it can.
        (
            {"nodes_later": 600, "pods_per_node": 128, "route_quota": 1000},
            {"node_mask": 25, "pod_cidr": "172.16.0.0/15"},
        ),
        ({"pod_cidr": "172.21.0.0/16"}, {"service_cidr": "172.16.0.0/20"}),
        ({"service_cidr": "172.20.0.0/24"}, {"pod_cidr": "172.16.0.0/16"}),
        ({"services": 4092}, {"service_cidr": "172.21.0.0/20"}),
        ({"services": 4093}, {"service_cidr": "172.21.0.0/19"}),
    ],
)
def test_what_is_left_open_fits_what_is_given(wishes, chosen):
    made = network.plan_or_raise(Request("192.168.0.0/16", **wishes))
    assert {name: getattr(made, name) for name in chosen} == chosen


@pytest.mark.parametrize(("nodes", "cidr"), [(252, "192.168.0.0/24"), (253, "192.168.0.0/23")])
def test_a_vswitch_is_no_larger_than_it_must_be_or_is_usual(nodes, cidr):
    made = network.plan_or_raise(Request("192.168.0.0/16", nodes_later=nodes, route_quota=1000))
    assert [one.cidr for one in made.vswitches] == [cidr]


def test_a_gap_that_fits_exactly_is_found():
    beside = Neighbour("other", "cluster", ("192.168.0.0/26", "192.168.0.128/25"))
    made = network.plan_or_raise(Request("192.168.0.0/24", neighbours=(beside,)))
    assert [one.cidr for one in made.vswitches] == ["192.168.0.64/26"]


def test_each_vswitch_shrinks_as_far_as_it_must():
    beside = Neighbour("other", "cluster", ("192.168.0.128/26", "192.168.0.192/27"))
    made = network.plan_or_raise(Request("192.168.0.0/24", "terway", pods_per_node=40, neighbours=(beside,)))
    assert {one.role: one.cidr for one in made.vswitches} == {"pod": "192.168.0.0/25", "node": "192.168.0.224/27"}


def test_pods_are_chosen_clear_of_other_clusters_services():
    beside = Neighbour("other", "cluster", ("10.0.0.0/16",), "172.20.0.0/20")
    assert network.plan_or_raise(Request("192.168.0.0/16", neighbours=(beside,))).pod_cidr == "172.16.0.0/16"


@pytest.mark.parametrize(
    ("plan", "proposal"),
    [
        (flannel(service_cidr="172.21.0.0/25", services=252), {"service_cidr": "172.21.0.0/24"}),
        (flannel(service_cidr="172.21.0.0/25", services=253), {"service_cidr": "172.21.0.0/23"}),
        (flannel(pod_cidr="172.20.0.0/20", nodes_later=32), {"pod_cidr": "172.20.0.0/19"}),
        (flannel(pod_cidr="172.20.0.0/20", nodes_later=33), {"pod_cidr": "172.20.0.0/18"}),
        (flannel(node_mask=27), {"node_mask": "24"}),
        (terway(pods_per_node=45, instance_type="ecs.c7.large"), {"instance_type": "ecs.c7.xlarge"}),
        (terway(pods_per_node=46, instance_type="ecs.c7.large"), {"instance_type": "ecs.c7.3xlarge"}),
        (terway(pods_per_node=8, eni="exclusive"), {"eni": "shared"}),
        (
            terway(pods_per_node=20, eni="exclusive", instance_type="ecs.c7.large"),
            {"eni": "shared", "instance_type": "ecs.c7.xlarge"},
        ),
        # The second vSwitch has 252 addresses, so the first needs 5 and not 257.
        (
            flannel(
                vswitches=(VSwitch("small", H, "192.168.1.0/29"), NODES),
                nodes_later=257,
                route_quota=1000,
                node_mask=25,
            ),
            {"vswitches.small": "192.168.1.0/28"},
        ),
    ],
)
def test_a_proposal_is_no_larger_than_it_must_be(plan, proposal):
    found = only(plan)
    assert found.proposal == proposal
    assert network.check(network.apply(plan, found.proposal)) == []


def test_a_shorter_node_mask_takes_a_larger_pod_cidr_with_it_if_need_be():
    plan = flannel(node_mask=26, pod_cidr="172.20.0.0/24", nodes_later=4, pods_per_node=256)
    assert only(plan).proposal == {"pod_cidr": "172.20.0.0/22", "node_mask": "24"}


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (
            flannel(nodes_later=253, route_quota=1000),
            ["vSwitches for nodes", "252 addresses", "253 nodes there need 253"],
        ),
        (terway(nodes_later=255), ["vSwitches for Pods", "8188 addresses", "128 nodes there need 8192"]),
        (terway(vswitches=terway().vswitches[:3]), ["no vSwitch for Pods"]),
        (flannel(zones=(H, I)), ["no vSwitch for nodes"]),
        (terway(pods_per_node=211), ["8 ENIs of 30", "210 Pods fit", "want 211"]),
        (terway(pods_per_node=8, eni="exclusive"), ["a whole one", "7 fit", "want 8"]),
        (flannel(node_mask=27), ["/27 has 32 addresses", "want 64"]),
        (flannel(nodes=49, route_quota=48), ["quota is 48", "want 49 nodes"]),
        (flannel(pod_cidr="172.20.0.0/20", nodes_later=17), ["room for 16 Pod CIDRs of /24", "want 17"]),
        (flannel(service_cidr="172.21.0.0/26"), ["60 Services", "want 100"]),
    ],
)
def test_a_sentence_has_the_numbers(plan, words):
    sentence = network.check(plan)[0].sentence
    assert [word for word in words if word not in sentence] == []


# --- neighbours ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["vpc", "idc"])
@pytest.mark.parametrize(
    ("theirs", "rules"),
    [
        ("172.16.0.0/16", set()),
        ("192.168.128.0/24", {"vpc-overlaps-neighbour"}),  # theirs lies in ours
        ("192.0.0.0/8", {"vpc-overlaps-neighbour"}),  # ours lies in theirs
        ("172.20.255.0/24", {"pod-overlaps-neighbour"}),
        ("172.16.0.0/12", {"pod-overlaps-neighbour", "service-covers-neighbour"}),
        ("172.21.8.0/24", {"service-covers-neighbour"}),
        ("172.21.16.0/24", set()),
    ],
)
def test_nothing_of_ours_overlaps_what_is_linked(kind, theirs, rules):
    assert {one.rule for one in network.check(flannel(neighbours=(Neighbour("there", kind, (theirs,)),)))} == rules


@pytest.mark.parametrize(
    ("pods", "services", "inside", "linked"),
    [
        ("10.0.0.0/16", "172.22.0.0/20", set(), set()),
        ("10.0.0.0/16", "172.21.0.0/20", set(), {"service-overlaps-cluster"}),
        ("10.0.0.0/16", "172.21.8.0/24", set(), {"service-overlaps-cluster"}),
        ("172.20.0.0/20", "172.22.0.0/20", {"pod-overlaps-neighbour"}, {"pod-overlaps-neighbour"}),
        ("172.21.0.0/24", "172.22.0.0/20", {"service-covers-neighbour"}, {"service-covers-neighbour"}),
        ("10.0.0.0/16", "172.20.0.0/20", {"cluster-service-covers-ours"}, {"cluster-service-covers-ours"}),
    ],
)
def test_clusters_repeat_a_service_cidr_inside_one_vpc_and_nothing_else(pods, services, inside, linked):
    for same_vpc, rules in ((True, inside), (False, linked)):
        other = Neighbour("other", "cluster", (pods,), services, same_vpc)
        assert {one.rule for one in network.check(flannel(neighbours=(other,)))} == rules


def test_a_service_cidr_that_repeats_one_of_a_linked_vpc_is_moved():
    found = only(flannel(neighbours=(Neighbour("b", "cluster", ("10.0.0.0/16",), "172.21.0.0/20", same_vpc=False),)))
    assert (found.first, found.second) == ("Service CIDR 172.21.0.0/20", "Services of cluster b 172.21.0.0/20")
    assert found.proposal == {"service_cidr": "172.21.16.0/20"}
    assert "inside the same VPC only" in found.remedy


def test_a_service_cidr_that_repeats_one_of_the_same_vpc_gets_a_remark_with_both_years():
    same = Neighbour("b", "cluster", ("10.0.0.0/16",), "172.21.0.0/16")
    result = network.plan(Request("192.168.0.0/16", service_cidr="172.21.0.0/20", neighbours=(same,)))
    assert result.plan
    (remark,) = result.remarks
    for words in ("Cluster b", "172.21.0.0/16", "172.21.0.0/20", "planning page allows", "(2021)", "Terraform (now)"):
        assert words in remark
    apart = replace(same, service_cidr="172.22.0.0/20")
    assert network.plan(replace(result.plan, neighbours=(apart,))).remarks == ()


def test_the_planner_repeats_a_service_cidr_only_if_nothing_else_is_free():
    same = Neighbour("b", "cluster", ("10.0.0.0/16",), "172.21.0.0/16")
    result = network.plan(Request("192.168.0.0/16", neighbours=(same,)))
    assert (result.plan_or_raise().service_cidr, result.remarks) == ("172.16.0.0/20", ())
    full = (Neighbour("office", "idc", ("10.0.0.0/9", "10.128.0.0/10", "172.16.0.0/12", "192.168.128.0/17")),)
    crowded = Request("192.168.0.0/17", pod_cidr="10.192.0.0/11", node_mask=24, neighbours=full)
    repeated = replace(
        crowded, neighbours=(*full, replace(same, cidrs=("192.168.96.0/19",), service_cidr="10.224.0.0/11"))
    )
    result = network.plan(repeated)
    assert result.plan_or_raise().service_cidr.startswith("10.224.")
    assert len(result.remarks) == 1
    linked = replace(repeated.neighbours[1], cidrs=("10.0.0.0/16",), same_vpc=False)
    assert [one.rule for one in network.plan(replace(crowded, neighbours=(*full, linked))).violations] == ["no-room"]


@pytest.mark.parametrize(
    ("neighbour", "words"),
    [
        (
            Neighbour("office", "idc", ("172.20.8.0/24",)),
            "The route entries of our nodes would take these addresses away",
        ),
        (Neighbour("two", "vpc", ("172.20.8.0/24",)), "The route entries of our nodes would take these addresses away"),
        (Neighbour("b", "cluster", ("172.20.8.0/24",)), "a VPC has one route entry for a range"),
        (
            Neighbour("b", "cluster", ("172.20.8.0/24",), same_vpc=False),
            "The route entries of our nodes would take these addresses away",
        ),
    ],
)
def test_why_pods_must_not_overlap_what_is_around(neighbour, words):
    assert words in only(flannel(neighbours=(neighbour,))).sentence


def test_a_terway_cluster_in_the_same_vpc_has_its_pods_in_it():
    beside = Neighbour("other", "cluster", ("192.168.64.0/19",))
    assert network.check(flannel(neighbours=(beside,))) == []
    assert only(flannel(neighbours=(replace(beside, same_vpc=False),))).rule == "vpc-overlaps-neighbour"
    assert only(flannel(neighbours=(replace(beside, cidrs=("192.168.0.0/19",)),))).rule == "vswitch-overlaps-cluster"


def test_beside_a_link_pods_come_from_10():
    made = network.plan_or_raise(Request("192.168.0.0/16", neighbours=(Neighbour("two", "vpc", ("172.16.0.0/16",)),)))
    assert made.pod_cidr == "10.0.0.0/16"


def test_a_vpc_that_holds_another_cluster_is_not_moved():
    """Their Service CIDR covers part of our VPC, which is theirs as well: only they can change that."""
    other = Neighbour("other", "cluster", ("10.0.0.0/16",), "192.168.128.0/20")
    assert all(not value for value in only(flannel(neighbours=(other,))).proposal.values())
    assert network.repair(flannel(neighbours=(other,))).plan is None
    assert network.repair(flannel(neighbours=(replace(other, same_vpc=False),))).plan


# --- dual stack ------------------------------------------------------------------------------------------------------------


def test_dual_stack_needs_terway():
    plan = flannel(vpc6="2001:db8::/56", pod_cidr6="2001:db8::/64", service_cidr6="fd00::/112")
    found = next(one for one in network.check(plan) if one.rule == "dual-stack-flannel")
    assert found.proposal["plugin"] == "terway"
    cured = network.apply(plan, found.proposal)
    assert network.check(cured) == []
    assert [one.role for one in cured.vswitches] == ["node", "pod"]


def test_dual_stack_ranges_are_chosen():
    made = network.plan_or_raise(Request("192.168.0.0/16", "terway", vpc6="2001:db8:0:100::/56"))
    assert (made.pod_cidr6, made.service_cidr6) == ("2001:db8:0:100::/64", "fd00::/112")
    assert network.cluster_ranges(made) == Ranges(
        "192.168.32.0/19", "172.21.0.0/20", 28, "2001:db8:0:100::/64", "fd00::/112", 72
    )


def test_ipv6_pods_are_moved_away_from_what_another_cluster_covers():
    made = network.plan_or_raise(Request("192.168.0.0/16", "terway", vpc6="2001:db8::/56"))
    other = Neighbour("other", "cluster", ("10.0.0.0/16",), "2001:db8::/64")
    found = network.check(replace(made, neighbours=(other,)))
    assert {one.first.rsplit(" ", 1)[0]: dict(one.proposal) for one in found} == {
        "IPv6 range of the VPC": {},
        "IPv6 range of the Pods": {"pod_cidr6": "2001:db8:0:1::/64"},
    }


# --- bad input -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "sentence", "remedy"),
    [
        ("192.168.1.7/24", "192.168.1.7/24 has bits set beyond its prefix", "Did you mean 192.168.1.0/24?"),
        ("10.0.0.0/33", "prefix that is out of range", "10.0.0.0/24"),
        ("10.0.0.0", "not a range", "192.168.0.0/16"),
        ("10.0.0.0/255.0.0.0", "not a range", "192.168.0.0/16"),
        ("10.0.0/8", "no address that can be read", "192.168.0.0/16"),
        ("10.0.0.256/8", "no address that can be read", "192.168.0.0/16"),
        ("２０.0.0.0/8", "not a range", "192.168.0.0/16"),
        ("10.0.0.0/９", "not a range", "192.168.0.0/16"),
        ("2001:db8::/56", "is IPv6, but this field takes IPv4", "192.168.0.0/16"),
        ("fe80::1%eth0/64", "not a range", "192.168.0.0/16"),
        ("", "not a range", "192.168.0.0/16"),
        (" 10.0.0.0/8", "not a range", "192.168.0.0/16"),
        ("10.0.0.0/-1", "not a range", "192.168.0.0/16"),
        ("10.0.0.0/9999", "out of range", "10.0.0.0/24"),
        (None, "not a range", "192.168.0.0/16"),
        (10, "not a range", "192.168.0.0/16"),
        (b"10.0.0.0/8", "not a range", "192.168.0.0/16"),
    ],
)
def test_a_text_that_is_no_range_is_refused(text, sentence, remedy):
    with pytest.raises(AcplabError) as told:
        Request(text)
    assert told.value.sentence.startswith("vpc: ")
    assert sentence in told.value.sentence
    assert remedy in told.value.remedy


@pytest.mark.parametrize(
    ("changes", "sentence", "remedy"),
    [
        ({"nodes": 0}, "nodes: 0 is not a whole number of 1 or more", "3"),
        ({"nodes": -1}, "nodes: -1", "3"),
        ({"nodes_later": 2.5}, "nodes_later: 2.5", "3"),
        ({"pods_per_node": True}, "pods_per_node: True", "3"),
        ({"services": "100"}, "services: '100'", "3"),
        ({"services": -1}, "services: -1", "3"),
        ({"route_quota": 1001}, "route_quota: 1001 is more", "1000"),
        ({"route_quota": 0}, "route_quota: 0", "3"),
        ({"node_mask": 23}, "node_mask: 23", "24"),
        ({"node_mask": 29}, "node_mask: 29", "24"),
        ({"node_mask": "24"}, "node_mask: '24'", "24"),
        ({"node_mask": 24.0}, "node_mask: 24.0", "24"),
        ({"instance_type": "ecs.c99.large"}, "ecs.c99.large", "ecs.c7.4xlarge"),
        ({"instance_type": ["ecs.c7.large"]}, "instance_type", "ecs.c7.4xlarge"),
        ({"plugin": "calico"}, "'calico'", "flannel, terway"),
        ({"eni": "trunk"}, "'trunk'", "shared, exclusive"),
        ({"zones": ()}, "no zone", "cn-hangzhou-h"),
        ({"zones": (H, H)}, "two of the name cn-hangzhou-h", "cn-hangzhou-h-2"),
        ({"zones": H}, "not a list", "zones=('cn-hangzhou-h',)"),
        ({"zones": (1,)}, "1 is not a name", "cn-hangzhou-h"),
        ({"zones": None}, "not a list", "zones="),
        ({"pod_cidr": "fd00::/64"}, "pod_cidr: fd00::/64 is IPv6", "192.168.0.0/16"),
        ({"service_cidr": "172.21.0.1/20"}, "service_cidr: 172.21.0.1/20 has bits", "172.21.0.0/20"),
        ({"vpc6": "10.0.0.0/8"}, "vpc6: 10.0.0.0/8 is IPv4, but this field takes IPv6", "2001:db8::/56"),
        ({"service_cidr6": "fd00::/112"}, "vpc6 is empty", "2001:db8::/56"),
        ({"vswitches": (VSwitch("x", I, "192.168.0.0/24"),)}, "not one of the zones", "Add cn-hangzhou-i"),
        ({"vswitches": (NODES, NODES)}, "two of the name nodes", "nodes-2"),
        ({"vswitches": ({"name": "x"},)}, "does not describe a VSwitch", "name, zone, cidr, role"),
        ({"vswitches": NODES}, "not a list", "vswitches="),
        ({"neighbours": ("10.0.0.0/8",)}, "does not describe a Neighbour", "name, kind, cidrs"),
    ],
)
def test_a_bad_field_of_a_request_is_refused(changes, sentence, remedy):
    with pytest.raises(AcplabError) as told:
        Request(**{"vpc": "192.168.0.0/16"} | changes)
    assert sentence in told.value.sentence
    assert remedy in told.value.remedy


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: VSwitch("", H, "10.0.0.0/24"), "not a name"),
        (lambda: VSwitch("x", H, "10.0.0.1/24"), "vSwitch x: 10.0.0.1/24 has bits"),
        (lambda: VSwitch("x", H, "10.0.0.0/24", "master"), "'master'"),
        (lambda: Neighbour("x", "cloud", ("10.0.0.0/8",)), "'cloud'"),
        (lambda: Neighbour("x", "vpc", ()), "has no range"),
        (lambda: Neighbour("x", "vpc", "10.0.0.0/8"), "not a list"),
        (lambda: Neighbour("x", "vpc", ("10.0.0.1/8",)), "Neighbour x: 10.0.0.1/8 has bits"),
        (lambda: Neighbour("x", "idc", ("10.0.0.0/8",), "10.0.0.0/16"), "no cluster"),
        (lambda: flannel(pod_cidr=""), "A plan needs pod_cidr"),
        (lambda: flannel(node_mask=0), "A plan needs node_mask"),
        (lambda: terway(service_cidr=""), "A plan needs service_cidr"),
        (lambda: terway(vpc6="2001:db8::/56"), "A plan needs pod_cidr6"),
        (lambda: network.flannel_nodes("172.20.0.0/16", 23), "node_mask: 23"),
        (lambda: terway(node_quota=15_001), "node_quota: 15001 is more"),
        (lambda: terway(node_quota=0), "node_quota: 0"),
        (lambda: network.flannel_nodes("172.20.0.1/16", 24), "172.20.0.1/16 has bits"),
        (lambda: network.flannel_pods(32), "node_mask: 32"),
        (lambda: network.terway_pods("m5.large", "shared"), "m5.large"),
        (lambda: network.terway_pods("ecs.c7.large", "both"), "'both'"),
        (lambda: network.usable("::/64"), "is IPv6"),
        (lambda: network.apply(flannel(), {"nosuch": "1"}), "no value for nosuch"),
        (lambda: network.apply(flannel(), {"vswitches.somewhere": "192.168.9.0/24"}), "somewhere"),
        (lambda: network.apply(flannel(), {"node_mask": "wide"}), "node_mask: 'wide'"),
        (lambda: network.apply(flannel(), {"pod_cidr": "172.20.0.0"}), "not a range"),
    ],
)
def test_bad_input_of_other_calls_is_refused(make, sentence):
    with pytest.raises(AcplabError) as told:
        make()
    assert sentence in told.value.sentence
    assert told.value.remedy


def test_the_remedy_of_a_bad_mask_says_whose_default_is_which():
    with pytest.raises(AcplabError) as told:
        network.flannel_pods(23)
    for words in ("26 in the console (2021)", "25 in the API (2021)", "24 in Terraform (now)"):
        assert words in told.value.remedy


def test_a_request_can_be_written_in_yaml():
    read = yaml.safe_load("""
      vpc: 192.168.0.0/16
      zones: [cn-hangzhou-h]
      vswitches: [{name: nodes, zone: cn-hangzhou-h, cidr: 192.168.0.0/24}]
      neighbours: [{name: other, kind: cluster, cidrs: [10.0.0.0/16]}]
    """)
    made = Request(**read)
    assert made.vswitches == (NODES,)
    assert made.neighbours == (Neighbour("other", "cluster", ("10.0.0.0/16",)),)
    assert hash(made) == hash(Request(**read))


@pytest.mark.parametrize(
    ("thing", "field"),
    [
        (flannel(), "vpc"),
        (Request("10.0.0.0/8"), "vpc"),
        (NODES, "cidr"),
        (Neighbour("x", "vpc", ("10.0.0.0/8",)), "cidrs"),
        (network.check(flannel(pods_per_node=300))[0], "rule"),
        (network.growth(flannel()), "limits"),
        (network.growth(flannel()).first, "nodes"),
    ],
)
def test_nothing_can_be_changed_in_place(thing, field):
    with pytest.raises(FrozenInstanceError):
        setattr(thing, field, "10.0.0.0/8")


def test_the_smallest_numbers_are_allowed():
    assert network.plan(Request("10.0.0.0/8", nodes=1, nodes_later=1, pods_per_node=1, services=0, route_quota=1)).plan


# --- plan, repair, changed -------------------------------------------------------------------------------------------------


def test_a_request_that_contradicts_itself_is_told_why():
    found = network.plan(Request("192.168.0.0/16", pod_cidr="192.168.128.0/17"))
    assert found.plan is None
    assert [one.rule for one in found.violations] == ["pod-overlaps-vpc"]
    assert repr(found) == found.words()
    assert found.words().startswith("pod-overlaps-vpc: Pod CIDR 192.168.128.0/17")
    with pytest.raises(AcplabError, match=r"overlap in 192\.168\.128\.0/17") as told:
        network.plan_or_raise(Request("192.168.0.0/16", pod_cidr="192.168.128.0/17"))
    assert "pod_cidr = " in told.value.remedy


def test_a_vpc_without_room_is_told_and_a_larger_one_proposed():
    small = Request("192.168.0.0/28", nodes_later=20)
    (found,) = network.plan(small).violations
    assert found.rule == "no-room"
    assert "no room" in found.sentence
    assert network.plan(network.apply(small, found.proposal)).plan


def test_a_vpc_that_takes_all_leaves_no_room_for_pods():
    links = tuple(Neighbour(f"n{i}", "idc", (cidr,)) for i, cidr in enumerate(["172.16.0.0/12", "192.168.0.0/16"]))
    request = Request("10.0.0.0/8", neighbours=links)
    found = network.plan(request).violations
    assert {one.rule for one in found} == {"no-room"}
    assert {one.first for one in found} == {"Pod CIDR", "Service CIDR"}
    assert network.plan(network.apply(request, found[0].proposal)).plan


def test_a_repair_changes_one_range_where_one_is_enough():
    """Pods and Services both lie in the VPC; a smaller VPC cures both."""
    broken = flannel(vpc="172.16.0.0/12", vswitches=(VSwitch("nodes", H, "172.16.0.0/24"),))
    assert len(network.check(broken)) == 2
    fixed = network.repair(broken).plan_or_raise()
    assert network.check(fixed) == []
    assert network.changed(broken, fixed) == ["vpc"]


def test_a_wrong_vpc_is_repaired_rather_than_its_three_vswitches():
    own = tuple(VSwitch(f"v{i}", H, f"192.168.{i}.0/24") for i in range(1, 4))
    broken = flannel(vpc="192.168.0.0/24", vswitches=own)
    assert len(network.check(broken)) == 3
    assert network.changed(broken, network.repair(broken).plan) == ["vpc"]


def test_a_vswitch_makes_room_for_another_that_must_grow():
    """The VPC holds another cluster and cannot move."""
    own = (VSwitch("pods", I, "192.168.0.0/26", "pod"), VSwitch("nodes", I, "192.168.0.64/26"))
    beside = Neighbour("other", "cluster", ("192.168.0.128/25",))
    broken = terway(vpc="192.168.0.0/23", zones=(I,), vswitches=own, neighbours=(beside,), pods_per_node=60)
    fixed = network.repair(broken).plan_or_raise()
    assert network.check(fixed) == []
    assert network.changed(broken, fixed) == ["vswitches.pods"]
    tighter = replace(
        broken, vpc="192.168.0.0/24", pods_per_node=30, neighbours=(replace(beside, cidrs=("192.168.0.192/26",)),)
    )
    fixed = network.repair(tighter).plan_or_raise()
    assert network.check(fixed) == []
    assert network.changed(tighter, fixed) == [
        "vswitches.pod-cn-hangzhou-i"
    ]  # one more is fewer changes than two larger


def test_a_vpc_grows_to_hold_what_stays_in_it():
    own = (VSwitch("low", H, "192.168.0.0/24"), VSwitch("high", H, "192.168.255.0/24"))
    broken = flannel(vpc="192.168.0.0/24", vswitches=own)
    assert network.repair(replace(broken, vpc="192.168.0.0/17")).plan.vpc == "192.168.0.0/17"  # one vSwitch is moved
    both = (*own, VSwitch("highest", H, "192.168.254.0/24"))
    assert network.repair(replace(broken, vswitches=both)).plan.vpc == "192.168.0.0/16"


def test_a_repair_moves_a_correct_range_if_nothing_else_helps():
    """The VPC must leave 192.168.0.0/16, and all other private ranges are taken, by the Pods among others."""
    links = tuple(Neighbour(f"n{i}", "idc", (cidr,)) for i, cidr in enumerate(["192.168.0.0/16", "10.0.0.0/8"]))
    broken = flannel(pod_cidr="172.16.0.0/13", service_cidr="172.24.0.0/13", neighbours=links)
    assert {one.rule for one in network.check(broken)} == {"vpc-overlaps-neighbour"}
    assert set(only(broken).proposal.values()) == {""}
    fixed = network.repair(broken).plan_or_raise()
    assert network.check(fixed) == []
    assert network.changed(broken, fixed) == ["vpc", "pod_cidr", "vswitches.nodes"]


def test_a_smaller_vpc_is_clear_of_pods_and_of_services():
    """172.16.0.0/13 would let the Services go, and keep the Pods in."""
    own = (VSwitch("nodes", H, "172.16.0.0/24"),)
    fixed = network.repair(flannel(vpc="172.16.0.0/12", vswitches=own, service_cidr="172.28.0.0/20")).plan
    assert fixed.vpc == "172.16.0.0/14"


def test_a_repair_leaves_alone_what_means_nothing_to_the_plug_in():
    broken = terway(pod_cidr="172.20.0.0/16", node_mask=24, service_cidr="192.168.0.0/20")
    assert network.changed(broken, network.repair(broken).plan) == ["service_cidr"]


def test_a_repair_that_no_range_allows_gives_the_violations():
    assert [one.rule for one in network.repair(flannel(pods_per_node=300)).violations] == ["most-pods"]


def test_changed_names_vswitches():
    other = flannel(
        vswitches=(replace(NODES, cidr="192.168.1.0/24"), VSwitch("more", H, "192.168.2.0/24")), node_mask=25
    )
    assert network.changed(flannel(), other) == ["node_mask", "vswitches.nodes", "vswitches.more"]
    assert network.changed(flannel(), flannel()) == []


# --- growth ----------------------------------------------------------------------------------------------------------------


def test_growth_of_acks_examples():
    assert {one.name: one.nodes for one in network.growth(flannel(nodes_later=100)).limits} == {
        "route-quota": 200,
        "node-vswitch cn-hangzhou-h": 252,
        "mask-count": 256,
        "node-quota": 5000,
    }
    assert {one.name: one.nodes for one in network.growth(terway(nodes_later=100)).limits} == {
        "pod-vswitch cn-hangzhou-i": 254,
        "pod-vswitch cn-hangzhou-j": 254,
        "node-quota": 5000,
        "node-vswitch cn-hangzhou-i": 16376,
        "node-vswitch cn-hangzhou-j": 16376,
    }


def test_the_limit_that_comes_first_depends_on_the_quota():
    assert network.growth(flannel(nodes_later=100, route_quota=48)).first.name == "route-quota"
    assert network.growth(flannel(nodes_later=100, route_quota=1000)).first.name == "node-vswitch cn-hangzhou-h"


@pytest.mark.parametrize(
    ("quota", "words"),
    [
        (10, "a Basic cluster (基础版) now has no more"),
        (100, "the default of 2021"),
        (1000, "a Pro cluster in 2021"),
        (5000, "a Pro cluster now and the most in 2021"),
        (15_000, "the most that a Pro cluster has now"),
    ],
)
def test_the_node_quota_is_a_limit_with_its_edition_and_year(quota, words):
    (limit,) = [one for one in network.growth(terway(node_quota=quota)).limits if one.name == "node-quota"]
    assert limit.nodes == quota
    assert f"is {quota}" in limit.why
    assert words in limit.why


def test_a_large_terway_plan_ends_at_the_node_quota():
    """Its vSwitches alone would have addresses for 16 376 nodes."""
    roomy = terway(pods_per_node=1)
    assert network.growth(roomy).first.words().startswith("5000 nodes: the node quota of the cluster is 5000")
    assert network.growth(replace(roomy, node_quota=10)).first.nodes == 10


def test_services_are_no_limit_of_nodes():
    assert not [one for one in network.growth(flannel(services=4092)).limits if "ervice" in one.name + one.why]


def test_growth_in_words_has_one_line_per_limit_the_first_one_first():
    growth = network.growth(flannel(nodes_later=100))
    assert repr(growth) == growth.words()
    lines = growth.words().splitlines()
    assert len(lines) == len(growth.limits)
    assert lines[0].startswith("200 nodes: ")
    assert "route entries" in lines[0]
    lines = network.growth(terway(nodes_later=100)).words()
    assert "254 nodes: the vSwitches for Pods in cn-hangzhou-i have 8188 addresses, 64 per node" in lines
    assert "16376 nodes: the vSwitches for nodes in cn-hangzhou-j have 8188 addresses" in lines


def test_pods_that_do_not_fit_a_node_are_a_limit_of_no_nodes():
    growth = network.growth(terway(pods_per_node=8, eni="exclusive"))
    assert (growth.first.name, growth.first.nodes) == ("pods-per-node", 0)


# --- what a plan turns into ------------------------------------------------------------------------------------------------


def test_the_ranges_of_a_cluster_are_those_of_the_plan():
    config = kind_config({}, network.cluster_ranges(flannel(node_mask=26)))
    assert config["networking"] == {
        "podSubnet": "172.20.0.0/16", "serviceSubnet": "172.21.0.0/20", "ipFamily": "ipv4",
    }  # fmt: skip
    assert yaml.safe_load(config["kubeadmConfigPatches"][0]) == {
        "kind": "ClusterConfiguration",
        "controllerManager": {"extraArgs": {"node-cidr-mask-size": "26"}},
    }


@pytest.mark.parametrize(
    ("plan", "arguments"),
    [
        (flannel(), {"node-cidr-mask-size": "24"}),
        (flannel(pod_cidr="172.20.0.0/24", node_mask=28), {"node-cidr-mask-size": "28"}),
        # kubeadm takes a missing -ipv4 for 24 and refuses a shorter Pod range.
        (flannel(pod_cidr="172.20.0.0/25", node_mask=28), {"node-cidr-mask-size-ipv4": "28"}),
        (terway(), {"node-cidr-mask-size": "28"}),
        (
            terway(vpc6="2001:db8::/56", pod_cidr6="2001:db8::/64", service_cidr6="fd00::/112"),
            {"node-cidr-mask-size-ipv4": "28", "node-cidr-mask-size-ipv6": "72"},
        ),
    ],
)
def test_the_patch_gives_the_controller_manager_its_mask(plan, arguments):
    (patch,) = kind_config({}, network.cluster_ranges(plan))["kubeadmConfigPatches"]
    assert yaml.safe_load(patch)["controllerManager"]["extraArgs"] == arguments


def test_node_pod_cidrs():
    assert flannel(node_mask=26).node_pod_cidrs(3) == ["172.20.0.0/26", "172.20.0.64/26", "172.20.0.128/26"]
    assert flannel(pod_cidr="172.20.0.0/24").node_pod_cidrs(3) == ["172.20.0.0/24"]
    assert flannel(pod_cidr="172.20.0.0/25").node_pod_cidrs(3) == []
    assert terway().node_pod_cidrs(3) == []


def test_the_console_names_what_its_plugin_needs():
    rows = dict(flannel().console())
    assert rows["Pod CIDR (2021: Pod网络CIDR, now: 容器网段)"] == "172.20.0.0/16"
    assert rows["Addresses per node (2021: 节点IP数量, now: 节点Pod数量)"] == "256"
    assert rows["Service CIDR (now: 服务网段)"] == "172.21.0.0/20"
    rows = terway().console()
    assert [value for field, value in rows if "Pod虚拟交换机" in field] == [
        "192.168.32.0/19 (pod-i, cn-hangzhou-i)",
        "192.168.96.0/19 (pod-j, cn-hangzhou-j)",
    ]
    assert not any("Pod CIDR" in field for field, _value in rows)


def test_words_say_every_range_and_the_routes_that_others_need():
    near = (Neighbour("two", "vpc", ("10.0.0.0/16",)), Neighbour("office", "idc", ("10.1.0.0/16",)))
    words = flannel(neighbours=near).words()
    for text in ("192.168.0.0/16", "192.168.0.0/24", "172.20.0.0/16", "172.21.0.0/20", "10.0.0.0/16", "10.1.0.0/16"):
        assert text in words
    assert "if clients there call our Pods: a route for 172.20.0.0/16 in the route table of that VPC" in words
    assert "if clients there call our Pods: a route for 172.20.0.0/16 on the border router (VBR)" in words
    assert "route" not in terway(neighbours=near).words()


# --- pure ------------------------------------------------------------------------------------------------------------------


def test_planning_needs_nothing_but_the_standard_library():
    program = "import sys; from acplab.topics import network; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert set(done.stdout.split()) - sys.stdlib_module_names - {"__main__", "__mp_main__"} <= {"acplab"} | installed()


def installed() -> set[str]:
    """What this Python imports by itself, such as the hooks of an editable installation."""
    done = subprocess.run(
        [sys.executable, "-c", "import sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return {name.split(".")[0] for name in done.stdout.split()}


def test_the_package_offers_the_planner():
    import acplab

    assert acplab.network is network


def test_a_longer_node_mask_is_taken_where_a_shorter_one_leaves_no_room():
    idc = network.Neighbour("idc", "idc", ("10.0.0.0/8", "192.168.255.254/32"))
    tight = network.Request(
        vpc="172.16.0.0/12", nodes=200, nodes_later=200, pods_per_node=120, services=2000, neighbours=(idc,)
    )
    made = network.plan_or_raise(tight)
    assert made.node_mask == 25
    assert network.check(made) == []
