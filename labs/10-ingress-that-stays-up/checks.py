"""A gate through which all requests come: on several nodes, drained one at a time, honest, and in no hurry to leave."""

from datetime import UTC, datetime, timedelta
from typing import Any

from acplab.grading import LabView, Result, Results, diagnose, expect, hint, task
from acplab.topics import reliability

HOST, GATE, SHOP = "gate.stays.example.com", "app=gate", "app=shop"
NODE = "kubernetes.io/hostname"
LOST = 0.01  # 381 requests without a loss: fewer than 1 % are lost (95 % sure)
WHOLE_SECONDS = timedelta(seconds=1)  # in which the API notes when a Pod was made
ACCEPTS = "requestacceptgracetimeout="
ITSELF = "the gate itself says OK"


@task("two-nodes")
def two_nodes(lab: LabView) -> Results:
    yield reliability.on_nodes(lab, GATE, at_least=2, text="two-nodes")
    yield reliability.kept_apart(lab, GATE, NODE, text="kept-apart")


@task("one-may-go")
def one_may_go(lab: LabView) -> Results:
    yield reliability.rolled_out(lab, "gate", text="rolled-out")
    yield reliability.lets_go(lab, GATE, 1, text="lets-one-go")


@task("honest")
def honest(lab: LabView) -> Results:
    yield reliability.rolled_out(lab, "gate", text="rolled-out")
    yield asked(lab)
    yield answers(lab)


@task("upgrade")
def upgrade(lab: LabView) -> Results:
    load = lab.recorded_load("upgrade")
    yield expect.lossless(load, below=LOST, text="lossless")
    yield expect.went_on_after(load, "replaced", "v1", seconds=2, text="went-on")
    yield replaced(lab, load.began)


@task("drain")
def drain(lab: LabView) -> Results:
    spare = reliability.on_nodes(lab, GATE, at_least=2, text="two-nodes")
    budget = reliability.lets_go(lab, GATE, 1, text="lets-one-go")
    done = reliability.drain_one(lab, GATE, HOST) if spare.ok and budget.ok else None
    yield spare
    yield budget
    yield reliability.emptied(done, text="emptied")
    yield reliability.lost_nothing(done, text="lost-nothing")


def answers(lab: LabView) -> Result:
    seen = lab.sample(0.0, 0.05, host=HOST, keepalive=False, until=lambda so_far: so_far.only("v1"))
    return expect.no_failures(seen, text="answers", host=HOST)


def asked(lab: LabView) -> Result:
    """Each Pod is asked at its ping. What its probe asks, a Pod of the shop asks as well."""
    said = {question(lab, pod) for pod in lab.pods(GATE, ready=False) if pod["status"].get("podIP")}
    return expect.met("asked", said == {ITSELF}, "; ".join(sorted(said)) or "no Pod runs", ITSELF)


def question(lab: LabView, pod: dict[str, Any]) -> str:
    """Who answers the readinessProbe of a Pod, in words."""
    container = next((one for one in pod["spec"]["containers"] if "readinessProbe" in one), None)
    if container is None:
        return "nobody asks: a Pod is ready as soon as its process runs"
    probe = container["readinessProbe"]
    if "healthcheck" in probe.get("exec", {}).get("command", []):  # Traefik's own command, which asks its ping
        return ITSELF
    if "httpGet" not in probe:
        return "the probe sees that a port is open or a command runs, and asks no question"
    ports = {one.get("name"): one["containerPort"] for one in container.get("ports", [])}
    port, path = ports.get(probe["httpGet"]["port"], probe["httpGet"]["port"]), probe["httpGet"].get("path", "/")
    said = ask(lab, f"http://{pod['status']['podIP']}:{port}{path}")
    return ITSELF if said == "200 ? OK" else f"{path} at port {port} is answered: {said[:60]}"


def ask(lab: LabView, url: str) -> str:
    """What a Pod of the shop gets from there: status, version ("?" from all that is no shop), body."""
    shops = lab.pods(SHOP)
    return lab.ask(shops[0]["metadata"]["name"], "get", url).text.strip() if shops else "no Pod of the shop is ready"


def replaced(lab: LabView, began: datetime | None) -> Result:
    """No Pod was made before the load began."""
    made = [datetime.fromisoformat(pod["metadata"]["creationTimestamp"]) for pod in lab.pods(GATE, ready=False)]
    oldest = min(made, default=None)
    found = f"the oldest was made {clock(oldest)}, and the load began {clock(began)}"
    return expect.met("replaced", began and oldest and oldest >= began - WHOLE_SECONDS, found, "none from before it")


def clock(time: datetime | None) -> str:
    return f"at {time.astimezone(UTC):%H:%M:%S} UTC" if time else "never"


# --- hints -------------------------------------------------------------------------------------------------


def nodes(lab: LabView) -> str:
    return ", ".join(reliability.by_node(GATE, lab.namespace)) or "none"


def budgets(lab: LabView) -> str:
    return ", ".join(one["metadata"]["name"] for one in lab.list("poddisruptionbudget")) or "none"


def grace(lab: LabView) -> str:
    return ", ".join(sorted({f"{pod['spec']['terminationGracePeriodSeconds']} s" for pod in lab.pods(GATE)})) or "-"


def accepts(lab: LabView) -> str:
    """How long a Pod takes new requests after SIGTERM."""
    words = [word for pod in lab.pods(GATE) for one in pod["spec"]["containers"] for word in one.get("args", [])]
    return ", ".join(sorted({word.partition("=")[2] for word in words if ACCEPTS in word})) or "0 s"


def claim(lab: LabView) -> str:
    return lab.open_results()[0].claim


def found(lab: LabView) -> str:
    return lab.open_results()[0].found


def cannot_go(lab: LabView) -> bool:
    spare = reliability.on_nodes(lab, GATE, at_least=2, text="two-nodes")
    return not (spare.ok and reliability.lets_go(lab, GATE, 1, text="lets-one-go").ok)


hint("two-nodes", diagnose.pods(GATE), diagnose.say("apart", nodes=nodes))
hint("one-may-go", diagnose.pods(GATE), diagnose.say("budget", budgets=budgets, nodes=nodes))
hint("honest", diagnose.pods(GATE), diagnose.say("ask-it", when=LabView.open_results, found=found))
hint(
    "upgrade", diagnose.say("leave", when=LabView.open_results, claim=claim, found=found, grace=grace, accepts=accepts)
)
hint(
    "drain",
    diagnose.pods(GATE),
    diagnose.say("budget", when=cannot_go, budgets=budgets, nodes=nodes),
    diagnose.say("time", grace=grace, accepts=accepts),
)
