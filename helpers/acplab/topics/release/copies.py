"""What checks expect of a mirror: copies arrive in another cluster, in the right number, and no customer gets their answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.cluster import find
from acplab.grading import LabView, Result
from acplab.grading.expect import answers_of, met
from acplab.topics.release.access import requests_of

if TYPE_CHECKING:
    from acplab.measure import Traffic


class Copied(NamedTuple):
    """seen: what customers got. copies: how many requests have arrived in the other cluster meanwhile; problem: or why not."""

    seen: Traffic
    copies: int
    problem: str = ""


def send(lab: LabView, host: str, profile: str, selector: str, n: int) -> Copied:
    """Send n requests and count the copies at the storefronts with these labels on another cluster."""
    lab.settle()
    try:
        before = _count(lab, profile, selector)
        seen = lab.traffic(host=host, n=n)
        return Copied(seen, _count(lab, profile, selector) - before)
    except AcplabError as error:
        return Copied(lab.traffic(host=host, n=n), 0, error.sentence)


def _count(lab: LabView, profile: str, selector: str) -> int:
    return requests_of(lab.namespace, selector, find(profile).kube)


def copies_arrive(sent: Copied, share: float, margin: float, text: str) -> Result:
    """So large a share (0..1) of the requests has arrived as a copy, within the margin."""
    found = sent.problem or _("{copies} copies of {n} requests").format(copies=sent.copies, n=sent.seen.total)
    ok = not sent.problem and abs(sent.copies / max(1, sent.seen.total) - share) <= margin
    return met(text, ok, found, _("{share:.0%}, give or take {margin:.0%}").format(share=share, margin=margin))


def only_original(sent: Copied, version: str, text: str) -> Result:
    """All answers came from the original, and none failed: a mirror's answers are for nobody."""
    return met(
        text, sent.seen.only(version), answers_of(sent.seen), _("all from {v}").format(v=version), version=version
    )


def pods_elsewhere(lab: LabView, profile: str, selector: str) -> int | None:
    """How many Pods with these labels the lab has on another cluster, without those that end; None if it cannot be asked."""
    try:
        pods = find(profile).kube.list("pod", lab.namespace, selector)
    except AcplabError:
        return None
    return sum("deletionTimestamp" not in pod["metadata"] for pod in pods)


def node_ports_elsewhere(lab: LabView, profile: str) -> list[int]:
    """At which ports of its nodes the lab's Services on another cluster can be reached; [] if it cannot be asked."""
    try:
        services = find(profile).kube.list("service", lab.namespace)
    except AcplabError:
        return []
    return [port["nodePort"] for one in services for port in one["spec"].get("ports") or [] if port.get("nodePort")]


def node_port(profile: str, port: int) -> str:
    """ "ADDRESS:PORT" of a node of another cluster, for who calls it from outside. AcplabError if it does not run."""
    there = find(profile)
    return f"{there.addresses[there.nodes[0]]}:{port}"


def asked_elsewhere(lab: LabView, profile: str, port: int) -> str:
    """Which version answers at a port of the other cluster's node, asked from a Pod of the lab; "" if nothing does."""
    try:
        target = node_port(profile, port)
    except AcplabError:
        return ""
    return lab.versions_inside([target]).get(target, "")
