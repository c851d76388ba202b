"""Waits: what counts as ready, what is hopeless, and what is said. The statuses are recorded from a real cluster.

The API server is a list of answers and the clock only moves when somebody sleeps, so nothing here takes time.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from acplab.base.errors import AcplabError
from acplab.kube import causes, client, conditions, event_log, pods, waiting

IMAGE = "docker.io/acplab/storefront:1.0.0"


class World:
    """What the API server answers to each look, the last answer for ever; and a clock."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.looks: list = []
        self.lists: dict[str, list[dict]] = {}
        self.logs: dict[tuple[str, bool], str] = {}

    def sleep(self, seconds: float) -> None:
        assert seconds < 2
        self.now += seconds

    def find(self, kind, name, namespace):
        answer = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def items(self, kind, namespace=None, selector=None):
        wanted = dict(pair.split("=") for pair in selector.split(",")) if selector else {}
        return [
            one for one in self.lists.get(kind.kind, []) if wanted.items() <= one["metadata"].get("labels", {}).items()
        ]

    def log(self, pod, container, previous):
        return self.logs.get((container, previous), "")


@pytest.fixture
def world(monkeypatch) -> World:
    world = World()
    names = {"pod": "Pod", "replicaset": "ReplicaSet", "deployment": "Deployment", "event": "Event"}

    def resource(kind, api_version=None):
        return SimpleNamespace(kind=names.get(kind, kind), namespaced=kind not in ("Node", "Namespace"))

    for module in (waiting, causes, event_log, pods):
        monkeypatch.setattr(module, "resource", resource)
    monkeypatch.setattr(client, "find", world.find)
    monkeypatch.setattr(client, "items", world.items)
    monkeypatch.setattr(waiting, "time", SimpleNamespace(monotonic=lambda: world.now, sleep=world.sleep))
    monkeypatch.setattr(pods, "_log", world.log)
    return world


# --- recorded statuses ------------------------------------------------------------------------------------------------


def condition(kind: str, status: str, reason: str = "", message: str = "") -> dict:
    return {"type": kind, "status": status, "reason": reason, "message": message}


def deployment(generation=1, observed=1, wanted=1, revision="1", conditions=(), **counts) -> dict:
    return {
        "kind": "Deployment",
        "metadata": {
            "name": "shop",
            "namespace": "space",
            "generation": generation,
            "annotations": {"deployment.kubernetes.io/revision": revision},
        },
        "spec": {"replicas": wanted, "selector": {"matchLabels": {"app": "shop"}}},
        "status": {"observedGeneration": observed, "conditions": list(conditions), **counts},
    }


def rolled_out(n: int, **more) -> dict:
    return deployment(wanted=n, replicas=n, updatedReplicas=n, readyReplicas=n, availableReplicas=n, **more)


def replicaset(revision: str, template: str) -> dict:
    return {
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"shop-{template}",
            "labels": {"app": "shop", "pod-template-hash": template},
            "annotations": {"deployment.kubernetes.io/revision": revision},
        },
    }


def pod(template="7fb8f977b", conditions=(), containers=(), init=(), phase="Pending", **labels) -> dict:
    return {
        "kind": "Pod",
        "metadata": {
            "name": f"shop-{template}-s95c6",
            "namespace": "space",
            "labels": {"app": "shop", "pod-template-hash": template, **labels},
        },
        "status": {
            "phase": phase,
            "conditions": list(conditions),
            "containerStatuses": list(containers),
            "initContainerStatuses": list(init),
        },
    }


def container(reason="", message="", restarts=0, code=None, image=IMAGE, name="shop", last_message=None) -> dict:
    ended = {"exitCode": code, "reason": "Error"} | ({"message": last_message} if last_message else {})
    return {
        "name": name,
        "ready": False,
        "restartCount": restarts,
        "image": image,
        "state": {"waiting": {"reason": reason, "message": message}} if reason else {"running": {}},
        "lastState": {"terminated": ended} if code is not None else {},
    }


NO_NODE = condition(
    "PodScheduled",
    "False",
    "Unschedulable",
    "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu. no new claims to deallocate.",
)
NO_IMAGE = container("ErrImagePull", 'failed to pull "x"', image="docker.io/acplab/nothing:9")
NO_CONFIG = container("CreateContainerConfigError", 'configmap "absent" not found')
CRASHES = container("CrashLoopBackOff", "back-off 10s restarting failed container=shop", restarts=1, code=2)
NEVER_STARTED = container(
    "CrashLoopBackOff", "back-off 10s", restarts=1, code=128, last_message='exec: "/nothere": no such file or directory'
)
STARTING = container("ContainerCreating")
READY = condition("Ready", "True")
NOT_READY = condition("Ready", "False", "ContainersNotReady")


