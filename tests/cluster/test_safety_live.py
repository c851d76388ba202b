"""Tricks: our kubeconfig, but another cluster behind it. Every verb that writes must refuse, and nothing may change.

Three kinds of stranger: our own cluster with a node that lost its label; our own cluster behind a proxy that
changes what it says of its nodes (so a write that slipped through would really be written, and seen); and a
server that only plays a cluster, under the name of our context.
"""

from __future__ import annotations

import http.server
import json
import secrets
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
import urllib3
import yaml
from acplab import kube
from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.host import docker
from acplab.kube import client as connection
from acplab.kube import ownership as safety
from filelock import FileLock

Object = dict[str, Any]
REFUSAL = "This is not a cluster of acplab, so nothing was changed"
IMAGE = "docker.io/acplab/storefront:1.0.0"


def config(name: str, **data: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


SHOP: Object = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "shop"},
    "spec": {
        "replicas": 1,
        "selector": {"matchLabels": {"app": "shop"}},
        "template": {
            "metadata": {"labels": {"app": "shop"}},
            "spec": {"terminationGracePeriodSeconds": 0, "containers": [{"name": "storefront", "image": IMAGE}]},
        },
    },
}
POD: Object = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "client"},
    "spec": SHOP["spec"]["template"]["spec"],
}

PRIORITY = {
    "apiVersion": "scheduling.k8s.io/v1",
    "kind": "PriorityClass",
    "metadata": {"name": "acplab-safety"},
    "value": -1,
}


def entered(manager: AbstractContextManager[Any]) -> None:
    """What is only there while a block runs, for an empty one."""
    with manager:
        pass


WRITES: dict[str, Callable[[str], Any]] = {
    "apply new": lambda space: kube.apply([config("new")], namespace=space),
    "apply changed": lambda space: kube.apply([config("settings", a="changed")], namespace=space),
    "apply a namespace": lambda space: kube.apply(
        [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"{space}-b"}}]
    ),
    "dry_run": lambda space: kube.dry_run([config("settings", a="changed")], namespace=space),
    "delete": lambda space: kube.delete("configmap", "settings", space),
    "delete at once": lambda space: kube.delete("pod", "client", space, wait=False, grace=0),
    "delete a namespace": lambda space: kube.delete("namespace", space, wait=False),
    "patch": lambda space: kube.patch("configmap", "settings", {"data": {"a": "changed"}}, space),
    "cordon": lambda space: kube.cordon("worker"),
    "uncordon": lambda space: kube.uncordon("worker"),
    "drain": lambda space: kube.drain("worker", timeout=1),
    "scale": lambda space: kube.scale("shop", 3, space),
    "pause": lambda space: kube.pause("shop", space),
    "resume": lambda space: kube.resume("shop", space),
    "undo": lambda space: kube.undo("shop", space),
    "restart": lambda space: kube.restart("shop", space),
    "annotate": lambda space: kube.annotate("deployment", "shop", space, changed="yes"),
    "label": lambda space: kube.label("deployment", "shop", space, changed="yes"),
    "temporarily": lambda space: entered(kube.temporarily([PRIORITY])),
    "extended_resource": lambda space: entered(kube.extended_resource("worker", "acplab.dev/seat", 1)),
    "exec": lambda space: kube.exec("client", ["storefront", "get", "http://127.0.0.1:8080/admin/errors"], space),
}


@pytest.fixture(scope="module")
def space(cluster) -> Iterator[str]:
    """A namespace of the real cluster with something in it that each verb could change."""
    name = f"t-safety-{secrets.token_hex(3)}"
    kube.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}])
    kube.apply([config("settings", a="1"), SHOP, POD], namespace=name)
    kube.wait("deployment", "shop", namespace=name)
    kube.wait("pod", "client", namespace=name)
    yield name
    kube.delete("namespace", name, wait=False)


@pytest.fixture(autouse=True)
def our_own_cluster_afterwards(cluster) -> Iterator[None]:
    """Whatever a test has turned the client to, the next one speaks to the real cluster."""
    ours = cluster.kubeconfig
    yield
    connection.use(ours)


