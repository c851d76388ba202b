"""PrivateZone, asked from a machine of the VPC. All words are in criteria.yaml."""

from acplab.grading import LabView, Results, diagnose, expect, hint, task
from acplab.topics import dns

SLB = "203.0.113.7"


@task("publish")
def publish(lab: LabView) -> Results:
    addresses = [one["status"]["podIP"] for one in lab.pods("app=shop")]
    yield dns.published(lab, f"cart.{lab.namespace}", addresses, text="pods")


@task("balancer")
def balancer(lab: LabView) -> Results:
    yield dns.published(lab, f"front.{lab.namespace}", [SLB], text="slb")


@task("secret")
def secret(lab: LabView) -> Results:
    yield expect.met("stays", lab.exists("service", "stock"), lab.exists("service", "stock"))
    yield dns.published(lab, f"stock.{lab.namespace}", [], text="unpublished")


@task("follow")
def follow(lab: LabView) -> Results:
    yield expect.ready_pods(lab, at_least=3, text="three", selector="app=shop")
    addresses = [one["status"]["podIP"] for one in lab.pods("app=shop")]
    yield dns.published(lab, f"cart.{lab.namespace}", addresses, text="all-three")


hint("publish", diagnose.service("cart"), diagnose.say("publish"))
hint("balancer", diagnose.service("front"), diagnose.say("balancer"))
hint("secret", diagnose.say("secret"))
hint("follow", diagnose.service("cart"), diagnose.say("follow"))
