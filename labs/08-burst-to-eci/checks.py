"""A peak goes to ECI and comes back: in which order, how fast, without a loss, and billed no longer than it lasts."""

from typing import Any

from acplab.grading import LabView, Result, Results, diagnose, expect, hint, task
from acplab.topics import eci

APP, HOST = "app=shop", "burst.example.com"
BASE, PEAK = 3, 6
LOST_SHARE = 0.01  # 381 requests without a loss: fewer than 1 % are lost (95 % sure)
MILLION = 1_000_000


@task("order")
def order(lab: LabView) -> Results:
    yield split(lab)


@task("cache")
def cache(lab: LabView) -> Results:
    yield split(lab)
    pods = eci.on_eci(lab, APP)
    yield expect.met("from-cache", pods and hits(lab) == len(pods), hits(lab), len(pods))


@task("shrink")
def shrink(lab: LabView) -> Results:
    load = lab.recorded_load("shrinking")
    yield expect.lossless(load, below=LOST_SHARE, text="lossless")
    yield expect.went_on_after(load, "shrunk", "v1", seconds=2, text="went-on")
    n = len(lab.pods(APP, ready=False))
    yield expect.met("shrunk", n == BASE, n, BASE)


@task("base")
def base(lab: LabView) -> Results:
    here, there = len(eci.on_nodes(lab, APP)), len(eci.on_eci(lab, APP, ready=False))
    yield expect.met("on-nodes", here == BASE and not there, eci.counted(lab, APP))
    ended, running = eci.records(lab, running=False), eci.records(lab, running=True)
    yield expect.met("ended", ended and not running, len(running), n=len(ended))
    yield expect.noted(lab, "peak.instances", len(ended) or None)
    yield expect.noted(lab, "peak.micro", micro(ended))


def micro(records: list[dict[str, Any]]) -> list[int]:
    """Millionths of a yuan for all of them; who rounds each line first is off by less than one a line."""
    exact = MILLION * sum(eci.price(eci.size_in(one), one["seconds"]) for one in records)
    return list(range(int(exact) - len(records), int(exact) + len(records) + 1)) if records else []


def is_the_base(lab: LabView) -> bool:
    """Whether only the notes are open."""
    return not {"on-nodes", "ended"} & {one.text for one in lab.open_results()}


def split(lab: LabView) -> Result:
    here, there = len(eci.on_nodes(lab, APP)), len(eci.on_eci(lab, APP))
    return expect.met("split", (here, there) == (BASE, PEAK - BASE), eci.counted(lab, APP))


def hits(lab: LabView) -> int:
    """How many of the Pods on ECI had their image in a cache; events would say it for an hour only."""
    return sum((eci.record_of(lab, pod) or {}).get("cached", False) for pod in eci.on_eci(lab, APP))


# --- hints -----------------------------------------------------------------------------------------------


def policies(lab: LabView) -> str:
    """What each policy selects, and its units in their order."""
    found = [one["spec"] for one in lab.list("resourcepolicy")]
    return "; ".join(f"{diagnose.labels_of(one['selector'])}: {units(one['units'])}" for one in found) or "-"


def units(found: list[dict[str, object]]) -> str:
    return ", ".join(f"{one['resource']} (max {one['max']})" if "max" in one else str(one["resource"]) for one in found)


def caches(lab: LabView) -> str:
    found = lab.list("imagecache", namespace="*")
    images = [(one["status"].get("phase", "-"), one["spec"]["images"]) for one in found if "status" in one]
    return "; ".join(f"{phase}: {', '.join(names)}" for phase, names in images) or "-"


places = {"places": lambda lab: eci.counted(lab, APP), "policies": policies}

hint("order", diagnose.pods(APP), diagnose.say("which-order", **places))
hint(
    "cache",
    diagnose.pods(APP),
    diagnose.say("other-places", when=lambda lab: not split(lab).ok, **places),
    diagnose.say("no-hit", caches=caches, hits=hits),
)
hint("shrink", diagnose.recorded_load("shrinking", then="load-again"))
hint(
    "base",
    diagnose.say(
        "what-is-left",
        when=lambda lab: not is_the_base(lab),
        running=lambda lab: len(eci.records(lab, running=True)),
        **places,
    ),
    diagnose.notes("peak", then="by-record", n=lambda lab: len(eci.records(lab))),
)
