"""Waits that fail early and explain themselves.

A wait ends at once when it cannot succeed any more: image missing, unschedulable, crash loop, object
deleted. It names the object, its last event and the next step.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.kube import client as connection
from acplab.kube.client import resource

Object = dict[str, Any]
POLL = 0.4  # seconds between two looks
SILENCE = 15.0  # seconds that the API server may not answer, as when its node fails over
PATIENCE = 4.0  # seconds that "unschedulable" must last: a Pod is often placed at the second try
VERDICTS = ("Ready", "Available", "Accepted", "Programmed", "ResolvedRefs")
NO_IMAGE = {"ErrImageNeverPull", "ImagePullBackOff", "InvalidImageName", "ErrImagePull"}
NO_START = {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")


def wait(
    kind: str,
    name: str,
    condition: str | Callable[[Object], bool] = "ready",
    namespace: str | None = None,
    timeout: float = 90,
) -> Object:
    """Wait until the object is ready, deleted, or fulfils condition(object). Returns the object (or {}).

    "ready": a Deployment, StatefulSet or DaemonSet is rolled out, a Pod is Ready, a Job is complete, another
    object is there and its condition Ready, Available, Accepted or Programmed (if it has one) is True.
    AcplabError as soon as that cannot happen any more, or after `timeout` seconds.
    """
    known = resource(kind)
    place = (namespace or "default") if known.namespaced else None
    began = heard = time.monotonic()
    seen = False
    while True:
        elapsed = time.monotonic() - began
        try:
            found = connection.find(known, name, place)
            if _fulfilled(found, condition):
                return found or {}
            if cause := _given_up(found, seen, condition, elapsed, timeout):
                raise _gave_up(known.kind, name, place, *cause)
            seen, heard = seen or found is not None, time.monotonic()
        except connection.Unreachable:
            if elapsed > timeout or time.monotonic() - heard > SILENCE:
                raise
        time.sleep(POLL)


def _given_up(
    found: Object | None, seen: bool, condition: str | Callable[[Object], bool], elapsed: float, timeout: float
) -> tuple[str, str] | None:
    """(cause, next step) if there is nothing to wait for any more."""
    if found is None and seen:
        return _("it was deleted meanwhile"), _("Apply it again.")
    if found and condition != "deleted" and (cause := _hopeless(found, elapsed)):
        return cause
    return _why_late(found, condition, timeout) if elapsed > timeout else None


def _fulfilled(found: Object | None, condition: str | Callable[[Object], bool]) -> bool:
    if condition == "deleted":
        return found is None
    if found is None:
        return False
    if condition == "ready":
        return not found["metadata"].get("deletionTimestamp") and _ready(found)
    return bool(condition(found))  # type: ignore[operator]


def _ready(found: Object) -> bool:
    status, kind = found.get("status") or {}, found["kind"]
    if kind in WORKLOADS:
        return _rolled_out(found, status)
    if kind == "Job":
        return _condition(status, "Complete") is True
    verdicts = [_condition(status, name) for name in VERDICTS]
    stated = [verdict for verdict in verdicts if verdict is not None]
    # These are nothing until somebody has said so; a ConfigMap is ready as soon as it is there.
    return all(stated) if stated else kind not in ("Pod", "Gateway", "GatewayClass", "HTTPRoute", "GRPCRoute")


def _rolled_out(found: Object, status: Object) -> bool:
    if _outdated(found):
        return False
    if found["kind"] == "DaemonSet":
        wanted = status.get("desiredNumberScheduled", 0)
        return status.get("updatedNumberScheduled", 0) == wanted == status.get("numberAvailable", 0)
    wanted = found["spec"].get("replicas", 1)
    counts = [status.get(key) or 0 for key in ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")]
    return all(count == wanted for count in counts)


def _outdated(found: Object) -> bool:
    """Whether a workload's status is still that of an earlier spec; so are its Pods then."""
    if found["kind"] not in WORKLOADS:
        return False
    return (found.get("status") or {}).get("observedGeneration", 0) < found["metadata"]["generation"]


def _condition(status: Object, name: str) -> bool | None:
    """The condition's verdict; None if the object doesn't state it."""
    stated = [one for one in _conditions(status) if one["type"] == name]
    return all(one["status"] == "True" for one in stated) if stated else None


def _conditions(status: Object) -> list[Object]:
    """What the object states of itself; routes state it for each parent."""
    stated = list(status.get("conditions") or [])
    for parent in status.get("parents") or []:
        stated += parent.get("conditions") or []
    return stated


