"""A mirror to another cluster: copies in the right number, answers for nobody, and a failover at the end."""

from acplab.grading import LabView, Result, Results, diagnose, expect, hint, task
from acplab.topics import release

HOST = "shop.mirror.example.com"
OTHER, SHADOW = "pair", "app=shadow"
N, SHARE, MARGIN = 100, 0.2, 0.05
HIDDEN = 0.03  # 125 answers without a single one from another version: its share is below 3 % (95 % sure)


@task("shadow")
def shadow(lab: LabView) -> Results:
    pods = release.pods_elsewhere(lab, OTHER, SHADOW)
    yield expect.met("there", pods, f"{pods or 0} Pods", "one or more")
    answer = release.asked_elsewhere(lab, OTHER, 30081)
    yield expect.met("answers", answer == "v2", answer or "no answer", "v2 at port 30081 of the node")


@task("a-fifth")
def a_fifth(lab: LabView) -> Results:
    sent = release.send(lab, HOST, OTHER, SHADOW, N)
    yield release.copies_arrive(sent, SHARE, MARGIN, text="copies")
    yield release.only_original(sent, "v1", text="only-original")


@task("shadow-down")
def shadow_down(lab: LabView) -> Results:
    pods = release.pods_elsewhere(lab, OTHER, SHADOW)
    yield expect.met(
        "down",
        pods == 0 and mirrors(lab),
        f"{pods} Pods; a mirror is configured: {mirrors(lab)}",
        "0 Pods, and a mirror",
    )
    seen = release.look(lab, HOST, "v1", HIDDEN)
    yield release.only_version(seen, "v1", text="still-v1", host=HOST)


@task("take-over")
def take_over(lab: LabView) -> Results:
    left = lab.pods("app=shop", ready=False)
    yield expect.met("v1-gone", not left, f"{len(left)} Pods of v1", "none")
    yield from_other(lab)


def from_other(lab: LabView) -> Result:
    seen = release.look(lab, HOST, "v2", HIDDEN)
    return release.only_version(seen, "v2", text="from-other", host=HOST)


def rules(lab: LabView) -> list[dict]:
    """The ConfigMaps with the rules of the front."""
    front = lab.get("deployment", "front") or {"spec": {"template": {"spec": {}}}}
    volumes = front["spec"]["template"]["spec"].get("volumes") or []
    found = [lab.get("configmap", one["configMap"]["name"]) for one in volumes if "configMap" in one]
    return [one for one in found if one]


def mirrors(lab: LabView) -> bool:
    """Whether the rules name a mirror: while the shadow is away, no traffic shows it."""
    return any("mirroring" in text for one in rules(lab) for text in (one.get("data") or {}).values())


def changed(lab: LabView) -> str:
    """When the rules of the front were changed last, as the API writes it; "" if there are none."""
    times = [field["time"] for one in rules(lab) for field in one["metadata"].get("managedFields") or []]
    return max(times, default="")


def started(lab: LabView) -> str:
    """When the newest Pod of the front was made."""
    return max((pod["metadata"]["creationTimestamp"] for pod in lab.pods("app=front", ready=False)), default="")


def unread(lab: LabView) -> bool:
    return bool(started(lab)) and changed(lab) > started(lab)


def ports(lab: LabView) -> str:
    return ", ".join(map(str, release.node_ports_elsewhere(lab, OTHER))) or "none"


def elsewhere(lab: LabView) -> str:
    return f"{release.pods_elsewhere(lab, OTHER, SHADOW) or 0} Pods"


STALE = diagnose.say("unread", when=unread, changed=changed, started=started)


hint("shadow", diagnose.say("second", there=elsewhere, ports=ports))
hint("a-fifth", diagnose.pods("app=front"), STALE, diagnose.traffic("copied", {"host": HOST, "n": 40}, there=elsewhere))
hint("shadow-down", diagnose.traffic("dropped", {"host": HOST, "n": 40}, there=elsewhere))
hint("take-over", STALE, diagnose.traffic("other", {"host": HOST, "n": 40}, there=elsewhere))
