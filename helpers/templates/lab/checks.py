"""What is judged, and the hints; all words are in criteria.yaml."""

from acplab.grading import LabView, Results, diagnose, expect, hint, task
from acplab.topics import release

HOST = "template.example.com"


@task("run")
def run(lab: LabView) -> Results:
    yield expect.ready_pods(lab, at_least=2, text="pods", selector="app=shop")


@task("find")
def find(lab: LabView) -> Results:
    yield expect.ready_endpoints(lab, "shop", at_least=2, text="endpoints")


@task("open")
def open_(lab: LabView) -> Results:
    seen = lab.traffic(until=lambda so_far: lab.answered(so_far) == so_far.total, host=HOST, n=40, keepalive=False)
    yield expect.answered_by_lab(lab, seen, text="answered", host=HOST)


@task("count")
def count(lab: LabView) -> Results:
    yield expect.noted(lab, "shop.pods", len(lab.pods()) or None)


hint("run", diagnose.pods(), diagnose.say("ready"))
hint("find", diagnose.service("shop"), diagnose.say("ready"))
hint("open", release.ingress_rule(HOST), diagnose.service("shop"), diagnose.traffic("beyond", {"host": HOST, "n": 20}))
hint("count", diagnose.notes("shop", then="count"))
