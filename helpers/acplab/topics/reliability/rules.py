"""What takes a workload down: each rule is a function of one workload that gives its findings.

Sources: the five points of the course (消灭SPOF, 单进程容器, 配置探活, 资源声明, 多可用区) and ACK's page 高可靠推荐配置.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from textwrap import shorten
from typing import Any, Literal

from acplab.base.i18n import _, ngettext
from acplab.topics.reliability.workloads import HOST, ZONE, Workload, selects, values_of

Weight = Literal["outage", "risk"]
QUESTIONS = ("httpGet", "tcpSocket", "exec", "grpc")  # what a probe can ask
EVIDENCE = 80  # characters of a script
NO_DATA = ("Socket", "CharDevice", "BlockDevice")  # types of a hostPath that keep none
QUOTED = re.compile(r"""'[^']*'|"[^"]*"|#.*""")
BACKGROUND = re.compile(r"(?<![&>|<])&(?![&>])")  # neither && nor 2>&1 nor &>


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
    """One Pod alone; with none at all there is nothing to lose."""
    if one.kind != "Pod" and one.replicas == 1:
        yield Finding(
            "single-replica", "outage", one.title, f"replicas: {one.replicas}",
            _("Each restart, eviction and lost node is an outage until the new Pod is ready."),
            _("Set replicas to 2 or more."),
        )  # fmt: skip


def one_place(one: Workload) -> Iterator[Finding]:
    """Several Pods, and all of them where one fault meets them."""
    if one.replicas < 2:
        return
    count, bound = len(one.placed), values_of(one.spec, ZONE)
    nodes, zones = ({place[index] for place in one.placed if count > 1} for index in (0, 1))
    if len(nodes) == 1:
        evidence = _("all {n} Pods run on {node}").format(n=count, node=nodes.pop())
        yield Finding("one-node", "outage", one.title, evidence, _("That node takes them all along."), _spread(HOST))
    elif len(bound) == 1:
        yield Finding(
            "one-zone", "outage", one.title, _("only zone {zone} is allowed").format(zone=bound.pop()),
            _("That zone takes them all along."),
            _("Allow more zones in nodeSelector or nodeAffinity, and spread the Pods over them."),
        )  # fmt: skip
    elif len(zones) == 1 and (zone := zones.pop()):
        evidence = _("all {n} Pods run in zone {zone}").format(n=count, zone=zone)
        yield Finding("one-zone", "outage", one.title, evidence, _("That zone takes them all along."), _spread(ZONE))


def _spread(key: str) -> str:
    return _("Add topologySpreadConstraints with topologyKey {key} and whenUnsatisfiable DoNotSchedule.").format(
        key=key
    )


def no_zone_spread(one: Workload) -> Iterator[Finding]:
    """Nothing makes the scheduler keep the Pods in several zones."""
    if one.replicas < 2 or keeps_apart(one.spec, one.labels, ZONE, one.replicas - 1):
        return
    yield Finding(
        "no-zone-spread", "risk", one.title, _spread_now(one.spec, one.labels, one.replicas - 1),
        _("The scheduler may put all Pods into one zone, today or after the next eviction."), _spread(ZONE),
    )  # fmt: skip


def _spread_now(spec: dict[str, Any], labels: Mapping[str, str], skew: int) -> str:
    """What a Pod template without a hard spread over zones says instead."""
    over_zones = [one for one in _hard(spec) if one["topologyKey"] == ZONE]
    if wide := [one["maxSkew"] for one in over_zones if _counts(one, labels)]:
        return _("maxSkew {n} lets all {pods} Pods be in one zone").format(n=min(wide), pods=skew + 1)
    if keeps_apart(spec, labels, HOST, skew):
        return _("it spreads over {key}, and the nodes may be in one zone").format(key=HOST)
    if over_zones:
        return _("its rule about {key} selects other Pods than its own").format(key=ZONE)
    if wishes := [key for key in (ZONE, HOST) if _prefers_apart(spec, labels, key)]:
        return _("it only prefers to spread over {key}").format(key=", ".join(wishes))
    return _("no rule spreads its own Pods over zones")


def keeps_apart(spec: dict[str, Any], labels: Mapping[str, str], key: str, skew: int) -> bool:
    """Whether the scheduler must spread Pods with this spec and these labels over a topology key.

    skew: how many more Pods one place may have than another one; a larger maxSkew does not count.
    """
    rules = [one for one in _hard(spec) if one["topologyKey"] == key and one.get("maxSkew", 1) <= skew]
    return any(_counts(one, labels) for one in rules)


