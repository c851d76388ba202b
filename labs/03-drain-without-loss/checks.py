"""A shop that must outlive the drain of its nodes: Pods to spare, a budget, honest probes, and time to leave."""

from acplab.grading import LabView, Result, Results, diagnose, expect, hint, task
from acplab.topics import reliability

HOST, SHOP = "shop.drain.example.com", "app=shop"
START_SECONDS = 4  # until the shop listens; STARTUP_SECONDS of its container
NEXT = "nginx.ingress.kubernetes.io/proxy-next-upstream"


@task("see-the-loss")
def see_the_loss(lab: LabView) -> Results:
    load = lab.recorded_load("first")
    yield expect.met("seen", load.failed, f"{load.failed} of {load.total} requests failed")
    yield uncordoned(lab)


@task("one-may-go")
def one_may_go(lab: LabView) -> Results:
    yield reliability.rolled_out(lab, "shop", text="rolled-out")
    yield reliability.on_nodes(lab, SHOP, at_least=2, text="two-nodes")
    yield reliability.lets_go(lab, SHOP, 1, text="lets-one-go")


@task("tell-the-truth")
def tell_the_truth(lab: LabView) -> Results:
    yield reliability.rolled_out(lab, "shop", text="rolled-out")
    yield reliability.ready_after(lab, SHOP, START_SECONDS, text="ready-late")
    yield reliability.reviewed(lab, "shop", "no-probe", "same-probe", text="watched")
    yield reliability.never_restarted(lab, SHOP, text="never-restarted")
    yield still(lab)


@task("leave-well")
def leave_well(lab: LabView) -> Results:
    spare = reliability.on_nodes(lab, SHOP, at_least=2, text="two-nodes")
    budget = reliability.lets_go(lab, SHOP, 1, text="lets-one-go")
    before = len(lab.pods(SHOP))
    conditions = [spare, budget, still(lab), uncordoned(lab)]
    drain = reliability.drain_one(lab, SHOP, HOST) if spare.ok and budget.ok else None
    yield from conditions
    yield reliability.emptied(drain, text="emptied")
    yield reliability.lost_nothing(drain, text="lost-nothing")
    ready = drain.ready if drain else 0
    yield expect.met("ready-again", drain and ready >= before, f"{ready} ready", f"{before} or more")


def still(lab: LabView) -> Result:
    """The shop is as slow as it was, and no order is sent twice: a shop without these would be another one."""
    names = {"STARTUP_SECONDS": "4", "LATENCY_MS": "2000"}
    changed = [
        f"{pod['metadata']['name']}: {name}"
        for pod in lab.pods(SHOP)
        for name in names
        if not says(pod, name, names[name])
    ]
    changed += [f"ingress {one['metadata']['name']}" for one in lab.list("ingress") if asks_again(one)]
    return expect.met("as-it-was", not changed, ", ".join(changed) or "-")


def says(pod: dict, name: str, value: str) -> bool:
    env = pod["spec"]["containers"][0].get("env") or []
    return {"name": name, "value": value} in env


def asks_again(ingress: dict) -> bool:
    return (ingress["metadata"].get("annotations") or {}).get(NEXT) != "off"


def uncordoned(lab: LabView) -> Result:
    closed = [one["metadata"]["name"] for one in lab.list("node") if one["spec"].get("unschedulable")]
    return expect.met("uncordoned", not closed, ", ".join(closed) or "-")


# --- hints -------------------------------------------------------------------------------------------------


def budgets(lab: LabView) -> str:
    found = lab.list("poddisruptionbudget")
    words = [
        f"{one['metadata']['name']} allows {(one.get('status') or {}).get('disruptionsAllowed', 0)}" for one in found
    ]
    return ", ".join(words) or "there is none"


def nodes(lab: LabView) -> str:
    return ", ".join(reliability.by_node(SHOP, lab.namespace)) or "none"


def grace(lab: LabView) -> str:
    return ", ".join(sorted({f"{pod['spec']['terminationGracePeriodSeconds']} s" for pod in lab.pods(SHOP)})) or "-"


def hurried(lab: LabView) -> bool:
    """Whether a Pod is killed before a request of two seconds can end."""
    return any(pod["spec"]["terminationGracePeriodSeconds"] <= 2 for pod in lab.pods(SHOP))


def restarted(lab: LabView) -> bool:
    pods = lab.pods(SHOP, ready=False)
    return any(one["restartCount"] for pod in pods for one in pod["status"].get("containerStatuses") or [])


def shown(lab: LabView) -> str:
    return "; ".join(f"{result.claim}: {result.found}" for result in lab.open_results()[:2])


def blocked(lab: LabView) -> bool:
    return not reliability.lets_go(lab, SHOP, 1, text="lets-one-go").ok


hint("see-the-loss", diagnose.pods(SHOP), diagnose.say("drain-it", nodes=nodes, shown=shown))
hint("one-may-go", diagnose.pods(SHOP), diagnose.say("budget", nodes=nodes, budgets=budgets))
hint(
    "tell-the-truth",
    diagnose.say("restarted", when=restarted, shown=shown),
    diagnose.pods(SHOP),
    diagnose.say("too-early", shown=shown),
)
hint(
    "leave-well",
    diagnose.say("budget", when=blocked, nodes=nodes, budgets=budgets),
    diagnose.pods(SHOP),
    diagnose.say("hurried", when=hurried, grace=grace),
    diagnose.say("who-knows", grace=grace),
)
