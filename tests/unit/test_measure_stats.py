"""Shares, intervals and sample sizes against textbook values and properties that hold for all numbers."""

from __future__ import annotations

import math
import statistics

import pytest
from acplab.base.errors import AcplabError
from acplab.measure import Share, quantile, sample_for_margin, sample_size, wilson
from hypothesis import given
from hypothesis import strategies as st

counts = st.integers(1, 20_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
confidences = st.floats(0.5, 0.999)
shares = st.floats(0, 1)
margins = st.floats(0.005, 0.5)


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, table I, method 3
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (29, 29, 0.8830, 1.0),
    ],
)
def test_wilson_gives_the_published_values(hits: int, n: int, low: float, high: float) -> None:
    assert wilson(hits, n) == pytest.approx((low, high), abs=5e-5)


@given(counts, confidences)
def test_wilson_contains_the_estimate_and_stays_a_share(count: tuple[int, int], confidence: float) -> None:
    hits, n = count
    low, high = wilson(hits, n, confidence)
    assert 0 <= low <= hits / n <= high <= 1
    assert low < high


@given(counts)
def test_wilson_is_symmetric(count: tuple[int, int]) -> None:
    hits, n = count
    low, high = wilson(hits, n)
    assert wilson(n - hits, n) == pytest.approx((1 - high, 1 - low), abs=1e-12)


@given(counts, st.integers(2, 10))
def test_wilson_narrows_with_n(count: tuple[int, int], times: int) -> None:
    hits, n = count
    low, high = wilson(hits, n)
    less_low, less_high = wilson(times * hits, times * n)
    assert less_high - less_low < high - low


@given(counts, confidences)
def test_wilson_widens_with_confidence(count: tuple[int, int], confidence: float) -> None:
    low, high = wilson(*count, confidence)
    wider_low, wider_high = wilson(*count, (1 + confidence) / 2)
    assert wider_low <= low
    assert wider_high >= high


@given(counts)
def test_wilson_ends_are_where_the_score_test_turns(count: tuple[int, int]) -> None:
    """The definition: an end is the share whose distance from the estimate is z of its own standard errors."""
    hits, n = count
    for end in wilson(hits, n):
        if 0 < end < 1:
            z = abs(hits / n - end) / math.sqrt(end * (1 - end) / n)
            assert z == pytest.approx(statistics.NormalDist().inv_cdf(0.975), rel=1e-6)


def test_wilson_of_nothing_knows_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(("hits", "n"), [(3, 2), (-1, 5), (0, -1)])
def test_wilson_refuses_what_cannot_be(hits: int, n: int) -> None:
    with pytest.raises(AcplabError, match="hits"):
        wilson(hits, n)


@pytest.mark.parametrize(
    ("p", "other", "power", "n"),
    [
        (0.20, 0.25, 0.80, 1094),  # power.prop.test of R: 1093.74
        (0.50, 0.75, 0.90, 77),  # the example in R's documentation: 76.65
        (0.10, 0.20, 0.80, 199),  # R: 198.96
        (0.0, 1.0, 0.80, 2),  # by hand: 1.96² / 2
    ],
)
def test_sample_size_gives_the_values_of_power_prop_test(p: float, other: float, power: float, n: int) -> None:
    assert sample_size(p, other, power=power) == n


distinct = st.tuples(shares, shares).filter(lambda pair: abs(pair[0] - pair[1]) > 1e-3)


@given(distinct)
def test_sample_size_is_symmetric(pair: tuple[float, float]) -> None:
    p, other = pair
    assert sample_size(p, other) == sample_size(other, p) >= 1
    assert sample_size(1 - p, 1 - other) == pytest.approx(sample_size(p, other), abs=1)


@given(distinct, st.floats(0.55, 0.9))
def test_sample_size_grows_with_what_is_asked(pair: tuple[float, float], ask: float) -> None:
    p, other = pair
    n = sample_size(p, other, confidence=ask, power=ask)
    assert sample_size(p, other, confidence=0.95, power=ask) >= n
    assert sample_size(p, other, confidence=ask, power=0.95) >= n
    assert sample_size(p, (p + other) / 2, confidence=ask, power=ask) >= n


def test_sample_size_of_no_difference_is_refused() -> None:
    with pytest.raises(AcplabError, match="from itself"):
        sample_size(0.2, 0.2)


@pytest.mark.parametrize(
    ("p", "margin", "n"),
    [(0.5, 0.05, 385), (0.5, 0.03, 1068), (0.2, 0.05, 246), (0.0, 0.05, 73), (1.0, 0.05, 73), (0.5, 0.5, 4)],
)
def test_sample_for_margin_gives_the_textbook_values(p: float, margin: float, n: int) -> None:
    assert sample_for_margin(p, margin) == n


@given(shares, margins)
def test_sample_for_margin_shrinks_with_the_margin(p: float, margin: float) -> None:
    n = sample_for_margin(p, margin)
    assert 1 <= n <= sample_for_margin(p, margin / 2)
    assert sample_for_margin(1 - p, margin) == pytest.approx(n, abs=1)
    assert n <= sample_for_margin(0.5, margin)


@given(margins)
def test_sample_for_margin_without_a_hit_keeps_the_interval_within_the_margin(margin: float) -> None:
    assert wilson(0, sample_for_margin(0.0, margin))[1] <= margin + 1e-9


@pytest.mark.parametrize("bad", [{"p": 20, "margin": 0.05}, {"p": 0.2, "margin": 0}, {"p": -0.1, "margin": 0.1}])
def test_sample_for_margin_refuses_percents_and_no_margin(bad: dict[str, float]) -> None:
    with pytest.raises(AcplabError):
        sample_for_margin(**bad)


@pytest.mark.parametrize("confidence", [0, 1, 95])
def test_confidence_is_a_probability(confidence: float) -> None:
    with pytest.raises(AcplabError, match="greater than 0 and less than 1"):
        wilson(1, 2, confidence)


def test_share_reads_well() -> None:
    assert repr(Share(40, 200)) == "20.0 % (95 % interval 15.0-26.1 %, 40 of 200)"
    assert repr(Share(0, 0)) == "unknown (0 of 0)"


def test_share_says_what_it_is_compatible_with() -> None:
    share = Share(40, 200)
    assert (share.estimate, share.low, share.high) == (0.2, *wilson(40, 200))
    assert share.includes(0.25)
    assert not share.includes(0.3)
    assert Share(0, 0).includes(0.9)
    assert math.isnan(Share(0, 0).estimate)


def test_share_refuses_what_cannot_be() -> None:
    with pytest.raises(AcplabError):
        Share(5, 4)


values = st.lists(st.floats(0, 1e6), min_size=2, max_size=200)


@given(values, st.integers(1, 99))
def test_quantile_agrees_with_the_standard_library(data: list[float], percent: int) -> None:
    expected = statistics.quantiles(data, n=100, method="inclusive")[percent - 1]
    assert quantile(data, percent / 100) == pytest.approx(expected, rel=1e-6, abs=1e-6)


@given(values, shares, shares)
def test_quantile_grows_from_least_to_most(data: list[float], q: float, other: float) -> None:
    assert quantile(data, 0) == min(data)
    assert quantile(data, 1) == max(data)
    small, large = sorted((q, other))
    assert quantile(data, small) <= quantile(data, large) + 1e-6


def test_quantile_of_nothing_is_not_a_number() -> None:
    assert math.isnan(quantile([], 0.5))


def test_quantile_wants_a_share() -> None:
    with pytest.raises(AcplabError, match="share from 0 to 1"):
        quantile([1.0], 95)
