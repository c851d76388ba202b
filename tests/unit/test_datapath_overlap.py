"""What chapter 02b reads out of the nodes: routes that win over a longer range, targets of a Service, who answers."""

from __future__ import annotations

import pytest
from acplab import datapath, kube
from acplab.base.errors import AcplabError
from acplab.datapath import kube_proxy, route_tables
from acplab.datapath.route_tables import NodeRange, Route
from acplab.host import docker
from acplab.kube import client

OFFICE = "172.20.0.0/16"
NODES = [NodeRange(f"node-{n}", f"172.28.0.{n}", f"172.20.{n}.0/24", "cn-hangzhou-h") for n in (1, 2)]
TABLE = [
    Route("default", "172.28.0.9", "eth0"),
    Route(OFFICE, "172.28.0.7", "eth0"),
    Route("172.20.1.0/24", "", "cni0"),
    Route("172.20.2.0/25", "172.28.0.2", "eth0"),
    Route("172.20.9.9", "172.28.0.2", "eth0"),
    Route("172.0.0.0/8", "172.28.0.2", "eth0"),
    Route("172.21.0.0/24", "172.28.0.2", "eth0"),
]


def test_longer_routes_are_those_inside_of_a_range_and_not_its_own(monkeypatch):
    monkeypatch.setattr(route_tables, "routes", lambda _node: TABLE)
    found = datapath.longer_routes("node-1", OFFICE)
    assert [(one.to, one.addresses) for one in found] == [
        ("172.20.1.0/24", 256),
        ("172.20.2.0/25", 128),
        ("172.20.9.9", 1),
    ]
    assert TABLE[0].addresses == 2**32


@pytest.mark.parametrize(
    ("to", "via", "on"),
    [
        (OFFICE, "172.28.0.7", ["node-1", "node-2"]),  # their own, longer routes win without our help
        ("172.20.1.0/24", "172.28.0.7", ["node-2"]),
        ("172.20.1.128/25", "172.28.0.7", ["node-2"]),
        ("172.20.3.0/24", "172.28.0.2", ["node-1"]),  # no machine is its own next hop
    ],
)
def test_a_vpc_route_is_on_the_nodes_whose_kernel_would_ask_the_table(monkeypatch, to, via, on):
    calls = []
    monkeypatch.setattr(client, "require_own_cluster", lambda: None)
    monkeypatch.setattr(route_tables, "node_ranges", lambda: NODES)
    monkeypatch.setattr(docker, "run", lambda *words: calls.append(words[1:5]) or "")
    with datapath.vpc_route(to, via):
        assert calls == [(node, "ip", "route", "prepend") for node in on]


IPTABLES = """\
-A KUBE-SERVICES -d 172.21.3.9/32 -p tcp -m comment --comment "shop/shop cluster IP" -m tcp --dport 80 -j KUBE-SVC-SHOP
-A KUBE-SVC-SHOP ! -s 172.20.0.0/16 -d 172.21.3.9/32 -p tcp -j KUBE-MARK-MASQ
-A KUBE-SVC-SHOP -m comment --comment "shop/shop -> 172.20.1.4:8080" -m statistic --mode random --probability 0.25000000000 -j KUBE-SEP-ONE
-A KUBE-SVC-SHOP -m comment --comment "shop/shop -> 172.20.2.5:8080" -j KUBE-SEP-TWO
-A KUBE-SEP-ONE -s 172.20.1.4/32 -j KUBE-MARK-MASQ
-A KUBE-SEP-ONE -p tcp -m tcp -j DNAT --to-destination 172.20.1.4:8080
-A KUBE-SEP-TWO -p tcp -m tcp -j DNAT --to-destination 172.20.2.5:8080
"""
NFTABLES = """\
table ip kube-proxy {
\tmap service-ips {
\t\telements = { 172.21.3.9 . tcp . 80 : goto service-AB-shop/shop/tcp/http,
\t\t\t     172.21.3.90 . tcp . 80 : goto service-CD-shop/cart/tcp/http }
\t}
\tchain service-AB-shop/shop/tcp/http {
\t\tmeta l4proto tcp dnat ip to numgen random mod 2 map { 0 : 172.20.1.4 . 8080, 1 : 172.20.2.5 . 8080 }
\t}
\tchain service-CD-shop/cart/tcp/http {
\t\tmeta l4proto tcp dnat ip to numgen random mod 1 map { 0 : 172.20.1.9 . 8080 }
\t}
}
"""


def told(monkeypatch, iptables: str = "", nftables: str = "") -> list[datapath.Target]:
    """The targets of a Service with the ClusterIP 172.21.3.9, on a node that says this."""
    monkeypatch.setattr(kube, "find", lambda *_about: {"spec": {"clusterIP": "172.21.3.9"}})
    monkeypatch.setattr(
        kube_proxy.node_exec, "run", lambda _node, tool, *_rest: iptables if tool == "iptables-save" else nftables
    )
    return datapath.targets("shop", "shop", "node-1")


def test_iptables_asks_rule_after_rule(monkeypatch):
    assert told(monkeypatch, iptables=IPTABLES) == [
        datapath.Target("172.20.1.4:8080", 0.25, 0.25),
        datapath.Target("172.20.2.5:8080", 1.0, 0.75),
    ]


def test_nftables_draws_once(monkeypatch):
    found = told(monkeypatch, nftables=NFTABLES)
    assert found == [datapath.Target(f"172.20.{n}:8080", 0.5, 0.5) for n in ("1.4", "2.5")]
    assert " ".join(str(found[0]).split()) == "takes 50.0% of what gets here, so 50.0% of all -> 172.20.1.4:8080"


def test_a_service_without_endpoints_leads_nowhere(monkeypatch):
    assert told(monkeypatch) == []


def test_a_number_of_targets_is_waited_for(monkeypatch):
    waited = []
    monkeypatch.setattr(kube, "wait", lambda *about: waited.append((*about[:2], about[2]({}), *about[3:])))
    told(monkeypatch, iptables=IPTABLES)
    assert len(datapath.targets("shop", "shop", "node-1", count=2)) == 2
    datapath.targets("shop", "shop", "node-1", count=3)
    assert waited == [("service", "shop", True, "shop", 30), ("service", "shop", False, "shop", 30)]


ANSWER = '200 v1 {"version":"v1","pod":"server-1"}\n'


def asked(monkeypatch, answer) -> str:
    def run(pod, command, namespace):
        assert (pod, command[-1], namespace) == ("client", "http://172.20.2.5:8080/hello", "shop")
        if isinstance(answer, AcplabError):
            raise answer
        return answer

    monkeypatch.setattr(kube, "exec", run)
    return datapath.answered_by("client", "172.20.2.5:8080", "shop")


def test_who_answers(monkeypatch):
    assert asked(monkeypatch, ANSWER) == "server-1"
    assert asked(monkeypatch, AcplabError("storefront in Pod client ended with code 1: timeout", "")) == ""


def test_a_pod_that_cannot_be_asked_is_an_error(monkeypatch):
    with pytest.raises(AcplabError, match="no Pod client"):
        asked(monkeypatch, AcplabError("There is no Pod client.", ""))
