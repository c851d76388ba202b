"""Every picture can be drawn, leaves matplotlib as it was, and says the same in words."""

from __future__ import annotations

import re
from html import unescape
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib
import pytest
from acplab import show
from acplab.base.errors import AcplabError
from acplab.measure import Mark, Sample, Traffic
from acplab.show import buckets, callouts, style
from hypothesis import given
from hypothesis import strategies as st

PNG = b"\x89PNG"


def made(who: list[str], rate: float = 10, marks: tuple[Mark, ...] = ()) -> Traffic:
    """A version each, or "" for a 503."""
    samples = [
        Sample(i / rate, 4, status=200, version=name) if name else Sample(i / rate, 4, status=503, error="http 503")
        for i, name in enumerate(who)
    ]
    return Traffic(samples, rate, marks)


SPLIT = made(["v1"] * 160 + ["v2"] * 40)
ROLLOUT = made(["v1"] * 20 + [""] * 10 + ["v2"] * 30, marks=(Mark(2.0, "switched"), Mark(5.95, "done")))


def test_split_in_words() -> None:
    assert show.split(SPLIT, {"v1": 0.8, "v2": 0.3}).text.splitlines() == [
        "Who answered 200 requests",
        "  v1: 80.0 % (95 % interval 73.9-85.0 %, 160 of 200); wanted 80.0 %, inside the interval",
        "  v2: 20.0 % (95 % interval 15.0-26.1 %, 40 of 200); wanted 30.0 %, OUTSIDE the interval",
    ]


def test_split_tells_failures_and_missing_versions() -> None:
    text = show.split(made(["v1"] * 8 + [""] * 2), {"v2": 0.5}).text
    assert "Who answered 8 of 10 requests" in text
    assert "v2: 0.0 %" in text
    assert "2 failed (http 503)" in text
    assert show.split(made([""] * 3)).title == "No answers to 3 requests"
    assert show.split(made([""])).title == "No answer to 1 request"
    assert show.split(made(["v1"])).title == "Who answered 1 request"


def test_split_puts_the_unknown_version_last() -> None:
    lines = show.split(made(["?", "v1"])).text.splitlines()
    assert [line.split(":")[0].strip() for line in lines[1:]] == ["v1", "?"]


def test_wanted_shares_are_not_percents() -> None:
    with pytest.raises(AcplabError, match=r"wanted\['v2'\] must be a share from 0 to 1, not 20") as caught:
        show.split(SPLIT, {"v2": 20})
    assert "0.2 for 20 %" in caught.value.remedy
    with pytest.raises(AcplabError, match="must be a number"):
        show.split(SPLIT, {"v2": "0.2"})  # type: ignore[dict-item]


def test_timeline_in_words() -> None:
    assert show.timeline(ROLLOUT, bucket=0.5).text.splitlines() == [
        "60 requests over 6.0 s, 10 failed (http 503)",
        "  0.0-2.0 s: v1 20",
        "  2.0 s: switched",
        "  2.0-3.0 s: failed 10",
        "  3.0-5.5 s: v2 25",
        "  6.0 s: done",
        "  5.5-6.0 s: v2 5",
        "  outage from 2.00 s to 3.00 s (1.00 s): 10 requests lost",
        "  recovered 1.00 s after the first failure",
    ]


def test_redirects_are_in_the_words_of_every_chart() -> None:
    away = Traffic([Sample(i, 1, status=308, location="https://shop.example.com/") for i in range(6)], rate=1)
    for figure in (show.split(away), show.timeline(away)):
        assert "  6 redirected (http 308 to https://shop.example.com/)" in figure.text.splitlines()


def test_one_request_is_not_many() -> None:
    assert show.timeline(made(["v1"])).title == "1 request over 0.1 s, none failed"


def test_sample_sizes_in_words() -> None:
    text = show.sample_sizes(0.2, [0.3, 0.25, 0.15]).text
    assert re.findall(r"from (\d+) % .*: ([\d ]+) requests", text) == [("15", "906"), ("25", "1 094"), ("30", "294")]
    with pytest.raises(AcplabError, match="no share"):
        show.sample_sizes(0.2, [])


