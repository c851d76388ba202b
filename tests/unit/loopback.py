"""A small HTTP server on 127.0.0.1 that misbehaves on request, for the tests of acplab.measure."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

REDIRECTS = {"302": "http://127.0.0.1:1/", "308": "https://shop.example.com/cart?from=here"}
PATIENCE = 20.0  # seconds until a test that waits for requests gives up


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]


@dataclass
class Loopback:
    """What the server saw. gate: requests to /gate are held until so many have arrived."""

    gate: int = 0
    by_host: dict[str, str] = field(default_factory=dict)
    seen: list[Request] = field(default_factory=list)
    connections: int = 0
    failing: bool = False
    port: int = 0
    _news: threading.Condition = field(default_factory=threading.Condition)
    _open: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait_for(self, count: int) -> None:
        with self._news:
            assert self._news.wait_for(lambda: len(self.seen) >= count, PATIENCE), f"{len(self.seen)} of {count}"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                request = _parsed(head)
                self._note(request)
                if not await self._reply(request, writer):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _note(self, request: Request) -> None:
        with self._news:
            self.seen.append(request)
            self._news.notify_all()
        if self.gate and len(self.seen) >= self.gate:
            self._open.set()

    async def _reply(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection may be used again."""
        what = request.path.strip("/").split("?")[0]
        if what == "hang":
            await asyncio.sleep(3600)
        if what == "gate":
            await self._open.wait()
        if what == "reset":
            _reset(writer)
            return False
        if what == "close":
            return False
        if what == "short":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            return False
        writer.write(self._answer(request, what))
        await writer.drain()
        return request.headers.get("connection") != "close"

    def _answer(self, request: Request, what: str) -> bytes:
        status = 503 if self.failing else int(what) if what.isdigit() else 200
        version = self.by_host.get(request.headers["host"], "v1")
        fields = [f"HTTP/1.1 {status} Whatever", "Set-Cookie: kept=yes; Path=/"]
        if what not in ("body", "bare", "text", "308") and status not in (404, 503):
            fields.append(f"X-Storefront-Version: {version}")
        if what in REDIRECTS:
            fields.append(f"Location: {REDIRECTS[what]}")
        body = {
            "version": version,
            "node": f"node-{len(self.seen) % 2}",
            "pod": f"pod-{len(self.seen) % 2}",
            "headers": request.headers,
        }
        text = what == "text" or status in (308, 404, 503)  # the error pages of a proxy
        content = b"hello" if text else json.dumps({} if what == "bare" else body).encode()
        fields.append(f"Content-Length: {len(content)}")
        return "\r\n".join([*fields, "", ""]).encode() + (b"" if request.method == "HEAD" else content)


def _parsed(head: bytes) -> Request:
    first, *lines = head.decode().rstrip().split("\r\n")
    method, path, _ = first.split(" ")
    pairs = [line.split(": ", 1) for line in lines]
    assert len({name.lower() for name, _ in pairs}) == len(pairs), f"a header was sent twice: {lines}"
    return Request(method, path, {name.lower(): value for name, value in pairs})


def _reset(writer: asyncio.StreamWriter) -> None:
    """With this option a close sends RST at once instead of FIN."""
    own = writer.get_extra_info("socket")
    own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@contextmanager
def serve(gate: int = 0, **by_host: str) -> Iterator[Loopback]:
    """A server in a thread of its own."""
    server = Loopback(gate, {name.replace("_", "."): version for name, version in by_host.items()})
    loop, ready = asyncio.new_event_loop(), threading.Event()

    async def main() -> None:
        listener = await asyncio.start_server(server.handle, "127.0.0.1", 0, backlog=1000)
        server.port = listener.sockets[0].getsockname()[1]
        ready.set()

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.create_task(main())
        loop.run_forever()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(PATIENCE)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE)


def nobody() -> str:
    """An address on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"
