"""Scenario 1: some requests get v2 first, then all do, then v1 goes. Judged by who answers which request."""

from acplab.grading import LabView, Results, diagnose, expect, hint, task
from acplab.topics import release

SHOP, GATEWAY = "shop.request.example.com", "gw.request.example.com"
OLD, NEW = "v1", "v2"
OLD_OBJECTS = ("deployment/old-shop", "service/old-shop")

# Whether a rule takes a request is no matter of chance; what chance could hide is one of several backends
# behind it. With 0 of 22 a backend that has a share of 15 % or more is ruled out (95 % sure).
HIDDEN = 0.15


def headers(*values: str) -> dict[str, dict[str, str]]:
    return {f"header foo={value}": {"foo": value} for value in values}


def cookies(*texts: str) -> dict[str, dict[str, str]]:
    return {f"cookie {text}": {"Cookie": text} for text in texts}


def in_region(*texts: str) -> dict[str, dict[str, str]]:
    return {f"header region=hangzhou with cookie {text}": {"region": "hangzhou", "Cookie": text} for text in texts}


# Each stands for a mistake: no anchors, a header without a value, a cookie taken for a header.
PLAIN: dict[str, dict[str, str]] = {"no mark at all": {}}
STRANGERS = PLAIN | headers("barista", "rebar", "always") | cookies("foo=barista", "a-foo=always")

# The second host. One half of "and" is not enough, and the same mistakes as above.
TEAM = {"header team=qa": {"team": "qa"}}
BETA = in_region("beta=on", "lang=zh; beta=on; cart=7")
OTHERS = (
    PLAIN
    | {"header team=qatar": {"team": "qatar"}, "header region=hangzhou alone": {"region": "hangzhou"}}
    | cookies("beta=on")
    | in_region("beta=once", "a-beta=on")
)

EVERY_KIND = PLAIN | headers("bar") | cookies("foo=never", "foo=bar") | TEAM


@task("prepare")
def prepare(lab: LabView) -> Results:
    yield expect.ready_endpoints(lab, "new-shop", at_least=2, text="endpoints")
    yield expect.answers_inside(lab, "new-shop:80", NEW, text="answers-inside")
    yield release.every_request(lab, SHOP, PLAIN, OLD, HIDDEN, text="customers-stay")


@task("by-request")
def by_request(lab: LabView) -> Results:
    # The many first: once they are with v1, what is seen next is no leftover of an earlier state.
    yield release.every_request(lab, SHOP, STRANGERS, OLD, HIDDEN, text="customers-stay")
    yield release.every_request(lab, SHOP, headers("bar"), NEW, HIDDEN, text="header-arrives")
    yield release.every_request(lab, SHOP, cookies("foo=always"), NEW, HIDDEN, text="always-arrives")


@task("two-groups")
def two_groups(lab: LabView) -> Results:
    yield release.every_request(lab, GATEWAY, OTHERS, OLD, HIDDEN, text="others-stay")
    yield release.every_request(lab, GATEWAY, TEAM, NEW, HIDDEN, text="team-arrives")
    yield release.every_request(lab, GATEWAY, BETA, NEW, HIDDEN, text="beta-arrives")


@task("switch")
def switch(lab: LabView) -> Results:
    for host in (SHOP, GATEWAY):
        yield release.every_request(lab, host, EVERY_KIND, NEW, HIDDEN, text="all-switched")


@task("retire")
def retire(lab: LabView) -> Results:
    yield expect.gone(lab, *OLD_OBJECTS, pods="app=old-shop", text="old-is-gone")
    yield release.no_canary_ingress(lab, text="no-canary-left")
    for host in (SHOP, GATEWAY):
        kinds = PLAIN | headers("bar") | cookies("foo=never")
        yield release.every_request(lab, host, kinds, NEW, HIDDEN, text="nothing-is-lost")


hint("prepare", diagnose.service("new-shop"), diagnose.whose_endpoints("new-shop"))
hint(
    "by-request",
    release.canary,
    release.misrouted(
        "annotations", HIDDEN, (SHOP, headers("bar") | cookies("foo=always"), NEW), (SHOP, STRANGERS, OLD)
    ),
)
hint(
    "two-groups",
    release.http_route(GATEWAY),
    release.misrouted("matches", HIDDEN, (GATEWAY, TEAM | BETA, NEW), (GATEWAY, OTHERS, OLD)),
)
hint(
    "switch",
    release.misrouted("still-old", HIDDEN, (SHOP, EVERY_KIND, NEW), (GATEWAY, EVERY_KIND, NEW)),
)
hint("retire", release.still_referenced("old-shop"), release.left_over(*OLD_OBJECTS, pods="app=old-shop"))
