"""The same load again and again: what is sent, what is read of it, and that CoreDNS gets back what was taken from it."""

from __future__ import annotations

import copy
import math

import pytest
from acplab import dns, kube
from acplab.base.errors import AcplabError
from acplab.datapath import node_exec
from acplab.measure.dns import Lookups, Server, loads
from acplab.measure.dns.loads import Sample
from acplab.measure.dns.metrics import Counters
from acplab.topics.dns import edits, trials

CONTAINER = {
    "name": "coredns",
    "resources": {"requests": {"cpu": "100m", "memory": "70Mi"}, "limits": {"memory": "170Mi"}},
    "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}},
}
CONF = dns.ResolvConf.parse(
    "nameserver 172.21.0.10\nsearch ch.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5"
)


@pytest.fixture
def deployment(monkeypatch) -> kube.Object:
    """The Deployment of CoreDNS, which a patch changes."""
    found: kube.Object = {
        "metadata": {"annotations": {}},
        "spec": {"replicas": 2, "template": {"spec": {"containers": [copy.deepcopy(CONTAINER)]}}},
    }

    def patch(kind, name, patch, namespace):
        assert (kind, name, namespace) == ("deployment", "coredns", "kube-system")
        found["metadata"]["annotations"] |= patch["metadata"]["annotations"]
        found["spec"] |= copy.deepcopy(patch["spec"])

    for verb in ("get", "find"):
        monkeypatch.setattr(kube, verb, lambda *words: found)
    monkeypatch.setattr(kube, "patch", patch)
    pods = [{"metadata": {"name": "new"}}, {"metadata": {"name": "old", "deletionTimestamp": "now"}}]
    monkeypatch.setattr(kube, "wait", lambda *words, **options: None)
    monkeypatch.setattr(kube, "list", lambda *words: pods)
    monkeypatch.setattr(
        kube, "delete", lambda kind, name, namespace, grace: found.setdefault("ended", []).append((name, grace))
    )
    return found


def container(deployment):
    return deployment["spec"]["template"]["spec"]["containers"][0]


def test_coredns_gets_less_and_then_what_it_had(deployment):
    dns.limit_coredns(33.4, replicas=1)
    assert deployment["spec"]["replicas"] == 1
    assert container(deployment)["resources"]["limits"] == {"cpu": "33m", "memory": "170Mi"}
    assert container(deployment)["resources"]["requests"]["cpu"] == "33m"  # a request above the limit is refused
    assert deployment["ended"] == [("old", 1)]  # a load that begins now must not meet it
    dns.limit_coredns(33, replicas=4)
    assert trials.coredns_is_limited()
    assert dns.restore_coredns()
    assert (deployment["spec"]["replicas"], container(deployment)) == (2, CONTAINER)
    assert not trials.coredns_is_limited()
    assert not dns.restore_coredns()


@pytest.mark.parametrize("wrong", [{"milli_cores": 0}, {"milli_cores": 3000}, {"milli_cores": 20, "replicas": 7}])
def test_what_is_too_much_is_refused(deployment, wrong):
    with pytest.raises(AcplabError):
        dns.limit_coredns(**wrong)
    assert container(deployment) == CONTAINER


def lookups(*ms: float | None, rate: float = 100) -> Lookups:
    return Lookups([Sample("a", "A", "NOERROR", one) for one in ms], rate, 1, {})


@pytest.fixture
def asked(monkeypatch) -> dict:
    """What the load was told; CoreDNS uses half a second of CPU, and gets 8 queries."""
    told: dict = {}
    counted = iter([(10, 100), (10.5, 108)])

    def counters(pod, namespace, servers):
        cpu, requests = next(counted)
        return Counters.parse(f"process_cpu_seconds_total {cpu}\ncoredns_dns_requests_total {requests}\n")

    def load(pod, names, namespace, **options):
        told.update(names=names, **options)
        return lookups(1.0, None)

    monkeypatch.setattr(trials, "counters", counters)
    monkeypatch.setattr(trials, "servers", list)
    monkeypatch.setattr(trials, "load", load)
    return told


def test_a_trial_asks_all_that_the_resolver_asks(asked):
    found = dns.trial("client", CONF, "www.example.com", "ch", lookups=150, seconds=5)
    assert asked["names"][0] == "www.example.com.ch.svc.cluster.local."
    assert asked["names"][-1] == "www.example.com."
    assert (len(asked["names"]), asked["rate"], asked["type"]) == (4, 1200, "A AAAA")
    assert (found.each, found.coredns) == (8, 8)
    assert (found.cores, found.third) == (pytest.approx(0.1), 33)
    assert "100 millicores" in repr(found)


