"""What the chapter changes in kube-system, on nodes and beside the cluster, and that all of it is undone."""

from __future__ import annotations

import base64
import copy
import json
from pathlib import Path

import pytest
from acplab import dns, images, kube
from acplab.base.errors import AcplabError
from acplab.cluster import Cluster
from acplab.datapath import node_exec
from acplab.host import docker
from acplab.measure.dns import Server
from acplab.topics.dns import changes, zones

COREFILE = ".:53 {\n    errors\n    forward . /etc/resolv.conf\n}\n"


class World:
    """kube-system as a dict, and the addresses of two nodes."""

    def __init__(self) -> None:
        self.objects = {("configmap", "coredns"): {"data": {"Corefile": COREFILE}}}
        self.restarts = 0
        self.trusted = True
        self.addresses = {"n1": ["127.0.0.1"], "n2": ["127.0.0.1"]}

    def apply(self, source):
        for one in kube.read_manifests(source) if isinstance(source, str) else source:
            one = copy.deepcopy(one)
            self.objects[one["kind"].lower(), one["metadata"]["name"]] = one

    def dry_run(self, source, namespace):
        (pod,) = copy.deepcopy(source)
        if self.trusted:
            pod["spec"] |= {"dnsPolicy": "None", "dnsConfig": {"nameservers": ["127.0.0.1", "172.21.0.10"]}}
        return [pod]

    def find(self, kind, name, namespace=None):
        return self.objects.get((kind, name))

    def get(self, kind, name, namespace=None):
        return self.objects[kind, name]

    def exists(self, kind, name, namespace=None):
        return (kind, name) in self.objects

    def delete(self, kind, name, namespace=None, grace=None):
        del self.objects[kind, name]

    def patch(self, kind, name, patch, namespace):
        self.objects[kind, name] = {"data": patch["data"]}

    def restart(self, name, namespace):
        self.restarts += 1
        self.objects["pod", "old"] = {"metadata": {"name": "old", "deletionTimestamp": "now"}}

    def list(self, kind, namespace, selector):
        return [one for (of, _name), one in self.objects.items() if of == kind]

    def run(self, node, *words):
        assert words[:3] == ("ip", "address", "del")
        self.addresses[node].remove(words[3].removesuffix("/32"))

    def ip(self, node, *words):
        if words[-1] == "nodelocaldns":
            raise AcplabError("there is no such device", "")
        return [{"addr_info": [{"local": one} for one in self.addresses[node]]}]


@pytest.fixture
def world(monkeypatch) -> World:
    made = World()
    for verb in ("apply", "find", "get", "exists", "delete", "patch", "restart", "dry_run", "list"):
        monkeypatch.setattr(kube, verb, getattr(made, verb))
    monkeypatch.setattr(kube, "wait", lambda *words, **options: None)
    monkeypatch.setattr(node_exec, "names", lambda: list(made.addresses))
    monkeypatch.setattr(node_exec, "run", made.run)
    monkeypatch.setattr(node_exec, "ip", made.ip)
    return made


def test_a_corefile_is_another_one_while_the_block_runs(world):
    before = copy.deepcopy(world.objects)
    with dns.changed_corefile("a"), dns.changed_corefile("b"):
        assert dns.read_corefile() == "b"
    assert world.objects == before
    assert world.restarts == 3, "the inner block put the first one back, so the outer one had nothing to do"


def test_a_corefile_is_put_back_when_the_block_fails_or_is_killed(world):
    with pytest.raises(ValueError, match="x"), dns.changed_corefile("a"):
        raise ValueError("x")
    assert dns.read_corefile() == COREFILE
    dns.set_corefile("a")
    dns.set_corefile("b", restart=False)  # and then the kernel dies
    assert dns.clean() == ["the Corefile"]
    assert dns.read_corefile() == COREFILE
    assert dns.clean() == []


def test_a_reload_is_waited_for(world, monkeypatch):
    logs = {"coredns-1": "[INFO] plugin/reload: Running configuration SHA512 = 1b\n"}
    monkeypatch.setattr(changes, "servers", lambda: [Server("coredns-1", "n1", "a", "m")])
    monkeypatch.setattr(kube, "logs", lambda pod, namespace: logs[pod])
    refused = "[ERROR] plugin/reload: Corefile changed but reload failed: unknown directive 'cahce'\n"
    monkeypatch.setattr(kube, "annotate", lambda kind, pod, namespace, **notes: logs.update({pod: logs[pod] + refused}))
    said = dns.reload_corefile("cahce")
    assert said == {"coredns-1": "Corefile changed but reload failed: unknown directive 'cahce'"}
    assert world.restarts == 0
    monkeypatch.setattr(kube, "annotate", lambda *words, **notes: None)
    with pytest.raises(AcplabError, match="has not read its Corefile again"):
        dns.reload_corefile("x", seconds=0)


