"""The open loop: sends each request at its scheduled instant, whatever became of earlier ones.

The only file that talks to aiohttp. Every sample is one attempt: no redirect is followed (it could lead off
this machine), no cookie is kept, and a request that was lost is not sent again behind our back.
"""

from __future__ import annotations

import asyncio
import errno
import json
import re
import ssl
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import aiohttp

from acplab.measure.request import Request
from acplab.measure.samples import UNKNOWN, Sample
from acplab.measure.schedule import Schedule

VERSION_HEADER = "X-Storefront-Version"
MAX_BODY = 16 * 1024
# What each errno of a failed connection is called in Traffic.errors. EPIPE: the reset came while we wrote.
NAMES = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.ECONNABORTED: "connection reset",
    errno.EPIPE: "connection reset",
    errno.EHOSTUNREACH: "unreachable",
    errno.ENETUNREACH: "unreachable",
    errno.EMFILE: "too many open files here",
    errno.EADDRNOTAVAIL: "no free port here",
}


class _Lost(Exception):
    """A request that got no answer; the cause says why."""


@dataclass(frozen=True)
class _Load:
    """What every request of a load needs."""

    request: Request
    schedule: Schedule
    session: aiohttp.ClientSession
    start: float
    now: Callable[[], float]
    record: Callable[[Sample], None]


class _Answer(NamedTuple):
    """What became of one request; the fields are those of Sample."""

    status: int | None = None
    version: str = UNKNOWN
    error: str | None = None
    body: bytes = b""
    location: str = ""


async def send(
    request: Request,
    schedule: Schedule,
    record: Callable[[Sample], None],
    begun: Callable[[float, asyncio.Task[None]], None],
) -> None:
    """Send the request at each instant of the schedule and return when the last one has ended.

    record: gets each sample as it ends. begun: gets the start (time.monotonic) and the task that sends;
    to cancel it ends the load early, and requests under way still end and count.
    """
    _allow_sockets(schedule.rate * request.timeout)
    flight: set[asyncio.Task[None]] = set()
    async with _session(request) as session:
        clock = asyncio.get_running_loop().time  # time.monotonic
        load = _Load(request, schedule, session, clock(), clock, record)
        pace = asyncio.create_task(_pace(load, flight))
        begun(load.start, pace)
        with suppress(asyncio.CancelledError):
            await pace
        await asyncio.gather(*flight)


async def _pace(load: _Load, flight: set[asyncio.Task[None]]) -> None:
    """Start request i at start + i/rate. Late ones go at once; none waits for another."""
    for i in range(load.schedule.count):
        t = i / load.schedule.rate
        await asyncio.sleep(max(0.0, load.start + t - load.now()))
        task = asyncio.create_task(_one(load, t))
        flight.add(task)
        task.add_done_callback(partial(_landed, flight))


def _landed(flight: set[asyncio.Task[None]], task: asyncio.Task[None]) -> None:
    """Forget what went as foreseen; a fault of ours stays, so that send() raises it in the end."""
    if not task.cancelled() and task.exception() is None:
        flight.discard(task)


async def _one(load: _Load, t: float) -> None:
    due, sent = load.start + t, load.now()
    answer = await _ask(load.session, load.request)
    load.record(Sample(t, 1000 * (load.now() - due), 1000 * (sent - due), *answer))


async def _ask(session: aiohttp.ClientSession, request: Request) -> _Answer:
    try:
        async with session.request(
            request.method, request.url, headers=request.headers, allow_redirects=False,
            ssl=request.tls or True, server_hostname=request.server_name,
        ) as response:  # fmt: skip
            return _read(response, await response.read())
    except (aiohttp.ClientError, TimeoutError, OSError, _Lost) as fault:
        return _Answer(error=kind(fault.__cause__ or fault if isinstance(fault, _Lost) else fault))


def _read(response: aiohttp.ClientResponse, body: bytes) -> _Answer:
    return _Answer(
        response.status,
        response.headers.get(VERSION_HEADER) or _version_in(body),
        f"http {response.status}" if response.status >= 400 else None,
        body if len(body) <= MAX_BODY else b"",
        _location(response),
    )


def _location(response: aiohttp.ClientResponse) -> str:
    """Where a redirect leads, without its query, which may differ from answer to answer; "" if it is none."""
    return response.headers.get("Location", "").split("?")[0] if 300 <= response.status < 400 else ""


def kind(fault: BaseException) -> str:
    """What the failure is called in Traffic.errors."""
    if isinstance(fault, TimeoutError):
        return "timeout"
    if refused := _of_tls(fault):
        return refused
    if isinstance(fault, OSError) and fault.errno in NAMES:
        return NAMES[fault.errno]
    if isinstance(fault, ConnectionResetError):
        return "connection reset"
    if isinstance(fault, aiohttp.ServerDisconnectedError):
        return "connection closed"
    if isinstance(fault, aiohttp.ClientPayloadError):
        return "answer cut short"
    return type(fault).__name__


def _of_tls(fault: BaseException) -> str:
    """What is wrong with the handshake, "" if nothing is. A server's alert may come only with the first answer (TLS 1.3)."""
    if isinstance(fault, aiohttp.ClientConnectorCertificateError):
        said = getattr(fault.certificate_error, "verify_message", "")
        return f"certificate refused: {_short(said)}"
    if alert := re.search(r"ALERT_([A-Z_]+)|alert ([a-z ]+)", str(fault)):
        return f"TLS alert: {(alert[1] or alert[2]).replace('_', ' ').lower().strip()}"
    is_tls = isinstance(fault, aiohttp.ClientSSLError | ssl.SSLError)
    return "TLS handshake failed" if is_tls else ""


def _short(said: str) -> str:
    """OpenSSL's words without the name that was asked for."""
    return "it is for another name" if "mismatch" in said else said.rstrip(".")


def _version_in(body: bytes) -> str:
    """The "version" of a JSON body, "?" without one."""
    if not body.lstrip().startswith(b"{"):
        return UNKNOWN
    try:
        return str(json.loads(body).get("version") or UNKNOWN)
    except ValueError:
        return UNKNOWN


def _session(request: Request) -> aiohttp.ClientSession:
    """No limit on connections: a request that waits for a free one would wait for an earlier answer."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, force_close=not request.keepalive),
        timeout=aiohttp.ClientTimeout(total=request.timeout),
        cookie_jar=aiohttp.DummyCookieJar(),
        middlewares=(_once,),
        trust_env=False,
    )


async def _once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> Any:
    """aiohttp repeats a GET whose connection broke, and would hide the loss; of our own error it knows nothing."""
    try:
        return await handler(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as fault:
        raise _Lost from fault


def _allow_sockets(most: float) -> None:
    """macOS allows 256 open files unless asked, and a hanging server keeps rate x timeout (most) connections open."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 256 + round(most)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):
            allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
