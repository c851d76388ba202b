"""Hints about a release: why a canary has no effect, what a route is told, who still names the old version."""

from __future__ import annotations

from acplab.base.i18n import _
from acplab.grading import LabView
from acplab.grading.checks import Ladder, Words
from acplab.grading.expect import answers_of
from acplab.grading.prose import listed
from acplab.kube import Object
from acplab.topics.release.expect import Requests, astray
from acplab.topics.release.rules import (
    backends,
    canaries,
    claims,
    describe_all,
    false_conditions,
    ingress_for,
    is_canary,
    naming,
    parents,
    places,
    routes,
    wanted_parents,
    without_endpoints,
)

Two = tuple[str, str]


def ingress_rule(host: str) -> Ladder:
    """An Ingress for a host that is missing, or names a Service that is not there."""

    def ladder(lab: LabView) -> Two | None:
        found = ingress_for(lab, host)
        if not found:
            return (
                _("No Ingress in {namespace} has a rule for {host}.").format(namespace=lab.namespace, host=host),
                _("The ingress answers 404 for a host that no rule names. Is your file applied, all of it?"),
            )
        lost = sorted({name for one in found for name in backends(one) if not lab.exists("service", name)})
        if not lost:
            return _unread(lab, found)
        there = listed(one["metadata"]["name"] for one in lab.list("service"))
        return (
            _("The Ingress hands requests to a Service. Is that Service there?"),
            _("It names {names}; the Services there are: {there}.").format(names=", ".join(lost), there=there),
        )

    return ladder


def _unread(lab: LabView, found: list[Object]) -> Two | None:
    """Of Ingresses that no controller reads, since their class does not exist."""
    classes = [one["metadata"]["name"] for one in lab.list("ingressclass")]
    unknown = sorted({one["spec"].get("ingressClassName", "") for one in found} - {"", *classes})
    if not unknown:
        return None
    return (
        _("An ingress controller reads only Ingresses of its own class. Is yours one of them?"),
        _("ingressClassName is {unknown}; the classes of this cluster are: {classes}.").format(
            unknown=", ".join(unknown), classes=listed(classes)
        ),
    )


def claimed_twice(lab: LabView) -> Two | None:
    """A host and path that two Ingresses claim: ingress-nginx asks the older one, and each replica of ours decides by itself."""
    found = claims(lab.list("ingress"))
    if not found:
        return None
    words = "; ".join(f"{host}{path}: {', '.join(names)}" for (host, path), names in sorted(found.items()))
    return (
        _("Two Ingresses claim the same host and path. Which one should answer?"),
        _("Claimed twice: {words}. Delete one of them, or give it another path.").format(words=words),
    )


def canary(lab: LabView) -> Two | None:
    """Why a canary has no effect: there is none, it is in the wrong place, or it leads nowhere."""
    rules = canaries(lab)
    if not rules:
        return (
            _("No Ingress in {namespace} says that it is a canary.").format(namespace=lab.namespace),
            _('An Ingress is one as soon as its annotation `canary` has the value `"true"`. Which of yours has it?'),
        )
    return _misplaced(lab, rules) or _leads_nowhere(lab, rules)


def _misplaced(lab: LabView, rules: list[Object]) -> Two | None:
    mains = sorted({place for one in lab.list("ingress") if not is_canary(one) for place in places(one)})
    lost = [place for one in rules for place in places(one) if place not in mains]
    if not lost:
        return None
    return (
        _("A canary needs a main Ingress with the same host, path and pathType. Yours has none."),
        _("The canary is for {lost}; the main rules are for {mains}.").format(
            lost=", ".join(map(" ".join, lost)), mains=listed(map(" ".join, mains))
        ),
    )


def _leads_nowhere(lab: LabView, rules: list[Object]) -> Two | None:
    empty = without_endpoints(lab, rules)
    if not empty:
        return None
    return (
        _("A canary whose Service has no endpoints is skipped without a word."),
        _("Without endpoints: {names}.").format(names=", ".join(empty)),
    )


