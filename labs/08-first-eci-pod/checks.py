"""A Deployment moves to ECI: where its Pods are, what is billed, who answers, and what one of them has cost."""

from acplab.grading import LabView, Results, diagnose, expect, hint, task
from acplab.topics import eci

APP, HOST = "app=shop", "shop.eci.example.com"
SIZE = eci.Size(0.5, 1)
MILLION = 1_000_000


@task("place")
def place(lab: LabView) -> Results:
    here, elsewhere = eci.on_eci(lab, APP), eci.on_nodes(lab, APP, ready=False)
    yield expect.met("on-eci", len(here) >= 2 and not elsewhere, eci.counted(lab, APP))


@task("size")
def size(lab: LabView) -> Results:
    yield eci.billed_as(lab, APP, SIZE, at_least=2, text="billed")


@task("reach")
def reach(lab: LabView) -> Results:
    seen = lab.traffic(until=lambda now: not now.failed, host=HOST, n=60, keepalive=False)
    yield eci.answered_from_eci(lab, seen, text="answered", host=HOST)


@task("price")
def price(lab: LabView) -> Results:
    ended = {one["pod"]: one for one in eci.records(lab, running=False) if one["pod"].startswith("shop-")}
    record = ended.get(lab.noted("first.pod") or "")
    yield expect.noted(lab, "first.pod", list(ended))
    yield expect.noted(lab, "first.seconds", record and record["seconds"])
    yield expect.noted(lab, "first.micro", around(record))


def around(record: dict[str, float] | None) -> list[int]:
    """Millionths of a yuan, rounded up or down."""
    if not record:
        return []
    exact = MILLION * eci.price(eci.Size(record["vcpu"], record["gib"]), record["seconds"])
    return [int(exact), int(exact) + 1]


# --- hints -----------------------------------------------------------------------------------------------


def sizes(lab: LabView) -> str:
    return ", ".join(f"{one['pod']}: {eci.Size(one['vcpu'], one['gib'])}" for one in eci.records(lab, True)) or "-"


def labels(lab: LabView) -> str:
    return "; ".join(diagnose.labels_of(one["metadata"].get("labels") or {}) for one in lab.pods(ready=False)) or "-"


def ended(lab: LabView) -> int:
    return len(eci.records(lab, running=False))


def places(lab: LabView) -> str:
    return eci.counted(lab, APP)


hint("place", diagnose.pods(APP), diagnose.say("where", places=places, labels=labels))
hint("size", diagnose.pods(APP), diagnose.say("which-size", sizes=sizes, wanted=SIZE))
hint("reach", diagnose.service("shop"), diagnose.traffic("beyond", {"host": HOST, "n": 20}, places=places))
hint(
    "price",
    diagnose.say("none-ended", when=lambda lab: not ended(lab), sizes=sizes),
    diagnose.notes("first", then="from-the-record", n=ended),
)
