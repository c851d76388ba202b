"""Many questions at a fixed rate, by dnsperf in a Pod: what was answered, what was lost, how long it took."""

from __future__ import annotations

import re
import shlex
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import NamedTuple, Self

from acplab import kube
from acplab.base.arguments import within
from acplab.base.errors import AcplabError
from acplab.base.i18n import _, ngettext
from acplab.kube import kubectl, showing
from acplab.measure.dns.questions import PROTOCOLS, TIMEOUT, TYPES, checked_name, chosen
from acplab.measure.stats import Share, quantile

MAX_RATE = 2_000
MAX_SECONDS = 45  # an exec ends after 60 s
MAX_QUERIES = 20_000
MAX_NAMES = 500
MAX_SOCKETS = 100
SLOW = 0.95  # below this part of the wanted rate, dnsperf or this machine was the slow one
# > NOERROR shop.ch11.svc.cluster.local A 0.000856     and of a query that got no answer:  > T shop.ch11... A
LINE = re.compile(r"^> (?P<rcode>[A-Z0-9]+) (?P<name>\S+) (?P<type>\S+)(?: (?P<seconds>\d+\.\d+))?\s*$", re.M)
OWN = {
    "sent": r"Queries sent:\s+(\d+)",
    "completed": r"Queries completed:\s+(\d+)",
    "lost": r"Queries lost:\s+(\d+)",
    "seconds": r"Run time \(s\):\s+([\d.]+)",
    "mean": r"Average Latency \(s\):\s+([\d.]+)",
}


@dataclass(frozen=True)
class Sample:
    """One query. ms: until its answer; None if there was none."""

    name: str
    type: str
    rcode: str
    ms: float | None


class Plan(NamedTuple):
    """What a Pod is to run. rate: queries per second; seconds: how long they are sent."""

    command: list[str]
    rate: float
    seconds: float


class Lookups:
    """All queries of a load. rate (per second) and seconds: as wanted; own: dnsperf's own figures."""

    def __init__(self, samples: Iterable[Sample], rate: float, seconds: float, own: dict[str, float]) -> None:
        self.samples, self.rate, self.seconds, self.own = tuple(samples), rate, seconds, own

    @classmethod
    def parse(cls, said: str, rate: float, seconds: float) -> Lookups:
        """Of dnsperf's output with -v. AcplabError if it has not come to its statistics."""
        own = {name: float(found[1]) for name, pattern in OWN.items() if (found := re.search(pattern, said))}
        if "sent" not in own:
            raise AcplabError(
                _("dnsperf has told no result; its last line: {line}").format(line=_last(said)),
                _("Can the Pod reach the server? Ask it one question first."),
            )
        return cls([_sample(found) for found in LINE.finditer(said)], rate, seconds, own)

    @property
    def total(self) -> int:
        """Queries that were sent."""
        return len(self.samples)

    @property
    def lost(self) -> int:
        """Queries without an answer in time."""
        return sum(one.ms is None for one in self.samples)

    @property
    def loss(self) -> Share:
        """The share of lost queries, with its interval."""
        return Share(self.lost, self.total)

    @property
    def by_rcode(self) -> dict[str, int]:
        """How many got which rcode ("timeout": no answer), sorted."""
        return dict(sorted(Counter(one.rcode for one in self.samples).items()))

    @property
    def good(self) -> int:
        """Queries answered with NOERROR."""
        return self.by_rcode.get("NOERROR", 0)

    def latency(self, q: float = 0.5) -> float:
        """The q-quantile (q 0..1) of all answers, in ms; nan without any. A lost query has none."""
        return quantile([one.ms for one in self.samples if one.ms is not None], q)

    @property
    def achieved_rate(self) -> float:
        """Queries per second that were really sent."""
        return self.total / self.seconds

    @property
    def kept_up(self) -> bool:
        """Whether the queries left at the wanted rate. If not, waiting queries held others up, and latencies look too good."""
        return self.achieved_rate >= SLOW * self.rate

    def summary(self) -> str:
        """Several plain lines."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterable[str]:
        yield ngettext(
            "{n} query in {s:g} s, sent at {rate:.0f} per second ({wanted:g} wanted)",
            "{n} queries in {s:g} s, sent at {rate:.0f} per second ({wanted:g} wanted)",
            self.total,
        ).format(n=self.total, s=self.seconds, rate=self.achieved_rate, wanted=self.rate)
        yield ", ".join(f"{rcode} {n}" for rcode, n in self.by_rcode.items())
        if self.lost < self.total:
            yield _("latency of answers: half within {half:.2f} ms, 95 % within {most:.2f} ms, 99 % within {last:.2f} ms").format(
                half=self.latency(0.5), most=self.latency(0.95), last=self.latency(0.99)
            )  # fmt: skip
        if self.lost:
            yield _("lost: {share}").format(share=self.loss)
        if not self.kept_up:
            yield _("The queries left later than wanted, so the latencies look better than they were.")

    def __repr__(self) -> str:
        return self.summary()


def load(
    pod: str,
    names: Sequence[str],
    namespace: str,
    *,
    rate: float = 100,
    seconds: float = 5,
    server: str | None = None,
    type: str = "A",
    protocol: str = "udp",
    timeout: float = 2,
    sockets: int = 1,
) -> Lookups:
    """Ask for these names in turn, `rate` queries per second, and say what came back.

    Names are asked as they are: no search domain is added. Query i leaves at start + i/rate, whatever became of the
    earlier ones, as long as fewer than rate x timeout queries wait. server: an address; the cluster's DNS Service if
    it is not given. rate: at most 2000; seconds: at most 45; at most 20000 queries. timeout: seconds, at most 10.
    type: one, or several as in "A AAAA": each name is asked for each of them. sockets: at most 100; kube-proxy chooses a
    DNS server for each of them, and keeps it, so one socket asks one server alone.
    """
    plan = _plan(names, rate, seconds, server or cluster_dns(), type, protocol, timeout, sockets)
    showing.show_line(lambda: kubectl.exec(pod, plan.command, namespace))
    return _run(plan, pod, namespace)


def loading(
    pod: str,
    names: Sequence[str],
    namespace: str,
    *,
    rate: float = 100,
    seconds: float = 20,
    server: str | None = None,
    type: str = "A",
    protocol: str = "udp",
    timeout: float = 2,
    sockets: int = 1,
) -> Loading:
    """The same load while a block does something else; the block ends when the load does. Its options are load()'s."""
    plan = _plan(names, rate, seconds, server or cluster_dns(), type, protocol, timeout, sockets)
    return Loading(lambda: _run(plan, pod, namespace))


