"""A day in half a minute, with real requests: one shop on nodes for the valley, on nodes for the peak, and on nodes and ECI.

Each way is a Deployment with a host of its own, and all get the same requests at the same time. The third is scaled by the
clock, as by a CronHPA: up before the evening begins, down when it has ended. What ECI costs is read from the ledger.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil

from acplab import kube
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.base.retry import retry_context
from acplab.measure import Load, Share, Traffic, steady
from acplab.show import Figure
from acplab.topics.eci import picture
from acplab.topics.eci.billing import Bill, bill

HOUR = 1.5  # seconds that an hour of this day takes
WAYS = ("valley", "peak", "both")


@dataclass(frozen=True)
class Evening:
    """The day: `valley` Pods are enough but for the hours from `begin` to `end`, which want `peak` Pods.

    ahead: hours by which Pods are started before they are needed. rate: requests per second for each Pod that is wanted.
    """

    valley: int = 2
    peak: int = 6
    begin: float = 17
    end: float = 23
    ahead: float = 3
    rate: float = 3.75

    @property
    def instances(self) -> int:
        """Pods that only the evening wants."""
        return self.peak - self.valley


@dataclass(frozen=True)
class Way:
    """How one way came through the day. nodes: paid for all day; eci: yuan by the ledger; yuan: both together."""

    name: str
    nodes: int
    eci: float
    yuan: float
    traffic: Traffic

    @property
    def lost(self) -> Share:
        """The share of the day's requests that got no good answer."""
        return Share(self.traffic.failed, self.traffic.total)


@dataclass(frozen=True)
class LiveDay:
    """The three ways, by name: "valley", "peak", "both".

    pod_hours: of instances on ECI, by the ledger, in hours of the day; place_per_day: yuan of one Pod's place on a node.
    """

    ways: dict[str, Way]
    instances: int
    pod_hours: float
    place_per_day: float

    def __getitem__(self, name: str) -> Way:
        return self.ways[name]

    @property
    def hours(self) -> float:
        """Hours of the day that an instance was billed for, on average."""
        return self.pod_hours / self.instances

    @property
    def yuan_per_hour(self) -> float:
        """What the ledger says that an instance costs an hour."""
        return self.ways["both"].eci / self.pod_hours

    @property
    def break_even_hours(self) -> float:
        """Hours a day for which an instance costs as much as its place on a node, at what the ledger says."""
        return self.place_per_day / self.yuan_per_hour

    def picture(self) -> Figure:
        """Cost against lost requests: a point for each way."""
        titles = {"valley": _("nodes for the valley"), "peak": _("nodes for the peak"), "both": _("nodes and ECI")}
        return picture.cost_and_loss({titles[one.name]: (one.yuan, one.lost) for one in self.ways.values()})

    def __str__(self) -> str:
        lines = [
            _("{way:8} {nodes:>5} {eci:>9} {all:>9}  lost").format(way="", nodes=_("nodes"), eci="ECI", all=_("yuan"))
        ]
        lines += [
            f"{one.name:8} {one.nodes:>5} {one.eci:>9.4f} {one.yuan:>9.4f}  {one.lost}" for one in self.ways.values()
        ]
        ledger = _("Ledger: {n} instances, {hours:.1f} hours of the day each, {yuan:.5f} yuan an hour each.")
        return "\n".join([*lines, ledger.format(n=self.instances, hours=self.hours, yuan=self.yuan_per_hour)])


def live_day(
    url: str, namespace: str, node_per_day: float, pods_per_node: int = 2, evening: Evening | None = None
) -> LiveDay:
    """Play the day on the Deployments day-valley, day-peak and day-both of a namespace, which must be ready.

    node_per_day: yuan of one node, from your own price list; pods_per_node: Pods of the shop that it carries.
    """
    evening = evening or Evening()
    began = datetime.now(UTC)
    seen = _play(url, namespace, evening)
    return summed_up(seen, _closed(namespace, began), evening, node_per_day, pods_per_node)


def summed_up(
    seen: dict[str, Traffic], ledger: Bill, evening: Evening, node_per_day: float, pods_per_node: int
) -> LiveDay:
    """The day as numbers; ledger: the bill of the instances of this day. AcplabError if there was none."""
    if not ledger.lines:
        raise AcplabError(_("No Pod of the evening came to ECI."), _("Apply day.yaml again: it has a ResourcePolicy."))
    day = 3600 / HOUR  # seconds of the day for each second here
    nodes = {"valley": evening.valley, "peak": evening.peak, "both": evening.valley}
    ways = {}
    for name in WAYS:
        n, eci = ceil(nodes[name] / pods_per_node), ledger.yuan * day if name == "both" else 0.0
        ways[name] = Way(name, n, eci, n * node_per_day + eci, seen[name])
    pod_hours = sum(one.seconds for one in ledger.lines) * day / 3600
    return LiveDay(ways, len(ledger.lines), pod_hours, node_per_day / pods_per_node)


def _play(url: str, namespace: str, evening: Evening) -> dict[str, Traffic]:
    """The requests of a day to each way, while the clock scales one of them."""
    with ExitStack() as day:
        loads = dict(_all(day, url, evening.valley * evening.rate))
        clock = loads["both"]
        _until(clock, evening.begin - evening.ahead)
        kube.scale("day-both", evening.peak, namespace)
        _until(clock, evening.begin)
        with ExitStack() as busy:
            more = dict(_all(busy, url, evening.instances * evening.rate))
            _until(clock, evening.end)
        kube.scale("day-both", evening.valley, namespace)
        _until(clock, 24)
    late = evening.begin * HOUR
    return {name: _together(loads[name].result, more[name].result.shifted(late)) for name in WAYS}


def _all(stack: ExitStack, url: str, rate: float) -> Iterator[tuple[str, Load]]:
    """The same load to each way, for as long as the stack is open."""
    for name in WAYS:
        yield name, stack.enter_context(steady(url, rate, host=f"{name}.day.example.com", keepalive=False))


def _until(clock: Load, hour: float) -> None:
    clock.run_for(max(clock.started + hour * HOUR - time.monotonic(), 0.01))


def _together(*parts: Traffic) -> Traffic:
    samples: Iterable = (one for part in parts for one in part)
    return Traffic(samples, sum(part.rate for part in parts))


def _closed(namespace: str, began: datetime) -> Bill:
    """The bill of the instances that have begun since then, as soon as all have ended."""
    for attempt in retry_context(on=AcplabError, attempts=None, timeout=30, wait_initial=0.3, wait_max=1.0):
        with attempt:
            found = kube.list("ecirecord", namespace)
            since = [
                one for one in found if datetime.fromisoformat(one["spec"]["from"]) >= began.replace(microsecond=0)
            ]
            ledger = bill((one for one in since if one["spec"]["pod"].startswith("day-both-")), datetime.now(UTC))
            if any(one.running for one in ledger.lines):
                raise AcplabError(_("Instances of the evening still run."), _("Look at: kubectl get ecirecords"))
    return ledger