def _hopeless(found: Object, elapsed: float) -> tuple[str, str] | None:
    """(cause, next step) if this object cannot become ready without somebody doing something."""
    if found["metadata"].get("deletionTimestamp"):
        return _("it is being deleted"), _("Wait until it is gone, then apply it again.")
    if _outdated(found):
        return None
    for one in (found.get("status") or {}).get("conditions") or []:
        if cause := _verdict(found["kind"], one):
            return cause
    if found["kind"] == "Pod" and (phase := (found.get("status") or {}).get("phase")) in ("Failed", "Succeeded"):
        return _("it has ended ({phase}); its last words: {words}").format(phase=phase, words=_last_words(found)), _(
            "A Pod that has ended never gets ready; look at its logs, then delete it and apply it again."
        )
    if elapsed > PATIENCE and (cause := _route_is_refused(found)):
        return cause
    for pod in _pods_of(found):
        if cause := _pod_is_stuck(pod, elapsed):
            return cause
    return None


def _route_is_refused(found: Object) -> tuple[str, str] | None:
    """A route that its Gateway has refused, in the Gateway's words."""
    for parent in (found.get("status") or {}).get("parents") or []:
        for one in parent.get("conditions") or []:
            if one["status"] == "False":
                said = _("{type} is False ({reason}): {message}").format(**{"message": "", **one})
                return said, _(
                    "Correct what the Gateway complains about: its name, its port, or the Services of backendRefs."
                )
    return None


def _verdict(kind: str, condition: Object) -> tuple[str, str] | None:
    """What a controller itself has given up on."""
    name, true = condition["type"], condition["status"] == "True"
    message = condition.get("message") or condition.get("reason") or name
    if name == "ReplicaFailure" and true:
        return message, _("Correct what the message names (often a quota, a limit or a field of the Pod template).")
    if name == "Failed" and true and kind == "Job":
        return message, _("Look at the logs of its Pods.")
    if name == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded" and kind == "Deployment":
        return message, _("Look at its Pods: kube.list('pod') and kube.events tell what keeps them from getting ready.")
    return None


def _pods_of(found: Object) -> list[Object]:
    """The Pods that decide whether the object gets ready: of a Deployment those of its newest template."""
    if found["kind"] == "Pod":
        return [found]
    selector = ((found.get("spec") or {}).get("selector") or {}).get("matchLabels")
    if found["kind"] not in (*WORKLOADS, "Job") or not selector:
        return []
    labels = ",".join(f"{key}={value}" for key, value in selector.items())
    pods = connection.items(resource("pod"), found["metadata"]["namespace"], labels)
    key, newest = _newest(found, labels)
    return [
        pod
        for pod in pods
        if not pod["metadata"].get("deletionTimestamp") and (not key or pod["metadata"]["labels"].get(key) == newest)
    ]


def _newest(found: Object, labels: str) -> tuple[str | None, str | None]:
    """(label, value) of the Pods of the newest template; a Job has only one template."""
    if found["kind"] == "Deployment":
        return "pod-template-hash", _newest_replicaset(found, labels)
    if found["kind"] == "StatefulSet":
        return "controller-revision-hash", found["status"].get("updateRevision")
    if found["kind"] == "DaemonSet":
        generation = (found["metadata"].get("annotations") or {}).get("deprecated.daemonset.template.generation")
        return "pod-template-generation", generation
    return None, None


def _newest_replicaset(deployment: Object, labels: str) -> str | None:
    """The pod-template-hash of the revision that the Deployment is going to."""
    namespace = deployment["metadata"]["namespace"]
    revision = (deployment["metadata"].get("annotations") or {}).get("deployment.kubernetes.io/revision")
    for one in connection.items(resource("replicaset"), namespace, labels):
        if (one["metadata"].get("annotations") or {}).get("deployment.kubernetes.io/revision") == revision:
            return one["metadata"]["labels"].get("pod-template-hash")
    return None


def _pod_is_stuck(pod: Object, elapsed: float) -> tuple[str, str] | None:
    name, status = pod["metadata"]["name"], pod.get("status") or {}
    for one in status.get("conditions") or []:
        if one["type"] == "PodScheduled" and one.get("reason") == "Unschedulable" and elapsed > PATIENCE:
            return _("Pod {name} fits on no node: {why}").format(name=name, why=one["message"]), _(
                "Lower its requests, or change what keeps it from the nodes."
            )
    for one in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        if cause := _container_is_stuck(pod, one):
            return cause
    return None


