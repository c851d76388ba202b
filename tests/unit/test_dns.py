"""The model of names: resolv.conf, policies, injection, paths, Corefiles; and what checks and hints make of it."""

from __future__ import annotations

import json
from itertools import pairwise
from math import ceil

import pytest
from acplab import dns, kube
from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.topics.dns import corefile, diagnose, expect
from acplab.topics.dns.injection import CACHE, SIDECAR
from acplab.topics.dns.resolv import tried
from hypothesis import given
from hypothesis import strategies as st

POD = dns.ResolvConf.parse(
    "nameserver 172.21.0.10\nsearch shop.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n"
)
NODE = dns.ResolvConf(("100.100.2.136", "100.100.2.138"), ("example.internal",), ("timeout:2", "rotate"))
COREFILE = """\
.:53 {
    errors
    health {
        lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 30
    }
    prometheus :9153
    forward . /etc/resolv.conf {
        max_concurrent 1000
    }
    cache 30
    loop
    reload
    loadbalance
}
"""

# --- resolv.conf and questions ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("cart", ["cart.shop.svc.cluster.local", "cart.svc.cluster.local", "cart.cluster.local", "cart"]),
        ("www.example.com", ["www.example.com.shop.svc.cluster.local", "www.example.com.svc.cluster.local",
                             "www.example.com.cluster.local", "www.example.com"]),
        ("www.example.com.", ["www.example.com"]),
        ("a.b.c.d.e.f", ["a.b.c.d.e.f", "a.b.c.d.e.f.shop.svc.cluster.local", "a.b.c.d.e.f.svc.cluster.local",
                         "a.b.c.d.e.f.cluster.local"]),
    ],
)  # fmt: skip
def test_names_in_order(name, wanted):
    assert dns.names(POD, name) == wanted


def test_an_outside_name_costs_eight_queries_and_a_service_two():
    assert len(dns.questions(POD, "www.example.com", ["www.example.com"])) == 8
    own = dns.questions(POD, "cart", ["cart.shop.svc.cluster.local."])
    assert [repr(one) for one in own] == ["A cart.shop.svc.cluster.local.", "AAAA cart.shop.svc.cluster.local."]
    assert len(dns.questions(POD, "cart.other", ["cart.other.svc.cluster.local"])) == 4


def test_the_root_first_saves_the_useless_searches_but_not_for_go():
    first = dns.ResolvConf(POD.nameservers, (".", *POD.search), POD.options)
    assert len(dns.questions(first, "www.example.com", ["www.example.com"])) == 2
    assert dns.names(first, "www.example.com")[0] == "www.example.com"
    assert len(dns.names(first, "www.example.com")) == 4, "glibc does not ask for the name as it is again"
    assert dns.names(first, "www.example.com", "go") == dns.names(POD, "www.example.com")


def test_musl_does_not_search_with_enough_dots():
    few = dns.ResolvConf(search=("a", "b"), options=("ndots:1",))
    assert dns.names(few, "x.y", "musl") == ["x.y"]
    assert dns.names(few, "x.y", "glibc") == ["x.y", "x.y.a", "x.y.b"]


def test_the_last_search_and_option_count():
    conf = dns.ResolvConf.parse(
        "search a b # old\n; x\nsearch c. .\noptions ndots:5 ndots:2\nnameserver\nnameserver 1.1.1.1"
    )
    assert (conf.search, conf.ndots, conf.nameservers) == (("c", "."), 2, ("1.1.1.1",))
    assert (conf.timeout, conf.attempts) == (5, 2)


@given(st.integers(0, 40))
def test_ndots_is_at_most_15(n):
    assert dns.ResolvConf(options=(f"ndots:{n}",)).ndots == min(15, n)


labels = st.text("abc", min_size=1, max_size=3)
domains = st.lists(labels, min_size=1, max_size=4).map(".".join)
confs = st.builds(
    lambda search, ndots: dns.ResolvConf(("1.1.1.1",), tuple(search), (f"ndots:{ndots}",)),
    st.lists(domains, max_size=4, unique=True),
    st.integers(0, 6),
)


