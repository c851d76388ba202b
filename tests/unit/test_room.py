"""Next to or instead of: which clusters run at the same time, by Docker's memory and cores."""

from __future__ import annotations

from pathlib import Path

import pytest
from acplab.cluster import lifecycle, ownership, room
from acplab.cluster.ownership import Container, cluster_name
from acplab.host import docker

SMALL = {"small": 1.3}


@pytest.mark.parametrize(
    ("memory", "cores", "stopped"), [(16, 4, ()), (5.8, 2, ()), (5.6, 8, ("small",)), (16, 1, ("small",))]
)
def test_ha_runs_next_to_small_where_memory_and_cores_allow(memory, cores, stopped):
    decided = room.decide("ha", SMALL, 0, memory, cores)
    assert decided.stopped == stopped
    assert ("instead of small" if stopped else "next to small") in decided.sentence
    assert f"{memory:.1f} GiB" in decided.sentence


def test_ha_makes_room_for_small_again():
    decided = room.decide("small", {"ha": 2.7, "terway": 1.35}, 0, 4, 2)
    assert decided.stopped == ("ha",)
    assert "stopped, not deleted" in decided.sentence


def test_where_nothing_else_runs_there_is_nothing_to_decide():
    assert room.decide("ha", {}, 0, 1, 1) is None


def test_clusters_of_others_count_and_are_never_stopped():
    assert room.decide("ha", SMALL, 0, 8, 4).stopped == ()
    assert room.decide("ha", SMALL, 3, 8, 4).stopped == ("small",)


def test_what_is_not_measured_is_taken_by_its_nodes():
    assert room.need("ha") == 2.7
    assert room.need("terway") == pytest.approx(1.35)


@pytest.fixture
def docker_has(monkeypatch, folders):
    """Profiles of this home that run on a Docker of 4 GiB; the test adds to the list."""
    there = ["small"]

    def containers():
        return [Container(cluster_name(one), f"{one}-node", "running") for one in there]

    monkeypatch.setattr(ownership, "containers", containers)
    monkeypatch.setattr(docker, "daemon", lambda: docker.Daemon("29", "6", Path("/"), 4 * 1024**3, False, 4))
    return there


def test_a_cluster_that_runs_is_left_where_it_is(docker_has):
    assert room.for_cluster("small") is None
    assert room.for_cluster("ha").stopped == ("small",)
    docker_has.append("ha")
    assert room.for_cluster("ha") is None


def test_without_ha_nothing_is_stopped(docker_has):
    assert room.for_cluster("terway") is None


def test_ensure_says_it_and_stops_before_it_makes(docker_has, monkeypatch, capsys):
    done: list[str] = []
    monkeypatch.setattr(lifecycle, "stop", lambda profile: done.append(f"stop {profile}"))
    monkeypatch.setattr(lifecycle, "_ensure", lambda profile, route, ranges: done.append(f"ensure {profile}"))
    lifecycle.ensure("ha")
    assert done == ["stop small", "ensure ha"]
    assert "Cluster ha runs instead of small" in capsys.readouterr().out