def event(name: str, kind: str, text: str, at: str = "2026-11-24T07:49:23Z", **more) -> dict:
    return {
        "metadata": {"creationTimestamp": at},
        "involvedObject": {"kind": kind, "name": name},
        "type": "Warning",
        "reason": "Failed",
        "message": text,
        "lastTimestamp": at,
    } | more


# --- what is ready ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "ready"),
    [
        (rolled_out(2), True),
        (rolled_out(0), True),
        (deployment(wanted=0), True),
        (deployment(wanted=1), False),
        (rolled_out(2, generation=2), False),
        (rolled_out(2, generation=2, observed=2), True),
        (deployment(wanted=2, replicas=2, updatedReplicas=2, readyReplicas=2, availableReplicas=1), False),
        (deployment(wanted=2, replicas=2, updatedReplicas=1, readyReplicas=2, availableReplicas=2), False),
        (deployment(wanted=2, replicas=3, updatedReplicas=2, readyReplicas=3, availableReplicas=3), False),
        (deployment(wanted=1, replicas=2, updatedReplicas=2, readyReplicas=2, availableReplicas=2), False),
        ({**rolled_out(1), "status": {}}, False),
        ({**rolled_out(1), "status": None}, False),
    ],
)
def test_a_deployment_is_ready_when_it_is_rolled_out(found, ready):
    assert conditions.is_ready(found) is ready


def test_a_deployment_that_names_no_number_wants_one():
    found = rolled_out(1)
    del found["spec"]["replicas"]
    assert conditions.is_ready(found)


