"""Scenario 1: some requests meet A' first, then all do, then A goes. Judged by who answers which request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from acplab.base.i18n import _
from acplab.grading.checks import Finding, LabView, expect, hint, task
from acplab.topics.release.ingress import (
    addresses,
    backends,
    canaries,
    false_conditions,
    inside,
    is_canary,
    only,
    pairs,
    told,
)

if TYPE_CHECKING:
    from acplab.measure import Traffic

SHOP, GATE = "shop.request.example.com", "gw.request.example.com"
OLD, NEW = "v1", "v2"
PODS_WANTED = 2

# Whether a rule takes a request is no matter of chance; what chance could hide is one of several backends
# behind it. With 0 of 22 a backend that has a share of 15 % or more is ruled out (95 % sure).
HIDDEN_SHARE = 0.15

Request = tuple[str, dict[str, str]]  # what a learner calls it, and the headers that make it


def header(value: str) -> Request:
    return f"header foo={value}", {"foo": value}


def cookie(text: str) -> Request:
    return f"cookie {text}", {"Cookie": text}


PLAIN: Request = ("no mark at all", {})
# Each stands for a mistake: no anchors, a header without a value, a cookie taken for a header.
STRANGERS = [PLAIN, header("barista"), header("rebar"), header("always"), cookie("foo=barista"), cookie("a-foo=always")]
COOKIES = [cookie("foo=bar"), cookie("lang=zh; foo=bar; cart=7")]
LIKE_COOKIES = [cookie("foo=barista"), cookie("a-foo=bar"), cookie("foo=always")]
EVERYBODY = [PLAIN, header("bar"), cookie("foo=never"), cookie("foo=bar")]


# --- the tasks -------------------------------------------------------------------------------------------


@task("prepare")
def prepare(lab: LabView) -> Iterator[Finding]:
    ready = addresses(lab, "new-shop")
    yield expect(
        criterion=_("the Service new-shop has at least {n} addresses that are ready").format(n=PODS_WANTED),
        ok=len(ready) >= PODS_WANTED,
        found=_("{n} ready").format(n=len(ready)),
        wanted=_("{n} or more").format(n=PODS_WANTED),
        why=_("A release to a Service without addresses is a release to nobody, and nothing warns of it."),
        look=_('`kube.list("pod", namespace=lab.namespace)`: do the Pods run, and are they ready? Then their events.'),
    )
    answers = inside(lab, ["new-shop:80", *ready[:2]]) if ready else []
    yield expect(
        criterion=_("asked inside the cluster, new-shop answers on port 80, and only with version {new}").format(
            new=NEW
        ),
        ok=answers and all(version == NEW for _address, version in answers),
        found=", ".join(f"{address}: {version or _('no answer')}" for address, version in answers)
        or _("nobody to ask"),
        wanted=_("{new} from each").format(new=NEW),
        why=_("Try the new version where no customer can see it, before the entrance knows of it."),
        look=_("Which version do its Pods say that they are, and which Pods does the Service select?"),
    )
    seen = look(lab, SHOP, PLAIN, OLD)
    yield expect(
        gate=True,
        criterion=_("no customer of {host} meets A' yet, and none is lost").format(host=SHOP),
        ok=only(seen, OLD),
        found=told(seen),
        wanted=_("{all} of {all} from {old}").format(all=seen.total, old=OLD),
        why=_("Bringing a version up and releasing it are two steps. Only the second concerns customers."),
        look=_("Which Service does the Ingress of {host} name?").format(host=SHOP),
    )


@task("by-request")
def by_request(lab: LabView) -> Iterator[Finding]:
    # The many first: once they are with A, what is seen next is no leftover of an earlier state.
    yield _all_at(lab, SHOP, STRANGERS, OLD, _("Whoever isn't meant to test stays with A."), gate=True)
    seen = look(lab, SHOP, header("bar"), NEW)
    yield _arrives(SHOP, header("bar"), seen, NEW, _("This is the half of scenario 1 that a header rule can say."))
    seen = look(lab, SHOP, cookie("foo=always"), NEW)
    why = _("A canary by cookie knows two values, and always is the one that leads to it.")
    yield _arrives(SHOP, cookie("foo=always"), seen, NEW, why)


@task("word-for-word")
def word_for_word(lab: LabView) -> Iterator[Finding]:
    others = [PLAIN, header("barista"), *LIKE_COOKIES]
    yield _all_at(lab, GATE, others, OLD, _("A rule that takes too much releases to people who never asked for it."))
    seen = look(lab, GATE, header("bar"), NEW)
    yield _arrives(GATE, header("bar"), seen, NEW, _("The header half of scenario 1."))
    for request in COOKIES:
        seen = look(lab, GATE, request, NEW)
        yield _arrives(GATE, request, seen, NEW, _("A browser sends all its cookies in one line, in any order."))


@task("switch")
def switch(lab: LabView) -> Iterator[Finding]:
    why = _("All means all: also a request that a rule of the test time still sends elsewhere.")
    for host in (SHOP, GATE):
        yield _all_at(lab, host, EVERYBODY, NEW, why)


@task("retire")
def retire(lab: LabView) -> Iterator[Finding]:
    left = remains(lab)
    yield expect(
        criterion=_("nothing of A is left: no Deployment, Service or Pod of old-shop"),
        ok=not left,
        found=", ".join(left) or _("nothing"),
        wanted=_("nothing"),
        why=_("A version that nobody needs still costs what it requests, and somebody may send customers to it."),
        look=_('`kube.delete("deployment", ..., namespace=lab.namespace)`, and so on; a Pod drains for 5 s first.'),
    )
    rules = canaries(lab)
    yield expect(
        gate=True,
        criterion=_("no canary rule is left"),
        ok=not rules,
        found=", ".join(rules) or _("none"),
        wanted=_("none"),
        why=_("A canary that outlives its release surprises the next one."),
        look=_('`kube.list("ingress", namespace=lab.namespace)`: which of them still call themselves a canary?'),
    )
    why = _("The old version may only go when nothing names it any more.")
    for host in (SHOP, GATE):
        yield _all_at(lab, host, [PLAIN, header("bar"), cookie("foo=never")], NEW, why)


def _arrives(host: str, request: Request, seen: Traffic, wanted: str, why: str) -> Finding:
    return expect(
        criterion=_("{host}: a request with {request} is answered by {wanted}").format(
            host=host, request=request[0], wanted=wanted
        ),
        ok=only(seen, wanted),
        found=told(seen),
        wanted=_("{all} of {all} from {wanted}").format(all=seen.total, wanted=wanted),
        why=why,
        look=_('`measure.traffic(lab.ingress_url, n=20, host="{host}", headers={headers})`').format(
            host=host, headers=request[1]
        ),
    )


def _all_at(lab: LabView, host: str, requests: Iterable[Request], wanted: str, why: str, gate: bool = False) -> Finding:
    """One finding about several kinds of requests; it names those that go astray."""
    requests = list(requests)
    astray = [
        (name, seen)
        for (name, headers) in requests
        if not only(seen := look(lab, host, (name, headers), wanted), wanted)
    ]
    return expect(
        gate=gate,
        criterion=_("{host}: {wanted} answers a request with {names}").format(
            host=host, wanted=wanted, names=_(" or ").join(name for name, _headers in requests)
        ),
        ok=not astray,
        found="\n".join(f"{name}: {told(seen)}" for name, seen in astray)
        or _("all of them are answered by {wanted}").format(wanted=wanted),
        wanted=_("each of them from {wanted}").format(wanted=wanted),
        why=why,
        look=_("Which rule takes the request that went astray? Read all rules for {host}.").format(host=host),
    )


# --- hints -----------------------------------------------------------------------------------------------


@hint("prepare")
def hint_prepare(lab: LabView) -> tuple[str, str]:
    service = lab.get("service", "new-shop")
    if service is None:
        return (
            _("There is no Service new-shop in {ns} yet.").format(ns=lab.namespace),
            _("Your file lies in `labs/10-canary-by-request/work`, and this task begins with applying it."),
        )
    if not addresses(lab, "new-shop"):
        return _hint_pods(lab, service)
    answers = inside(lab, ["new-shop:80"])
    return (
        _("The Service has addresses. Ask who answers there, and who answers the customers of {host}.").format(
            host=SHOP
        ),
        _("Inside the cluster new-shop answers with: {version}. Customers get: {seen}.").format(
            version=answers[0][1] if answers and answers[0][1] else _("nothing"), seen=told(look(lab, SHOP, PLAIN, OLD))
        ),
    )


@hint("by-request")
def hint_by_request(lab: LabView) -> tuple[str, str]:
    rules = [one for one in lab.list("ingress") if is_canary(one)]
    if not rules:
        return (
            _("No Ingress in {ns} says that it is a canary.").format(ns=lab.namespace),
            _('An Ingress is one as soon as it has the annotation `canary` with the value `"true"`. Is yours applied?'),
        )
    return _hint_canary(lab, rules)


@hint("word-for-word")
def hint_word_for_word(lab: LabView) -> tuple[str, str]:
    routes = [one for one in lab.list("httproute") if GATE in (one["spec"].get("hostnames") or [])]
    if not routes:
        return (
            _("No HTTPRoute in {ns} speaks of {host}.").format(ns=lab.namespace, host=GATE),
            _("The entrance answers 404 for a host that nobody names. Is your file applied, with that host in it?"),
        )
    troubles = [trouble for one in routes for trouble in false_conditions(one)]
    if troubles:
        return (
            _("The route is not happy. An HTTPRoute says how it fares in its status, under `parents`."),
            _("There it says: {troubles}. Compare with the Services and their ports.").format(
                troubles="; ".join(troubles)
            ),
        )
    return _hint_matches(lab)


@hint("switch")
def hint_switch(lab: LabView) -> tuple[str, str]:
    astray = [(h, name, seen) for h in (SHOP, GATE) for name, seen in _astray(lab, h, EVERYBODY, NEW)]
    if not astray:
        return _("Every kind of request meets A' on both ways in."), _('Run the check again: `lab.check("switch")`.')
    hosts = sorted({host for host, _name, _seen in astray})
    names = ", ".join(f"{name} ({host})" for host, name, _seen in astray[:3])
    old = [
        f"{kind} {one['metadata']['name']}"
        for kind in ("ingress", "httproute")
        for one in lab.list(kind)
        if "old-shop" in backends(one)
    ]
    return (
        _("Some requests still meet A or nobody, at {hosts}.").format(hosts=_(" and ").join(hosts)),
        _("For example: {names}. The Service old-shop is still named by: {old}.").format(
            names=names, old=", ".join(old) or _("nobody")
        ),
    )


@hint("retire")
def hint_retire(lab: LabView) -> tuple[str, str]:
    left, rules = remains(lab), canaries(lab)
    naming = [
        f"{kind} {one['metadata']['name']}"
        for kind in ("ingress", "httproute")
        for one in lab.list(kind)
        if "old-shop" in backends(one)
    ]
    if naming:
        return (
            _("Before A goes: does anybody still send customers to it?"),
            _("old-shop is still named by {naming}.").format(naming=", ".join(naming)),
        )
    return (
        _("Look at what belongs to the release and not to the shop; {n} left.").format(n=len(left) + len(rules)),
        _("They are: {left}.").format(left=", ".join([*left, *rules]) or _("none; run the check again")),
    )


def _hint_pods(lab: LabView, service: dict[str, Any]) -> tuple[str, str]:
    wanted = service["spec"].get("selector") or {}
    pods = [
        pod for pod in lab.list("pod") if wanted and wanted.items() <= (pod["metadata"].get("labels") or {}).items()
    ]
    first = _("The Service new-shop is there and has nobody to hand a request to.")
    if not pods:
        return first, _("It looks for Pods with {labels}; no Pod carries that.").format(labels=pairs(wanted))
    name = pods[0]["metadata"]["name"]
    return first, _(
        "{n} Pods carry its labels, so ask why they are not ready. The last event of {pod}: {event}"
    ).format(n=len(pods), pod=name, event=(lab.events("pod", name) or [_("none yet")])[-1])


def _hint_canary(lab: LabView, rules: list[dict[str, Any]]) -> tuple[str, str]:
    """A canary may stand in the wrong place, lead nowhere, or choose the wrong requests; in this order."""
    mains = {place for one in lab.list("ingress") if not is_canary(one) for place in places(one)}
    lost = [place for one in rules for place in places(one) if place not in mains]
    if lost:
        return (
            _("A canary stands in for an Ingress that has the same host, path and pathType. Yours finds none."),
            _("The canary is for {lost}; the main rules here are for {mains}.").format(
                lost=", ".join(" ".join(place) for place in lost),
                mains=", ".join(" ".join(place) for place in sorted(mains)),
            ),
        )
    empty = sorted({name for one in rules for name in backends(one) if not addresses(lab, name)})
    if empty:
        return (
            _("A canary whose Service has no addresses is passed over without a word."),
            _("No addresses: {names}.").format(names=", ".join(empty)),
        )
    return _hint_rules(lab)


def _hint_rules(lab: LabView) -> tuple[str, str]:
    missed = [name for name, _seen in _astray(lab, SHOP, [header("bar"), cookie("foo=always")], NEW)]
    taken = [name for name, _seen in _astray(lab, SHOP, STRANGERS, OLD)]
    if not missed and not taken:
        return _("Every request goes where it should."), _('Run the check again: `lab.check("by-request")`.')
    return (
        _("The canary is in force. Now compare, request by request, whom it takes with whom it should take."),
        _("Not taken, but should be: {missed}. Taken, but should not be: {taken}. The chapter's table says what each annotation asks for.").format(
            missed=", ".join(missed) or _("none"), taken=", ".join(taken) or _("none")
        ),
    )  # fmt: skip


def _hint_matches(lab: LabView) -> tuple[str, str]:
    missed = [name for name, _seen in _astray(lab, GATE, [header("bar"), *COOKIES], NEW)]
    taken = [name for name, _seen in _astray(lab, GATE, [PLAIN, header("barista"), *LIKE_COOKIES], OLD)]
    if not missed and not taken:
        return _("Every request goes where it should."), _('Run the check again: `lab.check("word-for-word")`.')
    return (
        _("The route is accepted. Entries under `matches` are alternatives; conditions within an entry must all hold."),
        _("Not taken, but should be: {missed}. Not left with A, but should be: {taken}. A cookie arrives in the header Cookie, "
          "with its neighbours.").format(missed=", ".join(missed) or _("none"), taken=", ".join(taken) or _("none")),
    )  # fmt: skip


# --- looking ---------------------------------------------------------------------------------------------


def look(lab: LabView, host: str, request: Request, wanted: str) -> Traffic:
    """Some requests of one kind. A connection each, so that both replicas of the ingress are asked."""
    return lab.sample(
        0.0, HIDDEN_SHARE, host=host, headers=request[1], keepalive=False, until=lambda t: only(t, wanted)
    )


def _astray(lab: LabView, host: str, requests: Iterable[Request], wanted: str) -> list[tuple[str, Traffic]]:
    looked = [
        (request[0], lab.sample(0.0, HIDDEN_SHARE, host=host, headers=request[1], keepalive=False))
        for request in requests
    ]
    return [(name, seen) for name, seen in looked if not only(seen, wanted)]


def places(ingress: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(host, path, pathType) of every rule."""
    return [
        (rule.get("host", "*"), path.get("path", "/"), path["pathType"])
        for rule in ingress["spec"].get("rules") or []
        for path in (rule.get("http") or {}).get("paths") or []
    ]


def remains(lab: LabView) -> list[str]:
    """What is left of A: its Deployment, its Service, and Pods that have not ended."""
    kinds = [f"{kind} old-shop" for kind in ("deployment", "service") if lab.exists(kind, "old-shop")]
    return kinds + [f"pod {pod['metadata']['name']}" for pod in lab.list("pod", "app=old-shop")]
