"""A cluster that is a dict, and a lab in a temporary folder: for tests that need neither for real."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from acplab import cluster, kube
from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.cluster import Cluster
from acplab.course import spec as labfiles
from acplab.kube import client

WITHOUT_NAMESPACE = {"namespace", "node", "ingressclass"}
KINDS = [
    "CustomResourceDefinition",
    "Namespace", "Node", "ConfigMap", "DaemonSet", "Deployment", "EndpointSlice", "Event", "Gateway", "HTTPRoute", "Ingress", "IngressClass", "Lease", "Pod",
    "PodDisruptionBudget", "ReplicaSet", "Secret", "Service",
]  # fmt: skip
SHORT = {"ConfigMap": "cm", "Deployment": "deploy", "Pod": "po", "Service": "svc", "Namespace": "ns"}
VERBS = ["api_resources", "apply", "delete", "events", "exec", "exists", "find", "get", "list", "patch", "wait"]

LAB_YAML = """\
id: 01-shop
title: Open the shop
chapter: 00-welcome
minutes: 5
skills: [apply a file]
hosts: [shop.example.com]
notes: {way: {block: cidr, via: address}, rule: text, zone: {name: [h, i]}, n: int, guess: int, load: traffic}
tasks:
  - {id: open, title: Open the shop, ask: "A Deployment `shop` must exist."}
  - {id: grow, title: Grow the shop, ask: The shop must have three replicas.}
"""

CHECKS_PY = """\
from acplab.grading import Words, at_start, diagnose, expect, hint, task


@at_start
def first_notes(lab):
    return {"pods": len(lab.list("pod"))}


@task("open")
def open_(lab):
    yield expect.met("namespace", lab.exists("namespace", lab.namespace), "it is", "it is")
    found = [one["metadata"]["name"] for one in lab.list("deployment")]
    yield expect.met("shop", "shop" in found, found, "<b>shop</b> & co")


@task("grow")
def grow(lab):
    shop = lab.get("deployment", "shop")
    replicas = shop["spec"]["replicas"] if shop else 0
    yield expect.met("replicas", replicas == 3, replicas, 3, wish="three")


@hint("open")
def deployments(lab):
    return Words("deployments", {"n": len(lab.list("deployment"))})


hint("grow", lambda lab: None, diagnose.say("grow"))
"""

CRITERIA_YAML = """\
criteria:
  namespace: {claim: the namespace is there, why: it holds all, look: kube.list, gate: true}
  shop: {claim: the shop is open, why: customers wait, look: 'kube.list("deployment")'}
  replicas: {claim: "{wish} replicas", why: "load needs {wanted}", look: spec}
hints:
  deployments: ["{n} Deployments are here.", Look at the kind in your file.]
  grow: [Count the replicas., "Which field says how many?"]
"""

SHOP = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec: {replicas: 1}
"""

