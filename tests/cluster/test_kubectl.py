"""The kubectl line of each verb, run through `./acplab kubectl`, does and gives what the verb does and gives."""

from __future__ import annotations

import builtins
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from acplab import kube
from acplab.base import paths
from acplab.kube import client, contexts, kubectl
from nbclient import NotebookClient
from test_kube import IMAGE, config, pods, shop

Lines = builtins.list[str]
STOREFRONT = "manifests/00-welcome/storefront.yaml"


def namespace_called(prefix: str) -> str:
    name = f"{prefix}-{secrets.token_hex(3)}"
    kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    return name


@pytest.fixture(scope="module")
def terminal(own_terminals, tmp_path_factory) -> Callable[..., str]:
    """Type a line into a shell whose kubectl is `./acplab kubectl`; its output, or the test fails."""
    folder = tmp_path_factory.mktemp("bin")
    (folder / "kubectl").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m acplab kubectl "$@"\n')
    (folder / "kubectl").chmod(0o755)
    env = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": str(paths.ROOT / "helpers")}

    def type_in(line: str, *more: str) -> str:
        typed = " ".join([line, *more])
        done = subprocess.run(
            ["bash", "-c", typed], cwd=paths.ROOT, env=env, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, f"{typed}\n{done.stdout}{done.stderr}"
        return done.stdout

    return type_in


@pytest.fixture(scope="module")
def running(own_terminals):
    """A namespace with a shop that runs; tests only look at it."""
    name = namespace_called("t-kubectl")
    kube.apply([shop(replicas=2)], namespace=name)
    kube.wait("deployment", "shop", namespace=name)
    contexts.use_namespace("small", name)
    yield name
    contexts.leave_namespace(name)
    kube.delete("namespace", name, wait=False)


@pytest.fixture
def both(own_terminals):
    """Two namespaces: one for the verb, one for the line."""
    two = namespace_called("t-verb"), namespace_called("t-line")
    yield two
    for name in two:
        kube.delete("namespace", name, wait=False)


def named(found: dict[str, Any]) -> Lines:
    return sorted(one["metadata"]["name"] for one in found["items"])


# --- reading ----------------------------------------------------------------------------------------------------------


def test_get_one(running, terminal):
    there = json.loads(terminal(kubectl.get("deployment", "shop", running), "-o json"))
    assert there["metadata"]["uid"] == kube.get("deployment", "shop", running)["metadata"]["uid"]


def test_list_of_a_namespace_a_selector_everywhere_and_of_no_namespace(running, terminal):
    for how in [
        ("pod", running),
        ("pod", running, "app=shop"),
        ("pod", running, "app=none"),
        ("service", "*"),
        ("node",),
    ]:
        there = json.loads(terminal(kubectl.list(*how), "-o json"))
        assert named(there) == sorted(one["metadata"]["name"] for one in kube.list(*how))


def test_what_is_not_there_gives_nothing_and_no_error(running, terminal):
    assert terminal(kubectl.find("pod", "absent", running)) == ""
    assert terminal(kubectl.exists("pod", "absent", running)) == ""
    assert terminal(kubectl.exists("deployment", "shop", running)) == "deployment.apps/shop\n"


def test_kubectl_knows_every_kind_by_the_word_of_the_line(running, terminal):
    lines = [kubectl.list(kind) for kind, _namespaced in kube.api_resources() if kind != "ComponentStatus"]
    words = ",".join(line.split()[2] for line in lines)
    assert f"pod/{pods(running)[0]}" in terminal(f"kubectl get {words} -A -o name").split()


def test_the_kinds(running, terminal):
    client.invalidate_discovery()  # the metrics may have come since the kinds were read
    told = [line.split() for line in terminal(kubectl.api_resources(), "--no-headers").splitlines()]
    assert {(words[-1], words[-2] == "true") for words in told} == set(kube.api_resources())


def test_what_is_open_is_the_namespace_without_a_word(running, terminal):
    assert terminal("kubectl get pods -o name").split() == [f"pod/{name}" for name in pods(running)]


def messages(text: str) -> set[str]:
    return {one["message"] for one in json.loads(text)["items"]}


def test_events(running, terminal):
    pod = pods(running)[0]
    of_pod = messages(terminal(kubectl.events("pod", pod, running), "-o json"))
    assert of_pod == {line.split(": ", 1)[1] for line in kube.events("pod", pod, running)}
    of_all = messages(terminal(kubectl.events("deployment", "shop", running), "-o json"))
    assert {line.split(": ", 1)[1] for line in kube.events("deployment", "shop", running)} <= of_all


def test_exec_and_logs(running, terminal):
    pod = pods(running)[0]
    command = ["storefront", "get", "http://127.0.0.1:8080/say?what=it's%20$HOME"]
    assert terminal(kubectl.exec(pod, command, running)) == kube.exec(pod, command, running)
    assert terminal(kubectl.exec(pod, command, running, "storefront")) == kube.exec(pod, command, running)
    assert terminal(kubectl.logs(pod, running)) == kube.logs(pod, running)
    assert terminal(kubectl.logs(pod, running, 1, "storefront")) == kube.logs(pod, running, tail=1)


# --- writing: the verb in one namespace, the line in the other -------------------------------------------------------------


REVISION = "deployment.kubernetes.io/revision"  # the controller writes it some time later


def state(namespace: str) -> dict[str, Any]:
    """What a learner has made in a namespace, without what the cluster adds to each object."""
    found = {}
    for kind in ("configmap", "deployment", "service"):
        for one in kube.list(kind, namespace):
            metadata, body = one["metadata"], one.get("data") or one.get("spec") or {}
            if metadata["name"] != "kube-root-ca.crt":
                kept = {key: value for key, value in body.items() if not key.startswith(("clusterIP", "template"))}
                notes = {key: value for key, value in (metadata.get("annotations") or {}).items() if key != REVISION}
                labels = metadata.get("labels"), notes
                owners = {field["manager"] for field in metadata["managedFields"] if field["operation"] == "Apply"}
                found[f"{kind}/{metadata['name']}"] = (kept, labels, owners, _restarted(one))
    return found


def _restarted(one: dict[str, Any]) -> bool:
    template = (one.get("spec") or {}).get("template") or {}
    return "kubectl.kubernetes.io/restartedAt" in ((template.get("metadata") or {}).get("annotations") or {})


VALUES = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '${color}'}\ndata: {text: 'it''s $HOME `date` 字'}\n"
WRITES: dict[str, tuple[Callable[[str], Any], Callable[[str], str | None]]] = {
    "file": (lambda ns: kube.apply(STOREFRONT, ns), lambda ns: kubectl.apply(STOREFRONT, ns)),
    "objects": (lambda ns: kube.apply([config("x", a="1")], ns), lambda ns: kubectl.apply([config("x", a="1")], ns)),
    "text": (lambda ns: kube.apply(VALUES, ns, color="blue"), lambda ns: kubectl.apply(VALUES, ns, color="blue")),
    "patch": (
        lambda ns: kube.patch("configmap", "settings", {"data": {"a": "it's", "b": None}}, ns),
        lambda ns: kubectl.patch("configmap", "settings", {"data": {"a": "it's", "b": None}}, ns),
    ),
    "scale": (lambda ns: kube.scale("shop", 2, ns), lambda ns: kubectl.scale("shop", 2, ns)),
    "restart": (lambda ns: kube.restart("shop", ns), lambda ns: kubectl.restart("shop", ns)),
    "annotate": (
        lambda ns: kube.annotate("configmap", "settings", ns, **{"a.b/c": "d e", "old": None}),
        lambda ns: kubectl.annotate("configmap", "settings", ns, **{"a.b/c": "d e", "old": None}),
    ),
    "label": (
        lambda ns: kube.label("configmap", "settings", ns, tier="front", old=None),
        lambda ns: kubectl.label("configmap", "settings", ns, tier="front", old=None),
    ),
    "delete": (
        lambda ns: kube.delete("configmap", "settings", ns),
        lambda ns: kubectl.delete("configmap", "settings", ns),
    ),
    "delete what is not there": (
        lambda ns: kube.delete("configmap", "absent", ns),
        lambda ns: kubectl.delete("configmap", "absent", ns),
    ),
    "delete at once": (
        lambda ns: kube.delete("deployment", "shop", ns, wait=False, grace=0),
        lambda ns: kubectl.delete("deployment", "shop", ns, wait=False, grace=0),
    ),
}


