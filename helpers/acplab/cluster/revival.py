"""What of an object is created again when it comes back from a snapshot. Pure: objects as the API gave them then."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable

from acplab.kube import Object, Objects
from acplab.kube.conditions import has_ended

# In this order; a kind that is not named comes between the two.
FIRST = ("Namespace", "ServiceAccount", "Role", "RoleBinding", "Secret", "ConfigMap", "ResourceQuota", "LimitRange", "PersistentVolumeClaim", "Service")  # fmt: skip
LAST = ("Pod", "ReplicaSet", "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "HorizontalPodAutoscaler")
BOUND = ("pv.kubernetes.io/", "volume.kubernetes.io/", "volume.beta.kubernetes.io/")  # annotations of a claim's volume
OF_A_JOB = ("controller-uid", "batch.kubernetes.io/controller-uid", "job-name", "batch.kubernetes.io/job-name")
REVISION = "deployment.kubernetes.io/revision"


def again(objects: Iterable[Object]) -> Objects:
    """What to apply, in order: without objects that others bring back, and without what belonged to the lost ones."""
    wanted = [_cleaned(copy.deepcopy(one)) for one in objects if not follows(one)]
    return sorted(wanted, key=_rank)


def _rank(one: Object) -> tuple[int, str]:
    kind = one["kind"]
    if kind in FIRST:
        return FIRST.index(kind), one["metadata"]["name"]
    return len(FIRST) + (1 + LAST.index(kind) if kind in LAST else 0), one["metadata"]["name"]


def follows(one: Object) -> bool:
    """Whether a controller makes it again, or it was over or on its way out."""
    metadata = one["metadata"]
    if metadata.get("ownerReferences") or metadata.get("deletionTimestamp"):
        return True
    if one["kind"] == "ConfigMap" and metadata["name"] == "kube-root-ca.crt":
        return True
    return _is_over(one) or one.get("type") == "kubernetes.io/service-account-token"


def _is_over(one: Object) -> bool:
    """A Job or a bare Pod that had ended: made again, it would do its work a second time."""
    if one["kind"] == "Pod":
        return has_ended(one)
    ends = [
        condition["type"]
        for condition in (one.get("status") or {}).get("conditions") or []
        if condition["status"] == "True"
    ]
    return one["kind"] == "Job" and bool({"Complete", "Failed"} & set(ends))


def _cleaned(one: Object) -> Object:
    (one["metadata"].get("annotations") or {}).pop(REVISION, None)
    if clean := CLEANERS.get(one["kind"]):
        clean(one)
    return one


def _namespace(one: Object) -> None:
    one.pop("spec", None)  # its finalizers


def _account(one: Object) -> None:
    one.pop("secrets", None)


def _claim(one: Object) -> None:
    """The old volume went with the old claim; the new claim gets a new, empty one."""
    one["spec"].pop("volumeName", None)
    annotations = one["metadata"].get("annotations") or {}
    one["metadata"]["annotations"] = {key: value for key, value in annotations.items() if not key.startswith(BOUND)}


def _service(one: Object) -> None:
    """Somebody else may have its address by now; a headless one stays headless."""
    if one["spec"].get("clusterIP") != "None":
        for field in ("clusterIP", "clusterIPs"):
            one["spec"].pop(field, None)


def _pod(one: Object) -> None:
    for field in ("nodeName", "ephemeralContainers"):
        one["spec"].pop(field, None)


def _job(one: Object) -> None:
    """What ties it to the Pods of the old one."""
    if one["spec"].get("manualSelector"):
        return
    one["spec"].pop("selector", None)
    for metadata in (one["metadata"], one["spec"]["template"].get("metadata") or {}):
        for label in OF_A_JOB:
            (metadata.get("labels") or {}).pop(label, None)


CLEANERS: dict[str, Callable[[Object], None]] = {
    "Namespace": _namespace,
    "ServiceAccount": _account,
    "PersistentVolumeClaim": _claim,
    "Service": _service,
    "Pod": _pod,
    "Job": _job,
}
