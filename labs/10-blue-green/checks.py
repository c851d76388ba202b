"""Two whole versions side by side, and one rule that moves all customers from the one to the other, and back."""

from acplab.grading import LabView, Result, Results, diagnose, expect, hint, task
from acplab.topics import release

SHOP, PREVIEW = "shop.colours.example.com", "preview.colours.example.com"
BLUE, GREEN = "v1", "v2"
HIDDEN = 0.03  # 125 answers without a single one from another version: its share is below 3 % (95 % sure)
LOST = 0.01  # 381 requests without a loss: fewer than 1 % are lost (95 % sure)


@task("green-runs")
def green_runs(lab: LabView) -> Results:
    yield runs(lab, "green")
    yield expect.answers_inside(lab, "green:80", GREEN, text="answers-inside")
    yield customers(lab, BLUE, text="still-blue")


@task("preview")
def preview(lab: LabView) -> Results:
    seen = release.look(lab, PREVIEW, GREEN, HIDDEN)
    yield release.only_version(seen, GREEN, text="only", host=PREVIEW)
    yield customers(lab, BLUE, text="still-blue")


@task("switch")
def switch(lab: LabView) -> Results:
    yield from shown(lab, "forth", "green", BLUE, GREEN)
    yield customers(lab, GREEN, text="only")
    yield from can_return(lab)


@task("way-back")
def way_back(lab: LabView) -> Results:
    yield from shown(lab, "back", "blue", GREEN, BLUE)
    yield customers(lab, BLUE, text="still-blue")
    yield expect.answers_inside(lab, "green:80", GREEN, text="green-stays")


def shown(lab: LabView, key: str, mark: str, old: str, new: str) -> Results:
    load = lab.recorded_load(key)
    yield expect.switched(load, old, new, text="switch-seen")
    yield expect.lossless(load, below=LOST, text="lossless")
    yield expect.went_on_after(load, mark, new, seconds=2, text="went-on")


def can_return(lab: LabView) -> Results:
    yield expect.ready_endpoints(lab, "blue", at_least=2, text="blue-stays")
    yield expect.answers_inside(lab, "blue:80", BLUE, text="blue-is-v1")


def runs(lab: LabView, service: str) -> Result:
    return expect.ready_endpoints(lab, service, at_least=2, text="endpoints")


def customers(lab: LabView, version: str, text: str) -> Result:
    seen = release.look(lab, SHOP, version, HIDDEN)
    return release.only_version(seen, version, text=text, host=SHOP)


hint("green-runs", diagnose.service("green"), diagnose.whose_endpoints("green"))
hint("preview", release.ingress_rule(SHOP), release.ingress_rule(PREVIEW), release.who_answers(PREVIEW))
hint(
    "switch", diagnose.recorded_load("forth", then="again"), release.who_answers(SHOP), diagnose.whose_endpoints("blue")
)
hint("way-back", diagnose.recorded_load("back", then="again"), release.who_answers(SHOP))
