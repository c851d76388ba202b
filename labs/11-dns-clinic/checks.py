"""Four applications, each with another cause. All words are in criteria.yaml."""

from acplab.grading import LabView, Results, diagnose, expect, hint, task
from acplab.topics import dns

# What the node's own server says of a name of the cluster depends on the network around it. CoreDNS says NXDOMAIN of a
# headless Service without endpoints, and NOERROR without records of an alias to a name that is not there.
SEEN = {"menu": ["NXDOMAIN", "SERVFAIL"], "till": "NXDOMAIN", "orders": "timeout", "bank": "no-address"}


def shop_address(lab: LabView) -> list[str]:
    service = lab.get("service", "shop")
    return [service["spec"]["clusterIP"]] if service else []


def whole(lab: LabView, name: str) -> str:
    return f"{name}.{lab.namespace}.svc.cluster.local."


@task("look")
def look(lab: LabView) -> Results:
    for client, seen in SEEN.items():
        yield expect.noted(lab, f"seen.{client}", seen, text="seen", client=client)


@task("menu")
def menu(lab: LabView) -> Results:
    yield dns.resolves(lab, dns.a_pod(lab, "app=menu"), "shop", shop_address(lab), text="finds-shop")


@task("till")
def till(lab: LabView) -> Results:
    addresses = [one["status"]["podIP"] for one in lab.pods("app=prices")]
    yield dns.resolves(lab, dns.a_pod(lab, "app=till"), "prices", addresses, text="finds-prices")


@task("orders")
def orders(lab: LabView) -> Results:
    pod = dns.a_pod(lab, "app=orders")
    yield dns.every_server_answers(lab, pod, whole(lab, "shop"), text="servers")
    yield dns.resolves(lab, pod, "shop", shop_address(lab), text="orders-finds")


@task("bank")
def bank(lab: LabView) -> Results:
    service = lab.get("service", "bank")
    kind = service["spec"].get("type", "") if service else ""
    yield expect.met("alias", kind == "ExternalName", kind)
    yield dns.resolves(lab, dns.a_pod(lab, "app=till"), "bank", shop_address(lab), text="leads")


hint("look", diagnose.notes("seen", then="look"))
hint("menu", diagnose.pods("app=menu"), diagnose.say("menu"))
hint("till", diagnose.service("prices"), diagnose.say("till"))
hint("orders", diagnose.pods("app=orders"), diagnose.say("orders"))
hint("bank", diagnose.say("bank"))
