"""The conformance table of the virtual node: the same Pod on a worker and on it, and what a kubelet would report of both.

Each row is a Pod and the facts that it comes to. All Pods are made at once, on both places; then each row is waited for.
Chapter 08 shows table(); tests/lint/test_conformance.py holds the two together.
"""

from __future__ import annotations

import json
import re
import secrets
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from acplab import cluster as clusters
from acplab import kube
from acplab.base.errors import AcplabError
from acplab.cluster.eci import NODE
from acplab.kube import client
from kubernetes import watch

CLUSTER = "eci"  # these tests share a lane with the chapter and its labs
IMAGE = "docker.io/acplab/storefront:1.0.0"
SERVES = {"readinessProbe": {"httpGet": {"path": "/readyz", "port": 8080}, "periodSeconds": 1}}
FAILS = {"args": ["get", "http://127.0.0.1:1/"]}
ENDS = {"args": ["resolve", "kubernetes.default"]}
SECONDS = 90  # three pauses of a kubelet's back-off: it says CrashLoopBackOff at the end of each


def container(name: str = "main", **more: Any) -> dict[str, Any]:
    small = {"requests": {"cpu": "20m", "memory": "16Mi"}, "limits": {"cpu": "250m", "memory": "256Mi"}}
    given = {"name": name, "image": IMAGE, "imagePullPolicy": "IfNotPresent", "resources": small}
    env = [{"name": "DRAIN_SECONDS", "value": "0"}, *more.pop("env", [])]
    return given | {"env": env} | more


def spec(*containers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"containers": [*containers], "terminationGracePeriodSeconds": 5, **more}


def key(kind: str) -> dict[str, Any]:
    return {"valueFrom": {f"{kind}KeyRef": {"name": "given", "key": "word"}}}


def field(path: str) -> dict[str, Any]:
    return {"valueFrom": {"fieldRef": {"fieldPath": path}}}