def _container_is_stuck(pod: Object, container: Object) -> tuple[str, str] | None:
    name = pod["metadata"]["name"]
    waiting = (container.get("state") or {}).get("waiting") or {}
    reason, message = waiting.get("reason", ""), waiting.get("message") or ""
    if reason in NO_IMAGE:
        cause = _("Pod {pod} cannot get the image {image} ({reason})").format(
            pod=name, image=container["image"], reason=reason
        )
        return cause, _("Correct the image's name and tag; a lab's images are on the nodes already.")
    if reason in NO_START:
        return _("Pod {pod}: {reason}: {message}").format(pod=name, reason=reason, message=message), _(
            "Correct what the message names (often a ConfigMap, a Secret or the command)."
        )
    if reason == "CrashLoopBackOff" or (reason and container.get("restartCount", 0) >= 3):
        ended = (container.get("lastState") or {}).get("terminated") or {}
        # What never started has written nothing; then the runtime's message says why.
        words = ended.get("message") or _last_words(pod, container["name"])
        cause = _("Pod {pod} crashes again and again (exit code {code}); its last words: {words}")
        return cause.format(pod=name, code=ended.get("exitCode"), words=words), _(
            "Read kube.logs({pod!r}, namespace=...)."
        ).format(pod=name)
    return None


def _last_words(pod: Object, container: str | None = None) -> str:
    from kubernetes import client as library

    api = library.CoreV1Api(connection.client().client)
    place = (pod["metadata"]["name"], pod["metadata"]["namespace"])
    options: dict[str, Any] = {"container": container, "previous": True} if container else {}
    try:
        said = connection.translate_errors(
            lambda: api.read_namespaced_pod_log(*place, tail_lines=20, _request_timeout=connection.TIMEOUT, **options)
        )
    except AcplabError:
        return _("none")
    lines = [line for line in said.splitlines() if line.strip() and not line.startswith(("goroutine", "\t", "main."))]
    return lines[-1][:200] if lines else _("none")


def _why_late(found: Object | None, condition: Any, timeout: float) -> tuple[str, str]:
    if found is None:
        return _("it is not there after {s:.0f} s").format(s=timeout), _(
            "Apply it first, or check its name and namespace."
        )
    if condition == "deleted":
        held = found["metadata"].get("finalizers") or []
        return _("it is still there after {s:.0f} s; finalizers: {held}").format(s=timeout, held=held), _(
            "Look at what it contains; a Pod may be taking its time to end."
        )
    if found["kind"].endswith("Route") and not (found.get("status") or {}).get("parents"):
        named = [ref.get("name") for ref in (found.get("spec") or {}).get("parentRefs") or []]
        return _("no Gateway has taken it up; it names {names}").format(names=named), _(
            "Compare with kube.list('gateway', namespace='*')."
        )
    for pod in _pods_of(found):
        for one in (pod.get("status") or {}).get("containerStatuses") or []:
            if not one["ready"]:
                cause = _("Pod {pod} is not ready after {s:.0f} s").format(pod=pod["metadata"]["name"], s=timeout)
                return cause, _("Look at its readinessProbe and at kube.events('pod', {pod!r}, namespace=...).").format(
                    pod=pod["metadata"]["name"]
                )
    for one in _conditions(found.get("status") or {}) if condition == "ready" else []:
        if one["type"] in VERDICTS and one["status"] != "True":
            cause = _("after {s:.0f} s it is still not {what}: {why}")
            return cause.format(s=timeout, what=one["type"], why=one.get("message") or one.get("reason")), _(
                "Correct what the message names."
            )
    return _("not so after {s:.0f} s").format(s=timeout), _("Look at its status with kube.get.")


def _gave_up(kind: str, name: str, namespace: str | None, cause: str, next_step: str) -> AcplabError:
    sentence = _("{kind} {name}: {cause}.").format(kind=kind, name=name, cause=cause.rstrip("."))
    if last := events_of(kind, name, namespace)[-1:]:
        sentence += " " + _("Last event: {event}").format(event=last[0])
    return AcplabError(sentence, next_step)


# How controllers name what they make: NAME-HASH(-xxxxx) for ReplicaSets and their Pods, NAME-0 or NAME-xxxxx for
# other Pods, in an alphabet without vowels. So the events of shop-new are not taken for those of shop.
_MADE = re.compile(r"(-[bcdfghjklmnpqrstvwxz2456789]{6,10})?(-[bcdfghjklmnpqrstvwxz2456789]{5})?|-\d+(-[a-z0-9]{5})?")


def events_of(kind: str, name: str, namespace: str | None) -> list[str]:
    """The events of an object, oldest first; of a workload also those of its Pods and ReplicaSets."""

    def concerns(event: Object) -> bool:
        about = event.get("involvedObject") or {}
        its_kind, its_name = about.get("kind"), str(about.get("name", ""))
        if its_kind == kind:
            return its_name == name
        made = kind in (*WORKLOADS, "Job") and its_kind in ("Pod", "ReplicaSet") and its_name.startswith(f"{name}-")
        return made and _MADE.fullmatch(its_name.removeprefix(name)) is not None

    found = [one for one in connection.items(resource("event", "v1"), namespace) if concerns(one)]
    found.sort(key=lambda one: one.get("lastTimestamp") or one.get("eventTime") or one["metadata"]["creationTimestamp"])
    return [f"{one.get('type')} {one.get('reason')}: {one.get('message')}" for one in found]
