"""kubectl rollout as calls: pause and resume a Deployment, and go back to the template of before."""

from __future__ import annotations

from typing import Any

from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.kube import client, kubectl, verbs
from acplab.kube.pods import REVISION
from acplab.kube.showing import verb

Object = dict[str, Any]
HASH = "pod-template-hash"


@verb(kubectl.pause)
def pause(deployment: str, namespace: str | None = None) -> None:
    """Replace no more Pods of a Deployment until resume(); what has begun stays half-way."""
    verbs.patch("deployment", deployment, {"spec": {"paused": True}}, namespace)


@verb(kubectl.resume)
def resume(deployment: str, namespace: str | None = None) -> None:
    """Go on replacing the Pods of a Deployment that is paused."""
    verbs.patch("deployment", deployment, {"spec": {"paused": False}}, namespace)


@verb(kubectl.undo)
def undo(deployment: str, namespace: str | None = None) -> None:
    """Give a Deployment the template that it had before, as `kubectl rollout undo` does.

    AcplabError if it is paused, or has had one template only.
    """
    client.require_own_cluster()
    found = verbs.get("deployment", deployment, namespace)
    if found["spec"].get("paused"):
        raise AcplabError(
            _("Deployment {name} is paused, so it cannot be undone.").format(name=deployment),
            _("Resume it first: kubectl rollout resume deployment {name}").format(name=deployment),
        )
    template = _before(found, namespace)["spec"]["template"]
    template["metadata"]["labels"].pop(HASH, None)
    verbs.patch("deployment", deployment, {"spec": {"template": template}}, namespace)


def _before(deployment: Object, namespace: str | None) -> Object:
    """The ReplicaSet of the template before the newest one."""
    selector = ",".join(f"{key}={value}" for key, value in deployment["spec"]["selector"]["matchLabels"].items())
    older = sorted(verbs.list("replicaset", namespace, selector), key=_revision)[:-1]
    if not older:
        raise AcplabError(
            _("Deployment {name} has had one template only.").format(name=deployment["metadata"]["name"]),
            _("There is nothing to go back to. `kubectl rollout history deployment` lists the templates."),
        )
    return older[-1]


def _revision(replicaset: Object) -> int:
    return int((replicaset["metadata"].get("annotations") or {}).get(REVISION, 0))