ENV = [
    {"name": "VERSION", **key("configMap")}, {"name": "ZONE", **key("secret")}, {"name": "POD_NAME", **field("metadata.name")},
    {"name": "NAMESPACE", **field("metadata.labels['row']")}, {"name": "NODE_NAME", "value": "of $(POD_NAME)"},
]  # fmt: skip
VOLUMES = [
    {"name": "empty", "emptyDir": {}}, {"name": "memory", "emptyDir": {"medium": "Memory"}},
    {"name": "config", "configMap": {"name": "given"}}, {"name": "secret", "secret": {"secretName": "given"}},
    {"name": "down", "downwardAPI": {"items": [{"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}]}},
    {"name": "projected", "projected": {"sources": [{"configMap": {"name": "given"}}, {"serviceAccountToken": {"path": "token"}}]}},
]  # fmt: skip
OF_THE_POD = [
    {"name": "VERSION", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1m"}}},
    {"name": "ZONE", **field("status.podIP")},
]  # fmt: skip
MOUNTS = [{"name": one["name"], "mountPath": f"/volumes/{one['name']}"} for one in VOLUMES]
MOUNTS.append({"name": "config", "mountPath": "/one", "subPath": "word"})
NEVER = {"restartPolicy": "Never"}
NOT_THERE = {"httpGet": {"path": "/", "port": 1}, "periodSeconds": 1, "failureThreshold": 1}

# Row -> what, what comes of it, the Pod, and the facts that both places must come to.
ROWS: dict[str, tuple[str, str, dict[str, Any], dict[str, Any]]] = {
    # First, and watched: a kubelet says CrashLoopBackOff for a tenth of a second, before each restart.
    "back-off": ("code 1 with restartPolicy Always", "CrashLoopBackOff", spec(container(**FAILS)), {"waiting": "CrashLoopBackOff", "last": ("Error", 1)}),
    "http-readiness": ("a readiness probe: HTTP", "Ready", spec(container(**SERVES)), {"phase": "Running", "ready": True}),
    "tcp-readiness": ("a readiness probe: TCP", "Ready", spec(container(readinessProbe={"tcpSocket": {"port": 8080}, "periodSeconds": 1})),
        {"phase": "Running", "ready": True},
    ),
    "exec-readiness": ("a readiness probe: command", "Ready", spec(
            container(
                readinessProbe={"exec": {"command": ["storefront", "get", "http://127.0.0.1:8080/"]}, "periodSeconds": 1}
            )
        ),
        {"phase": "Running", "ready": True},
    ),
    "never-ready": ("a readiness probe that fails", "not Ready, no restart", spec(container(readinessProbe=NOT_THERE)), {"phase": "Running", "ready": False, "restarts": 0}),
    "liveness": ("a liveness probe that fails", "a restart", spec(container(livenessProbe=NOT_THERE)), {"restarted": True}),
    "slow-liveness": ("a liveness probe with a delay", "a restart, later", spec(
        container(livenessProbe=NOT_THERE | {"initialDelaySeconds": 15})), {"restarted": True}),
    "startup": ("a startup probe, then a readiness probe", "Ready", spec(container(startupProbe=SERVES["readinessProbe"], **SERVES)), {"phase": "Running", "ready": True}),
    "completed": ("a container that ends with code 0, restartPolicy Never", "Succeeded, Completed", spec(container(**ENDS), **NEVER), {"phase": "Succeeded", "ended": ("Completed", 0)}),
    "failed": ("a container that ends with code 1, restartPolicy Never", "Failed, Error", spec(container(**FAILS), **NEVER), {"phase": "Failed", "ended": ("Error", 1)}),
    "on-failure": ("code 0 with restartPolicy OnFailure", "Succeeded, no restart", spec(container(**ENDS), restartPolicy="OnFailure"), {"phase": "Succeeded", "restarts": 0}),
    "init": ("two init containers", "one after the other, then Ready", spec(container(**SERVES), initContainers=[container("first", **ENDS), container("second", **ENDS)]),
        {"ready": True, "init": [("Completed", 0), ("Completed", 0)]},
    ),
    "init-failed": ("an init container that fails, restartPolicy Never", "Failed", spec(container(), initContainers=[container("first", **FAILS)], **NEVER),
        {"phase": "Failed", "init": [("Error", 1)]},
    ),
    "sidecar": ("a native sidecar", "ends when the others have ended", spec(container(**ENDS), initContainers=[container("beside", restartPolicy="Always")], **NEVER),
        {"phase": "Succeeded", "ended": ("Completed", 0)},
    ),
    "deadline": ("activeDeadlineSeconds", "Failed, DeadlineExceeded", spec(container(), activeDeadlineSeconds=3),
        {"phase": "Failed", "reason": "DeadlineExceeded"},
    ),
    "no-config": ("a ConfigMap that is missing", "CreateContainerConfigError", spec(container(envFrom=[{"configMapRef": {"name": "absent"}}])),
        {"waiting": "CreateContainerConfigError"}),
    "environment": ("env of a ConfigMap, a Secret, fields and $(NAME)", "the values", spec(container(env=ENV, **SERVES)), {"ready": True}),
    "resources": ("envFrom, resourceFieldRef, status.podIP", "the values",
        spec(container(env=OF_THE_POD, envFrom=[{"configMapRef": {"name": "all"}}], **SERVES)), {"ready": True}),
    "volumes": ("volumes: emptyDir (disk, memory), ConfigMap, Secret, downwardAPI, projected, subPath", "mounted, Ready",
        spec(container(volumeMounts=MOUNTS, **SERVES), volumes=VOLUMES), {"ready": True}),
    "hooks": ("a postStart hook that fails", "a restart",
        spec(container(lifecycle={"postStart": {"exec": {"command": ["storefront", "get", "http://127.0.0.1:1/"]}}})), {"restarted": True}),
}  # fmt: skip
TESTED: list[tuple[str, str]] = []  # what the tests below add to the rows
PLACES = {"worker": {}, "eci": {"alibabacloud.com/eci": "true"}}


def table() -> str:
    """The table in Markdown: each line has been tested on a worker and on the virtual node."""
    rows = [(what, comes_to) for what, comes_to, _pod, _facts in ROWS.values()]
    return "\n".join(
        ["| what | a worker and the virtual node |", "|---|---|", *(f"| {a} | {b} |" for a, b in rows + TESTED)]
    )


def on_both(what: str, comes_to: str) -> Callable[[Callable], Callable]:
    """A test of one more line of the table, on both places."""
    TESTED.append((what, comes_to))
    return pytest.mark.parametrize("where", PLACES)


@pytest.fixture(scope="module", autouse=True)
def on_small() -> None:
    """Instead of conftest's: nothing here needs `small`."""


@pytest.fixture(scope="module")
def place():
    """A namespace of the cluster eci with the Pods of all rows on both places."""
    with clusters.ensure(CLUSTER):
        name = f"t-{secrets.token_hex(4)}"
        kube.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}])
        kube.apply([*given(), *pods()], namespace=name)
        yield name
        kube.delete("namespace", name, None, wait=False)


def given() -> list[dict[str, Any]]:
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "given"}, "data": {"word": "from-config"}}
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "given"},
        "stringData": {"word": "from-secret"},
    }
    every = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "all"}, "data": {"NAMESPACE": "from-all"}}
    return [config, secret, every]


