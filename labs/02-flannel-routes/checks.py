"""Who leads a Pod's packet where, who broke that, and who answers for a Service. Judged by the nodes' own tables."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Any

from acplab import network
from acplab.base.i18n import _
from acplab.grading.checks import Finding, LabView, expect, hint, notes, task
from acplab.topics.release.ingress import addresses, is_ready

CLIENT, SERVER = "client", "server"
PORT = 8080
WAY, LIMITS, BREAK, CONNECTION = "way", "limits", "break", "connection"
# VPC route entries. 2021: CSK:产品简介/使用限制.md; today's default and most: WD:comparison-between-terway-and-flannel.
QUOTAS = {"nodes_2021": 48, "nodes_default": 200, "nodes_most": 1000}
# A Pod that is not answered would wait for 2 s; neighbours answer within milliseconds.
SILENCE = "500ms"

Object = dict[str, Any]


@notes
def remember(lab: LabView) -> dict[str, Any]:
    """The wrong lines, while they are there: the note about them is judged after the repair, too."""
    return {"broken": dead_ends(lab)}


# --- the tasks -------------------------------------------------------------------------------------------


@task("read-blocks")
def read_blocks(lab: LabView) -> Iterator[Finding]:
    noted, goals = note_of(lab, WAY), blocks(lab, SERVER)
    yield expect(
        criterion=_("`block` is the Pod block of the node on which the server's Pods run"),
        ok=any(same_range(noted.get("block"), goal.cidr) for goal in goals),
        found=said(noted, "block"),
        wanted=_("the block, as a CIDR"),
        why=_("With Flannel a Pod's address tells its node: each node's Pods come from one block."),
        look=_(
            '`datapath.node_ranges()` for the nodes, `kube.list("pod", namespace=lab.namespace)` for who runs where.'
        ),
    )
    yield expect(
        criterion=_("`via` is the machine to which the client's node sends packets for that block when all is well"),
        ok=any(same_address(noted.get("via"), goal.address) for goal in goals),
        found=said(noted, "via"),
        wanted=_("the address of a machine in the nodes' own network"),
        why=_("The next hop of a block is the node that has it; a Pod address cannot be a next hop."),
        look=_("`datapath.routes(NODE)` of the client's node: the line for that block that has a `via`."),
    )


@task("predict-entries")
def predict_entries(lab: LabView) -> Iterator[Finding]:
    noted, wanted = note_of(lab, LIMITS), limits(lab)
    yield expect(
        criterion=_("`entries` is the number of route entries that this cluster needs in its VPC"),
        ok=same_number(noted.get("entries"), wanted["entries"]),
        found=said(noted, "entries"),
        wanted=_("one number for the whole cluster"),
        why=_("The VPC has one table, and each node is one line in it, whoever asks."),
        look=_("`datapath.node_ranges()`: each of these blocks must be found from everywhere."),
    )
    for key, quota in QUOTAS.items():
        yield expect(
            criterion=_("`{key}` is the number of nodes that a quota of {quota} allows").format(key=key, quota=quota),
            ok=same_number(noted.get(key), wanted[key]),
            found=said(noted, key),
            wanted=_("the smaller one of two limits"),
            why=_("A node needs two things: a block for its Pods, and a route entry that leads to it."),
            look=_("How many blocks of this mask has the Pod CIDR? `network.flannel_nodes` counts them, too."),
        )


@task("find-the-break")
def find_the_break(lab: LabView) -> Iterator[Finding]:
    noted, wrong = note_of(lab, BREAK), broken(lab)
    yield expect(
        criterion=_("`node` is the node with the wrong line in its route table"),
        ok=noted.get("node") in [line["node"] for line in wrong],
        found=said(noted, "node"),
        wanted=_("the name of a node"),
        why=_("Every node decides by its own table, so a fault in one of them is felt by its own Pods."),
        look=_("Print `datapath.routes(NODE)` of all nodes, and compare what they say about the same block."),
    )
    yield expect(
        criterion=_("`to` is the target of the wrong line"),
        ok=any(same_range(noted.get("to"), line["to"]) for line in wrong),
        found=said(noted, "to"),
        wanted=_("a block, as the table writes it"),
        why=_("Whoever mends routes must know which Pods were cut off: all of a block, and no other."),
        look=_("Of two lines for the same target the first one counts. Which target has two?"),
    )


@task("repair")
def repair(lab: LabView) -> Iterator[Finding]:
    yield _apart(lab)
    answers = answered(lab)
    yield expect(
        criterion=_("each Pod of client is answered by each Pod of server"),
        ok=answers and all(good for _asker, good, _words in answers),
        found="\n".join(f"{asker}: {words}" for asker, _good, words in answers) or _("nobody to ask"),
        wanted=_("an answer from each"),
        why=_("This is what the customers notice. The rest is the reason why it lasts."),
        look=_("`datapath.path(CLIENT, SERVER, lab.namespace)`: which hop does not know the way?"),
    )
    yield _no_dead_end(lab)
    yield _nobody_writes(lab)


def _apart(lab: LabView) -> Finding:
    here, there = nodes(lab, CLIENT), nodes(lab, SERVER)
    return expect(
        gate=True,
        criterion=_("Pods of client and of server are ready, on different nodes"),
        ok=here and there and not here & there,
        found=_("client on {here}; server on {there}").format(here=listed(here), there=listed(there)),
        wanted=_("at least one Pod of each, and no node with both"),
        why=_("A packet between Pods of one node never leaves it, and proves nothing about routes."),
        look=_('Is a Pod missing, or was it moved? `lab.apply("setup/10-storefronts.yaml")` puts them back.'),
    )


def _no_dead_end(lab: LabView) -> Finding:
    lines = dead_ends(lab)
    return expect(
        criterion=_("no node has a line that leads nowhere"),
        ok=not lines,
        found=", ".join(_("{to} on {node}").format(**line) for line in lines) or _("none"),
        wanted=_("none"),
        why=_("A line that is only passed over today decides again when the other one goes."),
        look=_("If you removed it and it is back: somebody writes it. It is the work of a Pod."),
    )


def _nobody_writes(lab: LabView) -> Finding:
    found = writers(lab)
    return expect(
        criterion=_("nothing in the lab may write routes into a node"),
        ok=not found,
        found=", ".join(found) or _("nothing"),
        wanted=_("no Pod that has hostNetwork and NET_ADMIN (or is privileged), and nothing that makes one"),
        why=_("As long as the writer lives, the line comes back, and an outage at night comes back with it."),
        look=_("`metadata.ownerReferences` of a Pod names who has made it, and would make it again."),
    )


@task("follow-service")
def follow_service(lab: LabView) -> Iterator[Finding]:
    noted, wanted = note_of(lab, CONNECTION), service_address(lab)
    asker = next(iter(ready(lab, CLIENT)), None)
    good, words = heard(ask(lab, asker, [wanted]), 1) if asker and wanted else (False, _("nobody to ask"))
    yield expect(
        criterion=_("the Service server answers the client"),
        ok=good,
        found=words,
        wanted=_("an answer"),
        why=_("A node also notes connections that are never answered; only one that was tells who answered."),
        look=_("Is the route mended? The task before this one says so."),
    )
    yield expect(
        criterion=_("`asked` is the address of the Service, with the port that the client asked"),
        ok=wanted and noted.get("asked") == wanted,
        found=said(noted, "asked"),
        wanted=_("ADDRESS:PORT"),
        why=_("The Pod sends its packets to the Service's address; it has never heard of another one."),
        look=_("`datapath.connections(NODE, ADDRESS)`, with the client's node and the Service's clusterIP."),
    )
    yield expect(
        criterion=_("`answered` is the address of a Pod of server, with the port on which the Pod listens"),
        ok=noted.get("answered") in addresses(lab, SERVER),
        found=said(noted, "answered"),
        wanted=_("ADDRESS:PORT"),
        why=_("kube-proxy's rules have rewritten the target before the node looked into its route table."),
        look=_("Which of the addresses lies in the block of the server's node?"),
    )
    yield expect(
        criterion=_("`seen_as` is the address under which the answering Pod sees the client"),
        ok=any(same_address(noted.get("seen_as"), pod["status"].get("podIP")) for pod in ready(lab, CLIENT)),
        found=said(noted, "seen_as"),
        wanted=_("an address"),
        why=_("Only the target is rewritten here, not the sender: the way back leads through the same node."),
        look=_("The last address of the line. Whose is it: the client's, its node's, or the Service's?"),
    )


# --- hints -----------------------------------------------------------------------------------------------


@hint("read-blocks")
def hint_read_blocks(lab: LabView) -> tuple[str, str]:
    servers, clients = ready(lab, SERVER), ready(lab, CLIENT)
    if not servers or not clients:
        return (
            _("Pods of client or server are missing, so there is no way to read."),
            _("Ready are {n} of client and {m} of server.").format(n=len(clients), m=len(servers)),
        )
    noted = note_of(lab, WAY)
    return (
        _("Two nodes matter: {here}, where the client is, and {there}, where the server's Pods are.").format(
            here=clients[0]["spec"]["nodeName"], there=servers[0]["spec"]["nodeName"]
        ),
        _("A Pod of server has the address {ip}. Which block holds it, and which machine has that block? Noted: {noted}.").format(
            ip=servers[0]["status"]["podIP"], noted=", ".join(f"{k}={v}" for k, v in noted.items()) or _("nothing")
        ),
    )  # fmt: skip


@hint("predict-entries")
def hint_predict_entries(lab: LabView) -> tuple[str, str]:
    noted, wanted = note_of(lab, LIMITS), limits(lab)
    off = [key for key, number in wanted.items() if not same_number(noted.get(key), number)]
    return (
        _("Count lines of the VPC's one table, not of each node's. Then count blocks: a Pod CIDR of {cidr}, a mask of {mask}.").format(
            cidr=pod_cidr(lab), mask=node_mask(lab)
        ),
        _("Not right yet: {off}. A quota that is larger than the number of blocks helps nobody.").format(
            off=", ".join(off) or _("none; run the check again")
        ),
    )  # fmt: skip


@hint("find-the-break")
def hint_find_the_break(lab: LabView) -> tuple[str, str]:
    wrong = broken(lab)
    if not wrong:
        return (
            _("No node has a line that leads nowhere, and none had when the lab began."),
            _("Start over with `lab.reset()`; the line should be there within seconds."),
        )
    zones = sorted({block.zone for block in lab.blocks() if block.node in [line["node"] for line in wrong]})
    return (
        _("There are {n} tables. A line that is fine has a device at its end, and mostly a `via`.").format(
            n=len(lab.blocks())
        ),
        _("The wrong one is on a node in the zone {zones}, and hides another line for the same block.").format(
            zones=", ".join(zones)
        ),
    )


@hint("repair")
def hint_repair(lab: LabView) -> tuple[str, str]:
    found = writers(lab)
    if found:
        return (
            _("A line that comes back has a writer. Which Pod of the lab has the address of its node, and what may it do?"),
            _("These may write routes: {found}. A Pod that ends is made again, as long as its maker is there.").format(
                found=", ".join(found)
            ),
        )  # fmt: skip
    lines = dead_ends(lab)
    return (
        _("Nobody writes routes any more; {n} lines that lead nowhere are left.").format(n=len(lines)),
        _("Ready are {n} Pods of client and {m} of server. What the client hears: {words}").format(
            n=len(ready(lab, CLIENT)),
            m=len(ready(lab, SERVER)),
            words="; ".join(words for _asker, _good, words in answered(lab)) or _("nothing"),
        ),
    )


@hint("follow-service")
def hint_follow_service(lab: LabView) -> tuple[str, str]:
    noted = note_of(lab, CONNECTION)
    fields = [f"{name}={noted.get(name)}" for name in ("asked", "answered", "seen_as")]
    return (
        _("The note is made where the address is rewritten, and kept for about two minutes. The client runs on {here}.").format(
            here=listed(nodes(lab, CLIENT))
        ),
        _("You have noted {fields}. One of the three belongs to the Service CIDR, and two belong to Pods.").format(
            fields=", ".join(fields)
        ),
    )  # fmt: skip


# --- looking ---------------------------------------------------------------------------------------------


def ready(lab: LabView, app: str) -> list[Object]:
    """The Pods of an app that are ready."""
    return [pod for pod in lab.list("pod", f"app={app}") if is_ready(pod)]


def nodes(lab: LabView, app: str) -> set[str]:
    """The names of the nodes on which the Pods of an app are ready."""
    return {pod["spec"]["nodeName"] for pod in ready(lab, app)}


def blocks(lab: LabView, app: str) -> list[Any]:
    """The nodes on which the Pods of an app are ready, each with its address and its block."""
    return [block for block in lab.blocks() if block.node in nodes(lab, app)]


def listed(names: set[str]) -> str:
    """Names in words."""
    return ", ".join(sorted(names)) or _("no node")


def dead_ends(lab: LabView) -> list[dict[str, str]]:
    """The lines of all nodes' tables that lead nowhere: blackhole, unreachable and the like."""
    return [
        {"node": block.node, "to": route.to}
        for block in lab.blocks()
        for route in lab.routes(block.node)
        if route.kind != "unicast"
    ]