def _hard(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """The constraints and terms that leave a Pod Pending rather than give way."""
    constraints = spec.get("topologySpreadConstraints") or []
    hard = [one for one in constraints if one.get("whenUnsatisfiable", "DoNotSchedule") == "DoNotSchedule"]
    return [*hard, *_anti_affinity(spec, "required")]


def _counts(rule: dict[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a rule sees the Pods that carry it; without a selector it sees none."""
    selector = rule.get("labelSelector")
    return selector is not None and selects(selector, labels)


def _prefers_apart(spec: dict[str, Any], labels: Mapping[str, str], key: str) -> bool:
    """Whether the scheduler is only asked to."""
    terms = [one["podAffinityTerm"] for one in _anti_affinity(spec, "preferred")]
    soft = [*(spec.get("topologySpreadConstraints") or []), *terms]
    return any(one["topologyKey"] == key and _counts(one, labels) for one in soft)


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
        elif _as_hasty(container["livenessProbe"], container["readinessProbe"]):
            yield Finding(
                "same-probe", "risk", one.title,
                _of(container, _("livenessProbe asks the same as readinessProbe, and is not more patient")),
                _("What should only take it out of the Service for a moment also kills it."),
                _("Let liveness fail later than readiness: a larger failureThreshold or periodSeconds."),
            )  # fmt: skip


def _as_hasty(liveness: dict[str, Any], readiness: dict[str, Any]) -> bool:
    """Whether liveness asks the same question, and fails as soon as readiness or sooner."""
    same = [liveness.get(kind) for kind in QUESTIONS] == [readiness.get(kind) for kind in QUESTIONS]
    return same and _patience(liveness) <= _patience(readiness)


def _patience(probe: dict[str, Any]) -> int:
    """For how many seconds a probe must fail; 10 and 3 are the defaults."""
    return int(probe.get("periodSeconds") or 10) * int(probe.get("failureThreshold") or 3)


def resources(one: Workload) -> Iterator[Finding]:
    """Containers whose needs the scheduler does not know; they can be declared for the whole Pod, too."""
    pod = one.spec.get("resources") or {}
    for container in one.containers:
        needs = container.get("resources") or {}
        requests, limits = ((pod.get(name) or {}) | (needs.get(name) or {}) for name in ("requests", "limits"))
        asked = limits | requests  # a limit alone counts as the request, too
        missing = [name for name in ("cpu", "memory") if name not in asked]
        if missing:
            yield Finding(
                "no-requests", "risk", one.title, _of(container, _("no request for {names}").format(names=", ".join(missing))),
                _("The scheduler takes what is missing for nothing. Without a request for memory it is evicted first when that is short."),
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
        if _in_background(words) or "supervisord" in line:
            yield Finding(
                "several-processes", "risk", one.title, _of(container, shorten(line, EVIDENCE, placeholder=" …")),
                _("When one of its processes dies, the container goes on, and nobody sees it."),
                _("One process per container: two containers in one Pod if they must share a volume or localhost."),
            )  # fmt: skip


def _in_background(words: list[str]) -> bool:
    """Whether these words are a shell's, with a script that starts something in the background: "sh -c 'a & b'"."""
    scripts = [script for flag, script in pairwise(words) if re.fullmatch("-[a-z]*c", flag)]
    return any(BACKGROUND.search(QUOTED.sub("", script)) for script in scripts)


def budget(one: Workload) -> Iterator[Finding]:
    """A drain that takes all Pods at once, or one that can never go on."""
    if one.replicas > 1 and not one.budgets:
        yield Finding(
            "no-budget", "risk", one.title, _("no PodDisruptionBudget selects its Pods"),
            _("A drain of several nodes may evict all of them at the same time."),
            _("Add a PodDisruptionBudget with maxUnavailable: 1."),
        )  # fmt: skip
    if len(one.budgets) > 1:
        yield Finding(
            "several-budgets", "risk", one.title, ", ".join(map(_name, one.budgets)),
            _("More than one covers its Pods: then each eviction is an error, and no node can be drained."), _("Keep one of them."),
        )  # fmt: skip
    for found in one.budgets if one.replicas else ():
        name, most = _name(found), allowed(found["spec"], one.replicas)
        if most == one.replicas > 1:
            yield Finding(
                "idle-budget", "risk", one.title, _("{name} lets all {n} Pods go at once").format(name=name, n=most),
                _("A drain may take all of them along, as if there were no budget."), _("Say maxUnavailable: 1."),
            )  # fmt: skip
        if most < 1:
            yield Finding(
                "blocking-budget", "risk", one.title, _("{name} allows no eviction").format(name=name),
                _("Every drain waits for ever: no node can be upgraded."),
                _("Leave room for one: maxUnavailable: 1, or minAvailable below the number of replicas."),
            )  # fmt: skip


def _name(budget: dict[str, Any]) -> str:
    return f"poddisruptionbudget/{budget['metadata']['name']}"


def allowed(spec: dict[str, Any], replicas: int) -> int:
    """How many of so many healthy Pods a PodDisruptionBudget lets go at once. Percentages are rounded up, as upstream does."""
    if (most := spec.get("maxUnavailable")) is not None:
        return min(replicas, _number(most, replicas))
    return max(0, replicas - _number(spec.get("minAvailable", 1), replicas))


def _number(value: int | str, replicas: int) -> int:
    return ceil(int(value.rstrip("%")) * replicas / 100) if isinstance(value, str) else value


def pinned(one: Workload) -> Iterator[Finding]:
    """Pods that can live on one node only."""
    paths = _written(one.spec)
    named = one.spec.get("nodeName") if one.kind != "Pod" or not one.placed else None
    evidence = [f"hostPath: {path}" for path in paths] + ([f"nodeName: {named}"] if named else [])
    hosts = values_of(one.spec, HOST)
    evidence += [f"{HOST}: {host}" for host in hosts if len(hosts) == 1]
    if evidence:
        yield Finding(
            "pinned", "outage", one.title, ", ".join(evidence),
            _("Its data or its place is on one node; elsewhere it cannot go on."),
            _("Use a PersistentVolumeClaim, and let the scheduler choose the node."),
        )  # fmt: skip


def _written(spec: dict[str, Any]) -> list[str]:
    """The folders of its node that a Pod writes to; what it only reads keeps no data of its own."""
    containers = [*(spec.get("containers") or []), *(spec.get("initContainers") or [])]
    mounts = [mount for container in containers for mount in container.get("volumeMounts") or []]
    names = {mount["name"] for mount in mounts if not mount.get("readOnly")}
    paths = {volume["name"]: volume.get("hostPath") or {} for volume in spec.get("volumes") or []}
    return [path["path"] for name, path in paths.items() if name in names and path and path.get("type") not in NO_DATA]


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
