"""A bill is explained, then made smaller: by size, by an end, and by finding what nobody uses."""

import re
from typing import Any

from acplab.grading import LabView, Results, diagnose, expect, hint, task
from acplab.topics import eci

APP, HOST = "app=shop", "bill.example.com"
JOB = "app=nightly"
SMALL = eci.Size(0.25, 0.5)
# What setup/ starts. A repaired lab does not tell any more.
AT_START = {"shop": [eci.Size(2, 4)] * 2, "demo": [eci.Size(1, 2)] * 2, "nightly": [eci.Size(0.5, 1)]}
ALL = [size for sizes in AT_START.values() for size in sizes]
YUAN = sum(eci.price(size, 3600) for size in ALL)
GOAL = YUAN / 10
ANSWER = re.compile(r"^200 ", re.MULTILINE)
Pods = list[dict[str, Any]]


@task("explain")
def explain(lab: LabView) -> Results:
    yield expect.noted(lab, "bill.instances", len(ALL))
    yield expect.noted(lab, "bill.fen", [int(100 * YUAN), int(100 * YUAN) + 1])
    yield expect.noted(lab, "bill.largest", "shop")


@task("smaller")
def smaller(lab: LabView) -> Results:
    yield eci.billed_as(lab, APP, SMALL, at_least=2, text="billed")


@task("end")
def end(lab: LabView) -> Results:
    yield expect.met("complete", is_complete(lab), job_state(lab))
    pods = done(lab)
    yield expect.met("report", any(reports(lab, pod) for pod in pods), reported(lab))
    yield expect.met("agent", any(len(eci.side_by_side(pod)) > 1 for pod in pods), beside(lab))
    records = [eci.record_of(lab, pod) for pod in pods]
    yield expect.met("ended", records and all(one and "to" in one for one in records), still(lab))


@task("tenth")
def tenth(lab: LabView) -> Results:
    # The traffic first: meanwhile instances end that were asked to a moment ago.
    seen = lab.traffic(until=lambda now: not now.failed, host=HOST, n=60, keepalive=False)
    now = eci.per_hour(lab)
    # Nothing at all would cost nothing, so the shop must be there and answer.
    yield expect.met("cheap", 0 < now <= GOAL, f"{now:.4f}", f"0 < x <= {GOAL:.4f}")
    yield eci.billed_as(lab, APP, SMALL, at_least=2, text="billed")
    yield eci.answered_from_eci(lab, seen, text="answered", host=HOST)


def is_complete(lab: LabView) -> bool:
    return any(job["status"].get("succeeded") for job in lab.list("job", JOB))


def done(lab: LabView) -> Pods:
    """The Pods of the Job that have succeeded."""
    return [pod for pod in lab.list("pod", JOB) if pod["status"]["phase"] == "Succeeded"]


def reports(lab: LabView, pod: dict[str, Any]) -> list[str]:
    """The containers that have written the shop's answer."""
    return [name for name in eci.side_by_side(pod) if ANSWER.search(eci.log_of(lab, pod, name))]


# --- hints -----------------------------------------------------------------------------------------------


def job_state(lab: LabView) -> str:
    states = [{key: str(n) for key, n in job["status"].items() if isinstance(n, int)} for job in lab.list("job", JOB)]
    return "; ".join(diagnose.labels_of(one) for one in states) or "-"


def reported(lab: LabView) -> str:
    return ", ".join(name for pod in done(lab) for name in reports(lab, pod)) or "-"


def beside(lab: LabView) -> str:
    return ", ".join(name for pod in done(lab) for name in eci.side_by_side(pod)) or "-"


def still(lab: LabView) -> str:
    """What runs, and what it is billed as."""
    return ", ".join(f"{one['pod']} {eci.Size(one['vcpu'], one['gib'])}" for one in eci.records(lab, True)) or "-"


def containers(lab: LabView) -> str:
    """The containers of the Job's Pods, and whether they run."""
    keys = ("initContainerStatuses", "containerStatuses")
    parts = [one for pod in lab.list("pod", JOB) for key in keys for one in pod["status"].get(key) or []]
    return ", ".join(f"{one['name']}: {', '.join(one['state'])}" for one in parts) or "-"


def per_hour(lab: LabView) -> str:
    return f"{eci.per_hour(lab):.4f}"


hint("explain", diagnose.notes("bill", then="by-record", still=still))
hint("smaller", diagnose.pods(APP), diagnose.say("which-size", still=still, wanted=SMALL))
hint(
    "end",
    diagnose.say("what-it-did", when=is_complete, beside=beside, reported=reported),
    diagnose.say("who-runs", job=job_state, containers=containers),
)
hint(
    "tenth",
    diagnose.service("shop"),
    diagnose.say("what-costs", when=lambda lab: eci.per_hour(lab) > GOAL, hour=per_hour, still=still),
    diagnose.traffic("beyond", {"host": HOST, "n": 20}),
)