def broken(lab: LabView) -> list[dict[str, str]]:
    """The wrong lines as they were at the start; as they are, if none was there yet."""
    return lab.recall("broken") or dead_ends(lab)


def answered(lab: LabView) -> list[tuple[str, bool, str]]:
    """(Pod of client, whether all Pods of server answer it, what it hears)."""
    targets = [f"{pod['status']['podIP']}:{PORT}" for pod in ready(lab, SERVER)]
    if not targets:
        return []
    askers = ready(lab, CLIENT)
    return [(pod["metadata"]["name"], *heard(ask(lab, pod, targets), len(targets))) for pod in askers]


def ask(lab: LabView, pod: Object, targets: list[str]) -> Any:
    """What a Pod is answered, by all of these "ADDRESS:PORT"."""
    return lab.ask(pod["metadata"]["name"], "get", "-timeout", SILENCE, *(f"http://{target}/" for target in targets))


def heard(answer: Any, wanted: int) -> tuple[bool, str]:
    """(whether there are so many good answers, in words)."""
    if not answer.ok:
        return False, answer.text
    good = sum(line.startswith("200 ") for line in answer.text.splitlines())
    return good == wanted, _("{good} of {all} answer").format(good=good, all=wanted)


def writers(lab: LabView) -> list[str]:
    """Pods that may write the routes of their node, and DaemonSets that want such Pods."""
    pods = [
        f"pod {pod['metadata']['name']}"
        for pod in lab.list("pod")
        if may_write(pod["spec"]) and stays(pod) and pod["status"].get("phase") not in ("Succeeded", "Failed")
    ]
    return pods + [
        f"daemonset {one['metadata']['name']}"
        for one in lab.list("daemonset")
        if may_write(one["spec"]["template"]["spec"]) and stays(one) and one["status"].get("desiredNumberScheduled")
    ]


