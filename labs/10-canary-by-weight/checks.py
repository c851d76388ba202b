"""Scenario 2: 15 % of the customers get v2, then all of them do, then v1 goes and no request is lost."""

from acplab.base.i18n import _
from acplab.grading import LabView, Result, Results, diagnose, expect, hint, task
from acplab.topics import release

CART, STAFF = "cart.weight.example.com", "gw.weight.example.com"
OLD, NEW = "v1", "v2"
OLD_OBJECTS = ("deployment/old-cart", "service/old-cart")

# 418 requests tell 15 % from 20 %: Traefik deals the share out evenly, so 20 % never passes; ingress-nginx
# draws it, and its 15 % would be refused once in a hundred checks.
SHARE, MARGIN = 0.15, 0.045
HIDDEN_SHARE = 0.03  # 128 answers without a single one from v1: its share is below 3 % (95 % sure)
LOST_SHARE = 0.01  # 381 requests without a loss: fewer than 1 % are lost (95 % sure)
RATE = 400  # requests per second: a check takes 5 s at most, of which 3 may go by until a change has arrived


@task("find-the-gap")
def find_the_gap(lab: LabView) -> Results:
    yield expect.ready_endpoints(lab, "new-cart", at_least=2, text="endpoints")
    yield expect.answers_inside(lab, "new-cart:80", NEW, text="answers-inside")


@task("fifteen-percent")
def fifteen_percent(lab: LabView) -> Results:
    seen = lab.measure_share(NEW, SHARE, MARGIN, host=CART, rate=RATE)
    yield expect.share(seen, NEW, SHARE, MARGIN, text="share", host=CART)
    yield expect.no_failures(seen, text="customers-lose-nothing", host=CART)


@task("second-way-in")
def second_way_in(lab: LabView) -> Results:
    seen = lab.measure_share(NEW, SHARE, MARGIN, host=STAFF, rate=RATE)
    yield expect.share(seen, NEW, SHARE, MARGIN, text="share", host=STAFF)
    yield expect.no_failures(seen, text="staff-loses-nothing", host=STAFF)


@task("staff-first")
def staff_first(lab: LabView) -> Results:
    yield only_new(lab, STAFF)


@task("retire")
def retire(lab: LabView) -> Results:
    shown = list(shown_by_the_load(lab))
    yield still_possible(lab, all(result.ok for result in shown))
    yield from shown
    yield expect.gone(lab, *OLD_OBJECTS, pods="app=old-cart", text="old-is-gone")
    yield release.no_canary_ingress(lab, text="no-canary-left")
    for host in (CART, STAFF):
        yield only_new(lab, host)


def shown_by_the_load(lab: LabView) -> Results:
    load = lab.recorded_load("retirement")
    yield expect.switched(load, OLD, NEW, text="switch-seen")
    yield expect.lossless(load, below=LOST_SHARE, text="lossless")
    yield expect.went_on_after(load, "retired", NEW, seconds=2, text="went-on")


def still_possible(lab: LabView, shown: bool) -> Result:
    """A switch can be recorded only while v1 is there; without v1 and without a good record the task is lost."""
    there = lab.exists("deployment", "old-cart")
    found = _("v1 is there") if there else _("v1 is gone")
    return expect.met("still-possible", there or shown, found)


def only_new(lab: LabView, host: str) -> Result:
    seen = release.look(lab, host, NEW, HIDDEN_SHARE, rate=RATE)
    return release.only_version(seen, NEW, text="only-new", host=host)


hint("find-the-gap", diagnose.service("new-cart"), diagnose.whose_endpoints("new-cart"))
hint("fifteen-percent", diagnose.service("old-cart"), release.canary, release.share_at(CART, NEW))
hint("second-way-in", release.http_route(STAFF), release.share_at(STAFF, NEW))
hint("staff-first", release.http_route(STAFF), release.who_answers(STAFF))
hint(
    "retire",
    release.still_referenced("old-cart"),
    release.left_over(*OLD_OBJECTS, pods="app=old-cart"),
    diagnose.recorded_load("retirement", then="load-again"),
)
