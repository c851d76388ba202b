"""Scenario 2: a fifth of the customers meets B', then all do, then B goes and nobody notices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from acplab.base.i18n import _
from acplab.grading.checks import Finding, LabView, expect, hint, task
from acplab.topics.release.ingress import (
    ANNOTATION,
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

CART, GATE = "cart.weight.example.com", "gw.weight.example.com"
OLD, NEW = "v1", "v2"
PODS_WANTED = 2

# 524 requests tell 20 % from 25 %: Traefik deals the share out evenly, so 25 % never passes; ingress-nginx
# draws it, and its 20 % would be refused once in a hundred checks.
WANTED_SHARE, MARGIN, SURE = 0.20, 0.045, 0.99
HIDDEN_SHARE = 0.03  # 128 answers without a single one from B: its share is below 3 % (95 % sure)
LOST_SHARE = 0.01  # 381 requests without a loss: fewer than 1 % are lost (95 % sure)
RECORD, RETIRED, AFTERMATH = "retirement", "retired", 2.0


# --- the tasks -------------------------------------------------------------------------------------------


@task("find-the-gap")
def find_the_gap(lab: LabView) -> Iterator[Finding]:
    ready = addresses(lab, "new-cart")
    yield expect(
        criterion=_("the Service new-cart has at least {n} addresses that are ready").format(n=PODS_WANTED),
        ok=len(ready) >= PODS_WANTED,
        found=_("{n} ready").format(n=len(ready)),
        wanted=_("{n} or more").format(n=PODS_WANTED),
        why=_("A canary whose Service has no addresses is passed over without a word: all stay with B."),
        look=_('`kube.list("endpointslice", namespace=lab.namespace)`: whom has the Service found?'),
    )
    answers = inside(lab, ["new-cart:80", *ready[:2]]) if ready else []
    yield expect(
        criterion=_("asked inside the cluster, new-cart answers on port 80, and only with version {new}").format(
            new=NEW
        ),
        ok=answers and all(version == NEW for _address, version in answers),
        found=", ".join(f"{address}: {version or _('no answer')}" for address, version in answers)
        or _("nobody to ask"),
        wanted=_("{new} from each").format(new=NEW),
        why=_("A Service that also finds the Pods of B would make every share that you measure later wrong."),
        look=_("Which labels does the Service select, and which Pods carry them?"),
    )


@task("twenty-percent")
def twenty_percent(lab: LabView) -> Iterator[Finding]:
    yield from _a_fifth(lab, CART)


@task("second-way-in")
def second_way_in(lab: LabView) -> Iterator[Finding]:
    yield from _a_fifth(lab, GATE)


@task("staff-first")
def staff_first(lab: LabView) -> Iterator[Finding]:
    yield _all_new(lab, GATE)


@task("retire")
def retire(lab: LabView) -> Iterator[Finding]:
    yield from _recorded(lab.recall(RECORD) or {})
    left = remains(lab)
    yield expect(
        criterion=_("nothing of B is left: no Deployment, Service or Pod of old-cart"),
        ok=not left,
        found=", ".join(left) or _("nothing"),
        wanted=_("nothing"),
        why=_("A version that nobody needs still costs what it requests, and somebody may send customers to it."),
        look=_('`kube.delete("deployment", "old-cart", namespace=lab.namespace)`; its Pods drain for 5 s first.'),
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
    for host in (CART, GATE):
        yield _all_new(lab, host)


def _a_fifth(lab: LabView, host: str) -> Iterator[Finding]:
    """Whether 20 % get B'. The big sample is only drawn once a small one looks like it.

    For a moment one replica of the ingress has heard of a change and the other hasn't; that is half the share.
    """
    seen = lab.sample(0.0, HIDDEN_SHARE, host=host, keepalive=False, until=_about_a_fifth)
    if _about_a_fifth(seen):
        seen = lab.traffic(host=host, n=_needed(), keepalive=False)
    share = seen.share(NEW)
    yield expect(
        criterion=_("{host}: B' ({new}) gets 20 % of the requests").format(host=host, new=NEW),
        ok=share.n and abs(share.estimate - WANTED_SHARE) < MARGIN,
        found=f"{share}",
        wanted=_("20 %, give or take {margin:.1f}").format(margin=100 * MARGIN),
        why=_(
            "The share is what you promised whoever carries the risk. Fewer tells you too little, more risks too much."
        ),
        look=_('`measure.traffic(lab.ingress_url, n=500, host="{host}").share("{new}")`').format(host=host, new=NEW),
    )
    yield expect(
        gate=host == CART,  # nobody had to do anything for this where B has always answered
        criterion=_("{host}: no request is lost").format(host=host),
        ok=not seen.failed,
        found=told(seen),
        wanted=_("no failure in {n} requests").format(n=seen.total),
        why=_("A share of a service that fails is no release."),
        look=_("Does every Service that is named exist, with that port, and has it addresses?"),
    )


def _about_a_fifth(seen: Traffic) -> bool:
    return not seen.failed and abs(seen.share(NEW).estimate - WANTED_SHARE) < 2 * MARGIN


def _needed() -> int:
    from acplab import measure

    return measure.sample_for_margin(WANTED_SHARE, MARGIN, SURE)


def _all_new(lab: LabView, host: str) -> Finding:
    seen = lab.sample(0.0, HIDDEN_SHARE, host=host, keepalive=False, until=lambda t: only(t, NEW))
    return expect(
        criterion=_("{host}: B' ({new}) answers every request").format(host=host, new=NEW),
        ok=only(seen, NEW),
        found=told(seen),
        wanted=_("{all} of {all} from {new}").format(all=seen.total, new=NEW),
        why=_("As long as one rule still names B, B may not go."),
        look=_("Which Services do the rules of {host} name, and with which weight?").format(host=host),
    )


def _recorded(load: dict[str, Any]) -> Iterator[Finding]:
    """What the learner's own load says about the moment that no check can see any more."""
    look = _('Run the load around your steps, then `lab.record("{name}", load.result)`.').format(name=RECORD)
    old, new = span(load, OLD), span(load, NEW)
    yield expect(
        criterion=_("the load that you recorded saw the switch: B at first, B' in the end"),
        ok=old and new and old[1] < new[1],
        found=_spans(load),
        wanted=_("{old} answers first, and {new} last").format(old=OLD, new=NEW),
        why=_("A load that starts when everything is over has nothing to tell."),
        look=look,
    )
    needed = _needed_loss()
    yield expect(
        criterion=_("it lost nothing"),
        ok=load.get("total", 0) >= needed and load.get("failed") == 0,
        found=_("{failed} of {total} requests failed").format(
            failed=load.get("failed", 0), total=load.get("total", 0)
        ),
        wanted=_("0, of at least {n} requests").format(n=needed),
        why=_("With {n} requests and no loss you may say: fewer than 1 % are lost. With 50 you may say little.").format(n=needed),
        look=_("What was lost tells which step came too early: `load.result.errors`, `show.timeline(load.result)`."),
    )  # fmt: skip
    at, end = marked(load), new[1] if new else 0.0
    yield expect(
        criterion=_('it went on for {s:.0f} s after B was gone, your mark "{mark}"').format(s=AFTERMATH, mark=RETIRED),
        ok=at is not None and end - at >= 0.85 * AFTERMATH,
        found=_("no such mark") if at is None else _("{s:.1f} s").format(s=end - at),
        wanted=_("{s:.0f} s or more").format(s=AFTERMATH),
        why=_("The entrance hears of a change up to 2 s later; a load that ends before would miss the loss."),
        look=_('`load.mark("{mark}")` as soon as B is deleted, and only then the last 2 seconds.').format(mark=RETIRED),
    )


