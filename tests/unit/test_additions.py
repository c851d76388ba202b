"""What a cluster gets later: images of a bundle, and kinds that it did not have."""

from __future__ import annotations

import pytest
from acplab import cluster, images
from acplab.cluster import additions
from acplab.images import catalogue
from fakes import build

CRD = """apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: rollouts.argoproj.io}
spec: {names: {kind: Rollout}}
status: {conditions: [{type: Established, status: "True"}]}
"""


@pytest.fixture
def there(tmp_path, monkeypatch):
    world = build(tmp_path, monkeypatch)
    file = tmp_path / "rollout-crd.yaml"
    file.write_text(CRD)
    monkeypatch.setattr(images, "rollouts_crds", lambda: [file])
    monkeypatch.setattr(images, "load", lambda nodes, name: world.loaded)
    monkeypatch.setattr(additions, "kube", world.kube)
    monkeypatch.setattr(world, "loaded", ["worker"], raising=False)
    one = cluster.Cluster("small", "acplab-small", "node:v1.36.3-x", {"http": 1, "api": 2, "https": 3}, complete=True)
    monkeypatch.setattr(cluster.Cluster, "__enter__", lambda self: self)
    monkeypatch.setattr(cluster.Cluster, "__exit__", lambda *_error: None)
    return world, one


def test_kinds_are_added_once(there):
    world, one = there
    assert "has rollouts now" in cluster.add_on("rollouts", one)
    assert world.kube.exists("customresourcedefinition", "rollouts.argoproj.io")
    world.loaded.clear()
    assert "already" in cluster.add_on("rollouts", one)


def test_a_module_of_which_only_files_are_taken_is_no_program():
    """The CRDs of the Gateway API could not be got from nothing, since it was looked up among the programs."""
    assert (catalogue.module("gateway-api") / "go.mod").is_file()
    assert catalogue.module("podnet") == catalogue.FOLDER
