"""The gate before every change: what counts is what the API server says of its own nodes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.kube import client as connection
from acplab.kube import ownership as safety


def node(name="node-1", provider="kind://docker/acplab-test-small/node-1", **labels):
    return {"metadata": {"name": name, "labels": labels}, "spec": {"providerID": provider}}


OWNER = "a1b2c3" + "0" * 26
OURS = {safety.LABEL: "test", safety.OWNER: OWNER}


@pytest.fixture(autouse=True)
def home(folders, monkeypatch):
    monkeypatch.setenv("ACPLAB_INSTANCE", "test")
    file = paths.home() / "owner-id"
    file.write_text(OWNER)
    return file


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
    assert f"={instance}" in refusal(node(**OURS | {safety.LABEL: instance})).sentence


@pytest.mark.parametrize("owner", [None, "", "a1b2c3" + "1" * 26, OWNER.upper()])
def test_a_cluster_of_another_home(owner):
    labels = {key: value for key, value in (OURS | {safety.OWNER: owner}).items() if value is not None}
    assert f"{safety.OWNER}={owner}" in refusal(node(**labels)).sentence


def test_an_owner_id_is_made_once_for_a_home(home, monkeypatch, tmp_path):
    assert safety.owner() == OWNER
    monkeypatch.setenv("ACPLAB_HOME", str(tmp_path / "other"))
    with ThreadPoolExecutor() as pool:
        found = set(pool.map(lambda _: safety.owner(), range(20)))
    assert len(found) == 1
    assert found != {OWNER}
    assert {safety.owner()} == found
    assert [file.name for file in paths.home().iterdir()] == ["owner-id"]


@pytest.mark.parametrize("text", ["", "x", OWNER[:6], "../" + OWNER])
def test_a_broken_owner_id_is_a_sentence_and_no_new_id(home, text):
    home.write_text(text)
    with pytest.raises(AcplabError, match="does not hold an owner id"):
        safety.owner()
    assert home.read_text() == text


def test_a_learners_cluster_is_foreign_to_the_tests_and_the_other_way_round(monkeypatch):
    monkeypatch.delenv("ACPLAB_INSTANCE")
    safety.refuse_foreign([node(**OURS | {safety.LABEL: "course"})])
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