def _needed_loss() -> int:
    from acplab import measure

    return measure.sample_for_margin(0.0, LOST_SHARE)


# --- hints -----------------------------------------------------------------------------------------------


@hint("find-the-gap")
def hint_find_the_gap(lab: LabView) -> tuple[str, str]:
    service = lab.get("service", "new-cart")
    if service is None:
        return (
            _("There is no Service new-cart in {ns} yet.").format(ns=lab.namespace),
            _("Your file lies in `labs/10-canary-by-weight/work`, and this task begins with applying it."),
        )
    wanted = service["spec"].get("selector") or {}
    carried = sorted({pairs(pod["metadata"]["labels"], "app") for pod in lab.list("pod")})
    found = addresses(lab, "new-cart")
    if found:
        answers = ", ".join(f"{address}: {version}" for address, version in inside(lab, found))
        return (
            _("The Service has addresses. Whose are they?"),
            _("Asked inside the cluster, they answer: {answers}.").format(answers=answers),
        )
    return (
        _("Its Pods run, and the Service has no addresses: it doesn't find them."),
        _("It looks for {wanted}. The Pods here carry: {labels}.").format(
            wanted=pairs(wanted), labels=", ".join(carried)
        ),
    )


@hint("twenty-percent")
def hint_twenty_percent(lab: LabView) -> tuple[str, str]:
    rules = [one for one in lab.list("ingress") if is_canary(one)]
    if not rules:
        return (
            _("No Ingress in {ns} says that it is a canary.").format(ns=lab.namespace),
            _(
                'An Ingress is one as soon as it has the annotation `canary` with the value `"true"`. Which of yours has?'
            ),
        )
    empty = sorted({name for one in rules for name in backends(one) if not addresses(lab, name)})
    if empty:
        return (
            _("A canary whose Service has no addresses is passed over without a word."),
            _("No addresses: {names}. That is task 1.").format(names=", ".join(empty)),
        )
    return _hint_share(lab, CART, "; ".join(_rule_words(one) for one in lab.list("ingress")))


