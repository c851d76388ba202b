"""What kubelet says of containers: ready or not, how often it restarted them, and how they ended last."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from acplab import kube
from acplab.base.i18n import _
from acplab.show import Table

Pod = dict[str, Any]
Row = tuple[str, str, str, str, str]


def restarts(namespace: str, *apps: str) -> Table:
    """A table of the containers of these apps' Pods (label app=...), of all Pods without one."""
    pods = kube.list("pod", namespace, f"app in ({', '.join(apps)})" if apps else None)
    head = (_("Pod"), _("container"), _("ready"), _("restarts"), _("how it ended last"))
    return Table(_("Containers, as kubelet sees them"), head, list(rows(pods)))


def restarted(pod: Pod) -> bool:
    """Whether kubelet has restarted one of its containers: kube.wait("pod", name, reliability.restarted, namespace)."""
    return any(one["restartCount"] for one in (pod.get("status") or {}).get("containerStatuses") or [])


def rows(pods: Iterable[Pod]) -> Iterator[Row]:
    """(Pod, container, ready, restarts, how it ended last) of each container; Pods that end are left out."""
    for pod in pods:
        if "deletionTimestamp" in pod["metadata"]:
            continue
        for one in (pod.get("status") or {}).get("containerStatuses") or []:
            ready = _("yes") if one["ready"] else _("no")
            yield pod["metadata"]["name"], one["name"], ready, str(one["restartCount"]), last_end(one)


def last_end(container: dict[str, Any]) -> str:
    """ "OOMKilled, exit code 137" of a container's status; a dash if it has never ended."""
    now, before = container.get("state") or {}, container.get("lastState") or {}
    ended = now.get("terminated") or before.get("terminated")
    if not ended:
        return "–"
    return _("{reason}, exit code {code}").format(reason=ended.get("reason"), code=ended.get("exitCode"))