def test_a_trailing_dot_costs_a_quarter(asked):
    assert dns.trial("client", CONF, "www.example.com.", "ch", lookups=150).each == 2
    assert (asked["names"], asked["rate"]) == (["www.example.com."], 300)


def test_a_third_of_nothing_is_the_least():
    assert trials.Trial(lookups(1.0), 8, 8, 0.0).third == trials.LEAST_MILLI


def test_cases_side_by_side():
    cases = {
        "small": trials.Trial(lookups(1.0, None, rate=1200), 8, 2, 0.02),
        "dead": trials.Trial(lookups(None, None, rate=1200), 8, 0, 0.0),
    }
    table, picture = dns.compared(cases), dns.compared_picture(cases)
    assert table.rows[0] == ("small", "1200", "50.0 %", "1.0 ms", "1.0 ms", "2", "20 m")
    assert table.rows[1][3] == "none"
    assert "small: 1.0 ms, 1 of 2 lost" in picture.text
    assert picture.png.startswith(b"\x89PNG")


def test_a_signal_goes_to_one_pods_coredns_alone(monkeypatch):
    ran: list[tuple] = []
    pod = {"metadata": {"name": "coredns-1", "namespace": "kube-system", "uid": "ab-cd"}, "spec": {"nodeName": "n1"}}
    monkeypatch.setattr(kube, "get", lambda *words: pod)
    monkeypatch.setattr(node_exec, "run", lambda *words: ran.append(words) or "")
    with pytest.raises(RuntimeError), dns.frozen("coredns-1"):
        raise RuntimeError
    assert [words[0] for words in ran] == ["n1", "n1"]
    assert "ab-cd|ab_cd" in ran[0][-1]
    assert "kill -STOP" in ran[0][-1]
    assert "kill -CONT" in ran[1][-1]


def test_a_pod_without_coredns_is_a_sentence(monkeypatch):
    pod = {"metadata": {"name": "shop", "namespace": "ch", "uid": "x"}, "spec": {"nodeName": "n1"}}

    def run(*words):
        raise AcplabError("sh ended with code 1", "")

    monkeypatch.setattr(kube, "get", lambda *words: pod)
    monkeypatch.setattr(node_exec, "run", run)
    with pytest.raises(AcplabError, match="No CoreDNS runs in Pod shop"):
        dns.crash("shop", "ch")


def test_seconds_of_a_lookup(monkeypatch):
    monkeypatch.setattr(kube, "exec", lambda pod, command, namespace: "1002000000\n")
    assert dns.lookup_seconds("client", "shop", "ch") == pytest.approx(1.002)
    with pytest.raises(AcplabError):
        dns.lookup_seconds("client", "shop; reboot", "ch")


def test_a_hang_has_an_end():
    with pytest.raises(AcplabError):
        dns.hang("coredns-1", seconds=60)


def test_the_sidecar_is_asked_in_its_own_pod(monkeypatch):
    monkeypatch.setattr(kube, "get", lambda *words: {"spec": {"nodeName": "n1"}})
    assert dns.sidecar("own", "ch") == Server("own", "n1", "127.0.0.1", "127.0.0.1:9153")


def test_sockets_and_types_reach_dnsperf():
    script = loads._plan(["a.", "b."], 100, 2, "172.21.0.10", "A AAAA", "udp", 2, 40).command[-1]
    assert "a. A\\na. AAAA\\nb. A\\nb. AAAA\\n" in script
    assert "-c 40 -T 1" in script
    for wrong in ({"sockets": 0}, {"sockets": 1000}, {"type_": "A ANY"}):
        options = {"type_": "A", "sockets": 1} | wrong
        with pytest.raises(AcplabError):
            loads._plan(["a."], 100, 2, "172.21.0.10", options["type_"], "udp", 2, options["sockets"])


def test_what_counts_in_parts():
    found = Counters.parse("process_cpu_seconds_total 1.25\nprocess_resident_memory_bytes 3.4e+07\n")
    assert (found.cpu_seconds, found.memory_mb) == (1.25, 34.0)
    assert math.isclose(found.amount("none"), 0)


def test_a_corefile_with_one_thing_more():
    text = ".:53 {\n    errors\n    forward . /etc/resolv.conf\n}\n"
    more = edits.with_stub_zone(
        edits.with_line(text, "rewrite name a.example.com b."), "corp.example.com", "172.21.0.7"
    )
    assert more.splitlines()[1] == "    rewrite name a.example.com b."
    assert "corp.example.com:53 {" in more
    assert "    forward . 172.21.0.7\n}\n" in more
    assert not [one for one in dns.mistakes(more) if one.fatal]
