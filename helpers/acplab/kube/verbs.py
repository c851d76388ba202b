"""kubectl's verbs as Python calls: apply, get, list, events, scale, patch, delete and their like.

Objects are plain dicts, just as the API gives them. A call that cannot do what it says raises
AcplabError with a remedy. Every write first asks ownership.py whether the cluster is ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.base.retry import retry
from acplab.kube import client, event_log, kubectl, waiting
from acplab.kube.client import TIMEOUT, resource, translate_errors
from acplab.kube.ingress import unread_annotations
from acplab.kube.manifests import Source, read_manifests
from acplab.kube.showing import verb

# kubectl's own name for a server-side apply: who goes on with kubectl owns the same fields.
MANAGER = "kubectl"
# What the API server writes into an object. An object got with get() has them, and may be applied again.
SERVERS_OWN = ("managedFields", "resourceVersion", "uid", "creationTimestamp", "generation", "selfLink")
MACHINES = "type!=virtual-kubelet"  # a selector of nodes: those that are machines, and hold a container runtime
NEW_NAMESPACE_SECONDS = 15  # until a controller has made the ServiceAccount "default"; it takes one on a quiet machine
Object = dict[str, Any]
Objects = list[Object]


@dataclass(frozen=True)
class Applied:
    """What apply() did to one object. action: "created", "configured" or "unchanged"; note: what to know of it."""

    kind: str
    name: str
    action: str
    note: str = ""

    def __repr__(self) -> str:
        done = f"{self.kind.lower()}/{self.name} {self.action}"
        return f"{done} ({self.note})" if self.note else done


# Names of their own, since list() hides the built-in one here.
Done = list[Applied]
Lines = list[str]
Targets = list[Any]
Kinds = list[tuple[str, bool]]


@verb(kubectl.apply)
def apply(source: Source, namespace: str | None = None, **values: str) -> Done:
    """Server-side apply of manifests.

    source: a file or folder (relative ones: to the checkout), YAML text, a dict or a list of dicts.
    namespace: for namespaced objects that name none. values: fill ${name} in the text.
    All objects are checked before the first is written, so a bad manifest changes nothing.
    """
    objects, kinds = _placed(source, namespace, values)
    for one, kind in zip(objects, kinds, strict=True):
        if _can_be_tried(one, objects):
            _server_side_apply(one, kind, dry_run=True)
    done = [_apply_one(one, kind) for one, kind in zip(objects, kinds, strict=True)]
    if any(one["kind"] == "CustomResourceDefinition" for one in objects):
        client.invalidate_discovery()
    return done


@verb(kubectl.dry_run)
def dry_run(source: Source, namespace: str | None = None, **values: str) -> Objects:
    """What the API server would make of these manifests, with its defaults and its webhooks. Nothing is written.

    source, namespace and values: as apply() takes them.
    """
    objects, kinds = _placed(source, namespace, values)
    return [_server_side_apply(one, kind, dry_run=True) for one, kind in zip(objects, kinds, strict=True)]


def _placed(source: Source, namespace: str | None, values: dict[str, str]) -> tuple[Objects, Targets]:
    """The objects in their namespaces, and their kinds; AcplabError if the cluster is not ours."""
    objects = [_without_servers_own(one) for one in read_manifests(source, **values)]
    kinds = [resource(one["kind"], one["apiVersion"]) for one in objects]
    for one, kind in zip(objects, kinds, strict=True):
        if kind.namespaced:
            one["metadata"].setdefault("namespace", namespace or "default")
    client.require_own_cluster()
    return objects, kinds


def _without_servers_own(one: Object) -> Object:
    metadata = {key: value for key, value in one["metadata"].items() if key not in SERVERS_OWN}
    return {key: value for key, value in one.items() if key != "status"} | {"metadata": metadata}


def _can_be_tried(one: Object, objects: Objects) -> bool:
    """Whether a dry run can tell of this object: not if it needs a namespace or a kind of the same call."""
    made = {other["metadata"]["name"] for other in objects if other["kind"] == "Namespace"}
    kinds = any(other["kind"] == "CustomResourceDefinition" for other in objects)
    return not kinds and one["metadata"].get("namespace") not in made


def _server_side_apply(one: Object, kind: Any, dry_run: bool = False) -> Object:
    try:
        return _sent(one, kind, {"dry_run": "All"} if dry_run else {})
    except client.Refused as error:
        what = f"{kind.kind} {one['metadata']['name']}: "
        raise client.Refused(what + error.sentence, error.remedy, error.status) from None


def _is_too_early(error: Exception) -> bool:
    """Whether a Pod was refused since its namespace is so new that it has no ServiceAccount yet."""
    return isinstance(error, client.Refused) and "error looking up service account" in error.sentence


@retry(on=_is_too_early, attempts=None, timeout=NEW_NAMESPACE_SECONDS, wait_max=0.5)
def _sent(one: Object, kind: Any, query: dict[str, str]) -> Object:
    # Force: in the lab the learner's file is the truth, even after a kube.patch by hand.
    return translate_errors(
        lambda: client.client()
        .server_side_apply(kind, body=one, name=one["metadata"]["name"], namespace=one["metadata"].get("namespace"),
                           field_manager=MANAGER, force_conflicts=True, _request_timeout=TIMEOUT, **query)
        .to_dict()
    )  # fmt: skip


def _apply_one(one: Object, kind: Any) -> Applied:
    name, namespace = one["metadata"]["name"], one["metadata"].get("namespace")
    before = client.find(kind, name, namespace)
    after = _server_side_apply(one, kind)
    same = before and _wanted(before) == _wanted(after)
    action = "created" if not before else "unchanged" if same else "configured"
    return Applied(kind.kind, name, action, unread_annotations(one))


def _wanted(one: Object) -> Object:
    """The object without what controllers write into it at any time, also between two calls of ours."""
    metadata = {key: value for key, value in one["metadata"].items() if key not in ("resourceVersion", "managedFields")}
    return {key: value for key, value in one.items() if key != "status"} | {"metadata": metadata}


def _place(kind: Any, namespace: str | None) -> str | None:
    return (namespace or "default") if kind.namespaced else None


@verb(kubectl.get)
def get(kind: str, name: str, namespace: str | None = None) -> Object:
    """One object; AcplabError names those that are there, if this one is not."""
    known = resource(kind)
    place = _place(known, namespace)
    found = client.find(known, name, place)
    if found is None:
        raise _missing(known, name, place)
    return found


@verb(kubectl.list)
def list(kind: str, namespace: str | None = None, selector: str | None = None) -> Objects:
    """All objects of a kind. namespace: "*" means everywhere; selector: a label selector like "app=shop"."""
    known = resource(kind)
    return client.items(known, None if namespace == "*" else _place(known, namespace), selector)


@verb(kubectl.find)
def find(kind: str, name: str, namespace: str | None = None) -> Object | None:
    """The object, or None if it isn't there."""
    known = resource(kind)
    return client.find(known, name, _place(known, namespace))


