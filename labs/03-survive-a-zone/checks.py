"""A shop in one zone: seen to fail with it, spread over three, and proven by a drill. And a Pod that must be alone."""

from typing import Any

from acplab.grading import LabView, Result, Results, diagnose, expect, hint, task
from acplab.topics import reliability

HOST, SHOP, TILL = "shop.zone.example.com", "app=shop", "app=till"
ZONES, PINNED = 3, "cn-hangzhou-j"  # where given/shop.yaml keeps the shop
ZONE = "topology.kubernetes.io/zone"
# The ingress URL enters through a node in zone h, as through a load balancer in one zone: without it nothing gets in.
CUT = ("cn-hangzhou-i", "cn-hangzhou-j")
LOST_SHARE = 0.25  # of a recorded load around a cut of some seconds
TAINTS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
LEAST, MOST, DEFAULT = 10, 60, 300  # seconds; the default is what the API server writes into a Pod that says nothing
CONNECT = "nginx.ingress.kubernetes.io/proxy-connect-timeout"


@task("see-it-fail")
def see_it_fail(lab: LabView) -> Results:
    yield expect.noted(lab, "spot.zone", PINNED)
    load = lab.recorded_load("cut")
    found = f"{load.failed} of {load.total} requests failed"
    yield expect.met("seen-to-fail", load.failed and load.failed >= LOST_SHARE * load.total, found)


@task("three-zones")
def three_zones(lab: LabView) -> Results:
    yield reliability.rolled_out(lab, "shop", text="rolled-out")
    yield reliability.in_zones(lab, SHOP, at_least=ZONES, text="in-three-zones")
    yield reliability.kept_apart(lab, SHOP, ZONE, text="kept-apart")


@task("one-till")
def one_till(lab: LabView) -> Results:
    yield reliability.rolled_out(lab, "till", text="rolled-out")
    tills = lab.pods(TILL, ready=False)
    yield expect.met("alone", len(tills) == 1, f"{len(tills)} Pods")
    yield leaves(tills)
    yield expect.noted(lab, "till.default", DEFAULT)
    yield expect.noted(lab, "till.cost", "a-short-fault-moves-it")


@task("survive")
def survive(lab: LabView) -> Results:
    apart = reliability.in_zones(lab, SHOP, at_least=2, text="apart")
    zone = reliability.zone_to_cut(lab, SHOP, CUT) if apart.ok else None
    cut = reliability.cut_zone(lab, zone, HOST) if zone else None
    yield apart
    yield reliability.survived(cut, text="survived")
    yield reliability.answers_again(cut, text="answers-again")


# --- the till ----------------------------------------------------------------------------------------------


def leaves(pods: list[dict[str, Any]]) -> Result:
    """Each Pod stays on a node with each of the two taints for a short time, and not for ever."""
    times = {taint: [stays(pod, taint) for pod in pods] for taint in TAINTS}
    found = "; ".join(f"{taint}: {', '.join(map(str, seconds))}" for taint, seconds in times.items() if seconds)
    known = [one for seconds in times.values() for one in seconds]
    ok = known and all(isinstance(one, int) and LEAST <= one <= MOST for one in known)
    return expect.met("leaves-in-time", ok, found or "-", least=LEAST, most=MOST)


def stays(pod: dict[str, Any], taint: str) -> int | str:
    """How long in seconds this Pod tolerates a taint with the effect NoExecute: the shortest of those that fit."""
    fitting = [
        one
        for one in pod["spec"].get("tolerations") or []
        if one.get("key", taint) == taint and one.get("effect", "NoExecute") == "NoExecute"
    ]
    seconds = [one["tolerationSeconds"] for one in fitting if "tolerationSeconds" in one]
    return min(seconds, default="for ever" if fitting else 0)


# --- hints -------------------------------------------------------------------------------------------------


def found(lab: LabView) -> list[str]:
    """The zones in which Pods of the shop are ready."""
    return [zone for zone, n in reliability.by_zone(SHOP, lab.namespace).items() if n]


def zones(lab: LabView) -> str:
    return ", ".join(found(lab)) or "none"


def in_one_zone(lab: LabView) -> bool:
    return len(found(lab)) == 1


def asks_once(lab: LabView) -> bool:
    """Whether no Ingress says how long the ingress controller waits for a Pod."""
    return not any(CONNECT in (one["metadata"].get("annotations") or {}) for one in lab.list("ingress"))


def shown(lab: LabView) -> str:
    return "; ".join(f"{result.claim}: {result.found}" for result in lab.open_results()[:2])


hint("see-it-fail", diagnose.pods(SHOP), diagnose.say("where", zones=zones))
hint(
    "three-zones",
    diagnose.say("one-zone", when=in_one_zone, zones=zones),
    diagnose.pods(SHOP),
    diagnose.say("spread", zones=zones, shown=shown),
)
hint("one-till", diagnose.pods(TILL), diagnose.say("till", shown=shown))
hint(
    "survive",
    diagnose.say("one-zone", when=in_one_zone, zones=zones),
    diagnose.pods(SHOP),
    diagnose.say("asks-once", when=asks_once),
    diagnose.say("still-lost", zones=zones),
)
