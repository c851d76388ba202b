"""Only to this machine, and only so much."""

from __future__ import annotations

from typing import Any

import pytest
from acplab.base.errors import AcplabError
from acplab.measure import plans, steady, traffic
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    "url",
    [
        "http://www.example.com",
        "http://localhost:8080",
        "http://192.168.1.1",
        "http://0.0.0.0:80",
        "http://128.0.0.1",
        "http://[::1]:80",
        "http://[::ffff:127.0.0.1]",
        "http://127.0.0.1@198.51.100.1/",
        "http://user@127.0.0.1/",
        "http://127.1",
        "http://0177.0.0.1",
        "http://2130706433",
        "https://127.0.0.1",
        "ftp://127.0.0.1",
        "127.0.0.1:8080",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:port",
        "http://",
        "",
    ],
)
def test_other_addresses_are_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("acplab.measure.loads.Load.start", lambda load: pytest.fail(f"sends to {load.plan.url}"))
    with pytest.raises(AcplabError, match="not an address on this machine"):
        traffic(url, n=1)
    with pytest.raises(AcplabError, match="not an address on this machine"):
        steady(url)


@given(st.text(max_size=40))
def test_whatever_is_accepted_goes_to_this_machine(text: str) -> None:
    for url in (text, f"http://{text}", f"http://127.0.0.1{text}", f"http://127.0.0.1:80/{text}"):
        try:
            target = plans.target(url)
        except AcplabError:
            continue
        from yarl import URL  # what aiohttp makes of it

        assert (URL(target).host or "").startswith("127.")
        assert URL(target).user is None


@pytest.mark.parametrize(
    ("url", "path", "whole"),
    [
        ("http://127.0.0.1:80", "/", "http://127.0.0.1:80/"),
        ("http://127.0.0.1", "/cart?x=1", "http://127.0.0.1:80/cart?x=1"),
        ("http://127.9.9.9:1/own?y=2", "/", "http://127.9.9.9:1/own?y=2"),
        ("http://127.0.0.1:1/own", "/other", "http://127.0.0.1:1/other"),
        ("http://127.0.0.1:1/own", "//198.51.100.1/", "http://127.0.0.1:1//198.51.100.1/"),
    ],
)
def test_the_target(url: str, path: str, whole: str) -> None:
    assert plans.target(url, path) == whole


@pytest.mark.parametrize("path", ["cart", "@198.51.100.1/", "", "/a\r\nb"])
def test_a_path_starts_with_a_slash(path: str) -> None:
    with pytest.raises(AcplabError, match="not a path"):
        plans.target("http://127.0.0.1:80", path)


@pytest.mark.parametrize(
    "much",
    [
        {"n": 20_001, "rate": 2000},
        {"n": 0},
        {"n": -1},
        {"rate": 2001},
        {"rate": 0},
        {"rate": -5},
        {"rate": float("nan")},
        {"rate": float("inf")},
        {"seconds": 301, "rate": 1},
        {"seconds": 0},
        {"n": 400, "rate": 1},
        {"seconds": 100, "rate": 1000},
        {"timeout": 0},
        {"timeout": 31},
    ],
)
def test_too_much_is_refused(much: dict[str, Any]) -> None:
    with pytest.raises(AcplabError, match="outside of what a load may be"):
        traffic("http://127.0.0.1:9", **much)


def test_n_and_seconds_together_are_refused() -> None:
    with pytest.raises(AcplabError, match="Both"):
        traffic("http://127.0.0.1:9", n=5, seconds=5)


@pytest.mark.parametrize(
    ("n", "seconds", "rate", "count"), [(7, None, 100, 7), (None, 2, 50, 100), (None, None, 9, 100), (None, 0.1, 1, 1)]
)
def test_how_many(n: int | None, seconds: float | None, rate: float, count: int) -> None:
    assert plans.count_for(n, seconds, rate) == count


@pytest.mark.parametrize(("rate", "count"), [(50, 15_000), (100, 20_000), (0.001, 1)])
def test_a_steady_load_is_bounded(rate: float, count: int) -> None:
    assert plans.longest(rate) == count


def test_headers_are_merged_whatever_their_case() -> None:
    plan = plans.make(
        "http://127.0.0.1",
        1,
        1,
        "www.example.com",
        headers={"host": "no", "COOKIE": "a=b", "foo": "bar"},
        cookies={"c": "d"},
    )
    assert plan.headers == {"Host": "www.example.com", "Cookie": "a=b; c=d", "foo": "bar"}


@pytest.mark.parametrize("given_", [{"headers": {"a": "b\r\nc: d"}}, {"host": "x\n"}, {"headers": {"": "x"}}])
def test_a_header_is_one_line(given_: dict[str, Any]) -> None:
    with pytest.raises(AcplabError, match="not one line"):
        plans.make("http://127.0.0.1", 1, 1, **given_)


def test_a_method_is_a_word() -> None:
    with pytest.raises(AcplabError, match="not an HTTP method"):
        plans.make("http://127.0.0.1", 1, 1, method="GET / HTTP/1.1")
