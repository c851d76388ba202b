"""Where a Pod's packet goes next, what broke that, and which Pod answers for a Service. Judged by the nodes' own tables."""

from ipaddress import IPv4Network
from typing import Any

from acplab import network
from acplab.grading import LabView, Results, Words, at_start, diagnose, expect, hint, task

CLIENT, SERVER = "app=client", "app=server"
# VPC route entries. 2021: CSK:产品简介/使用限制.md; today's default and most: WD:comparison-between-terway-and-flannel.
QUOTAS = {"nodes_2021": 48, "nodes_default": 200, "nodes_most": 1000}
# A Pod that is not answered would wait for 2 s; neighbours answer within milliseconds.
SILENCE = "500ms"


@at_start
def remember(lab: LabView) -> dict[str, Any]:
    """The wrong lines, while they are there: the note about them is judged after the repair, too."""
    return {"broken": dead_ends(lab)}


@task("read-blocks")
def read_blocks(lab: LabView) -> Results:
    goals = [one for one in lab.node_ranges() if one.node in nodes(lab, SERVER)]
    yield expect.noted(lab, "way.pod_cidr", [goal.cidr for goal in goals])
    yield expect.noted(lab, "way.next_hop", [goal.address for goal in goals])


@task("predict-entries")
def predict_entries(lab: LabView) -> Results:
    ranges = lab.node_ranges()
    most = network.flannel_nodes(lab.pod_cidr(), node_mask(lab))
    yield expect.noted(lab, "limits.entries", len(ranges))
    for key, quota in QUOTAS.items():
        yield expect.noted(lab, f"limits.{key}", min(most, quota), text="limits.nodes", key=key, quota=quota)


@task("find-the-break")
def find_the_break(lab: LabView) -> Results:
    wrong = broken(lab)
    yield expect.noted(lab, "break.node", [line["node"] for line in wrong])
    yield expect.noted(lab, "break.to", [line["to"] for line in wrong])


@task("repair")
def repair(lab: LabView) -> Results:
    here, there = nodes(lab, CLIENT), nodes(lab, SERVER)
    places = f"client: {', '.join(sorted(here)) or '-'}; server: {', '.join(sorted(there)) or '-'}"
    yield expect.met("apart", here and there and not here & there, places)
    yield expect.all_reach_all(lab, names(lab, CLIENT), addresses(lab, SERVER), text="answered", timeout=SILENCE)
    lines = [f"{line['to']} on {line['node']}" for line in dead_ends(lab)]
    yield expect.met("no-dead-end", not lines, ", ".join(lines) or "-")
    found = writers(lab)
    yield expect.met("nothing-writes", not found, ", ".join(found) or "-")


@task("follow-service")
def follow_service(lab: LabView) -> Results:
    service = service_address(lab)
    yield expect.all_reach_all(lab, names(lab, CLIENT)[:1], [service], text="service-answers", timeout=SILENCE)
    yield expect.noted(lab, "connection.asked", service)
    yield expect.noted(lab, "connection.answered", addresses(lab, SERVER))
    yield expect.noted(lab, "connection.seen_as", [pod["status"]["podIP"] for pod in lab.pods(CLIENT)])


# --- what there is ---------------------------------------------------------------------------------------


def names(lab: LabView, app: str) -> list[str]:
    return [pod["metadata"]["name"] for pod in lab.pods(app)]


def nodes(lab: LabView, app: str) -> set[str]:
    return {pod["spec"]["nodeName"] for pod in lab.pods(app)}


def addresses(lab: LabView, app: str) -> list[str]:
    return [f"{pod['status']['podIP']}:8080" for pod in lab.pods(app)]


def node_mask(lab: LabView) -> int:
    return IPv4Network(lab.node_ranges()[0].cidr).prefixlen


def service_address(lab: LabView) -> str:
    spec = (lab.get("service", "server") or {}).get("spec") or {}
    return f"{spec['clusterIP']}:{spec['ports'][0]['port']}" if spec else ""


def dead_ends(lab: LabView) -> list[dict[str, str]]:
    """The lines of all nodes' tables that lead nowhere: blackhole, unreachable and the like."""
    return [
        {"node": one.node, "to": route.to}
        for one in lab.node_ranges()
        for route in lab.routes(one.node)
        if route.kind != "unicast"
    ]


def broken(lab: LabView) -> list[dict[str, str]]:
    """The wrong lines as they were at the start; as they are, if none was there yet."""
    return lab.recall("broken") or dead_ends(lab)


def writers(lab: LabView) -> list[str]:
    """Pods that may write the routes of their node, and DaemonSets that want such Pods."""
    ended = ("Succeeded", "Failed")
    pods = [pod for pod in lab.pods(ready=False) if pod["status"].get("phase") not in ended and may_write(pod["spec"])]
    makers = [
        one
        for one in lab.list("daemonset")
        if "deletionTimestamp" not in one["metadata"]
        and may_write(one["spec"]["template"]["spec"])
        and one["status"].get("desiredNumberScheduled")
    ]
    named = {"pod": pods, "daemonset": makers}
    return [f"{kind}/{one['metadata']['name']}" for kind, found in named.items() for one in found]


def may_write(spec: dict[str, Any]) -> bool:
    """Whether a Pod of this spec shares its node's network, with the right to change it."""
    containers = [*(spec.get("initContainers") or []), *spec["containers"]]
    return bool(spec.get("hostNetwork")) and any(is_mighty(one.get("securityContext") or {}) for one in containers)


def is_mighty(context: dict[str, Any]) -> bool:
    added = (context.get("capabilities") or {}).get("add") or []
    return bool(context.get("privileged")) or any(name in ("NET_ADMIN", "CAP_NET_ADMIN", "ALL") for name in added)


# --- hints -----------------------------------------------------------------------------------------------


def wrong_line(lab: LabView) -> Words:
    at = [line["node"] for line in broken(lab)]
    zones = sorted({one.zone for one in lab.node_ranges() if one.node in at})
    return Words("wrong-line" if at else "no-wrong-line", {"n": len(lab.node_ranges()), "zones": ", ".join(zones)})


def heard(lab: LabView) -> str:
    said = [lab.answers(name, addresses(lab, SERVER), SILENCE).text for name in names(lab, CLIENT)]
    return "; ".join(said) or "-"


def somebody_is_missing(lab: LabView) -> bool:
    return not lab.pods(CLIENT) or not lab.pods(SERVER)


here_and_there = {
    "here": lambda lab: ", ".join(sorted(nodes(lab, CLIENT))) or "-",
    "there": lambda lab: ", ".join(sorted(nodes(lab, SERVER))) or "-",
}
missing = diagnose.say("missing", when=somebody_is_missing, **here_and_there)

hint(
    "read-blocks",
    missing,
    diagnose.notes("way", then="two-nodes", address=lambda lab: addresses(lab, SERVER)[0], **here_and_there),
)
hint("predict-entries", diagnose.notes("limits", then="count-lines", cidr=lambda lab: lab.pod_cidr(), mask=node_mask))
hint("find-the-break", wrong_line)
hint(
    "repair",
    diagnose.say("writer", when=writers, found=lambda lab: ", ".join(writers(lab))),
    diagnose.say("nothing-writes-now", n=lambda lab: len(dead_ends(lab)), heard=heard, **here_and_there),
)
hint("follow-service", missing, diagnose.notes("connection", then="two-decisions", **here_and_there))
