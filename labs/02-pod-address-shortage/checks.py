"""A block of Pod addresses that is too small: who has one, who waits, and a cluster by a better plan."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from acplab import network
from acplab.base.i18n import _
from acplab.grading.checks import Finding, LabView, expect, hint, notes, task
from acplab.topics.release.ingress import is_ready

EVERYWHERE = "*"
NEVER = 3  # addresses of a block that no Pod gets: the network's, the gateway's and the last one
SYSTEM = 3  # Pods of the system that may stand on a node: two of CoreDNS, one that provides volumes
PODS = 20
# What the brief says. The office and the factory have, among much else, all ranges that acplab's own Docker network may
# take: a plan that meets them could not be built.
DEMAND = network.Request(
    vpc="192.168.0.0/16",
    nodes=1,
    nodes_later=40,
    pods_per_node=60 + SYSTEM,
    services=200,
    neighbours=(
        network.Neighbour("office", "vpc", ("172.16.0.0/12",)),
        network.Neighbour("factory", "idc", ("10.192.0.0/10",)),
    ),
)
PREFIX = 19  # a larger Pod CIDR the shop does not get
WISHES = ("nodes", "nodes_later", "pods_per_node", "services", "route_quota", "neighbours")
DIAGNOSIS = ("addresses", "held", "waiting")


@notes
def at_the_start(lab: LabView) -> dict[str, Any]:
    """What is short on the cluster that the lab began with; nothing is noted of a cluster that has room for all.

    The Pods of the shop are just being made, so they are counted by their Deployments. Others have the node's address.
    """
    size = ipaddress.IPv4Network(lab.blocks()[0].cidr).num_addresses
    wanted = sum(one["spec"]["replicas"] for one in lab.list("deployment", namespace=EVERYWHERE))
    if wanted <= size - NEVER:
        return {}
    return {"start": {"addresses": size, "held": size - NEVER, "waiting": wanted - (size - NEVER)}}


# --- checks ----------------------------------------------------------------------------------------------


@task("diagnose")
def diagnose(lab: LabView) -> Iterator[Finding]:
    questions = {
        "addresses": (
            _("the size of the node's block is known"),
            _("The mask alone decides it, on the day when the cluster is made."),
            _("A block is a range like any other: what does its prefix say? `datapath.node_ranges()` shows it."),
        ),
        "held": (
            _("the Pods that hold an address of the block are counted"),
            _("Addresses run out for all Pods together, in whichever namespace they are."),
            _('Whose address lies in the block? `kube.list("pod", namespace="*")` has the Pods of all namespaces.'),
        ),
        "waiting": (
            _("the Pods that wait for an address are counted"),
            _("These are the ones that your customers are missing."),
            _('A Pod without an address has no `pod["status"].get("podIP")`.'),
        ),
    }
    truth, noted = lab.recall("start") or {}, numbers(lab, "diagnosis")
    for key, (criterion, why, look) in questions.items():
        yield expect(
            criterion=criterion,
            ok=key in truth and noted.get(key) == truth[key],
            found=_("nothing is noted") if key not in noted else noted[key],
            wanted=_("what was true of the cluster with which the lab began"),
            why=why,
            look=look,
        )


@task("plan")
def plan(lab: LabView) -> Iterator[Finding]:
    planned = recorded(lab)
    if planned is None:
        yield nothing_recorded()
        return
    broken = network.check(judged(planned))
    yield expect(
        criterion=_("the plan breaks no rule with all that is wanted, now and in two years"),
        ok=not broken and ours(planned),
        found="\n".join(one.sentence for one in broken) or f"{planned.plugin}, VPC {planned.vpc}",
        wanted=_("Flannel in the VPC {vpc}, {n} nodes, {services} Services, clear of the office and of the factory").format(
            vpc=DEMAND.vpc, n=DEMAND.nodes_later, services=DEMAND.services
        ),
        why=_("A cluster that is built once more in two years costs twice."),
        look=_("Lay your request beside the text. The check has taken the wishes from there, not from your request."),
    )  # fmt: skip
    yield expect(
        criterion=_("the Pod CIDR is not larger than the shop may have it"),
        ok=thrifty(planned),
        found=planned.pod_cidr or _("there is none"),
        wanted=_("a /{prefix}, or less").format(prefix=PREFIX),
        why=_("Every address that one cluster has is one that no other can have."),
        look=_("What you leave out of a request the planner chooses, and it is generous."),
    )
    yield expect(
        criterion=_("a node's block has an address for each of its Pods"),
        ok=room(planned) >= DEMAND.pods_per_node,
        found=_("a block has addresses for {n} Pods").format(n=room(planned)),
        wanted=_("at least {n}").format(n=DEMAND.pods_per_node),
        why=_("In each block {n} addresses are never a Pod's, and the system's Pods come out of it as well.").format(n=NEVER),
        look=_("Compare the numbers of your diagnosis: the block had more addresses than Pods could hold."),
    )  # fmt: skip


@task("rebuild")
def rebuild(lab: LabView) -> Iterator[Finding]:
    planned = recorded(lab)
    if planned is None:
        yield nothing_recorded()
        return
    blocks, strangers = lab.blocks(), outside(lab, planned.service_cidr)
    yield expect(
        criterion=_("the plan is one for the true demand"),
        ok=is_good(planned),
        found=_("it is") if is_good(planned) else _("the recorded plan does not fulfil the task plan"),
        wanted=_("the plan of the task before"),
        why=_("Building is the last moment to look at a plan once more."),
        look=_('`lab.check("plan")` says what the plan lacks.'),
    )
    yield expect(
        criterion=_("the node's block is one of the plan's"),
        ok=built_by(lab, planned),
        found=", ".join(f"{one.node}: {one.cidr}" for one in blocks),
        wanted=_("a /{mask} inside {cidr}").format(mask=planned.node_mask, cidr=planned.pod_cidr),
        why=_("Blocks are handed out when nodes join, and never change. A plan on paper moves no Pod."),
        look=_("What recreates a cluster? `cluster.ensure` takes the ranges of a plan."),
    )
    yield expect(
        criterion=_("the Services have addresses of the plan"),
        ok=not strangers,
        found=", ".join(strangers) or _("all are in {cidr}").format(cidr=planned.service_cidr),
        wanted=_("addresses inside {cidr}").format(cidr=planned.service_cidr),
        why=_("The Service CIDR is chosen when the cluster is made, as well."),
        look=_('Look at `kube.list("service", namespace="*")`, and at the plan that the cluster was made by.'),
    )


@task("run")
def run(lab: LabView) -> Iterator[Finding]:
    pods, blocks = [pod for pod in lab.list("pod", "app=shop") if is_ready(pod)], blocks_by_node(lab)
    placed = {address(pod) for pod in pods if lies_in(address(pod), blocks[pod["spec"]["nodeName"]])}
    yield expect(
        criterion=_("all Pods of the shop are ready"),
        ok=len(pods) >= PODS,
        found=_("{n} are ready").format(n=len(pods)),
        wanted=_("at least {n}").format(n=PODS),
        why=_("The customers have not become fewer. Fewer Pods would hide the shortage, not end it."),
        look=_("Which Pods are not, and what do their events say?"),
    )
    yield expect(
        criterion=_("each has an address of its own in its node's block"),
        ok=len(placed) >= PODS,
        found=_("{n} different addresses in blocks").format(n=len(placed)),
        wanted=_("at least {n}").format(n=PODS),
        why=_("A Pod that borrows its node's address can be reached only on ports that nobody else has taken."),
        look=_('Compare `pod["status"]["podIP"]` with `datapath.node_ranges()`.'),
    )
    yield reaching(lab, pods)


def reaching(lab: LabView, pods: list[dict[str, Any]]) -> Finding:
    """Whether the first Pod is answered by all the others."""
    others = [f"http://{address(pod)}:8080/" for pod in pods[1:]]
    answers = lab.ask(pods[0]["metadata"]["name"], "get", *others).text if others else ""
    good = sum(line.startswith("200 ") for line in answers.splitlines())
    return expect(
        criterion=_("one Pod reaches all the others"),
        ok=good >= PODS - 1 and good == len(others),
        found=_("{n} of {all} others answered").format(n=good, all=len(others)),
        wanted=_("at least {n}, and all").format(n=PODS - 1),
        why=_("An address counts when packets arrive there."),
        look=_("Let one Pod ask another: `storefront get http://ADDRESS:8080/`, by `kube.exec`."),
    )


@task("headroom")
def headroom(lab: LabView) -> Iterator[Finding]:
    noted, truth = numbers(lab, "headroom"), left(lab)
    for key, criterion, look in (
        (
            "addresses",
            _("the addresses that are left in the node's block are known"),
            _("Count as in the diagnosis: the block, less what no Pod gets, less what Pods hold now."),
        ),
        (
            "nodes",
            _("the nodes are known for which the Pod CIDR has blocks"),
            _("How many blocks of the plan's mask are in the plan's Pod CIDR?"),
        ),
    ):
        yield expect(
            criterion=criterion,
            ok=key in truth and noted.get(key) == truth[key],
            found=_("nothing is noted") if key not in noted else noted[key],
            wanted=_("the number of the cluster as it is now") if truth else _("a cluster that is built by your plan, first"),
            why=_("Whoever knows what is left asks for a new cluster before the old one is full."),
            look=look,
        )  # fmt: skip


# --- hints -----------------------------------------------------------------------------------------------


@hint("diagnose")
def hint_diagnose(lab: LabView) -> tuple[str, str]:
    noted, truth = numbers(lab, "diagnosis"), lab.recall("start") or {}
    wrong = ", ".join(key for key in DIAGNOSIS if noted.get(key) != truth.get(key)) or _("none; run the check again")
    block = lab.blocks()[0]
    if ipaddress.IPv4Network(block.cidr).num_addresses != truth.get("addresses"):
        return (
            _("Asked is about the cluster with which the lab began; this one is made by another plan."),
            _("`lab.reset()` brings the first one back. Not right yet: {keys}.").format(keys=wrong),
        )
    if not noted:
        return hint_stuck(lab)
    return (
        _("Not right yet: {keys}.").format(keys=wrong),
        _("The block is {cidr}. Some Pods stand on their node's own network; their address is the node's, {node}.").format(
            cidr=block.cidr, node=block.address
        ),
    )  # fmt: skip


def hint_stuck(lab: LabView) -> tuple[str, str]:
    """What the Pods say that have no address."""
    stuck = [pod["metadata"]["name"] for pod in lab.list("pod") if not address(pod)]
    if not stuck:
        return (
            _("No Pod waits at this moment. At the beginning the shop wanted {n} Pods.").format(n=PODS),
            _('`kube.scale("shop", {n}, lab.namespace)` brings the shortage back.').format(n=PODS),
        )
    return (
        _("{n} Pods of the shop have no address. Ask one of them what happened to it.").format(n=len(stuck)),
        _("{pod} says: {event}").format(pod=stuck[0], event=(lab.events("pod", stuck[0]) or [_("nothing yet")])[-1]),
    )


@hint("plan")
def hint_plan(lab: LabView) -> tuple[str, str]:
    planned = recorded(lab)
    if planned is None:
        return (
            _("Write the demand down as a Request, and let the planner choose what nobody has fixed."),
            _("The system's {n} Pods take their addresses from the same block as the shop's.").format(n=SYSTEM),
        )  # fmt: skip
    broken = network.check(judged(planned))
    if broken or not ours(planned):
        return (
            _(
                "Held against the demand, the plan does not hold. Broken rules: {n}. It is for {plugin} in {vpc}."
            ).format(n=len(broken), plugin=planned.plugin, vpc=planned.vpc),
            broken[0].sentence if broken else _("The VPC and the plug-in of the text are not for us to choose."),
        )
    if not thrifty(planned):
        return (
            _("Your plan keeps all rules of ACK. Did the shop want anything that no rule asks for?"),
            _("The Pods have {cidr}, and the shop may have a /{prefix}.").format(cidr=planned.pod_cidr, prefix=PREFIX),
        )
    return (
        _("Your plan keeps all rules of ACK. Is there an address for each Pod of a node?"),
        _("A block of /{mask} has {all} addresses, and {n} of these are for Pods. Wanted are {wanted}.").format(
            mask=planned.node_mask,
            all=network.flannel_pods(planned.node_mask),
            n=room(planned),
            wanted=DEMAND.pods_per_node,
        ),
    )


@hint("rebuild")
def hint_rebuild(lab: LabView) -> tuple[str, str]:
    planned = recorded(lab)
    if planned is None or not is_good(planned):
        return _("A plan for the true demand comes first."), hint_plan(lab)[1]
    return (
        _("Compare what is planned with what is there. Can either be changed in a cluster that exists?"),
        _("Planned: /{mask} in {cidr}. There: {blocks}.").format(
            mask=planned.node_mask, cidr=planned.pod_cidr, blocks=", ".join(one.cidr for one in lab.blocks())
        ),
    )


@hint("run")
def hint_run(lab: LabView) -> tuple[str, str]:
    pods = [pod for pod in lab.list("pod", "app=shop") if "deletionTimestamp" not in pod["metadata"]]
    waiting = [pod["metadata"]["name"] for pod in pods if not is_ready(pod)]
    if not waiting:
        return (
            _("All Pods that are there are ready. Are they as many as the customers need?"),
            _("There are {n} Pods, and {wanted} are wanted.").format(n=len(pods), wanted=PODS),
        )
    last = (lab.events("pod", waiting[0]) or [_("nothing yet")])[-1]
    return (
        _("{n} of {all} Pods are not ready. What do they wait for?").format(n=len(waiting), all=len(pods)),
        _("The last event of {pod}: {event}").format(pod=waiting[0], event=last),
    )


@hint("headroom")
def hint_headroom(lab: LabView) -> tuple[str, str]:
    if not left(lab):
        return _("Count on the cluster that your plan has built."), hint_rebuild(lab)[1]
    wrong = [key for key, value in left(lab).items() if numbers(lab, "headroom").get(key) != value]
    return (
        _("Not right yet: {keys}.").format(keys=", ".join(wrong) or _("none; run the check again")),
        _("The block is {cidr}; {n} Pods of the cluster have an address in it. Some addresses are nobody's.").format(
            cidr=lab.blocks()[0].cidr, n=held(lab)
        ),
    )


# --- looking ---------------------------------------------------------------------------------------------


def recorded(lab: LabView) -> network.Plan | None:
    """The plan that the learner has recorded."""
    record = lab.recall("plan")
    return network.Plan.from_record(record) if record is not None else None


def numbers(lab: LabView, key: str) -> dict[str, Any]:
    """The numbers that the learner has noted."""
    noted = lab.recall(key)
    return noted if isinstance(noted, dict) else {}


def nothing_recorded() -> Finding:
    return expect(
        criterion=_("a plan is recorded"),
        ok=False,
        found=_("none"),
        wanted=_("a plan for the true demand"),
        why=_("A cluster is built by a plan that others can read, not by one in your head."),
        look=_('Make a plan with network.plan_or_raise(...), then: `lab.record("plan", plan)`'),
    )


def judged(planned: network.Plan) -> network.Plan:
    """The plan with the true demand, in the place of what the learner has asked for."""
    return replace(planned, **{wish: getattr(DEMAND, wish) for wish in WISHES})


def ours(planned: network.Plan) -> bool:
    """Whether it has the VPC and the plug-in that are given."""
    return (planned.vpc, planned.plugin) == (DEMAND.vpc, DEMAND.plugin)


def thrifty(planned: network.Plan) -> bool:
    """Whether there is a Pod CIDR, of the size that is allowed."""
    return bool(planned.pod_cidr) and ipaddress.IPv4Network(planned.pod_cidr).prefixlen >= PREFIX


def room(planned: network.Plan) -> int:
    """Pods of a node that its block has addresses for; Terway has no blocks."""
    return network.flannel_pods(planned.node_mask) - NEVER if planned.node_mask else 0


def is_good(planned: network.Plan) -> bool:
    """Whether it is a plan for the true demand."""
    fits = ours(planned) and thrifty(planned) and room(planned) >= DEMAND.pods_per_node
    return fits and network.valid(judged(planned))


def built_by(lab: LabView, planned: network.Plan) -> bool:
    """Whether each node's block has the plan's mask and lies in its Pod CIDR."""
    blocks = [ipaddress.IPv4Network(one.cidr) for one in lab.blocks()]
    pods = ipaddress.IPv4Network(planned.pod_cidr) if planned.pod_cidr else None
    return pods is not None and all(one.prefixlen == planned.node_mask and one.subnet_of(pods) for one in blocks)


def outside(lab: LabView, cidr: str) -> list[str]:
    """ "NAME ADDRESS" of each Service whose address is not in the range; headless ones have none."""
    inside = ipaddress.IPv4Network(cidr)
    services = {one["metadata"]["name"]: one["spec"].get("clusterIP", "") for one in lab.list("service", namespace="*")}
    return [f"{name} {ip}" for name, ip in services.items() if ip not in ("", "None") and not lies_in(ip, inside)]


def address(pod: dict[str, Any]) -> str:
    """A Pod's address, "" if it has none."""
    return pod["status"].get("podIP") or ""


def lies_in(ip: str, inside: ipaddress.IPv4Network) -> bool:
    """Whether an address is in a range."""
    return bool(ip) and ipaddress.IPv4Address(ip) in inside


def blocks_by_node(lab: LabView) -> dict[str, ipaddress.IPv4Network]:
    """Node -> the block of its Pods."""
    return {one.node: ipaddress.IPv4Network(one.cidr) for one in lab.blocks()}


def held(lab: LabView) -> int:
    """How many Pods of the cluster hold an address of the node's block."""
    block = ipaddress.IPv4Network(lab.blocks()[0].cidr)
    pods = lab.list("pod", namespace=EVERYWHERE)
    return sum(lies_in(address(pod), block) and pod["status"]["phase"] in ("Pending", "Running") for pod in pods)


def left(lab: LabView) -> dict[str, int]:
    """The right answer of the last task; nothing as long as the cluster is not built by the plan."""
    planned = recorded(lab)
    if planned is None or not built_by(lab, planned):
        return {}
    addresses = ipaddress.IPv4Network(lab.blocks()[0].cidr).num_addresses - NEVER - held(lab)
    return {"addresses": addresses, "nodes": network.flannel_nodes(planned.pod_cidr, planned.node_mask)}
