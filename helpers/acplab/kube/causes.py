"""Why an object will not get ready by itself (then a wait ends at once), and why it has not in time."""

from __future__ import annotations

from typing import Any

from acplab.base.i18n import _
from acplab.kube import client
from acplab.kube.client import resource
from acplab.kube.conditions import BATCHED, ROUTES, VERDICTS, has_address, has_ended, is_outdated, stated, wants_address
from acplab.kube.event_log import events_of
from acplab.kube.pods import PATIENCE, Cause, ended_with, pod_is_stuck, pods_of

Object = dict[str, Any]
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


def why_hopeless(found: Object, elapsed: float) -> Cause | None:
    """(cause, next step) if this object cannot become ready without somebody doing something."""
    if found["metadata"].get("deletionTimestamp"):
        return _("it is being deleted"), _("Wait until it is gone, then apply it again.")
    if is_outdated(found):
        return None
    for one in (found.get("status") or {}).get("conditions") or []:
        if cause := _verdict(found["kind"], one):
            return cause
    if cause := _paused(found) or _pod_has_ended(found):
        return cause
    if elapsed > PATIENCE and (cause := _route_is_refused(found) or _unbound(found) or _without_address(found)):
        return cause
    causes = (pod_is_stuck(pod, elapsed) for pod in pods_of(found))
    return next((cause for cause in causes if cause), None)


def _verdict(kind: str, condition: Object) -> Cause | None:
    """What a controller itself has given up on."""
    name, true = condition["type"], condition["status"] == "True"
    message = condition.get("message") or condition.get("reason") or name
    if name == "ReplicaFailure" and true:
        return message, _("Correct what the message names (often a quota, a limit or a field of the Pod template).")
    if name == "Failed" and true and kind == "Job":
        return message, _("Look at the logs of its Pods.")
    if name == "Progressing" and kind in ("Deployment", BATCHED):
        return _no_progress(kind, condition.get("reason"), message)
    return None


def _no_progress(kind: str, reason: str | None, message: str) -> Cause | None:
    if reason == "RolloutAborted":
        return message, _("Apply the version of before, or a better one: its template still names what was aborted.")
    if reason != "ProgressDeadlineExceeded":
        return None
    if kind == BATCHED:
        return message, _(
            "The old Pods still serve. Look at the new ones with kube.events, then apply the version of before."
        )
    return message, _("Look at its Pods: kube.list('pod') and kube.events tell what keeps them from getting ready.")


def _paused(found: Object) -> Cause | None:
    """A Deployment that is paused still scales, but it rolls nothing out."""
    spec, status = found.get("spec") or {}, found.get("status") or {}
    if found["kind"] != "Deployment" or not spec.get("paused"):
        return None
    there, updated = status.get("replicas") or 0, status.get("updatedReplicas") or 0
    if updated < there or (spec.get("replicas", 1) and not there):
        return _("it is paused, so its new template is not rolled out"), _(
            "Resume it: kubectl rollout resume deployment/{name} -n {ns}"
        ).format(name=found["metadata"]["name"], ns=found["metadata"].get("namespace", "default"))
    return None


def _pod_has_ended(found: Object) -> Cause | None:
    if found["kind"] != "Pod" or not has_ended(found):
        return None
    container, code, words = ended_with(found)
    cause = _("it has ended ({phase}): container {container}, exit code {code}; last log line: {words}")
    return cause.format(phase=found["status"]["phase"], container=container, code=code, words=words), _(
        "A Pod that has ended never gets ready; look at its logs, then delete it and apply it again."
    )


def _route_is_refused(found: Object) -> Cause | None:
    """A route that its Gateway has refused, in the Gateway's words."""
    for parent in (found.get("status") or {}).get("parents") or []:
        for one in parent.get("conditions") or []:
            if one["status"] == "False":
                said = _("{type} is False ({reason}): {message}").format(**{"message": "", **one})
                return said, _(
                    "Correct what the Gateway complains about: its name, its port, or the Services of backendRefs."
                )
    return None