@pytest.mark.parametrize(
    ("status", "ready"),
    [
        (
            {"observedGeneration": 1, "desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 3},
            True,
        ),
        (
            {"observedGeneration": 1, "desiredNumberScheduled": 3, "updatedNumberScheduled": 2, "numberAvailable": 3},
            False,
        ),
        (
            {"observedGeneration": 1, "desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 2},
            False,
        ),
        ({"observedGeneration": 1, "desiredNumberScheduled": 0}, True),
        (
            {"observedGeneration": 0, "desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 3},
            False,
        ),
    ],
)
def test_a_daemonset(status, ready):
    found = {"kind": "DaemonSet", "metadata": {"name": "agent", "generation": 1}, "spec": {}, "status": status}
    assert conditions.is_ready(found) is ready


def other(kind: str, **status) -> dict:
    return {"kind": kind, "metadata": {"name": "x"}, "status": status}


@pytest.mark.parametrize(
    ("found", "ready"),
    [
        (other("Pod", conditions=[READY]), True),
        (other("Pod", conditions=[NOT_READY]), False),
        (other("Pod", conditions=[condition("PodScheduled", "True")]), False),
        (other("Pod"), False),
        (other("Job", conditions=[condition("Complete", "True")]), True),
        (other("Job", active=1), False),
        (other("Job", conditions=[condition("Failed", "True")]), False),
        (other("Service", loadBalancer={}), True),
        ({"kind": "ConfigMap", "metadata": {"name": "x"}}, True),
        (other("Node", conditions=[condition("MemoryPressure", "False"), READY]), True),
        (other("Node", conditions=[condition("Ready", "Unknown")]), False),
        (other("Gateway", conditions=[condition("Accepted", "True"), condition("Programmed", "False")]), False),
        (other("Gateway"), False),
        (other("HTTPRoute", parents=[]), False),
        (other("Gateway", conditions=[condition("Accepted", "True"), condition("Programmed", "True")]), True),
        (other("HTTPRoute", parents=[{"conditions": [condition("Accepted", "True")]}]), True),
        (
            other(
                "HTTPRoute",
                parents=[
                    {"conditions": [condition("Accepted", "True")]},
                    {"conditions": [condition("Accepted", "False")]},
                ],
            ),
            False,
        ),
        (other("APIService", conditions=[condition("Available", "False")]), False),
        (other("APIService"), False),
        (other("CustomResourceDefinition", conditions=[condition("NamesAccepted", "True")]), False),
        (other("CustomResourceDefinition", conditions=[condition("Established", "True")]), True),
        (other("Namespace", phase="Active"), True),
        (other("Namespace", phase="Terminating"), False),
        (other("PersistentVolumeClaim", phase="Pending"), False),
        (other("PersistentVolumeClaim", phase="Bound"), True),
        (other("PersistentVolume", phase="Available"), True),
        (other("PersistentVolume", phase="Failed"), False),
        (other("ReplicaSet", replicas=2, readyReplicas=2) | {"spec": {"replicas": 2}}, True),
        (other("ReplicaSet", replicas=2, readyReplicas=1) | {"spec": {"replicas": 2}}, False),
        (other("ReplicaSet", replicas=0) | {"spec": {"replicas": 0}}, True),
        (other("Service", loadBalancer={}) | {"spec": {"type": "LoadBalancer"}}, False),
        (other("Service", loadBalancer={"ingress": [{"ip": "1.2.3.4"}]}) | {"spec": {"type": "LoadBalancer"}}, True),
        (other("Service", loadBalancer={}) | {"spec": {"type": "NodePort"}}, True),
    ],
)
def test_other_kinds(found, ready):
    assert conditions.is_ready(found) is ready


# --- what is hopeless -------------------------------------------------------------------------------------------------------


def stuck(world, found, elapsed=10.0) -> tuple[str, str] | None:
    world.lists.setdefault("ReplicaSet", [replicaset("1", "7fb8f977b")])
    return causes.why_hopeless(found, elapsed)


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (pod(containers=[NO_IMAGE]), ["cannot get the image docker.io/acplab/nothing:9", "ErrImagePull"]),
        (pod(containers=[container("ImagePullBackOff")]), ["cannot get the image", IMAGE]),
        (pod(containers=[container("ErrImageNeverPull")]), ["cannot get the image"]),
        (pod(containers=[container("InvalidImageName", image="UPPER:::")]), ["UPPER:::"]),
        (pod(containers=[NO_CONFIG]), ["CreateContainerConfigError", 'configmap "absent" not found']),
        (pod(containers=[container("RunContainerError", "exec: /nothere")]), ["exec: /nothere"]),
        (pod(containers=[CRASHES]), ["is in CrashLoopBackOff (exit code 2)"]),
        (pod(containers=[NEVER_STARTED]), ["exit code 128", 'exec: "/nothere": no such file']),
        (pod(conditions=[NO_NODE]), ["is unschedulable", "2 Insufficient cpu"]),
        (pod(init=[NO_IMAGE], containers=[container("PodInitializing")]), ["docker.io/acplab/nothing:9"]),
        (pod(containers=[STARTING, NO_CONFIG]), ["CreateContainerConfigError"]),
    ],
)
@pytest.mark.parametrize("of_a_deployment", [False, True])
def test_causes_that_need_somebody(world, broken, words, of_a_deployment):
    world.lists["Pod"] = [broken]
    cause, next_step = stuck(world, deployment() if of_a_deployment else broken)
    assert "shop-7fb8f977b-s95c6" in cause
    assert not [word for word in words if word not in cause]
    assert next_step


@pytest.mark.parametrize(
    "fine",
    [
        pod(containers=[STARTING]),
        pod(containers=[container("PodInitializing")]),
        pod(containers=[container()], conditions=[NOT_READY]),
        pod(containers=[container(restarts=5, code=1)], conditions=[READY]),
        pod(conditions=[condition("PodScheduled", "False", "SchedulingGated", "gated")]),
        pod(),
    ],
)
def test_a_pod_that_may_still_come(world, fine):
    world.lists["Pod"] = [fine]
    assert stuck(world, fine) is None
    assert stuck(world, deployment()) is None


def test_no_node_is_believed_after_some_seconds_only(world):
    world.lists["Pod"] = [pod(conditions=[NO_NODE])]
    assert stuck(world, deployment(), elapsed=1.0) is None
    assert stuck(world, deployment(), elapsed=pods.PATIENCE + 0.1)


def test_a_pod_that_preempts_others_waits_until_they_have_ended(world):
    first = pod(conditions=[NO_NODE])
    first["status"]["nominatedNodeName"] = "worker"
    world.lists["Pod"] = [first]
    assert stuck(world, deployment(), elapsed=pods.PATIENCE + 0.1) is None


def test_a_pod_that_waits_for_the_place_of_an_older_one(world):
    """maxSurge 0 and Pods that never share a node: the new one is unschedulable until the old one has ended."""
    old = pod(template="old")
    old["metadata"]["deletionTimestamp"] = (datetime.now(UTC) + timedelta(seconds=20)).isoformat()
    world.lists = {"Pod": [old, pod(conditions=[NO_NODE])], "ReplicaSet": [replicaset("1", "7fb8f977b")]}
    world.looks = [deployment()] * 30 + [rolled_out(1)]
    assert waiting.wait("deployment", "shop", namespace="space")["status"]["readyReplicas"] == 1
    old["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"  # its node is gone, and nobody ends it
    world.looks = [deployment()]
    with pytest.raises(AcplabError, match="is unschedulable"):
        waiting.wait("deployment", "shop", namespace="space")


def test_the_last_words_are_those_of_the_container_that_crashes(world):
    world.logs = {("sidecar", False): "starting\nERROR_RATE must be a number\n", ("shop", False): "wrong"}
    world.lists["Pod"] = [pod(containers=[container(), container("CrashLoopBackOff", code=2, name="sidecar")])]
    cause, next_step = stuck(world, deployment())
    assert cause.endswith("ERROR_RATE must be a number")
    assert "kube.logs('shop-7fb8f977b-s95c6', namespace=..., container='sidecar')" in next_step


@pytest.mark.parametrize("phase", ["Failed", "Succeeded"])
def test_a_pod_that_has_ended_never_gets_ready(world, phase):
    ended = pod(phase=phase, containers=[container(code=1)])
    world.logs = {("shop", False): "done"}
    cause, next_step = stuck(world, ended)
    assert phase in cause
    assert "done" in cause
    assert next_step


def test_a_pod_of_a_job_that_failed_is_not_the_end_of_the_job(world):
    world.lists["Pod"] = [pod(phase="Failed", containers=[container(code=1)])]
    job = {"kind": "Job", "metadata": {"name": "shop", "namespace": "space"}, "spec": deployment()["spec"]}
    assert stuck(world, job | {"status": {"active": 1, "failed": 1}}) is None


def test_a_job_that_failed(world):
    failed = condition("Failed", "True", "BackoffLimitExceeded", "Job has reached the specified backoff limit")
    job = {"kind": "Job", "metadata": {"name": "shop", "namespace": "space"}, "status": {"conditions": [failed]}}
    assert "backoff limit" in stuck(world, job)[0]


QUOTA = 'pods "shop-7fb8f977b-x" is forbidden: exceeded quota: none, requested: pods=1, used: pods=0, limited: pods=0'


def test_a_quota(world):
    cause, next_step = stuck(world, deployment(conditions=[condition("ReplicaFailure", "True", "FailedCreate", QUOTA)]))
    assert cause == QUOTA
    assert "quota" in next_step


def test_a_rollout_past_its_deadline(world):
    late = condition("Progressing", "False", "ProgressDeadlineExceeded", 'ReplicaSet "shop-7fb8f977b" has timed out')
    assert "has timed out" in stuck(world, deployment(conditions=[late]))[0]


def batched(phase: str, seen="2", why: dict | None = None) -> dict:
    """A Rollout of Argo Rollouts; its controller writes the generation as text."""
    status = {
        "phase": phase,
        "observedGeneration": seen,
        "currentPodHash": "7fb8f977b",
        "conditions": [why] if why else [],
    }
    selector = {"matchLabels": {"app": "shop"}}
    return {
        "kind": "Rollout",
        "metadata": {"name": "shop", "namespace": "demo", "generation": 2},
        "spec": {"selector": selector},
        "status": status,
    }


def test_a_rollout_in_batches_is_ready_when_its_controller_says_so_of_the_newest_template():
    assert conditions.is_ready(batched("Healthy"))
    assert not conditions.is_ready(batched("Healthy", seen="1"))
    assert not conditions.is_ready(batched("Paused"))
    assert not conditions.is_ready(other("Rollout") | {"metadata": {"generation": 1}})


@pytest.mark.parametrize(
    ("reason", "message", "step"),
    [
        ("ProgressDeadlineExceeded", "has timed out", "old Pods still serve"),
        ("RolloutAborted", "aborted", "version of before"),
    ],
)
def test_a_rollout_in_batches_that_was_given_up(world, reason, message, step):
    why = condition("Progressing", "False", reason, message)
    cause, next_step = stuck(world, batched("Degraded", why=why))
    assert message in cause
    assert step in next_step
    assert stuck(world, batched("Degraded", seen="1", why=why)) is None


def test_a_rollout_in_batches_has_pods_of_its_newest_template(world):
    old = pod(containers=[NO_IMAGE])
    old["metadata"]["labels"]["rollouts-pod-template-hash"] = "older"
    new = pod(containers=[NO_IMAGE])
    new["metadata"]["labels"]["rollouts-pod-template-hash"] = "7fb8f977b"
    world.lists["Pod"] = [old]
    assert stuck(world, batched("Progressing")) is None
    world.lists["Pod"] = [old, new]
    assert "cannot get the image" in stuck(world, batched("Progressing"))[0]


def test_a_route_that_its_gateway_refuses_is_given_some_seconds(world):
    refused = condition("ResolvedRefs", "False", "BackendNotFound", "service shop not found")
    route = other("HTTPRoute", parents=[{"conditions": [condition("Accepted", "True"), refused]}])
    assert stuck(world, route, elapsed=1.0) is None
    assert "service shop not found" in stuck(world, route)[0]


def test_what_is_being_deleted(world):
    going = deployment()
    going["metadata"]["deletionTimestamp"] = "2026-11-24T07:49:23Z"
    assert "being deleted" in stuck(world, going)[0]


# An init container between two runs, as kubelet states it: ended, and not yet waiting for the next one.
INIT_ENDED = {
    "name": "prepare", "ready": False, "restartCount": 1, "image": IMAGE,
    "state": {"terminated": {"exitCode": 2, "reason": "Error"}},
    "lastState": {"terminated": {"exitCode": 2, "reason": "Error"}},
}  # fmt: skip
INIT_WAITS = container("CrashLoopBackOff", "back-off 10s restarting failed container=prepare", 1, 2, name="prepare")


@pytest.mark.parametrize("init", [INIT_ENDED, INIT_WAITS], ids=["ended", "back-off"])
def test_an_init_container_that_fails_is_named_with_its_last_log_line(world, init):
    world.logs = {("prepare", False): "reading /config\nno such table: stock\n"}
    world.lists["Pod"] = [pod(init=[init], containers=[container("PodInitializing")])]
    cause, next_step = stuck(world, deployment())
    assert "init container prepare is in CrashLoopBackOff (exit code 2); last log line: no such table: stock" in cause
    assert "container='prepare'" in next_step


def test_an_init_container_that_failed_once_may_succeed_the_next_time(world):
    first = INIT_ENDED | {"restartCount": 0, "lastState": {}}
    world.lists["Pod"] = [pod(init=[first], containers=[container("PodInitializing")])]
    assert stuck(world, deployment()) is None


def test_the_log_of_the_run_before_counts_when_the_last_one_is_gone(world):
    """kubelet removes ended containers; then it answers with a text about containerd in the log's place."""
    world.logs = {("shop", True): "out of memory\n"}
    world.lists["Pod"] = [pod(containers=[CRASHES])]
    assert stuck(world, deployment())[0].endswith("last log line: out of memory")


def test_kubelets_word_about_a_lost_log_is_no_log(monkeypatch):
    lost = "unable to retrieve container logs for containerd://4f0c"
    api = SimpleNamespace(read_namespaced_pod_log=lambda *_, **__: lost)
    monkeypatch.setattr("kubernetes.client.CoreV1Api", lambda _client: api)
    monkeypatch.setattr(client, "client", lambda: SimpleNamespace(client=None))
    assert pods.last_log_line(pod(), "shop") == "none"


def test_a_pod_that_ended_names_the_container_that_failed(world):
    fine = container(code=0, name="sidecar")
    world.logs = {("shop", False): "no such name"}
    cause, _step = stuck(world, pod(phase="Failed", containers=[fine, container(code=1)]))
    assert cause == "it has ended (Failed): container shop, exit code 1; last log line: no such name"


PAUSED = {"spec": {"replicas": 2, "paused": True, "selector": {"matchLabels": {"app": "shop"}}}}


@pytest.mark.parametrize(
    "counts",
    [
        {"replicas": 2, "readyReplicas": 2, "availableReplicas": 2},
        {"replicas": 2, "updatedReplicas": 1, "readyReplicas": 2, "availableReplicas": 2},
        {},
    ],
    ids=["new-template", "half-way", "never-rolled-out"],
)
def test_a_paused_deployment_is_not_waited_for(world, counts):
    cause, next_step = stuck(world, deployment(wanted=2, **counts) | PAUSED)
    assert cause == "it is paused, so its new template is not rolled out"
    assert "kubectl rollout resume deployment/shop -n space" in next_step


def test_a_paused_deployment_still_scales(world):
    counts = {"replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1}
    assert stuck(world, deployment(wanted=2, **counts) | PAUSED) is None


def claim(storage_class: str | None = None) -> dict:
    spec = {"storageClassName": storage_class} if storage_class else {}
    return {
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "ledger", "namespace": "space"},
        "spec": spec,
        "status": {"phase": "Pending"},
    }


def storage(name: str, default: bool = False, mode: str = "WaitForFirstConsumer") -> dict:
    notes = {causes.DEFAULT_CLASS: "true"} if default else {}
    return {"metadata": {"name": name, "annotations": notes}, "volumeBindingMode": mode}


def test_a_claim_of_an_unknown_storage_class(world):
    world.lists["storageclass"] = [storage("standard", default=True)]
    assert stuck(world, claim("alicloud-disk-essd"), elapsed=1.0) is None
    cause, next_step = stuck(world, claim("alicloud-disk-essd"))
    assert cause == "storageclass.storage.k8s.io 'alicloud-disk-essd' not found"
    assert next_step == "Name one of: standard."


def test_a_claim_of_no_class_where_none_is_the_default(world):
    world.lists["storageclass"] = [storage("standard")]
    assert "not found" in stuck(world, claim())[0]


@pytest.mark.parametrize("named", [None, "standard"])
def test_a_claim_that_waits_for_its_first_pod(world, named):
    world.lists["storageclass"] = [storage("standard", default=True)]
    assert "waiting for first consumer" in stuck(world, claim(named))[0]
    user = pod()
    user["spec"] = {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "ledger"}}]}
    world.lists["Pod"] = [user]
    assert stuck(world, claim(named)) is None


