"""Drills that a check makes: short, undone at the end, and judged by all criteria of its task.

A check asks the API before its drill: right after one the API server may still be choosing a leader.
"""

from __future__ import annotations

import math
import time
from typing import NamedTuple

from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.cluster import faults
from acplab.grading import LabView, Result
from acplab.grading.expect import answers_of, met, no_failures
from acplab.measure import Traffic, drills
from acplab.topics.reliability.pod_counts import by_node, by_zone

INGRESS = ("app=traefik", "ingress")  # labels and namespace of the ingress controller's Pods
CUT_SECONDS, CUT_RATE, CUT_TIMEOUT = 7.0, 100.0, 4.0
DRAINED_SECONDS, DRAIN_RATE, DRAIN_TIMEOUT = 3.0, 20.0, 10.0
EVICTION_SECONDS = 40.0  # within which a drain must end; other Pods of the node have 30 s of their own
POLL_SECONDS = 0.3
SLACK = 0.82  # of what is let through: all but those that meet the lost Pod again and again, and well above two thirds


class Cut(NamedTuple):
    """A zone was cut off. during: requests sent meanwhile; passed: the share (0..1) that the way to the Pods lets through.

    again: requests sent after the zone was back.
    """

    zone: str
    during: Traffic
    passed: float
    again: Traffic


def zone_to_cut(lab: LabView, selector: str, zones: tuple[str, ...]) -> str | None:
    """Of these zones the one with most Pods, preferably without an ingress controller; None if there is none."""
    pods, controllers = by_zone(selector, lab.namespace), by_zone(*INGRESS)
    there = [zone for zone in zones if pods.get(zone)]
    return min(there, key=lambda zone: (-pods[zone], controllers[zone] > 0, zone), default=None)


def cut_zone(lab: LabView, zone: str, host: str) -> Cut:
    """Cut the zone off from all others for some seconds, while requests ask for the host."""
    lab.settle()
    passed = _share_outside(zone)
    probe = drills.ingress(lab.ingress_url, CUT_RATE, host=host, timeout=CUT_TIMEOUT)
    report = drills.conduct(faults.cut_zone(zone), [probe], seconds=CUT_SECONDS, before=1, after=2)
    # What is sent shortly before the end may be answered after it.
    seen = report.requests(probe.name)
    during = seen.between(report.undone - CUT_SECONDS, report.undone - CUT_TIMEOUT)
    return Cut(zone, during, passed, seen.between(report.undone + 1, math.inf))


def survived(cut: Cut | None, text: str) -> Result:
    """Nearly all was answered that the way to the Pods has let through. None: nothing was cut."""
    if cut is None:
        return met(text, False, not_tried(), zone="-")
    wanted = _("{share:.0%} or more; the ingress controllers of other zones take {passed:.0%}").format(
        share=SLACK * cut.passed, passed=cut.passed
    )
    ok = cut.during.total and cut.during.ok / cut.during.total >= SLACK * cut.passed
    return met(text, ok, answers_of(cut.during), wanted, zone=cut.zone)


def answers_again(cut: Cut | None, text: str) -> Result:
    """When the zone was back, so were the answers."""
    if cut is None:
        return met(text, False, not_tried())
    return met(text, cut.again.ok > cut.again.failed, answers_of(cut.again), _("answers"))


def not_tried() -> str:
    """What is found by a drill that was not made."""
    return _("no drill was made: its end is certain")


class Drain(NamedTuple):
    """A node was drained. problem: why that did not end, or ""; ready: how many Pods were ready in the end."""

    node: str
    sent: Traffic
    problem: str
    ready: int


def drain_one(lab: LabView, selector: str, host: str) -> Drain | None:
    """Drain a node with a ready Pod, preferably one without an ingress controller; None if there is none."""
    controllers = by_node(*INGRESS)
    nodes = sorted(by_node(selector, lab.namespace), key=lambda node: (node in controllers, node))
    return drain(lab, nodes[0], selector, host) if nodes else None


def drain(lab: LabView, node: str, selector: str, host: str) -> Drain:
    """Drain the node while requests ask for the host, and wait until as many Pods are ready as before."""
    lab.settle()
    before = len(lab.pods(selector))
    probe = drills.ingress(lab.ingress_url, DRAIN_RATE, host=host, timeout=DRAIN_TIMEOUT)
    fault = faults.drain(node, EVICTION_SECONDS)
    try:
        report = drills.conduct(fault, [probe], seconds=DRAINED_SECONDS, before=1, after=2)
    except AcplabError as error:
        return Drain(node, Traffic([], DRAIN_RATE), error.sentence, len(lab.pods(selector)))
    return Drain(node, report.requests(probe.name), "", _ready_again(lab, selector, before))


def emptied(drain: Drain | None, text: str) -> Result:
    """The drain has ended: all Pods of the node were evicted in time. None: nothing was drained."""
    if drain is None:
        return met(text, False, not_tried(), seconds=f"{EVICTION_SECONDS:.0f}")
    return met(text, not drain.problem, drain.problem or _("it is empty"), seconds=f"{EVICTION_SECONDS:.0f}")


def lost_nothing(drain: Drain | None, text: str) -> Result:
    """No request of the drain was lost."""
    return no_failures(drain.sent, text) if drain else met(text, False, not_tried())


def _ready_again(lab: LabView, selector: str, wanted: int) -> int:
    """How many Pods are ready, as soon as they are as many as before."""
    deadline = time.monotonic() + EVICTION_SECONDS
    while (ready := len(lab.pods(selector))) < wanted and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return ready


def _share_outside(zone: str) -> float:
    """Of the ingress controller's Pods those in other zones: a Service knows nothing of a cut, and goes on choosing all."""
    controllers = by_zone(*INGRESS)
    return 1 - controllers.get(zone, 0) / (sum(controllers.values()) or 1)
