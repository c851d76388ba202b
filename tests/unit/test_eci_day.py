"""The live day: what is sent when, and what the numbers make of it."""

from __future__ import annotations

import time
from contextlib import contextmanager

import pytest
from acplab.base.errors import AcplabError
from acplab.measure import Sample, Traffic
from acplab.topics import eci
from acplab.topics.eci import day

EVENING = eci.Evening()
SIZE = eci.Size(0.25, 0.5)


def traffic(n: int, failed: int, rate: float = 10) -> Traffic:
    samples = [Sample(t=i / rate, ms=5.0, error="http 503" if i < failed else None) for i in range(n)]
    return Traffic(samples, rate)


def ledger(seconds: int, n: int = 4) -> eci.Bill:
    lines = [eci.Line(f"day-both-{i}", SIZE, seconds, eci.price(SIZE, seconds), False, False) for i in range(n)]
    return eci.Bill(tuple(lines))


@pytest.fixture
def summed_up() -> eci.LiveDay:
    seen = {"valley": traffic(100, 28), "peak": traffic(100, 0), "both": traffic(100, 1)}
    node = 2 * 16 * eci.price(SIZE, 3600)
    return day.summed_up(seen, ledger(15), EVENING, node, pods_per_node=2)


def test_each_way_pays_for_its_nodes_and_one_of_them_for_eci_too(summed_up):
    assert {name: one.nodes for name, one in summed_up.ways.items()} == {"valley": 1, "peak": 3, "both": 1}
    assert summed_up["valley"].eci == summed_up["peak"].eci == 0
    assert summed_up["both"].yuan == pytest.approx(summed_up["valley"].yuan + 4 * eci.price(SIZE, 10 * 3600))


def test_the_ledger_and_the_arithmetic_have_the_same_break_even(summed_up):
    node = summed_up["valley"].yuan
    assert summed_up.hours == pytest.approx(10)
    assert summed_up.break_even_hours == pytest.approx(eci.break_even_hours(SIZE, node, 2)) == pytest.approx(16)


def test_above_the_break_even_eci_is_dearer_than_nodes():
    seen = dict.fromkeys(day.WAYS, traffic(10, 0))
    node = 2 * 16 * eci.price(SIZE, 3600)
    costs = {s: day.summed_up(seen, ledger(s), EVENING, node, 2) for s in (23, 25)}
    assert costs[23]["both"].yuan < costs[23]["peak"].yuan
    assert costs[25]["both"].yuan > costs[25]["peak"].yuan


def test_a_day_without_an_instance_is_no_day():
    seen = dict.fromkeys(day.WAYS, traffic(10, 0))
    with pytest.raises(AcplabError, match="came to ECI"):
        day.summed_up(seen, eci.Bill(()), EVENING, 1.0, 2)


def test_it_is_told_in_a_table_and_shown_in_a_picture(summed_up):
    assert "28.0 %" in str(summed_up)
    assert "4 instances" in str(summed_up)
    shown = summed_up.picture()
    assert len(shown.text.splitlines()) == 4
    assert shown.png.startswith(b"\x89PNG")


class FakeLoad:
    def __init__(self, events: list, rate: float, host: str) -> None:
        self.events, self.rate, self.host, self.result = events, rate, host, traffic(4, 0)
        self.started = time.monotonic() - 1000  # every hour has come already

    def run_for(self, seconds: float) -> None:
        self.events.append("the clock")


def test_the_third_way_grows_before_the_evening_and_shrinks_after_it(monkeypatch):
    events: list[str] = []

    @contextmanager
    def steady(_url, rate, host, keepalive):
        events.append(f"{host.split('.')[0]} +{rate:g}")
        yield FakeLoad(events, rate, host)
        events.append(f"{host.split('.')[0]} -{rate:g}")

    monkeypatch.setattr(day, "steady", steady)
    monkeypatch.setattr(day.kube, "scale", lambda name, n, _namespace: events.append(f"{name} {n}"))
    seen = day._play("http://127.0.0.1:1", "ch", EVENING)
    told = [one for one in events if one.startswith(("both", "day-both"))]
    assert told == ["both +7.5", "day-both 6", "both +15", "both -15", "day-both 2", "both -7.5"]
    assert {name: one.total for name, one in seen.items()} == {"valley": 8, "peak": 8, "both": 8}


def record(pod: str, begin: str, end: str | None) -> dict:
    spec = {"pod": pod, "vcpu": 0.25, "gib": 0.5, "from": begin} | ({"to": end} if end else {})
    return {"spec": spec}


def test_the_bill_waits_for_the_end_of_this_days_instances_alone(monkeypatch):
    old = record("day-both-0", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z")
    other = record("shop-1", "2026-01-02T00:00:00Z", None)
    mine = [record("day-both-1", "2026-01-02T00:00:00Z", end) for end in (None, "2026-01-02T00:00:09Z")]
    answers = iter([[old, other, one] for one in mine])
    monkeypatch.setattr(day.kube, "list", lambda *_words: next(answers))
    found = day._closed("ch", day.datetime.fromisoformat("2026-01-02T00:00:00.5+00:00"))
    assert [one.pod for one in found.lines] == ["day-both-1"]
    assert found.lines[0].seconds == 9


def test_the_manifest_has_what_the_day_is_played_on():
    import yaml
    from acplab.base import paths

    objects = list(yaml.safe_load_all((paths.ROOT / "manifests/08-eci/day.yaml").read_text(encoding="utf-8")))
    deployments = {one["metadata"]["name"]: one["spec"]["replicas"] for one in objects if one["kind"] == "Deployment"}
    assert deployments == {"day-valley": EVENING.valley, "day-peak": EVENING.peak, "day-both": EVENING.valley}
    hosts = {one["spec"]["rules"][0]["host"] for one in objects if one["kind"] == "Ingress"}
    assert hosts == {f"{way}.day.example.com" for way in day.WAYS}
    (policy,) = (one for one in objects if one["kind"] == "ResourcePolicy")
    assert policy["spec"]["units"][0] == {"resource": "ecs", "max": EVENING.valley}


def test_a_pod_serves_more_than_its_share_and_two_less_than_the_evening():
    import yaml
    from acplab.base import paths

    objects = yaml.safe_load_all((paths.ROOT / "manifests/08-eci/day.yaml").read_text(encoding="utf-8"))
    pod = next(one["spec"]["template"]["spec"] for one in objects if one["kind"] == "Deployment")
    env = {one["name"]: one.get("value") for one in pod["containers"][0]["env"]}
    limit = 1000 / int(env["SERVICE_MS"])  # requests a second
    assert EVENING.rate < limit
    assert EVENING.valley * limit < 0.6 * EVENING.peak * EVENING.rate
