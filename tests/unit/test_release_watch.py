"""A canary under watch, on loads that are made by hand; and the tables and annotations of a release."""

from __future__ import annotations

import random

import pytest
from acplab.base.errors import AcplabError
from acplab.measure import Mark, Sample, Traffic
from acplab.topics import release


def sample(t: float, version: str, fails: bool = False) -> Sample:
    return Sample(t, 5, status=500 if fails else 200, version=version, error="http 500" if fails else None)


def mixed(n: int, errors: float, weight: float = 0.2, seed: int = 1) -> Traffic:
    """n requests at 50 per second, a share of them to v3, which fails with a share of errors."""
    dice = random.Random(seed)
    samples = []
    for i in range(n):
        version = "v3" if dice.random() < weight else "v2"
        samples.append(sample(i / 50, version, version == "v3" and dice.random() < errors))
    return Traffic(samples, 50)


class Made:
    """A load of 50 requests per second that runs when it is told to; it ends after `total` requests."""

    def __init__(self, traffic: Traffic) -> None:
        self.traffic, self.seconds = traffic, 0.0

    def run_for(self, seconds: float) -> None:
        self.seconds += seconds

    def so_far(self) -> Traffic:
        return Traffic([one for one in self.traffic if one.t < self.seconds], 50)

    @property
    def running(self) -> bool:
        return self.seconds * 50 < self.traffic.total


def test_a_bad_version_is_caught_when_the_intervals_are_apart():
    said: list[str] = []
    seen = release.watch_errors(Made(mixed(3000, errors=0.1)), new="v3", old="v2", say=said.append)
    assert seen.error_share("v3").low > seen.error_share("v2").high
    assert 50 <= seen.total < 1500
    assert len(said) == seen.total / 50
    assert said[-1].startswith(f"{seen.total} requests; errors of v2: 0.0 %")
    assert "errors of v3: " in said[-1]


@pytest.mark.parametrize("errors", [0.0, 0.01])
def test_a_version_that_is_as_good_is_not_caught(errors):
    load = Made(mixed(3000, errors))
    with pytest.raises(AcplabError) as said:
        release.watch_errors(load, new="v3", old="v2", looks=10, say=lambda line: None)
    assert "v3 was not seen to fail more often than v2" in said.value.sentence
    assert load.seconds == 10


def test_a_load_that_has_ended_is_looked_at_once_more_and_not_again():
    said: list[str] = []
    with pytest.raises(AcplabError):
        release.watch_errors(Made(mixed(100, errors=0.0)), new="v3", old="v2", say=said.append)
    assert len(said) == 2


def test_a_version_that_never_answered_fails_no_more_than_another():
    assert not release.fails_more(mixed(200, errors=0.1), new="v9", old="v2")
    assert not release.fails_more(Traffic([], 50), new="v3", old="v2")


def test_gone_is_the_last_answer_after_the_mark():
    samples = [sample(0.0, "v3"), sample(1.0, "v2"), sample(1.5, "v3", fails=True), sample(2.0, "v2")]
    seen = Traffic(samples, 50, [Mark(0.5, "weight 0"), Mark(1.8, "later")])
    assert release.seconds_until_gone(seen, "v3", "weight 0") == 1.0
    assert release.seconds_until_gone(seen, "v3", "later") == 0
    with pytest.raises(AcplabError):
        release.seconds_until_gone(seen, "v3", "no such mark")


def test_the_share_that_is_lost_counts_from_the_first_failure_to_the_last_one():
    samples = [sample(i / 10, "v2", fails=i in (4, 6, 7)) for i in range(20)]
    lost = release.lost_meanwhile(Traffic(samples, 10))
    assert (lost.hits, lost.n) == (3, 4)
    none = release.lost_meanwhile(Traffic(samples[:4], 10))
    assert (none.hits, none.n) == (0, 0)


def test_the_picture_says_in_words_whether_the_intervals_are_apart():
    apart = release.error_shares(mixed(2000, errors=0.1), new="v3", old="v2")
    assert apart.text.splitlines()[0] == "v3 fails more often than v2: after 2000 requests the intervals are apart"
    assert "errors of v2: 0.0 %" in apart.text
    alike = release.error_shares(mixed(20, errors=0.1), new="v3", old="v2")
    assert alike.title == "After 20 requests the intervals of v2 and v3 overlap"
    for figure in (apart, alike, release.error_shares(Traffic([], 50), new="v3", old="v2")):
        assert figure.png.startswith(b"\x89PNG")


def test_service_weights_are_relative():
    assert release.service_weight("new-nginx: 20, old-nginx: 60") == {"new-nginx": 25.0, "old-nginx": 75.0}
    assert release.service_weight("a:1,b:0") == {"a": 100.0, "b": 0.0}


@pytest.mark.parametrize("annotation", ["", "new-nginx", "new-nginx: many", "a: 0, b: 0", "a: 1: 2"])
def test_what_is_no_service_weight_is_refused(annotation):
    with pytest.raises(AcplabError):
        release.service_weight(annotation)


@pytest.mark.parametrize("table", [release.differences(), release.mapping(), release.controllers()])
def test_a_reference_has_a_cell_for_each_column(table):
    assert {len(row) for row in table.rows} == {len(table.head)}
    assert all(all(cell for cell in row) for row in table.rows)


def test_what_customers_notice():
    def answers(ms: float, fails: bool = False) -> Traffic:
        return Traffic([Sample(0.1 * i, ms, status=200, error="http 500" if fails else None) for i in range(10)], 10)

    assert release.noticed(answers(5)) == "nothing"
    assert release.noticed(answers(2000)) == "some are slow"
    assert release.noticed(answers(5, fails=True)) == "some requests fail"
    assert release.noticed(Traffic([], 10)) == "some requests fail", "nothing came back"
