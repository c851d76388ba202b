"""What a cluster has for a while only: it is taken back, also after an error, and what is not ours stays."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from acplab.base.errors import AcplabError
from acplab.kube import client, kubectl, lending, verbs

CLASS = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "night"}, "value": -20}
NODE = "acplab-dev-small-worker"


@pytest.fixture
def cluster(monkeypatch):
    """A cluster whose nodes and classes are lists: patched, applied, deleted; found: what is there already."""
    told = SimpleNamespace(patched=[], applied=[], deleted=[], found=None, own=True)

    def require_own():
        if not told.own:
            raise AcplabError("not ours", "leave it")

    def patch(kind, body, name, content_type, **_options):
        told.patched.append((kind, name, body, content_type))

    kinds = {"PriorityClass": False, "ConfigMap": True}
    monkeypatch.setattr(
        lending,
        "resource",
        lambda kind, version=None: SimpleNamespace(
            kind=kind, namespaced=kinds.get(kind, False), subresources={"status": "node/status"}
        ),
    )
    monkeypatch.setattr(client, "require_own_cluster", require_own)
    monkeypatch.setattr(client, "client", lambda: SimpleNamespace(patch=patch))
    monkeypatch.setattr(client, "find", lambda kind, name, namespace: told.found)
    monkeypatch.setattr(verbs, "get", lambda kind, name, namespace=None: {})
    monkeypatch.setattr(verbs, "apply", lambda objects: told.applied.extend(objects))
    monkeypatch.setattr(verbs, "delete", lambda kind, name, wait: told.deleted.append((kind, name)))
    return told


def test_a_node_offers_a_resource_while_the_block_runs(cluster):
    with lending.extended_resource(NODE, "acplab.dev/seat", 2):
        ((kind, name, body, content_type),) = cluster.patched
        assert (kind, name, content_type) == ("node/status", NODE, "application/merge-patch+json")
        assert body["status"]["capacity"] == body["status"]["allocatable"] == {"acplab.dev/seat": "2"}
    assert cluster.patched[1][2] == {
        "status": {"capacity": {"acplab.dev/seat": None}, "allocatable": {"acplab.dev/seat": None}}
    }


def test_it_is_taken_back_after_an_error(cluster):
    with pytest.raises(ZeroDivisionError), lending.extended_resource(NODE, "acplab.dev/seat", 2):
        raise ZeroDivisionError
    assert len(cluster.patched) == 2


@pytest.mark.parametrize(
    ("name", "units"), [("cpu", 2), ("seat", 2), ("kubernetes.io/seat", 2), ("a.kubernetes.io/b", 2), ("a.dev/b", 0)]
)
def test_a_resource_that_is_not_ours_to_offer(cluster, name, units):
    with pytest.raises(AcplabError, match="cannot be offered"), lending.extended_resource(NODE, name, units):
        pass
    assert cluster.patched == []


def test_nothing_is_offered_on_a_cluster_that_is_not_ours(cluster):
    cluster.own = False
    with pytest.raises(AcplabError, match="not ours"), lending.extended_resource(NODE, "acplab.dev/seat", 1):
        pass
    assert cluster.patched == []


def test_an_object_is_there_while_the_block_runs(cluster):
    with lending.temporarily([CLASS]):
        assert [one["metadata"]["labels"] for one in cluster.applied] == [{lending.LENT: "true"}]
        assert cluster.deleted == []
    assert cluster.deleted == [("PriorityClass", "night")]


def test_an_object_goes_after_an_error_and_one_of_ours_is_taken_over(cluster):
    cluster.found = {"metadata": {"labels": {lending.LENT: "true"}}}
    with pytest.raises(ZeroDivisionError), lending.temporarily([CLASS]):
        raise ZeroDivisionError
    assert cluster.deleted == [("PriorityClass", "night")]


def test_an_object_of_somebody_else_is_left_alone(cluster):
    cluster.found = {"metadata": {}}
    with pytest.raises(AcplabError, match="already, and it is not ours"), lending.temporarily([CLASS]):
        pass
    assert cluster.applied == cluster.deleted == []


def test_an_object_of_a_namespace_is_refused(cluster):
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "prices"}}
    with pytest.raises(AcplabError, match="belongs to a namespace"), lending.temporarily([config]):
        pass
    assert cluster.applied == cluster.deleted == []


def test_the_line_that_does_the_same(monkeypatch):
    monkeypatch.setattr(kubectl, "resource", lambda kind: SimpleNamespace(kind="Node", name="nodes", namespaced=False))
    monkeypatch.setattr(kubectl, "_join", lambda *words: " ".join(words))
    line = kubectl.extended_resource(NODE, "acplab.dev/seat", 2)
    assert line.startswith(f"patch node {NODE} --subresource=status --type merge -p")
