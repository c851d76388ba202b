"""Whether an object is ready, by what its status says. Nothing here asks the cluster."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
REPLICATED = ("ReplicaSet", "ReplicationController")
BATCHED = "Rollout"  # of Argo Rollouts: a Deployment with batches, whose controller writes down a phase
ROUTES = ("HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute")
VERDICTS = ("Ready", "Available", "Established", "Accepted", "Programmed", "ResolvedRefs")
ENDED = ("Failed", "Succeeded")  # phases of a Pod that no kubelet starts again
# These are nothing until their controller has said so; a ConfigMap is ready as soon as it is there.
SPOKEN_FOR = ("Pod", "Node", "Gateway", "GatewayClass", "CustomResourceDefinition", "APIService", *ROUTES)
PHASES = {"PersistentVolumeClaim": ("Bound",), "PersistentVolume": ("Bound", "Available"), "Namespace": ("Active",)}


def is_ready(found: Object) -> bool:
    """Whether the object can be used: rolled out, Ready, Complete, Bound, ... by its kind."""
    status, kind = found.get("status") or {}, found["kind"]
    if kind in WORKLOADS:
        return _rolled_out(found, status)
    if kind == BATCHED:
        return status.get("phase") == "Healthy" and not is_outdated(found)
    if kind in REPLICATED:
        return (status.get("readyReplicas") or 0) == found["spec"].get("replicas", 1)
    if kind == "Job":
        return verdict(status, "Complete") is True
    if kind in PHASES:
        return status.get("phase") in PHASES[kind]
    if wants_address(found):
        return has_address(found)
    stated = [one for name in VERDICTS if (one := verdict(status, name)) is not None]
    return all(stated) if stated else kind not in SPOKEN_FOR


def wants_address(found: Object) -> bool:
    """A Service of type LoadBalancer is of use once a load balancer has given it an address."""
    return found["kind"] == "Service" and (found.get("spec") or {}).get("type") == "LoadBalancer"


def has_address(found: Object) -> bool:
    """Whether its EXTERNAL-IP is there."""
    return bool(((found.get("status") or {}).get("loadBalancer") or {}).get("ingress"))


def _rolled_out(found: Object, status: Object) -> bool:
    if is_outdated(found):
        return False
    if found["kind"] == "DaemonSet":
        wanted = status.get("desiredNumberScheduled", 0)
        return status.get("updatedNumberScheduled", 0) == wanted == status.get("numberAvailable", 0)
    wanted = found["spec"].get("replicas", 1)
    counts = [status.get(key) or 0 for key in ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")]
    return all(count == wanted for count in counts)


def is_outdated(found: Object) -> bool:
    """Whether a workload's status is still that of an earlier spec; so are its Pods then."""
    if found["kind"] not in (*WORKLOADS, BATCHED):
        return False
    # A Rollout's is text.
    return int((found.get("status") or {}).get("observedGeneration") or 0) < found["metadata"]["generation"]


def verdict(status: Object, name: str) -> bool | None:
    """The condition's verdict; None if the object doesn't state it."""
    said = [one for one in stated(status) if one["type"] == name]
    return all(one["status"] == "True" for one in said) if said else None


def has_ended(pod: Object) -> bool:
    """Whether no kubelet starts the Pod again: it is done, has failed, or was evicted; it may stay in the list."""
    return (pod.get("status") or {}).get("phase") in ENDED


def is_serving(pod: Object) -> bool:
    """Whether a Pod is Ready and is not being deleted: a Service sends requests to such Pods alone."""
    return "deletionTimestamp" not in pod["metadata"] and verdict(pod["status"], "Ready") is True


def stated(status: Object) -> list[Object]:
    """The conditions that the object states of itself; routes state them for each parent."""
    said = list(status.get("conditions") or [])
    for parent in status.get("parents") or []:
        said += parent.get("conditions") or []
    return said