@pytest.mark.parametrize("part", list(changes.PARTS))
def test_a_part_leaves_nothing(world, part):
    before = copy.deepcopy(world.objects)
    dns.install(part)
    assert len(world.objects) > len(before)
    assert dns.clean() == [part]
    assert world.objects == before


def test_an_address_that_a_killed_pod_has_left_is_taken_away(world):
    world.addresses["n2"].append("169.254.20.10")
    assert dns.clean() == ["node-local-dns"]
    assert world.addresses == {"n1": ["127.0.0.1"], "n2": ["127.0.0.1"]}


def test_a_webhook_that_is_never_trusted_is_a_sentence(world, monkeypatch):
    monkeypatch.setattr(changes, "SECONDS", 0.0)
    world.trusted = False
    with pytest.raises(AcplabError, match="has injected nothing"):
        dns.install("dns-injection")


def test_another_part_is_a_sentence(world):
    with pytest.raises(AcplabError, match="part cannot be"):
        dns.install("bind")


def test_a_log_is_added_to_each_block_once():
    text = dns.with_log(COREFILE + COREFILE.replace(".:53", "example.com:53"))
    assert text.count("    log\n") == 2
    assert dns.with_log(text) == text
    assert dns.mistakes(text) == dns.mistakes(COREFILE + COREFILE.replace(".:53", "example.com:53"))


def test_a_name_of_our_own_is_added():
    text = dns.with_host(COREFILE, "www.example.com", "192.0.2.80")
    assert text.splitlines()[1:4] == ["    hosts {", "        192.0.2.80 www.example.com", "        fallthrough"]
    assert dns.mistakes(text) == dns.mistakes(COREFILE) != []


def test_the_nodes_get_the_images_and_leftovers_go(world, monkeypatch):
    loaded = []
    monkeypatch.setattr(images, "load", lambda nodes, name: loaded.append((nodes, name)))
    dns.set_corefile("a")
    assert dns.prepare() == ["the Corefile"]
    assert loaded == [(["n1", "n2"], "dns")]


def test_every_object_of_the_platform_is_one_of_ours():
    for part in changes.PARTS:
        for one in kube.read_manifests(f"{changes.PLATFORM}/{part}.yaml"):
            assert one["metadata"]["labels"] == {"app.kubernetes.io/part-of": "acplab-dns"}


def test_a_webhook_that_is_down_stops_no_pod_elsewhere():
    read = kube.read_manifests(f"{changes.PLATFORM}/dns-injection.yaml")
    hooks = next(one["webhooks"] for one in read if "webhooks" in one)
    for hook in hooks:
        assert hook["failurePolicy"] == "Ignore"
        assert hook["timeoutSeconds"] <= 2
        (names,) = hook["namespaceSelector"]["matchExpressions"]
        assert names["values"] == ["kube-system", "kube-public"]
    assert hooks[0]["namespaceSelector"]["matchLabels"] == {"node-local-dns-injection": "enabled"}
    assert "sidecar-dns-enable" in hooks[1]["matchConditions"][0]["expression"]


# --- PrivateZone ---------------------------------------------------------------------------------------------------

CLUSTER = Cluster(
    "small", "acplab-x", "image", {}, {"acplab-x-control-plane": "172.18.0.2", "acplab-x-worker": "172.18.0.3"}
)


def test_a_zone_is_found_if_it_runs_and_an_slb_gets_its_address(monkeypatch):
    running = {"ps": ""}
    monkeypatch.setattr(docker, "run", lambda *words: running["ps"] if words[0] == "ps" else "172.18.0.9\n")
    assert zones.find_zone(CLUSTER) is None
    running["ps"] = "acplab-x-private-zone-dns\n"
    assert zones.find_zone(CLUSTER) is None, "the controller is gone"
    running["ps"] += "acplab-x-private-zone-controller\n"
    assert zones.find_zone(CLUSTER) == zones.PrivateZone("172.18.0.9", "acplab-x-control-plane")
    patched = []
    monkeypatch.setattr(kube, "patch", lambda *words, **options: patched.append((words, options)))
    zones.set_balancer("front", "shop", "203.0.113.7")
    assert patched == [
        (
            ("service", "front", {"status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.7"}]}}}, "shop"),
            {"status": True},
        )
    ]