@pytest.mark.parametrize("case", WRITES)
def test_what_is_written(both, terminal, case):
    verb, line = WRITES[case]
    settings = config("settings", a="1", b="2")
    settings["metadata"] |= {"labels": {"old": "x"}, "annotations": {"old": "x"}}
    for name in both:
        kube.apply([settings, shop(replicas=1)], namespace=name)
    verb(both[0])
    terminal(line(both[1]))
    if case == "delete at once":
        for name in both:
            kube.wait("deployment", "shop", "deleted", name, timeout=30)
    assert state(both[0]) == state(both[1])


def test_after_the_line_the_verb_goes_on_and_the_other_way_round(both, terminal):
    """Both are the same field manager: a field that is left out goes, whoever wrote it."""
    for first, second in [("verb", "line"), ("line", "verb")]:
        for how, objects in [(first, [config("x", a="1", b="2")]), (second, [config("x", a="1")])]:
            if how == "verb":
                kube.apply(objects, both[0])
            else:
                terminal(kubectl.apply(objects, both[0]))
        assert kube.get("configmap", "x", both[0])["data"] == {"a": "1"}


def test_a_learners_plain_apply_works_too(both, terminal):
    """Who only knows `kubectl apply -f` goes on with it after the notebook, and the notebook after that."""
    for _round in range(2):
        kube.apply(STOREFRONT, both[0])
        terminal(f"kubectl apply -f {STOREFRONT} -n {both[0]} 2>&1")
    kube.wait("deployment", "storefront", namespace=both[0])


