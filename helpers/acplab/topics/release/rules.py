"""What the rules of the ingress name: read from Ingress and HTTPRoute objects, which come as the API gives them."""

from __future__ import annotations

from collections.abc import Iterable

from acplab.base.i18n import _
from acplab.grading import LabView
from acplab.kube import Object, Objects

ANNOTATION = "nginx.ingress.kubernetes.io/"
ROUTING = ("ingress", "httproute")


def ingress_annotations(one: Object) -> dict[str, str]:
    """The ingress annotations of an object, without their prefix."""
    found = one["metadata"].get("annotations") or {}
    return {key.removeprefix(ANNOTATION): value for key, value in found.items() if key.startswith(ANNOTATION)}


def is_canary(ingress: Object) -> bool:
    """Whether an Ingress says that it is a canary."""
    return ingress_annotations(ingress).get("canary") == "true"


def canaries(lab: LabView) -> Objects:
    """The Ingresses of the lab that are canaries."""
    return [one for one in lab.list("ingress") if is_canary(one)]


def takes(named: str | None, host: str) -> bool:
    """Whether what a rule names as its host takes a host: that host, any host, or all of its domain ("*.example.com")."""
    return named in (None, "", host, f"*.{host.partition('.')[2]}")


def routes(lab: LabView, host: str) -> Objects:
    """The HTTPRoutes of the lab for a host."""
    return [one for one in lab.list("httproute") if any(takes(n, host) for n in one["spec"].get("hostnames") or [None])]


def ingress_for(lab: LabView, host: str) -> Objects:
    """The Ingresses of the lab for a host."""
    return [
        one
        for one in lab.list("ingress")
        if any(takes(rule.get("host"), host) for rule in one["spec"].get("rules") or [])
    ]


def backends(one: Object) -> list[str]:
    """Names of the Services that an Ingress or an HTTPRoute names."""
    rules = one["spec"].get("rules") or []
    paths = [path for rule in rules for path in (rule.get("http") or {}).get("paths") or []]
    by_ingress = [path["backend"]["service"]["name"] for path in paths if "service" in path["backend"]]
    return by_ingress + [ref["name"] for rule in rules for ref in rule.get("backendRefs") or []]


def naming(lab: LabView, service: str) -> list[str]:
    """ "kind/name" of each Ingress and HTTPRoute that names a Service."""
    return [
        f"{kind}/{one['metadata']['name']}" for kind in ROUTING for one in lab.list(kind) if service in backends(one)
    ]


def without_endpoints(lab: LabView, rules: Iterable[Object]) -> list[str]:
    """The Services that rules name and that have no ready endpoint."""
    return sorted({name for one in rules for name in backends(one) if not lab.endpoints(name)})


def places(ingress: Object) -> list[tuple[str, str, str]]:
    """(host, path, pathType) of each rule."""
    return [
        (rule.get("host", "*"), path.get("path", "/"), path["pathType"])
        for rule in ingress["spec"].get("rules") or []
        for path in (rule.get("http") or {}).get("paths") or []
    ]


def claims(ingresses: Iterable[Object]) -> dict[tuple[str, str], list[str]]:
    """(host, path) -> the names of the Ingresses that claim it, of those that more than one claims. Canaries are no claim."""
    found: dict[tuple[str, str], list[str]] = {}
    for one in ingresses:
        for host, path, _type in [] if is_canary(one) else places(one):
            found.setdefault((host, path), []).append(one["metadata"]["name"])
    return {place: names for place, names in found.items() if len(names) > 1}


def parents(route: Object) -> list[Object]:
    """What each Gateway says of an HTTPRoute; nothing if none has accepted it."""
    return (route.get("status") or {}).get("parents") or []


def false_conditions(route: Object) -> list[str]:
    """The conditions of an HTTPRoute that are not met, in words."""
    said = [one for parent in parents(route) for one in parent.get("conditions") or [] if one["status"] != "True"]
    return [f"{one['type']} is {one['status']}: {one.get('message') or one.get('reason')}" for one in said]


def wanted_parents(route: Object, namespace: str) -> list[str]:
    """ "namespace/name" of the Gateways that a route refers to; without a namespace it means its own."""
    return [f"{ref.get('namespace', namespace)}/{ref['name']}" for ref in route["spec"].get("parentRefs") or []]


def described(one: Object) -> str:
    """A rule in one line: its Services, and its annotations or weights."""
    name = one["metadata"]["name"]
    if one["spec"].get("parentRefs"):
        refs = [ref for rule in one["spec"].get("rules") or [] for ref in rule.get("backendRefs") or []]
        weights = [f"{ref['name']}:{ref.get('port')} (weight {ref.get('weight', 1)})" for ref in refs]
        return f"{name} -> {', '.join(weights)}"
    said = ", ".join(f"{key}={value}" for key, value in ingress_annotations(one).items())
    return f"{name} -> {', '.join(backends(one))} ({said or _('no annotations')})"


def describe_all(lab: LabView, host: str) -> str:
    """All rules for a host, in words."""
    found = [*ingress_for(lab, host), *routes(lab, host)]
    return "; ".join(map(described, found)) or _("no rule")
