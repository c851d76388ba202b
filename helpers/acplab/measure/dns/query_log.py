"""CoreDNS's log of queries, read back: a line for each query, as its plugin `log` writes it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# [INFO] 172.20.1.5:45678 - 12345 "A IN shop.ch11.svc.cluster.local. udp 54 false 512" NOERROR qr,aa,rd 106 0.000161s
LINE = re.compile(
    r'\[INFO\] (?P<client>[^\s]+):\d+ - \d+ "(?P<type>\S+) IN (?P<name>\S+) (?P<protocol>\w+) \d+ \w+ \d+" '
    r"(?P<rcode>\S+) \S+ \d+ (?P<seconds>[\d.e+-]+)s"
)


@dataclass(frozen=True)
class Query:
    """A query that a server has got. name: without the last dot; server: the Pod that answered it."""

    name: str
    type: str
    protocol: str
    rcode: str
    ms: float
    client: str
    server: str

    def __repr__(self) -> str:
        return f"{self.type} {self.name}. → {self.rcode} ({self.protocol}, {self.server})"


def parse(log: str, server: str) -> Iterator[Query]:
    """The queries in a log, in its order. A query that failed inside CoreDNS has no rcode there: SERVFAIL was sent."""
    for found in LINE.finditer(log):
        rcode = "SERVFAIL" if found["rcode"] == "-" else found["rcode"]
        name = found["name"].lower().rstrip(".") or "."
        yield Query(name, found["type"], found["protocol"], rcode, 1000 * float(found["seconds"]), found["client"].strip("[]"), server)  # fmt: skip


def between(queries: Iterable[Query], first: str, last: str) -> list[Query]:
    """The queries after the last one for the name `first`, and before the first one for `last`."""
    found: list[Query] = []
    for one in queries:
        if one.name == last:
            break
        found = [] if one.name == first else [*found, one]
    return found