@given(confs, domains)
def test_every_name_is_tried_once_and_as_it_is(conf, name):
    found = dns.names(conf, name)
    assert found.count(name) == 1
    assert len(found) == 1 + len(conf.search)
    assert (found[0] == name) == (name.count(".") >= conf.ndots or not conf.search)
    assert dns.names(conf, name + ".") == [name]


@given(confs, domains)
def test_a_text_read_back_is_the_same(conf, name):
    assert dns.names(dns.ResolvConf.parse(conf.text), name) == dns.names(conf, name)


@given(confs, domains, st.integers(0, 4))
def test_it_stops_at_the_first_that_exists(conf, name, place):
    candidates = dns.names(conf, name)
    exists = candidates[min(place, len(candidates) - 1)]
    assert tried(conf, name, [exists.upper()]) == candidates[: candidates.index(exists) + 1]


@given(confs, domains)
def test_fewer_dots_wanted_never_costs_an_outside_name_more(conf, name):
    lower = dns.ResolvConf(conf.nameservers, conf.search, ("ndots:0",))
    assert len(dns.questions(lower, name, [name])) <= len(dns.questions(conf, name, [name]))


def test_how_long_silence_lasts():
    assert dns.seconds_per_name(dns.ResolvConf(("a",))) == 10
    assert dns.seconds_per_name(dns.ResolvConf(("a", "b"), (), ("timeout:1", "attempts:2"))) == 4
    assert dns.seconds_per_name(dns.ResolvConf(("a", "b", "c"))) == 2 * (5 + 3 + 6)


@pytest.mark.parametrize(("name", "resolver"), [("", "glibc"), (".", "glibc"), ("a", "windows")])
def test_what_cannot_be_asked(name, resolver):
    with pytest.raises(AcplabError):
        dns.names(POD, name, resolver)


# --- policies ------------------------------------------------------------------------------------------------------


def conf(**spec) -> dns.ResolvConf:
    return dns.resolv_conf(spec, "shop", "172.21.0.10", NODE)


def test_cluster_first_asks_coredns_and_keeps_the_nodes_search():
    for spec in ({}, {"dnsPolicy": "ClusterFirst"}, {"dnsPolicy": "ClusterFirstWithHostNet", "hostNetwork": True}):
        found = conf(**spec)
        assert found.nameservers == ("172.21.0.10",)
        assert found.search == (*POD.search, "example.internal")
        assert found.ndots == 5


def test_default_and_cluster_first_on_the_host_are_the_nodes():
    assert conf(dnsPolicy="Default") == NODE
    assert conf(hostNetwork=True) == NODE


def test_dns_config_adds_and_replaces_options():
    config = {
        "nameservers": ["172.21.0.10", "192.0.2.1"],
        "searches": ["svc.cluster.local", "more"],
        "options": [{"name": "ndots", "value": "2"}, {"name": "edns0"}],
    }
    found = conf(dnsConfig=config)
    assert found.nameservers == ("172.21.0.10", "192.0.2.1")
    assert found.search == (*POD.search, "example.internal", "more")
    assert found.options == ("ndots:2", "edns0")


def test_none_is_dns_config_alone_with_the_root_first():
    found = conf(dnsPolicy="None", dnsConfig={"nameservers": ["192.0.2.1"], "searches": [".", "a"]})
    assert found == dns.ResolvConf(("192.0.2.1",), (".", "a"))


def test_what_is_beyond_the_limits_is_left_out():
    config = {"nameservers": ["1.1.1.1", "2.2.2.2", "3.3.3.3"], "searches": [f"d{i}" for i in range(40)]}
    found = conf(dnsConfig=config)
    assert found.nameservers == ("172.21.0.10", "1.1.1.1", "2.2.2.2")
    assert len(found.search) == 32
    long = conf(dnsConfig={"searches": [f"{i:02}{'x' * 200}" for i in range(20)]})
    assert len(" ".join(long.search)) <= 2048


