"""The load generator against a server on this machine that misbehaves on request."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from acplab.base.errors import AcplabError
from acplab.measure import Load, Traffic, loads, steady, traffic, until
from loopback import Loopback, nobody, serve


@pytest.fixture
def server() -> Iterator[Loopback]:
    with serve(www_example_com="v1", new_example_com="v2") as running:
        yield running


def test_exactly_n_requests_at_their_instants(server: Loopback) -> None:
    seen = traffic(server.url, n=50, rate=500)
    assert seen.total == seen.ok == len(server.seen) == 50
    assert [sample.t for sample in seen] == [i / 500 for i in range(50)]
    assert seen.by_version == {"v1": 50}
    assert all(sample.status == 200 and 0 <= sample.lag <= sample.ms for sample in seen)


def test_seconds_times_rate_requests(server: Loopback) -> None:
    assert traffic(server.url, seconds=0.1, rate=300).total == len(server.seen) == 30


def test_a_slow_server_does_not_slow_the_load() -> None:
    """The server answers nobody until all have asked: only a sender that waits for no answer gets through."""
    with serve(gate=150) as server:
        seen = traffic(server.url, n=150, rate=1500, path="/gate", timeout=20)
    assert (seen.ok, seen.failed) == (150, 0)
    assert [sample.t for sample in seen] == [i / 1500 for i in range(150)]
    # the first was held until the last had left, and its latency says so
    assert seen[0].ms / 1000 >= seen[-1].t - seen[0].t


@pytest.mark.parametrize(
    ("path", "error", "status"),
    [
        ("/503", "http 503", 503),
        ("/404", "http 404", 404),
        ("/reset", "connection reset", None),
        ("/close", "connection closed", None),
        ("/short", "answer cut short", None),
        ("/hang", "timeout", None),
    ],
)
@pytest.mark.parametrize("keepalive", [True, False])
def test_errors_by_kind(server: Loopback, path: str, error: str, status: int | None, keepalive: bool) -> None:
    seen = traffic(server.url, n=5, rate=200, path=path, timeout=0.3 if path == "/hang" else 5, keepalive=keepalive)
    assert seen.errors == {error: 5}
    assert seen.by_version == {}
    assert {sample.status for sample in seen} == {status}
    assert len(server.seen) == 5, "a lost request must not be repeated in secret"


def test_nobody_listens() -> None:
    seen = traffic(nobody(), n=5, rate=200)
    assert seen.errors == {"connection refused": 5}
    assert seen.failed == 5


def test_an_error_of_the_app_has_a_version(server: Loopback) -> None:
    seen = traffic(server.url, n=3, rate=200, path="/500")
    assert seen.errors == {"http 500": 3}
    assert seen.by_version == {"v1": 3}


@pytest.mark.parametrize(("path", "version"), [("/", "v1"), ("/body", "v1"), ("/bare", "?"), ("/text", "?")])
def test_where_the_version_comes_from(server: Loopback, path: str, version: str) -> None:
    assert traffic(server.url, n=2, rate=200, path=path).by_version == {version: 2}


def test_the_host_header_chooses(server: Loopback) -> None:
    assert traffic(server.url, n=2, host="www.example.com").by_version == {"v1": 2}
    assert traffic(server.url, n=2, host="new.example.com").by_version == {"v2": 2}
    assert {request.headers["host"] for request in server.seen} == {"www.example.com", "new.example.com"}


def test_headers_cookies_method_and_path_arrive(server: Loopback) -> None:
    seen = traffic(
        server.url, n=1, path="/cart?x=1", headers={"foo": "bar"}, cookies={"foo": "a b", "x": "y"}, method="post"
    )
    request = server.seen[0]
    assert (request.method, request.path) == ("POST", "/cart?x=1")
    assert request.headers["foo"] == "bar"
    assert request.headers["cookie"] == "foo=a b; x=y"
    assert seen.bodies(1)[0]["headers"]["foo"] == "bar"


def test_head_works(server: Loopback) -> None:
    assert traffic(server.url, n=2, method="HEAD").by_version == {"v1": 2}


def test_no_cookie_is_kept_and_no_redirect_followed(server: Loopback) -> None:
    seen = traffic(server.url, n=3, rate=20, path="/302")
    assert [sample.status for sample in seen] == [302, 302, 302]
    assert seen.failed == 0
    assert not any("cookie" in request.headers for request in server.seen)


def test_redirects_are_named_with_their_target(server: Loopback) -> None:
    seen = traffic(server.url, n=6, rate=200, path="/308")
    assert seen.redirects == {"http 308 to https://shop.example.com/cart": 6}
    assert repr(seen) == "6 requests: ? 6; none failed; 6 redirected (http 308 to https://shop.example.com/cart)"
    assert "6 redirected (http 308 to https://shop.example.com/cart)" in seen.summary().splitlines()
    assert len(server.seen) == 6, "a redirect is not followed"


def test_an_answer_that_is_no_redirect_has_no_target(server: Loopback) -> None:
    assert traffic(server.url, n=1, path="/201").redirects == {}


def test_localhost_is_this_machine(server: Loopback) -> None:
    assert traffic(f"http://localhost:{server.port}", n=3).ok == 3


def test_connections_are_reused_unless_told_not_to(server: Loopback) -> None:
    traffic(server.url, n=8, rate=20)
    assert server.connections < 8
    before = server.connections
    traffic(server.url, n=8, rate=200, keepalive=False)
    assert server.connections == before + 8


def test_bodies_are_counted_by_field(server: Loopback) -> None:
    assert sum(traffic(server.url, n=6, rate=200).by("node").values()) == 6


def test_it_works_inside_a_running_event_loop(server: Loopback) -> None:
    async def cell() -> Traffic:
        with steady(server.url, rate=200) as load:
            server.wait_for(3)
        return traffic(server.url, n=3) if load.result.ok >= 3 else load.result

    assert asyncio.run(cell()).by_version == {"v1": 3}


def test_a_steady_load_runs_as_long_as_the_block(server: Loopback) -> None:
    with steady(server.url, rate=200, host="new.example.com", headers={"foo": "bar"}) as load:
        server.wait_for(5)
        load.mark("switched to v2")
        assert load.running
        server.wait_for(10)
        assert load.so_far().total <= 15_000
    seen = load.result
    assert not load.running
    assert seen.total == seen.ok == len(server.seen) >= 10
    assert [mark.words for mark in seen.marks] == ["switched to v2"]
    assert seen.samples[3].t < seen.marks[0].t
    assert seen.after("switched to v2").total < seen.total
    assert server.seen[0].headers["foo"] == "bar"


def test_run_for_lets_the_load_run(server: Loopback) -> None:
    with steady(server.url, rate=100) as load:
        began = time.monotonic()
        load.run_for(0.25)
        assert time.monotonic() - began >= 0.25
        assert load.running
        server.wait_for(20)


def test_run_for_returns_early_when_the_load_ends(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("acplab.measure.schedule.MAX_REQUESTS", 5)
    began = time.monotonic()
    with steady(server.url, rate=200) as load:
        load.run_for(60)
    assert time.monotonic() - began < 30
    assert load.result.total == 5


def test_run_for_needs_a_running_load_and_seconds(server: Loopback) -> None:
    load = steady(server.url)
    with pytest.raises(AcplabError, match="not been started"):
        load.run_for(1)
    with load, pytest.raises(AcplabError, match="seconds must be a number, not '1'"):
        load.run_for("1")  # type: ignore[arg-type]


def test_until_asks_again_and_again(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loads, "PAUSE_SECONDS", 0)
    server.failing = True

    def wanted(seen: Traffic) -> bool:
        server.failing = len(server.seen) < 20
        return seen.only("v1")

    seen = until(server.url, wanted, n=10)
    assert (seen.total, seen.by_version) == (10, {"v1": 10})
    assert len(server.seen) == 30
    assert server.connections == 30, "a connection per request asks every replica"


def test_until_takes_a_version(server: Loopback) -> None:
    assert until(server.url, "v2", n=3, host="new.example.com", keepalive=True).only("v2")


def test_until_waits_for_so_many_pods(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loads, "PAUSE_SECONDS", 0)
    assert len(until(server.url, "v1", n=4, pods=2).by("pod")) == 2
    with pytest.raises(AcplabError, match=r"v1 4; .*Only these Pods answered: pod-0, pod-1\.") as told:
        until(server.url, "v1", seconds=0.01, n=4, pods=3)
    assert "kubectl get endpointslices" in str(told.value)


def test_until_cannot_hear_more_pods_than_it_sends_requests(server: Loopback) -> None:
    with pytest.raises(AcplabError, match="pods must be greater than 0 and at most 3, not 4"):
        until(server.url, "v1", n=3, pods=4)


def test_until_gives_up_with_the_last_answers(server: Loopback) -> None:
    with pytest.raises(AcplabError, match=r"Timed out after 0\.01 s; the last answers: 3 requests: v1 3"):
        until(server.url, "v2", seconds=0.01, n=3)


@pytest.mark.parametrize(("seconds", "words"), [("20", "must be a number"), (0, "greater than 0 s"), (301, "300 s")])
def test_until_is_told_how_long_in_seconds(server: Loopback, seconds: Any, words: str) -> None:
    with pytest.raises(AcplabError, match=f"seconds .*{words}"):
        until(server.url, "v1", seconds=seconds)
    assert server.seen == []


def _break_after(count: int, server: Loopback, load: Load) -> None:
    with load:
        server.wait_for(count)
        raise ZeroDivisionError


def test_an_exception_in_the_block_stops_the_load_and_is_not_hidden(server: Loopback) -> None:
    load = steady(server.url, rate=200)
    with pytest.raises(ZeroDivisionError):
        _break_after(3, server, load)
    assert not load.running
    assert load.result.total == len(server.seen) >= 3


def test_the_end_does_not_wait_for_the_next_instant(server: Loopback) -> None:
    before = datetime.now(UTC)
    with steady(server.url, rate=0.05) as load:  # the second request would be due in 20 s
        server.wait_for(1)
    assert load.result.total == 1
    assert load.result.began is not None
    assert before <= load.result.began <= datetime.now(UTC)


def test_requests_under_way_at_the_end_still_count() -> None:
    with serve() as server, steady(server.url, rate=100, path="/hang", timeout=0.5) as load:
        server.wait_for(3)
    assert load.result.total == len(server.seen) == load.result.errors["timeout"]


def test_outages_are_found(server: Loopback) -> None:
    with steady(server.url, rate=200) as load:
        server.wait_for(10)
        server.failing = True
        load.mark("broken")
        server.wait_for(30)
        server.failing = False
        server.wait_for(50)
    outage = load.result.outages(gap=1.0)
    assert len(outage) == 1
    assert outage[0].lost == load.result.failed >= 10
    assert load.result.seconds_to_recover == pytest.approx(outage[0].end - outage[0].start)
    assert load.result.errors == {"http 503": load.result.failed}


def test_a_load_that_reaches_its_limit_says_so(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("acplab.measure.schedule.MAX_REQUESTS", 5)
    with steady(server.url, rate=200) as load:
        assert load.wait(20)
    assert load.result.total == 5
    assert "limit" in load.result.marks[0].words


def test_results_in_the_wrong_moment_are_refused(server: Loopback) -> None:
    load = steady(server.url)
    for early in (lambda: load.mark("x"), lambda: load.result):
        with pytest.raises(AcplabError, match="not been started"):
            early()
    load.stop()
    with load, pytest.raises(AcplabError, match="still running"):
        _ = load.result
    with pytest.raises(AcplabError, match="already"):
        load.start()
    assert "ended" in repr(load)


def test_a_fault_of_ours_is_raised_not_counted(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(body: bytes) -> str:
        raise KeyError("ours")

    monkeypatch.setattr("acplab.measure.http._version_in", broken)
    with pytest.raises(KeyError, match="ours"):
        traffic(server.url, n=3, path="/bare")
    with pytest.raises(ZeroDivisionError):
        _break_after(4, server, steady(server.url, path="/bare"))


def test_the_import_is_light() -> None:
    heavy = "aiohttp", "asyncio", "matplotlib", "ipywidgets", "IPython", "kubernetes", "numpy"
    code = f"import sys, acplab.measure, acplab.show; print([m for m in {heavy!r} if m in sys.modules])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
