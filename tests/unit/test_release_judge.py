"""The judge, and how often it errs: bounds that it promises, and simulations beside exact chances."""

from __future__ import annotations

import pytest
from acplab.base.errors import AcplabError
from acplab.measure import Mark, Sample, Share, Traffic, difference
from acplab.topics import release
from acplab.topics.release.judge import PROMOTE, ROLL_BACK, WAIT
from acplab.topics.release.simulation import binomial
from hypothesis import given, settings
from hypothesis import strategies as st

Counts, Judge, Truth = release.Counts, release.Judge, release.Truth


def verdict(new: Counts, old: Counts, **judge) -> str:
    return Judge(**judge).verdict(new, old).what


def test_what_is_sure_decides_and_what_is_not_waits():
    assert verdict(Counts(0, 0), Counts(100, 0)) == WAIT
    assert verdict(Counts(100, 30), Counts(400, 0)) == ROLL_BACK
    assert verdict(Counts(100, 0, slow=30), Counts(400, 0)) == ROLL_BACK
    assert verdict(Counts(1000, 0), Counts(4000, 0)) == PROMOTE
    assert verdict(Counts(20, 1), Counts(80, 0)) == WAIT
    assert Judge().verdict(Counts(20, 1), Counts(80, 0), last=True).what == ROLL_BACK
    assert "fails more often" in repr(Judge().verdict(Counts(100, 30), Counts(400, 0)))


def test_one_or_two_bad_answers_prove_nothing():
    """With few requests to the new version one error in 10 against 1 in 990 is beyond the interval already."""
    assert verdict(Counts(10, 1), Counts(990, 1), margin=0.1, looks=20) == WAIT
    assert verdict(Counts(10, 2), Counts(990, 1), margin=0.1, looks=20) == WAIT
    assert verdict(Counts(10, 3), Counts(990, 1), margin=0.1, looks=20) == ROLL_BACK


def test_a_verdict_without_numbers():
    assert Judge().verdict(Counts(100, 30), Counts(400, 0)).short == "roll back: it fails more often"
    assert Judge().verdict(Counts(100, 0, slow=30), Counts(400, 0)).short == "roll back: it is slow more often"
    assert Judge().verdict(Counts(1000, 0), Counts(4000, 0)).short == "promote"


def test_a_bad_margin_or_number_of_looks_is_refused():
    with pytest.raises(AcplabError):
        Judge(margin=5)
    with pytest.raises(AcplabError):
        Judge(looks=0)
    with pytest.raises(AcplabError):
        Truth(errors=2)


counts = st.integers(0, 500).flatmap(lambda n: st.builds(Counts, st.just(n), st.integers(0, n)))


@given(counts, counts)
def test_more_looks_are_never_quicker_to_be_sure(new, old):
    often, once = verdict(new, old, looks=50), verdict(new, old, looks=1)
    assert often in (WAIT, once)


@given(st.integers(0, 300), st.integers(0, 300), st.integers(1, 300), st.integers(1, 300))
def test_the_interval_of_a_difference(a, b, more_a, more_b):
    new, old = Share(a, a + more_a), Share(b, b + more_b)
    low, high = difference(new, old)
    assert -1 <= low <= new.estimate - old.estimate <= high <= 1
    back = difference(old, new)
    assert back == pytest.approx((-high, -low))


def test_nothing_seen_says_nothing():
    assert difference(Share(0, 0), Share(1, 10)) == (-1.0, 1.0)


def test_newcombes_own_example():
    """Newcombe 1998, method 10: 56 of 70 and 48 of 80 give 0.0524 to 0.3339."""
    assert difference(Share(56, 70), Share(48, 80)) == pytest.approx((0.0524, 0.3339), abs=5e-5)


@given(st.integers(0, 60), st.floats(0, 1))
def test_chances_add_up(n, p):
    found = binomial(n, p)
    assert sum(found) == pytest.approx(1)
    assert sum(k * q for k, q in enumerate(found)) == pytest.approx(n * p, abs=1e-6)


@settings(max_examples=8, deadline=None)
@given(st.sampled_from([0.0, 0.05, 0.3]), st.sampled_from([0.0, 0.1]), st.integers(0, 9))
def test_a_simulation_of_one_look_meets_the_exact_chances(new, old, seed):
    judge = Judge(looks=1)
    exact = release.chances(judge, Truth(new), Truth(old), 40, 120)
    seen = release.simulate(judge, Truth(new), Truth(old), 40, 120, releases=2000, seed=seed)
    for n, what in ((seen.promoted, PROMOTE), (seen.worse, ROLL_BACK), (seen.unsure, WAIT)):
        assert Share(n, 2000, 0.99999).includes(min(1.0, max(0.0, exact[what])))


