"""Faults and drills on a real cluster of three control planes: what they do, and that each is undone.

The cluster is the one that chapter 03 and its labs have used before; it stays for whoever comes next.
"""

from __future__ import annotations

import os
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
KILLS = int(os.environ.get("ACPLAB_KILLS", "4"))
DRILL = """
from acplab import cluster, drills, faults
ha = cluster.recorded("ha")
fault = faults.disconnect({node!r}) + faults.pause({node!r})
drills.conduct(fault, [drills.nodes(ha), drills.etcd(ha), drills.dns(ha, {node!r})], before=0.5, seconds=2, after=1)
"""
KILLED_WITHIN = 4.0  # seconds from the moment in which the fault is written down: two of them are the drill's own
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
      terminationGracePeriodSeconds: 1
      containers: [{name: shop, image: "docker.io/acplab/storefront:1.0.0", imagePullPolicy: IfNotPresent}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: drilled}
spec: {maxUnavailable: ${allowed}, selector: {matchLabels: {app: drilled}}}
"""


@pytest.fixture
def ha():
    """It works when a test begins: after a lost quorum a busy machine takes a while."""
    return clusters.ensure("ha")


@pytest.fixture
def workers(ha):
    return [node for node in ha.nodes if "worker" in node]


@pytest.fixture
def shop(ha):
    """The file of a Deployment of three with a budget, removed afterwards."""
    yield SHOP
    ha.kube.delete("deployment", "drilled", "default")
    ha.kube.delete("poddisruptionbudget", "drilled", "default")


@pytest.fixture
def mark(ha):
    """Who still finds it has the same cluster, not a new one."""
    ha.kube.apply(MARK, "default")
    yield lambda: ha.kube.exists("configmap", "mark", "default")
    ha.kube.delete("configmap", "mark", "default")


def pressed_pod(name: str, node: str, memory: str | None) -> dict:
    """A Pod on this node that uses some megabytes, and has asked for so much memory, or for nothing."""
    resources = {"requests": {"memory": memory}} if memory else {}
    image = "docker.io/acplab/storefront:1.0.0"
    container = {"name": "c", "image": image, "imagePullPolicy": "IfNotPresent", "resources": resources}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": "pressed"}},
        "spec": {"nodeName": node, "terminationGracePeriodSeconds": 1, "containers": [container]},
    }


def left_on(node: str) -> str:
    """What a drill has left on a node, some seconds later: a loop ends when its last question is answered."""
    for _try in range(20):
        if not (found := _left_on(node)):
            break
        time.sleep(0.25)
    return found


def _left_on(node: str) -> str:
    """Its chains of iptables, and the loops of its probes."""
    chains = docker.run("exec", node, "iptables", "-t", "raw", "-S")
    loops = docker.run("exec", node, "ps", "-eo", "args")
    found = [line for line in (chains + loops).splitlines() if "ACPLAB" in line or "while read -r _" in line]
    return "\n".join(found)


def test_a_paused_leader_costs_seconds_and_another_member_leads(ha):
    node = drills.leader(ha)
    watching = [drills.api(ha), drills.etcd(ha), drills.dns(ha, node)]
    report = drills.conduct(faults.pause(node), watching, seconds=12, before=2, after=4)
    others = [thing for thing in report.states("etcd").things if not node.endswith(thing)]
    assert report.seconds_to("etcd", "leader", things=others) < 10, report
    assert report.seconds_to("etcd", "no answer", things=[ha.short(node)]) < 6, report
    assert report.seconds_to("dns", "no answer") < 6, report
    assert report.requests("api").samples[-1].ok, report
    assert report.down("api") < 15, report
    assert left_on(node) == ""


def test_two_of_three_members_lost_is_no_quorum_and_it_comes_back(ha, mark):
    planes = [node for node in ha.nodes if "control-plane" in node]
    report = drills.conduct(faults.pause(*planes[:2]), [drills.api(ha)], seconds=12, before=2, after=2)
    broken = [one for one in report.requests("api") if report.broken + 3 < one.t < report.undone - 6]
    assert broken, report
    assert not any(one.ok for one in broken), report
    clusters.ensure("ha")
    assert mark(), "it was recreated"


def test_a_disconnected_node_answers_nobody_until_it_is_connected_again(ha, workers):
    address = ha.addresses[workers[0]]
    ask = ("exec", workers[1], "ping", "-c", "1", "-W", "1", address)
    with journal.broken(faults.disconnect(workers[0])), pytest.raises(AcplabError):
        docker.run(*ask)
    docker.run(*ask)
    assert left_on(workers[0]) == ""


def test_a_cut_zone_is_whole_inside(ha):
    inside = faults.nodes_of_zone(ZONE, ha)
    outside = next(node for node in ha.nodes if node not in inside)
    with journal.broken(faults.cut_zone(ZONE)):
        docker.run("exec", inside[0], "ping", "-c", "1", "-W", "1", ha.addresses[inside[1]])
        with pytest.raises(AcplabError):
            docker.run("exec", inside[0], "ping", "-c", "1", "-W", "1", ha.addresses[outside])
    assert "".join(map(left_on, inside)) == ""


def test_a_kubelet_under_memory_pressure_evicts_who_asked_for_least_and_has_its_file_back(ha, workers):
    file = ("exec", workers[0], "cat", faults.KUBELET)
    before = docker.run(*file)
    requests = {"nothing": None, "little": "4Mi", "enough": "64Mi"}
    for name, memory in requests.items():
        ha.kube.apply(pressed_pod(name, workers[0], memory), "default")
    try:
        for name in requests:
            ha.kube.wait("pod", name, namespace="default")
        watching = [drills.pods(ha, "default", "app=pressed", every=0.5)]
        report = drills.conduct(faults.press_memory(workers[0]), watching, before=1, seconds=25, after=1)
        failed = {name: report.seconds_to("pods", "Failed", things=[name]) for name in requests}
        assert failed["nothing"] is not None, report
        assert failed["nothing"] <= (failed["little"] or 60) <= (failed["enough"] or 60), report
        assert ha.kube.get("pod", "nothing", "default")["status"]["reason"] == "Evicted", report
    finally:
        for name in requests:
            ha.kube.delete("pod", name, "default")
    assert docker.run(*file) == before


def test_a_share_of_the_packets_is_lost(ha, workers):
    with journal.broken(faults.lose(0.5, workers[0])):
        said = subprocess.run(
            ["docker", "exec", workers[1], "ping", "-c", "60", "-i", "0.05", "-W", "1", ha.addresses[workers[0]]],
            capture_output=True, text=True, check=False, timeout=60,
        ).stdout  # fmt: skip
    lost = 60 - int(said.split(" received")[0].split()[-1])
    assert 20 <= lost <= 58, said  # there and back: three of four, by chance


def test_a_static_pod_is_away_and_back(ha):
    plane = next(node for node in ha.nodes if "control-plane" in node)
    with journal.broken(faults.stop_static_pod("kube-scheduler", plane)):
        assert "kube-scheduler.yaml" not in docker.run("exec", plane, "ls", faults.MANIFESTS)
    assert "kube-scheduler.yaml" in docker.run("exec", plane, "ls", faults.MANIFESTS)


def test_drain_respects_budgets_and_the_node_is_uncordoned(ha, shop):
    ha.kube.apply(shop, "default", allowed="0")
    ha.kube.wait("deployment", "drilled", namespace="default", timeout=60)
    node = ha.kube.list("pod", "default", "app=drilled")[0]["spec"]["nodeName"]
    with pytest.raises(AcplabError, match="disruption budget"), journal.broken(faults.drain(node, 2)):
        pytest.fail("nothing may be evicted")
    ha.kube.apply(shop, "default", allowed="3")
    with journal.broken(faults.drain(node, 90)):
        assert ha.kube.get("node", node)["spec"]["unschedulable"]
        assert all(one["spec"].get("nodeName") != node for one in ha.kube.list("pod", "default", "app=drilled"))
    assert "unschedulable" not in ha.kube.get("node", node)["spec"]


def test_a_deleted_node_comes_back_as_it_was(ha, workers):
    def known(node: dict) -> tuple:
        return node["metadata"]["labels"], node["spec"]["podCIDR"], node["spec"]["providerID"]

    before = ha.kube.get("node", workers[0])
    with journal.broken(faults.delete_node(workers[0])):
        assert not ha.kube.exists("node", workers[0])
    assert known(ha.kube.get("node", workers[0])) == known(before)


def test_a_process_killed_at_a_random_moment_leaves_a_whole_cluster(ha, workers):
    broken = 0
    for _kill in range(KILLS):
        process = subprocess.Popen([sys.executable, "-c", DRILL.format(node=workers[0])])
        while not journal.entries():
            assert process.poll() is None, "it has broken nothing"
            time.sleep(0.01)
        time.sleep(random.uniform(0, KILLED_WITHIN))
        process.send_signal(signal.SIGKILL)
        process.wait()
        broken += bool(journal.entries())
        deadline = time.monotonic() + 90
        while journal.entries() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert journal.entries() == []
        assert nodes.states(ha.name)[workers[0]] == "running"
        assert left_on(workers[0]) == ""
    print(f"{broken} of {KILLS} were killed while something was broken; all were healed")


def test_all_stopped_and_started_with_other_addresses_is_the_same_cluster(ha, mark):
    """As after a boot, when Docker hands addresses out in another order; etcd and the certificates know the old ones."""
    before = nodes.addresses(ha.name)
    names = sorted(before, key=before.get)
    docker.run("stop", "--time", "5", *names)
    for name in names:
        docker.run("network", "disconnect", "--force", nodes.NETWORK, name)
    for name, address in zip(names, [before[name] for name in reversed(names)], strict=True):
        docker.run("network", "connect", "--ip", address, nodes.NETWORK, name)
        docker.run("start", name)
    assert nodes.addresses(ha.name) != before
    clusters.ensure("ha")
    assert mark()
    assert nodes.addresses(ha.name) == before