def test_a_claim_that_is_bound_at_once_is_waited_for(world):
    world.lists["storageclass"] = [storage("fast", mode="Immediate")]
    assert stuck(world, claim("fast")) is None


BALANCER = {
    "kind": "Service",
    "metadata": {"name": "shop", "namespace": "space"},
    "spec": {"type": "LoadBalancer"},
    "status": {"loadBalancer": {}},
}


def test_a_load_balancer_that_nobody_makes(world):
    assert stuck(world, BALANCER, elapsed=1.0) is None
    cause, next_step = stuck(world, BALANCER)
    assert "EXTERNAL-IP stays <pending>" in cause
    assert "SLB" in next_step


def test_a_load_balancer_that_a_controller_has_taken_in_hand_is_waited_for(world):
    world.lists["Event"] = [event("shop", "Service", "Ensuring load balancer")]
    assert stuck(world, BALANCER) is None


# --- yesterday's troubles -----------------------------------------------------------------------------------------------------


def test_a_spec_that_the_controller_has_not_seen_yet_is_not_judged_by_the_old_pods(world):
    """kube.apply(corrected); kube.wait(...): the first look still shows the broken Pod of revision 1."""
    world.lists["Pod"] = [pod(containers=[NO_IMAGE])]
    assert stuck(world, deployment(generation=2, observed=1)) is None
    broken = condition("ReplicaFailure", "True", "FailedCreate", QUOTA)
    assert stuck(world, deployment(generation=2, observed=1, conditions=[broken])) is None
    assert stuck(world, deployment(generation=2, observed=2))