def stays(one: Object) -> bool:
    """Whether an object is not on its way out."""
    return "deletionTimestamp" not in one["metadata"]


def may_write(spec: Object) -> bool:
    """Whether a Pod of this spec shares its node's network, with the right to change it."""
    containers = [*(spec.get("initContainers") or []), *spec["containers"]]
    return bool(spec.get("hostNetwork")) and any(is_mighty(one.get("securityContext") or {}) for one in containers)


def is_mighty(context: Object) -> bool:
    """Whether a container may change the network that it lives in."""
    added = (context.get("capabilities") or {}).get("add") or []
    return bool(context.get("privileged")) or any(name in ("NET_ADMIN", "CAP_NET_ADMIN", "ALL") for name in added)


def service_address(lab: LabView) -> str:
    """ "ADDRESS:PORT" of the Service server, "" if there is none."""
    spec = (lab.get("service", SERVER) or {}).get("spec") or {}
    return f"{spec['clusterIP']}:{spec['ports'][0]['port']}" if spec else ""


# --- the cluster's numbers -------------------------------------------------------------------------------


def limits(lab: LabView) -> dict[str, int]:
    """The numbers of the task predict-entries, for this cluster."""
    blocks = network.flannel_nodes(pod_cidr(lab), node_mask(lab))
    return {"entries": len(lab.blocks())} | {key: min(blocks, quota) for key, quota in QUOTAS.items()}