# --- waiting -------------------------------------------------------------------------------------------------------------


def test_waits_for_what_is_ready(running, terminal):
    targets = [
        ("deployment", "shop"),
        ("pod", pods(running)[0]),
        ("namespace", running),
        ("configmap", "kube-root-ca.crt"),
    ]
    targets += [("node", kube.list("node")[0]["metadata"]["name"]), ("crd", "httproutes.gateway.networking.k8s.io")]
    targets += [("gatewayclass", kube.list("gatewayclass")[0]["metadata"]["name"])]
    for kind, name in targets:
        kube.wait(kind, name, namespace=running)
        terminal(kubectl.wait(kind, name, namespace=running, timeout=20))


def test_waits_for_a_route_and_a_job(both, terminal):
    space = both[0]
    gateway = kube.list("gateway", "*")[0]["metadata"]
    route = {
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "shop"},
        "spec": {
            "parentRefs": [{"name": gateway["name"], "namespace": gateway["namespace"]}],
            "hostnames": [f"{space}.example.com"],
            "rules": [{"matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
                       "backendRefs": [{"name": "storefront", "port": 80}]}],
        },
    }  # fmt: skip
    container = {
        "name": "once",
        "image": IMAGE,
        "command": ["storefront", "resolve", "kubernetes.default.svc.cluster.local."],
    }
    job = {
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "once"},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [container]}}},
    }  # fmt: skip
    kube.apply(STOREFRONT, space)
    kube.apply([route, job], space)
    for kind, name in [("httproute", "shop"), ("job", "once")]:
        terminal(kubectl.wait(kind, name, namespace=space, timeout=60))
        kube.wait(kind, name, namespace=space, timeout=5)


def test_waits_for_the_end(both, terminal):
    kube.apply([shop()], namespace=both[0])
    kube.delete("deployment", "shop", both[0], wait=False)
    terminal(kubectl.wait("deployment", "shop", "deleted", both[0]))
    assert not kube.exists("deployment", "shop", both[0])


# --- the terminal itself --------------------------------------------------------------------------------------------------


def test_exit_codes_pass_through(running, terminal, tmp_path: Path):
    assert terminal("kubectl get pod absent 2>/dev/null; echo $?") == "1\n"
    pod = pods(running)[0]
    assert terminal(f"kubectl exec {pod} -- storefront bogus 2>/dev/null; echo $?") == "2\n"


def test_names_of_pods_are_completed(running, terminal):
    told = terminal("kubectl __complete get pod ''").splitlines()
    assert set(pods(running)) <= set(told)


def test_standard_input_is_passed_on(both, terminal):
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: piped}\n"
    terminal(f"printf '{text}' | kubectl apply -n {both[0]} -f -")
    assert kube.exists("configmap", "piped", both[0])


def test_a_notebooks_kernel_shows_the_line_beside_the_result(running):
    call = f"kube.exists('deploy', 'shop', {running!r})"
    cells = [nbformat.v4.new_code_cell(code) for code in ("from acplab import kube\nkube.show_commands()", call)]
    notebook = NotebookClient(nbformat.v4.new_notebook(cells=cells), kernel_name="python3", timeout=60).execute()
    shown, result = notebook.cells[1].outputs
    assert shown.data["text/plain"] == f"$ {kubectl.exists('deploy', 'shop', running)}"
    assert "kubectl get deployment shop" in shown.data["text/html"]
    assert result.data["text/plain"] == "True"
