"""A newer course and an older cluster: what is loaded and applied again, and what is left alone."""

from __future__ import annotations

import fakes
import pytest
from acplab import images, kube
from acplab.base.errors import AcplabError
from acplab.cluster import platform, terway, upgrade
from acplab.cluster.handle import Cluster
from acplab.images import NodeImage

REAL = platform.MANIFESTS

OLD, NEW = "old", "new"
PLATFORM = """\
apiVersion: v1
kind: Namespace
metadata: {name: ingress}
---
apiVersion: v1
kind: Service
metadata: {name: traefik, namespace: ingress}
"""
PODNET = """\
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: podnet, namespace: kube-system}
spec: {template: {spec: {containers: [{name: x, env: [{name: POD_SUBNET, value: "{{ .PodSubnet }}"}]}]}}}
"""
DROPPED = """\
---
apiVersion: v1
kind: ConfigMap
metadata: {name: dropped, namespace: ingress}
"""


@pytest.fixture
def there() -> Cluster:
    return Cluster("small", "acplab-test-a1b2c3-small", "acplab/node:v1.36.3-old", {"http": 1}, {"one": ""})


@pytest.fixture
def world(tmp_path, monkeypatch):
    """The kube of a dict, a platform in a folder, and images of which the fingerprint is NEW."""
    fake = fakes.FakeCluster()
    for verb in fakes.VERBS:
        monkeypatch.setattr(kube, verb, getattr(fake, verb))
    (tmp_path / "10.yaml").write_text(PLATFORM)
    monkeypatch.setattr(platform, "MANIFESTS", tmp_path)
    monkeypatch.setattr(platform, "wait_ready", lambda: None)
    monkeypatch.setattr(images, "gateway_crds", list)
    monkeypatch.setattr(images, "cni_manifest", lambda: PODNET)
    kind_made = PODNET.replace("{{ .PodSubnet }}", "10.4.0.0/20").replace("x", "old")
    fake.apply(kind_made, "kube-system")
    monkeypatch.setattr(images, "planned", lambda route: NodeImage("acplab/node:v1.36.3-new", route, NEW))
    fake.loaded = []
    monkeypatch.setattr(images, "load", lambda nodes, bundle, route: fake.loaded.append((*nodes, bundle, route)))
    fake.folder = tmp_path
    return fake


def test_a_new_cluster_notes_what_it_has_and_is_then_only_looked_at(world, there):
    upgrade.note(there, NEW)
    before = len(world.calls)
    upgrade.bring_up_to_date(there)
    assert [call.split()[0] for call in world.calls[before:]] == ["get"]
    assert world.loaded == []
    assert world.get("service", "traefik", "ingress")["metadata"]["labels"] == {platform.LABEL: "true"}


def test_missing_images_are_loaded_once(world, there):
    upgrade.note(there, OLD)
    upgrade.bring_up_to_date(there)
    assert world.loaded == [("one", "base", "built"), ("one", "platform", "built")]
    upgrade.bring_up_to_date(there)
    assert len(world.loaded) == 2


def test_an_older_platform_is_applied_again_and_what_it_no_longer_has_is_pruned(world, there):
    (world.folder / "10.yaml").write_text(PLATFORM + DROPPED)
    upgrade.note(there, NEW)
    world.put("ConfigMap", "learners", "ingress")
    (world.folder / "10.yaml").write_text(PLATFORM.replace("traefik", "gateway"))
    upgrade.bring_up_to_date(there)
    assert world.exists("service", "gateway", "ingress")
    assert not world.exists("service", "traefik", "ingress")
    assert not world.exists("configmap", "dropped", "ingress")
    assert world.exists("configmap", "learners", "ingress")


def test_what_lost_our_label_is_not_pruned_nor_is_a_namespace(world, there):
    upgrade.note(there, NEW)
    world.objects["service", "ingress", "traefik"]["metadata"]["labels"] = {}
    (world.folder / "10.yaml").write_text(DROPPED)
    upgrade.bring_up_to_date(there)
    assert world.exists("service", "traefik", "ingress")
    assert world.exists("namespace", "ingress")


def test_a_cluster_without_a_platform_gets_images_and_its_pod_network(world, there):
    there.profile = "tight"
    upgrade.note(there, OLD)
    upgrade.bring_up_to_date(there)
    assert world.names("service") == []
    assert len(world.loaded) == 2
    (container,) = world.get("daemonset", "podnet", "kube-system")["spec"]["template"]["spec"]["containers"]
    assert container == {"name": "x", "env": [{"name": "POD_SUBNET", "value": "10.4.0.0/20"}]}


def test_terways_stand_in_is_brought_up_to_date_and_podnet_is_left_alone(world, there, monkeypatch):
    installed = []
    monkeypatch.setattr(terway, "install", lambda: installed.append(True))
    there.profile = "terway"
    upgrade.note(there, NEW)
    assert installed == [True]
    (container,) = world.get("daemonset", "podnet", "kube-system")["spec"]["template"]["spec"]["containers"]
    assert container["name"] == "old"


def test_the_pod_network_of_every_route_names_its_range():
    assert images.cni_manifest().count("{{ .PodSubnet }}") == 1


def test_images_that_cannot_be_had_are_told_of_and_tried_again(world, there, monkeypatch, capsys):
    upgrade.note(there, OLD)

    def fails(*_words) -> None:
        raise AcplabError("No network.", "Wait.")

    with monkeypatch.context() as patch:
        patch.setattr(images, "load", fails)
        upgrade.bring_up_to_date(there)
    assert "older images, since the newer ones cannot be had. No network." in capsys.readouterr().out
    upgrade.bring_up_to_date(there)
    assert len(world.loaded) == 2


def test_a_new_kubernetes_is_said_with_what_would_be_lost_and_nothing_is_recreated(world, there, capsys):
    there.image = "acplab/node:v1.35.9-old"
    for name in ("default", "kube-system", "ingress", "lab-10-canary"):
        world.put("Namespace", name)
    upgrade.note(there, OLD)
    upgrade.bring_up_to_date(there)
    said = capsys.readouterr().out
    assert "runs Kubernetes v1.35.9; the course uses v1.36.3 now" in said
    assert "./acplab delete --profile small, then ./acplab start" in said
    assert "Lost would be 1 namespace: lab-10-canary." in said
    assert world.loaded == [("one", "platform", "built")]


def test_the_ingress_controller_starts_when_it_knows_an_ingress_that_it_gets_with_it():
    """Traefik names a router after the namespace and the name of its Ingress."""
    objects = {(one["kind"], one["metadata"]["name"]): one for one in kube.read_manifests(REAL / "10-ingress.yaml")}
    (container,) = objects["Deployment", "traefik"]["spec"]["template"]["spec"]["containers"]
    asked = container["startupProbe"]["httpGet"]["path"].rpartition("/")[2]
    known = objects["Ingress", "ready"]
    assert asked == f"{known['metadata']['namespace']}-ready-rule-0-path-0@kubernetesingressnginx"
    (rule,) = known["spec"]["rules"]
    assert "selector" not in objects["Service", rule["http"]["paths"][0]["backend"]["service"]["name"]]["spec"]