def _unbound(found: Object) -> Cause | None:
    """A claim that nobody will bind: of no StorageClass, or of one that waits for a Pod."""
    if found["kind"] != "PersistentVolumeClaim" or (found.get("status") or {}).get("phase") == "Bound":
        return None
    wanted = found["spec"].get("storageClassName")
    classes = {one["metadata"]["name"]: one for one in client.items(resource("storageclass", "storage.k8s.io/v1"))}
    if wanted is None:
        wanted = next((name for name, one in classes.items() if _is_default(one)), None)
    if wanted not in classes:
        sentence = _("storageclass.storage.k8s.io {name} not found").format(name=repr(wanted or ""))
        return sentence, _("Name one of: {names}.").format(names=", ".join(classes) or _("there is none"))
    if classes[wanted].get("volumeBindingMode") == "WaitForFirstConsumer" and not _has_consumer(found):
        return _("it is Pending: waiting for first consumer to be created before binding"), _(
            "Apply the Pod that uses it, and wait for that."
        )
    return None


def _is_default(storage_class: Object) -> bool:
    return (storage_class["metadata"].get("annotations") or {}).get(DEFAULT_CLASS) == "true"


def _has_consumer(claim: Object) -> bool:
    used = [
        (volume.get("persistentVolumeClaim") or {}).get("claimName")
        for pod in client.items(resource("pod"), claim["metadata"]["namespace"])
        for volume in pod["spec"].get("volumes") or []
    ]
    return claim["metadata"]["name"] in used


def _without_address(found: Object) -> Cause | None:
    """A LoadBalancer that no controller has taken in hand; one that does so writes an event first."""
    if not wants_address(found) or has_address(found):
        return None
    if events_of("Service", found["metadata"]["name"], found["metadata"]["namespace"]):
        return None
    return _("its EXTERNAL-IP stays <pending>: no controller in this cluster makes load balancers"), _(
        "Use its ClusterIP or NodePort, or an Ingress; on ACK the cloud controller manager gives it an SLB."
    )


def why_late(found: Object | None, condition: Any, timeout: float) -> Cause:
    """(cause, next step) when the time is over."""
    if found is None:
        return _("not found after {s:.0f} s").format(s=timeout), _("Apply it first, or check its name and namespace.")
    if condition == "deleted":
        held = ", ".join(found["metadata"].get("finalizers") or []) or _("none")
        return _("not deleted within {s:.0f} s; finalizers: {held}").format(s=timeout, held=held), _(
            "Look at what it contains; a Pod may be taking its time to end."
        )
    cause = _not_accepted(found) or _pod_is_late(found, timeout)
    return cause or (_verdict_is_late(found, timeout) if condition == "ready" else None) or _unmet(timeout)


def _unmet(timeout: float) -> Cause:
    return _("condition not met within {s:.0f} s").format(s=timeout), _("Look at its status with kube.get.")


def _not_accepted(found: Object) -> Cause | None:
    if found["kind"] not in ROUTES or (found.get("status") or {}).get("parents"):
        return None
    named = ", ".join(str(ref.get("name")) for ref in (found.get("spec") or {}).get("parentRefs") or [])
    return _("no Gateway has accepted this route; parentRefs: {names}").format(names=named or _("none")), _(
        "Compare with kube.list('gateway', namespace='*')."
    )


def _pod_is_late(found: Object, timeout: float) -> Cause | None:
    for pod in pods_of(found):
        for one in (pod.get("status") or {}).get("containerStatuses") or []:
            if not one["ready"]:
                name = pod["metadata"]["name"]
                return _("Pod {pod} is not ready after {s:.0f} s").format(pod=name, s=timeout), _(
                    "Look at its readinessProbe and at kube.events('pod', {pod!r}, namespace=...)."
                ).format(pod=name)
    return None


def _verdict_is_late(found: Object, timeout: float) -> Cause | None:
    for one in stated(found.get("status") or {}):
        if one["type"] in VERDICTS and one["status"] != "True":
            cause = _("{what} not True within {s:.0f} s: {why}")
            return cause.format(s=timeout, what=one["type"], why=one.get("message") or one.get("reason")), _(
                "Correct what the message names."
            )
    return None
