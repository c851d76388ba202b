"""What checks and hints say of releases and Services, on a cluster that is a dict."""

from __future__ import annotations

import sys

import pytest
from acplab.base import paths
from acplab.grading import LabView, checks, diagnose, expect
from acplab.topics import release
from acplab.topics.release import rules
from fakes import World, build

HOST, NS = "shop.example.com", "lab-01-shop"
LAB = paths.ROOT / "labs" / "10-canary-by-weight"


@pytest.fixture
def world(tmp_path, monkeypatch) -> World:
    return build(tmp_path, monkeypatch)


@pytest.fixture
def lab(world) -> LabView:
    return LabView(NS, "http://127.0.0.1:8080")


def ingress(world: World, name: str, service: str, host: str = HOST, path: str = "/", **annotations: str) -> None:
    backend = {"service": {"name": service, "port": {"number": 80}}}
    spec = {"rules": [{"host": host, "http": {"paths": [{"path": path, "pathType": "Prefix", "backend": backend}]}}]}
    marks = {rules.ANNOTATION + key.replace("_", "-"): value for key, value in annotations.items()}
    world.kube.put("Ingress", name, NS, metadata={"annotations": marks}, spec=spec)


def http_route(world: World, conditions: list | None, service: str = "shop") -> None:
    spec = {
        "hostnames": [HOST],
        "parentRefs": [{"name": "lab"}],
        "rules": [{"backendRefs": [{"name": service, "port": 80, "weight": 20}]}],
    }
    status = {"parents": [{"conditions": conditions}]} if conditions is not None else {}
    world.kube.put("HTTPRoute", "shop", NS, spec=spec, status=status)


def service(world: World, name: str, **selector: str) -> None:
    world.kube.put("Service", name, NS, spec={"selector": selector})


def endpoints(world: World, name: str, *addresses: str, ready: bool = True) -> None:
    labels = {"kubernetes.io/service-name": name}
    found = [{"addresses": list(addresses), "conditions": {"ready": ready}}]
    world.kube.put("EndpointSlice", name, NS, metadata={"labels": labels}, endpoints=found, ports=[{"port": 8080}])


def pod(world: World, name: str, ready: bool = True, **labels: str) -> None:
    conditions = [{"type": "Ready", "status": str(ready)}]
    world.kube.put("Pod", name, NS, metadata={"labels": labels}, status={"conditions": conditions})


def test_a_canary_is_explained_in_the_order_in_which_it_can_fail(world, lab):
    ingress(world, "canary", "new", canary="true")
    assert release.canary(lab)[1].endswith("the main rules are for none.")
    world.kube.delete("ingress", "canary", NS)
    ingress(world, "shop", "old")
    assert "No Ingress in lab-01-shop says that it is a canary" in release.canary(lab)[0]
    ingress(world, "canary", "new", host="shops.example.com", canary="true")
    assert "shops.example.com / Prefix; the main rules are for shop.example.com / Prefix" in release.canary(lab)[1]
    ingress(world, "canary", "new", canary="true", canary_weight="20")
    assert release.canary(lab)[1] == "Without endpoints: new."
    endpoints(world, "new", "10.0.0.1")
    assert release.canary(lab) is None
    assert (
        rules.describe_all(lab, HOST) == "canary -> new (canary=true, canary-weight=20); shop -> old (no annotations)"
    )


def test_an_ingress_that_is_missing_or_names_no_service(world, lab):
    ladder = release.ingress_rule(HOST)
    assert "has a rule for shop.example.com" in ladder(lab)[0]
    ingress(world, "shop", "shop")
    service(world, "shops")
    assert ladder(lab)[1] == "It names shop; the Services there are: shops."
    service(world, "shop")
    assert ladder(lab) is None


def test_an_ingress_of_a_class_that_no_controller_reads(world, lab):
    ladder = release.ingress_rule(HOST)
    service(world, "shop")
    world.kube.put("IngressClass", "nginx")
    ingress(world, "shop", "shop")
    world.kube.patch("ingress", "shop", {"spec": {"ingressClassName": "ngnix"}}, NS)
    assert ladder(lab)[1] == "ingressClassName is ngnix; the classes of this cluster are: nginx."
    world.kube.patch("ingress", "shop", {"spec": {"ingressClassName": "nginx"}}, NS)
    assert ladder(lab) is None


@pytest.mark.parametrize(
    ("named", "taken"),
    [(HOST, True), (None, True), ("*.example.com", True), ("shops.example.com", False), ("*.shop.example.com", False)],
)
def test_which_hosts_a_rule_takes(named, taken):
    assert rules.takes(named, HOST) is taken


