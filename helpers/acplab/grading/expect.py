"""What a check can expect. Each function gives one Result; `text` is its key in the lab's criteria.yaml.

Whatever else a function is given fills the {fields} of the prose, beside {found} and {wanted}.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from acplab.base.i18n import _
from acplab.grading import notes
from acplab.grading.loads import RecordedLoad
from acplab.grading.prose import listed
from acplab.grading.results import Result
from acplab.grading.view import LabView

if TYPE_CHECKING:
    from acplab.measure import Traffic

LATENESS = 0.85  # of the seconds that a load should have gone on: the last request leaves before the end


def met(text: str, ok: Any, found: Any, wanted: Any = "", **values: Any) -> Result:
    """Any other expectation. ok is taken as a truth value. wanted may come from criteria.yaml instead."""
    return Result(text, bool(ok), str(found), str(wanted), values)


# --- objects -----------------------------------------------------------------------------------------------


def ready_pods(lab: LabView, at_least: int, text: str, selector: str | None = None) -> Result:
    """So many Pods are ready."""
    pods = lab.pods(selector, ready=False)
    ready = len(lab.pods(selector))
    found = _("{ready} of {all} Pods are ready").format(ready=ready, all=len(pods))
    return met(text, ready >= at_least, found, _("at least {n} ready").format(n=at_least), n=at_least)


def ready_endpoints(lab: LabView, service: str, at_least: int, text: str) -> Result:
    """A Service has so many ready endpoints."""
    n = len(lab.endpoints(service))
    if n < at_least:
        lab.settle()  # the API notes endpoints a moment after a Service or its Pods have changed
        n = len(lab.endpoints(service))
    found, wanted = _("{n} ready").format(n=n), _("{n} or more").format(n=at_least)
    return met(text, n >= at_least, found, wanted, service=service, n=at_least)


def answers_inside(lab: LabView, service: str, version: str, text: str) -> Result:
    """Asked inside the cluster, a Service ("NAME:PORT") and two of its endpoints answer with this version only."""
    ready = lab.endpoints(service.partition(":")[0])
    answers = lab.versions_inside([service, *ready[:2]]) if ready else {}
    found = ", ".join(f"{target}: {seen or _('no answer')}" for target, seen in answers.items())
    ok = answers and set(answers.values()) == {version}
    wanted = _("{version} from each").format(version=version)
    return met(text, ok, found or _("there is no endpoint to ask"), wanted, service=service, version=version)


def gone(lab: LabView, *objects: str, text: str, pods: str | None = None) -> Result:
    """None of these ("deployment/old-cart") is left, and no Pod with the labels `pods`, also none that drains."""
    left = [one for one in objects if lab.exists(*one.split("/", 1))]
    left += [f"pod/{one['metadata']['name']}" for one in (lab.list("pod", pods) if pods else [])]
    return met(text, not left, listed(left), _("none"))


# --- traffic -----------------------------------------------------------------------------------------------


def share(seen: Traffic, version: str, share: float, margin: float, text: str, **values: Any) -> Result:
    """A version has answered this share (0..1) of the requests, within the margin."""
    measured = seen.share(version)
    ok = measured.n and abs(measured.estimate - share) < margin
    wanted = _("{share:.0f} %, give or take {margin:.1f}").format(share=100 * share, margin=100 * margin)
    return met(text, ok, measured, wanted, version=version, share=f"{share:.0%}", **values)


def no_failures(seen: Traffic, text: str, **values: Any) -> Result:
    """No request has failed, and some were sent."""
    wanted = _("no failure in {n} requests").format(n=seen.total)
    return met(text, seen.total and not seen.failed, answers_of(seen), wanted, **values)


def answered_by_lab(lab: LabView, seen: Traffic, text: str, **values: Any) -> Result:
    """Pods of the lab's own namespace have answered every request; those of another one would not do."""
    mine = lab.answered(seen)
    found = _("{mine} of {all} requests were answered by Pods of {namespace}").format(
        mine=mine, all=seen.total, namespace=lab.namespace
    )
    wanted = _("{all} of {all}").format(all=seen.total)
    return met(text, mine == seen.total, "; ".join([found, *_each(seen.errors)]), wanted, **values)


