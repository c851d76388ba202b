"""What takes a workload down: each rule is a function of one workload that gives its findings.

Sources: the five points of the course (消灭SPOF, 单进程容器, 配置探活, 资源声明, 多可用区) and ACK's page 高可靠推荐配置.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any, Literal

from acplab.base.i18n import _, ngettext
from acplab.topics.reliability.workloads import HOST, ZONE, Workload, selects

Weight = Literal["outage", "risk"]


@dataclass(frozen=True)
class Finding:
    """rule: its name; where: "deployment/shop". outage: one fault takes it down; risk: a fault costs more than it must.

    evidence: what was seen; why: what comes of it; remedy: what to do.
    """

    rule: str
    weight: Weight
    where: str
    evidence: str
    why: str
    remedy: str


def bare_pod(one: Workload) -> Iterator[Finding]:
    """A Pod that no controller would make again."""
    if one.kind == "Pod":
        yield Finding(
            "bare-pod", "outage", one.title, _("It has no controller."),
            _("When its node is lost, no other Pod takes its place."),
            _("Make it a Deployment or a StatefulSet."),
        )  # fmt: skip


def single_replica(one: Workload) -> Iterator[Finding]:
    """One Pod alone."""
    if one.kind != "Pod" and one.replicas < 2:
        yield Finding(
            "single-replica", "outage", one.title, f"replicas: {one.replicas}",
            _("Each restart, eviction and lost node is an outage until the new Pod is ready."),
            _("Set replicas to 2 or more."),
        )  # fmt: skip


def one_place(one: Workload) -> Iterator[Finding]:
    """Several Pods, and all of them where one fault meets them."""
    if one.replicas < 2 or len(one.placed) < 2:
        return
    nodes, zones = ({place[index] for place in one.placed} for index in (0, 1))
    count = len(one.placed)
    if len(nodes) == 1:
        evidence = _("all {n} Pods run on {node}").format(n=count, node=nodes.pop())
        yield Finding("one-node", "outage", one.title, evidence, _("That node takes them all along."), _spread(HOST))
    elif len(zones) == 1 and (zone := zones.pop()):
        evidence = _("all {n} Pods run in zone {zone}").format(n=count, zone=zone)
        yield Finding("one-zone", "outage", one.title, evidence, _("That zone takes them all along."), _spread(ZONE))


def _spread(key: str) -> str:
    return _("Add topologySpreadConstraints with topologyKey {key} and whenUnsatisfiable DoNotSchedule.").format(
        key=key
    )


def no_zone_spread(one: Workload) -> Iterator[Finding]:
    """Nothing makes the scheduler keep the Pods in several zones."""
    if one.replicas < 2 or keeps_apart(one.spec, one.labels, ZONE):
        return
    yield Finding(
        "no-zone-spread", "risk", one.title, _spread_now(one.spec, one.labels),
        _("The scheduler may put all Pods into one zone, today or after the next eviction."), _spread(ZONE),
    )  # fmt: skip


def _spread_now(spec: dict[str, Any], labels: Mapping[str, str]) -> str:
    """What a Pod template without a hard spread over zones says instead."""
    if keeps_apart(spec, labels, HOST):
        return _("it spreads over {key}, and the nodes may be in one zone").format(key=HOST)
    if any(one["topologyKey"] == ZONE for one in _hard(spec)):
        return _("its rule about {key} selects other Pods than its own").format(key=ZONE)
    if wishes := [key for key in (ZONE, HOST) if _prefers_apart(spec, key)]:
        return _("it only prefers to spread over {key}").format(key=", ".join(wishes))
    return _("no topologySpreadConstraints and no podAntiAffinity")


def keeps_apart(spec: dict[str, Any], labels: Mapping[str, str], key: str) -> bool:
    """Whether the scheduler must spread Pods with this spec and these labels over a topology key."""
    return any(one["topologyKey"] == key and _counts(one, labels) for one in _hard(spec))


def _hard(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """The constraints and terms that leave a Pod Pending rather than give way."""
    constraints = spec.get("topologySpreadConstraints") or []
    hard = [one for one in constraints if one.get("whenUnsatisfiable", "DoNotSchedule") == "DoNotSchedule"]
    return [*hard, *_anti_affinity(spec, "required")]


def _counts(rule: dict[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a rule sees the Pods that carry it; without a selector it sees none."""
    selector = rule.get("labelSelector")
    return selector is not None and selects(selector, labels)


def _prefers_apart(spec: dict[str, Any], key: str) -> bool:
    """Whether the scheduler is only asked to."""
    terms = [one["podAffinityTerm"] for one in _anti_affinity(spec, "preferred")]
    soft = [*(spec.get("topologySpreadConstraints") or []), *terms]
    return any(one["topologyKey"] == key for one in soft)


def _anti_affinity(spec: dict[str, Any], strength: str) -> list[dict[str, Any]]:
    rules = ((spec.get("affinity") or {}).get("podAntiAffinity")) or {}
    return rules.get(f"{strength}DuringSchedulingIgnoredDuringExecution") or []