def test_a_record_settles(monkeypatch):
    answers = iter(["", "172.20.1.5\n", "172.20.1.5\n172.20.1.6\n"])
    monkeypatch.setattr(docker, "run", lambda *words: next(answers, "172.20.1.5\n172.20.1.6\n"))
    monkeypatch.setattr(zones, "POLL", 0.0)
    monkeypatch.setattr(zones, "QUIET_SECONDS", 0.05)
    assert zones.PrivateZone("172.18.0.9", "n1").settle("shop.ch-11") == ["172.20.1.5", "172.20.1.6"]


def test_a_record_that_goes_is_waited_for(monkeypatch):
    answers = iter(["172.20.1.5\n", ""])
    monkeypatch.setattr(docker, "run", lambda *words: next(answers, "172.20.1.5\n"))
    monkeypatch.setattr(zones, "POLL", 0.0)
    zone = zones.PrivateZone("172.18.0.9", "n1")
    zone.wait_gone("shop.ch-11")
    with pytest.raises(AcplabError, match="still has shop"):
        zone.wait_gone("shop.ch-11", seconds=0)


def test_a_record_is_waited_for(monkeypatch):
    answers = iter(["", "\n", "172.20.1.5\n"])
    monkeypatch.setattr(docker, "run", lambda *words: next(answers, ""))
    monkeypatch.setattr(zones, "POLL", 0.0)
    zone = zones.PrivateZone("172.18.0.9", "n1")
    assert zone.wait("shop.ch-11") == ["172.20.1.5"]
    with pytest.raises(AcplabError, match="no record shop"):
        zone.wait("shop.ch-11", seconds=0)


def test_what_docker_is_told():
    server, controller = (words(CLUSTER, Path("/f")) for words in (zones.server_words, zones.controller_words))
    assert server[-3:] == ["docker.io/acplab/coredns:1.14.7", "-conf", "/Corefile"]
    assert "/f/zone:/zone:ro" in server
    assert "/f/zone:/zone" in controller
    assert "API_SERVER=https://acplab-x-control-plane:6443" in controller
    for words in (server, controller):
        assert words[words.index("--label") + 1] == "acplab.dev/beside=acplab-x"


def test_a_cluster_with_a_load_balancer_is_asked_through_it():
    ha = Cluster("ha", "h", "i", {}, {"h-control-plane": "1", "h-external-load-balancer": "2"})
    assert zones.api_host(ha) == "h-external-load-balancer"


def test_a_zone_is_made_asked_and_removed(world, monkeypatch, folders):
    ran: list[list[str]] = []

    def run(*words, **options):
        ran.append(list(map(str, words)))
        if "privatezone" in words:  # what the controller does at its start
            (CLUSTER.kubeconfig.with_name("private-zone") / "zone/hosts").touch()
        if words[0] == "ps" and "--quiet" in words:
            return "abc\n" if any(one[0] == "run" for one in ran) else ""
        return {"inspect": "172.18.0.9\n", "exec": "172.20.1.9\n172.20.1.5\n"}.get(words[0], "")

    encoded = {key: base64.b64encode(key.encode()).decode() for key in ("ca.crt", "token")}
    monkeypatch.setattr(docker, "run", run)
    monkeypatch.setattr(images, "bundle", lambda name: images.Bundle(name, {}, Path("/b.tar")))
    monkeypatch.setattr(
        zones.changes, "install", lambda part: world.objects.update({("secret", "private-zone"): {"data": encoded}})
    )
    monkeypatch.setattr(Cluster, "__enter__", lambda self: self)
    monkeypatch.setattr(Cluster, "__exit__", lambda self, *error: None)
    zone = dns.private_zone(CLUSTER)
    folder = CLUSTER.kubeconfig.with_name("private-zone")
    assert (folder / "credentials/token").read_text() == "token"
    assert "SOA" in (folder / "zone/empty").read_text()
    assert zone.addresses("shop.ch-11") == ["172.20.1.5", "172.20.1.9"]
    assert ran[-1] == [
        "exec",
        "acplab-x-control-plane",
        "dig",
        "+short",
        "+tries=1",
        "+time=2",
        "@172.18.0.9",
        "shop.ch-11",
    ]
    assert ["load", "--input", "/b.tar"] in ran
    assert folder.stat().st_mode & 0o777 == 0o700
    assert dns.remove_private_zone(CLUSTER)
    assert ["rm", "--force", "abc"] in ran
    assert not folder.exists()
    assert json.dumps(ran).count('"run"') == 2