def test_pods_of_an_old_template_do_not_count(world):
    world.lists |= {
        "ReplicaSet": [replicaset("1", "7fb8f977b"), replicaset("2", "84d4586cc6")],
        "Pod": [pod(containers=[NO_IMAGE]), pod("84d4586cc6", containers=[STARTING])],
    }
    assert stuck(world, deployment(generation=2, observed=2, revision="2")) is None
    world.lists["Pod"].append(pod("84d4586cc6", containers=[NO_CONFIG]))
    assert "84d4586cc6" in stuck(world, deployment(generation=2, observed=2, revision="2"))[0]


def test_pods_on_their_way_out_do_not_count(world):
    leaving = pod(containers=[NO_IMAGE])
    leaving["metadata"]["deletionTimestamp"] = "2026-11-24T07:49:23Z"
    world.lists["Pod"] = [leaving]
    assert stuck(world, deployment()) is None


def test_evicted_pods_do_not_count_for_the_deployment_that_has_replaced_them(world):
    lost = container(restarts=1) | {"state": {"terminated": {"exitCode": 137, "reason": "ContainerStatusUnknown"}}}
    evicted = pod(phase="Failed", containers=[lost])
    evicted["status"] |= {"reason": "Evicted", "message": "The node was low on resource: memory."}
    world.lists["Pod"] = [evicted]
    assert stuck(world, deployment()) is None
    evicted["status"]["phase"] = "Running"
    assert "CrashLoopBackOff (exit code 137)" in stuck(world, deployment())[0]


