"""kubectl's cordon, uncordon and drain: empty a node of its Pods as PodDisruptionBudgets allow."""

from __future__ import annotations

import time
from typing import Any

from acplab.base.errors import AcplabError
from acplab.base.i18n import _, ngettext
from acplab.kube import client, kubectl, verbs
from acplab.kube.client import TIMEOUT, Refused, resource, translate_errors
from acplab.kube.conditions import has_ended
from acplab.kube.showing import verb

Pod = dict[str, Any]
AGAIN = 1.0  # seconds until an eviction that a budget forbids is asked for again
MIRROR = "kubernetes.io/config.mirror"


@verb(kubectl.cordon)
def cordon(node: str) -> None:
    """Let no new Pod be scheduled on the node; those that run there stay."""
    _set_unschedulable(node, True)


@verb(kubectl.uncordon)
def uncordon(node: str) -> None:
    """Let Pods be scheduled on the node again; none comes back by itself."""
    _set_unschedulable(node, None)


@verb(kubectl.drain)
def drain(node: str, timeout: float = 120) -> list[str]:
    """Cordon the node, evict its Pods, and wait until they are gone: their "namespace/name".

    Pods of DaemonSets and static Pods stay. timeout: seconds in all. AcplabError names what is still in the way: a Pod
    without a controller (nothing is evicted then), or the PodDisruptionBudget that forbids an eviction.
    """
    cordon(node)
    pods = [pod for pod in _pods_on(node) if not _stays(pod)]
    _refuse_bare(pods)
    deadline = time.monotonic() + timeout
    for pod in pods:
        _evict(pod, deadline)
    for pod in pods:
        _wait_gone(pod, deadline)
    return [_name(pod) for pod in pods]


def _set_unschedulable(node: str, value: bool | None) -> None:
    client.require_own_cluster()
    verbs.get("node", node)  # its error names the nodes that there are
    verbs.patch("node", node, {"spec": {"unschedulable": value}})


def _pods_on(node: str) -> list[Pod]:
    return [pod for pod in client.items(resource("pod")) if pod["spec"].get("nodeName") == node]


def _stays(pod: Pod) -> bool:
    """Whether kubectl leaves the Pod where it is: a DaemonSet would put it back at once, and a static Pod is the node's own."""
    return MIRROR in (pod["metadata"].get("annotations") or {}) or any(
        one["kind"] == "DaemonSet" for one in _owners(pod)
    )


def _owners(pod: Pod) -> list[dict[str, Any]]:
    return [one for one in pod["metadata"].get("ownerReferences") or [] if one.get("controller")]


def _refuse_bare(pods: list[Pod]) -> None:
    if bare := [_name(pod) for pod in pods if not _owners(pod) and not has_ended(pod)]:
        sentence = ngettext(
            "Pod {names} has no controller: evicted, it would be gone for good.",
            "Pods {names} have no controller: evicted, they would be gone for good.",
            len(bare),
        )
        raise AcplabError(sentence.format(names=", ".join(bare)), _("Make it a Deployment, or delete it yourself."))


def _evict(pod: Pod, deadline: float) -> None:
    """Ask for the eviction until it is allowed; 429 is a budget's "not now"."""
    while True:
        try:
            return _ask_eviction(pod)
        except Refused as error:
            if error.status == 404:
                return None
            if error.status != 429 or time.monotonic() > deadline:
                raise _not_evicted(pod, error) from None
        time.sleep(AGAIN)


def _ask_eviction(pod: Pod) -> None:
    client.require_own_cluster()
    metadata = {"name": pod["metadata"]["name"], "namespace": pod["metadata"]["namespace"]}
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
    eviction = resource("pod").subresources["eviction"]
    translate_errors(lambda: eviction.create(body=body, **metadata, _request_timeout=TIMEOUT))


def _not_evicted(pod: Pod, error: Refused) -> AcplabError:
    return AcplabError(
        _("Pod {pod} was not evicted: {why}").format(pod=_name(pod), why=error.sentence),
        _("Look at: kubectl get poddisruptionbudget -n {namespace}").format(namespace=pod["metadata"]["namespace"]),
    )


def _wait_gone(pod: Pod, deadline: float) -> None:
    """Until this Pod is gone: another one of the same name, as of a StatefulSet, is not this one."""
    place = (pod["metadata"]["name"], pod["metadata"]["namespace"])
    while (found := client.find(resource("pod"), *place)) and found["metadata"]["uid"] == pod["metadata"]["uid"]:
        if time.monotonic() > deadline:
            raise AcplabError(
                _("Pod {pod} was evicted, and has not ended in time.").format(pod=_name(pod)),
                _("Look at its preStop hook and terminationGracePeriodSeconds."),
            )
        time.sleep(AGAIN / 4)


def _name(pod: Pod) -> str:
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