@pytest.mark.parametrize(
    "spec", [{"dnsPolicy": "None"}, {"dnsPolicy": "Host"}, {"dnsConfig": {"nameservers": ["a", "b", "c", "d"]}}]
)
def test_what_the_api_server_refuses(spec):
    with pytest.raises(AcplabError):
        conf(**spec)


# --- injection -------------------------------------------------------------------------------------------------------

CASES = json.loads((paths.ROOT / "helpers/images/dns-agent/cases.json").read_text())


def case_objects(case: dict) -> tuple[dict, dict]:
    """The Pod and the namespace of a case: all conditions hold but for what the case says."""
    pod, namespace = case.get("pod", {}), case.get("namespace", {})
    spec = {"dnsPolicy": "ClusterFirst"} | pod.get("spec", {})
    metadata = {"name": "a", "labels": pod.get("labels", {}), "annotations": pod.get("annotations", {})}
    labels = namespace.get("labels", {"node-local-dns-injection": "enabled"})
    return {"metadata": metadata, "spec": spec}, {"metadata": {"name": namespace.get("name", "shop"), "labels": labels}}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_who_is_injected(case):
    assert (dns.reasons_against(*case_objects(case)) == []) == case["inject"]


def test_what_is_injected_is_a_resolv_conf():
    pod = {"spec": {"dnsPolicy": "None", "dnsConfig": dns.dns_config("shop", "172.21.0.10")}}
    found = conf(**pod["spec"])
    assert found.text == (
        "nameserver 169.254.20.10\nnameserver 172.21.0.10\nsearch shop.svc.cluster.local svc.cluster.local cluster.local\n"
        "options ndots:3 attempts:2 timeout:1"
    )
    assert dns.is_injected(pod)
    assert not dns.is_injected({"spec": {"dnsPolicy": "ClusterFirst"}})
    assert len(dns.questions(found, "www.example.com", ["www.example.com"])) == 8, "two dots are fewer than three"


# --- scaling -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("nodes", "cores", "virtual", "wanted"),
    [(3, 12, 0, 2), (16, 64, 0, 2), (17, 64, 0, 3), (8, 512, 0, 8), (1000, 4000, 0, 100), (25, 96, 9, 2), (0, 0, 0, 2)],
)
def test_how_many_coredns(nodes, cores, virtual, wanted):
    assert dns.replicas(nodes, cores, virtual) == wanted
    assert str(wanted) in dns.reason(nodes, cores, virtual)


@given(st.integers(0, 6000), st.integers(0, 100_000))
def test_replicas_suffice_and_are_not_too_many(nodes, cores):
    n = dns.replicas(nodes, cores)
    assert 2 <= n <= 100
    if n < 100:
        assert n * 8 >= nodes
        assert n * 64 >= cores
    if n > 2:
        assert n <= max(ceil(cores / 64), ceil(nodes / 8))


def test_counts_that_cannot_be():
    for wrong in ((-1, 0, 0), (1, -4, 0), (1, 4, 2)):
        with pytest.raises(AcplabError):
            dns.replicas(*wrong)


# --- Corefiles -------------------------------------------------------------------------------------------------------------


def test_the_default_has_no_mistake():
    assert dns.mistakes(COREFILE) == []


def test_a_corefile_is_read():
    server, other = corefile.read(COREFILE + "\nexample.com, example.org:5300 {\n  hosts {\n 192.0.2.1 a\n }\n}\n")
    assert [one.name for one in server.plugins][:3] == ["errors", "health", "ready"]
    assert server.plugin("health").option("lameduck") == ("5s",)
    assert other.zones == ("example.com", "example.org:5300")
    assert [corefile.zone_of(zone) for zone in (*other.zones, ".:53", "dns://A.b.:53")] == [
        "example.com",
        "example.org",
        ".",
        "a.b",
    ]