def pods() -> list[dict[str, Any]]:
    return [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"{row}-{where}", "labels": {"row": row, **labels}}, "spec": pod}
        for row, (_what, _comes_to, pod, _facts) in ROWS.items()
        for where, labels in PLACES.items()
    ]  # fmt: skip


def facts(pod: dict[str, Any]) -> dict[str, Any]:
    """What a kubelet reports that people and controllers look at."""
    status = pod["status"]
    (main,) = status.get("containerStatuses") or [{}]
    state, last = main.get("state", {}), main.get("lastState", {})
    conditions = {one["type"]: one["status"] for one in status.get("conditions") or []}
    return {
        "phase": status.get("phase"),
        "reason": status.get("reason"),
        "ready": conditions.get("Ready") == "True",
        "restarts": main.get("restartCount"),
        "restarted": (main.get("restartCount") or 0) > 0,
        "ended": end_of(state),
        "last": end_of(last),
        "running": "running" in state,
        "waiting": state.get("waiting", {}).get("reason"),
        "init": [end_of(one["state"]) for one in status.get("initContainerStatuses") or []],
    }


def end_of(state: dict[str, Any]) -> tuple[str, int] | None:
    ended = state.get("terminated")
    return (ended["reason"], ended["exitCode"]) if ended else None


def comes_to(namespace: str, pod: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """The wanted facts as they are found, within some seconds; a watch misses no state that is reported meanwhile."""
    found: dict[str, Any] = {}
    # Not the client's own watch, which a silence of 20 s would end.
    limits = {"timeout_seconds": SECONDS, "_request_timeout": (5, SECONDS + 5)}
    query = {"namespace": namespace, "field_selector": f"metadata.name={pod}", "serialize": False}
    for event in watch.Watch().stream(client.resource("pod").get, **query, **limits):
        found = facts(event["raw_object"])
        if wanted.items() <= found.items():
            break
    return {name: found.get(name) for name in wanted}


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("row", ROWS)
def test_row(place, row, where):
    wanted = ROWS[row][3]
    assert comes_to(place, f"{row}-{where}", wanted) == wanted


@pytest.mark.parametrize("where", PLACES)
def test_it_is_where_it_belongs(place, where):
    node = kube.get("pod", f"http-readiness-{where}", place)["spec"]["nodeName"]
    assert (node == NODE) == (where == "eci")


@pytest.mark.parametrize("where", PLACES)
def test_what_a_program_sees_of_its_environment(place, where):
    pod = f"environment-{where}"
    seen = of_the_environment(place, pod, "version", "zone", "pod", "namespace", "node")
    assert seen == ["from-config", "from-secret", pod, "environment", f"of {pod}"]


@pytest.mark.parametrize("where", PLACES)
def test_what_a_program_sees_of_its_pod(place, where):
    pod = f"resources-{where}"
    address = kube.wait("pod", pod, namespace=place)["status"]["podIP"]
    assert of_the_environment(place, pod, "version", "zone", "namespace") == ["250", address, "from-all"]


def of_the_environment(namespace: str, pod: str, *names: str) -> list[str]:
    """What the storefront in a Pod says of its environment."""
    kube.wait("pod", pod, namespace=namespace)
    said = json.loads(kube.exec(pod, ["storefront", "get", "http://127.0.0.1:8080/"], namespace).split(maxsplit=2)[2])
    return [said[name] for name in names]


@on_both("`kubectl logs` of a container that has ended", "what it wrote")
def test_logs_of_one_that_has_ended(place, where):
    comes_to(place, f"completed-{where}", {"phase": "Succeeded"})
    assert kube.logs(f"completed-{where}", place).startswith("kubernetes.default ")


@on_both("`kubectl logs --previous` after a restart", "what the run before wrote")
def test_logs_of_the_run_before(place, where):
    # Only while the next run lasts: of a container that has ended a kubelet keeps the last run alone.
    comes_to(place, f"slow-liveness-{where}", {"restarted": True, "running": True})
    assert "open" in kubectl("logs", "--previous", f"slow-liveness-{where}", "--namespace", place)


@on_both("`kubectl exec`", "output, and the exit code")
def test_exec_tells_an_exit_code(place, where):
    kube.wait("pod", f"http-readiness-{where}", namespace=place)
    with pytest.raises(AcplabError, match="storefront"):
        kube.exec(f"http-readiness-{where}", ["storefront", "get", "http://127.0.0.1:1/"], place)


@on_both("`kubectl port-forward`", "answers through it")
def test_a_port_is_forwarded(place, where):
    kube.wait("pod", f"http-readiness-{where}", namespace=place)
    words = ["port-forward", f"pod/http-readiness-{where}", ":8080", "--namespace", place, "--address", "127.0.0.1"]
    with subprocess.Popen(KUBECTL + words, stdout=subprocess.PIPE, text=True, env=environment()) as forward:
        try:
            port = re.search(r"127\.0\.0\.1:(\d+)", forward.stdout.readline())[1]
            assert urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10).status == 200
        finally:
            forward.terminate()


