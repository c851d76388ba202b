"""Plans for four briefs: does each keep what the customer has, and hold for all that the customer wants?"""

from acplab import network
from acplab.grading import LabView, Results, Words, diagnose, expect, hint, task

BRIEFS = {
    "shop": network.Brief(
        network.Request(
            vpc="192.168.0.0/16",
            nodes=30,
            nodes_later=60,
            pods_per_node=100,
            services=200,
            pod_cidr="172.20.0.0/19",
            service_cidr="172.21.0.0/20",
            route_quota=48,
        ),
        keep=("plugin", "vpc", "pod_cidr", "service_cidr"),
        gives="route_quota",
    ),
    "bank": network.Brief(
        network.Request(
            vpc="172.16.0.0/12",
            nodes=40,
            nodes_later=120,
            pods_per_node=120,
            services=2000,
            pod_cidr="172.20.0.0/16",
            neighbours=(network.Neighbour("data-centre", "idc", ("10.0.0.0/8", "192.168.10.7/32")),),
        ),
        keep=("plugin", "vpc"),
    ),
    "game": network.Brief(
        network.Request(
            vpc="10.4.0.0/16",
            plugin="terway",
            zones=("cn-hangzhou-h", "cn-hangzhou-i"),
            vswitches=(
                network.VSwitch("node-h", "cn-hangzhou-h", "10.4.0.0/24"),
                network.VSwitch("node-i", "cn-hangzhou-i", "10.4.1.0/24"),
            ),
            nodes=40,
            nodes_later=64,
            pods_per_node=128,
            services=500,
            node_quota=100,
        ),
        keep=("plugin", "vpc", "zones", "instance_type", "eni"),
    ),
    "staging": network.Brief(
        network.Request(
            vpc="192.168.0.0/16",
            nodes=10,
            nodes_later=16,
            pods_per_node=60,
            services=200,
            service_cidr="172.21.0.0/20",
            neighbours=(
                network.Neighbour("production", "cluster", ("172.20.0.0/19",), service_cidr="172.21.0.0/20"),
                network.Neighbour("office", "vpc", ("172.20.64.0/18",)),
            ),
        ),
        keep=("plugin", "vpc", "service_cidr"),
        inside="172.20.0.0/16",
    ),
}


@task("shop")
def shop(lab: LabView) -> Results:
    yield expect.noted(lab, "shop-rule", rules("shop"))
    yield from plan_judged(lab, "shop")


@task("bank")
def bank(lab: LabView) -> Results:
    yield expect.noted(lab, "bank-rule", rules("bank"))
    yield from plan_judged(lab, "bank")


@task("game")
def game(lab: LabView) -> Results:
    yield from plan_judged(lab, "game")


@task("staging")
def staging(lab: LabView) -> Results:
    yield from plan_judged(lab, "staging")


@task("limits")
def limits(lab: LabView) -> Results:
    for name in ("shop", "bank", "game"):
        plan = good_plan(lab, name)
        first = BRIEFS[name].growth(plan).first.nodes if plan else None
        yield expect.noted(lab, f"limits.{name}", first, text="first-limit" if plan else "no-plan-yet", name=name)


def plan_judged(lab: LabView, name: str) -> Results:
    plan = network.recorded_plan(lab, name)
    yield network.plan_keeps(plan, BRIEFS[name], text="keeps")
    yield network.plan_holds(plan, BRIEFS[name], text="holds")


def good_plan(lab: LabView, name: str) -> network.Plan | None:
    """The plan that is recorded for a brief, if it fits."""
    plan = network.recorded_plan(lab, name)
    return plan if plan and BRIEFS[name].fits(plan) else None


def rules(name: str) -> list[str]:
    """The rules that a brief breaks as it is."""
    return [one.rule for one in BRIEFS[name].objections()]


# --- hints -----------------------------------------------------------------------------------------------


def the_rule(name: str) -> diagnose.Ladder:
    """Which two parts of a brief cannot both be had, until the rule that forbids it is noted."""

    def ladder(lab: LabView) -> Words | None:
        if lab.noted(f"{name}-rule") in rules(name):
            return None
        objection = BRIEFS[name].objections()[0]
        return Words("which-rule", {"first": objection.first, "second": objection.second})

    return ladder


def first_limit(lab: LabView) -> Words | None:
    """About the first of the three numbers that is not right."""
    for result in lab.open_results():
        name = result.values["name"]
        plan = good_plan(lab, name)
        if plan is None:
            return Words("plan-first", {"name": name})
        names = ", ".join(sorted(one.name for one in BRIEFS[name].growth(plan).limits))
        return Words("which-limit", {"name": name, "limits": names})
    return None


for impossible in ("shop", "bank"):
    hint(
        impossible,
        the_rule(impossible),
        network.recorded_plan_hint(impossible, BRIEFS[impossible]),
        diagnose.say("concession", fields="; ".join(BRIEFS[impossible].stays())),
    )
hint(
    "game",
    network.recorded_plan_hint("game", BRIEFS["game"]),
    diagnose.say("lay-beside", nodes=BRIEFS["game"].wish.nodes_later // 2, pods=BRIEFS["game"].wish.pods_per_node),
)
hint(
    "staging",
    network.recorded_plan_hint("staging", BRIEFS["staging"]),
    diagnose.say(
        "free-parts",
        all=BRIEFS["staging"].inside,
        ranges=", ".join(cidr for one in BRIEFS["staging"].wish.neighbours for cidr in one.cidrs),
    ),
)
hint("limits", first_limit)
