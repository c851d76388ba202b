"""The gate before every change: what counts is what the API server says of its own nodes."""

from __future__ import annotations

import pytest
from acplab.base.errors import AcplabError
from acplab.kube import client as connection
from acplab.kube import ownership as safety


def node(name="node-1", provider="kind://docker/acplab-test-small/node-1", **labels):
    return {"metadata": {"name": name, "labels": labels}, "spec": {"providerID": provider}}


OURS = {safety.LABEL: "test"}


@pytest.fixture(autouse=True)
def instance(monkeypatch):
    monkeypatch.setenv("ACPLAB_INSTANCE", "test")


def refusal(*nodes) -> AcplabError:
    with pytest.raises(AcplabError) as told:
        safety.refuse_foreign(list(nodes))
    assert "nothing was changed" in told.value.sentence
    assert "./acplab start" in told.value.remedy
    return told.value


def test_a_cluster_of_ours_passes():
    safety.refuse_foreign([node("a", **OURS), node("b", **OURS)])


def test_the_label_that_is_given_is_the_label_that_is_wanted():
    safety.refuse_foreign([node(**safety.label())])


def test_no_nodes():
    assert "no nodes" in refusal().sentence


@pytest.mark.parametrize(
    "provider",
    [
        "aws:///eu-central-1a/i-0abc",
        "cn-hangzhou.i-bp1",
        "",
        "k3s://node-1",
        "docker://kind://x",
        " kind://x",
        "KIND://x",
    ],
)
def test_a_node_that_kind_did_not_make(provider):
    said = refusal(node(provider=provider, **OURS)).sentence
    assert "node-1" in said
    assert repr(provider) in said


@pytest.mark.parametrize("spec", [{}, {"providerID": None}])
def test_a_node_without_a_provider(spec):
    refusal({"metadata": {"name": "node-1", "labels": OURS}, "spec": spec})


def test_a_node_without_a_spec():
    refusal({"metadata": {"name": "node-1", "labels": OURS}})


def test_a_kind_cluster_of_somebody_else():
    assert safety.LABEL in refusal(node()).sentence


@pytest.mark.parametrize("labels", [None, {}])
def test_a_node_without_any_labels(labels):
    one = node()
    one["metadata"]["labels"] = labels
    refusal(one)
    del one["metadata"]["labels"]
    refusal(one)


@pytest.mark.parametrize("instance", ["course", "", "Test", "test2"])
def test_a_cluster_of_another_instance(instance):
    assert f"={instance}" in refusal(node(**{safety.LABEL: instance})).sentence


def test_a_learners_cluster_is_foreign_to_the_tests_and_the_other_way_round(monkeypatch):
    monkeypatch.delenv("ACPLAB_INSTANCE")
    safety.refuse_foreign([node(**{safety.LABEL: "course"})])
    refusal(node(**OURS))


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("stranger", [node("odd"), node("odd", "aws:///i-1", **OURS)], ids=["label", "provider"])
def test_one_foreign_node_among_ours_is_enough(place, stranger):
    nodes = [node("a", **OURS), node("b", **OURS)]
    nodes.insert(place, stranger)
    assert "node odd" in refusal(*nodes).sentence


def test_the_guard_asks_the_api_server_in_use_each_time(monkeypatch):
    answers = [[node(**OURS)], [node("moved")]]
    monkeypatch.setattr(connection, "resource", lambda kind: kind)
    monkeypatch.setattr(connection, "items", lambda kind: answers.pop(0) if kind == "node" else [])
    connection.require_own_cluster()
    with pytest.raises(AcplabError, match="node moved"):
        connection.require_own_cluster()
