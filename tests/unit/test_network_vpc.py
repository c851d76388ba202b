"""The drawing of one VPC: nodes, vSwitches and route entries are the plan's, and the words say all of it."""

from __future__ import annotations

import re

import pytest
from acplab.base.errors import AcplabError
from acplab.show import Diagram
from acplab.topics import network
from acplab.topics.network import Request, VSwitch
from hypothesis import given
from hypothesis import strategies as st

H, I = "cn-hangzhou-h", "cn-hangzhou-i"  # noqa: E741
FLANNEL = Request("192.168.0.0/16", zones=(H, I), nodes=3, nodes_later=40, pods_per_node=100)
TERWAY = Request("192.168.0.0/16", "terway", zones=(H, I), nodes=3, nodes_later=40, pods_per_node=100)


def test_flannel_in_words() -> None:
    assert network.vpc_diagram(FLANNEL).text.splitlines() == [
        "Flannel in the VPC 192.168.0.0/16",
        "  zone cn-hangzhou-h",
        "    vSwitch 192.168.0.0/24 for nodes: node 1, node 3",
        "  zone cn-hangzhou-i",
        "    vSwitch 192.168.1.0/24 for nodes: node 2",
        "  route table (路由表) of the VPC",
        "    172.20.0.0/24 → node 1",
        "    172.20.1.0/24 → node 2",
        "    172.20.2.0/24 → node 3",
        "Pod CIDR 172.20.0.0/16, outside the VPC: a /24 per node; the Cloud Controller Manager (CCM) writes the route entry",
        "Service CIDR 172.21.0.0/20: in no route table; each node knows it",
    ]


def test_terway_in_words() -> None:
    lines = network.vpc_diagram(TERWAY).text.splitlines()
    assert "    vSwitch 192.168.32.0/19 for Pods" in lines
    assert "    no entry for Pods" in lines
    assert not [line for line in lines if "→" in line or "Pod CIDR" in line]


def test_arrows_lead_from_the_route_table_to_nodes_and_from_nodes_to_the_pod_vswitch_of_their_zone() -> None:
    flannel, terway = network.vpc_diagram(FLANNEL).mermaid, network.vpc_diagram(TERWAY).mermaid
    assert re.findall(r"table --> (node\d)", flannel) == ["node1", "node2", "node3"]
    assert re.findall(r"(node\d) -- .* --> (pods\d)", terway) == [
        ("node1", "pods0"),
        ("node2", "pods1"),
        ("node3", "pods0"),
    ]
    assert "--> node" not in terway


@pytest.mark.parametrize(("nodes", "drawn"), [(1, 1), (2, 2), (40, 3)])
def test_no_more_nodes_than_there_are(nodes: int, drawn: int) -> None:
    assert network.vpc_diagram(FLANNEL, nodes=nodes).text.count("→") == drawn


def test_a_zone_without_a_drawn_node_is_drawn_too() -> None:
    diagram = network.vpc_diagram(FLANNEL, nodes=1)
    assert "    vSwitch 192.168.1.0/24 for nodes: -" in diagram.text.splitlines()
    assert 'none1[" "]' in diagram.mermaid


def test_a_request_without_a_plan_says_why() -> None:
    with pytest.raises(AcplabError, match="overlap"):
        network.vpc_diagram(Request("172.16.0.0/12", pod_cidr="172.20.0.0/16"))


@given(st.sampled_from([FLANNEL, TERWAY]), st.integers(1, 5))
def test_every_box_is_closed_and_every_arrow_ends_at_a_box(wish: Request, nodes: int) -> None:
    lines = network.vpc_diagram(wish, nodes=nodes).mermaid.splitlines()
    assert lines[0] == "flowchart LR"
    assert sum(line.startswith("subgraph ") for line in lines) == lines.count("end")
    boxes = {box for line in lines for box in re.findall(r"^(?:subgraph )?(\w+)[\[(]", line)}
    ends = {end for line in lines if (found := re.search(r"> (\w+)$", line)) for end in found.groups()}
    assert ends
    assert ends <= boxes


@given(st.text(min_size=1).filter(str.strip))
def test_any_zone_name_is_a_label(zone: str) -> None:
    own = (VSwitch("nodes", zone, "192.168.0.0/24"),)
    lines = network.vpc_diagram(Request("192.168.0.0/16", zones=(zone,), vswitches=own)).mermaid.splitlines()
    (title,) = [line for line in lines if line.startswith("subgraph zone0[")]
    assert re.fullmatch(r'subgraph zone0\["[^"<>`]*"\]', title)


def test_a_notebook_gets_the_drawing_and_the_words_below_it() -> None:
    bundle = network.vpc_diagram(FLANNEL)._repr_mimebundle_()
    assert bundle["text/plain"] == network.vpc_diagram(FLANNEL).text
    assert bundle["text/markdown"].startswith("```mermaid\nflowchart LR\naccTitle: Flannel in the VPC")
    assert "<details><summary>The same in words</summary>" in bundle["text/markdown"]
    assert Diagram("Two\n  lines", "flowchart LR").title == "Two"