@hint("second-way-in")
def hint_second_way_in(lab: LabView) -> tuple[str, str]:
    routes = [one for one in lab.list("httproute") if GATE in (one["spec"].get("hostnames") or [])]
    if not routes:
        return (
            _("No HTTPRoute in {ns} speaks of {host}.").format(ns=lab.namespace, host=GATE),
            _("The entrance answers 404 for a host that nobody names. Is your file applied, with that host in it?"),
        )
    if not any((one.get("status") or {}).get("parents") for one in routes):
        return (
            _(
                "An HTTPRoute says how it fares in its status, under `parents`. Yours has none: no Gateway has taken it up."
            ),
            _("Your route looks for {wanted}. The Gateways of this cluster: {there}.").format(
                wanted=", ".join(_parents(one, lab.namespace) for one in routes), there=_gateways(lab)
            ),
        )
    troubles = [trouble for one in routes for trouble in false_conditions(one)]
    if troubles:
        return (
            _("An HTTPRoute says how it fares in its status, under `parents`. Yours isn't content."),
            _("It says: {troubles}. The Services here: {there}.").format(
                troubles="; ".join(troubles), there=", ".join(one["metadata"]["name"] for one in lab.list("service"))
            ),
        )
    return _hint_share(lab, GATE, "; ".join(_route_words(one) for one in routes))


@hint("staff-first")
def hint_staff_first(lab: LabView) -> tuple[str, str]:
    routes = [one for one in lab.list("httproute") if GATE in (one["spec"].get("hostnames") or [])]
    troubles = [trouble for one in routes for trouble in false_conditions(one)]
    return (
        _("At {host} now: {seen}.").format(host=GATE, seen=told(lab.sample(0.0, HIDDEN_SHARE, host=GATE))),
        _("Its rules name: {named}. The route's complaints: {troubles}.").format(
            named="; ".join(_route_words(one) for one in routes) or _("nothing"),
            troubles="; ".join(troubles) or _("none"),
        ),
    )


