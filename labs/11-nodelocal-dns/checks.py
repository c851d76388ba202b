"""The node cache and the sidecar, as Pods see them. All words are in criteria.yaml."""

from acplab.grading import LabView, Results, diagnose, expect, hint, task
from acplab.topics import dns


def second_server(lab: LabView, pod: str) -> str:
    conf = dns.conf_of(lab, pod)
    return conf.nameservers[1] if conf and len(conf.nameservers) > 1 else ""


@task("inject")
def inject(lab: LabView) -> Results:
    yield dns.asks_cache(lab, dns.a_pod(lab, "app=client"), text="asks-cache")
    legacy = [one for one in lab.pods("app=legacy") if not dns.is_injected(one)]
    yield expect.met("legacy", legacy, f"{len(legacy)}")


@task("backup")
def backup(lab: LabView) -> Results:
    pod, service = dns.a_pod(lab, "app=client"), lab.get("service", "kube-dns", "kube-system")
    wanted, found = service["spec"]["clusterIP"] if service else "", second_server(lab, pod)
    yield expect.met("second", bool(found) and found == wanted, found, wanted)
    yield dns.every_server_answers(lab, pod, f"shop.{lab.namespace}.svc.cluster.local.", text="servers")


@task("sidecar")
def sidecar(lab: LabView) -> Results:
    yield dns.asks_cache(lab, dns.a_pod(lab, "app=busy"), text="asks-sidecar", cache="127.0.0.1")


@task("host")
def host(lab: LabView) -> Results:
    on_node = [one for one in lab.pods("app=agent") if one["spec"].get("hostNetwork")]
    yield expect.met("on-node", on_node, f"{len(on_node)}")
    yield dns.asks_cache(lab, dns.a_pod(lab, "app=agent"), text="agent-asks-cache")


hint("inject", dns.not_injected("app=client"), diagnose.say("inject"))
hint("backup", dns.not_injected("app=client"), diagnose.say("backup"))
hint("sidecar", diagnose.pods("app=busy"), diagnose.say("sidecar"))
hint("host", dns.not_injected("app=agent"), diagnose.say("host"))
