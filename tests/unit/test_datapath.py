"""What is read out of the nodes' kernels. The texts are what real nodes have printed; Docker is played."""

from __future__ import annotations

import json

import pytest
from acplab import datapath, kube
from acplab.base.errors import AcplabError
from acplab.datapath import hops, pods
from acplab.datapath import kube_proxy as kubeproxy
from acplab.host import docker
from acplab.kube import client as connection

NODES = ["one", "two"]


def node(name: str, number: int) -> dict:
    at = [{"type": "InternalIP", "address": f"172.28.0.{number}"}]
    spec, labels = {"podCIDR": f"172.20.{number}.0/24"}, {"topology.kubernetes.io/zone": "cn-hangzhou-h"}
    return {"metadata": {"name": name, "labels": labels}, "spec": spec, "status": {"addresses": at}}


@pytest.fixture
def said(monkeypatch) -> dict[str, str]:
    """Command in a node -> what it says."""
    answers: dict[str, str] = {}

    def run(verb: str, node: str, *command: str, **_) -> str:
        assert verb == "exec"
        line = " ".join((node, *command))
        if line not in answers:
            raise AcplabError(f"{line} failed", "look")
        return answers[line]

    monkeypatch.setattr(docker, "run", run)
    monkeypatch.setattr(kube, "list", lambda _kind, selector=None: [node(name, n) for n, name in enumerate(NODES, 1)])
    monkeypatch.setattr(connection, "require_own_cluster", lambda: None)
    return answers


def test_a_container_that_is_no_node_of_ours_is_never_entered(said):
    with pytest.raises(AcplabError, match="no node database") as told:
        datapath.routes("database")
    assert "one, two" in told.value.remedy


def test_routes(said):
    said["one ip -4 -json route show"] = json.dumps(
        [
            {"dst": "default", "gateway": "172.28.0.1", "dev": "eth0", "flags": []},
            {"type": "blackhole", "dst": "172.20.2.0/24", "flags": []},
            {"dst": "172.20.1.0/24", "dev": "cni0", "protocol": "kernel", "prefsrc": "172.20.1.1"},
        ]
    )
    assert [str(route).split() for route in datapath.routes("one")] == [
        ["default", "via", "172.28.0.1", "eth0"],
        ["172.20.2.0/24", "blackhole"],
        ["172.20.1.0/24", "directly", "cni0"],
    ]


def test_a_vpc_route_is_on_every_node_and_gone_afterwards(said, monkeypatch):
    calls = []
    monkeypatch.setattr(docker, "run", lambda *words: calls.append(" ".join(words)) or "")
    with pytest.raises(ZeroDivisionError), datapath.vpc_route("172.22.0.0/24", via="172.28.0.9"):
        assert calls == [f"exec {node} ip route prepend 172.22.0.0/24 via 172.28.0.9" for node in NODES]
        calls.clear()
        raise ZeroDivisionError
    assert calls == [f"exec {node} ip route del 172.22.0.0/24 via 172.28.0.9" for node in NODES]


def test_the_owner_of_a_block_goes_on_delivering_to_its_own_pods(said, monkeypatch):
    calls = []
    monkeypatch.setattr(docker, "run", lambda *words: calls.append(words[1]) or "")
    with datapath.vpc_route("172.20.1.0/24", via="172.28.0.9"):
        assert calls == ["two"]


def test_blocks(said):
    assert [str(block).split() for block in datapath.node_ranges()] == [
        ["one", "cn-hangzhou-h", "172.28.0.1", "172.20.1.0/24"],
        ["two", "cn-hangzhou-h", "172.28.0.2", "172.20.2.0/24"],
    ]


def test_a_vpc_route_that_one_node_refuses_stays_on_none(said, monkeypatch):
    there: set[str] = set()

    def run(_exec, node, _ip, _route, verb, *_rest) -> str:
        if verb == "prepend" and node == "two":
            raise AcplabError("Nexthop has invalid gateway.", "")
        (there.add if verb == "prepend" else there.discard)(node)
        return ""

    monkeypatch.setattr(docker, "run", run)
    with (
        pytest.raises(AcplabError, match="Node two rejected the route"),
        datapath.vpc_route("10.0.0.0/8", "1.2.3.4"),
    ):
        pytest.fail("the block ran")
    assert there == set()


CONNTRACK = """\
tcp      6 117 TIME_WAIT src=172.20.1.4 dst=172.21.3.9 sport=40312 dport=80 src=172.20.2.5 dst=172.20.1.4 \
sport=8080 dport=40312 [ASSURED] mark=0 use=1
conntrack v1.4.7 (conntrack-tools): 1 flow entries have been shown.
"""


def test_a_connection_tells_who_really_answers(said):
    said["one conntrack -L -p tcp -d 172.21.3.9"] = CONNTRACK
    (seen,) = datapath.connections("one", "172.21.3.9")
    assert seen == hops.ConntrackEntry("172.20.1.4", "172.21.3.9:80", "172.20.2.5:8080", "172.20.1.4")