def http_route(host: str) -> Ladder:
    """An HTTPRoute for a host that is missing, that no Gateway has accepted, or that has a false condition."""

    def ladder(lab: LabView) -> Two | None:
        found = routes(lab, host)
        if not found:
            return (
                _("No HTTPRoute in {namespace} has the host {host}.").format(namespace=lab.namespace, host=host),
                _("The ingress answers 404 for a host that no rule names. Is your file applied, with that host in it?"),
            )
        if not any(parents(one) for one in found):
            return _not_accepted(lab, found)
        return _not_content(lab, found)

    return ladder


def _not_accepted(lab: LabView, found: list[Object]) -> Two:
    wanted = listed(name for one in found for name in wanted_parents(one, lab.namespace))
    there = [one["metadata"] for one in lab.list("gateway", namespace="*")]
    return (
        _("An HTTPRoute has a status, with `parents` in it. Yours has none: no Gateway has accepted the route."),
        _("parentRefs of your route: {wanted}. The Gateways of this cluster: {there}.").format(
            wanted=wanted, there=listed(f"{one['namespace']}/{one['name']}" for one in there)
        ),
    )


def _not_content(lab: LabView, found: list[Object]) -> Two | None:
    false = [condition for one in found for condition in false_conditions(one)]
    if not false:
        return None
    return (
        _("An HTTPRoute has a status, with conditions in it. One of yours is not met."),
        _("It says: {false}. The Services there are: {there}.").format(
            false="; ".join(false), there=listed(one["metadata"]["name"] for one in lab.list("service"))
        ),
    )


def share_at(host: str, version: str) -> Ladder:
    """Which share a version gets at a host, and what the rules say."""

    def ladder(lab: LabView) -> Two:
        seen = lab.traffic(host=host, n=200)
        return (
            _("At {host}, {version} gets {share}. Which version is the main one there, and which the canary?").format(
                host=host, version=version, share=seen.share(version)
            ),
            _(
                "The rules: {rules}. A weight is a whole number. It counts as a part of its total: that is 100 or "
                "canary-weight-total (annotations), or the sum of all weights (HTTPRoute)."
            ).format(rules=describe_all(lab, host)),
        )

    return ladder


def who_answers(host: str) -> Ladder:
    """What comes back at a host now, and what its rules say."""

    def ladder(lab: LabView) -> Two:
        seen = lab.sample(0.0, 0.03, host=host, keepalive=False)
        return (
            _("At {host} now: {seen}.").format(host=host, seen=answers_of(seen)),
            _("The rules: {rules}.").format(rules=describe_all(lab, host)),
        )

    return ladder


def misrouted(then: str, hidden: float, *wanted: tuple[str, Requests, str]) -> Ladder:
    """Which requests the rules send to the wrong version; `then` of criteria.yaml has them as {astray}.

    wanted: (host, kinds of requests, the version that should answer them).
    """

    def ladder(lab: LabView) -> Words | None:
        said = [
            _("{name} at {host} should get {version}, and gets: {seen}").format(
                name=name, host=host, version=version, seen=answers_of(seen)
            )
            for host, requests, version in wanted
            for name, seen in astray(lab, host, requests, version, hidden).items()
        ]
        return Words(then, {"astray": "; ".join(said)}) if said else None

    return ladder


def still_referenced(service: str) -> Ladder:
    """Rules that still name a Service which is to go."""

    def ladder(lab: LabView) -> Two | None:
        rules = naming(lab, service)
        if not rules:
            return None
        return (
            _("Before {service} goes: does any rule still send requests to it?").format(service=service),
            _("These still name {service}: {rules}.").format(service=service, rules=", ".join(rules)),
        )

    return ladder


def left_over(*objects: str, pods: str) -> Ladder:
    """What is left of the release: objects ("deployment/old-cart"), their Pods, canaries. It applies if anything is."""

    def ladder(lab: LabView) -> Two | None:
        left = [one for one in objects if lab.exists(*one.split("/", 1))]
        left += [f"pod/{one['metadata']['name']}" for one in lab.list("pod", pods)]
        left += [f"ingress/{one['metadata']['name']}" for one in canaries(lab)]
        if not left:
            return None
        return (
            _("Which objects belong to the release and not to the shop? {n} are left.").format(n=len(left)),
            _("Left: {left}.").format(left=", ".join(left)),
        )

    return ladder
