"""The events of an object, and of what controllers have made for it."""

from __future__ import annotations

import re
from typing import Any

from acplab.kube import client
from acplab.kube.client import resource

Object = dict[str, Any]
OWNERS = ("Deployment", "StatefulSet", "DaemonSet", "Job", "ReplicaSet")
# How controllers name what they make: NAME-HASH(-xxxxx) for ReplicaSets and their Pods, NAME-0 or NAME-xxxxx for
# other Pods, in an alphabet without vowels. So the events of shop-new are not taken for those of shop.
_MADE = re.compile(r"(-[bcdfghjklmnpqrstvwxz2456789]{6,10})?(-[bcdfghjklmnpqrstvwxz2456789]{5})?|-\d+(-[a-z0-9]{5})?")


def events_of(kind: str, name: str, namespace: str | None) -> list[str]:
    """The events of an object, oldest first; of a workload also those of its Pods and ReplicaSets."""
    found = [one for one in client.items(resource("event", "v1"), namespace) if _concerns(one, kind, name)]
    found.sort(key=lambda one: one.get("lastTimestamp") or one.get("eventTime") or one["metadata"]["creationTimestamp"])
    return [f"{one.get('type')} {one.get('reason')}: {one.get('message')}" for one in found]


def _concerns(event: Object, kind: str, name: str) -> bool:
    about = event.get("involvedObject") or {}
    its_kind, its_name = about.get("kind"), str(about.get("name", ""))
    if its_kind == kind:
        return its_name == name
    made = kind in OWNERS and its_kind in ("Pod", "ReplicaSet") and its_name.startswith(f"{name}-")
    return made and _MADE.fullmatch(its_name.removeprefix(name)) is not None
