"""An eviction is asked for at the Pod's own path, as the API wants it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from acplab.base.errors import AcplabError
from acplab.kube import client, draining
from kubernetes.dynamic.resource import Resource

POD = {"metadata": {"name": "shop-1", "namespace": "market", "uid": "u"}}


@pytest.fixture
def asked(monkeypatch):
    """The requests that the library would send: (verb, path, body)."""
    sent: list[tuple] = []
    answers: list[Exception] = []

    def request(verb, path, body=None, **_options):
        sent.append((verb, path, body))
        if answers:
            raise answers.pop()

    library = SimpleNamespace(
        request=request, serialize_body=lambda body: body, ensure_namespace=lambda _kind, namespace, _body: namespace
    )
    eviction = {"eviction": {"kind": "Eviction", "name": "pods/eviction", "namespaced": True}}
    pods = Resource(
        prefix="api", group="", api_version="v1", kind="Pod", name="pods", namespaced=True, verbs=["get"],
        client=library, subresources=eviction,
    )  # fmt: skip
    monkeypatch.setattr(draining, "resource", lambda kind: pods)
    monkeypatch.setattr(client, "require_own_cluster", lambda: None)
    return SimpleNamespace(sent=sent, answers=answers)


def test_the_eviction_names_the_pod(asked):
    draining._evict(POD, deadline=0)
    ((verb, path, body),) = asked.sent
    assert (verb, path) == ("post", "/api/v1/namespaces/market/pods/shop-1/eviction")
    assert body["kind"] == "Eviction"


def test_a_budget_that_says_not_now_is_asked_again(asked, monkeypatch):
    monkeypatch.setattr(draining, "AGAIN", 0)
    asked.answers.append(client.Refused("not now", "", 429))
    draining._evict(POD, deadline=float("inf"))
    assert len(asked.sent) == 2


def test_a_budget_that_never_says_yes_is_named(asked):
    asked.answers.append(client.Refused("Cannot evict pod", "", 429))
    with pytest.raises(AcplabError, match="market/shop-1 was not evicted: Cannot evict pod"):
        draining._evict(POD, deadline=0)
