"""What checks expect of where Pods run and of drills, on a cluster that is a dict and with drills that are made up."""

from __future__ import annotations

from typing import Any

import pytest
from acplab import drills, measure
from acplab.base.errors import AcplabError
from acplab.cluster import faults
from acplab.cluster.faults import ZONE, Fault
from acplab.grading import LabView
from acplab.measure.samples import Mark, Sample
from acplab.topics import reliability
from acplab.topics.reliability import trials
from fakes import World, build

NS, APP = "lab-03-shop", "app=shop"
HOST = "kubernetes.io/hostname"
NODES = {"h1": "h", "i1": "i", "j1": "j", "j2": "j"}
SPREAD = {"topologyKey": ZONE, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {"matchLabels": {"app": "shop"}}}
FAULT = Fault("cut zone j", "ha", ("j1",), (), ())


def zone_affinity(*zones: str) -> dict[str, Any]:
    term = {"matchExpressions": [{"key": ZONE, "operator": "In", "values": list(zones)}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}


@pytest.fixture
def world(tmp_path, monkeypatch) -> World:
    world = build(tmp_path, monkeypatch)
    for node, zone in NODES.items():
        world.kube.put("Node", node, metadata={"labels": {ZONE: zone}})
    return world


@pytest.fixture
def lab(world) -> LabView:
    return LabView(NS, "http://127.0.0.1:8080")


def pods(
    world: World, *nodes: str, namespace: str = NS, app: str = "shop", labels: dict[str, str] | None = None, **spec: Any
) -> None:
    for number, node in enumerate(nodes):
        status = {"conditions": [{"type": "Ready", "status": "True"}]}
        metadata = {"labels": {"app": app, "name": f"{app}-{number}"} | (labels or {})}
        world.kube.put(
            "Pod", f"{app}-{number}", namespace, metadata=metadata, spec={"nodeName": node, **spec}, status=status
        )


@pytest.mark.parametrize(
    ("nodes", "ok", "found"),
    [
        (["h1", "i1", "j1"], True, "h: 1, i: 1, j: 1"),
        (["h1", "i1", "j1", "j2"], True, "h: 1, i: 1, j: 2"),
        (["j1", "j2", "j1"], False, "j: 3"),
        (["h1", "i1", "j1", "j2", "j2"], False, "h: 1, i: 1, j: 3"),
        ([], False, "no Pod is ready"),
    ],
)
def test_pods_in_three_zones_evenly(world, lab, nodes, ok, found):
    pods(world, *nodes)
    result = reliability.in_zones(lab, APP, at_least=3, text="zones")
    assert (bool(result.ok), result.found) == (ok, found)


def test_two_nodes_of_one_zone_are_two_nodes(world, lab):
    pods(world, "j1", "j2")
    assert reliability.on_nodes(lab, APP, at_least=2, text="nodes").ok
    assert not reliability.in_zones(lab, APP, at_least=2, text="zones").ok


@pytest.mark.parametrize(
    ("spec", "ok"),
    [
        ({"topologySpreadConstraints": [SPREAD]}, True),
        ({"topologySpreadConstraints": [SPREAD | {"whenUnsatisfiable": "ScheduleAnyway"}]}, False),
        ({"topologySpreadConstraints": [SPREAD | {"topologyKey": HOST}]}, False),
        ({"topologySpreadConstraints": [SPREAD | {"labelSelector": {"matchLabels": {"app": "cart"}}}]}, False),
        ({"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [SPREAD]}}}, True),
        ({"topologySpreadConstraints": [SPREAD | {"maxSkew": 2}]}, False),
        ({"nodeSelector": {ZONE: "h"}}, False),
        ({"affinity": zone_affinity("h")}, False),
        ({"affinity": zone_affinity("h", "i")}, False),
        ({}, False),
    ],
)
def test_only_a_rule_that_must_hold_keeps_pods_apart(world, lab, spec, ok):
    pods(world, "h1", "i1", **spec)
    assert bool(reliability.kept_apart(lab, APP, ZONE, text="apart").ok) == ok


@pytest.mark.parametrize("other", [{"nodeSelector": {ZONE: "i"}}, {"affinity": zone_affinity("i")}])
def test_pods_that_are_bound_to_different_zones_are_kept_apart(world, lab, other):
    pods(world, "h1", nodeSelector={ZONE: "h"})
    status = {"conditions": [{"type": "Ready", "status": "True"}]}
    world.kube.put(
        "Pod", "shop-9", NS, metadata={"labels": {"app": "shop"}}, spec={"nodeName": "i1"} | other, status=status
    )
    assert reliability.kept_apart(lab, APP, ZONE, text="apart").ok


def test_without_pods_nothing_is_kept_apart(lab):
    assert not reliability.kept_apart(lab, APP, ZONE, text="apart").ok


@pytest.mark.parametrize(
    ("status", "ok"),
    [
        ({"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2}, True),
        ({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 2, "readyReplicas": 3}, False),
        ({"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 1}, False),
        ({"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2}, False),
        ({}, False),
    ],
)
def test_a_rollout_is_over_when_no_old_pod_is_left(world, lab, status, ok):
    world.kube.put("Deployment", "shop", NS, metadata={"generation": 2}, spec={"replicas": 2}, status=status)
    assert bool(reliability.rolled_out(lab, "shop", text="rolled-out").ok) == ok


def test_no_deployment_is_not_rolled_out(lab):
    assert not reliability.rolled_out(lab, "shop", text="rolled-out").ok
    assert not reliability.reviewed(lab, "shop", "no-probe", text="watched").ok


OWN = {"matchLabels": {"app": "shop"}}


def budget(world: World, name: str, allowed: int, selector: dict[str, Any] | None = OWN) -> None:
    spec = {"selector": selector} if selector else {}
    world.kube.put("PodDisruptionBudget", name, NS, spec=spec, status={"disruptionsAllowed": allowed})


@pytest.mark.parametrize(
    ("budgets", "ok"),
    [
        ([("a", 1)], True),
        ([("a", 0)], False),
        ([("a", 2)], False),
        ([("a", 1), ("b", 1)], False),
        ([("a", 1, {"matchLabels": {"app": "cart"}})], False),
        ([("a", 1, {"matchLabels": {"tier": "web"}})], True),
        ([("a", 1, {"matchExpressions": [{"key": "app", "operator": "In", "values": ["shop"]}]})], True),
        ([("a", 1, {"matchLabels": {"name": "shop-0"}})], False),
        ([("a", 1), ("b", 1, {"matchLabels": {"name": "shop-0"}})], False),
        ([("a", 1, None)], False),
        ([], False),
    ],
)
def test_one_budget_lets_one_go(world, lab, budgets, ok):
    pods(world, "h1", "i1", labels={"tier": "web"})
    for one in budgets:
        budget(world, *one)
    assert bool(reliability.lets_go(lab, APP, 1, text="one").ok) == ok


def started(world: World, began: str, ready: str, restarts: int = 0) -> None:
    state = {"state": {"running": {"startedAt": began}}, "restartCount": restarts}
    conditions = [{"type": "Ready", "status": "True", "lastTransitionTime": ready}]
    status = {"conditions": conditions, "containerStatuses": [state]}
    world.kube.put("Pod", "shop", NS, metadata={"labels": {"app": "shop"}}, spec={"nodeName": "h1"}, status=status)


@pytest.mark.parametrize(("ready", "ok"), [("10:00:05", True), ("10:00:03", True), ("10:00:01", False)])
def test_a_pod_is_ready_only_after_its_start(world, lab, ready, ok):
    assert not reliability.ready_after(lab, APP, 4, text="late").ok
    started(world, "2026-11-26T10:00:00Z", f"2026-11-26T{ready}Z")
    assert bool(reliability.ready_after(lab, APP, 4, text="late").ok) == ok


def test_restarts_are_counted(world, lab):
    assert not reliability.never_restarted(lab, APP, text="restarts").ok
    started(world, "2026-11-26T10:00:00Z", "2026-11-26T10:00:05Z")
    assert reliability.never_restarted(lab, APP, text="restarts").ok
    started(world, "2026-11-26T10:00:00Z", "2026-11-26T10:00:05Z", restarts=1)
    assert not reliability.never_restarted(lab, APP, text="restarts").ok


# --- drills ------------------------------------------------------------------------------------------------


def test_the_zone_with_most_pods_is_cut_and_rather_one_without_an_ingress_controller(world, lab):
    assert reliability.zone_to_cut(lab, APP, ("i", "j")) is None
    pods(world, "i1", "h1")
    assert reliability.zone_to_cut(lab, APP, ("i", "j")) == "i"
    pods(world, "i1", "j1")
    pods(world, "i1", "h1", namespace="ingress", app="traefik")
    assert reliability.zone_to_cut(lab, APP, ("i", "j")) == "j"
    pods(world, "i1", "i1", "j1")
    assert reliability.zone_to_cut(lab, APP, ("i", "j")) == "i"


def fake_drill(monkeypatch, lost: set[int], rate: float = 10) -> list[Fault]:
    """A drill of 13 s, broken from 1 s to 10 s, in which the requests of these seconds are lost."""
    done: list[Fault] = []
    samples = [Sample(t / rate, 5.0, error="timeout" if t // rate in lost else None) for t in range(int(13 * rate))]

    def conduct(fault: Fault, probes: list, **_times: float) -> drills.Report:
        done.append(fault)
        marks = [Mark(1.0, fault.title), Mark(10.0, "undone")]
        return drills.Report(fault, marks, {"ingress": measure.Traffic(samples, rate)})

    monkeypatch.setattr(drills, "conduct", conduct)
    monkeypatch.setattr(faults, "cut_zone", lambda zone: FAULT)
    monkeypatch.setattr(faults, "drain", lambda node, seconds: Fault(f"drain {node}", "ha", (node,), (), ()))
    return done


@pytest.mark.parametrize(
    ("lost", "ok"), [(set(), True), ({1, 7, 9}, True), ({4}, False), ({3, 4, 5}, False)]
)  # in the first second it is not whole yet, and what is sent in the last ones may be answered after it
def test_a_cut_is_judged_by_what_is_sent_while_it_is_whole(world, lab, monkeypatch, lost, ok):
    pods(world, "h1", "i1", namespace="ingress", app="traefik")
    fake_drill(monkeypatch, lost)
    cut = reliability.cut_zone(lab, "j", "shop.example.com")
    assert (cut.during.total, cut.passed) == (30, 1.0)
    assert bool(reliability.survived(cut, text="survived").ok) == ok
    assert reliability.answers_again(cut, text="again").ok


def test_what_the_ingress_controllers_lose_is_not_the_shops(world, lab, monkeypatch):
    pods(world, "h1", "j1", namespace="ingress", app="traefik")
    fake_drill(monkeypatch, {4})
    cut = reliability.cut_zone(lab, "j", "shop.example.com")
    assert cut.passed == 0.5
    assert reliability.survived(cut, text="survived").ok


def test_a_zone_that_does_not_come_back_is_seen(world, lab, monkeypatch):
    fake_drill(monkeypatch, {11, 12})
    assert not reliability.answers_again(reliability.cut_zone(lab, "j", "shop.example.com"), text="again").ok


def test_a_drill_that_was_not_made_proves_nothing():
    for judged in (trials.survived, trials.answers_again, trials.emptied, trials.lost_nothing):
        result = judged(None, "text")
        assert (result.ok, result.found) == (False, "no drill was made: its end is certain")


def test_a_drain_chooses_a_node_of_the_shop_without_an_ingress_controller(world, lab, monkeypatch):
    assert reliability.drain_one(lab, APP, "shop.example.com") is None
    done = fake_drill(monkeypatch, set())
    pods(world, "h1", "i1")
    pods(world, "h1", "j1", namespace="ingress", app="traefik")
    drain = reliability.drain_one(lab, APP, "shop.example.com")
    assert (done[0].title, drain.ready) == ("drain i1", 2)
    assert reliability.emptied(drain, text="emptied").ok
    assert reliability.lost_nothing(drain, text="lost").ok


def test_a_lost_request_and_a_drain_that_does_not_end(world, lab, monkeypatch):
    pods(world, "h1")
    fake_drill(monkeypatch, {4})
    assert not reliability.lost_nothing(reliability.drain_one(lab, APP, "x.example.com"), text="lost").ok

    def blocked(*_words: Any, **_times: float) -> drills.Report:
        raise AcplabError("Pod shop was not evicted: a budget forbids it", "Look at it.")

    monkeypatch.setattr(drills, "conduct", blocked)
    drain = reliability.drain_one(lab, APP, "x.example.com")
    result = reliability.emptied(drain, text="emptied")
    assert (result.ok, result.found) == (False, "Pod shop was not evicted: a budget forbids it")
    assert not reliability.lost_nothing(drain, text="lost").ok