@pytest.mark.parametrize("errors", [0.0, 0.02, 0.1])
def test_a_version_as_good_as_the_old_one_is_seldom_found_worse(errors):
    """With no margin the judge promotes only what is surely better, so it looks to the end."""
    seen = release.simulate(Judge(margin=0.0), Truth(errors), Truth(errors), 10, 40, releases=3000)
    assert Share(seen.worse, 3000, 0.999).low <= 0.025


def test_a_version_that_is_worse_by_the_margin_is_seldom_promoted():
    seen = release.simulate(Judge(), Truth(0.06), Truth(0.01), 20, 80, releases=3000)
    assert Share(seen.promoted, 3000, 0.999).low <= 0.025


def test_the_same_seed_gives_the_same_releases():
    one, other = (release.simulate(Judge(), Truth(0.1), Truth(0.0), 10, 40, releases=200) for _ in range(2))
    assert one == other
    assert one.promoted + one.rolled_back == 200
    assert one.share(one.promoted).n == 200


def traffic(*samples: Sample) -> Traffic:
    return Traffic(samples, 50)


class Load:
    """A load that has more samples at each look."""

    def __init__(self, *looks: list[Sample]) -> None:
        self.looks, self.seen, self.running = list(looks), [], True

    def run_for(self, _seconds: float) -> None:
        self.seen += self.looks.pop(0)
        self.running = bool(self.looks)

    def so_far(self) -> Traffic:
        return traffic(*self.seen)


def answers(version: str, n: int, failed: int = 0, ms: float = 5, t: float = 0.0) -> list[Sample]:
    bad = [Sample(t, ms, status=500, version=version, error="http 500")] * failed
    return bad + [Sample(t, ms, status=200, version=version)] * (n - failed)


def test_the_judge_at_work():
    good = Load(*[answers("v1", 400, t=i) + answers("v2", 100, t=i) for i in range(10)])
    found = release.decide(good, Judge(), "v2", "v1", say=str)
    assert (found.verdict.what, found.looks) == (PROMOTE, 2)
    assert "looks: 2" in repr(found)
    slow = Load(*[answers("v1", 400, t=i) + answers("v2", 100, ms=1900, t=i) for i in range(10)])
    assert "slow" in release.decide(slow, Judge(), "v2", "v1", say=str).verdict.why
    silent = Load(*[answers("v1", 400, t=i) for i in range(10)])
    assert release.decide(silent, Judge(), "v2", "v1", say=str).verdict.what == ROLL_BACK


def test_an_alarm_needs_no_version_and_does_not_ring_for_nothing():
    assert release.alarm(Load(answers("?", 50), answers("?", 50, failed=20, t=1))).failed == 20
    with pytest.raises(AcplabError, match="No alarm"):
        release.alarm(Load(answers("v1", 50)))


def released() -> Traffic:
    """v2, then v3 with two failures of three, and after the mark "undo" one more."""
    bad = [*answers("v3", 3, failed=2, t=1.0), *answers("v3", 1, failed=1, t=3.5)]
    return Traffic([*answers("v2", 5), *bad, *answers("v2", 6, t=4.0)], 10, [Mark(0.5, "out"), Mark(3.0, "undo")])


def test_the_cost_counts_what_came_while_it_failed():
    row = release.cost("rolling", released(), "undo", extra=1)
    assert (row.failed, row.meanwhile, row.extra) == (3, 4, 1)
    assert row.share == 0.75
    assert row.lasted == pytest.approx(2.5, abs=0.1)
    assert row.back == pytest.approx(0.5, abs=0.1)


def test_a_way_back_after_which_nothing_fails_took_no_time():
    seen = Traffic([*answers("v3", 2, failed=1, t=1.0), *answers("v2", 3, t=2.0)], 10, [Mark(1.5, "undo")])
    assert release.cost("canary", seen, "undo", extra=1).back == 0


def test_costs_are_a_table_and_a_picture():
    row = release.cost("rolling", released(), "undo", extra=1)
    assert "75% of 4" in release.costs([row]).text
    figure = release.costs_picture([row])
    assert "rolling" in figure.text
    assert figure.png.startswith(b"\x89PNG")


def test_a_release_without_a_failure_or_without_its_mark_costs_nothing_that_can_be_said():
    with pytest.raises(AcplabError, match="no failure"):
        release.cost("rolling", Traffic(answers("v2", 5), 10, [Mark(1, "undo")]), "undo", extra=0)
    with pytest.raises(AcplabError, match='no mark "undone"'):
        release.cost("rolling", released(), "undone", extra=0)