SAVED = """\
*nat
:KUBE-SERVICES - [0:0]
-A KUBE-SERVICES -d 172.21.0.1/32 -p tcp -m comment --comment "default/kubernetes:https cluster IP" -j KUBE-SVC-NPX
-A KUBE-SERVICES -d 172.21.3.9/32 -p tcp -m comment --comment "shop/shop cluster IP" -m tcp --dport 80 -j KUBE-SVC-SHOP
-A KUBE-SVC-SHOP ! -s 172.20.0.0/16 -d 172.21.3.9/32 -p tcp -j KUBE-MARK-MASQ
-A KUBE-SVC-SHOP -m statistic --mode random --probability 0.50000000000 -j KUBE-SEP-ONE
-A KUBE-SVC-SHOP -j KUBE-SEP-TWO
-A KUBE-SEP-ONE -p tcp -m tcp -j DNAT --to-destination 172.20.1.4:8080
-A KUBE-SEP-TWO -p tcp -m tcp -j DNAT --to-destination 172.20.2.5:8080
COMMIT
"""


def test_iptables_rules_come_in_the_order_of_a_packet():
    found = kubeproxy.iptables(SAVED, "172.21.3.9")
    assert [line.split()[1] for line in found] == [
        "KUBE-SERVICES",
        "KUBE-SVC-SHOP",
        "KUBE-SVC-SHOP",
        "KUBE-SEP-ONE",
        "KUBE-SVC-SHOP",
        "KUBE-SEP-TWO",
    ]
    assert kubeproxy.iptables(SAVED, "172.21.3.99") == []
    assert kubeproxy.iptables(SAVED, "172.21.3.") == []


WAY = "one ip -4 -json route get 172.20.2.5 from 172.20.1.4 iif cni0"


def test_a_hop(said):
    said[WAY] = json.dumps([{"dst": "172.20.2.5", "from": "172.20.1.4", "gateway": "172.28.0.3", "dev": "eth0"}])
    said["one ip -4 -json -details link show dev eth0"] = json.dumps([{"linkinfo": {"info_kind": "veth"}}])
    hop = hops._hop("node one", "one", hops._ask("one", "172.20.2.5", "172.20.1.4", "cni0"))
    assert hop == hops.Hop("node one", "172.28.0.3", "eth0", "veth")
    assert str(hop).split() == ["node", "one", "via", "172.28.0.3", "dev", "eth0", "(veth)"]
    onlink = hops.Hop("node two", "", "cni0", "bridge")
    assert str(onlink).split() == ["node", "two", "directly", "dev", "cni0", "(bridge)"]
    assert str(hop).index("dev") == str(onlink).index("dev")


@pytest.mark.parametrize(
    ("answer", "kind"), [("RTNETLINK answers: Invalid argument", "blackhole"), ("Network is unreachable", "no route")]
)
def test_a_packet_that_is_dropped_is_the_last_hop(said, monkeypatch, answer, kind):
    def refuse(*_words):
        raise AcplabError(f"docker exec failed: {answer}", "")

    monkeypatch.setattr(docker, "run", refuse)
    hop = hops._hop("node one", "one", hops._ask("one", "172.20.2.5", "172.20.1.4", "cni0"))
    assert str(hop).split(maxsplit=2)[2] == f"dropped ({kind})"


def test_any_other_error_stays_an_error(said):
    with pytest.raises(AcplabError, match="failed"):
        hops._ask("one", "172.20.2.5")


def pod(name: str, address: str = "") -> dict:
    return {"metadata": {"name": name}, "status": {"podIP": address} if address else {}}


def test_the_address_of_a_pod(monkeypatch):
    pods = {"client": pod("client", "172.20.1.4"), "hungry": pod("hungry")}
    monkeypatch.setattr(kube, "find", lambda _kind, name, _namespace: pods.get(name))
    assert datapath.address("client", "shop") == "172.20.1.4"
    for name in ("hungry", "nobody"):
        with pytest.raises(AcplabError, match=f"no Pod {name} with an address"):
            datapath.address(name, "shop")


LOGGED = """\
listening on :8080
{"msg":"request","path":"/hello","from":"172.20.1.4:40312"}
{"msg":"request","path":"/hello","from":"172.28.0.3:40313"}
{"msg":"request","path":"/other","from":"172.20.1.9:40314"}
{"msg":"knob","name":"ready"}
"""


def test_the_caller_is_that_of_the_last_request_for_the_path(monkeypatch):
    monkeypatch.setattr(kube, "logs", lambda _pod, _namespace: LOGGED)
    assert datapath.caller("server", "shop") == "172.28.0.3"
    assert datapath.caller("server", "shop", "/other") == "172.20.1.9"
    with pytest.raises(AcplabError, match="no request for /readyz"):
        datapath.caller("server", "shop", "/readyz")


def test_a_pod_without_an_address_is_waited_for_until_an_event_says_why(monkeypatch):
    told: list[list[str]] = [[], ["Warning FailedCreatePodSandBox: no IP addresses available in range set"]]
    looks = []
    monkeypatch.setattr(kube, "list", lambda _kind, _namespace: [pod("fed", "172.20.1.4"), pod("hungry")])
    monkeypatch.setattr(kube, "events", lambda *about: looks.append(about) or told[min(len(looks), 2) - 1])
    monkeypatch.setattr(pods, "POLL", 0)
    datapath.wait_for_addresses("shop")
    assert looks == [("pod", "hungry", "shop")] * 2


def test_a_pod_that_gets_neither_address_nor_event_is_named(monkeypatch):
    monkeypatch.setattr(kube, "list", lambda _kind, _namespace: [pod("slow")])
    monkeypatch.setattr(kube, "events", lambda *_about: [])
    with pytest.raises(AcplabError, match="Pod slow has no address after 0 s"):
        datapath.wait_for_addresses("shop", timeout=0)
