"""Requests that a Pod sends."""

from __future__ import annotations

import json

import pytest
from acplab import kube, measure
from acplab.base.errors import AcplabError


@pytest.mark.parametrize(
    ("said", "counted"),
    [
        ("200 eci {}\n200 ecs {}\n200 eci {}\n", {"eci": 2, "ecs": 1}),
        ("200 v1 {}\n503 ? no\n200 v1 {}\n", {"http 503": 1, "v1": 2}),
        ("", {}),
    ],
)
def test_answers_are_counted_by_version(said, counted, monkeypatch):
    asked = []
    monkeypatch.setattr(kube, "exec", lambda *words: asked.append(words) or said)
    assert measure.from_pod("pod", "http://shop/", n=3, namespace="ns") == counted
    assert asked == [("pod", ["storefront", "get", "-n", "3", "http://shop/"], "ns")]


class Inside:
    """A Service with ready Pods, of which those that kube-proxy knows answer."""

    def __init__(self, ready: list[str], known: list[set[str]]) -> None:
        self.ready, self.known, self.asked = ready, known, 0

    def list(self, resource, namespace, selector):
        assert (resource, namespace, selector) == ("endpointslice", "ns", "kubernetes.io/service-name=shop")
        ends = [{"conditions": {"ready": True}, "targetRef": {"name": name}} for name in self.ready]
        leaving = {"conditions": {"ready": False}, "targetRef": {"name": "leaves"}}
        return [{"endpoints": ends}, {"endpoints": [leaving]}, {"endpoints": None}]

    def get(self, resource, name, namespace):
        if name != "asker":
            raise AcplabError(f"Pod {name} not found in namespace {namespace}.", "Look.")

    def exec(self, pod, words, namespace):
        assert words == ["storefront", "get", "-n", str(10 * len(self.ready)), "http://shop/"]
        known = self.known[min(self.asked, len(self.known) - 1)]
        self.asked += 1
        if not known:
            raise AcplabError("storefront in Pod asker ended with code 1: connection refused", "Look.")
        return "".join(f"200 v1 {json.dumps({'pod': name})}\n" for name in known) + "503 v1 no\n"


@pytest.fixture
def inside(monkeypatch):
    def put(ready, *known):
        world = Inside(ready, list(known))
        for verb in ("list", "get", "exec"):
            monkeypatch.setattr(kube, verb, getattr(world, verb))
        monkeypatch.setattr("acplab.measure.inside.PAUSE_SECONDS", 0)
        return world

    return put


def test_settled_is_a_service_of_which_every_ready_pod_has_answered(inside):
    world = inside(["a", "b"], set(), {"a"}, {"b"}, {"a", "b"})
    measure.settle("asker", "shop", "ns")
    assert world.asked == 3


def test_not_settled_names_the_pods_that_are_silent(inside):
    inside(["a", "b", "c"], {"b"})
    with pytest.raises(AcplabError, match="Service shop: no answer from a, c within") as told:
        measure.settle("asker", "shop", "ns", seconds=0.01)
    assert "kubectl get endpointslices -l kubernetes.io/service-name=shop" in str(told.value)


def test_a_service_without_ready_pods_is_not_asked(inside):
    world = inside([], {"a"})
    with pytest.raises(AcplabError, match="Service shop has no ready Pod after"):
        measure.settle("asker", "shop", "ns", seconds=0.01)
    assert world.asked == 0


def test_a_pod_that_is_not_there_is_told_at_once(inside):
    world = inside(["a"], {"a"})
    with pytest.raises(AcplabError, match="Pod nobody not found"):
        measure.settle("nobody", "shop", "ns")
    assert world.asked == 0
