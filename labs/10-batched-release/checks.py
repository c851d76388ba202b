"""A release in batches: a first one that waits, the rest, one that is stopped, one that stops by itself, and the way out."""

from acplab.grading import LabView, Result, Results, diagnose, expect, hint, task
from acplab.topics import release

HOST, SHOP = "shop.batches.example.com", "app=shop"
OLD, GOOD, BAD, NEVER = "v2", "v3", "v4", "v5"
PODS = 4
SHARE, MARGIN = 0.25, 0.09
HIDDEN = 0.03  # 125 answers without a single one from another version: its share is below 3 % (95 % sure)
LOST = 0.01  # 381 requests without a loss: fewer than 1 % are lost (95 % sure)
HURT = 0.2  # of all requests of a release that was stopped; a first batch of one in four, half of it bad, is an eighth
QUIET = 2  # seconds of the old version alone


@task("first-batch")
def first_batch(lab: LabView) -> Results:
    yield waits(lab)
    load = lab.recorded_load("first")
    quiet = bool(load.spans.get(GOOD)) and not load.failed
    found = "; ".join([load.words(), *(f"{n} x {error}" for error, n in load.errors.items())])
    yield expect.met("quiet-start", quiet, found, f"{GOOD} answers, and nothing is lost")
    seen = lab.measure_share(GOOD, SHARE, MARGIN, host=HOST)
    yield expect.share(seen, GOOD, SHARE, MARGIN, text="share", host=HOST)
    yield expect.no_failures(seen, text="nothing-lost", host=HOST)


@task("all")
def everything(lab: LabView) -> Results:
    load = lab.recorded_load("release")
    yield expect.switched(load, OLD, GOOD, text="switch-seen")
    yield expect.lossless(load, below=LOST, text="lossless")
    yield healthy(lab)
    yield only(lab)


@task("stop-bad")
def stop_bad(lab: LabView) -> Results:
    load = lab.recorded_load("stopped")
    bad, good = load.spans.get(BAD), load.spans.get(GOOD)
    quiet = good.last - bad.last if bad and good else 0.0
    yield expect.met(
        "stopped-seen", quiet >= QUIET, load.words(), f"{BAD} answers, and then {GOOD} alone for {QUIET} s"
    )
    hurt = load.failed / load.total if load.total else 1.0
    yield expect.met("few-hurt", hurt < HURT, f"{load.failed} of {load.total} failed", f"fewer than {HURT:.0%}")
    yield healthy(lab)
    yield only(lab)


@task("never-ready")
def never_ready(lab: LabView) -> Results:
    waiting = [one for one in lab.pods(SHOP, ready=False) if version(one) == NEVER]
    yield expect.met("tried", waiting, f"{len(waiting)} Pods of {NEVER}", "a first one")
    yield expect.met("given-up", phase(lab) == "Degraded", phase(lab), "Degraded")
    ready = [version(one) for one in lab.pods(SHOP)]
    ok = ready.count(GOOD) == PODS == len(ready)
    yield expect.met("four-ready", ok, ", ".join(sorted(ready)), f"4 of {GOOD} alone")
    yield only(lab)


@task("way-out")
def way_out(lab: LabView) -> Results:
    tried = [one for one in lab.list("replicaset", SHOP) if version(one["spec"]["template"]) == NEVER]
    left = [one for one in lab.pods(SHOP, ready=False) if version(one) == NEVER]
    found = f"{len(left)} Pods of {NEVER}" if tried else f"{NEVER} was never released"
    yield expect.met("nothing-left", tried and not left, found, f"{NEVER} was released, and has no Pod")
    yield healthy(lab)
    yield only(lab)


def waits(lab: LabView) -> Result:
    found = lab.get("rollout", "shop") or {"metadata": {}}
    steps = (found.get("spec") or {}).get("strategy", {}).get("canary", {}).get("steps") or []
    index = (found.get("status") or {}).get("currentStepIndex") or 0
    ends = index < len(steps) and (steps[index].get("pause") or {}).get("duration")
    said = f"{phase(lab)}, and goes on by itself" if ends else phase(lab)
    return expect.met("waits", release.is_paused(found) and not ends, said, "Paused, without an end")


def healthy(lab: LabView) -> Result:
    found = lab.get("rollout", "shop") or {"metadata": {}}
    named = version(found.get("spec", {}).get("template", {}))
    ok = release.is_healthy(found) and named == GOOD
    return expect.met("healthy", ok, f"{phase(lab)}, of {named}", f"Healthy, of {GOOD}", version=GOOD)


def phase(lab: LabView) -> str:
    return ((lab.get("rollout", "shop") or {}).get("status") or {}).get("phase", "nothing")


def version(pod: dict) -> str:
    env = (pod.get("spec", {}).get("containers") or [{}])[0].get("env") or []
    return next((one["value"] for one in env if one["name"] == "VERSION"), "?")


def only(lab: LabView) -> Result:
    return release.only_version(release.look(lab, HOST, GOOD, HIDDEN), GOOD, text="only", host=HOST)


def state(lab: LabView) -> str:
    template = (lab.get("rollout", "shop") or {}).get("spec", {}).get("template", {})
    pods = ", ".join(sorted(version(one) for one in lab.pods(SHOP, ready=False))) or "none"
    return f"{phase(lab)}, its template names {version(template)}, its Pods are {pods}"


def customers(lab: LabView) -> str:
    return expect.answers_of(lab.traffic(host=HOST, n=60))


hint(
    "first-batch",
    diagnose.say("batch", when=lambda lab: lab.recall("first"), state=state, customers=customers),
    diagnose.say("no-record", state=state),
)
hint("all", diagnose.recorded_load("release", then="again"), diagnose.say("go-on", state=state))
hint("stop-bad", diagnose.recorded_load("stopped", then="again"), diagnose.say("go-on", state=state))
hint("never-ready", diagnose.say("ready", state=state, customers=customers))
hint("way-out", diagnose.say("go-on", state=state))
