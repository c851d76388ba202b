"""Names: what a Pod asks for, and which addresses it gets. All words are in criteria.yaml."""

from acplab.grading import LabView, Results, diagnose, expect, hint, task
from acplab.topics import dns

OUTSIDE = "api.partner.example.com"


def cluster_ip(lab: LabView, name: str, namespace: str | None = None) -> str:
    service = lab.get("service", name, namespace)
    return service["spec"]["clusterIP"] if service else ""


@task("path")
def path(lab: LabView) -> Results:
    conf = dns.conf_of(lab, dns.a_pod(lab, "app=witness"))
    yield expect.noted(lab, "path.server", conf.nameservers[0] if conf else None)
    yield expect.noted(lab, "path.queries", len(dns.questions(conf, OUTSIDE, [OUTSIDE])) if conf else None)


@task("fewer")
def fewer(lab: LabView) -> Results:
    client = dns.a_pod(lab, "app=client")
    yield dns.few_questions(lab, client, OUTSIDE, 2, text="few", existing=[OUTSIDE])
    yield dns.resolves(lab, client, "shop", [cluster_ip(lab, "shop")], text="short-name")


@task("headless")
def headless(lab: LabView) -> Results:
    addresses = [one["status"]["podIP"] for one in lab.pods("app=shop")]
    yield dns.resolves(lab, dns.a_pod(lab, "app=client"), "shop-pods", addresses, text="pods")


@task("agent")
def agent(lab: LabView) -> Results:
    on_node = [one for one in lab.pods("app=agent") if one["spec"].get("hostNetwork")]
    yield expect.met("on-node", on_node, f"{len(on_node)}")
    yield dns.resolves(lab, dns.a_pod(lab, "app=agent"), "shop", [cluster_ip(lab, "shop")], text="agent-finds")


hint("path", diagnose.notes("path", then="count"))
hint("fewer", diagnose.pods("app=client"), diagnose.say("fewer"))
hint("headless", diagnose.service("shop-pods"), diagnose.say("headless"))
hint("agent", diagnose.pods("app=agent"), diagnose.say("agent"))
