"""A cluster that an older course has made is brought up to date, and nothing of the learner is lost."""

from __future__ import annotations

import pytest
from acplab import cluster as clusters
from acplab import kube
from acplab.cluster import platform, upgrade
from acplab.course import lab as labs

LAB = "00-hello"
IMAGE = "docker.io/acplab/storefront:1.0.0"
CTR = ("ctr", "--namespace", "k8s.io", "images")
LEFTOVER = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "leftover", "namespace": "ingress", "labels": {platform.LABEL: "true"}},
}


@pytest.fixture
def older(standing, mark, run_docker):
    """The cluster as an older course would have left it: an image less, another platform, and the notes of then."""
    for node in standing.nodes:
        run_docker("exec", node, *CTR, "remove", IMAGE)
    kube.apply([LEFTOVER])
    kube.scale("traefik", 1, "ingress")
    noted = upgrade._noted()
    upgrade._write(
        noted | {"images": "older", "platform": "older", "objects": noted["objects"] + "\nConfigMap/ingress/leftover"}
    )
    return standing


def test_an_older_cluster_is_brought_up_to_date(older, mark, run_docker):
    lab = labs.start(LAB)  # whose first cell is what a learner runs
    assert mark(), "the cluster was recreated"
    for node in older.nodes:
        assert IMAGE in run_docker("exec", node, *CTR, "list", "--quiet").split()
    assert not kube.exists("configmap", "leftover", "ingress")
    assert kube.get("deployment", "traefik", "ingress")["spec"]["replicas"] == 2
    assert not lab.check().passed
    lab.finish()
    noted = upgrade._noted()
    assert clusters.ensure("small") == older
    assert upgrade._noted() == noted
