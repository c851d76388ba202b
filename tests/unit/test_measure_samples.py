"""Questions to a Traffic that is made by hand: counts, outages, rates, words."""

from __future__ import annotations

import json
import math
from itertools import pairwise

import pytest
from acplab.base.errors import AcplabError
from acplab.measure import Mark, Outage, Sample, Traffic
from hypothesis import given
from hypothesis import strategies as st


def made(pattern: str, rate: float = 10, marks: tuple[Mark, ...] = (), ms: float = 5) -> Traffic:
    """A digit is an answer of that version, x a 503 of the proxy, e a 500 of v2, t a timeout."""
    return Traffic([_sample(i / rate, letter, ms) for i, letter in enumerate(pattern)], rate, marks)


def _sample(t: float, letter: str, ms: float) -> Sample:
    if letter == "x":
        return Sample(t, ms, status=503, error="http 503")
    if letter == "e":
        return Sample(t, ms, status=500, version="v2", error="http 500")
    if letter == "t":
        return Sample(t, 3000, error="timeout")
    return Sample(t, ms, status=200, version=f"v{letter}", body=json.dumps({"zone": f"z{letter}"}).encode())


patterns = st.text("12xet", min_size=0, max_size=60)


@given(patterns)
def test_every_request_is_counted_once(pattern: str) -> None:
    seen = made(pattern)
    assert seen.total == len(seen) == len(pattern) == seen.ok + seen.failed
    assert sum(seen.errors.values()) == seen.failed
    assert sum(seen.by_version.values()) == seen.total - pattern.count("x") - pattern.count("t")
    assert list(seen.by_version) == sorted(seen.by_version)


def test_an_error_of_the_app_counts_for_its_version() -> None:
    seen = made("112ex")
    assert seen.by_version == {"v1": 2, "v2": 2}
    assert seen.errors == {"http 500": 1, "http 503": 1}
    assert (seen.share("v2").hits, seen.share("v2").n) == (2, 4)
    assert seen.share("v9").hits == 0


def test_the_error_share_of_a_version_leaves_out_what_no_version_answered() -> None:
    seen = made("112eext")
    assert (seen.error_share("v2").hits, seen.error_share("v2").n) == (2, 3)
    assert (seen.error_share("v1").hits, seen.error_share("v1").n) == (0, 2)
    assert seen.error_share("v9").n == 0


@pytest.mark.parametrize(
    ("pattern", "only"),
    [("222", True), ("2", True), ("122", False), ("22x", False), ("22e", False), ("", False), ("x", False)],
)
def test_only_one_version_answers(pattern: str, only: bool) -> None:
    assert made(pattern).only("v2") is only


def test_samples_are_in_the_order_of_their_schedule() -> None:
    seen = Traffic([Sample(0.2, 1), Sample(0.0, 900), Sample(0.1, 1)], rate=10)
    assert [sample.t for sample in seen] == [0.0, 0.1, 0.2]
    assert seen[0].ms == 900


@given(patterns)
def test_outages_account_for_every_failure(pattern: str) -> None:
    seen = made(pattern)
    runs = seen.outages()
    assert sum(run.lost for run in runs) == seen.failed
    assert all(run.start <= run.end for run in runs)
    assert all(earlier.end <= later.start for earlier, later in pairwise(runs))
    for run in runs:
        within = [sample for sample in seen if run.start <= sample.t < run.end]
        assert len([sample for sample in within if not sample.ok]) == len(within) == run.lost or run is runs[-1]


@given(patterns, st.floats(0, 10))
def test_merged_outages_lose_no_failure(pattern: str, gap: float) -> None:
    seen = made(pattern)
    runs = seen.outages(gap)
    assert sum(run.lost for run in runs) == seen.failed
    assert all(later.start - earlier.end > gap for earlier, later in pairwise(runs))


def test_outages_are_found() -> None:
    seen = made("11xx1111x1")
    assert seen.outages() == [Outage(0.2, 0.4, 2), Outage(0.8, 0.9, 1)]
    assert seen.outages(gap=0.5) == [Outage(0.2, 0.9, 3)]
    assert seen.seconds_to_recover == pytest.approx(0.7)


def test_an_outage_that_has_not_ended_lasts_to_the_end_of_the_load() -> None:
    seen = made("11tt")
    assert seen.outages() == [Outage(0.2, pytest.approx(3.3), 2)]
    assert seen.seconds_to_recover == math.inf


def test_without_failures_there_is_nothing_to_recover_from() -> None:
    assert made("11").outages() == []
    assert made("11").seconds_to_recover == 0