STOCK = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: stock}
data: {apples: "3"}
"""


@dataclass
class FakeCluster:
    """kube's verbs on a dict. calls: every verb that was used, for tests that want none to write."""

    objects: dict[tuple[str, str, str], dict[str, Any]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    up: bool = True
    broken: dict[str, BaseException] = field(default_factory=dict)  # verb -> what it raises

    def put(self, kind: str, name: str, namespace: str = "", **rest: Any) -> dict[str, Any]:
        metadata = {"name": name, **rest.pop("metadata", {})}
        if namespace:
            metadata["namespace"] = namespace
        one = {"kind": kind, "metadata": metadata, **rest}
        self.objects[kind.lower(), namespace, name] = one
        return one

    # what tests put in the place of cluster.find and cluster.ensure

    def find_cluster(self, profile: str = "small", ranges: Any = None) -> Any:
        if not self.up:
            raise AcplabError("There is no cluster yet.", "Run ./acplab start in a terminal.")
        return Cluster(profile, "fake", "acplab/node:x", {"http": 8080})

    # kube

    def _begin(self, verb: str, what: str) -> None:
        self.calls.append(f"{verb} {what}")
        if verb in self.broken:
            raise self.broken[verb]

    def api_resources(self) -> list[tuple[str, bool]]:
        return [(kind, kind.lower() not in WITHOUT_NAMESPACE) for kind in KINDS]

    def apply(self, source: Any, namespace: str | None = None, **values: str) -> list[kube.Applied]:
        objects = copy.deepcopy(kube.read_manifests(source, **values))
        self._begin("apply", " ".join(one["metadata"]["name"] for one in objects))
        return [self._apply(one, namespace) for one in objects]

    def _apply(self, one: dict[str, Any], namespace: str | None) -> kube.Applied:
        key = self._key(one["kind"], one["metadata"]["name"], one["metadata"].get("namespace", namespace))
        if key[1]:
            one["metadata"]["namespace"] = key[1]
        before = self.objects.get(key)
        self.objects[key] = _merge(before or {}, one)
        action = "created" if before is None else "unchanged" if before == self.objects[key] else "configured"
        return kube.Applied(one["kind"], one["metadata"]["name"], action)

    def _key(self, kind: str, name: str, namespace: str | None) -> tuple[str, str, str]:
        known = _known(kind).lower()
        return known, "" if known in WITHOUT_NAMESPACE else namespace or "default", name

    def get(self, kind: str, name: str, namespace: str | None = None) -> Any:
        found = self.find(kind, name, namespace)
        if found is None:
            place = self._key(kind, name, namespace)[1]
            where = f" in namespace {place}" if place else ""
            raise AcplabError(f"{_known(kind)} {name} not found{where}.", "Check the name.")
        return found

    def list(self, kind: str, namespace: str | None = None, selector: str | None = None) -> Any:
        self._begin("list", kind)
        wanted, place, _name = self._key(kind, "", namespace)
        fitting = [
            one
            for (known, space, _name), one in sorted(self.objects.items())
            if known == wanted and place in (space, "*") and _fits(one, selector)
        ]
        return copy.deepcopy(fitting)

    def find(self, kind: str, name: str, namespace: str | None = None) -> Any:
        self._begin("get", f"{kind} {name}")
        return copy.deepcopy(self.objects.get(self._key(kind, name, namespace)))

    def exists(self, kind: str, name: str, namespace: str | None = None) -> bool:
        return self._key(kind, name, namespace) in self.objects

    def delete(
        self, kind: str, name: str, namespace: str | None = None, wait: bool = True, grace: int | None = None
    ) -> None:
        self._begin("delete", f"{kind} {name}")
        self.objects.pop(self._key(kind, name, namespace), None)
        if kind == "namespace":
            self.objects = {key: one for key, one in self.objects.items() if key[1] != name}

    def patch(self, kind: str, name: str, patch: dict[str, Any], namespace: str | None = None) -> dict[str, Any]:
        self._begin("patch", f"{kind} {name}")
        key = self._key(kind, name, namespace)
        if key not in self.objects:
            raise AcplabError(f'{key[0]}s "{name}" not found', "Check the name.")
        self.objects[key] = _merge(self.objects[key], patch)
        return copy.deepcopy(self.objects[key])

    def wait(
        self, kind: str, name: str, condition: Any = "ready", namespace: str | None = None, timeout: float = 90
    ) -> Any:
        self._begin("wait", f"{kind} {name} {condition}")
        return {}

    def events(self, kind: str, name: str, namespace: str | None = None) -> list[str]:
        return [f"Normal Pulled: {kind} {name}"]

    def exec(self, pod: str, command: list[str], namespace: str | None = None, container: str | None = None) -> str:
        self._begin("exec", " ".join([pod, *command]))
        return "200"

    def names(self, kind: str) -> list[str]:
        return [name for (k, _ns, name) in self.objects if k == kind]


def _known(kind: str) -> str:
    """The kind by one of its names, as the API's discovery would give it."""
    for known in KINDS:
        if kind.lower() in (known.lower(), f"{known.lower()}s", SHORT.get(known)):
            return known
    raise AcplabError(f"The server has no resource type {kind}.", "Check the spelling.")


def _fits(one: dict[str, Any], selector: str | None) -> bool:
    labels = one["metadata"].get("labels") or {}
    pairs = [pair.partition("=") for pair in (selector or "").split(",") if pair]
    return all(key in labels and (not equals or labels[key] == value) for key, equals, value in pairs)


def _merge(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    both = dict(old)
    for key, value in new.items():
        both[key] = _merge(both.get(key) or {}, value) if isinstance(value, dict) else value
    return {key: value for key, value in both.items() if value is not None}


@dataclass
class World:
    """A fake cluster, a checkout in a temporary folder with one lab, and the learner's data beside it."""

    kube: FakeCluster
    root: Path
    lab: Path
    home: Path

    def write(self, path: str, text: str) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file


def build(folder: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Everything that lessons need, none of it real."""
    root, home, fake = folder / "checkout", folder / "home", FakeCluster()
    world = World(fake, root, root / "labs" / "01-shop", home)
    world.write("labs/01-shop/lab.yaml", LAB_YAML)
    world.write("labs/01-shop/checks.py", CHECKS_PY)
    world.write("labs/01-shop/criteria.yaml", CRITERIA_YAML)
    world.write("labs/01-shop/given/shop.yaml", SHOP)
    world.write("labs/01-shop/setup/stock.yaml", STOCK)
    world.write("labs/01-shop/solution/grown.yaml", SHOP.replace("replicas: 1", "replicas: 3"))
    world.write("notebooks/00-welcome.ipynb", "{}")
    world.write("manifests/00-welcome/shop.yaml", SHOP)
    monkeypatch.setattr(paths, "ROOT", root)
    monkeypatch.setenv("ACPLAB_HOME", str(home))
    monkeypatch.delenv("ACPLAB_LANG", raising=False)
    for verb in VERBS:
        monkeypatch.setattr(kube, verb, getattr(fake, verb))
    monkeypatch.setattr(cluster, "find", fake.find_cluster)
    monkeypatch.setattr(cluster, "ensure", fake.find_cluster)
    monkeypatch.setattr(cluster, "recorded", fake.find_cluster)
    monkeypatch.setattr(client, "_used", [])
    assert not labfiles.problems(world.lab)
    return world