@pytest.mark.parametrize(
    ("old", "new", "fatal", "words"),
    [
        ("    loadbalance\n}", "    loadbalance", True, "braces"),
        ("    errors", "}", True, "braces"),
        ("    cache 30", "    cahce 30", True, "no plugin cahce"),
        ("    ready", "    ready\n    errors", True, "errors is there twice"),
        ("forward . /etc/resolv.conf", "forward .", True, "forward needs"),
        ("    cache 30\n", "", False, "without cache"),
        ("    reload\n", "", False, "without reload"),
        ("lameduck 5s", "# lameduck 5s", False, "without lameduck"),
        ("    loop", "    loop\n    autopath @kubernetes", False, "autopath"),
        ("/etc/resolv.conf", "172.21.0.10", False, "loop"),
        (".:53", "cluster.local:53", False, "no block answers"),
    ],
)
def test_mistakes_in_a_corefile(old, new, fatal, words):
    found = dns.mistakes(COREFILE.replace(old, new), dns.Use(own=("172.21.0.10",)))
    assert any(words in str(one) and one.fatal == fatal for one in found), found


def test_more_mistakes():
    without = COREFILE.replace("    forward . /etc/resolv.conf {\n        max_concurrent 1000\n    }\n", "")
    assert {"nothing forwards", "loop finds nothing"} <= {
        w for w in ("nothing forwards", "loop finds nothing") if w in str(dns.mistakes(without))
    }
    assert "already" in str(dns.mistakes(COREFILE * 2)[0])
    assert "prefer_udp" in str(dns.mistakes(COREFILE, dns.Use(behind_cache=True)))
    assert "no server block" in str(dns.mistakes("# nothing"))


def test_two_blocks_bound_to_other_addresses_are_no_mistake():
    one, other = (
        COREFILE.replace("    errors", f"    errors\n    bind {address}") for address in ("127.0.0.1", "127.0.0.2")
    )
    assert not any(found.fatal for found in dns.mistakes(one + other))


def test_the_corefiles_of_the_chapter_have_no_fatal_mistake():
    folder = paths.ROOT / "manifests/11-service-discovery"
    read = [one for file in folder.rglob("*.yaml") for one in kube.read_manifests(file)]
    texts = {one["metadata"]["name"]: one["data"]["Corefile"] for one in read if "Corefile" in (one.get("data") or {})}
    assert "node-local-dns" in texts
    assert not [one for text in texts.values() for one in dns.mistakes(text) if one.fatal]


# --- paths -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("situation", "numbers"),
    [
        ({"cached": True}, [1]), ({}, [1, 2]), ({"outside": True}, [1, 2, 3]), ({"cache_up": False}, [1, 4]),
        ({"injected": False}, [5]), ({"injected": False, "outside": True}, [5, 3]), ({"cache_up": False, "outside": True}, [1, 4, 3]),
    ],
)  # fmt: skip
def test_the_five_paths(situation, numbers):
    assert [hop.number for hop in dns.hops(dns.Situation(**situation))] == numbers


def test_protocols_on_the_way():
    assert [hop.protocol for hop in dns.hops(dns.Situation(outside=True))] == ["UDP", "TCP", "UDP"]
    (_, direct) = dns.hops(dns.Situation("jushita", outside=True))
    assert (direct.source, direct.target, direct.protocol) == ("node cache", "VPC DNS", "UDP")
    assert [hop.target for hop in dns.hops(dns.Situation("sidecar"))] == ["sidecar", "CoreDNS"]
    assert [hop.target for hop in dns.hops(dns.Situation("plain", outside=True))] == ["CoreDNS", "VPC DNS"]
    with pytest.raises(AcplabError, match="no scheme"):
        dns.hops(dns.Situation("aws"))


