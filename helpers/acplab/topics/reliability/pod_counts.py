"""Where Pods run: how many of them in each zone, and on each node."""

from __future__ import annotations

from collections import Counter

from acplab import kube
from acplab.kube.conditions import is_serving
from acplab.topics.reliability.workloads import ZONE


def by_zone(selector: str, namespace: str) -> dict[str, int]:
    """Zone -> how many of the Pods with these labels ("app=shop") are ready there; also zones that have none."""
    zones = {one["metadata"]["name"]: one["metadata"]["labels"].get(ZONE, "-") for one in kube.list("node")}
    counts = dict.fromkeys(sorted(set(zones.values())), 0)
    for node, n in by_node(selector, namespace).items():
        counts[zones[node]] += n
    return counts


def by_node(selector: str, namespace: str) -> dict[str, int]:
    """Node -> how many of the Pods with these labels are ready there."""
    pods = kube.list("pod", namespace, selector)
    return dict(sorted(Counter(pod["spec"]["nodeName"] for pod in pods if is_serving(pod)).items()))