def pod_cidr(lab: LabView) -> str:
    """The range from which the nodes get their blocks, as kubeadm has noted it."""
    noted = lab.get("configmap", "kubeadm-config", "kube-system") or {}
    found = re.search(r"podSubnet: (\S+)", noted.get("data", {}).get("ClusterConfiguration", ""))
    return found[1] if found else ""


def node_mask(lab: LabView) -> int:
    """How long the prefix of a node's block is."""
    return ipaddress.ip_network(lab.blocks()[0].cidr).prefixlen


# --- notes -----------------------------------------------------------------------------------------------


def note_of(lab: LabView, key: str) -> dict[str, Any]:
    """What the learner noted under a key; nothing if it isn't a dict."""
    noted = lab.recall(key)
    return noted if isinstance(noted, dict) else {}


def said(noted: dict[str, Any], field: str) -> str:
    """A field of a note, in words."""
    return str(noted[field]) if field in noted else _("nothing noted")


def same_number(noted: Any, wanted: int) -> bool:
    """Whether a note, a number or its digits, is this number."""
    try:
        return not isinstance(noted, bool) and float(noted) == wanted
    except (TypeError, ValueError):
        return False


def same_range(noted: Any, cidr: str) -> bool:
    """Whether a note is this range, with its prefix."""
    return "/" in str(noted) and _parsed(ipaddress.ip_network, noted) == ipaddress.ip_network(cidr)


def same_address(noted: Any, address: str) -> bool:
    """Whether a note is this address."""
    return _parsed(ipaddress.ip_address, noted) == ipaddress.ip_address(address)


def _parsed(kind: Any, noted: Any) -> Any:
    try:
        return kind(str(noted).strip())
    except ValueError:
        return None
