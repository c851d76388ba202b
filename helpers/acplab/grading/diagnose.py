"""Hints that several labs need, as ladders: a function of the view that gives two texts, or None if it does not apply.

A hint never gives the answer: it says what is there now, and where to look.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from acplab.base.i18n import _
from acplab.grading.checks import Ladder, Words
from acplab.grading.expect import answers_of
from acplab.grading.prose import listed
from acplab.grading.view import LabView
from acplab.kube import Object

Two = tuple[str, str]


def say(key: str, when: Callable[[LabView], Any] | None = None, **values: Any) -> Ladder:
    """A hint of criteria.yaml, if `when` holds. A value that is a function is asked with the view."""

    def ladder(lab: LabView) -> Words | None:
        if when is not None and not when(lab):
            return None
        return Words(key, _filled(lab, values))

    return ladder


def service(name: str) -> Ladder:
    """Why a Service leads nowhere: it is not there, selects no Pod, or selects Pods that are not ready."""

    def ladder(lab: LabView) -> Two | None:
        found = lab.get("service", name)
        if found is None:
            return _missing_service(lab, name)
        if lab.endpoints(name):
            return None
        return _no_endpoints(lab, name, found["spec"].get("selector") or {})

    return ladder


def _missing_service(lab: LabView, name: str) -> Two:
    there = listed(one["metadata"]["name"] for one in lab.list("service"))
    return (
        _("There is no Service {name} in {namespace}.").format(name=name, namespace=lab.namespace),
        _("The Services there are: {there}. Is your file applied?").format(there=there),
    )


def _no_endpoints(lab: LabView, name: str, selector: dict[str, str]) -> Two:
    first = _("The Service {name} has no ready endpoint, so requests stop there.").format(name=name)
    pods = [pod for pod in lab.pods(ready=False) if carries(pod, selector)]
    if pods:
        return first, _("{n} Pods carry its labels, but are not ready. {event}").format(
            n=len(pods), event=last_event(lab, pods[0])
        )
    scaled_down = [one["metadata"]["name"] for one in lab.list("deployment") if wants_none(one, selector)]
    if scaled_down:
        return first, _("Its Pods come from the Deployment {names}, which wants 0 of them.").format(
            names=listed(scaled_down)
        )
    if not lab.pods(ready=False):
        return first, _("There is no Pod in {namespace}. How many replicas does its Deployment want?").format(
            namespace=lab.namespace
        )
    carried = sorted({labels_of(pod["metadata"].get("labels") or {}, *selector) for pod in lab.pods(ready=False)})
    return first, _("It selects Pods with {wanted}. The Pods there carry: {carried}.").format(
        wanted=labels_of(selector), carried=listed(carried)
    )


def whose_endpoints(name: str) -> Ladder:
    """A Service that has endpoints: which version they answer with."""

    def ladder(lab: LabView) -> Two | None:
        found = lab.endpoints(name)
        if not found:
            return None
        answers = ", ".join(
            f"{target}: {seen or _('no answer')}" for target, seen in lab.versions_inside(found).items()
        )
        return (
            _("The Service {name} has endpoints. Which Pods are they?").format(name=name),
            _("Asked inside the cluster, they answer: {answers}.").format(
                answers=answers or _("there is no Pod to ask")
            ),
        )

    return ladder


def pods(selector: str | None = None) -> Ladder:
    """Pods that are not ready: the last event of one of them. With no Pod at all, that."""

    def ladder(lab: LabView) -> Two | None:
        found = lab.pods(selector, ready=False)
        waiting = [pod for pod in found if pod not in lab.pods(selector)]
        if not found:
            return (
                _("There is no Pod in {namespace}.").format(namespace=lab.namespace),
                _('Is your file applied? `kube.list("deployment", namespace=lab.namespace)` shows what is there.'),
            )
        if not waiting:
            return None
        return (
            _("{n} of {all} Pods are not ready. What are they waiting for?").format(n=len(waiting), all=len(found)),
            last_event(lab, waiting[0]),
        )

    return ladder


def notes(key: str, then: str, **values: Any) -> Ladder:
    """Which fields of a note are missing or not right; the second tier is the hint `then` of criteria.yaml.

    {fields} and {noted} of its texts are filled in as well.
    """

    def ladder(lab: LabView) -> Words | None:
        wrong = {result.values.get("path") for result in lab.open_results()}
        paths = [path for path in lab.fields(key) if path in wrong]
        if not paths:
            return None
        fields = listed(path.rpartition(".")[2] for path in paths)
        return Words(then, {"fields": fields, "noted": _noted(lab, key), **_filled(lab, values)})

    return ladder


def _noted(lab: LabView, key: str) -> str:
    noted = {path.rpartition(".")[2]: lab.noted(path) for path in lab.fields(key)}
    return listed(f"{name}={value}" for name, value in noted.items() if value is not None)


def recorded_load(key: str, then: str) -> Ladder:
    """A recorded load that does not show what it should; `then` of criteria.yaml has {claim} and {found} of the first."""

    def ladder(lab: LabView) -> Words | None:
        if not lab.open_results():
            return None
        first = lab.open_results()[0]
        return Words(then, {"claim": first.claim, "found": first.found, "key": key})

    return ladder


def traffic(then: str, request: Mapping[str, Any], **values: Any) -> Ladder:
    """What comes back to a request (the words of LabView.traffic) now; `then` of criteria.yaml has it as {seen}."""

    def ladder(lab: LabView) -> Words:
        return Words(then, {"seen": answers_of(lab.traffic(**request)), **request, **_filled(lab, values)})

    return ladder


def _filled(lab: LabView, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values; one that is a function is asked with the view."""
    return {name: one(lab) if callable(one) else one for name, one in values.items()}


# --- words -------------------------------------------------------------------------------------------------


def carries(pod: Object, selector: dict[str, str]) -> bool:
    """Whether a selector selects the Pod; an empty one selects none."""
    return bool(selector) and selector.items() <= (pod["metadata"].get("labels") or {}).items()


def wants_none(deployment: Object, selector: dict[str, str]) -> bool:
    """Whether a selector would select the Deployment's Pods, if it wanted any."""
    spec = deployment.get("spec", {})
    return spec.get("replicas") == 0 and carries(spec["template"], selector)


def labels_of(labels: dict[str, str], *keys: str) -> str:
    """Labels as kubectl writes them; keys: only these, if some are given."""
    chosen = {key: value for key, value in labels.items() if not keys or key in keys}
    return ",".join(f"{key}={value}" for key, value in chosen.items()) or _("no such label")


def last_event(lab: LabView, pod: Object) -> str:
    """What the cluster said of a Pod last."""
    name = pod["metadata"]["name"]
    return _("Last event of {pod}: {event}").format(pod=name, event=(lab.events("pod", name) or [_("none yet")])[-1])