FIGURES = {
    "split": lambda: show.split(SPLIT, {"v1": 0.8, "v2": 0.3}),
    "split of nothing": lambda: show.split(made([])),
    "split of failures": lambda: show.split(made([""] * 3), {"v1": 1.0}),
    "timeline": lambda: show.timeline(ROLLOUT),
    "timeline of nothing": lambda: show.timeline(made([])),
    "timeline of one": lambda: show.timeline(made(["v1"])),
    "timeline of failures": lambda: show.timeline(made([""] * 30)),
    "timeline of many outages": lambda: show.timeline(made((["v1"] * 15 + [""]) * 8)),
    "timeline of many versions": lambda: show.timeline(made([f"v{i % 9}" for i in range(90)])),
    "timeline with a late mark": lambda: show.timeline(made(["v1"] * 9, marks=(Mark(30, "新版本 " * 40),))),
    "timeline with a Chinese mark": lambda: show.timeline(made(["v1"] * 9, marks=(Mark(0.1, "新版本上线"),))),
    "sizes": lambda: show.sample_sizes(0.2, [0.1, 0.25]),
    "sizes at the ends": lambda: show.sample_sizes(0.0, [0.001, 1.0]),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_has_a_picture_and_words(name: str) -> None:
    figure = FIGURES[name]()
    bundle = figure._repr_mimebundle_()
    assert bundle["image/png"].startswith(PNG)
    assert bundle["text/plain"] == figure.text == repr(figure)
    assert f'alt="{figure.alt}"' in unescape(bundle["text/html"])
    assert figure.alt.startswith(figure.title)
    assert all(line.strip() in unescape(bundle["text/html"]) for line in figure.text.splitlines())


def test_the_alternative_text_says_the_result() -> None:
    assert show.split(made(["v1"] * 160 + ["v2"] * 40)).alt == (
        "Who answered 200 requests; v1: 80.0 % (95 % interval 73.9-85.0 %, 160 of 200);"
        " v2: 20.0 % (95 % interval 15.0-26.1 %, 40 of 200)"
    )
    long = show.timeline(made((["v1"] * 15 + [""]) * 8)).alt
    assert len(long) <= 260
    assert long.endswith("; ...")


def test_save_writes_pictures_and_words(tmp_path: Path) -> None:
    figure = show.split(SPLIT)
    assert figure.save(tmp_path / "a.png").read_bytes().startswith(PNG)
    assert b"<svg" in figure.save(str(tmp_path / "a.svg")).read_bytes()
    assert figure.save(tmp_path / "a.txt").read_text() == figure.text


def test_no_global_state_of_matplotlib_is_touched() -> None:
    with matplotlib.rc_context({"axes.facecolor": "black"}):
        before = dict(matplotlib.rcParams)
        assert show.split(SPLIT).png
        assert dict(matplotlib.rcParams) == before


def test_words_from_outside_are_escaped() -> None:
    seen = made(["<script>"] * 3, marks=(Mark(0.1, "<b>x</b>"),))
    for html in (show.split(seen).html(), show.timeline(seen).html()):
        assert "<script>" not in html
        assert "<b>" not in html


traffics = st.builds(
    made,
    st.lists(st.sampled_from(["v1", "v2", "v3", "?", ""]), max_size=300),
    st.floats(0.5, 500),
    st.lists(st.builds(Mark, st.floats(0, 50), st.text("abc 版", max_size=8)), max_size=4).map(tuple),
)


@given(traffics, st.none() | st.floats(0.05, 20))
def test_no_request_is_lost_in_a_bucket(seen: Traffic, width: float | None) -> None:
    pieces = buckets.cut(seen, width)
    assert sum(sum(piece.counts.values()) for piece in pieces) == seen.total
    assert all(earlier.end == pytest.approx(later.start) for earlier, later in pairwise(pieces))
    assert all(piece.end > piece.start for piece in pieces)
    assert sum(piece.counts[buckets.FAILED] for piece in pieces) == seen.failed


@given(traffics)
def test_buckets_are_not_too_many(seen: Traffic) -> None:
    assert len(buckets.cut(seen)) <= buckets.MAX_BUCKETS


@given(traffics)
def test_the_words_of_a_timeline_count_every_request(seen: Traffic) -> None:
    lines = buckets.describe(buckets.cut(seen), ())
    counted = sum(int(number) for line in lines for number in re.findall(r" (\d+)(?:,|$)", line.split(": ", 1)[1]))
    assert counted == seen.total


def test_a_full_last_bucket_is_as_high_as_the_others() -> None:
    pieces = buckets.cut(made(["v1"] * 12), width=0.5)
    assert [piece.rate("v1") for piece in pieces] == pytest.approx([10, 10, 10])


@pytest.mark.parametrize(
    ("width", "words"),
    [
        (0, "bucket must be greater than 0 s and at most 300 s, not 0 s"),
        (-1, "bucket must be greater than 0 s"),
        (float("inf"), "at most 300 s"),
        (float("nan"), "bucket must be greater than 0 s"),
        ("0.5", "bucket must be a number, not '0.5'"),
    ],
)
def test_a_bucket_has_a_length(width: Any, words: str) -> None:
    with pytest.raises(AcplabError, match=words):
        show.timeline(SPLIT, bucket=width)


@given(st.lists(st.builds(Mark, st.floats(0, 9), st.text("ab ", max_size=30)), max_size=6).map(sorted))
def test_words_of_marks_do_not_cover_each_other(marks: list[Mark]) -> None:
    rows = callouts.mark_rows(marks, span=10)
    reaches = [callouts._mark_reach(mark, 10) for mark in marks]
    for i, row in enumerate(rows):
        assert not any(
            row == other and callouts._meet(reaches[i], reaches[j]) for j, other in enumerate(rows) if j != i
        )


def test_a_version_keeps_its_colour() -> None:
    assert style.colours(["v2"])["v2"] == style.colours(["v1", "v2", "?"])["v2"]
    many = style.colours([*(f"v{i}" for i in range(1, 7)), "?"])
    assert len(set(many.values())) == 7
    assert style.colours(["old", "new"]).keys() == {"old", "new"}
