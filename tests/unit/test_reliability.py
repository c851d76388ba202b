"""The reviewer: each rule on a workload that has the fault and on one that has not."""

from __future__ import annotations

import copy

import pytest
from acplab import kube, measure, reliability
from acplab.base.errors import AcplabError
from acplab.topics.reliability import containers, rules
from acplab.topics.reliability.workloads import HOST, ZONE, selects, workloads

CONTAINER = {
    "name": "shop",
    "image": "shop:1",
    "readinessProbe": {"httpGet": {"path": "/ready", "port": 80}},
    "livenessProbe": {"httpGet": {"path": "/alive", "port": 80}, "failureThreshold": 6},
    "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "64Mi"}},
}
OWN = {"matchLabels": {"app": "shop"}}
SPREAD = {"maxSkew": 1, "topologyKey": ZONE, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": OWN}
BUDGET = {
    "kind": "PodDisruptionBudget",
    "metadata": {"name": "shop"},
    "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "shop"}}},
}


def deployment(replicas: int = 3, container: dict | None = None, **spec) -> dict:
    pods = {"containers": [copy.deepcopy(CONTAINER) | (container or {})], "topologySpreadConstraints": [SPREAD]} | spec
    template = {"metadata": {"labels": {"app": "shop"}}, "spec": pods}
    return {"kind": "Deployment", "metadata": {"name": "shop"}, "spec": {"replicas": replicas, "template": template}}


def pod(name: str, node: str, owner: bool = True) -> dict:
    references = [{"kind": "ReplicaSet", "controller": True}] if owner else []
    metadata = {"name": name, "labels": {"app": "shop"}, "ownerReferences": references}
    return {"kind": "Pod", "metadata": metadata, "spec": {"nodeName": node, "containers": [CONTAINER]}}


def found(*objects: dict, zones: dict[str, str] | None = None) -> list[str]:
    return sorted({one.rule for workload in workloads(objects, zones) for one in rules.findings(workload)})


def test_a_good_deployment_has_no_findings():
    assert found(deployment(), BUDGET) == []


def test_a_bare_pod_and_a_single_replica():
    assert "bare-pod" in found(pod("alone", "n1", owner=False))
    assert "single-replica" in found(deployment(1), BUDGET)
    assert "bare-pod" not in found(deployment(), BUDGET, pod("a", "n1"))


@pytest.mark.parametrize(
    ("nodes", "rule"), [(["n1", "n1", "n1"], "one-node"), (["n1", "n2", "n1"], "one-zone"), (["n1", "n2", "n3"], None)]
)
def test_where_the_pods_are(nodes, rule):
    zones = {"n1": "h", "n2": "h", "n3": "i"}
    pods = [pod(f"shop-{i}", node) for i, node in enumerate(nodes)]
    assert found(deployment(), BUDGET, *pods, zones=zones) == ([rule] if rule else [])


def test_pods_on_two_nodes_without_zone_labels_are_not_said_to_be_in_one_zone():
    assert found(deployment(), BUDGET, pod("a", "n1"), pod("b", "n2"), zones={}) == []


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"topologySpreadConstraints": []}, "no rule spreads its own Pods"),
        ({"topologySpreadConstraints": [SPREAD | {"maxSkew": 3}]}, "maxSkew 3 lets all 3 Pods"),
        ({"topologySpreadConstraints": [SPREAD | {"whenUnsatisfiable": "ScheduleAnyway"}]}, "only prefers"),
        ({"topologySpreadConstraints": [SPREAD | {"topologyKey": HOST}]}, "may be in one zone"),
        ({"topologySpreadConstraints": [SPREAD | {"labelSelector": {"matchLabels": {"app": "cart"}}}]}, "other Pods"),
        ({"topologySpreadConstraints": [SPREAD | {"labelSelector": None}]}, "other Pods"),
        (
            {
                "topologySpreadConstraints": [],
                "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
                    {"weight": 1, "podAffinityTerm": {"topologyKey": ZONE, "labelSelector": OWN}}]}},
            },
            "only prefers",
        ),
        (
            {
                "topologySpreadConstraints": [],
                "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
                    {"weight": 1, "podAffinityTerm": {"topologyKey": HOST, "labelSelector": {"matchLabels": {"app": "web"}}}}]}},
            },
            "no rule spreads its own Pods",
        ),
    ],
)  # fmt: skip
def test_what_does_not_keep_pods_in_several_zones(spec, words):
    (one,) = [one for one in rules.findings(workloads([deployment(**spec), BUDGET])[0]) if one.rule == "no-zone-spread"]
    assert words in one.evidence


