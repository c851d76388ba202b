"""Drills without a cluster: what lanes know, what a report says, and what probes read out of what they are given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from acplab import drills, measure, show
from acplab.base.errors import AcplabError
from acplab.cluster import Cluster, etcd
from acplab.cluster.faults import Fault
from acplab.measure.drills import probes
from acplab.measure.samples import Mark, Sample
from acplab.measure.states import Change, Span, States

FAULT = Fault("pause worker", "ha", ("worker",), (("pause", "worker"),), (("restart", "c", "worker", "172.28.0.2"),))


def states(*readings: tuple[float, dict[str, str]], name: str = "nodes") -> States:
    lane = States(name, 1.0)
    for t, seen in readings:
        lane.read(t, seen)
    return lane


def report(**lanes) -> drills.Report:
    return drills.Report(FAULT, [Mark(5.0, FAULT.title), Mark(65.0, "undone")], lanes)


def traffic(*failed: int, n: int = 100, slow: tuple[int, ...] = ()) -> measure.Traffic:
    """n requests, ten a second."""
    return measure.Traffic(
        [Sample(i / 10, 1500.0 if i in slow else 5.0, error="timeout" if i in failed else None) for i in range(n)], 10
    )


def test_a_reading_that_is_as_before_is_no_change():
    lane = states((0, {"w": "Ready"}), (1, {"w": "Ready"}), (2, {"w": "NotReady"}))
    assert lane.changes == [Change(0, "w", None, "Ready"), Change(2, "w", "Ready", "NotReady")]


def test_what_is_not_read_any_more_is_gone_and_may_come_back():
    lane = states(
        (0, {"a": "Ready", "b": "Ready"}), (1, {"b": "Ready"}), (2, {"b": "Ready"}), (3, {"a": "Ready", "b": "Ready"})
    )
    assert [change for change in lane.changes if change.thing == "a"] == [
        Change(0, "a", None, "Ready"), Change(1, "a", "Ready", "gone"), Change(3, "a", "gone", "Ready"),
    ]  # fmt: skip


def test_spans_cover_the_time_from_the_first_reading_to_the_last():
    lane = states((1, {"w": "Ready"}), (4, {"w": "NotReady"}), (9, {"w": "NotReady"}))
    assert list(lane.spans()) == [Span("w", "Ready", 1, 4), Span("w", "NotReady", 4, 9)]


def test_seconds_count_from_the_fault_and_earlier_changes_do_not():
    lane = states((0, {"w": "NotReady"}), (2, {"w": "Ready"}), (47, {"w": "NotReady"}))
    assert report(nodes=lane).seconds_to("nodes", "NotReady") == 42
    assert report(nodes=lane).seconds_to("nodes", "Gone") is None
    assert report(nodes=lane).seconds_to("nodes", "NotReady", things=["other"]) is None


def test_lost_late_and_down():
    found = report(api=traffic(60, 61, 70, slow=(62,)))
    assert (found.lost("api"), found.late("api")) == (3, 1)
    assert found.down("api") == pytest.approx(1.1)  # from 6.0 s to the good answer at 7.1 s
    assert report(api=traffic()).down("api") == 0


def test_the_share_that_was_lost_while_it_was_broken():
    """Broken from 5 s to 65 s: 50 of 100 requests were sent then, and one was lost before."""
    share = report(api=traffic(10, 60, 61)).share_lost("api")
    assert (share.n, round(share.estimate * share.n)) == (50, 2)


def test_the_words_name_each_lane():
    lane = states((0, {"worker": "Ready"}), (45, {"worker": "NotReady"}))
    text = report(api=traffic(60), nodes=lane).text
    assert "pause worker: broken at 5 s, undone from 65 s on" in text
    assert "api: 100 requests" in text
    assert "40.0 s after the fault: worker Ready → NotReady" in text
    assert "nothing changed" in report(nodes=states((0, {"worker": "Ready"}))).text


def test_a_long_list_of_changes_is_cut_and_that_is_said():
    lane = states(*((t, {"worker": str(t)}) for t in range(6, 30)))
    assert "12 more changes" in report(nodes=lane).text


def test_what_changes_alike_is_one_line():
    lane = states((0, dict.fromkeys("abc", "Ready")), (7, dict.fromkeys("abc", "not read")))
    assert "2.0 s after the fault: all 3 Ready → not read" in report(nodes=lane).text


def test_a_lane_of_the_other_kind_is_a_sentence():
    with pytest.raises(AcplabError, match="no such lane 'nodes'") as said:
        report(nodes=states((0, {})), api=traffic()).lost("nodes")
    assert "api" in said.value.remedy


def test_the_picture_is_drawn_with_all_lanes():
    lane = states((0, {"worker": "Ready"}), (45, {"worker": "NotReady"}), (80, {"worker": "Ready"}))
    figure = show.drill(report(api=traffic(60, slow=(5,)), nodes=lane))
    assert figure.png.startswith(b"\x89PNG")
    assert figure.text == report(api=traffic(60, slow=(5,)), nodes=lane).text


@pytest.mark.parametrize(
    ("seconds", "before", "after", "words"),
    [(0, 5, 5, "seconds must be greater"), (200, 60, 60, "too long"), (10, -1, 5, "before must be greater")],
)
def test_times_that_cannot_be_are_refused_before_anything_breaks(seconds, before, after, words):
    with pytest.raises(AcplabError, match=words):
        drills.conduct(FAULT, [], seconds, before, after)


def test_two_probes_of_one_name_are_refused():
    same = [probes._Readings("pods", dict), probes._Readings("pods", dict)]
    with pytest.raises(AcplabError, match="Two probes are called pods"):
        drills.conduct(FAULT, same)


def test_a_reading_that_fails_is_not_read_for_all_that_was_known():
    answers = iter([{"worker": "Ready"}])

    def read() -> dict[str, str]:
        try:
            return next(answers)
        except StopIteration:
            raise AcplabError("The API server does not answer.", "") from None

    probe = probes._Readings("nodes", read, every=0.05)
    probe.start()
    while len(probe._seen) < 2:
        pass
    probe.stop()
    assert [change.now for change in probe.lane(0).changes] == ["Ready", "not read"]


@pytest.mark.parametrize(
    ("has", "leads", "role"), [(1, 1, "leader"), (1, 0, "follower"), (0, 0, "no leader"), (0, 1, "no leader")]
)
def test_the_role_of_an_etcd_member(has, leads, role):
    text = f"# HELP etcd_server_has_leader ...\netcd_server_has_leader {has}\netcd_server_is_leader {leads}\n"
    assert etcd.role(text) == role


def test_the_state_of_a_node_is_what_kubectl_says():
    node = {"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}, "spec": {"unschedulable": True}}
    assert probes._node_state(node) == "NotReady,SchedulingDisabled"


@pytest.mark.parametrize(("age", "state"), [(5, "renewed"), (30, "overdue")])
def test_a_lease_is_overdue_after_two_missed_renewals(age, state):
    renewed = datetime.now(UTC) - timedelta(seconds=age)
    assert probes._lease_state({"spec": {"renewTime": renewed.isoformat()}}) == state


@pytest.mark.parametrize(
    ("pod", "state"),
    [
        ({"metadata": {"deletionTimestamp": "now"}, "status": {"phase": "Running"}}, "Terminating"),
        (
            {"metadata": {}, "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}},
            "Ready",
        ),
        (
            {"metadata": {}, "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}]}},
            "Running",
        ),
        ({"metadata": {}, "status": {}}, "Pending"),
    ],
)
def test_the_state_of_a_pod(pod, state):
    assert probes._pod_state(pod) == state


@pytest.mark.parametrize(
    ("cluster", "name", "wanted"),
    [
        ("acplab-course-a1b2c3-ha", "acplab-course-a1b2c3-ha-control-plane2", "control-plane2"),
        ("acplab-x-ha", "acplab-x-ha-worker", "worker"),
        ("acplab-x-ha", "mine", "mine"),
        ("acplab-x-ha", "shop-worker", "shop-worker"),
    ],
)
def test_short_names(cluster, name, wanted):
    assert Cluster("ha", cluster, "image", {}).short(name) == wanted
