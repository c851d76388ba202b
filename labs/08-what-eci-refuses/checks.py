"""An application of nodes moves to ECI: what is refused, what takes its place, and that it serves there."""

from typing import Any

from acplab.grading import LabView, Results, diagnose, expect, hint, task
from acplab.topics import eci

APP, HOST = "app=shop", "refuses.example.com"
AGENT = 9100
Container = dict[str, Any]
Pod = dict[str, Any]


@task("instead")
def instead(lab: LabView) -> Results:
    yield expect.noted(lab, "instead.daemonset", "sidecar")
    yield expect.noted(lab, "instead.hostpath", "emptydir")
    yield expect.noted(lab, "instead.hostnetwork", "loadbalancer")
    yield expect.noted(lab, "instead.privileged", "capability")
    yield expect.noted(lab, "instead.hostpid", "nothing")


@task("runs")
def runs(lab: LabView) -> Results:
    here, elsewhere = eci.on_eci(lab, APP), eci.on_nodes(lab, APP, ready=False)
    yield expect.met("on-eci", len(here) >= 2 and not elsewhere, eci.counted(lab, APP))
    yield expect.met("rights", here and all(is_modest(pod) for pod in here), rights(lab))


@task("agent")
def agent(lab: LabView) -> Results:
    answers = agents(lab)
    good = [target for target, version in answers.items() if version == "agent"]
    yield expect.met("answers", len(good) == len(answers) >= 2, said(lab), port=AGENT)
    pods = eci.on_eci(lab, APP)
    yield expect.met("shares", pods and all(shared(pod) for pod in pods), containers(lab))
    yield expect.gone(lab, *(f"daemonset/{name}" for name in daemonset_names(lab)), text="no-daemonset")


@task("entry")
def entry(lab: LabView) -> Results:
    seen = lab.traffic(until=lambda now: not now.failed, host=HOST, n=60, keepalive=False)
    yield eci.answered_from_eci(lab, seen, text="answered", host=HOST)
    yield expect.met("no-node-port", not has_node_port(lab), services(lab))


def agents(lab: LabView) -> dict[str, str]:
    """ "ADDRESS:PORT" of each Pod's agent -> the version that answers there."""
    return lab.versions_inside([f"{pod['status']['podIP']}:{AGENT}" for pod in eci.on_eci(lab, APP)])


def all_containers(pod: Pod) -> list[Container]:
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def of_the_shop(pod: Pod) -> Container:
    """The container that listens for customers; the agent has a port of its own."""
    named = [one for one in pod["spec"]["containers"] if one["name"] == "storefront"]
    return named[0] if named else pod["spec"]["containers"][0]


def security(container: Container, key: str) -> Any:
    return (container.get("securityContext") or {}).get(key) or {}


def is_modest(pod: Pod) -> bool:
    kept = security(of_the_shop(pod), "capabilities")
    dropped = "ALL" in [one.upper() for one in kept.get("drop", [])]
    return dropped and not kept.get("add") and not any(security(one, "privileged") for one in all_containers(pod))


def shared(pod: Pod) -> set[str]:
    """The emptyDirs that more than one container mounts."""
    volumes = {one["name"] for one in pod["spec"].get("volumes", []) if "emptyDir" in one}
    mounted = [name for one in all_containers(pod) for name in mounts(one)]
    return {name for name in volumes if mounted.count(name) > 1}


def mounts(container: Container) -> set[str]:
    return {one["name"] for one in container.get("volumeMounts", [])}


def daemonset_names(lab: LabView) -> list[str]:
    return [one["metadata"]["name"] for one in lab.list("daemonset")]


def has_node_port(lab: LabView) -> bool:
    return any(one["spec"]["type"] == "NodePort" for one in lab.list("service"))


# --- hints -----------------------------------------------------------------------------------------------


def said(lab: LabView) -> str:
    return ", ".join(f"{target}: {version or '-'}" for target, version in agents(lab).items()) or "-"


def containers(lab: LabView) -> str:
    """The containers of one Pod, each with what it mounts."""
    found = [one for pod in eci.on_eci(lab, APP)[:1] for one in all_containers(pod)]
    return ", ".join(f"{one['name']} ({', '.join(sorted(mounts(one) & volumes(lab))) or '-'})" for one in found) or "-"


def volumes(lab: LabView) -> set[str]:
    return {one["name"] for pod in eci.on_eci(lab, APP) for one in pod["spec"].get("volumes", []) if "emptyDir" in one}


def rights(lab: LabView) -> str:
    return "; ".join(right(one) for pod in eci.on_eci(lab, APP)[:1] for one in all_containers(pod)) or "-"


def right(container: Container) -> str:
    kept, privileged = security(container, "capabilities"), bool(security(container, "privileged"))
    lists = {key: ", ".join(kept.get(key, [])) or "-" for key in ("drop", "add")}
    return f"{container['name']}: privileged={privileged}, drop={lists['drop']}, add={lists['add']}"


def services(lab: LabView) -> str:
    return ", ".join(f"{one['metadata']['name']} ({one['spec']['type']})" for one in lab.list("service")) or "-"


hint("instead", diagnose.notes("instead", then="read-the-table"))
hint(
    "runs",
    diagnose.pods(APP),
    diagnose.say("too-many-rights", when=lambda lab: len(eci.on_eci(lab, APP)) >= 2, rights=rights),
    diagnose.say("not-there", places=lambda lab: eci.counted(lab, APP)),
)
hint(
    "agent",
    diagnose.pods(APP),
    diagnose.say(
        "daemonset-left",
        when=lambda lab: [one.text for one in lab.open_results()] == ["no-daemonset"],
        daemonsets=lambda lab: ", ".join(daemonset_names(lab)) or "-",
    ),
    diagnose.say("no-agent", said=said, containers=containers),
)
hint(
    "entry",
    diagnose.service("shop"),
    diagnose.say(
        "still-a-node-port",
        when=lambda lab: [one.text for one in lab.open_results()] == ["no-node-port"],
        services=services,
    ),
    diagnose.traffic("beyond", {"host": HOST, "n": 20}),
)
