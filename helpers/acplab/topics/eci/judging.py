"""Words for checks: where the Pods of a lab are, and what ECI bills for them."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from acplab import kube
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.cluster.eci import NODE
from acplab.grading import LabView, Result, expect
from acplab.kube import Object, Objects
from acplab.topics.eci.billing import price
from acplab.topics.eci.sizes import Size

if TYPE_CHECKING:
    from acplab.measure import Traffic


def on_eci(lab: LabView, selector: str | None = None, ready: bool = True) -> Objects:
    """The Pods of the lab on the virtual node; ready: only those that are ready."""
    return [pod for pod in lab.pods(selector, ready) if pod["spec"].get("nodeName") == NODE]


def on_nodes(lab: LabView, selector: str | None = None, ready: bool = True) -> Objects:
    """The Pods of the lab on nodes; ready: only those that are ready."""
    return [pod for pod in lab.pods(selector, ready) if pod["spec"].get("nodeName") not in (None, NODE)]


def counted(lab: LabView, selector: str | None = None) -> str:
    """Where the ready Pods are, in words."""
    numbers = {"nodes": len(on_nodes(lab, selector)), "eci": len(on_eci(lab, selector))}
    return _("ready: {nodes} on nodes, {eci} on ECI").format(**numbers)


def records(lab: LabView, running: bool | None = None) -> list[dict[str, Any]]:
    """The lab's records of the ledger; running: only those without an end, or only those with one."""
    found = [one["spec"] for one in lab.list("ecirecord")]
    return [one for one in found if running is None or ("to" not in one) == running]


def record_of(lab: LabView, pod: Object) -> dict[str, Any] | None:
    """The record of a Pod's instance."""
    return next((one for one in records(lab) if one["podUID"] == pod["metadata"]["uid"]), None)


def side_by_side(pod: Object) -> list[str]:
    """The containers of a Pod that run at the same time: sidecars, but no init container that must end first."""
    inits = [one for one in pod["spec"].get("initContainers") or [] if one.get("restartPolicy") == "Always"]
    return [one["name"] for one in [*inits, *pod["spec"]["containers"]]]


def log_of(lab: LabView, pod: Object, container: str) -> str:
    """What a container has written; "" if there is no log any more."""
    with suppress(AcplabError):
        return kube.logs(pod["metadata"]["name"], lab.namespace, container=container)
    return ""


def size_in(record: dict[str, Any]) -> Size:
    """What a record bills."""
    return Size(float(record["vcpu"]), float(record["gib"]))


def billed_as(lab: LabView, selector: str, size: Size, at_least: int, text: str) -> Result:
    """So many ready Pods are on ECI, none elsewhere, and each is billed as this size."""
    found = [record for pod in on_eci(lab, selector) if (record := record_of(lab, pod))]
    sizes = [str(size_in(one)) for one in found]
    ok = len(sizes) >= at_least and set(sizes) == {str(size)} and not on_nodes(lab, selector)
    wanted = _("{n} or more on ECI, each {size}").format(n=at_least, size=size)
    return expect.met(text, ok, ", ".join(sizes) or counted(lab, selector), wanted, n=at_least, size=size)


def per_hour(lab: LabView) -> float:
    """Yuan an hour, at list prices, for all instances of the lab that run."""
    return sum(price(size_in(one), 3600) for one in records(lab, running=True))


def answered_from_eci(lab: LabView, seen: Traffic, text: str, **values: Any) -> Result:
    """The lab's own Pods on ECI have answered every request."""
    here = seen.by("node").get(NODE, 0) if lab.answered(seen) == seen.total else 0
    found = _("{n} of {all} from ECI; {words}").format(n=here, all=seen.total, words=expect.answers_of(seen))
    return expect.met(text, seen.total and here == seen.total, found, _("all of them from ECI"), **values)
