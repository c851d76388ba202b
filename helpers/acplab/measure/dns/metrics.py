"""CoreDNS's own counters, read from a Pod; their difference says what happened in between."""

from __future__ import annotations

import re
from collections.abc import Iterable

from acplab import kube
from acplab.measure.dns.server_pods import Server
from acplab.measure.stats import Share

LINE = re.compile(r"^(?P<name>[a-z_]+)(?:\{(?P<labels>.*)\})? (?P<value>[-+.\deE]+)$", re.M)
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
Key = tuple[str, frozenset[tuple[str, str]]]


class Counters:
    """Counters of one server or of several together. `after - before` is what came in between."""

    def __init__(self, values: dict[Key, float]) -> None:
        self._values = values

    @classmethod
    def parse(cls, text: str) -> Counters:
        """Of what a server says at /metrics."""
        return cls({
            (found["name"], frozenset(LABEL.findall(found["labels"] or ""))): float(found["value"])
            for found in LINE.finditer(text)
        })  # fmt: skip

    def total(self, name: str, **labels: str) -> int:
        """The sum of a counter ("coredns_dns_requests_total") over all its label sets that have these labels."""
        return round(self.amount(name, **labels))

    def amount(self, name: str, **labels: str) -> float:
        """The same of what has no whole numbers, such as seconds."""
        wanted = set(labels.items())
        return sum(value for (own, has), value in self._values.items() if own == name and wanted <= has)

    @property
    def cpu_seconds(self) -> float:
        """Seconds of a core that the servers have used."""
        return self.amount("process_cpu_seconds_total")

    @property
    def memory_mb(self) -> float:
        """Memory that the servers have now, in MB (10^6 bytes); of a difference it says nothing."""
        return self.amount("process_resident_memory_bytes") / 1e6

    @property
    def requests(self) -> int:
        """Queries that came in."""
        return self.total("coredns_dns_requests_total")

    @property
    def by_rcode(self) -> dict[str, int]:
        """Answers that went out, by rcode, sorted."""
        rcodes = {dict(has)["rcode"] for own, has in self._values if own == "coredns_dns_responses_total"}
        return {one: n for one in sorted(rcodes) if (n := self.total("coredns_dns_responses_total", rcode=one))}

    @property
    def from_cache(self) -> Share:
        """The share of queries that the plugin `cache` has answered, with its interval."""
        asked, hits = self.total("coredns_cache_requests_total"), self.total("coredns_cache_hits_total")
        return Share(min(hits, asked), asked)

    def __sub__(self, before: Counters) -> Counters:
        """What was counted since. A counter that went back began again, since its server did."""
        return Counters({
            key: value - old if (old := before._values.get(key, 0.0)) <= value else value
            for key, value in self._values.items()
        })  # fmt: skip

    def __add__(self, other: Counters) -> Counters:
        keys = self._values | other._values
        return Counters({key: self._values.get(key, 0.0) + other._values.get(key, 0.0) for key in keys})


def counters(pod: str, namespace: str, asked: Iterable[Server]) -> Counters:
    """The counters of these servers (dns.servers()) together, read by a Pod that has curl."""
    urls = [f"http://{one.metrics}/metrics" for one in asked]
    said = (kube.exec(pod, ["curl", "--silent", "--max-time", "3", url], namespace) for url in urls)
    return sum((Counters.parse(text) for text in said), Counters({}))