def test_latency_is_that_of_good_answers() -> None:
    samples = [Sample(i / 10, ms, status=200) for i, ms in enumerate([1, 2, 3, 4, 5])]
    seen = Traffic([*samples, Sample(0.5, 3000, error="timeout")], rate=10)
    assert [seen.latency(q) for q in (0, 0.5, 0.75, 1)] == [1, 3, 4, 5]
    assert math.isnan(made("xx").latency())


def test_the_achieved_rate_counts_when_requests_left() -> None:
    late = Traffic([Sample(i / 100, 1, lag=10 * i) for i in range(11)], rate=100)
    assert late.achieved_rate == pytest.approx(50)
    assert made("1" * 11).achieved_rate == pytest.approx(10)
    assert made("1").achieved_rate == 0
    assert late.lag() == 100


def test_bodies_are_counted_by_field() -> None:
    seen = made("1221x")
    assert seen.by("zone") == {"z1": 2, "z2": 2}
    assert seen.by("shelf") == {"?": 4}
    assert seen.bodies(2) == [{"zone": "z1"}, {"zone": "z2"}]
    assert made("x").bodies(1) == []


@pytest.mark.parametrize("body", [b"", b"hello", b"\xff", b"[1", b"3"])
def test_a_body_that_is_not_an_object_does_no_harm(body: bytes) -> None:
    assert Traffic([Sample(0, 1, status=200, body=body)], rate=1).by("zone") == {"?": 1}


def test_after_a_mark() -> None:
    seen = made("1122", marks=(Mark(0.15, "switch"),))
    assert seen.after("switch").by_version == {"v2": 2}
    with pytest.raises(AcplabError, match='"switch"'):
        seen.after("swich")
    with pytest.raises(AcplabError, match="has no mark") as caught:
        made("1").after("switch")
    assert "It has no marks" in caught.value.remedy


def test_one_request_is_not_many() -> None:
    assert repr(made("1")) == "1 request: v1 1; none failed"
    assert "outage from 0.10 s to 0.20 s (0.10 s): 1 request lost" in made("1x1").summary().splitlines()
    assert made("1").summary().splitlines()[0] == "1 request in 0.0 s"


def test_redirects_are_counted_by_target() -> None:
    away = [Sample(i / 10, 1, status=308, location=f"https://{'ab'[i % 2]}/") for i in range(3)]
    seen = Traffic([*away, Sample(0.4, 1, status=200, version="v1")], rate=10)
    assert seen.redirects == {"http 308 to https://a/": 2, "http 308 to https://b/": 1}
    assert seen.ok == 4
    assert "3 redirected (http 308 to https://a/ 2, http 308 to https://b/ 1)" in seen.summary()


def test_the_line() -> None:
    assert repr(made("1122")) == "4 requests: v1 2, v2 2; none failed"
    assert repr(made("11xt")) == "4 requests: v1 2; 2 failed (http 503 1, timeout 1)"
    assert repr(made("xx")) == "2 requests: no answers; 2 failed (http 503)"
    assert repr(made("")) == "no requests"


def test_the_summary_says_it_all() -> None:
    assert made("1111xx22", marks=(Mark(0.35, "switch"),)).summary().splitlines() == [
        "8 requests in 0.7 s, sent at 10.0 per second (10 wanted)",
        "v1: 66.7 % (95 % interval 30.0-90.3 %, 4 of 6)",
        "v2: 33.3 % (95 % interval 9.7-70.0 %, 2 of 6)",
        "2 failed (http 503)",
        "outage from 0.40 s to 0.60 s (0.20 s): 2 requests lost",
        "recovered 0.20 s after the first failure",
        "latency of good answers: half within 5.0 ms, 95 % within 5.0 ms",
        "at 0.35 s: switch",
    ]
    assert "not recovered" in made("1x").summary()
    assert made("").summary() == "No requests were sent."


def test_the_summary_names_five_outages_at_most() -> None:
    told = made(("x" + "1" * 11) * 7).summary()
    assert told.count("outage from") == 5
    assert "... and 2 more outages" in told


def test_the_summary_admits_a_late_sender() -> None:
    late = Traffic([Sample(i / 10, 900, lag=800, status=200, version="v1") for i in range(5)], rate=10)
    assert "this machine was busy" in late.summary()
    assert "this machine was busy" not in made("11").summary()


@given(patterns)
def test_words_can_be_made_of_any_traffic(pattern: str) -> None:
    assert made(pattern).summary()
    assert "\n" not in repr(made(pattern))
