"""ECI on the cluster in use: read its ledger, and see where Pods are and how fast they came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime

from acplab import kube
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.cluster.eci import NODE
from acplab.kube import Object
from acplab.kube.conditions import has_ended
from acplab.topics.eci.billing import Bill, bill


def ledger(namespace: str) -> Bill:
    """The bill of a namespace until now."""
    return bill(kube.list("ecirecord", namespace), datetime.now(UTC))


def places(namespace: str, selector: str | None = None) -> dict[str, int]:
    """How many Pods are on "ecs" (nodes), on "eci", and "waiting" for a place; those that are over do not count."""
    return dict(Counter(_place(pod) for pod in kube.list("pod", namespace, selector) if not _is_over(pod)))


def _is_over(pod: Object) -> bool:
    return has_ended(pod) or "deletionTimestamp" in pod["metadata"]


def _place(pod: Object) -> str:
    node = pod["spec"].get("nodeName")
    if not node:
        return "waiting"
    return "eci" if node == NODE else "ecs"


def where(found: Mapping[str, int]) -> str:
    """What places() found, in words: "nodes only", "ECI only", "both", or "nowhere"."""
    on = {name: found.get(name, 0) > 0 for name in ("ecs", "eci")}
    if on["ecs"] and on["eci"]:
        return _("both")
    return _("nodes only") if on["ecs"] else _("ECI only") if on["eci"] else _("nowhere")


def pulled(namespace: str, *pods: str) -> list[str]:
    """Those of the Pods for which an image was pulled."""
    return [
        pod for pod in pods if any(line.startswith("Normal Pulling:") for line in kube.events("pod", pod, namespace))
    ]


def seconds_to_ready(pod: Object) -> float:
    """From a Pod's creation until it was ready, in seconds of the API's clock, which counts whole ones."""
    for one in pod["status"].get("conditions") or []:
        if one["type"] == "Ready" and one["status"] == "True":
            return (_time(one["lastTransitionTime"]) - _time(pod["metadata"]["creationTimestamp"])).total_seconds()
    name = pod["metadata"]["name"]
    raise AcplabError(_("Pod {name} is not ready.").format(name=name), _('Wait for it: kube.wait("pod", ...).'))


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
