"""What the checks and hints of several labs look at: who answers, whom a Service has found, what a rule names.

Everything is read through a LabView, so nothing here can change the cluster.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from acplab.base.i18n import _

if TYPE_CHECKING:
    from acplab.grading.checks import LabView
    from acplab.measure import Traffic

ANNOTATION = "nginx.ingress.kubernetes.io/"


def only(seen: Traffic, version: str) -> bool:
    """Whether this version answered every request, and none failed."""
    return seen.by_version == {version: seen.total} and not seen.failed


def told(seen: Traffic) -> str:
    """What came back, in words."""
    parts = [
        _("{n} of {all} from {version}").format(n=n, all=seen.total, version=v) for v, n in seen.by_version.items()
    ]
    return ", ".join([*parts, *(f"{n} x {error}" for error, n in seen.errors.items())])


def inside(lab: LabView, targets: list[str]) -> list[tuple[str, str]]:
    """(target, version that answers) as a ready Pod of the lab sees it; "" if nobody answers."""
    asker = next((pod["metadata"]["name"] for pod in lab.list("pod") if is_ready(pod)), None)
    if asker is None:
        return []
    lab.settle()  # a node learns of a new Service a second or more after the API does
    return [(target, _version(lab.ask(asker, "get", f"http://{target}/"))) for target in targets]


def _version(answer: tuple[bool, str]) -> str:
    """Who answered: a good answer reads "200 v2 {...}"."""
    ok, words = answer[0], answer[1].split()
    return words[1] if ok and words[:1] == ["200"] and len(words) > 1 else ""


def addresses(lab: LabView, service: str) -> list[str]:
    """ "IP:port" of every ready endpoint."""
    return [
        f"{address}:{port.get('port')}"
        for piece in lab.list("endpointslice", f"kubernetes.io/service-name={service}")
        for endpoint in piece.get("endpoints") or []
        if (endpoint.get("conditions") or {}).get("ready")
        for address in endpoint["addresses"]
        for port in piece.get("ports") or []
    ]


def pairs(labels: dict[str, str], *keys: str) -> str:
    """Labels as people write them; keys: only these."""
    chosen = {key: value for key, value in labels.items() if not keys or key in keys}
    return ", ".join(f"{key}={value}" for key, value in chosen.items()) or _("no labels")


def is_ready(pod: dict[str, Any]) -> bool:
    """Whether a Pod is ready and not on its way out."""
    conditions = pod["status"].get("conditions") or []
    leaving = pod["metadata"].get("deletionTimestamp")
    return not leaving and any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def is_canary(ingress: dict[str, Any]) -> bool:
    """Whether an Ingress says that it is a canary."""
    return (ingress["metadata"].get("annotations") or {}).get(f"{ANNOTATION}canary") == "true"


def canaries(lab: LabView) -> list[str]:
    """The Ingresses of the lab that are canaries, as "ingress NAME"."""
    return [f"ingress {one['metadata']['name']}" for one in lab.list("ingress") if is_canary(one)]


def backends(found: dict[str, Any]) -> list[str]:
    """Names of the Services that an Ingress or an HTTPRoute names."""
    rules = found["spec"].get("rules") or []
    paths = [path for rule in rules for path in (rule.get("http") or {}).get("paths") or []]
    by_ingress = [path["backend"].get("service", {}).get("name", "") for path in paths]
    return by_ingress + [ref["name"] for rule in rules for ref in rule.get("backendRefs") or []]


def false_conditions(route: dict[str, Any]) -> list[str]:
    """What a route's parents say against it, and that it has none at all."""
    parents = (route.get("status") or {}).get("parents") or []
    said = [one for parent in parents for one in parent.get("conditions") or [] if one["status"] != "True"]
    none = [] if parents else [_("no Gateway has taken it up")]
    return none + [f"{one['type']} is {one['status']}: {one.get('message') or one.get('reason')}" for one in said]