def _run(plan: Plan, pod: str, namespace: str) -> Lookups:
    return Lookups.parse(kube.exec(pod, plan.command, namespace), plan.rate, plan.seconds)


class Loading:
    """A load in a thread of its own. result: after the block."""

    def __init__(self, run: Callable[[], Lookups]) -> None:
        self._load = run
        self._found: Lookups | None = None
        self._fault: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="acplab-dns-load", daemon=True)

    def _run(self) -> None:
        try:
            self._found = self._load()
        except BaseException as fault:  # raised in the thread that asks for the result
            self._fault = fault

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.join()
        if fault is None and self._fault is not None:
            raise self._fault

    @property
    def result(self) -> Lookups:
        """What came back. AcplabError before the end of the block."""
        if self._found is None:
            raise AcplabError(_("The load has not ended."), _("Ask for .result after the block."))
        return self._found


def cluster_dns() -> str:
    """The address of the cluster's DNS Service."""
    return str(kube.get("service", "kube-dns", "kube-system")["spec"]["clusterIP"])


def _plan(
    names: Sequence[str],
    rate: float,
    seconds: float,
    server: str,
    type_: str,
    protocol: str,
    timeout: float,
    sockets: int = 1,
) -> Plan:
    rate, seconds = (
        max(1, round(within("rate", rate, MAX_RATE))),
        max(1, round(within("seconds", seconds, MAX_SECONDS, "s"))),
    )
    timeout = within("timeout", timeout, 10, "s")
    if not 1 <= len(names) <= MAX_NAMES or rate * seconds > MAX_QUERIES:
        raise AcplabError(
            _("{names} names, {n:.0f} queries: that is too much, or nothing.").format(names=len(names), n=rate * seconds),
            _("Give from 1 to {names} names, and at most {n} queries (rate x seconds).").format(
                names=MAX_NAMES, n=MAX_QUERIES
            ),
        )  # fmt: skip
    lines = "".join(f"{checked_name(name)} {one}\\n" for name in names for one in _types(type_))
    clients = min(round(within("sockets", sockets, MAX_SOCKETS)), max(1, round(rate * seconds)))
    waiting = max(100, round(rate * timeout) + 1)
    words = ["dnsperf", "-v", "-s", checked_name(server), "-m", chosen("protocol", protocol, PROTOCOLS)]
    words += f"-Q {rate} -l {seconds} -t {timeout:g} -q {waiting} -c {clients} -T 1".split()
    # dnsperf goes through its names again and again only if they are in a file.
    script = f"f=$(mktemp); trap 'rm $f' EXIT; printf {shlex.quote(lines)} >$f; {shlex.join(words)} -d $f"
    return Plan(["sh", "-c", script], rate, seconds)


def _types(several: str) -> list[str]:
    return [chosen("type", one, TYPES) for one in str(several).split() or [several]]


def _sample(found: re.Match[str]) -> Sample:
    lost = found["seconds"] is None or found["rcode"] in ("T", "I")
    ms = None if lost else 1000 * float(found["seconds"])
    return Sample(found["name"], found["type"], TIMEOUT if lost else found["rcode"], ms)


def _last(said: str) -> str:
    return (said.strip().splitlines() or [_("none")])[-1]