def state(space: str) -> dict[str, Any]:
    """What is in the namespace, without what the cluster itself changes at any time."""
    found = {
        f"{kind}/{one['metadata']['name']}": {
            "metadata": {
                key: value for key, value in one["metadata"].items() if key not in ("resourceVersion", "managedFields")
            },
            "body": one.get("spec") or one.get("data"),
        }
        for kind in ("configmap", "deployment", "replicaset", "pod")
        for one in kube.list(kind, namespace=space)
    }
    return found | {"namespace": kube.exists("namespace", f"{space}-b")}


def refusals(space: str) -> dict[str, str]:
    """What each verb said; one that did not refuse says nothing."""
    said = {}
    for verb, write in WRITES.items():
        try:
            write(space)
            said[verb] = "it was done"
        except AcplabError as error:
            said[verb] = error.sentence
    return said


def assert_all_refuse(space: str, reason: str) -> None:
    said = refusals(space)
    assert {verb: words for verb, words in said.items() if not words.startswith(REFUSAL)} == {}
    assert {verb: words for verb, words in said.items() if reason not in words} == {}


# --- our own cluster, one node without its label --------------------------------------------------------------------------


def as_docker_does(cluster, *words: str) -> None:
    """kubectl inside of the node, behind acplab's back."""
    node = f"{cluster.name}-control-plane"
    docker.run("exec", node, "kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf", *words)


@contextmanager
def without_label(cluster, node: str) -> Iterator[None]:
    # The lock, since somebody who repairs the cluster at this moment would take it for a stranger's.
    with FileLock(paths.home() / "cluster-small.lock").acquire(timeout=60):
        try:
            as_docker_does(cluster, "label", "node", node, f"{safety.LABEL}-")
            yield
        finally:
            as_docker_does(cluster, "label", "node", node, f"{safety.LABEL}={paths.instance()}", "--overwrite")


@pytest.mark.alone
def test_a_node_without_our_label(cluster, space):
    before = state(space)
    node = f"{cluster.name}-worker"
    with without_label(cluster, node):
        said = refusals(space)
    assert {verb for verb, words in said.items() if not words.startswith(REFUSAL)} == set()
    assert all(f"node {node} has {safety.LABEL}=None" in words for words in said.values())
    assert state(space) == before


# --- our own cluster behind a proxy that lies about its nodes -----------------------------------------------------------------


class Requests(list[str]):
    """ "METHOD path" of each request that a server got."""

    @property
    def writes(self) -> list[str]:
        """Dry runs change nothing, but a stranger's cluster is not even asked for one."""
        return [one for one in self if not one.startswith("GET ") or "/exec" in one]


