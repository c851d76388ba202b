"""A snapshot that is worth something, and a namespace that comes back from it as it was then: no more, no less."""

from datetime import UTC, datetime
from typing import Any

from acplab.grading import LabView, Results, at_start, diagnose, expect, hint, task
from acplab.topics import release

HOST, NEW, REPLICAS = "orders.restore.example.com", "v2", 3
CUSTOMERS = {"host": HOST, "n": 120, "keepalive": False}
FIRST, SECOND = "order-1001", "order-1002"
SYSTEM = ("kube-system", "ingress")
# What etcd keeps: objects, Secrets among them. Files in volumes and logs are on the nodes.
BACK = {"order_1001": "yes", "order_1002": "no", "replicas": REPLICAS, "secrets": "yes", "files": "no", "logs": "no"}


@at_start
def before(lab: LabView) -> dict[str, Any]:
    """By what a restored namespace differs from this one, and what must stay as it is."""
    return {"uid": uid(lab), "began": datetime.now(UTC).isoformat(), "others": others(lab)}


@task("changes")
def changes(lab: LabView) -> Results:
    yield from shop_answers(lab)
    yield from first_order(lab)


@task("snapshot")
def snapshot(lab: LabView) -> Results:
    mine = snapshots(lab)
    yield expect.met("saved", mine, "; ".join(one.text for one in mine) or "-")
    holding = [one for one in mine if is_restored(lab) or one.taken >= changed_at(lab)]
    yield expect.met("holds", holding, f"{len(holding)} of {len(mine)}")
    yield expect.noted(lab, "snapshot.revision", [one.revision for one in holding])
    yield expect.noted(lab, "snapshot.keys", [one.keys for one in holding])


@task("what-comes-back")
def what_comes_back(lab: LabView) -> Results:
    for name, truth in BACK.items():
        yield expect.noted(lab, f"back.{name}", truth, text="back")


@task("bring-back")
def bring_back(lab: LabView) -> Results:
    yield expect.met("recreated", is_restored(lab), f"{lab.namespace} {uid(lab)}")
    yield from shop_answers(lab)
    yield from first_order(lab)
    yield expect.gone(lab, f"configmap/{SECOND}", text="not-newer")
    changed = {name for name, known in lab.recall("others").items() if others(lab).get(name) != known}
    yield expect.met("others", not changed, ", ".join(sorted(changed)) or "-")


def shop_answers(lab: LabView) -> Results:
    yield expect.ready_endpoints(lab, "orders", at_least=REPLICAS, text="endpoints")
    seen = lab.traffic(until=lambda so_far: so_far.only(NEW), **CUSTOMERS)
    yield release.only_version(seen, NEW, text="only-new", host=HOST)


def first_order(lab: LabView) -> Results:
    item = ((lab.get("configmap", FIRST) or {}).get("data") or {}).get("item")
    yield expect.met("order", item, item or "-")


# --- the namespace and its snapshots ----------------------------------------------------------------------


def uid(lab: LabView) -> str:
    return (lab.get("namespace", lab.namespace) or {"metadata": {"uid": ""}})["metadata"]["uid"]


def is_restored(lab: LabView) -> bool:
    """The labels and annotations of the old namespace on a new one: that the lab is there says the one, this the other."""
    return uid(lab) not in ("", lab.recall("uid"))


def snapshots(lab: LabView) -> list[Any]:
    """Those that were taken since the lab began; files are dated in whole seconds."""
    began = datetime.fromisoformat(lab.recall("began")).replace(microsecond=0)
    return [one for one in lab.snapshots() if one.taken >= began]


def changed_at(lab: LabView) -> datetime:
    """When the shop or the first order were changed last, their status aside."""
    found = [lab.get("deployment", "orders"), lab.get("configmap", FIRST)]
    if None in found:
        return datetime.max.replace(tzinfo=UTC)
    fields = [field for one in found if one for field in one["metadata"].get("managedFields") or []]
    return max(datetime.fromisoformat(one["time"]) for one in fields if one.get("subresource") != "status")


def others(lab: LabView) -> dict[str, str]:
    """The Deployments of the system, each with its identity."""
    found = [one for namespace in SYSTEM for one in lab.list("deployment", namespace=namespace)]
    return {f"{one['metadata']['namespace']}/{one['metadata']['name']}": one["metadata"]["uid"] for one in found}


# --- hints ------------------------------------------------------------------------------------------------


def has_second(lab: LabView) -> bool:
    return lab.exists("configmap", SECOND)


way = (release.ingress_rule(HOST), diagnose.service("orders"))

hint("changes", *way, diagnose.traffic("version", CUSTOMERS))
hint(
    "snapshot",
    diagnose.say("nothing-saved", when=lambda lab: not snapshots(lab)),
    diagnose.notes("snapshot", then="read-the-file", n=lambda lab: len(snapshots(lab))),
)
hint("what-comes-back", diagnose.notes("back", then="where-is-it-kept"))
hint(
    "bring-back",
    diagnose.say("never-gone", when=lambda lab: not is_restored(lab), namespace=lambda lab: lab.namespace),
    diagnose.say("newer-there", when=has_second, namespace=lambda lab: lab.namespace),
    *way,
    diagnose.traffic("version", CUSTOMERS),
)
