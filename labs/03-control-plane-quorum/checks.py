"""Which members etcd has, how many it can lose, and whether it can lose one again: the check takes one away."""

from typing import Any

from acplab.grading import LabView, Results, at_start, diagnose, expect, hint, task
from acplab.topics import reliability

REPAIRED = "cn-hangzhou-j"
SURVIVES = {"three": 1, "four": 1, "five": 2, "quorum_of_four": 3}  # more than half of all must agree


@at_start
def before(lab: LabView) -> dict[str, Any]:
    """How it was found: judged also after the repair."""
    members = len(reliability.etcd_roles(lab))
    return {"members": members, "answering": members - 1, "silent": control_plane(lab, REPAIRED)}


@task("look")
def look(lab: LabView) -> Results:
    members, left = lab.recall("members"), lab.recall("answering")
    yield expect.noted(lab, "state.members", members)
    yield expect.noted(lab, "state.answering", left)
    yield expect.noted(lab, "state.more", left - quorum(members))
    yield expect.noted(lab, "state.silent", [lab.recall("silent"), lab.cluster.short(lab.recall("silent"))])


@task("arithmetic")
def arithmetic(lab: LabView) -> Results:
    for name, truth in SURVIVES.items():
        yield expect.noted(lab, f"survives.{name}", truth, text="quorum" if name == "quorum_of_four" else "survives")


@task("repair")
def repair(lab: LabView) -> Results:
    roles = reliability.etcd_roles(lab)
    yield reliability.all_members(lab, roles, text="all-members")
    yield reliability.all_api_servers(lab, text="all-api-servers")
    yield reliability.api_goes_on(lab, lose_another(lab, roles), text="goes-on")


@task("hand-over")
def hand_over(lab: LabView) -> Results:
    roles = reliability.etcd_roles(lab)
    leader = next((node for node, role in roles.items() if role == "leader"), "-")
    yield expect.met("leads", leader == control_plane(lab, REPAIRED), lab.cluster.short(leader), zone=REPAIRED)
    yield reliability.all_members(lab, roles, text="still-all")


def lose_another(lab: LabView, roles: dict[str, str]) -> Any:
    """Neither the repaired one nor the leader. None if a member is missing: its end is certain, and the cluster is spared."""
    others = [node for node, role in roles.items() if role == "follower" and node != control_plane(lab, REPAIRED)]
    return reliability.lose_control_plane(lab, others[0]) if reliability.is_whole(roles) else None


def quorum(members: int) -> int:
    return members // 2 + 1


def control_plane(lab: LabView, zone: str) -> str:
    nodes = lab.list("node", f"node-role.kubernetes.io/control-plane,topology.kubernetes.io/zone={zone}")
    return nodes[0]["metadata"]["name"] if nodes else ""


# --- hints ------------------------------------------------------------------------------------------------


def is_silent(lab: LabView) -> bool:
    return not reliability.is_whole(reliability.etcd_roles(lab))


seen = {
    "roles": lambda lab: ", ".join(
        f"{lab.cluster.short(n)}: {role}" for n, role in reliability.etcd_roles(lab).items()
    ),
    "silent": lambda lab: lab.cluster.short(lab.recall("silent")),
}

hint("look", diagnose.notes("state", then="ask-each", **seen))
hint("arithmetic", diagnose.notes("survives", then="more-than-half"))
hint("repair", diagnose.say("what-should-run", when=is_silent, **seen), diagnose.say("again", **seen))
hint("hand-over", diagnose.say("repair-first", when=is_silent, **seen), diagnose.say("move", **seen))
