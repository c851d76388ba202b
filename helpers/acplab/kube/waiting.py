"""Waits that fail early and explain themselves.

A wait ends at once when it cannot succeed any more: image missing, unschedulable, crash loop, object
deleted. It names the object, its last event and the next step.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.kube import client, event_log, kubectl
from acplab.kube.causes import why_hopeless, why_late
from acplab.kube.client import resource
from acplab.kube.conditions import is_ready
from acplab.kube.pods import Cause, makes_room
from acplab.kube.showing import verb

Object = dict[str, Any]
Condition = str | Callable[[Object], bool]
POLL = 0.4  # seconds between two looks
SILENCE = 15.0  # seconds that the API server may not answer, as when its node fails over


@verb(kubectl.wait)
def wait(
    kind: str, name: str, condition: Condition = "ready", namespace: str | None = None, timeout: float = 90
) -> Object:
    """Wait until the object is ready, deleted, or fulfils condition(object). Returns the object (or {}).

    "ready": a Deployment, StatefulSet or DaemonSet is rolled out, a Pod is Ready, a Job is complete, a claim is Bound,
    a LoadBalancer has its address, another object is there and its condition Ready, Available, Accepted or Programmed
    (if it has one) is True. AcplabError as soon as that cannot happen any more, or after `timeout` seconds.
    """
    _require_condition(condition)
    known = resource(kind)
    place = (namespace or "default") if known.namespaced else None
    began = heard = calm = time.monotonic()
    seen = False
    while True:
        elapsed = time.monotonic() - began
        try:
            found = client.find(known, name, place)
            if _fulfilled(found, condition):
                return found or {}
            calm = time.monotonic() if found and makes_room(found) else calm
            cause = _given_up(found, seen, condition, time.monotonic() - calm)
            if cause := cause or (why_late(found, condition, timeout) if elapsed > timeout else None):
                raise _gave_up(known.kind, name, place, *cause)
            seen, heard = seen or found is not None, time.monotonic()
        except client.Unreachable:
            if elapsed > timeout or time.monotonic() - heard > SILENCE:
                raise
        time.sleep(POLL)


def _require_condition(condition: Any) -> None:
    if condition in ("ready", "deleted") or callable(condition):
        return
    raise AcplabError(
        _("kube.wait: the condition is {condition!r}.").format(condition=condition),
        _('It must be "ready", "deleted" or a function: lambda pod: pod["status"]["phase"] == "Running"'),
    )


def _given_up(found: Object | None, seen: bool, condition: Condition, calm: float) -> Cause | None:
    """(cause, next step) if there is nothing to wait for any more. calm: seconds since its last older Pod was ending."""
    if found is None and seen:
        return _("it was deleted meanwhile"), _("Apply it again.")
    return why_hopeless(found, calm) if found and condition != "deleted" else None


def _fulfilled(found: Object | None, condition: Condition) -> bool:
    if condition == "deleted":
        return found is None
    if found is None:
        return False
    if condition == "ready":
        return not found["metadata"].get("deletionTimestamp") and is_ready(found)
    return bool(condition(found))  # type: ignore[operator]


def _gave_up(kind: str, name: str, namespace: str | None, cause: str, next_step: str) -> AcplabError:
    sentence = _("{kind} {name}: {cause}.").format(kind=kind, name=name, cause=cause.rstrip("."))
    if last := event_log.events_of(kind, name, namespace)[-1:]:
        sentence = _("{sentence} Last event: {event}").format(sentence=sentence, event=last[0])
    return AcplabError(sentence, next_step)
