"""A lab that works on a second cluster: its namespace there, and that nothing of it stays."""

from __future__ import annotations

from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from acplab.course import lab as labs
from fakes import build


@pytest.fixture
def lab(tmp_path, monkeypatch):
    world = build(tmp_path, monkeypatch)
    found = labs.find("01-shop")
    found.lab = found.lab.model_copy(update={"visits": ("pair",)})
    entered = []

    @contextmanager
    def there(profile, **_words):
        entered.append(profile)
        yield SimpleNamespace(name=f"acplab-{profile}", kubeconfig=None)

    monkeypatch.setattr(labs.cluster, "ensure", there)
    monkeypatch.setattr(labs.cluster, "find", there)
    return world, found, entered


def test_a_visit_has_a_namespace_and_finish_removes_it(lab):
    world, found, entered = lab
    with found.on_cluster("pair") as pair:
        assert pair.name == "acplab-pair"
        assert world.kube.exists("namespace", found.namespace)
    said = []
    found._leave_others(said.append)
    assert entered == ["pair", "pair"]
    assert not world.kube.exists("namespace", found.namespace)
    assert said[0].startswith("acplab-pair: Removed the namespace")


def test_where_nothing_is_nothing_is_said(lab):
    _world, found, _entered = lab
    said = []
    found._leave_others(said.append)
    assert said == []


def test_what_is_applied_in_the_block_goes_to_the_other_cluster(lab):
    world, found, entered = lab
    with found.on_cluster("pair"):
        found.apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: there}\n")
    assert entered == ["pair"]  # the lab's own cluster was not entered
    assert world.kube.exists("configmap", "there", found.namespace)
    assert not found._away