@given(
    st.sampled_from(["ack", "jushita", "sidecar", "plain"]), st.booleans(), st.booleans(), st.booleans(), st.booleans()
)
def test_every_way_begins_at_the_pod_and_hangs_together(scheme, injected, cached, up, outside):
    way = dns.hops(dns.Situation(scheme, injected, cached, up, outside))
    assert way[0].source == "Pod"
    for before, after in pairwise(way):
        assert after.source == ("Pod" if before.failed else before.target)
    assert not way[-1].failed
    assert (way[-1].target == "VPC DNS") == (outside and not (cached and up and injected and scheme != "plain"))


# --- pictures -----------------------------------------------------------------------------------------------------------------


def test_a_picture_of_a_name():
    drawn = dns.name_picture(POD, "www.example.com", ["www.example.com"])
    assert drawn.title == "www.example.com: 8 queries"
    assert "2 dots, ndots 5, 3 search domains" in drawn.text
    assert "4. www.example.com: it exists, A and AAAA" in drawn.text
    assert drawn.mermaid.count("A + AAAA") == 4
    assert "NXDOMAIN" in dns.name_picture(POD, "nobody").mermaid


def test_a_picture_of_a_path():
    drawn = dns.path_picture(dns.Situation(cache_up=False, outside=True))
    assert drawn.title == "3 hops, answered by VPC DNS"
    assert "-.->" in drawn.mermaid
    assert "(4) Pod → CoreDNS (UDP)" in drawn.text


# --- checks and hints ---------------------------------------------------------------------------------------------------------


class View:
    """Of grading.LabView what is used here."""

    namespace = "shop"

    def __init__(self, pod: dict | None, corefile: str = COREFILE, labels: dict | None = None) -> None:
        config = {"data": {"Corefile": corefile}}
        namespace = {"metadata": {"name": "shop", "labels": labels or {}}}
        self.found = {
            "pod": pod,
            "configmap": config,
            "namespace": namespace,
            "service": {"spec": {"clusterIP": "172.21.0.10"}},
        }

    def get(self, kind: str, name: str, namespace: str | None = None) -> dict | None:
        return self.found[kind]

    def pods(self, selector: str | None = None, ready: bool = True) -> list[dict]:
        return [self.found["pod"]] if self.found["pod"] else []


def running(**spec) -> dict:
    return {"metadata": {"name": "client", "labels": {}}, "spec": spec, "status": {"phase": "Running"}}


@pytest.fixture
def inside(monkeypatch):
    """What `cat` says inside of the Pod; None: there is no cat."""
    said = {"text": POD.text}

    def run(pod, command, namespace=None):
        if said["text"] is None:
            raise AcplabError("cat could not be run", "")
        return said["text"]

    monkeypatch.setattr(kube, "exec", run)
    return said


def test_addresses_that_a_program_gets(monkeypatch):
    monkeypatch.setattr(expect.dns, "look_up", lambda pod, name, namespace: ["10.0.0.1", "10.0.0.2"])
    assert dns.resolves(View(running()), "client", "cart", ["10.0.0.2", "10.0.0.1"], "t").ok
    assert not dns.resolves(View(running()), "client", "cart", ["10.0.0.1"], "t").ok
    assert not dns.resolves(View(None), "client", "cart", [], "t").ok, "no Pod is no proof that a name is gone"


def test_what_a_server_answers(monkeypatch):
    monkeypatch.setattr(
        expect.dns, "ask", lambda pod, name, namespace, server=None: expect.dns.Answer(name, "SERVFAIL")
    )
    assert dns.answers(View(running()), "client", "a.", "SERVFAIL", "t").ok
    assert dns.answers(View(running()), "client", "a.", "NOERROR", "t").found == "SERVFAIL"
    assert not dns.answers(View(None), "client", "a.", "SERVFAIL", "t").ok


def test_how_many_questions_a_pod_asks(inside):
    assert not dns.few_questions(View(running()), "client", "www.example.com", 2, "t", ["www.example.com"]).ok
    assert dns.few_questions(View(running()), "client", "www.example.com", 8, "t", ["www.example.com"]).found == "8"
    inside["text"] = None
    with_config = running(dnsConfig={"options": [{"name": "ndots", "value": "2"}]})
    assert dns.few_questions(View(with_config), "client", "www.example.com", 2, "t", ["www.example.com"]).ok
    assert not dns.few_questions(View(None), "client", "www.example.com", 8, "t").ok