def test_required_anti_affinity_over_zones_is_as_good():
    term = {"topologyKey": ZONE, "labelSelector": OWN}
    required = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    assert found(deployment(topologySpreadConstraints=[], affinity=required), BUDGET) == []


@pytest.mark.parametrize(
    ("container", "rule"),
    [
        ({"readinessProbe": None}, "no-probe"),
        ({"livenessProbe": None}, "no-probe"),
        ({"livenessProbe": CONTAINER["readinessProbe"]}, "same-probe"),
        ({"resources": {}}, "no-requests"),
        ({"resources": {"requests": {"cpu": "1"}}}, "no-requests"),
        ({"resources": {"requests": {"cpu": "1", "memory": "1Gi"}}}, "no-memory-limit"),
        ({"command": ["sh", "-c", "php-fpm & nginx"]}, "several-processes"),
        ({"command": ["/usr/bin/supervisord"]}, "several-processes"),
        ({"args": ["-ec", "php-fpm 2>&1 &\nexec nginx"]}, "several-processes"),
        ({"livenessProbe": CONTAINER["readinessProbe"] | {"failureThreshold": 3}}, "same-probe"),
        ({"livenessProbe": CONTAINER["readinessProbe"] | {"periodSeconds": 1, "failureThreshold": 6}}, "same-probe"),
    ],
)
def test_what_a_container_lacks(container, rule):
    assert found(deployment(container=container), BUDGET) == [rule]


def test_limits_count_as_requests_and_and_is_no_second_process():
    limits = {"limits": {"cpu": "1", "memory": "1Gi"}}
    assert found(deployment(container={"resources": limits}), BUDGET) == []
    assert found(deployment(container={"command": ["sh", "-c", "migrate && exec serve"]}), BUDGET) == []


def test_of_a_long_script_the_beginning_is_shown():
    command = ["sh", "-c", "php-fpm &\n" + "true\n" * 50]
    (one,) = rules.findings(workloads([deployment(container={"command": command}), BUDGET])[0])
    assert len(one.evidence) <= 100
    assert "\n" not in one.evidence


@pytest.mark.parametrize(
    "container",
    [
        {"command": ["serve", "--peer", "http://a/?b=1&c=2", "a & b"]},
        {"command": ["sh", "-c", "exec serve --peer 'http://a/?b=1&c=2' 2>&1  # a & b"]},
        {"command": ["bash", "-c", "migrate &> log && exec serve"]},
        {"livenessProbe": CONTAINER["readinessProbe"] | {"failureThreshold": 6}},
    ],
)
def test_what_only_looks_like_a_fault_of_a_container(container):
    assert found(deployment(container=container), BUDGET) == []


def test_resources_of_the_whole_pod_count():
    whole = {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "1Gi"}}
    assert found(deployment(container={"resources": {}}, resources=whole), BUDGET) == []


def test_nothing_is_lost_where_nothing_runs():
    assert found(deployment(0), BUDGET) == []


def test_pods_that_leave_or_have_ended_do_not_count():
    gone = pod("old", "n2")
    gone["metadata"]["deletionTimestamp"] = "2026-11-26T12:00:00Z"
    failed = pod("evicted", "n3") | {"status": {"phase": "Failed"}}
    there = [pod("a", "n1"), pod("b", "n1"), gone, failed]
    assert found(deployment(), BUDGET, *there, zones={"n1": "h", "n2": "i", "n3": "j"}) == ["one-node"]
    alone = pod("alone", "n1", owner=False) | {"status": {"phase": "Failed"}}
    assert found(deployment(), BUDGET, alone) == []