def test_pods_of_others_do_not_count(world):
    world.lists["Pod"] = [pod(containers=[NO_IMAGE], app="cart")]
    assert stuck(world, deployment()) is None


def statefulset(kind: str, **status) -> dict:
    found = deployment(replicas=1)
    found["metadata"]["annotations"] = {"deprecated.daemonset.template.generation": "2"}
    return found | {"kind": kind, "status": {"observedGeneration": 1, **status}}


@pytest.mark.parametrize(
    ("found", "label", "old", "new"),
    [
        (statefulset("StatefulSet", updateRevision="shop-b"), "controller-revision-hash", "shop-a", "shop-b"),
        (statefulset("DaemonSet"), "pod-template-generation", "1", "2"),
    ],
)
def test_also_of_other_workloads_only_the_newest_pods_count(world, found, label, old, new):
    world.lists["Pod"] = [pod(containers=[NO_IMAGE], **{label: old})]
    assert stuck(world, found) is None
    world.lists["Pod"].append(pod(containers=[NO_CONFIG], **{label: new}))
    assert "absent" in stuck(world, found)[0]


# --- the wait itself -------------------------------------------------------------------------------------------------------------


def failure(world, *arguments, **options) -> AcplabError:
    with pytest.raises(AcplabError) as told:
        waiting.wait(*arguments, **options)
    return told.value


