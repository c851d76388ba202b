"""Where a Pod's packet goes next, which route entry is missing and why, and which Pod answers for a Service."""

from ipaddress import IPv4Network
from typing import Any

from acplab import network
from acplab.grading import LabView, Results, at_start, diagnose, expect, hint, task

CLIENT, SERVER, SERVERS = "app=client", "app=server", 3
TABLE, CUT_OFF = "vpc-route-table", "cn-hangzhou-i"  # the CCM goes by name, so the last node gets no entry
EVENT = "CreateRouteFailed"  # github kubernetes/cloud-provider-alibaba-cloud, pkg/controller/route
# VPC route entries. 2021: CSK:产品简介/使用限制.md; today's default and most: WD:comparison-between-terway-and-flannel.
QUOTAS = {"nodes_2021": 48, "nodes_default": 200, "nodes_most": 1000}
# A Pod that is not answered would wait for 2 s; neighbours answer within milliseconds.
SILENCE = "500ms"
Entries = list[tuple[str, str]]  # (destination, next hop)


@at_start
def remember(lab: LabView) -> dict[str, Any]:
    """The entries that are no node's: the notes about them are judged after they have been changed, too."""
    nodes_own = {one.cidr for one in lab.node_ranges()}
    return {"others": [entry for entry in entries(lab) if entry[0] not in nodes_own]}


@task("whose-pod-cidr")
def whose_pod_cidr(lab: LabView) -> Results:
    goals = [one for one in lab.node_ranges() if one.node in nodes(lab, SERVER)]
    yield expect.noted(lab, "way.pod_cidr", [goal.cidr for goal in goals])
    yield expect.noted(lab, "way.next_hop", [goal.address for goal in goals])


@task("find-the-break")
def find_the_break(lab: LabView) -> Results:
    node, cidr = cut_off(lab)
    yield expect.noted(lab, "break.node", node)
    yield expect.noted(lab, "break.to", cidr)
    yield expect.noted(lab, "break.event", EVENT)


@task("quota")
def quota(lab: LabView) -> Results:
    others = others_at_start(lab)
    most = network.flannel_nodes(lab.pod_cidr(), node_mask(lab))
    yield expect.noted(lab, "limits.others", len(others))
    for key, entries_allowed in QUOTAS.items():
        truth = min(most, entries_allowed - len(others))
        yield expect.noted(lab, f"limits.{key}", truth, text="limits.nodes", key=key, quota=entries_allowed)
    yield expect.noted(lab, "limits.prefix", smallest_around([to for to, _via in others]))


@task("repair")
def repair(lab: LabView) -> Results:
    here, there = nodes(lab, CLIENT), nodes(lab, SERVER)
    places = f"client: {', '.join(sorted(here)) or '-'}; server: {', '.join(sorted(there)) or '-'}"
    yield expect.met("apart", here and there and not here & there, places)
    lost = [to for to, via in others_at_start(lab) if not leads(entries(lab), to, via)]
    yield expect.met("office", not lost, ", ".join(lost) or "-")
    n, allowed = len(entries(lab)), quota_now(lab)
    most = QUOTAS["nodes_most"]
    yield expect.met("within", n <= allowed <= most, f"{n} of {allowed}", most=most)
    missing = without_entry(lab)
    yield expect.met("entries", not missing, ", ".join(missing) or "-")
    marked = unavailable(lab)
    yield expect.met("available", not marked, ", ".join(marked) or "-")
    yield expect.ready_pods(lab, at_least=SERVERS, text="three-ready", selector=SERVER)
    yield expect.all_reach_all(lab, names(lab, CLIENT), addresses(lab, SERVER), text="answered", timeout=SILENCE)


@task("follow-service")
def follow_service(lab: LabView) -> Results:
    service = service_address(lab)
    yield expect.all_reach_all(lab, names(lab, CLIENT)[:1], [service], text="service-answers", timeout=SILENCE)
    yield expect.noted(lab, "connection.original_dst", service)
    yield expect.noted(lab, "connection.reply_src", addresses(lab, SERVER))
    yield expect.noted(lab, "connection.reply_dst", [pod["status"]["podIP"] for pod in lab.pods(CLIENT)])


# --- Pods and nodes --------------------------------------------------------------------------------------


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


