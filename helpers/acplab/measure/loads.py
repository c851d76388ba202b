"""Sending a load: traffic() waits for it, steady() lets something else happen meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Self, Unpack

from acplab.base.arguments import whole, within
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.measure import schedule
from acplab.measure.request import Request, RequestOptions, prepare
from acplab.measure.results import Traffic
from acplab.measure.samples import UNKNOWN, Mark, Sample
from acplab.measure.schedule import Schedule

if TYPE_CHECKING:
    import asyncio


PAUSE_SECONDS = 0.3  # of until(), between two tries


def traffic(
    url: str,
    n: int | None = None,
    seconds: float | None = None,
    rate: float = 100,
    **options: Unpack[RequestOptions],
) -> Traffic:
    """Send n requests (or rate x seconds, or 100) to url and say what came back.

    Open loop: request i leaves at start + i/rate, whatever became of the earlier ones, and its latency
    counts from that instant, not from when it left. A server that hangs therefore shows up in every request
    it kept waiting (no coordinated omission).

    url: http://127.0.0.1:PORT (or localhost), nothing else.
    rate: requests per second, at most 2000; at most 20000 requests and 300 seconds.
    host: the name to ask for there ("www.example.com"), no URL. path: with its query, "/cart?x=1".
    headers, cookies: dicts of names and values. method: GET if not given.
    timeout: seconds until a request is given up, 3 if not given, at most 30.
    keepalive: reuse connections, as a browser does; False opens one per request.
    Raises AcplabError if the address is elsewhere, an option is wrong or the load too big.
    Failed requests are counted, not raised. Redirects are counted, not followed.
    """
    load = Load(prepare(url, options), schedule.of(n, seconds, rate))
    load.start()
    try:
        load.wait()
    finally:
        load.stop()  # Ctrl-C ends the load too
    return load.result


def steady(url: str, rate: float = 50, **options: Unpack[RequestOptions]) -> Load:
    """A load that runs while the block does, at most 300 s or 20000 requests; the options are those of traffic().

        with steady(ingress_url, host="www.example.com") as load:
            load.mark("switched to v2")
            load.run_for(2)
        load.result

    It ends with the block, also if the block raises; requests under way still end (at most timeout seconds).
    """
    return Load(prepare(url, options), schedule.longest(rate))


def until(
    url: str,
    wanted: str | Callable[[Traffic], bool],
    seconds: float = 20,
    n: int = 30,
    pods: int = 0,
    **options: Unpack[RequestOptions],
) -> Traffic:
    """Send n requests again and again until they are answered as wanted, and return the last ones.

    A change of an Ingress takes some seconds to reach the ingress controller, and this asks instead of guessing.

    wanted: the version that must answer them all ("v2"), or a function that judges the Traffic.
    pods: so many different Pods, at most n, must have answered too: the controller learns of them one by one.
    seconds: how long to try, at most 300. The options are those of traffic(), but keepalive is False unless
    given: with a connection per request every replica of the ingress controller is asked.
    Raises AcplabError with the last answers if time runs out.
    """
    holds = wanted if callable(wanted) else partial(Traffic.only, version=wanted)
    few = whole("pods", pods, n) if pods else 0
    end = time.monotonic() + within("seconds", seconds, schedule.MAX_SECONDS, "s")
    once: RequestOptions = {"keepalive": False, **options}
    while not holds(last := traffic(url, n, **once)) or len(_pods(last)) < few:
        if time.monotonic() >= end:
            raise AcplabError(*_timed_out(seconds, last, holds(last)))
        time.sleep(PAUSE_SECONDS)
    return last


def _pods(seen: Traffic) -> list[str]:
    """The Pods that have answered and said their name."""
    return [name for name in seen.by("pod") if name != UNKNOWN]


def _timed_out(seconds: float, last: Traffic, held: bool) -> tuple[str, str]:
    """What until() says; held: the answers were as wanted, but too few Pods gave them."""
    sentence = _("Timed out after {seconds:g} s; the last answers: {last}.").format(seconds=seconds, last=last)
    if held:
        only = _("Only these Pods answered: {pods}.").format(pods=", ".join(_pods(last)) or "-")
        return f"{sentence} {only}", _("Look at: kubectl get endpointslices -n NAMESPACE")
    return sentence, _("Compare host, path, headers and cookies with the rules of the Ingress or HTTPRoute.")


def as_traffic(given: Traffic | Load) -> Traffic:
    """The traffic itself; of a load what has come back so far. AcplabError for anything else."""
    if isinstance(given, Load):
        return given.so_far()
    if not isinstance(given, Traffic):
        raise AcplabError(
            _("This needs traffic that was measured, not {given!r}.").format(given=given),
            _("Give what measure.traffic(...) returned, or load.result after the block of measure.steady(...)."),
        )
    return given


class Load:
    """A load in a thread and an event loop of its own, so that it works inside Jupyter's running loop."""

    def __init__(self, request: Request, schedule: Schedule) -> None:
        self.request, self.schedule = request, schedule
        self._samples: list[Sample] = []
        self._marks: list[Mark] = []
        self._start: float | None = None
        self._began: datetime | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pace: asyncio.Task[None] | None = None
        self._fault: BaseException | None = None
        self._begun, self._done = threading.Event(), threading.Event()

    def start(self) -> Self:
        """Begin to send; returns when the first request is due."""
        if self._start is not None:
            raise AcplabError(_("This load has been started already."), _("Make a new one with measure.steady(...)."))
        from acplab.measure import http  # noqa: F401  loads aiohttp before the clock starts

        threading.Thread(target=self._run, name="acplab-load", daemon=True).start()
        self._begun.wait()
        self._raise_fault()
        return self

    def stop(self) -> None:
        """Send no more, and wait for the requests under way. Does nothing if the load has ended."""
        if self._loop is None or self._pace is None:
            return
        with suppress(RuntimeError):  # its loop is closed already, so it has ended
            self._loop.call_soon_threadsafe(self._pace.cancel)
        self._done.wait()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the load has ended, at most so many seconds; says whether it has."""
        return self._done.wait(seconds)

    def run_for(self, seconds: float) -> None:
        """Let the load run on for so many seconds. Returns early if it ends before."""
        self._elapsed()
        self.wait(within("seconds", seconds, schedule.MAX_SECONDS, "s"))

    @property
    def started(self) -> float:
        """When it began to send, in time.monotonic(). AcplabError before."""
        return time.monotonic() - self._elapsed()

    @property
    def running(self) -> bool:
        """Whether requests are being sent or still under way."""
        return self._begun.is_set() and not self._done.is_set()

    def mark(self, words: str) -> None:
        """Note that something happens now; charts draw it as a line, Traffic.marks keeps it."""
        self._marks.append(Mark(self._elapsed(), words))

    def so_far(self) -> Traffic:
        """What has come back until now. Requests under way are not in it yet."""
        return Traffic(list(self._samples), self.schedule.rate, list(self._marks), self._began)

    @property
    def result(self) -> Traffic:
        """Everything, after the end. Raises AcplabError before."""
        self._elapsed()
        if not self._done.is_set():
            raise AcplabError(_("The load is still running."), _("Use so_far() inside of the block, result after it."))
        self._raise_fault()
        return self.so_far()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pace is not None and self._pace.done():
            self._marks.append(Mark(self.schedule.seconds, _("the load reached its limit and ended")))
        self.stop()
        if fault is None:
            self._raise_fault()

    def __repr__(self) -> str:
        state = _("running") if self.running else _("ended") if self._done.is_set() else _("not started")
        return _("load, {state}: {seen}").format(state=state, seen=self.so_far())

    def _elapsed(self) -> float:
        if self._start is None:
            raise AcplabError(
                _("The load has not been started."), _("Use it in a block: `with measure.steady(...) as load:`.")
            )
        return time.monotonic() - self._start

    def _run(self) -> None:
        import asyncio

        from acplab.measure import http

        try:
            asyncio.run(http.send(self.request, self.schedule, self._samples.append, self._note_begun))
        except BaseException as fault:  # raised in the thread that asks for the result
            self._fault = fault
        finally:
            self._begun.set()
            self._done.set()

    def _note_begun(self, start: float, pace: asyncio.Task[None]) -> None:
        self._start, self._began, self._pace, self._loop = start, datetime.now(UTC), pace, pace.get_loop()
        self._begun.set()

    def _raise_fault(self) -> None:
        if self._fault is not None:
            raise self._fault
