"""What checks expect of an application that must outlive a fault: where its Pods run, and how they come and go."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from acplab.base.i18n import _
from acplab.grading import LabView, Result
from acplab.grading.expect import met
from acplab.grading.prose import listed
from acplab.topics.reliability.pod_counts import by_node, by_zone
from acplab.topics.reliability.rules import Finding, findings, keeps_apart
from acplab.topics.reliability.workloads import covers, values_of, workloads


def in_zones(lab: LabView, selector: str, at_least: int, text: str) -> Result:
    """Ready Pods run in so many zones, and in none of them two more than in another."""
    count = {zone: n for zone, n in by_zone(selector, lab.namespace).items() if n}
    even = count and max(count.values()) - min(count.values()) <= 1
    wanted = _("{n} zones, evenly").format(n=at_least)
    return met(text, len(count) >= at_least and even, _counted(count), wanted, n=at_least)


def on_nodes(lab: LabView, selector: str, at_least: int, text: str) -> Result:
    """Ready Pods run on so many nodes."""
    count = by_node(selector, lab.namespace)
    wanted = _("{n} nodes or more").format(n=at_least)
    return met(text, len(count) >= at_least, _counted(count), wanted, n=at_least)


def _counted(count: dict[str, int]) -> str:
    return listed(f"{place}: {n}" for place, n in sorted(count.items())) if count else _("no Pod is ready")


def kept_apart(lab: LabView, selector: str, key: str, text: str) -> Result:
    """The scheduler must spread these Pods over a topology key, or each is bound to one place, and not all to the same."""
    pods = lab.pods(selector)
    bound = _bound(pods, key)
    free = [pod["metadata"]["name"] for pod in pods if not _is_kept_apart(pod, key)]
    free = [name for name in free if name not in bound or len(set(bound.values())) < 2]
    found = _("bound by no rule: {pods}").format(pods=listed(free)) if free else _("{n} Pods").format(n=len(pods))
    return met(text, pods and not free, found, _("a rule that the scheduler cannot set aside"), key=key)


def _is_kept_apart(pod: dict[str, Any], key: str) -> bool:
    return keeps_apart(pod["spec"], pod["metadata"].get("labels") or {}, key, skew=1)


def _bound(pods: list[dict[str, Any]], key: str) -> dict[str, str]:
    """Pod -> the one place that it names, as with a Deployment for each zone."""
    places = {pod["metadata"]["name"]: values_of(pod["spec"], key) for pod in pods}
    return {name: values.pop() for name, values in places.items() if len(values) == 1}


def rolled_out(lab: LabView, deployment: str, text: str) -> Result:
    """All Pods that a Deployment wants are of its newest template and ready, and no others are left."""
    found = lab.get("deployment", deployment)
    if found is None:
        return met(text, False, _("there is no Deployment {name}").format(name=deployment), deployment=deployment)
    status, wanted = found.get("status") or {}, found["spec"].get("replicas", 1)
    new = status.get("updatedReplicas", 0) if status.get("observedGeneration") == found["metadata"]["generation"] else 0
    ready = min(new, status.get("readyReplicas", 0))
    words = _("{ready} of {wanted} new Pods are ready").format(ready=ready, wanted=wanted)
    ok = wanted and status.get("replicas", 0) == new == ready == wanted
    return met(text, ok, words, _("all, and no older one"), deployment=deployment)


def lets_go(lab: LabView, selector: str, n: int, text: str) -> Result:
    """Exactly one PodDisruptionBudget covers these Pods, all of them, and it lets so many of them go at once now."""
    labels = [pod["metadata"].get("labels") or {} for pod in lab.pods(selector, ready=False)]
    # Two that cover the same Pod block each eviction of it.
    budgets = [one for one in lab.list("poddisruptionbudget") if any(covers(one, its) for its in labels)]
    seen = [(one.get("status") or {}).get("disruptionsAllowed", 0) for one in budgets]
    whole = all(covers(one, its) for one in budgets for its in labels)
    found = _("{n} PodDisruptionBudgets; allowed now: {allowed}").format(n=len(seen), allowed=listed(map(str, seen)))
    return met(text, seen == [n] and whole, found, _("one for all of them that allows {n}").format(n=n), n=n)


def ready_after(lab: LabView, selector: str, seconds: float, text: str) -> Result:
    """Each Pod was called ready only so many seconds after its containers began: times are whole seconds, so one less."""
    taken = [_seconds_until_ready(pod) for pod in lab.pods(selector)]
    found = _("ready after {seconds} s").format(seconds=listed(f"{one:.0f}" for one in sorted(taken)))
    wanted = _("{n:.0f} s or more").format(n=seconds)
    ok = taken and min(taken) >= seconds - 1
    return met(text, ok, found if taken else _("no Pod is ready"), wanted, seconds=f"{seconds:.0f}")


def _seconds_until_ready(pod: dict[str, Any]) -> float:
    began = max(one["state"]["running"]["startedAt"] for one in pod["status"]["containerStatuses"])
    (ready,) = (one["lastTransitionTime"] for one in pod["status"]["conditions"] if one["type"] == "Ready")
    return (datetime.fromisoformat(ready) - datetime.fromisoformat(began)).total_seconds()


def never_restarted(lab: LabView, selector: str, text: str) -> Result:
    """No container of these Pods was ever restarted; there is at least one Pod."""
    pods = lab.pods(selector, ready=False)
    count = sum(one["restartCount"] for pod in pods for one in pod["status"].get("containerStatuses") or [])
    return met(text, pods and not count, _("{n} restarts of {pods} Pods").format(n=count, pods=len(pods)), "0")


def reviewed(lab: LabView, deployment: str, *rules: str, text: str) -> Result:
    """The reviewer has nothing to say by these rules about a Deployment that is there."""
    found = lab.get("deployment", deployment)
    said = _said(found, rules) if found else [_("there is no Deployment {name}").format(name=deployment)]
    return met(text, not said, "; ".join(said) or _("nothing"), _("nothing"), deployment=deployment)


def _said(deployment: dict[str, Any], rules: tuple[str, ...]) -> list[str]:
    kept: list[Finding] = [one for workload in workloads([deployment]) for one in findings(workload)]
    return [one.evidence for one in kept if one.rule in rules]