def cut_off(lab: LabView) -> tuple[str, str]:
    """The node that the table has no entry for at the start, and its Pod CIDR."""
    return next((one.node, one.cidr) for one in lab.node_ranges() if one.zone == CUT_OFF)


def unavailable(lab: LabView) -> list[str]:
    """The nodes whose condition says that no route leads to them."""
    wanted = ("NetworkUnavailable", "True")
    return [
        one["metadata"]["name"]
        for one in lab.list("node")
        if wanted in [(condition["type"], condition["status"]) for condition in one["status"]["conditions"]]
    ]


# --- the route table -------------------------------------------------------------------------------------


def table(lab: LabView) -> dict[str, str]:
    return (lab.get("configmap", TABLE) or {}).get("data") or {}


def entries(lab: LabView) -> Entries:
    """The lines that are entries; others mean nothing, to the CCM neither."""
    lines = [line.split() for line in table(lab).get("entries", "").splitlines()]
    return [(line[0], line[1]) for line in lines if len(line) == 2 and is_range(line[0])]


def is_range(text: str) -> bool:
    try:
        IPv4Network(text)
    except ValueError:
        return False
    return True


def quota_now(lab: LabView) -> int:
    found = table(lab).get("quota", "")
    return int(found) if found.isdecimal() else 0


def others_at_start(lab: LabView) -> Entries:
    return [(to, via) for to, via in lab.recall("others") or []]


def without_entry(lab: LabView) -> list[str]:
    """The nodes to whose Pod CIDR no entry leads."""
    there = entries(lab)
    return [one.node for one in lab.node_ranges() if (one.cidr, one.address) not in there]


def leads(there: Entries, to: str, via: str) -> bool:
    """Whether the whole range still has this next hop; an entry of its own may lie in a larger one."""
    goal = IPv4Network(to)
    around = [(IPv4Network(range_), hop) for range_, hop in there if goal.subnet_of(IPv4Network(range_))]
    longest = max(around, key=lambda one: one[0].prefixlen, default=None)
    return longest is not None and longest[1] == via and longest[0].prefixlen >= 8


def smallest_around(ranges: list[str]) -> int | None:
    """The prefix length of the smallest range that holds all of these; None if there are none."""
    if not ranges:
        return None
    around = IPv4Network(ranges[0])
    while not all(IPv4Network(one).subnet_of(around) for one in ranges):
        around = around.supernet()
    return around.prefixlen


# --- hints -----------------------------------------------------------------------------------------------


def heard(lab: LabView) -> str:
    said = [lab.answers(name, addresses(lab, SERVER), SILENCE).text for name in names(lab, CLIENT)]
    return "; ".join(said) or "-"


def somebody_is_missing(lab: LabView) -> bool:
    return not lab.pods(CLIENT) or not lab.pods(SERVER)


def has_lost_ranges(lab: LabView) -> bool:
    return any(not leads(entries(lab), to, via) for to, via in others_at_start(lab))


here_and_there = {
    "here": lambda lab: ", ".join(sorted(nodes(lab, CLIENT))) or "-",
    "there": lambda lab: ", ".join(sorted(nodes(lab, SERVER))) or "-",
}
in_table = {"n": lambda lab: len(entries(lab)), "quota": quota_now}
missing = diagnose.say("missing", when=somebody_is_missing, **here_and_there)

hint(
    "whose-pod-cidr",
    missing,
    diagnose.notes("way", then="two-nodes", address=lambda lab: addresses(lab, SERVER)[0], **here_and_there),
)
hint("find-the-break", diagnose.notes("break", then="ask-the-node", **here_and_there))
hint(
    "quota",
    diagnose.notes("limits", then="count-lines", cidr=lambda lab: lab.pod_cidr(), mask=node_mask, **in_table),
)
hint(
    "repair",
    diagnose.say("office-cut-off", when=has_lost_ranges, **in_table),
    diagnose.say("no-room", when=without_entry, nodes=lambda lab: ", ".join(without_entry(lab)), **in_table),
    diagnose.say("nearly", ready=lambda lab: len(lab.pods(SERVER)), wanted=SERVERS, heard=heard, **here_and_there),
)
hint("follow-service", missing, diagnose.notes("connection", then="two-decisions", **here_and_there))