KUBECTL = [str(Path(sys.executable).with_name("kubectl"))]


def environment() -> dict[str, str]:
    return {"KUBECONFIG": str(clusters.find(CLUSTER).kubeconfig), "HOME": "/nonexistent"}


def kubectl(*words: str) -> str:
    return subprocess.run([*KUBECTL, *words], env=environment(), check=True, capture_output=True, text=True).stdout


@on_both("deletion with a grace period", "SIGTERM, then time to end")
def test_the_grace_period_is_used(place, where):
    name = f"grace-{where}"
    slow = spec(container(env=[{"name": "DRAIN_SECONDS", "value": "3"}], **SERVES), terminationGracePeriodSeconds=20)
    slow["containers"][0]["env"].pop(0)
    labels = {"row": "grace", **PLACES[where]}
    kube.apply(
        [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": slow}],
        namespace=place,
    )
    kube.wait("pod", name, namespace=place)
    began = time.monotonic()
    kube.delete("pod", name, place)
    kube.wait("pod", name, "deleted", place)
    assert 2 < time.monotonic() - began < 18


@on_both("eviction by the API, as by `kubectl drain`", "the Pod ends and is gone")
def test_an_evicted_pod_ends(place, where):
    kube.wait("pod", f"tcp-readiness-{where}", namespace=place)
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": f"tcp-readiness-{where}", "namespace": place},
    }
    kubectl_raw(f"/api/v1/namespaces/{place}/pods/tcp-readiness-{where}/eviction", body)
    kube.wait("pod", f"tcp-readiness-{where}", "deleted", place)


def kubectl_raw(path: str, body: dict[str, Any]) -> None:
    words = [*KUBECTL, "create", "--raw", path, "--filename", "-"]
    subprocess.run(words, env=environment(), input=json.dumps(body), check=True, capture_output=True, text=True)