def bound_to(*terms: dict[str, list[str]]) -> dict:
    """A nodeAffinity with these terms: label -> values."""
    written = [
        {"matchExpressions": [{"key": k, "operator": "In", "values": v} for k, v in term.items()]} for term in terms
    ]
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": written}}}


@pytest.mark.parametrize(
    ("spec", "rules_found"),
    [
        ({"nodeSelector": {ZONE: "h"}}, ["one-zone"]),
        ({"affinity": bound_to({ZONE: ["h"]})}, ["one-zone"]),
        ({"affinity": bound_to({ZONE: ["h", "i"]})}, []),
        ({"affinity": bound_to({ZONE: ["h"]}, {ZONE: ["i"]})}, []),
        ({"affinity": bound_to({ZONE: ["h"]}, {"disk": ["ssd"]})}, []),
        ({"affinity": bound_to({HOST: ["n1"]})}, ["pinned"]),
    ],
)
def test_what_binds_all_pods_to_one_place(spec, rules_found):
    assert found(deployment(**spec), BUDGET) == rules_found


@pytest.mark.parametrize(
    ("spec", "replicas", "most"),
    [
        ({"maxUnavailable": 1}, 3, 1), ({"maxUnavailable": 0}, 3, 0), ({"minAvailable": 3}, 3, 0), ({"minAvailable": 2}, 3, 1),
        ({"minAvailable": "100%"}, 3, 0), ({"minAvailable": "50%"}, 3, 1), ({"maxUnavailable": "30%"}, 3, 1), ({}, 1, 0),
    ],
)  # fmt: skip
def test_how_many_a_budget_lets_go(spec, replicas, most):
    assert rules.allowed(spec, replicas) == most


def test_no_budget_and_one_that_blocks():
    assert found(deployment()) == ["no-budget"]
    blocking = copy.deepcopy(BUDGET) | {"spec": BUDGET["spec"] | {"maxUnavailable": 0}}
    assert found(deployment(), blocking) == ["blocking-budget"]
    assert found(deployment(1), blocking) == ["blocking-budget", "single-replica"]
    other = BUDGET | {"spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "cart"}}}}
    assert found(deployment(), other) == ["no-budget"]
    assert found(deployment(), BUDGET | {"spec": {"maxUnavailable": 1}}) == ["no-budget"]


def test_a_budget_that_protects_nothing_and_one_too_many():
    idle = copy.deepcopy(BUDGET) | {"spec": BUDGET["spec"] | {"maxUnavailable": "100%"}}
    assert found(deployment(), idle) == ["idle-budget"]
    assert found(deployment(), BUDGET, BUDGET) == ["several-budgets"]


@pytest.mark.parametrize(
    "spec",
    [
        {"nodeName": "n1"},
        {"nodeSelector": {HOST: "n1"}},
    ],
)
def test_what_pins_to_a_node(spec):
    assert found(deployment(**spec), BUDGET) == ["pinned"]


@pytest.mark.parametrize(
    ("mount", "path", "rules_found"),
    [
        ({}, {}, ["pinned"]),
        ({"readOnly": True}, {}, []),
        ({}, {"type": "Socket"}, []),
        (None, {}, []),
    ],
)
def test_a_folder_of_the_node_pins_if_it_is_written_to(mount, path, rules_found):
    volumes = [{"name": "data", "hostPath": {"path": "/data"} | path}]
    mounts = [] if mount is None else [{"name": "data", "mountPath": "/data"} | mount]
    assert found(deployment(container={"volumeMounts": mounts}, volumes=volumes), BUDGET) == rules_found


@pytest.mark.parametrize(
    ("selector", "fits"),
    [
        ({}, True),
        ({"matchLabels": {"app": "shop"}}, True),
        ({"matchLabels": {"app": "cart"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["shop", "cart"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["shop"]}]}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}, True),
    ],
)
def test_selectors(selector, fits):
    assert selects(selector, {"app": "shop"}) == fits