def answers_of(seen: Traffic) -> str:
    """What came back, in words."""
    versions = [
        _("{n} of {all} from {version}").format(n=n, all=seen.total, version=v) for v, n in seen.by_version.items()
    ]
    return ", ".join([*versions, *_each(seen.errors)]) or _("no answer")


def _each(errors: Mapping[str, int]) -> list[str]:
    """Reads like: 2 x http 404."""
    return [f"{n} x {error}" for error, n in errors.items()]


# --- loads that the learner has recorded -------------------------------------------------------------------


def switched(load: RecordedLoad, old: str, new: str, text: str) -> Result:
    """The load has seen both versions, and the new one last."""
    before, after = load.spans.get(old), load.spans.get(new)
    wanted = _("{old} answers first, and {new} last").format(old=old, new=new)
    return met(text, before and after and before.last < after.last, load.words(), wanted, old=old, new=new)


def lossless(load: RecordedLoad, below: float, text: str) -> Result:
    """The load has lost nothing, and is long enough to say that less than a share `below` (0..1) is lost."""
    from acplab import measure

    needed = measure.sample_for_margin(0.0, below)
    found = _("{failed} of {total} requests failed").format(failed=load.failed, total=load.total)
    wanted = _("0, of at least {n} requests").format(n=needed)
    ok = load.total >= needed and not load.failed
    return met(text, ok, "; ".join([found, *_each(load.errors)]), wanted, n=needed)


def went_on_after(load: RecordedLoad, mark: str, version: str, seconds: float, text: str) -> Result:
    """A version has gone on answering for so many seconds after the mark."""
    at, span = load.marked(mark), load.spans.get(version)
    went_on = span.last - at if at is not None and span else 0.0
    found = _("no such mark") if at is None else _("{s:.1f} s").format(s=went_on)
    wanted = _("{s:.0f} s or more").format(s=seconds)
    return met(text, went_on >= LATENESS * seconds, found, wanted, mark=mark, seconds=f"{seconds:.0f}")


# --- what the learner has noted ----------------------------------------------------------------------------


def noted(lab: LabView, path: str, truth: Any, text: str = "", wanted: str = "", **values: Any) -> Result:
    """The note "way.block" equals the truth: a value, or one of several in a list or set; None is never right.

    text: the path itself if it is not given. The prose has the path as {path}.
    """
    kind, value = lab.kind(path), lab.noted(path)
    several = truth if isinstance(truth, list | set | tuple) else [truth]
    right = {notes.canonical(kind, one) for one in several if one is not None and notes.is_of(kind, one)}
    found = _("nothing is noted") if value is None else value
    return met(text or path, value in right, found, wanted or notes.described(kind), path=path, **values)


# --- the Pod network ---------------------------------------------------------------------------------------


def addresses_in(lab: LabView, pods: Iterable[dict[str, Any]], inside: Any, at_least: int, text: str) -> Result:
    """So many of the Pods have an address of their own in a range, or in that of their node (node -> range)."""
    from ipaddress import IPv4Address, IPv4Network

    def home(pod: dict[str, Any]) -> IPv4Network:
        return IPv4Network(str(inside[pod["spec"]["nodeName"]] if isinstance(inside, dict) else inside))

    placed = {ip for pod in pods if (ip := pod["status"].get("podIP")) and IPv4Address(ip) in home(pod)}
    found = _("{n} different addresses in range").format(n=len(placed))
    return met(text, len(placed) >= at_least, found, _("at least {n}").format(n=at_least), n=at_least)


def all_reach_all(lab: LabView, askers: list[str], targets: list[str], text: str, timeout: str = "1s") -> Result:
    """Each of these Pods (names) is answered by each target ("ADDRESS:PORT")."""
    answers = {pod: lab.answers(pod, targets, timeout) for pod in askers} if targets else {}
    found = "\n".join(_("{pod}: {words}").format(pod=pod, words=one.text) for pod, one in answers.items())
    ok = answers and all(one.ok for one in answers.values())
    return met(text, ok, found or _("there is no Pod to ask"), _("an answer from each"), n=len(targets))