def test_a_rule_leads_to_pods_as_the_api_has_it_now(world, lab):
    def found() -> tuple[bool, str]:
        result = release.leads_to_pods(lab, HOST, "way")
        return result.ok, result.found

    assert found() == (False, "none")
    ingress(world, "shop", "shop")
    assert found() == (False, "without a ready endpoint: shop")
    service(world, "shop")
    endpoints(world, "shop", "10.0.0.1", ready=False)
    assert found() == (False, "without a ready endpoint: shop")
    endpoints(world, "shop", "10.0.0.1")
    assert found() == (True, "shop")
    world.kube.delete("service", "shop", NS)  # its EndpointSlice and the ingress live a moment longer
    assert found() == (False, "without a ready endpoint: shop")


def test_a_route_is_explained_by_its_status(world, lab):
    ladder = release.http_route(HOST)
    assert "No HTTPRoute" in ladder(lab)[0]
    http_route(world, None)
    world.kube.put("Gateway", "lab", "ingress")
    assert ladder(lab)[1] == "parentRefs of your route: lab-01-shop/lab. The Gateways of this cluster: ingress/lab."
    http_route(world, [{"type": "ResolvedRefs", "status": "False", "message": "service port 8080 not found"}])
    assert "ResolvedRefs is False: service port 8080 not found" in ladder(lab)[1]
    http_route(world, [{"type": "Accepted", "status": "True"}])
    assert ladder(lab) is None
    assert rules.describe_all(lab, HOST) == "shop -> shop:80 (weight 20)"


def test_what_still_names_the_old_version_and_what_is_left_of_it(world, lab):
    named, left = release.still_referenced("old"), release.left_over("deployment/old", pods="app=old")
    assert named(lab) is None
    assert left(lab) is None
    ingress(world, "shop", "old", canary="true")
    http_route(world, [], service="old")
    world.kube.put("Deployment", "old", NS)
    assert named(lab)[1] == "These still name old: ingress/shop, httproute/shop."
    assert left(lab)[1] == "Left: deployment/old, ingress/shop."
    assert not release.no_canary_ingress(lab, "key").ok
    assert expect.gone(lab, "deployment/old", "service/old", text="key").found == "deployment/old"


def test_a_service_is_explained_down_to_its_pods(world, lab):
    ladder = diagnose.service("shop")
    assert "There is no Service shop in lab-01-shop" in ladder(lab)[0]
    service(world, "shop", app="shop")
    assert ladder(lab)[1] == "There is no Pod in lab-01-shop. How many replicas does its Deployment want?"
    template = {"metadata": {"labels": {"app": "shop"}}}
    world.kube.put("Deployment", "shop", NS, spec={"replicas": 0, "template": template})
    assert ladder(lab)[1] == "Its Pods come from the Deployment shop, which wants 0 of them."
    world.kube.patch("deployment", "shop", {"spec": {"replicas": 1}}, NS)
    pod(world, "a", app="shops")
    assert ladder(lab)[1] == "It selects Pods with app=shop. The Pods there carry: app=shops."
    pod(world, "b", ready=False, app="shop")
    assert "1 Pods carry its labels, but are not ready. Last event of b: " in ladder(lab)[1]
    endpoints(world, "shop", "10.0.0.1", ready=False)
    assert ladder(lab) is not None
    endpoints(world, "shop", "10.0.0.1")
    assert ladder(lab) is None
    assert expect.ready_endpoints(lab, "shop", 1, "key").ok
    assert not expect.ready_endpoints(lab, "shop", 2, "key").ok


def test_endpoints_that_come_a_moment_after_their_service_are_waited_for(world, lab, monkeypatch):
    service(world, "shop", app="shop")
    monkeypatch.setattr(lab, "settle", lambda: endpoints(world, "shop", "10.0.0.1"))
    assert expect.ready_endpoints(lab, "shop", 1, "key").ok


def test_pods_that_leave_are_neither_ready_nor_waited_for(world, lab):
    pod(world, "a")
    world.kube.put("Pod", "b", NS, metadata={"deletionTimestamp": "now"}, status={})
    assert [one["metadata"]["name"] for one in lab.pods(ready=False)] == ["a"]
    assert diagnose.pods()(lab) is None
    assert expect.ready_pods(lab, 2, "key").found == "1 of 1 Pods are ready"


RECORD = {
    "total": 900,
    "failed": 0,
    "by_version": {"v1": {"total": 300, "first": 0.0, "last": 6.0}, "v2": {"total": 600, "first": 0.1, "last": 17.9}},
    "marks": [[12.0, "retired"]],
}


@pytest.mark.parametrize(
    ("v1_is_there", "record", "possible"),
    [(True, None, True), (False, None, False), (False, RECORD | {"failed": 41}, False), (False, RECORD, True)],
)
def test_a_lab_says_first_when_its_task_can_no_longer_be_done(world, v1_is_there, record, possible):
    if v1_is_there:
        world.kube.put("Deployment", "old-cart", NS)
    checks.load(LAB)
    view = LabView(NS, "http://127.0.0.1:8080", {"retirement": record})
    first = next(sys.modules["acplab_lab_10_canary_by_weight"].retire(view))
    assert (first.text, first.ok) == ("still-possible", possible)