def test_a_pod_that_asks_the_cache(inside, monkeypatch):
    answered = {"rcode": "NOERROR"}
    monkeypatch.setattr(expect.dns, "ask", lambda *a, **k: expect.dns.Answer("x", answered["rcode"]))
    assert not dns.asks_cache(View(running()), "client", "t").ok
    inside["text"] = f"nameserver {CACHE}\nnameserver 172.21.0.10"
    assert dns.asks_cache(View(running()), "client", "t").ok
    answered["rcode"] = "timeout"
    assert not dns.asks_cache(View(running()), "client", "t").ok


def test_hints(inside):
    assert diagnose.broken_corefile()(View(None)) is None
    first, second = diagnose.broken_corefile()(View(None, COREFILE.replace("cache", "cahce")))
    assert "from line 16" in first
    assert "no plugin cahce" in second
    assert "cart.shop.svc.cluster.local, " in diagnose.names_tried("client", "cart")(View(running()))[1]
    assert "label node-local-dns-injection=enabled" in diagnose.not_injected("app=a")(View(running()))[1]
    enabled = {"node-local-dns-injection": "enabled"}
    assert "When was this one made?" in diagnose.not_injected("app=a")(View(running(), labels=enabled))[1]
    done = running(dnsPolicy="None", dnsConfig=dns.dns_config("shop", "172.21.0.10"))
    assert diagnose.not_injected("app=a")(View(done, labels=enabled)) is None


def test_every_nameserver_must_answer(inside, monkeypatch):
    rcodes = {"192.0.2.53": "timeout", "172.21.0.10": "NOERROR"}
    monkeypatch.setattr(expect.dns, "ask", lambda pod, name, namespace, server: expect.dns.Answer(name, rcodes[server]))
    assert dns.every_server_answers(View(running()), "client", "a.", "t").ok
    inside["text"] = "nameserver 192.0.2.53\nnameserver 172.21.0.10"
    assert (
        dns.every_server_answers(View(running()), "client", "a.", "t").found
        == "192.0.2.53: timeout, 172.21.0.10: NOERROR"
    )
    assert not dns.every_server_answers(View(running()), "client", "a.", "t").ok
    assert not dns.every_server_answers(View(running()), "", "a.", "t").ok


def test_what_is_published(monkeypatch):
    class Zone:
        def addresses(self, name: str) -> list[str]:
            return ["172.20.1.5"] if name == "cart.shop" else []

    view = View(None)
    view.cluster = None
    monkeypatch.setattr(expect.zones, "find_zone", lambda where: Zone())
    assert dns.published(view, "cart.shop", ["172.20.1.5"], "t").ok
    assert dns.published(view, "stock.shop", [], "t").ok
    assert not dns.published(view, "cart.shop", [], "t").ok
    monkeypatch.setattr(expect.zones, "find_zone", lambda where: None)
    assert not dns.published(view, "stock.shop", [], "t").ok, "no PrivateZone proves nothing"


def test_a_pod_by_its_labels():
    assert dns.a_pod(View(running()), "app=a") == "client"
    assert dns.a_pod(View(None), "app=a") == ""


def test_a_corefile_in_a_check():
    assert dns.corefile_is_sound(View(None), "t").ok
    assert "braces" in dns.corefile_is_sound(View(None, COREFILE[:-2]), "t").found


def test_the_sidecar_has_its_own_annotation():
    pod = running()
    pod["metadata"]["annotations"] = {SIDECAR: "on"}
    reasons = dns.reasons_against(
        pod, {"metadata": {"name": "shop", "labels": {"node-local-dns-injection": "enabled"}}}
    )
    assert reasons == ["The Pod gets a DNS sidecar."]
