"""The first lab: does a storefront run, does the entrance reach it, and which version answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from acplab.base.i18n import _
from acplab.grading.checks import Finding, LabView, expect, hint, task
from acplab.topics.release.ingress import addresses

if TYPE_CHECKING:
    from acplab.measure import Traffic

HOST = "hello.example.com"
WANTED_VERSION = "v2"
# The ingress tries another Pod when one refuses, so a Pod that does not listen costs only a few percent:
# 120 requests see that, 40 may not. Fresh connections reach both replicas of the ingress.
REQUESTS = 120
CUSTOMERS: dict[str, Any] = {"host": HOST, "n": REQUESTS, "keepalive": False}


@task("first-check")
def first_check(lab: LabView) -> Iterator[Finding]:
    pods = lab.list("pod")
    yield expect(
        criterion=_("a storefront is ready in your namespace"),
        ok=any(_is_ready(pod) for pod in pods),
        found=_("{ready} of {all} Pods are ready").format(ready=sum(map(_is_ready, pods)), all=len(pods)),
        wanted=_("at least one Pod that is ready"),
        why=_("A check looks at what runs and is ready to serve, not at what stands in a file."),
        look=_after_apply(pods),
    )


@task("answer")
def answer(lab: LabView) -> Iterator[Finding]:
    seen = lab.traffic(until=lambda so_far: _mine(so_far, lab) == REQUESTS, **CUSTOMERS)
    yield expect(
        criterion=_("the entrance hands every request for {host} to your storefront").format(host=HOST),
        ok=_mine(seen, lab) == REQUESTS,
        found=_("{mine} of {all} requests were answered by Pods of {namespace}{rest}").format(
            mine=_mine(seen, lab), all=REQUESTS, namespace=lab.namespace, rest=_errors(seen)
        ),
        wanted=_("{all} of {all}").format(all=REQUESTS),
        why=_("An Ingress names a Service, and the Service has to find Pods. One break, and all is lost."),
        look=_(
            "Walk the way of a request: which Service does the Ingress name, and which addresses stand "
            'in `kube.list("endpointslice", namespace=lab.namespace)`?'
        ),
    )


@task("say-hello")
def say_hello(lab: LabView) -> Iterator[Finding]:
    seen = lab.traffic(until=_is_over, **CUSTOMERS)
    yield expect(
        criterion=_("version {version} answers at {host}").format(version=WANTED_VERSION, host=HOST),
        ok=WANTED_VERSION in seen.by_version and _mine(seen, lab),
        found=_versions(seen),
        wanted=_("{version} among the versions that answer").format(version=WANTED_VERSION),
        why=_("What counts for a customer is the answer, not what a manifest says should run."),
        look=_("Where does a storefront get its version from? Look at its container in your file."),
    )
    yield expect(
        criterion=_("no other version answers, and no request is lost"),
        ok=_is_over(seen),
        found=_versions(seen),
        wanted=_("{all} of {all} from {version}").format(all=REQUESTS, version=WANTED_VERSION),
        why=_("While a release goes on both versions answer. It is over when the old one no longer does."),
        look=_('Wait for it: `kube.wait("deployment", "storefront", namespace=lab.namespace)`.'),
    )


@hint("first-check")
def hint_first_check(lab: LabView) -> tuple[str, str]:
    pods = lab.list("pod")
    waiting = [pod["metadata"]["name"] for pod in pods if not _is_ready(pod)]
    if not pods:
        return (
            _("There is no Pod in {namespace}: nothing has been applied.").format(namespace=lab.namespace),
            _("Your file is in `labs/00-hello/work`, and the notebook has a cell that applies it."),
        )
    if not waiting:
        return _("All {n} Pods are ready.").format(n=len(pods)), _("Run the check again.")
    return (
        _("{n} Pods are there but not ready. Their events tell why.").format(n=len(waiting)),
        _("Last event of {pod}: {event}").format(pod=waiting[0], event=_last_event(lab, waiting[0])),
    )


@hint("answer")
def hint_answer(lab: LabView) -> tuple[str, str]:
    name = _service_behind(lab, HOST)
    if name is None:
        return (
            _("No Ingress in {namespace} speaks of {host}.").format(namespace=lab.namespace, host=HOST),
            _("The entrance says 404 to a host that no Ingress names. Is your file applied, all of it?"),
        )
    service = lab.get("service", name)
    if service is None:
        there = ", ".join(one["metadata"]["name"] for one in lab.list("service")) or _("none")
        return (
            _("The Ingress hands requests to a Service. Is that Service there?"),
            _("It names {name}; the Services here are: {there}.").format(name=name, there=there),
        )
    return _hint_service(lab, name, service["spec"].get("selector") or {})


def _hint_service(lab: LabView, name: str, selector: dict[str, str]) -> tuple[str, str]:
    ready = addresses(lab, name)
    if ready:
        return (
            _("The Service {name} has addresses, so the way breaks before or after it.").format(name=name),
            _("It leads to {all}. Does a storefront listen there?").format(all=", ".join(ready)),
        )
    fitting = sum(_carries(pod, selector) for pod in lab.list("pod"))
    return (
        _("The way breaks behind the Service {name}: it has no address to lead to.").format(name=name),
        _(
            "{name} looks for Pods with {labels}, and {n} ready Pods carry that. What do yours carry? "
            '`[pod["metadata"]["labels"] for pod in kube.list("pod", namespace=lab.namespace)]`'
        ).format(name=name, labels=_pairs(selector), n=fitting),
    )


@hint("say-hello")
def hint_say_hello(lab: LabView) -> tuple[str, str]:
    seen = lab.traffic(**CUSTOMERS)
    if not _mine(seen, lab):
        return _("Nobody of yours answers yet; task 2 comes first."), hint_answer(lab)[1]
    return (
        _("Now: {versions}. All versions are the same image; what differs?").format(versions=_versions(seen)),
        _("A container gets its settings from its environment. Yours has: {settings}").format(
            settings=", ".join(_settings(lab)) or _("nothing")
        ),
    )


def _after_apply(pods: list[dict[str, Any]]) -> str:
    if not pods:
        return _('Apply the file that you were given: `lab.apply("shop.yaml")`.')
    return _('Wait for it: `kube.wait("deployment", "storefront", namespace=lab.namespace)`.')


def _is_ready(pod: dict[str, Any]) -> bool:
    conditions = pod["status"].get("conditions") or []
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _mine(seen: Traffic, lab: LabView) -> int:
    """How many requests this lab's own Pods answered; those of another namespace would not do."""
    return seen.by("namespace").get(lab.namespace, 0)