def probes(one: Workload) -> Iterator[Finding]:
    """Containers that nobody asks how they are."""
    for container in one.containers:
        missing = [probe for probe in ("readinessProbe", "livenessProbe") if not container.get(probe)]
        if missing:
            yield Finding(
                "no-probe", "risk", one.title, _of(container, _("no {missing}").format(missing=", ".join(missing))),
                _("Without readiness it gets requests before it can answer; without liveness it is never restarted when it hangs."),
                _("Add a readinessProbe that says no while requests would fail, and a livenessProbe that is more patient."),
            )  # fmt: skip
        elif container["readinessProbe"] == container["livenessProbe"]:
            yield Finding(
                "same-probe", "risk", one.title, _of(container, _("livenessProbe and readinessProbe are the same")),
                _("What should only take it out of the Service for a moment also kills it."),
                _("Let liveness fail later than readiness: a larger failureThreshold or periodSeconds."),
            )  # fmt: skip


def resources(one: Workload) -> Iterator[Finding]:
    """Containers whose needs the scheduler does not know."""
    for container in one.containers:
        needs = container.get("resources") or {}
        requests, limits = needs.get("requests") or {}, needs.get("limits") or {}
        asked = limits | requests  # a limit alone counts as the request, too
        missing = [name for name in ("cpu", "memory") if name not in asked]
        if missing:
            yield Finding(
                "no-requests", "risk", one.title, _of(container, _("no request for {names}").format(names=", ".join(missing))),
                _("The scheduler takes it for nothing, fills the node, and it is evicted first when memory is short."),
                _("Declare requests and limits."),
            )  # fmt: skip
        elif "memory" not in limits:
            yield Finding(
                "no-memory-limit", "risk", one.title, _of(container, _("no limit for memory")),
                _("If it leaks, the node runs out of memory, and its neighbours suffer."), _("Set a memory limit."),
            )  # fmt: skip


def several_processes(one: Workload) -> Iterator[Finding]:
    """A shell or a supervisor that starts more than one process."""
    for container in one.containers:
        words = [*(container.get("command") or []), *(container.get("args") or [])]
        line = " ".join(words)
        background = any(part.rstrip().endswith("&") or " & " in part for part in words)
        if background or "supervisord" in line:
            yield Finding(
                "several-processes", "risk", one.title, _of(container, line),
                _("When one of its processes dies, the container goes on, and nobody sees it."),
                _("One process per container: two containers in one Pod if they must share a volume or localhost."),
            )  # fmt: skip


def budget(one: Workload) -> Iterator[Finding]:
    """A drain that takes all Pods at once, or one that can never go on."""
    if one.replicas < 2:
        return
    if not one.budgets:
        yield Finding(
            "no-budget", "risk", one.title, _("no PodDisruptionBudget selects its Pods"),
            _("A drain of several nodes may evict all of them at the same time."),
            _("Add a PodDisruptionBudget with maxUnavailable: 1."),
        )  # fmt: skip
    for found in one.budgets:
        if allowed(found["spec"], one.replicas) < 1:
            name = f"poddisruptionbudget/{found['metadata']['name']}"
            yield Finding(
                "blocking-budget", "risk", one.title, _("{name} allows no eviction").format(name=name),
                _("Every drain waits for ever: no node can be upgraded."),
                _("Leave room for one: maxUnavailable: 1, or minAvailable below the number of replicas."),
            )  # fmt: skip


def allowed(spec: dict[str, Any], replicas: int) -> int:
    """How many of so many healthy Pods a PodDisruptionBudget lets go at once. Percentages are rounded up, as upstream does."""
    if (most := spec.get("maxUnavailable")) is not None:
        return min(replicas, _number(most, replicas))
    return max(0, replicas - _number(spec.get("minAvailable", 1), replicas))


def _number(value: int | str, replicas: int) -> int:
    return ceil(int(value.rstrip("%")) * replicas / 100) if isinstance(value, str) else value


def pinned(one: Workload) -> Iterator[Finding]:
    """Pods that can live on one node only."""
    paths = [volume["hostPath"]["path"] for volume in one.spec.get("volumes") or [] if volume.get("hostPath")]
    named = one.spec.get("nodeName") if one.kind != "Pod" or not one.placed else None
    evidence = [f"hostPath: {path}" for path in paths] + ([f"nodeName: {named}"] if named else [])
    host = (one.spec.get("nodeSelector") or {}).get(HOST)
    evidence += [f"nodeSelector {HOST}: {host}"] if host else []
    if evidence:
        yield Finding(
            "pinned", "outage", one.title, ", ".join(evidence),
            _("Its data or its place is on one node; elsewhere it cannot go on."),
            _("Use a PersistentVolumeClaim, and let the scheduler choose the node."),
        )  # fmt: skip


def _of(container: dict[str, Any], words: str) -> str:
    return _("container {name}: {words}").format(name=container["name"], words=words)


Rule = Callable[[Workload], Iterator[Finding]]
RULES: tuple[Rule, ...] = (
    bare_pod, single_replica, one_place, pinned, no_zone_spread, several_processes, probes, resources, budget,
)  # fmt: skip


def findings(one: Workload) -> list[Finding]:
    """All that the rules find of a workload."""
    return [finding for rule in RULES for finding in rule(one)]


def counted(found: list[Finding]) -> str:
    """ "2 single points of failure, 3 risks"."""
    outages = sum(one.weight == "outage" for one in found)
    risks = len(found) - outages
    return ", ".join(
        [
            ngettext("{n} single point of failure", "{n} single points of failure", outages).format(n=outages),
            ngettext("{n} risk", "{n} risks", risks).format(n=risks),
        ]
    )