def test_a_namespace_is_read_and_outages_come_first(monkeypatch):
    bad = deployment(container={"livenessProbe": None}) | {"metadata": {"name": "cart"}}
    there = {"deployment": [bad, deployment(1)], "poddisruptionbudget": [BUDGET]}
    nodes = [{"metadata": {"name": "n1", "labels": {ZONE: "h"}}}]
    monkeypatch.setattr(kube, "get", lambda kind, name: {})
    monkeypatch.setattr(kube, "list", lambda kind, namespace=None: nodes if kind == "node" else there.get(kind, []))
    review = reliability.review("shop")
    assert review.findings[0].rule == "single-replica"
    assert review.rules("deployment/cart") == ["no-probe"]
    assert review.title == "2 workloads of shop: 1 single point of failure, 1 risk"
    assert "SINGLE POINT OF FAILURE  deployment/shop: replicas: 1" in review.text


def test_manifests_are_read_from_a_file(tmp_path):
    file = tmp_path / "pod.yaml"
    file.write_text("apiVersion: v1\nkind: Pod\nmetadata: {name: alone}\nspec: {containers: [{name: a, image: b}]}\n")
    assert "bare-pod" in reliability.review(file).rules("pod/alone")


def test_nothing_that_runs_is_a_sentence(monkeypatch):
    monkeypatch.setattr(kube, "get", lambda kind, name: {})
    monkeypatch.setattr(kube, "list", lambda kind, namespace=None: [])
    with pytest.raises(AcplabError, match="no Deployment, StatefulSet or bare Pod in shop"):
        reliability.review("shop")


# --- what kubelet says of containers ------------------------------------------------------------------------------


def test_how_often_containers_were_restarted_and_why():
    killed = {"terminated": {"reason": "OOMKilled", "exitCode": 137}}
    statuses = [
        {"name": "cart", "ready": False, "restartCount": 2, "state": {"waiting": {}}, "lastState": killed},
        {"name": "shop", "ready": True, "restartCount": 0, "state": {"running": {}}, "lastState": {}},
    ]
    pods = [
        {"metadata": {"name": "a"}, "status": {"containerStatuses": statuses}},
        {"metadata": {"name": "b", "deletionTimestamp": "now"}, "status": {"containerStatuses": statuses}},
        {"metadata": {"name": "c"}, "status": {}},
    ]
    assert [reliability.restarted(pod) for pod in pods] == [True, True, False]
    assert list(containers.rows(pods)) == [
        ("a", "cart", "no", "2", "OOMKilled, exit code 137"),
        ("a", "shop", "yes", "0", "–"),
    ]


def test_the_table_of_restarts_asks_for_the_apps_that_are_named(monkeypatch):
    asked = []
    monkeypatch.setattr(kube, "list", lambda *words: asked.append(words) or [])
    assert reliability.restarts("ns", "cart", "shop").rows == reliability.restarts("ns").rows == []
    assert asked == [("pod", "ns", "app in (cart, shop)"), ("pod", "ns", None)]


# --- what was lost ------------------------------------------------------------------------------------------------


def traffic(*good: bool) -> measure.Traffic:
    return measure.Traffic(
        [measure.Sample(t / 10, 1, error=None if ok else "http 503") for t, ok in enumerate(good)], 10
    )


def test_what_was_lost_in_each_case():
    cases = {"one": traffic(True, False, False, True), "two": traffic(True), "three": traffic(True, False)}
    assert reliability.lost(cases).rows == [
        ("one", "4", "2 (http 503)", "0.2"),
        ("two", "1", "0", "0.0"),
        ("three", "2", "1 (http 503)", "not in this time"),
    ]