def test_a_wait_ends_with_the_object_when_it_is_ready(world):
    world.looks = [None, deployment(), rolled_out(1)]
    assert waiting.wait("deployment", "shop", namespace="space") == rolled_out(1)
    assert world.now == 1000 + 2 * waiting.POLL


def test_a_wait_for_something_of_ones_own(world):
    world.looks = [{"kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"n": str(n)}} for n in range(4)]
    assert waiting.wait("ConfigMap", "x", lambda one: one["data"]["n"] == "2")["data"] == {"n": "2"}


def test_a_wait_for_the_end(world):
    world.looks = [deployment(), deployment(), None]
    assert waiting.wait("deployment", "shop", "deleted", namespace="space") == {}


def test_a_wait_for_the_end_of_what_is_not_there_takes_no_time(world):
    world.looks = [None]
    assert waiting.wait("deployment", "shop", "deleted") == {}
    assert world.now == 1000


def test_deleted_meanwhile(world):
    world.looks = [deployment(), None]
    said = failure(world, "deployment", "shop", namespace="space")
    assert said.sentence.startswith("Deployment shop: it was deleted meanwhile.")
    assert world.now < 1001


def test_a_hopeless_wait_names_object_cause_last_event_and_next_step_long_before_the_timeout(world):
    world.looks = [deployment()]
    world.lists = {
        "ReplicaSet": [replicaset("1", "7fb8f977b")],
        "Pod": [pod(containers=[NO_IMAGE])],
        "Event": [
            event("shop-7fb8f977b-s95c6", "Pod", "Error: ImagePullBackOff", "2026-11-24T07:49:25Z"),
            event("shop-7fb8f977b-s95c6", "Pod", "earlier", "2026-11-24T07:49:21Z"),
        ],
    }
    said = failure(world, "deployment", "shop", namespace="space")
    assert said.sentence.startswith("Deployment shop: Pod shop-7fb8f977b-s95c6 cannot get the image ")
    assert said.sentence.endswith("Last event: Warning Failed: Error: ImagePullBackOff")
    assert "image" in said.remedy
    assert world.now == 1000


@pytest.mark.parametrize("found", [rolled_out(1), {"kind": "ConfigMap", "metadata": {"name": "shop"}}])
def test_what_is_being_deleted_is_not_ready_however_well_it_runs(world, found):
    going = found | {"metadata": found["metadata"] | {"deletionTimestamp": "2026-11-24T07:49:23Z"}}
    world.looks = [going]
    assert "being deleted" in failure(world, going["kind"].lower(), "shop", namespace="space").sentence


def test_what_never_came(world):
    world.looks = [None]
    said = failure(world, "deployment", "shop", namespace="space", timeout=30)
    assert said.sentence == "Deployment shop: not found after 30 s."
    assert "Apply it" in said.remedy
    assert 1030 < world.now < 1032


def test_what_does_not_go(world):
    held = deployment()
    held["metadata"] |= {"deletionTimestamp": "2026-11-24T07:49:23Z", "finalizers": ["example.com/hold"]}
    world.looks = [held]
    said = failure(world, "deployment", "shop", "deleted", namespace="space", timeout=10)
    assert "example.com/hold" in said.sentence
    assert "10 s" in said.sentence


def test_what_runs_but_is_not_ready_is_a_matter_of_its_probe(world):
    world.looks = [deployment(replicas=1)]
    world.lists = {"ReplicaSet": [replicaset("1", "7fb8f977b")], "Pod": [pod(containers=[container()])]}
    said = failure(world, "deployment", "shop", namespace="space", timeout=10)
    assert "Pod shop-7fb8f977b-s95c6 is not ready after 10 s" in said.sentence
    assert "readinessProbe" in said.remedy


def test_a_condition_that_does_not_come_true(world):
    world.looks = [{"kind": "ConfigMap", "metadata": {"name": "x"}}]
    said = failure(world, "ConfigMap", "x", lambda one: False, timeout=10)
    assert said.sentence == "ConfigMap x: condition not met within 10 s."
    assert said.remedy


@pytest.mark.parametrize("condition", ["Ready", "Running", "condition=Ready", "", None, 5, ["ready"], {"a": 1}])
def test_a_condition_that_is_none(world, condition):
    world.looks = [pod()]
    said = failure(world, "pod", "client", condition)
    assert said.sentence == f"kube.wait: the condition is {condition!r}."
    assert 'It must be "ready", "deleted" or a function' in said.remedy
    assert world.now == 1000


def test_no_error_is_a_bare_timeout(world):
    world.looks = [other("Gateway", conditions=[condition("Programmed", "False", "Invalid", "no listener")])]
    assert "no listener" in failure(world, "Gateway", "lab", timeout=10).sentence


def silent() -> client.Unreachable:
    return client.Unreachable("The cluster's API server does not answer (ReadTimeoutError).", "Run ./acplab start")


def test_an_api_server_that_does_not_answer_once_is_asked_again(world):
    world.looks = [deployment(), silent(), silent(), rolled_out(1)]
    assert waiting.wait("deployment", "shop", namespace="space") == rolled_out(1)


def test_an_api_server_that_stays_silent_ends_the_wait_soon(world):
    world.looks = [deployment(), silent()]
    said = failure(world, "deployment", "shop", namespace="space", timeout=300)
    assert "does not answer" in said.sentence
    assert waiting.SILENCE < world.now - 1000 < waiting.SILENCE + 2


def test_a_refusal_ends_the_wait_at_once(world):
    world.looks = [client.Refused("forbidden", "read the message", 403)]
    assert failure(world, "deployment", "shop").sentence == "forbidden"
    assert world.now == 1000


# --- events ------------------------------------------------------------------------------------------------------------------------


def told(world, kind="Deployment", name="shop") -> list[str]:
    return [line.rsplit(": ")[-1] for line in event_log.events_of(kind, name, "space")]


def test_events_are_those_of_the_object_and_its_pods_oldest_first(world):
    world.lists["Event"] = [
        event("shop-7fb8f977b-s95c6", "Pod", "third", "2026-11-24T07:49:25Z"),
        event("shop", "Deployment", "first", "2026-11-24T07:49:21Z"),
        event("shop-7fb8f977b", "ReplicaSet", "second", "2026-11-24T07:49:23Z"),
    ]
    assert told(world) == ["first", "second", "third"]


def test_events_of_a_neighbour_with_a_longer_name_are_not_ours(world):
    world.lists["Event"] = [
        event(name, kind, name)
        for name, kind in [
            ("shop-new", "Deployment"),
            ("shop-new-7fb8f977b", "ReplicaSet"),
            ("shop-new-7fb8f977b-s95c6", "Pod"),
            ("shop-v2-7fb8f977b", "ReplicaSet"),
            ("shop-v2-7fb8f977b-s95c6", "Pod"),
            ("shop", "Service"),
            ("shopping-7fb8f977b-s95c6", "Pod"),
        ]
    ]
    assert told(world) == []
    assert told(world, name="shop-new") == ["shop-new", "shop-new-7fb8f977b", "shop-new-7fb8f977b-s95c6"]
    assert told(world, name="shop-v2") == ["shop-v2-7fb8f977b", "shop-v2-7fb8f977b-s95c6"]


@pytest.mark.parametrize(
    ("kind", "name"),
    [("StatefulSet", "shop-0"), ("DaemonSet", "shop-x7k2p"), ("Job", "shop-x7k2p"), ("Job", "shop-0-x7k2p")],
)
def test_pods_of_other_workloads_are_known_by_their_names(world, kind, name):
    world.lists["Event"] = [event(name, "Pod", "ours")]
    assert told(world, kind) == ["ours"]


def test_events_without_a_last_time_are_sorted_by_what_they_have(world):
    world.lists["Event"] = [
        event("shop", "Deployment", "second", "2026-11-24T07:49:25Z", lastTimestamp=None, eventTime=None),
        event("shop", "Deployment", "first", lastTimestamp=None, eventTime="2026-11-24T07:49:23.123456Z"),
    ]
    assert told(world) == ["first", "second"]
