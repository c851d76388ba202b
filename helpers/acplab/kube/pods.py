"""The Pods behind an object, what keeps one of them from getting ready, and its last log line."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.kube import client
from acplab.kube.client import resource, translate_errors
from acplab.kube.conditions import BATCHED, REPLICATED, WORKLOADS, has_ended

Object = dict[str, Any]
Cause = tuple[str, str]  # what is wrong, and the next step
PATIENCE = 4.0  # seconds that a verdict must last: an unschedulable Pod is often placed at the second try
NO_IMAGE = {"ErrImageNeverPull", "ImagePullBackOff", "InvalidImageName", "ErrImagePull"}
NO_START = {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}
# What kubelet answers, as text, when the container's log is gone already.
NO_LOG = "unable to retrieve container logs"
REVISION = "deployment.kubernetes.io/revision"


def pods_of(found: Object) -> list[Object]:
    """The Pods that decide whether the object gets ready: of a Deployment those of its newest template."""
    if found["kind"] == "Pod":
        return [found]
    if not (labels := _selector(found)):
        return []
    pods = client.items(resource("pod"), found["metadata"]["namespace"], labels)
    key, newest = _newest(found, labels)
    return [
        pod for pod in pods if _counts(pod, found["kind"]) and (not key or pod["metadata"]["labels"].get(key) == newest)
    ]


def _counts(pod: Object, kind: str) -> bool:
    """Not while it is being deleted; nor once it has ended, as when evicted: then the controller has made another."""
    if pod["metadata"].get("deletionTimestamp"):
        return False
    return kind == "Job" or not has_ended(pod)


def makes_room(found: Object) -> bool:
    """Whether an older Pod of the object is still ending, within its time: a newer one may need its place."""
    if not (labels := _selector(found)):
        return False
    pods = client.items(resource("pod"), found["metadata"]["namespace"], labels)
    ends = [one for pod in pods if (one := pod["metadata"].get("deletionTimestamp"))]
    return any(datetime.fromisoformat(end) > datetime.now(UTC) for end in ends)


def _selector(found: Object) -> str:
    """Of the object's Pods, as kubectl takes it; "" if it has none."""
    selector = ((found.get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
    if found["kind"] not in (*WORKLOADS, *REPLICATED, BATCHED, "Job"):
        return ""
    return ",".join(f"{key}={value}" for key, value in selector.items())


def _newest(found: Object, labels: str) -> tuple[str | None, str | None]:
    """(label, value) of the Pods of the newest template; a Job has only one template."""
    if found["kind"] == "Deployment":
        return "pod-template-hash", _newest_replicaset(found, labels)
    if found["kind"] == BATCHED:
        return "rollouts-pod-template-hash", (found.get("status") or {}).get("currentPodHash")
    if found["kind"] == "StatefulSet":
        return "controller-revision-hash", found["status"].get("updateRevision")
    if found["kind"] == "DaemonSet":
        generation = (found["metadata"].get("annotations") or {}).get("deprecated.daemonset.template.generation")
        return "pod-template-generation", generation
    return None, None


def _newest_replicaset(deployment: Object, labels: str) -> str | None:
    """The pod-template-hash of the revision that the Deployment is going to."""
    revision = (deployment["metadata"].get("annotations") or {}).get(REVISION)
    for one in client.items(resource("replicaset"), deployment["metadata"]["namespace"], labels):
        if (one["metadata"].get("annotations") or {}).get(REVISION) == revision:
            return one["metadata"]["labels"].get("pod-template-hash")
    return None


def pod_is_stuck(pod: Object, elapsed: float) -> Cause | None:
    """Why this Pod cannot get ready by itself, None if it still may."""
    name = pod["metadata"]["name"]
    for one in (pod.get("status") or {}).get("conditions") or []:
        if _is_unschedulable(one) and elapsed > PATIENCE and not _preempts(pod):
            return _("Pod {name} is unschedulable: {why}").format(name=name, why=one["message"]), _(
                "Lower its requests, or change what keeps it from the nodes."
            )
    causes = (_container_is_stuck(pod, one) for one in containers(pod))
    return next((cause for cause in causes if cause), None)


def _is_unschedulable(condition: Object) -> bool:
    return condition["type"] == "PodScheduled" and condition.get("reason") == "Unschedulable"


def _preempts(pod: Object) -> bool:
    """Whether the scheduler has found a node for it, and waits until the Pods that it preempts there have ended."""
    return bool((pod.get("status") or {}).get("nominatedNodeName"))


def containers(pod: Object) -> Iterator[Object]:
    """The status of each container; the init containers first, since the others wait for them."""
    status = pod.get("status") or {}
    yield from status.get("initContainerStatuses") or []
    yield from status.get("containerStatuses") or []


def _container_is_stuck(pod: Object, container: Object) -> Cause | None:
    name, waiting = pod["metadata"]["name"], (container.get("state") or {}).get("waiting") or {}
    reason, message = waiting.get("reason", ""), waiting.get("message") or ""
    if reason in NO_IMAGE:
        cause = _("Pod {pod} cannot get the image {image} ({reason})")
        return cause.format(pod=name, image=container["image"], reason=reason), _(
            "Correct the image's name and tag; the images of chapters and labs are on the nodes already."
        )
    if reason in NO_START:
        return _("Pod {pod}: {reason}: {message}").format(pod=name, reason=reason, message=message), _(
            "Correct what the message names (often a ConfigMap, a Secret or the command)."
        )
    return _crash(pod, container) if _crashes(container, reason) else None


def _crashes(container: Object, reason: str) -> bool:
    """Whether it was started at least twice and has failed each time."""
    failed = bool(((container.get("state") or {}).get("terminated") or {}).get("exitCode"))
    restarts = container.get("restartCount", 0)
    return reason == "CrashLoopBackOff" or (bool(reason) and restarts >= 3) or (failed and restarts >= 1)


def _crash(pod: Object, container: Object) -> Cause:
    name, own = pod["metadata"]["name"], container["name"]
    ended = _ended(container)
    # What never started has written nothing; then the runtime's message says why.
    words = ended.get("message") or last_log_line(pod, own)
    if own in [one["name"] for one in (pod.get("status") or {}).get("initContainerStatuses") or []]:
        cause = _("Pod {pod}: init container {container} is in CrashLoopBackOff (exit code {code}); "
                  "last log line: {words}")  # fmt: skip
    else:
        cause = _("Pod {pod} is in CrashLoopBackOff (exit code {code}); last log line: {words}")
    return cause.format(pod=name, container=own, code=ended.get("exitCode"), words=words), _(
        "Read kube.logs({pod!r}, namespace=..., container={container!r})."
    ).format(pod=name, container=own)


def _ended(container: Object) -> Object:
    """How the container ended last; {} if it never has."""
    now, before = container.get("state") or {}, container.get("lastState") or {}
    return now.get("terminated") or before.get("terminated") or {}


def ended_with(pod: Object) -> tuple[str, int | None, str]:
    """(container, exit code, last log line) of the container that ended a Pod: the first that failed, else the last."""
    ended = [one for one in containers(pod) if _ended(one)]
    failed = [one for one in ended if _ended(one).get("exitCode")]
    if not ended:
        return "", None, _("none")
    last = (failed or ended[-1:])[0]
    return last["name"], _ended(last).get("exitCode"), _ended(last).get("message") or last_log_line(pod, last["name"])


def last_log_line(pod: Object, container: str) -> str:
    """The last line that a container wrote, be it in the run before; without what Go adds to a panic."""
    said = _log(pod, container, previous=False) or _log(pod, container, previous=True)
    lines = [line for line in said.splitlines() if line.strip() and not line.startswith(("goroutine", "\t", "main."))]
    return lines[-1][:200] if lines else _("none")


def _log(pod: Object, container: str, previous: bool) -> str:
    from kubernetes import client as library

    api = library.CoreV1Api(client.client().client)
    place = (pod["metadata"]["name"], pod["metadata"]["namespace"])
    options: dict[str, Any] = {
        "container": container,
        "previous": previous,
        "tail_lines": 20,
        "_request_timeout": client.TIMEOUT,
    }
    try:
        said = translate_errors(lambda: api.read_namespaced_pod_log(*place, **options))
    except AcplabError:
        return ""
    return "" if said.startswith(NO_LOG) else said