def _is_over(seen: Traffic) -> bool:
    return seen.by_version == {WANTED_VERSION: REQUESTS} and not seen.failed


def _versions(seen: Traffic) -> str:
    answers = [f"{n} x {version}" for version, n in seen.by_version.items() if version != "?"]
    return (", ".join(answers) or _("no answer")) + _errors(seen)


def _errors(seen: Traffic) -> str:
    return "".join(f"; {n} x {error}" for error, n in seen.errors.items())


def _last_event(lab: LabView, pod: str) -> str:
    return (lab.events("pod", pod) or [_("nothing yet")])[-1]


def _service_behind(lab: LabView, host: str) -> str | None:
    """The Service that an Ingress names for the host; None if no Ingress does."""
    rules = [rule for ingress in lab.list("ingress") for rule in ingress["spec"].get("rules") or []]
    paths = [path for rule in rules if rule.get("host") == host for path in rule["http"]["paths"]]
    return next((path["backend"]["service"]["name"] for path in paths if "service" in path["backend"]), None)


def _carries(pod: dict[str, Any], wanted: dict[str, str]) -> bool:
    return _is_ready(pod) and bool(wanted) and wanted.items() <= (pod["metadata"].get("labels") or {}).items()


def _pairs(labels: dict[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in labels.items()) or _("no label at all")


def _settings(lab: LabView) -> list[str]:
    """ "NAME=value" of the plain variables of all Deployments' containers."""
    pods = [deployment["spec"]["template"]["spec"] for deployment in lab.list("deployment")]
    containers = [container for pod in pods for container in pod["containers"]]
    variables = [variable for container in containers for variable in container.get("env") or []]
    return [f"{one['name']}={one['value']}" for one in variables if "value" in one]
