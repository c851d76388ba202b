"""Faults and drills on a real cluster of three control planes: what they do, and that each is undone."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time

import pytest
from acplab import cluster as clusters
from acplab import drills, faults
from acplab.base.errors import AcplabError
from acplab.cluster import journal, nodes
from acplab.host import docker

ZONE = "cn-hangzhou-j"
KILLS = 5
BREAK = """
import time
from acplab import faults
from acplab.cluster import journal
with journal.broken(faults.disconnect({node!r}) + faults.pause({node!r})):
    print("broken", flush=True)
    time.sleep(60)
"""
MARK = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mark"}, "data": {"here": "yes"}}
SHOP = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: drilled}
spec:
  replicas: 3
  selector: {matchLabels: {app: drilled}}
  template:
    metadata: {labels: {app: drilled}}
    spec:
      terminationGracePeriodSeconds: 3
      containers: [{name: shop, image: "docker.io/acplab/storefront:1.0.0", imagePullPolicy: IfNotPresent}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: drilled}
spec: {maxUnavailable: ${allowed}, selector: {matchLabels: {app: drilled}}}
"""


@pytest.fixture(scope="module")
def made():
    """A cluster of the profile ha, for this file alone."""
    yield clusters.ensure("ha")
    clusters.delete("ha")


@pytest.fixture
def ha(made):
    """It works when a test begins: after a lost quorum a busy machine takes a while."""
    return clusters.ensure("ha")


@pytest.fixture
def workers(ha):
    return [node for node in ha.nodes if "worker" in node]


def chains(node: str) -> str:
    return docker.run("exec", node, "iptables", "-t", "raw", "-S")


def leader(ha) -> str:
    """The container whose etcd member leads."""
    roles = drills.etcd(ha)._reading()
    return next(node for node in ha.nodes if roles.get(node.removeprefix(f"{ha.name}-")) == "leader")


def test_a_paused_leader_costs_seconds_and_another_member_leads(ha):
    node = leader(ha)
    report = drills.conduct(faults.pause(node), [drills.api(ha), drills.etcd(ha)], seconds=25, before=3, after=10)
    others = [thing for thing in report.states("etcd").things if not node.endswith(thing)]
    assert report.seconds_to("etcd", "leader", things=others) < 15, report
    assert report.requests("api").samples[-1].ok, report
    assert report.down("api") < 25, report


def test_two_of_three_members_lost_is_no_quorum_and_it_comes_back(ha):
    planes = [node for node in ha.nodes if "control-plane" in node]
    ha.kube.apply(MARK, "default")
    report = drills.conduct(faults.pause(*planes[:2]), [drills.api(ha)], seconds=25, before=3, after=5)
    broken = [one for one in report.requests("api") if report.broken + 6 < one.t < report.undone - 6]
    assert broken, report
    assert not any(one.ok for one in broken), report
    assert clusters.ensure("ha").kube.exists("configmap", "mark", "default"), "it was recreated"


def test_a_disconnected_node_answers_nobody_until_it_is_connected_again(ha, workers):
    address = ha.addresses[workers[0]]
    ask = ("exec", workers[1], "ping", "-c", "1", "-W", "1", address)
    with journal.broken(faults.disconnect(workers[0])), pytest.raises(AcplabError):
        docker.run(*ask)
    docker.run(*ask)
    assert "ACPLAB" not in chains(workers[0])


def test_a_cut_zone_is_whole_inside(ha):
    inside = faults.nodes_of_zone(ZONE, ha)
    outside = next(node for node in ha.nodes if node not in inside)
    with journal.broken(faults.cut_zone(ZONE)):
        docker.run("exec", inside[0], "ping", "-c", "1", "-W", "1", ha.addresses[inside[1]])
        with pytest.raises(AcplabError):
            docker.run("exec", inside[0], "ping", "-c", "1", "-W", "1", ha.addresses[outside])
    assert all("ACPLAB" not in chains(node) for node in inside)


def test_a_share_of_the_packets_is_lost(ha, workers):
    with journal.broken(faults.lose(0.5, workers[0])):
        said = subprocess.run(
            ["docker", "exec", workers[1], "ping", "-c", "60", "-i", "0.05", "-W", "1", ha.addresses[workers[0]]],
            capture_output=True, text=True, check=False,
        ).stdout  # fmt: skip
    lost = 60 - int(said.split(" received")[0].split()[-1])
    assert 20 <= lost <= 58, said  # there and back: three of four, by chance


def test_a_static_pod_is_away_and_back(ha):
    plane = next(node for node in ha.nodes if "control-plane" in node)
    with journal.broken(faults.stop_static_pod("kube-scheduler", plane)):
        assert "kube-scheduler.yaml" not in docker.run("exec", plane, "ls", faults.MANIFESTS)
    assert "kube-scheduler.yaml" in docker.run("exec", plane, "ls", faults.MANIFESTS)


@pytest.mark.parametrize(("allowed", "drained"), [(1, True), (0, False)])
def test_drain_respects_budgets_and_the_node_is_uncordoned(ha, allowed, drained):
    ha.kube.apply(SHOP, "default", allowed=str(allowed))
    ha.kube.wait("deployment", "drilled", namespace="default", timeout=60)
    node = ha.kube.list("pod", "default", "app=drilled")[0]["spec"]["nodeName"]
    if drained:
        with journal.broken(faults.drain(node, 90)):
            assert ha.kube.get("node", node)["spec"]["unschedulable"]
            assert all(one["spec"].get("nodeName") != node for one in ha.kube.list("pod", "default", "app=drilled"))
    else:
        with pytest.raises(AcplabError, match="disruption budget"), journal.broken(faults.drain(node, 3)):
            pytest.fail("nothing may be evicted")
    assert "unschedulable" not in ha.kube.get("node", node)["spec"]


def test_a_process_killed_at_a_random_moment_leaves_a_whole_cluster(ha, workers):
    for _kill in range(KILLS):
        process = subprocess.Popen([sys.executable, "-c", BREAK.format(node=workers[0])])
        time.sleep(random.uniform(0.2, 3))
        process.send_signal(signal.SIGKILL)
        process.wait()
        deadline = time.monotonic() + 60
        while journal.entries() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert journal.entries() == []
        assert nodes.states(ha.name)[workers[0]] == "running"
        assert "ACPLAB" not in chains(workers[0])


def test_all_containers_stopped_and_started_is_the_same_cluster(ha):
    ha.kube.apply(MARK, "default")
    docker.run("stop", "--time", "5", *nodes.states(ha.name))
    again = clusters.ensure("ha")
    assert again.kube.exists("configmap", "mark", "default")
    assert nodes.addresses(ha.name) == ha.addresses
