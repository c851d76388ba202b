"""Whatever happens to the nodes outside of acplab is found, said, and put right."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from acplab import cluster as clusters
from acplab import kube
from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.cluster import nodes
from acplab.kube import client as connection
from interrupts import listen_to_ctrl_c


def entrance_status(cluster) -> int:
    """What the ingress controller says to a request for nobody: 404 when it works."""
    try:
        return urllib.request.urlopen(cluster.ingress_url, timeout=5).status
    except urllib.error.HTTPError as answer:
        return answer.code


def assert_works(cluster) -> None:
    """The API writes, every node is ready, and the entrance answers."""
    kube.apply([{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "works"}}], "default")
    nodes.wait_ready(timeout=60)
    assert entrance_status(cluster) == 404


def test_a_paused_node_is_named_and_set_going_again(standing, mark, worker, run_docker, capsys):
    run_docker("pause", worker)
    with pytest.raises(AcplabError, match=f"{worker} is paused") as told:
        clusters.find("small")
    assert "./acplab start" in told.value.remedy
    again = clusters.ensure("small")
    assert worker in capsys.readouterr().out
    assert mark()
    assert_works(again)


def test_stopped_nodes_start_again_at_their_old_addresses(standing, mark, run_docker):
    before = nodes.addresses(standing.name)
    # Started in another order Docker would hand out other addresses; etcd and the certificates know the old ones.
    run_docker("stop", "--time", "5", *before)
    with pytest.raises(AcplabError, match="is exited"):
        clusters.find("small")
    again = clusters.ensure("small")
    assert nodes.addresses(again.name) == before
    assert mark()
    assert_works(again)


def test_nodes_that_came_back_with_other_addresses_are_moved_back(standing, mark, run_docker):
    before = nodes.addresses(standing.name)
    names = sorted(before, key=before.get)
    run_docker("stop", "--time", "5", *names)
    for name in names:
        run_docker("network", "disconnect", "--force", nodes.NETWORK, name)
    for name, address in zip(names, [before[name] for name in reversed(names)], strict=True):
        run_docker("network", "connect", "--ip", address, nodes.NETWORK, name)
        run_docker("start", name)
    assert nodes.addresses(standing.name) != before
    again = clusters.ensure("small")
    assert nodes.addresses(again.name) == before
    assert mark()
    assert_works(again)


def test_clusters_that_came_back_at_each_others_addresses_are_both_kept(standing, mark, run_docker):
    """As after a boot, when Docker starts all nodes by itself, in an order of its own."""
    other = clusters.ensure("pair")
    with other:
        kube.apply([{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept"}}], "default")
    before = {one.name: nodes.addresses(one.name) for one in (standing, other)}
    every = [name for one in (other, standing) for name in before[one.name]]
    run_docker("stop", "--time", "5", *every)
    for name in every:
        run_docker("network", "disconnect", "--force", nodes.NETWORK, name)
    for name in every:
        run_docker("network", "connect", nodes.NETWORK, name)
        run_docker("start", name)
    ours = set(before[standing.name].values())
    assert ours & set(nodes.addresses(other.name).values())  # the other one has an address of ours

    again = clusters.ensure("small")
    assert nodes.addresses(standing.name) == before[standing.name]
    assert mark()
    assert_works(again)
    with clusters.ensure("pair") as back:
        assert nodes.addresses(back.name) == before[other.name]
        assert kube.exists("configmap", "kept", "default")
    clusters.delete("pair")
    connection.use(again.kubeconfig)


def test_a_node_removed_by_hand_makes_a_new_cluster_and_says_so(standing, mark, worker, run_docker, capsys):
    run_docker("rm", "--force", "--volumes", worker)
    with pytest.raises(AcplabError, match=f"{worker} is gone"):
        clusters.find("small")
    again = clusters.ensure("small")
    assert "recreated" in capsys.readouterr().out
    assert not mark()
    assert again.ports == standing.ports
    assert_works(again)


def start_in_background() -> subprocess.Popen:
    command = [sys.executable, "-m", "acplab", "start", "--no-browser"]
    env = os.environ | {"PYTHONPATH": str(paths.ROOT / "helpers")}
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=env,
        start_new_session=True,
        preexec_fn=listen_to_ctrl_c,
    )


def wait_for_text(file: Path, text: str, process: subprocess.Popen) -> None:
    """Until the log has the text; fails at once if the command ends before."""
    deadline = time.monotonic() + 120
    while text not in (file.read_text() if file.exists() else ""):
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < deadline, f"{text!r} never came into {file}"
        time.sleep(0.2)


def test_ctrl_c_leaves_nothing_half_made_and_start_goes_on(standing, run_docker, capsys):
    run_docker("rm", "--force", "--volumes", *nodes.states(standing.name))
    (paths.logs() / "kind-small.log").unlink(missing_ok=True)
    process = start_in_background()
    wait_for_text(paths.logs() / "kind-small.log", "Starting control-plane", process)
    os.killpg(process.pid, signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "Interrupted" in said
    assert "Traceback" not in said
    assert nodes.states(standing.name) == {}
    with pytest.raises(AcplabError, match="There is no cluster"):
        clusters.find("small")
    again = clusters.ensure("small")
    assert_works(again)


def test_delete_removes_nodes_kubeconfig_and_state(standing):
    kubeconfig = connection.kubeconfig("small")
    assert kubeconfig.exists()
    assert clusters.delete("small")
    assert nodes.states(standing.name) == {}
    assert not kubeconfig.exists()
    assert not clusters.delete("small")
