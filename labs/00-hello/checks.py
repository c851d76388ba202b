"""The first lab: does a storefront run, do requests reach it, and which version answers."""

from acplab.grading import LabView, Results, diagnose, expect, hint, task
from acplab.topics import release

HOST, NEW = "hello.example.com", "v2"
# The ingress tries another Pod when one refuses, so a Pod that does not listen costs only a few percent of the
# requests: 120 show that, 40 may not. Fresh connections reach both replicas of the ingress.
CUSTOMERS = {"host": HOST, "n": 120, "keepalive": False}


@task("first-check")
def first_check(lab: LabView) -> Results:
    yield expect.ready_pods(lab, at_least=1, text="ready")


@task("answer")
def answer(lab: LabView) -> Results:
    seen = lab.traffic(until=lambda so_far: lab.answered(so_far) == so_far.total, **CUSTOMERS)
    yield release.leads_to_pods(lab, HOST, text="way")
    yield expect.answered_by_lab(lab, seen, text="answered", host=HOST)


@task("say-hello")
def say_hello(lab: LabView) -> Results:
    seen = lab.traffic(until=lambda so_far: so_far.only(NEW), **CUSTOMERS)
    yield release.leads_to_pods(lab, HOST, text="way")
    yield expect.answered_by_lab(lab, seen, text="answered", host=HOST)
    yield release.only_version(seen, NEW, text="only-new", host=HOST)


def settings(lab: LabView) -> str:
    """ "NAME=value" of the plain variables of all Deployments' containers."""
    pods = [deployment["spec"]["template"]["spec"] for deployment in lab.list("deployment")]
    variables = [one for pod in pods for container in pod["containers"] for one in container.get("env") or []]
    return ", ".join(f"{one['name']}={one['value']}" for one in variables if "value" in one)


way = (release.ingress_rule(HOST), diagnose.service("storefront"))

hint("first-check", diagnose.pods(), diagnose.say("ready"))
hint("answer", *way, diagnose.traffic("beyond-the-service", CUSTOMERS))
hint("say-hello", *way, diagnose.traffic("version", CUSTOMERS, settings=settings))
