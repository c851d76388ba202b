"""A network plan as Terraform: every argument has the plan's value, and every reference leads somewhere."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from acplab.topics import network
from acplab.topics.network import Plan, Request, VSwitch
from hypothesis import given
from hypothesis import strategies as st

H, I = "cn-hangzhou-h", "cn-hangzhou-i"  # noqa: E741
FLANNEL = network.plan_or_raise(Request("192.168.0.0/16", zones=(H, I), nodes=3, nodes_later=40, pods_per_node=100))
TERWAY = network.plan_or_raise(Request("192.168.0.0/16", "terway", zones=(H, I), nodes=6))
DUAL = network.plan_or_raise(Request("192.168.0.0/16", "terway", vpc6="2001:db8::/56"))


def arguments(text: str, kind: str) -> dict[str, str]:
    """The arguments of the only resource of a kind."""
    (block,) = re.findall(rf'resource "{kind}" "[^"]+" {{\n(.*?)\n}}', text, re.DOTALL)
    return dict(re.findall(r"^ +(\w+) += (.*)$", block, re.MULTILINE))


def test_a_flannel_cluster() -> None:
    text = network.terraform(FLANNEL, "shop")
    assert arguments(text, "alicloud_vpc") == {"vpc_name": '"shop"', "cidr_block": '"192.168.0.0/16"'}
    vswitches = f"[alicloud_vswitch.node-{H}.id, alicloud_vswitch.node-{I}.id]"
    assert arguments(text, "alicloud_cs_managed_kubernetes") == {
        "name": '"flannel"',  # the addon's comes last
        "cluster_spec": '"ack.pro.small"',
        "vswitch_ids": vswitches,
        "pod_cidr": '"172.20.0.0/16"',
        "node_cidr_mask": "24",
        "service_cidr": '"172.21.0.0/20"',
    }
    assert arguments(text, "alicloud_cs_kubernetes_node_pool") == {
        "node_pool_name": '"nodes"',
        "cluster_id": "alicloud_cs_managed_kubernetes.cluster.id",
        "vswitch_ids": vswitches,
        "desired_size": "3",
    }


def test_a_terway_cluster_has_pod_vswitches_and_no_pod_cidr() -> None:
    text = network.terraform(TERWAY)
    cluster = arguments(text, "alicloud_cs_managed_kubernetes")
    assert cluster["pod_vswitch_ids"] == f"[alicloud_vswitch.pod-{H}.id, alicloud_vswitch.pod-{I}.id]"
    assert cluster["name"] == '"terway-eniip"'
    assert "pod_cidr" not in text
    assert "node_cidr_mask" not in text
    assert arguments(text, "alicloud_cs_kubernetes_node_pool")["instance_types"] == '["ecs.c7.4xlarge"]'


def test_dual_stack() -> None:
    text = network.terraform(DUAL)
    assert arguments(text, "alicloud_vpc")["enable_ipv6"] == "true"
    assert arguments(text, "alicloud_cs_managed_kubernetes")["ip_stack"] == '"dual"'
    assert re.findall(r"ipv6_cidr_block_mask = (\d+)", text) == ["0", "1"]
    assert "ipv6" not in network.terraform(TERWAY)


@pytest.mark.parametrize(("quota", "spec"), [(10, "ack.standard"), (11, "ack.pro.small"), (5000, "ack.pro.small")])
def test_a_basic_cluster_has_the_specification_of_one(quota: int, spec: str) -> None:
    text = network.terraform(replace(FLANNEL, nodes_later=3, node_quota=quota))
    assert arguments(text, "alicloud_cs_managed_kubernetes")["cluster_spec"] == f'"{spec}"'


def test_equals_signs_are_where_terraform_fmt_puts_them() -> None:
    lines = network.terraform(FLANNEL).splitlines()
    assert '  vpc_name   = "planned"' in lines
    assert '  cluster_spec = "ack.pro.small"' in lines
    assert '  name         = "planned"' in lines
    assert "  node_cidr_mask = 24" in lines
    assert '    name = "flannel"' in lines
    assert [line for line in lines if line != line.rstrip()] == []


@given(st.lists(st.text(min_size=1).filter(str.strip), min_size=2, max_size=2, unique=True), st.text())
def test_any_names_make_labels_that_are_there_and_texts_that_end(names: list[str], name: str) -> None:
    own = (VSwitch(names[0], H, "192.168.0.0/24"), VSwitch(names[1], I, "192.168.1.0/24"))
    text = network.terraform(replace(FLANNEL, vswitches=own), name)
    labels = re.findall(r'^resource "(\w+)" "([A-Za-z_][\w-]*)" {$', text, re.MULTILINE)
    assert len(labels) == len(set(labels)) == 5
    for kind, label in re.findall(r"(alicloud_\w+)\.([\w-]+)\.id", text):
        assert (kind, label) in labels
    assert not re.search(r"(?<![$])[$]{|(?<!%)%{", text)


@given(st.sampled_from([FLANNEL, TERWAY, DUAL]))
def test_every_range_of_a_plan_is_in_it(plan: Plan) -> None:
    text = network.terraform(plan)
    for cidr in (plan.vpc, plan.service_cidr, *(one.cidr for one in plan.vswitches), plan.pod_cidr):
        assert f'"{cidr}"' in text or not cidr
