"""What a cluster has for a while only: objects that belong to no namespace, and units of a resource on a node.

Both are taken back after the block, also after an error. Only a kernel that is killed leaves them behind; then the next
use of the same name takes them over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.kube import client, kubectl, verbs
from acplab.kube.client import TIMEOUT, resource, translate_errors
from acplab.kube.manifests import Source, read_manifests
from acplab.kube.showing import verb

Object = dict[str, Any]
LENT = "acplab.dev/lent"  # a label: we made it, and remove it
OF_OUR_OWN = re.compile(r"(?!([\w-]+\.)*kubernetes\.io/)[a-z0-9.-]+\.[a-z]+/[A-Za-z0-9][\w.-]*")


@verb(kubectl.temporarily)
@contextmanager
def temporarily(source: Source, **values: str) -> Iterator[list[verbs.Applied]]:
    """Apply objects that belong to no namespace (a PriorityClass, a StorageClass), and delete them after the block.

    AcplabError if one belongs to a namespace, or is there already and is not ours; nothing is applied then.
    """
    client.require_own_cluster()
    objects = [_marked(one) for one in read_manifests(source, **values)]
    for one in objects:
        _require_lendable(one)
    try:
        yield verbs.apply(objects)
    finally:
        for one in reversed(objects):
            verbs.delete(one["kind"], one["metadata"]["name"], wait=False)


def _marked(one: Object) -> Object:
    labels = (one["metadata"].get("labels") or {}) | {LENT: "true"}
    return one | {"metadata": one["metadata"] | {"labels": labels}}


def _require_lendable(one: Object) -> None:
    kind, name = resource(one["kind"], one["apiVersion"]), one["metadata"]["name"]
    if kind.namespaced:
        raise AcplabError(
            _("{kind} {name} belongs to a namespace.").format(kind=kind.kind, name=name),
            _("Apply it with chapter.apply(...): it goes with the chapter's namespace."),
        )
    found = client.find(kind, name, None)
    if found and LENT not in (found["metadata"].get("labels") or {}):
        raise AcplabError(
            _("There is a {kind} {name} already, and it is not ours.").format(kind=kind.kind, name=name),
            _("Give yours another name; nothing was changed."),
        )


@verb(kubectl.extended_resource)
@contextmanager
def extended_resource(node: str, name: str, units: int) -> Iterator[None]:
    """Let a node offer so many units of a resource of our own ("acplab.dev/seat") while the block runs.

    Only Pods that ask for it compete for it. AcplabError if the name is no extended resource's.
    """
    if units < 1 or not OF_OUR_OWN.fullmatch(name):
        raise AcplabError(
            _("{units} of {name} cannot be offered.").format(units=units, name=name),
            _("Name a resource of a domain of your own, such as acplab.dev/seat, and at least one unit."),
        )
    _offer(node, name, str(units))
    try:
        yield
    finally:
        _offer(node, name, None)


def _offer(node: str, name: str, units: str | None) -> None:
    """Both numbers at once: kubelet would copy the capacity to allocatable some seconds later."""
    client.require_own_cluster()
    verbs.get("node", node)  # its error names the nodes that there are
    status, body = resource("node").subresources["status"], offer(name, units)
    translate_errors(
        lambda: client.client().patch(
            status, body=body, name=node, content_type="application/merge-patch+json", _request_timeout=TIMEOUT
        )
    )


def offer(name: str, units: str | None) -> Object:
    """The patch of a node's status; None takes the resource away."""
    return {"status": {"capacity": {name: units}, "allocatable": {name: units}}}
