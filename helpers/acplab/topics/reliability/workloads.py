"""What runs, as a reviewer wants it: a workload with its Pod template, its Pods, and what else speaks of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from acplab.kube.conditions import has_ended

Object = dict[str, Any]
ZONE, HOST = "topology.kubernetes.io/zone", "kubernetes.io/hostname"


@dataclass(frozen=True)
class Workload:
    """kind, name: of what was written down. spec: of its Pods. replicas: wanted.

    placed: (node, zone) of each Pod that runs; empty for manifests. budgets: the PodDisruptionBudgets that cover it.
    """

    kind: str
    name: str
    spec: Object
    replicas: int
    labels: Mapping[str, str] = field(default_factory=dict)
    placed: tuple[tuple[str, str], ...] = ()
    budgets: tuple[Object, ...] = ()

    @property
    def title(self) -> str:
        """As kubectl names it: "deployment/shop"."""
        return f"{self.kind.lower()}/{self.name}"

    @property
    def containers(self) -> list[Object]:
        """Its containers, without those that only prepare."""
        return list(self.spec.get("containers") or [])


def workloads(objects: Iterable[Object], zones: Mapping[str, str] | None = None) -> list[Workload]:
    """The workloads among these objects. zones: node -> zone."""
    objects = list(objects)
    pods = [one for one in objects if one["kind"] == "Pod"]
    budgets = [one for one in objects if one["kind"] == "PodDisruptionBudget"]
    found = [*_controlled(objects), *_bare(pods)]
    return [_placed(one, pods, budgets, zones or {}) for one in found]


def _controlled(objects: list[Object]) -> Iterator[Workload]:
    for one in objects:
        if one["kind"] in ("Deployment", "StatefulSet"):
            template = one["spec"]["template"]
            yield Workload(
                one["kind"],
                one["metadata"]["name"],
                template["spec"],
                one["spec"].get("replicas", 1),
                template["metadata"].get("labels") or {},
            )


def _bare(pods: list[Object]) -> Iterator[Workload]:
    for pod in pods:
        metadata = pod["metadata"]
        if not metadata.get("ownerReferences") and not has_ended(pod):
            yield Workload("Pod", metadata["name"], pod["spec"], 1, metadata.get("labels") or {})


def _placed(one: Workload, pods: list[Object], budgets: list[Object], zones: Mapping[str, str]) -> Workload:
    own = [pod for pod in pods if _is_of(pod, one) and pod["spec"].get("nodeName") and not _leaves(pod)]
    places = tuple((pod["spec"]["nodeName"], zones.get(pod["spec"]["nodeName"], "")) for pod in own)
    covering = tuple(budget for budget in budgets if covers(budget, one.labels))
    return Workload(one.kind, one.name, one.spec, one.replicas, one.labels, places, covering)


def _leaves(pod: Object) -> bool:
    """Whether it counts no more: evicted Pods stay in the list as Failed, and those of a lost node as Terminating."""
    return has_ended(pod) or "deletionTimestamp" in pod["metadata"]


def _is_of(pod: Object, workload: Workload) -> bool:
    labels = pod["metadata"].get("labels") or {}
    return bool(workload.labels) and workload.labels.items() <= labels.items()


def covers(budget: Object, labels: Mapping[str, str]) -> bool:
    """Whether a PodDisruptionBudget covers Pods with these labels; without a selector it covers none."""
    selector = budget["spec"].get("selector")
    return selector is not None and selects(selector, labels)


def values_of(spec: Object, key: str) -> set[str]:
    """The values of a node's label (a zone, a host name) that a Pod with this spec is bound to; empty if it may go anywhere."""
    if chosen := (spec.get("nodeSelector") or {}).get(key):
        return {chosen}
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    terms = [_values_in(term, key) for term in required.get("nodeSelectorTerms") or []]
    return set().union(*terms) if all(terms) else set()  # one term that fits is enough for a node


def _values_in(term: Object, key: str) -> set[str]:
    expressions = [one for one in term.get("matchExpressions") or [] if (one["key"], one["operator"]) == (key, "In")]
    return set.intersection(*(set(one["values"]) for one in expressions)) if expressions else set()


def selects(selector: Object, labels: Mapping[str, str]) -> bool:
    """Whether a label selector fits these labels; an empty one fits all."""
    wanted = selector.get("matchLabels") or {}
    return wanted.items() <= labels.items() and all(
        _fits(one, labels) for one in selector.get("matchExpressions") or []
    )


def _fits(expression: Object, labels: Mapping[str, str]) -> bool:
    value = labels.get(expression["key"])
    return {
        "In": value in (expression.get("values") or []),
        "NotIn": value not in (expression.get("values") or []),
        "Exists": value is not None,
        "DoesNotExist": value is None,
    }[expression["operator"]]