@hint("retire")
def hint_retire(lab: LabView) -> tuple[str, str]:
    open_ = [f for f in _recorded(lab.recall(RECORD) or {}) if not f.ok]
    naming = [
        f"{kind} {one['metadata']['name']}"
        for kind in ("ingress", "httproute")
        for one in lab.list(kind)
        if "old-cart" in backends(one)
    ]
    if naming:
        return (
            _("Before B goes: does anybody still send customers to it?"),
            _("old-cart is still named by {naming}.").format(naming=", ".join(naming)),
        )
    if open_ and not remains(lab):
        return (
            _("B is gone, but your record doesn't show that it went well: {what}.").format(what=open_[0].criterion),
            _("It shows: {found}. To run it once more, bring B back as setup/10-old-cart.yaml has it, give it the customers again, "
              "and repeat.").format(found=open_[0].found),
        )  # fmt: skip
    left = [*remains(lab), *canaries(lab)]
    return (
        _("Look at what belongs to the release and not to the cart; {n} left.").format(n=len(left)),
        _("They are: {left}.").format(left=", ".join(left) or _("none; run the check again")),
    )


def _hint_share(lab: LabView, host: str, rules: str) -> tuple[str, str]:
    seen = lab.traffic(host=host, n=200)
    return (
        _("At {host} now: {share} get B'. Who is the main version there, and who the newcomer?").format(
            host=host, share=seen.share(NEW)
        ),
        _("The rules say: {rules}. A weight counts as a part of its total, which is 100 (annotations) or the sum of all weights "
          "(HTTPRoute).").format(rules=rules),
    )  # fmt: skip


def _rule_words(ingress: dict[str, Any]) -> str:
    notes = ingress["metadata"].get("annotations") or {}
    said = ", ".join(f"{k.removeprefix(ANNOTATION)}={v}" for k, v in notes.items() if k.startswith(ANNOTATION))
    return f"{ingress['metadata']['name']} -> {', '.join(backends(ingress))} ({said or _('no annotations')})"


def _route_words(route: dict[str, Any]) -> str:
    refs = [ref for rule in route["spec"].get("rules") or [] for ref in rule.get("backendRefs") or []]
    return f"{route['metadata']['name']} -> " + ", ".join(
        f"{ref['name']}:{ref.get('port')} ({_('weight')} {ref.get('weight', 1)})" for ref in refs
    )


def _parents(route: dict[str, Any], namespace: str) -> str:
    """ "namespace/name" of the Gateways that a route asks for; without a namespace it asks in its own."""
    refs = route["spec"].get("parentRefs") or []
    return ", ".join(f"{ref.get('namespace', namespace)}/{ref['name']}" for ref in refs) or _("no Gateway at all")


def _gateways(lab: LabView) -> str:
    found = lab.list("gateway", namespace="*")
    return ", ".join(f"{one['metadata']['namespace']}/{one['metadata']['name']}" for one in found)


# --- looking ---------------------------------------------------------------------------------------------


def span(load: dict[str, Any], version: str) -> tuple[float, float] | None:
    """(first, last) answer of a version in the recorded load, seconds since its start."""
    seen = (load.get("by_version") or {}).get(version)
    return (seen["first"], seen["last"]) if seen else None


def _spans(load: dict[str, Any]) -> str:
    spans = {version: span(load, version) for version in load.get("by_version") or {}}
    words = [f"{version}: {seen[0]:.1f}-{seen[1]:.1f} s" for version, seen in spans.items() if seen]
    return ", ".join(words) or _("nothing is recorded")


def marked(load: dict[str, Any]) -> float | None:
    """When the learner marked that B was gone, seconds since the start of the load."""
    return next((t for t, words in load.get("marks") or [] if words.strip().lower() == RETIRED), None)


def remains(lab: LabView) -> list[str]:
    """What is left of B: its Deployment, its Service, and Pods that have not ended."""
    kinds = [f"{kind} old-cart" for kind in ("deployment", "service") if lab.exists(kind, "old-cart")]
    return kinds + [f"pod {pod['metadata']['name']}" for pod in lab.list("pod", "app=old-cart")]