@contextmanager
def served(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


class Answering(http.server.BaseHTTPRequestHandler):
    """Hands every request to answer()."""

    protocol_version = "HTTP/1.1"

    def answer(self, method: str, body: bytes) -> tuple[int, bytes]:
        raise NotImplementedError

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, said = self.answer(self.command, body)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any

    def log_message(self, *_: Any) -> None:
        """Not onto the terminal."""


def same_names(cluster, server: str) -> str:
    """Our kubeconfig word for word, context and all, but with another server."""
    ours = yaml.safe_load(cluster.kubeconfig.read_text())
    for one in ours["clusters"]:
        one["cluster"] = {"server": server}
    return yaml.safe_dump(ours)


@contextmanager
def proxied(cluster, folder, change: Callable[[list[Object]], list[Object]]) -> Iterator[Requests]:
    """Let kube speak to the real API server through one that changes the list of nodes."""
    connection.use(cluster.kubeconfig)
    real = connection.client().client.configuration
    pool = urllib3.PoolManager(ca_certs=real.ssl_ca_cert, cert_file=real.cert_file, key_file=real.key_file)
    requests = Requests()

    class Proxy(Answering):
        def answer(self, method: str, body: bytes) -> tuple[int, bytes]:
            requests.append(f"{method} {self.path}")
            passed = {key: self.headers[key] for key in ("Accept", "Content-Type") if key in self.headers}
            got = pool.request(method, real.host + self.path, headers=passed, body=body or None)
            said = got.data
            if method == "GET" and self.path.split("?")[0] == "/api/v1/nodes":
                listed = json.loads(said)
                said = json.dumps(listed | {"items": change(listed["items"])}).encode()
            return got.status, said

    with served(Proxy) as address:
        (folder / "kubeconfig").write_text(same_names(cluster, address))
        connection.use(folder / "kubeconfig")
        yield requests


def changed(key: str, value: str | None, which: int) -> Callable[[list[Object]], list[Object]]:
    """A change of one node: its providerID, or our label on it."""

    def change(nodes: list[Object]) -> list[Object]:
        node = nodes[which]
        if key == "providerID":
            node["spec"][key] = value
        else:
            node["metadata"]["labels"] |= {key: value}
            if value is None:
                del node["metadata"]["labels"][key]
        return nodes

    return change


LIES = {
    "all nodes are a cloud's": (
        lambda nodes: [one | {"spec": {"providerID": "aws:///eu-central-1a/i-0abc"}} for one in nodes],
        "'aws:///eu-central-1a/i-0abc'",
    ),
    "the first is a cloud's": (changed("providerID", "cn-hangzhou.i-bp1", 0), "'cn-hangzhou.i-bp1'"),
    "the last is a cloud's": (changed("providerID", "gce://p/z/n", -1), "'gce://p/z/n'"),
    "one has no provider": (changed("providerID", "", 1), "''"),
    "one lacks our label": (changed(safety.LABEL, None, -1), f"{safety.LABEL}=None"),
    "one is a learner's": (changed(safety.LABEL, "course", 1), f"{safety.LABEL}=course"),
    "there are none": (lambda nodes: [], "it shows no nodes"),
}


@pytest.mark.parametrize("lie", LIES)
def test_what_the_server_says_of_its_nodes_counts(cluster, space, tmp_path, lie):
    change, reason = LIES[lie]
    before = state(space)
    with proxied(cluster, tmp_path, change) as requests:
        assert_all_refuse(space, reason)
        assert kube.exists("configmap", "settings", space)
    assert requests
    assert requests.writes == []
    connection.use(cluster.kubeconfig)
    assert state(space) == before


def test_through_an_honest_proxy_the_writes_arrive(cluster, space, tmp_path):
    """Otherwise the test above would prove nothing."""
    with proxied(cluster, tmp_path, lambda nodes: nodes) as requests:
        kube.apply([config("arrived")], namespace=space)
        kube.delete("configmap", "arrived", space)
    assert [one.split()[0] for one in requests.writes] == ["PATCH", "PATCH", "DELETE"]


def test_a_cluster_that_changes_hands_between_two_writes(cluster, space, tmp_path):
    """The nodes are asked before each write, not once."""
    lies: list[bool] = []

    def change(nodes: list[Object]) -> list[Object]:
        return [one | {"spec": {"providerID": "aws:///i-1"}} for one in nodes] if lies else nodes

    with proxied(cluster, tmp_path, change):
        kube.annotate("configmap", "settings", space, first="yes")
        lies.append(True)
        with pytest.raises(AcplabError, match=REFUSAL):
            kube.annotate("configmap", "settings", space, second="yes")
    connection.use(cluster.kubeconfig)
    assert kube.get("configmap", "settings", space)["metadata"]["annotations"] == {"first": "yes"}


# --- another server under the name of our context -----------------------------------------------------------------------------------


def kinds(group_version: str, *named: tuple[str, str, bool]) -> Object:
    verbs = ["get", "list", "create", "patch", "delete"]
    resources = [
        {"kind": kind, "name": name, "singularName": kind.lower(), "namespaced": namespaced, "verbs": verbs}
        for kind, name, namespaced in named
    ]
    return {"kind": "APIResourceList", "groupVersion": group_version, "resources": resources}


V1 = {"groupVersion": "apps/v1", "version": "v1"}
STRANGER: dict[str, Object] = {
    "/version": {"major": "1", "minor": "33", "gitVersion": "v1.33.1-aliyun.1"},
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "groups": [{"name": "apps", "versions": [V1], "preferredVersion": V1}]},
    "/api/v1": kinds(
        "v1",
        ("Node", "nodes", False),
        ("Namespace", "namespaces", False),
        ("ConfigMap", "configmaps", True),
        ("Pod", "pods", True),
    ),
    "/apis/apps/v1": kinds("apps/v1", ("Deployment", "deployments", True), ("ReplicaSet", "replicasets", True)),
}