LOG = """time=... not JSON
{"RequestHost":"shop","ServiceName":"v1@file","DownstreamStatus":200,"Duration":4000000}
{"RequestHost":"shop","ServiceName":"v1@file","DownstreamStatus":502,"Duration":8000000}
{"RequestHost":"shop","ServiceName":"v2@file","DownstreamStatus":200,"Duration":2000000}
{"RequestHost":"gone"}
"""


def test_an_access_log_is_requests_errors_and_duration():
    found = release.entries(LOG)
    assert [one.service for one in found] == ["v1", "v1", "v2"]
    rows = release.red(found).rows
    assert rows[0][:4] == ("shop", "all", "3", "1 (33.3%)")
    assert rows[1] == ("shop", "v1", "2", "1 (50.0%)", "6.0 ms", "7.8 ms")


def test_what_storefronts_have_counted(monkeypatch):
    metrics = (
        'storefront_requests_total{code="200",version="v2"} 7 storefront_requests_total{code="500",version="v2"} 3'
    )

    class Kube:
        pods = ("a", "b")

        def list(self, *_words):
            return [{"metadata": {"name": name}} for name in self.pods]

        def exec(self, pod, *_words):
            return metrics

    assert release.requests_of("ns", "app=shadow", Kube()) == 20
    late = iter(f'storefront_requests_total{{code="200",version="v2"}} {n}' for n in (1, 1, 7, 9, 12, 12, 12))
    monkeypatch.setattr(Kube, "exec", lambda *_words: next(late))
    monkeypatch.setattr(Kube, "pods", ("a",))
    assert release.requests_of("ns", "app=shadow", Kube()) == 1
    assert release.requests_of("ns", "app=shadow", Kube()) == 12  # copies that came after the answers
    Kube.pods = ()
    with pytest.raises(AcplabError, match="into the void"):
        release.requests_of("ns", "app=shadow", Kube())


@pytest.mark.parametrize(
    ("status", "paused", "healthy"),
    [
        ({}, False, False),
        ({"phase": "Paused", "observedGeneration": "2", "pauseConditions": [{}]}, True, False),
        ({"phase": "Paused", "observedGeneration": "2"}, False, False),  # somebody has just ended the pause
        ({"phase": "Healthy", "observedGeneration": "2"}, False, True),
        ({"phase": "Healthy", "observedGeneration": "1"}, False, False),  # of the template before
    ],
)
def test_what_a_rollout_says(status, paused, healthy):
    rollout = {"metadata": {"generation": 2}, "status": status}
    assert (release.is_paused(rollout), release.is_healthy(rollout)) == (paused, healthy)


def test_nobody_waits_for_the_pause_of_a_release_that_is_over(monkeypatch):
    from acplab.topics.release import batches

    over = {"metadata": {"name": "shop", "generation": 2}, "status": {"phase": "Healthy", "observedGeneration": "2"}}
    monkeypatch.setattr(batches.kube, "wait", lambda _kind, _name, condition, *_more, **_limits: condition(over))
    with pytest.raises(AcplabError, match="out in all Pods"):
        release.wait_paused("shop", "ns")
    assert release.wait_healthy("shop", "ns")


def test_promote_and_abort_are_patches(monkeypatch):
    from acplab.topics.release import batches

    said = []
    monkeypatch.setattr(batches.kube, "wait", lambda *_words, **_limits: {})
    monkeypatch.setattr(batches.kube, "patch", lambda *words, status: said.append(words))
    release.promote("shop", "ns")
    release.abort("shop", "ns")
    assert [words[2]["status"] for words in said] == [{"pauseConditions": None}, {"abort": True}]


def test_an_abort_waits_until_the_controller_has_read_the_template_that_it_is_about(monkeypatch):
    from acplab.topics.release import batches

    unread = {"metadata": {"generation": 4}, "status": {"observedGeneration": "3", "phase": "Healthy"}}
    read = {"metadata": {"generation": 4}, "status": {"observedGeneration": "4", "phase": "Progressing"}}
    said = []

    def wait(kind, name, condition, namespace, timeout):
        said.append((kind, name, namespace, [condition(unread), condition(read)]))

    monkeypatch.setattr(batches.kube, "wait", wait)
    monkeypatch.setattr(batches.kube, "patch", lambda *words, status: said.append(words[2]))
    release.abort("shop", "ns")
    assert said == [("rollout", "shop", "ns", [False, True]), {"status": {"abort": True}}]


def test_a_judge_who_does_not_correct_for_its_looks_errs_more_often():
    chance = [
        release.simulate(Judge(margin=0.0, looks=20, corrected=one), Truth(0.05), Truth(0.05), 10, 40, releases=2000)
        for one in (True, False)
    ]
    assert chance[0].worse < chance[1].worse / 2
