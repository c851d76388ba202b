"""ECI's arithmetic: sizes, bills, spot instances, peaks and valleys."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from acplab.base.errors import AcplabError
from acplab.topics import eci
from acplab.topics.eci import live, outside
from acplab.topics.eci.sizes import quantity
from hypothesis import given
from hypothesis import strategies as st

SIZES = [eci.Size(cores, memory) for cores, memories in eci.NOW.items() for memory in memories]


def pod(*containers, inits=(), **annotations):
    def made(limits, requests=None, **more):
        return {"resources": {"limits": limits or {}, "requests": requests or {}}, **more}

    return {
        "metadata": {"annotations": annotations},
        "spec": {"containers": [made(*one) for one in containers], "initContainers": [made(**one) for one in inits]},
    }


@pytest.mark.parametrize(
    ("cpu", "memory", "spec"),
    [(2, 3, "2C4G"), (0.1, 0.1, "0.25C0.5G"), (3, 3, "4C4G"), (2, 1, "2C1G"), (0.1, 20, "4C32G"), (50, 1, "52C96G")],
)
def test_rounding_up(cpu, memory, spec):
    assert str(eci.size(cpu, memory)) == spec


def test_2021_had_fewer_specs():
    assert eci.size(2, 1, eci.SPECS_2021) == eci.Size(2, 2)
    assert {len(eci.NOW[one]) - len(eci.SPECS_2021[one]) for one in (2, 4, 8, 24, 32)} == {1}
    assert eci.NOW[64] == eci.SPECS_2021[64]


def test_too_large_is_refused():
    with pytest.raises(AcplabError, match="No ECI spec"):
        eci.size(65, 1)


@given(st.sampled_from(SIZES))
def test_a_spec_is_rounded_to_itself(spec):
    assert eci.size(spec.vcpu, spec.gib) == spec


@given(st.floats(0.01, 64), st.floats(0.01, 500))
def test_the_cheapest_that_fits(cpu, memory):
    try:
        found = eci.size(cpu, memory)
    except AcplabError:
        assert not [one for one in SIZES if one.vcpu >= cpu and one.gib >= memory]
        return
    assert found.vcpu >= cpu - 1e-6
    assert found.gib >= memory - 1e-6
    better = [one for one in SIZES if one.vcpu >= cpu and one.gib >= memory]
    assert all(eci.price(found, 1) <= eci.price(one, 1) + 1e-15 for one in better)


def test_precedence_of_what_a_pod_says():
    limits, requests = {"cpu": "2", "memory": "3Gi"}, {"cpu": "500m", "memory": "1Gi"}
    assert eci.size_of(pod((None,))) == eci.DEFAULT
    assert eci.size_of(pod((limits, requests))) == eci.Size(2, 4)
    assert eci.size_of(pod((None, requests))) == eci.Size(0.5, 1)
    specs = {"k8s.aliyun.com/eci-use-specs": "8-16Gi,4-8Gi"}
    assert eci.size_of(pod((limits,), **specs)) == eci.Size(8, 16)


def test_containers_are_summed_and_init_containers_are_not():
    small, large = {"cpu": "1", "memory": "1Gi"}, {"cpu": "4", "memory": "2Gi"}
    assert eci.size_of(pod((small,), (small,))) == eci.Size(2, 2)
    assert eci.size_of(pod((small,), inits=[{"limits": large}])) == eci.Size(4, 2)
    assert eci.size_of(pod((small,), inits=[{"limits": small, "restartPolicy": "Always"}])) == eci.Size(2, 2)


def test_quantities():
    words = {"500m": 0.5, "2": 2, "100Ki": 102_400, "1Gi": 2**30, "1Pi": 2**50, "1G": 1e9, "1e3": 1000}
    assert {one: quantity(one) for one in words} == words
    assert quantity(3) == 3
    with pytest.raises(AcplabError):
        quantity("many")


def test_specs_are_read():
    assert eci.parse(" 0.5-1Gi") == eci.Size(0.5, 1)
    with pytest.raises(AcplabError):
        eci.parse("2C4G")
    with pytest.raises(AcplabError, match="price of that type"):
        eci.parse("ecs.c6.xlarge")


def test_the_pages_own_example():
    assert eci.price(eci.Size(2, 4), 1) == pytest.approx(0.00012252)
    assert eci.price(eci.Size(2, 4), 3600) == pytest.approx(0.441, abs=0.0005)


NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


def record(name, begin, end=None, **more):
    spec = {"pod": name, "vcpu": 2, "gib": 4, "from": begin, **more}
    return {"spec": spec | ({"to": end} if end else {})}


def test_a_bill_counts_seconds():
    one = record("a", "2026-01-01T11:00:00Z", "2026-01-01T11:01:30Z")
    two = record("b", "2026-01-01T11:59:00Z", spotShare=0.2)
    found = eci.bill([two, one], NOW)
    assert [(line.pod, line.seconds, line.running, line.spot) for line in found.lines] == [
        ("a", 90, False, False), ("b", 60, True, True)]  # fmt: skip
    assert found.yuan == pytest.approx(0.00012252 * (90 + 60 * 0.2))
    assert found.vcpu_seconds == 300
    assert found.rows()[0]["yuan"] == pytest.approx(0.0110268)
    assert str(found).startswith("2 instances, 0.01")
    assert "still running" in str(found)


def test_a_bill_can_be_of_some_pods_alone():
    found = eci.bill([record(name, "2026-01-01T11:00:00Z") for name in ("shop-1", "shop-2", "queue-0")], NOW)
    assert [one.pod for one in found.part("shop").lines] == ["shop-1", "shop-2"]
    assert found.part("queue").yuan == pytest.approx(found.yuan / 3)
    with pytest.raises(AcplabError, match="begins with demo"):
        found.part("demo")


def test_an_instance_is_billed_for_a_second_at_least():
    assert eci.bill([record("a", "2026-01-01T11:00:00Z", "2026-01-01T11:00:00Z")], NOW).lines[0].seconds == 1


@given(st.lists(st.integers(1, 100_000), max_size=20))
def test_a_bill_is_the_sum_of_its_lines(lengths):
    def ended(seconds):
        return datetime.fromtimestamp(1_700_000_000 + seconds, UTC).isoformat()

    records = [record(str(n), ended(0), ended(one)) for n, one in enumerate(lengths)]
    assert eci.bill(records, NOW).yuan == pytest.approx(eci.price(eci.Size(2, 4), sum(lengths)))


def test_spot_market():
    hour = eci.price(eci.Size(2, 4), 3600)
    assert eci.Market(0.2).gives(eci.Size(2, 4))
    assert not eci.Market(0.2, stock=False).gives(eci.Size(2, 4))
    assert eci.Market(0.2).gives(eci.Size(2, 4), hour * 0.2)
    assert not eci.Market(0.2).gives(eci.Size(2, 4), hour * 0.19)


def test_a_spot_instance_is_safe_for_an_hour():
    def market(second):
        return eci.Market(0.2, stock=second < 600)

    assert eci.outlook(eci.Size(2, 4), market) == eci.Outlook(True, 3600, 3780)
    assert eci.outlook(eci.Size(2, 4), market, until=3600) == eci.Outlook(True)
    assert eci.outlook(eci.Size(2, 4), lambda _second: eci.Market(1, False)) == eci.Outlook(False)


def test_spot_is_compared_every_five_minutes_only():
    def market(second):
        return eci.Market(0.2, stock=not 3601 <= second < 3900)

    assert eci.outlook(eci.Size(2, 4), market).notice is None


def test_peak_and_valley():
    day = eci.peak_and_valley(2, 10)
    assert (len(day.pods), min(day.pods), day.peak, day.pods[0], day.pods[12]) == (24, 2, 10, 2, 10)
    assert day.missing(10) == 0
    assert day.missing(0) == 1


def test_the_hours_of_a_layer_of_the_load():
    day = eci.Day((2, 2, 10, 4), 1800)
    assert [day.hours(n) for n in (0, 2, 4, 10)] == [2, 1, 0.5, 0]


def test_the_three_ways():
    day = eci.Day((2, 2, 10, 2), 3600)
    costs = eci.compare(day, eci.Size(2, 4), base=2, pods_per_node=2, node_per_day=6)
    second = eci.price(eci.Size(2, 4), 1)
    assert costs.nodes == 30
    assert costs.eci == pytest.approx(second * 16 * 3600)
    assert costs.both == pytest.approx(6 + second * 8 * 3600)
    assert costs.lost == pytest.approx(0.5)
    assert costs.cheapest == "eci"
    assert "nodes for all of it: 30.00 yuan" in str(costs)
    assert "50% of the work" in str(costs)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=24), st.integers(1, 8), st.floats(0.1, 100))
def test_the_best_base_is_never_dearer_than_either_extreme(pods, per_node, node_per_day):
    day = eci.Day(tuple(pods), 3600)
    base = eci.best_base(day, eci.Size(2, 4), per_node, node_per_day)
    best = eci.compare(day, eci.Size(2, 4), base, per_node, node_per_day)
    assert best.both <= min(best.nodes, best.eci) + 1e-9


def test_break_even():
    size = eci.Size(2, 4)
    sixteen = eci.price(size, 3600) * 16
    assert eci.break_even_hours(size, sixteen, 1) == pytest.approx(16)
    assert eci.break_even_hours(size, sixteen * 4, 4) == pytest.approx(16)
    assert eci.break_even_hours(size, 1000, 1) == 24
    with pytest.raises(AcplabError):
        eci.compare(eci.Day((1,), 1), size, 1, 0, 1)


# --- on the cluster in use --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({"ecs": 2}, "nodes only"),
        ({"eci": 1, "waiting": 1}, "ECI only"),
        ({"ecs": 1, "eci": 1}, "both"),
        ({}, "nowhere"),
    ],
)
def test_places_in_words(found, words):
    assert eci.where(found) == words


def test_only_pods_that_pulled_are_told(monkeypatch):
    events = {"a": ["Normal Pulling: Pulling image"], "b": ["Normal Pulled: already present"], "c": []}
    monkeypatch.setattr(live.kube, "events", lambda _kind, name, _namespace: events[name])
    assert eci.pulled("ch", "a", "b", "c") == ["a"]


def test_what_is_sold_out_is_undone_and_told(monkeypatch):
    there: dict[str, dict] = {}
    monkeypatch.setattr(outside.kube, "apply", lambda objects: there.update({"account": objects[0]["data"]}))
    monkeypatch.setattr(outside.kube, "find", lambda *_words: there.get("account"))
    monkeypatch.setattr(outside.kube, "delete", lambda *_words: there.clear())
    eci.sold_out("2-4Gi", "4-8Gi")
    assert there["account"] == {"sold-out": "2-4Gi,4-8Gi"}
    assert outside.clean() == ["sizes that were sold out"]
    assert outside.clean() == []


# --- words for checks ---------------------------------------------------------------------------------------------------


class View:
    """What judging asks of a LabView."""

    def __init__(self, pods, ledger):
        self._pods, self._ledger = pods, ledger

    def pods(self, selector=None, ready=True):
        return [one for one in self._pods if one["ready"] or not ready]

    def list(self, kind, selector=None):
        assert kind == "ecirecord"
        return [{"spec": one} for one in self._ledger]


def placed(uid, node, ready=True):
    return {"metadata": {"uid": uid}, "spec": {"nodeName": node} if node else {}, "ready": ready}


def entry(uid, vcpu, gib, **more):
    return {"podUID": uid, "pod": f"shop-{uid}", "vcpu": vcpu, "gib": gib, **more}


def test_pods_are_found_where_they_are():
    view = View(
        [placed("a", eci.NODE), placed("b", "worker"), placed("c", None, False), placed("d", eci.NODE, False)], []
    )
    assert [one["metadata"]["uid"] for one in eci.on_eci(view)] == ["a"]
    assert [one["metadata"]["uid"] for one in eci.on_eci(view, ready=False)] == ["a", "d"]
    assert [one["metadata"]["uid"] for one in eci.on_nodes(view, ready=False)] == ["b"]
    assert eci.counted(view) == "ready: 1 on nodes, 1 on ECI"


def test_what_is_billed_is_that_of_the_record():
    both = [placed("a", eci.NODE), placed("b", eci.NODE)]
    view = View(both, [entry("a", 0.5, 1), entry("b", 0.5, 1), entry("old", 2, 4, to="2026-11-26T12:00:00Z")])
    assert eci.billed_as(view, "app=shop", eci.Size(0.5, 1), 2, "billed").ok
    assert not eci.billed_as(view, "app=shop", eci.Size(0.5, 1), 3, "billed").ok
    assert not eci.billed_as(view, "app=shop", eci.Size(1, 2), 2, "billed").ok
    mixed = View([*both, placed("c", "worker")], view._ledger)
    assert not eci.billed_as(mixed, "app=shop", eci.Size(0.5, 1), 2, "billed").ok, "one is on a node"
    assert not eci.billed_as(View(both, [entry("a", 0.5, 1)]), "app=shop", eci.Size(0.5, 1), 2, "billed").ok, (
        "no record"
    )


def test_an_hour_costs_what_runs():
    view = View([], [entry("a", 2, 4), entry("b", 2, 4, to="2026-11-26T12:00:00Z")])
    assert eci.per_hour(view) == pytest.approx(eci.price(eci.Size(2, 4), 3600))
    assert len(eci.records(view)) == 2
    assert len(eci.records(view, running=False)) == 1


def test_what_runs_side_by_side():
    inits = [{"name": "first"}, {"name": "agent", "restartPolicy": "Always"}]
    assert eci.side_by_side({"spec": {"initContainers": inits, "containers": [{"name": "report"}]}}) == [
        "agent",
        "report",
    ]
    assert eci.side_by_side({"spec": {"containers": [{"name": "report"}]}}) == ["report"]


def test_a_log_that_is_gone_is_empty(monkeypatch):
    view = View([], [])
    view.namespace = "lab"
    monkeypatch.setattr("acplab.kube.logs", lambda pod, namespace, container: f"200 v1 {pod} {namespace} {container}")
    done = {"metadata": {"name": "nightly-x"}}
    assert eci.log_of(view, done, "report") == "200 v1 nightly-x lab report"

    def gone(*_words, **_options):
        raise AcplabError("It is gone.", "Make it again.")

    monkeypatch.setattr("acplab.kube.logs", gone)
    assert eci.log_of(view, done, "report") == ""