def stranger_node(**labels: str) -> Object:
    return {"metadata": {"name": "i-bp1", "labels": labels}, "spec": {"providerID": "aws:///eu-central-1a/i-0abc"}}


@contextmanager
def stranger(nodes: list[Object] | int) -> Iterator[tuple[str, Requests]]:
    """A server that plays a cluster with these nodes, or refuses to list them with this status."""
    requests = Requests()

    class Played(Answering):
        def answer(self, method: str, body: bytes) -> tuple[int, bytes]:
            requests.append(f"{method} {self.path}")
            path = self.path.split("?")[0]
            if path == "/api/v1/nodes" and isinstance(nodes, int):
                return nodes, json.dumps({"kind": "Status", "message": "nodes is forbidden", "code": nodes}).encode()
            said = STRANGER | {
                "/api/v1/nodes": {"apiVersion": "v1", "kind": "NodeList", "metadata": {}, "items": nodes}
            }
            return (200, json.dumps(said[path]).encode()) if path in said else (200, b'{"metadata": {}}')

    with served(Played) as address:
        yield address, requests


@pytest.mark.parametrize("labels", [{}, {safety.LABEL: "test"}], ids=["plain", "with-our-label"])
def test_a_clouds_cluster_under_the_name_of_our_context(cluster, tmp_path, labels):
    with stranger([stranger_node(**labels)]) as (address, requests):
        (tmp_path / "kubeconfig").write_text(same_names(cluster, address))
        connection.use(tmp_path / "kubeconfig")
        assert_all_refuse("default", "'aws:///eu-central-1a/i-0abc'")
    assert "GET /api/v1/nodes" in requests
    assert requests.writes == []


def test_our_file_rewritten_while_a_notebook_runs(cluster, space, tmp_path, monkeypatch):
    """Same path, same context, another server: as when somebody else's kind takes the port, or a file is copied."""
    ours = cluster.kubeconfig
    shutil.copy(paths.home() / "owner-id", tmp_path)  # the same owner at another place
    monkeypatch.setenv("ACPLAB_HOME", str(tmp_path))
    connection.kubeconfig("small").parent.mkdir(parents=True)
    shutil.copy(ours, connection.kubeconfig("small"))
    connection.use(connection.kubeconfig("small"))
    kube.annotate("configmap", "settings", space, still="ours")
    before = state(space)
    with stranger([stranger_node()]) as (address, requests):
        connection.kubeconfig("small").write_text(same_names(cluster, address))
        assert_all_refuse(space, "'aws:///eu-central-1a/i-0abc'")
        assert requests.writes == []
    connection.use(ours)
    assert state(space) == before


@pytest.mark.parametrize("status", [401, 403, 500])
def test_a_server_that_does_not_show_its_nodes_is_not_written_to(cluster, tmp_path, status):
    with stranger(status) as (address, requests):
        (tmp_path / "kubeconfig").write_text(same_names(cluster, address))
        connection.use(tmp_path / "kubeconfig")
        assert "it was done" not in refusals("default").values()
    assert requests.writes == []


def test_the_learners_cluster_is_foreign_to_the_tests(cluster, space, monkeypatch):
    """And the tests' to a learner."""
    before = state(space)
    monkeypatch.setenv("ACPLAB_INSTANCE", "course")
    assert_all_refuse(space, f"{safety.LABEL}=test")
    assert state(space) == before


def test_every_writing_verb_is_tried_here():
    reads = {"get", "list", "find", "exists", "events", "logs", "wait", "api_resources"}
    of_this_machine = {
        "Applied",
        "MACHINES",
        "Object",
        "Objects",
        "read_manifests",
        "show_commands",
    }
    assert {verb.split()[0] for verb in WRITES} == set(kube.__all__) - reads - of_this_machine
