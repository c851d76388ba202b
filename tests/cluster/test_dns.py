"""Names for real: the model against what kubelet writes and CoreDNS is asked, the cache, the webhook and PrivateZone."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from acplab import dns, kube
from acplab.course import namespaces, outside
from acplab.datapath import node_exec
from acplab.host import docker
from acplab.topics.dns.injection import CACHE
from shopfront import fresh_namespace

pytestmark = pytest.mark.alone  # it changes kube-system, whose contents the proofs of labs compare
NAME, ADDRESS = "www.example.com", "192.0.2.80"
TOOLS = {"name": "tools", "image": "docker.io/acplab/dns-tools:1.0.0", "imagePullPolicy": "IfNotPresent"}
EMPTY = {"terminationGracePeriodSeconds": 0, "containers": [TOOLS]}
SIDECAR = {"annotation.jst.com/sidecar-dns-enable": "on"}


@pytest.fixture(scope="module")
def namespace(cluster: Any) -> Iterator[str]:
    """A namespace with a client, on nodes with the images; and everything as it was, afterwards."""
    dns.prepare()
    with fresh_namespace("dns") as name:
        make(name, "client")
        yield name
    dns.remove_private_zone(cluster)
    dns.clean()


def make(namespace: str, name: str, annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    """A Pod with the tools, ready."""
    metadata = {"name": name, "annotations": annotations or {}}
    kube.apply([{"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": EMPTY | spec}], namespace)
    kube.wait("pod", name, namespace=namespace)
    return kube.get("pod", name, namespace)


def conf_of(namespace: str, pod: str) -> dns.ResolvConf:
    return dns.ResolvConf.parse(kube.exec(pod, ["cat", "/etc/resolv.conf"], namespace))


@pytest.fixture(scope="module")
def logged(namespace: str) -> Iterator[None]:
    """CoreDNS with a log, and a name outside that needs no network."""
    with dns.changed_corefile(dns.with_host(dns.with_log(dns.read_corefile()), NAME, ADDRESS)):
        yield


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"dnsPolicy": "Default"},
        {"hostNetwork": True},
        {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"},
        {"dnsConfig": {"searches": ["more.example.com"], "options": [{"name": "ndots", "value": "2"}]}},
        {"dnsPolicy": "None", "dnsConfig": {"nameservers": ["192.0.2.1"], "searches": [".", "a"]}},
    ],
)
def test_kubelet_writes_what_the_model_says(namespace, spec):
    cluster_dns = kube.get("service", "kube-dns", "kube-system")["spec"]["clusterIP"]
    try:
        own = make(namespace, "one", **spec)["spec"]["nodeName"]
        node = dns.ResolvConf.parse(node_exec.run(own, "cat", "/etc/resolv.conf"))
        found, wanted = conf_of(namespace, "one"), dns.resolv_conf(spec, namespace, cluster_dns, node)
        assert (found.nameservers, found.search) == (wanted.nameservers, wanted.search)
        assert sorted(found.options) == sorted(wanted.options)
    finally:
        kube.delete("pod", "one", namespace)


@pytest.mark.parametrize("name", [NAME, NAME + ".", "nobody", "kubernetes.default"])
def test_coredns_is_asked_what_the_model_says(namespace, logged, name):
    with dns.watch("client", namespace) as seen:
        dns.look_up("client", name, namespace)
    existing = [NAME, "kubernetes.default.svc.cluster.local"]
    wanted = dns.questions(conf_of(namespace, "client"), name, existing)
    assert sorted((one.name, one.type) for one in seen.queries) == sorted((one.name, one.type) for one in wanted)


def test_the_root_first_is_asked_first(namespace, logged):
    server = conf_of(namespace, "client").nameservers[0]
    config = {
        "nameservers": [server],
        "searches": [".", "svc.cluster.local"],
        "options": [{"name": "ndots", "value": "5"}],
    }
    make(namespace, "root-first", dnsPolicy="None", dnsConfig=config)
    with dns.watch("root-first", namespace) as seen:
        assert dns.look_up("root-first", NAME, namespace) == [ADDRESS]
    assert seen.names == [NAME]
    assert len(seen) == 2


@pytest.mark.parametrize(
    ("name", "spec", "rcode"),
    [
        ("prices", {"clusterIP": "None", "selector": {"app": "nobody"}, "ports": [{"port": 80}]}, "NXDOMAIN"),
        ("bank", {"type": "ExternalName", "externalName": "shop.svc.cluster.local"}, "NOERROR"),
    ],
)
def test_coredns_says_what_the_clinic_has_learners_note(namespace, name, spec, rcode):
    kube.apply([{"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}], namespace)
    answer = dns.ask("client", f"{name}.{namespace}.svc.cluster.local.", namespace)
    assert (answer.rcode, answer.records) == (rcode, ())


def test_a_load_agrees_with_dnsperf_and_with_coredns(namespace):
    asked = dns.servers()
    before = dns.counters("client", namespace, asked)
    seen = dns.load("client", ["kubernetes.default.svc.cluster.local"], namespace, rate=100, seconds=3)
    since = dns.counters("client", namespace, asked) - before
    assert seen.total == seen.own["sent"]
    assert seen.lost == seen.own["lost"] == 0
    assert seen.total <= since.requests < 1.5 * seen.total


def test_a_refused_corefile_changes_nothing(namespace):
    good = dns.read_corefile()
    try:
        said = dns.reload_corefile(good.replace("cache 30", "cahce 30"))
        assert all("failed" in words for words in said.values())
        assert dns.ask("client", "kubernetes.default.svc.cluster.local.", namespace).rcode == "NOERROR"
    finally:
        dns.set_corefile(good, restart=False)


@pytest.fixture(scope="module")
def cached(namespace: str) -> Iterator[str]:
    """The cache and the webhook; the namespace is labelled."""
    dns.install("node-local-dns")
    dns.install("dns-injection")
    kube.label("namespace", namespace, **{"node-local-dns-injection": "enabled"})
    yield namespace
    dns.remove("dns-injection")
    dns.remove("node-local-dns")


def test_a_new_pod_asks_the_cache_which_answers_by_itself(cached):
    pod = make(cached, "cached")
    assert dns.is_injected(pod)
    names = ["kubernetes.default.svc.cluster.local"]
    before = dns.counters("cached", cached, dns.servers())
    seen = dns.load("cached", names, cached, rate=100, seconds=3, server=CACHE)
    after = dns.counters("cached", cached, dns.servers())
    assert (seen.lost, seen.good) == (0, seen.total)
    assert (after - before).requests < seen.total / 10


def test_the_cache_asks_by_tcp(cached, logged):
    with dns.watch("cached", cached, everybody=True) as seen:
        dns.ask("cached", "never-asked-before.default.svc.cluster.local.", cached, server=CACHE)
    assert {one.protocol for one in seen.queries if one.name.startswith("never-asked")} == {"tcp"}


def test_a_sidecar_is_asked_and_answers(cached):
    pod = make(cached, "own", annotations=SIDECAR)
    assert dns.is_injected(pod, first="127.0.0.1")
    answer = dns.ask("own", "kubernetes.default.svc.cluster.local.", cached, server="127.0.0.1")
    assert answer.rcode == "NOERROR"


def test_a_webhook_that_is_down_stops_no_pod(cached):
    kube.scale("dns-injection", 0, "kube-system")
    kube.wait("deployment", "dns-injection", namespace="kube-system")
    with fresh_namespace("dns-elsewhere") as elsewhere:
        make(elsewhere, "other")
    assert not dns.is_injected(make(cached, "unlucky"))
    kube.scale("dns-injection", 1, "kube-system")
    kube.wait("deployment", "dns-injection", namespace="kube-system")


def test_nothing_is_left_on_the_nodes(cached):
    dns.remove("node-local-dns")
    for node in node_exec.names():
        assert CACHE not in node_exec.run(node, "ip", "-o", "address", "show")
    dns.install("node-local-dns")


def test_private_zone_follows_the_pods(namespace, cluster):
    zone = dns.private_zone(cluster)
    address = kube.get("pod", "client", namespace)["status"]["podIP"]
    kube.label("pod", "client", namespace, app="client")
    notes = {"service.beta.kubernetes.io/alibaba-cloud-private-zone-enable": "true"}
    spec = {"selector": {"app": "client"}, "ports": [{"port": 80}]}
    kube.apply(
        [{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "z", "annotations": notes}, "spec": spec}],
        namespace,
    )
    assert zone.wait(f"z.{namespace}") == [address]
    kube.delete("service", "z", namespace)
    zone.wait_gone(f"z.{namespace}")


# What a chapter does to the cluster, step by step; each says when it begins.
STEPS = """
import time
from acplab import cluster, dns
from acplab.kube import client
client.use(cluster.find("small").kubeconfig)
for step in (
    lambda: dns.set_corefile(dns.with_log(dns.read_corefile()), restart=False),
    lambda: dns.install("node-local-dns"),
    lambda: dns.install("dns-injection"),
    lambda: dns.private_zone(),
    lambda: time.sleep(60),
):
    print("next", flush=True)
    step()
"""


def state(cluster: Any) -> dict[str, Any]:
    """Everything that the chapter changes."""
    return {
        "objects": namespaces.inventory(),
        "Corefile": dns.read_corefile(),
        "addresses": [node for node in cluster.nodes if CACHE in node_exec.run(node, "ip", "-o", "address", "show")],
        "containers": docker.run("ps", "--all", "--quiet", "--filter", f"label=acplab.dev/beside={cluster.name}"),
    }


@pytest.mark.deep
@pytest.mark.parametrize(("step", "seconds"), [(2, 0.3), (3, 0.1), (5, 0.0)])
def test_what_a_killed_process_has_left_is_undone(namespace, cluster, step, seconds):
    dns.remove_private_zone(cluster)
    dns.clean()
    before = state(cluster)
    with subprocess.Popen([sys.executable, "-c", STEPS], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for _begun in range(step):
            assert process.stdout.readline() == "next\n"
        time.sleep(seconds)  # in the middle of the step
        process.kill()
    assert state(cluster) != before
    assert outside.clean(["dns"])
    assert state(cluster) == before
