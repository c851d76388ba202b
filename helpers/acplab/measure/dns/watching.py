"""watch(): which queries of a Pod the servers have got meanwhile. Counted from their logs, not from resolv.conf."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from types import TracebackType
from typing import Self

from acplab import kube
from acplab.base.errors import AcplabError
from acplab.base.i18n import _, ngettext
from acplab.measure.dns import query_log
from acplab.measure.dns.query_log import Query
from acplab.measure.dns.questions import ask
from acplab.measure.dns.server_pods import NAMESPACE, Server, servers

ARRIVE_SECONDS = 10.0  # a line is in the log a moment after its answer
TAIL = 20_000  # lines of a log
POLL = 0.2


def watch(pod: str, namespace: str, kind: str = "coredns", everybody: bool = False) -> Watched:
    """Note what the servers are asked by a Pod while the block runs.

        with watch("client", "ch11") as seen:
            look_up("client", "example.com", "ch11")
        seen.queries

    kind: "coredns", or "cache" for that of the Pod's own node. everybody: queries of all clients, not of this Pod alone;
    what a cache asks for has the node's address. The servers' Corefile must have the plugin `log`.
    """
    return Watched(pod, namespace, kind, everybody)


class Watched:
    """queries: those between the beginning and the end of the block, server by server."""

    def __init__(self, pod: str, namespace: str, kind: str, everybody: bool) -> None:
        self._pod, self._namespace, self._kind, self._everybody = pod, namespace, kind, everybody
        self._mark = f"mark-{uuid.uuid4().hex[:12]}"
        self._servers: list[Server] = []
        self.queries: list[Query] = []

    def __enter__(self) -> Self:
        asker = kube.get("pod", self._pod, self._namespace)
        self._client = asker["status"]["podIP"]
        self._servers = servers(self._kind, asker["spec"]["nodeName"] if self._kind == "cache" else None)
        self._set("begin")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if fault is None:
            self._set("end")
            self.queries = [query for server in self._servers for query in self._got(server)]

    @property
    def names(self) -> list[str]:
        """The names that were asked for, each once, in the order of the first query."""
        return list(dict.fromkeys(one.name for one in self.queries))

    @property
    def by_type(self) -> dict[str, int]:
        """Queries of each type, sorted."""
        return dict(sorted(Counter(one.type for one in self.queries).items()))

    def __len__(self) -> int:
        return len(self.queries)

    def __repr__(self) -> str:
        title = ngettext("{n} query", "{n} queries", len(self)).format(n=len(self))
        return "\n".join([title, *(f"  {one}" for one in self.queries)])

    def _name(self, end: str) -> str:
        return f"{self._mark}-{end}.cluster.local"

    def _set(self, end: str) -> None:
        """Ask each server for a name that nobody else asks for, so that its log has a beginning and an end."""
        for server in self._servers:
            ask(self._pod, self._name(end) + ".", self._namespace, server=server.address)

    def _got(self, server: Server) -> list[Query]:
        begin, end = self._name("begin"), self._name("end")
        deadline = time.monotonic() + ARRIVE_SECONDS
        while True:
            queries = list(query_log.parse(kube.logs(server.pod, NAMESPACE, tail=TAIL), server.pod))
            if any(one.name == end for one in queries):
                break
            if time.monotonic() > deadline:
                raise AcplabError(
                    _("{pod} has written no line for our last query.").format(pod=server.pod),
                    _("Add the plugin `log` to its Corefile, and wait until it has reloaded."),
                )
            time.sleep(POLL)
        found = [one for one in query_log.between(queries, begin, end) if not one.name.startswith("mark-")]
        return [one for one in found if self._everybody or one.client == self._client]
