"""What checks expect of etcd's members, and what the API does when one of them is lost: the check loses it for some seconds."""

from __future__ import annotations

from typing import NamedTuple

from acplab.base.i18n import _
from acplab.cluster import etcd, faults
from acplab.cluster.etcd import is_whole
from acplab.grading import LabView, Result
from acplab.grading.expect import answers_of, met
from acplab.grading.prose import listed
from acplab.measure import Traffic, drills

LOST_SECONDS, RATE, TIMEOUT = 7.5, 5.0, 2.0
ELECTED_SECONDS = 3.0  # within which the others have chosen a leader; a quiet machine needs one
ENOUGH = 1 / 3  # of the requests: the load balancer goes on sending its share to the lost one for a while


def etcd_roles(lab: LabView) -> dict[str, str]:
    """Control plane -> "leader", "follower", "no leader" or "no answer"."""
    return etcd.roles(lab.cluster)


def all_members(lab: LabView, roles: dict[str, str], text: str) -> Result:
    """One member leads, and all others follow it."""
    found = listed(f"{lab.cluster.short(node)}: {role}" for node, role in roles.items())
    return met(text, is_whole(roles), found, _("one leader; all others follow"), n=len(roles))


def all_api_servers(lab: LabView, text: str) -> Result:
    """The API server of each control plane is ready, asked on the control plane itself."""
    silent = [lab.cluster.short(node) for node, ready in etcd.api_servers(lab.cluster).items() if not ready]
    return met(text, not silent, _("silent: {names}").format(names=listed(silent)), _("each is ready"))


class Loss(NamedTuple):
    """A control plane was lost for some seconds. during: the requests to the API while it was, from the election on."""

    node: str
    during: Traffic


def lose_control_plane(lab: LabView, node: str) -> Loss:
    """Pause a control plane, and ask the API all the time; each request reads from etcd, for which it needs a quorum."""
    probe = drills.api(lab.cluster, rate=RATE, timeout=TIMEOUT)
    report = drills.conduct(faults.pause(node), [probe], seconds=LOST_SECONDS, before=1, after=1)
    # What is sent shortly before the end may be answered after it.
    start, end = report.undone - LOST_SECONDS + ELECTED_SECONDS, report.undone - TIMEOUT
    return Loss(node, report.requests(probe.name).between(start, end))


def api_goes_on(lab: LabView, loss: Loss | None, text: str) -> Result:
    """The API has answered while a control plane was lost. None: it was not tried, since its end is certain."""
    if loss is None:
        return met(text, False, _("not tried: one more loss would stop all writes"), node="-")
    ok = loss.during.total and loss.during.ok >= ENOUGH * loss.during.total
    return met(text, ok, answers_of(loss.during), _("answers"), node=lab.cluster.short(loss.node))