def _missing(known: Any, name: str, namespace: str | None) -> AcplabError:
    if namespace:
        sentence = _("{kind} {name} not found in namespace {ns}.").format(kind=known.kind, name=name, ns=namespace)
    else:
        sentence = _("{kind} {name} not found.").format(kind=known.kind, name=name)
    others = ", ".join([one["metadata"]["name"] for one in client.items(known, namespace)][:8])
    if others:
        return AcplabError(sentence, _("Check the name; there are: {names}").format(names=others))
    return AcplabError(
        sentence, _("Check the namespace and the kind: there is no {kind} at all.").format(kind=known.kind)
    )


@verb(kubectl.exists)
def exists(kind: str, name: str, namespace: str | None = None) -> bool:
    """Whether the object is there."""
    return find(kind, name, namespace) is not None


@verb(kubectl.delete)
def delete(kind: str, name: str, namespace: str | None = None, wait: bool = True, grace: int | None = None) -> None:
    """Delete an object; nothing happens if it isn't there. wait: until it is really gone (120 s at most).

    grace: seconds that a Pod gets to end; None leaves what its manifest says.
    """
    known = resource(kind)
    client.require_own_cluster()
    options = {"propagation_policy": "Foreground" if known.kind != "Namespace" else "Background"}
    if grace is not None:
        options["grace_period_seconds"] = grace  # type: ignore[assignment]
    try:
        translate_errors(
            lambda: client.client().delete(
                known, name=name, namespace=_place(known, namespace), _request_timeout=TIMEOUT, **options
            )
        )
    except client.Refused as error:
        if error.status != 404:
            raise
    if wait:
        waiting.wait(kind, name, "deleted", namespace, timeout=120)


@verb(kubectl.patch)
def patch(kind: str, name: str, patch: Object, namespace: str | None = None, status: bool = False) -> Object:
    """Merge patch: `patch` holds only the fields to change; None removes one. The object afterwards.

    status: change the status, as the controller of such an object does.
    """
    known = resource(kind)
    client.require_own_cluster()
    target = known.subresources["status"] if status else known
    return translate_errors(
        lambda: client.client()
        .patch(target, body=patch, name=name, namespace=_place(known, namespace), content_type="application/merge-patch+json",
               field_manager=MANAGER, _request_timeout=TIMEOUT)
        .to_dict()
    )  # fmt: skip


@verb(kubectl.scale)
def scale(deployment: str, replicas: int, namespace: str | None = None) -> None:
    """Ask for so many Pods of a Deployment; wait(...) tells when they are there."""
    patch("deployment", deployment, {"spec": {"replicas": replicas}}, namespace)


@verb(kubectl.restart)
def restart(deployment: str, namespace: str | None = None) -> None:
    """Replace a Deployment's Pods one by one, as `kubectl rollout restart` does."""
    from datetime import UTC, datetime

    stamp = {"kubectl.kubernetes.io/restartedAt": datetime.now(UTC).isoformat()}
    patch("deployment", deployment, {"spec": {"template": {"metadata": {"annotations": stamp}}}}, namespace)


@verb(kubectl.annotate)
def annotate(kind: str, name: str, namespace: str | None = None, **annotations: str | None) -> None:
    """Set annotations, or remove those that are None."""
    patch(kind, name, {"metadata": {"annotations": annotations}}, namespace)


@verb(kubectl.label)
def label(kind: str, name: str, namespace: str | None = None, **labels: str | None) -> None:
    """Set labels, or remove those that are None."""
    patch(kind, name, {"metadata": {"labels": labels}}, namespace)


@verb(kubectl.events)
def events(kind: str, name: str, namespace: str | None = None) -> Lines:
    """What happened to an object, oldest first: "Warning Failed: image can't be pulled"."""
    return event_log.events_of(resource(kind).kind, name, namespace)


@verb(kubectl.api_resources)
def api_resources() -> Kinds:
    """(kind, namespaced) of everything that can be listed on this cluster."""
    listable = [one for one in client._resources() if "list" in (one.verbs or [])]
    return sorted({(one.kind, one.namespaced) for one in listable})
