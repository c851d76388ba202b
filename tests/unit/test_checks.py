"""Results, reports, hints, and the read-only view of a lab."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime, timedelta
from html import unescape
from types import SimpleNamespace

import pytest
from acplab.base.errors import AcplabError
from acplab.grading import Result, Words, checks, expect
from acplab.grading import view as bench
from acplab.grading.prose import Criterion, Prose
from acplab.grading.results import Hint, Report
from fakes import World, build


def result(claim: str, ok: bool, found: str, wanted: str, why: str, look: str, gate: bool = False) -> Result:
    return Result(claim, ok, found, wanted, {}, claim, why, look, gate)


OK = result("one", True, "1", "1", "because", "there")
RED = result("two", False, "<b>2</b> & more", "3", "since", "look at `spec`")
GATE = result("zero", True, "0", "0", "first", "here", gate=True)


@pytest.fixture
def world(tmp_path, monkeypatch) -> World:
    return build(tmp_path, monkeypatch)


@pytest.fixture
def lab(world) -> checks.LabView:
    return checks.LabView("lab-01-shop", "http://127.0.0.1:8080", {"pods": 2})


def text_of(html: str) -> str:
    """What a screen reader has of it: no tags, no code marks."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


# --- reports -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("findings", "passed"),
    [((OK,), True), ((OK, GATE), True), ((GATE,), False), ((), False), ((OK, RED), False), ((RED,), False)],
)
def test_passed(findings, passed):
    assert Report("lab", "task", findings).passed is passed


def test_a_gate_that_fails_fails_the_report_but_scores_nothing():
    broken = result("zero", False, "0", "1", "first", "here", gate=True)
    report = Report("lab", "task", (broken, OK))
    assert not report.passed
    assert report.scored == [OK]
    assert "BROKEN" in report.words()


def test_words_say_all_five_things():
    words = Report("lab", "task", (OK, RED), "Next: go").words()
    assert words.splitlines()[0] == "lab / task: not yet, 1 of 2 criteria are open"
    for part in ("ok       one", "NOT YET  two", "<b>2</b> & more", "wanted", "since", "look at `spec`", "Next: go"):
        assert part in words


def test_the_html_says_the_same_words():
    for shown in (Report("lab", "task", (OK, RED, GATE), "Next: `go`"), Hint("lab", "task", 1, "a\nb <i>")):
        html = text_of(shown.html())
        for word in re.findall(r"\S+", shown.words().replace("`", "")):
            assert word in html
        assert shown._repr_mimebundle_() == {"text/html": shown.html(), "text/plain": shown.words()}
        assert repr(shown) == shown.words()


def test_the_html_escapes_what_came_from_the_cluster():
    evil = '"><img src=x onerror=alert(1)>'
    finding = result(evil, False, evil, evil, evil, evil)
    html = Report(evil, evil, (finding,), evil).html() + Hint(evil, evil, 2, evil).html()
    assert "<img" not in html
    assert set(re.findall(r"<(\w+)", html)) <= {"div", "ul", "li", "dl", "dt", "dd", "span", "strong", "code"}


def test_the_html_works_in_both_themes_and_without_colour():
    html = Report("lab", "task", (OK, RED)).html()
    colours = re.findall(r"(?<![\w-])color: ([^;\"]+)", html)
    assert colours == ["var(--jp-content-font-color1, inherit)"]
    assert "background" not in html
    assert 'role="status"' in html
    assert "NOT YET" in html


def test_found_and_wanted_each_have_a_line_of_their_own():
    """JupyterLab floats the parts of a description list."""
    html = Report("lab", "task", (RED,)).html()
    parts = re.findall(r"<d[td][^>]*>", html)
    assert parts
    assert [part for part in parts if "float: none; width: auto" not in part] == []


def test_must_pass():
    good = Report("lab", "task", (OK,))
    assert good.must_pass() is good
    with pytest.raises(AcplabError, match="NOT YET  two"):
        Report("lab", "task", (RED,)).must_pass()


def test_what_is_met_becomes_text():
    assert expect.met("key", [1], {"a": 1}, 3, n=2) == Result("key", True, "{'a': 1}", "3", {"n": 2})


# --- loading and running ---------------------------------------------------------------------------------


def test_load(world):
    found = checks.load(world.lab)
    assert list(found.tasks) == list(found.hints) == ["open", "grow"]
    assert found.first_notes is not None
    assert set(found.prose.criteria) == {"namespace", "shop", "replicas"}


def test_two_labs_may_name_a_task_alike(world):
    text = (world.lab / "checks.py").read_text()
    world.write("labs/02-shop/checks.py", text)
    first, second = checks.load(world.lab), checks.load(world.root / "labs" / "02-shop")
    assert first.tasks["open"] is not second.tasks["open"]


def test_one_task_twice_is_an_error(world):
    text = (world.lab / "checks.py").read_text()
    world.write("labs/01-shop/checks.py", text.replace('@task("grow")', '@task("open")'))
    with pytest.raises(ValueError, match="two checks are for the task 'open'"):
        checks.load(world.lab)


def test_no_checks_file(world):
    (world.lab / "checks.py").unlink()
    with pytest.raises(AcplabError, match=r"no checks\.py"):
        checks.load(world.lab)


def test_an_edited_checks_file_counts_at_once(world, lab):
    checks.load(world.lab)
    text = (world.lab / "checks.py").read_text()
    world.write("labs/01-shop/checks.py", text.replace('wish="three"', 'wish="3"'))
    (only,) = checks.load(world.lab).run("grow", lab)
    assert (only.claim, only.why) == ("3 replicas", "load needs 3")


def test_an_edited_criteria_file_counts_at_once(world, lab):
    text = (world.lab / "criteria.yaml").read_text()
    world.write("labs/01-shop/criteria.yaml", text.replace("customers wait", "customers leave"))
    gate, scored = checks.load(world.lab).run("open", lab)
    assert (scored.why, gate.gate, scored.gate) == ("customers leave", True, False)


def test_the_learners_language_is_used_where_it_has_words(world, lab, monkeypatch):
    world.write("labs/01-shop/criteria.zh.yaml", "criteria: {shop: {claim: 商店已开, why: 顾客在等, look: kube}}\n")
    monkeypatch.setenv("ACPLAB_LANG", "zh")
    assert [one.claim for one in checks.load(world.lab).run("open", lab)] == ["the namespace is there", "商店已开"]


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("replicas:", "replica:", "no criterion 'replicas'"),
        ("{wish} replicas", "{wisch} replicas", "KeyError: 'wisch'"),
    ],
)
def test_prose_that_does_not_fit_is_a_fault_of_the_check(world, lab, before, after, words):
    text = (world.lab / "criteria.yaml").read_text()
    world.write("labs/01-shop/criteria.yaml", text.replace(before, after, 1))
    (only,) = checks.load(world.lab).run("grow", lab)
    assert (only.text, only.ok) == (checks.FAULT, False)
    assert words in only.found


def test_a_wrong_key_of_criteria_yaml_is_one_sentence(world):
    text = (world.lab / "criteria.yaml").read_text()
    world.write("labs/01-shop/criteria.yaml", text.replace("why: it holds", "wy: it holds"))
    with pytest.raises(AcplabError, match=r"`criteria\.namespace`: there is no key `wy`; use one of: why"):
        checks.load(world.lab)


def test_dataclasses_work_in_a_checks_file(world):
    world.write(
        "labs/01-shop/checks.py",
        "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass A:\n    b: int\n",
    )
    checks.load(world.lab)


def running(check) -> checks.Checks:
    """A lab with one task."""
    words = {one.text: Criterion(claim=one.claim, why=one.why, look=one.look) for one in (OK, RED)}
    return checks.Checks(tasks={"t": check}, hints={"t": []}, prose=Prose(criteria=words))


def test_a_check_that_cannot_read_is_red_and_keeps_what_it_found(lab):
    def check(_lab):
        yield OK
        raise AcplabError("The API server does not answer.", "Run ./acplab start.")

    first, second = running(check).run("t", lab)
    assert first == OK
    assert (second.ok, second.found, second.look) == (False, "The API server does not answer.", "Run ./acplab start.")


def test_a_check_that_fails_is_red_and_names_the_line(lab):
    def check(_lab):
        yield OK
        _ = {}["spec"]

    results = running(check).run("t", lab)
    assert re.search(r"KeyError: 'spec' \(test_checks\.py:\d+\)", results[1].found)
    assert "not of your work" in results[1].why


def test_an_interrupted_check_is_no_verdict(lab):
    def check(_lab):
        yield OK
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        running(check).run("t", lab)


def test_the_first_hint_that_applies_is_shown(world, lab):
    found = checks.load(world.lab)
    assert found.tiers("grow", lab) == ("Count the replicas.", "Which field says how many?")
    assert found.tiers("open", lab) == ("0 Deployments are here.", "Look at the kind in your file.")
    found.hints["open"].insert(0, lambda _lab: ("one", "two"))
    assert found.tiers("open", lab) == ("one", "two")


def test_without_a_hint_that_applies_the_check_speaks(lab):
    def check(_lab):
        yield OK
        yield RED

    assert running(check).tiers("t", lab) == ("look at `spec`", "Found: <b>2</b> & more. Wanted: 3.")


def test_hints_of_a_cluster_that_cannot_be_read(lab):
    def ladder(_lab):
        raise AcplabError("No answer.", "Run ./acplab start.")

    found = checks.Checks(hints={"t": [ladder]})
    assert found.tiers("t", lab) == ("No answer.", "No answer.\nRun ./acplab start.")


def test_a_hint_without_its_words_is_an_error_of_the_lab(lab):
    with pytest.raises(KeyError, match="no hint 'nowhere'"):
        checks.Checks(hints={"t": [lambda _lab: Words("nowhere", {})]}).tiers("t", lab)


# --- the view -------------------------------------------------------------------------------------------


def test_the_view_looks_into_its_own_namespace(world, lab):
    world.kube.put("Service", "shop", "lab-01-shop")
    world.kube.put("Service", "other", "default")
    assert [one["metadata"]["name"] for one in lab.list("service")] == ["shop"]
    assert lab.get("service", "other") is None
    assert lab.get("service", "other", namespace="default") is not None
    assert lab.exists("service", "shop")
    assert lab.recall("pods") == 2
    assert lab.recall("nothing") is None
    assert lab.events("pod", "a") == ["Normal Pulled: pod a"]


def test_the_view_can_only_read(lab):
    public = {name for name in dir(lab) if not name.startswith("_")}
    objects = {"get", "list", "exists", "events", "pods", "endpoints", "node_ranges", "pod_cidr", "routes"}
    notes = {"recall", "noted", "kind", "fields", "recorded_load", "judge_with", "open_results"}
    traffic = {"traffic", "sample", "measure_share", "ask", "answers", "answered", "versions_inside", "settle"}
    drills = {"cluster", "snapshots"}  # a check may break the cluster by a drill, which undoes it
    assert public == objects | notes | traffic | drills | {"namespace", "ingress_url"}


def test_pods_are_asked_for_requests_only(world, lab):
    assert lab.ask("client", "get", "-n", "3", "http://shop") == (True, "200")
    assert world.kube.calls == ["exec client storefront get -n 3 http://shop"]
    with pytest.raises(ValueError, match="only reads"):
        lab.ask("client", "sh", "-c", "rm")
    world.kube.broken["exec"] = AcplabError("storefront ended with code 1.", "look")
    assert lab.ask("client", "resolve", "shop") == (False, "storefront ended with code 1.")


@pytest.fixture
def sent(monkeypatch) -> list[dict]:
    """Every call of a stand-in for measure.traffic; it answers with how often it was called."""
    calls: list[dict] = []

    def traffic(url, **words):
        calls.append({"url": url} | words)
        return len(calls)

    fake = SimpleNamespace(traffic=traffic, sample_for_margin=lambda p, margin: round(p / margin))
    monkeypatch.setitem(sys.modules, "acplab.measure", fake)
    monkeypatch.setattr("acplab.measure", fake, raising=False)
    monkeypatch.setattr(bench, "PAUSE_SECONDS", 0)
    return calls


def test_traffic_goes_to_the_entrance(lab, sent):
    lab.traffic(host="shop.example.com", n=40, headers={"foo": "bar"})
    assert sent == [
        {"url": lab.ingress_url, "rate": 200, "host": "shop.example.com", "n": 40, "headers": {"foo": "bar"}}
    ]


def test_traffic_only_reads(lab, sent):
    with pytest.raises(ValueError, match="GET or HEAD"):
        lab.traffic(method="POST", n=1)
    assert not sent


def test_sample_picks_its_size(lab, sent):
    lab.sample(0.2, 0.05, host="h")
    assert sent[0]["n"] == 4


def test_until_looks_again_until_the_change_has_arrived(lab, sent):
    assert lab.traffic(until=lambda seen: seen == 3, n=1) == 3


def test_until_gives_up_within_one_budget_for_the_whole_check(world, sent, monkeypatch):
    clock = iter(range(100))
    monkeypatch.setattr(bench.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(bench, "SETTLE_SECONDS", 4)
    lab = checks.LabView("lab-01-shop", "http://127.0.0.1:8080")
    assert lab.traffic(until=lambda _seen: False, n=1) == 4
    assert lab.traffic(until=lambda _seen: False, n=1) == 5


# --- changes that have not arrived yet -----------------------------------------------------------------


def changed(seconds_ago: float, subresource: str | None = None) -> dict:
    """A route whose last change is so long ago."""
    when = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    field = {"time": when.isoformat()} | ({"subresource": subresource} if subresource else {})
    return {"kind": "Ingress", "metadata": {"name": "shop", "managedFields": [field]}}


@pytest.mark.parametrize(
    ("routes", "least", "most"),
    [
        (lambda: [], 0, 0),
        (lambda: [changed(600)], 0, 0),
        (lambda: [changed(600), changed(1)], 2.0, 2.3),
        (lambda: [changed(0)], 3.0, 3.3),
        (lambda: [changed(-3600)], 3.3, 3.5),
        (lambda: [changed(0, subresource="status")], 0, 0),
        (lambda: [{"kind": "Ingress", "metadata": {"name": "shop"}}], 0, 0),
    ],
    ids=["none", "old", "one of them young", "just now", "clock ahead", "only the status", "nothing noted"],
)
def test_traffic_waits_for_the_youngest_change_once(lab, monkeypatch, routes, least, most):
    slept: list[float] = []
    monkeypatch.setattr(bench.time, "sleep", slept.append)
    monkeypatch.setattr(lab, "list", lambda kind: routes() if kind == "ingress" else [])
    lab.settle()
    lab.settle()
    assert least <= sum(slept) <= most
    assert len(slept) <= 1


def test_a_cluster_without_an_ingress_has_only_services_to_settle(lab, monkeypatch):
    def of_kind(kind: str) -> list[dict]:
        if kind in ("service", "endpointslice"):
            return [changed(1)]
        raise AcplabError(f"The server has no resource type {kind}.", "Check the spelling.")

    slept: list[float] = []
    monkeypatch.setattr(bench.time, "sleep", slept.append)
    monkeypatch.setattr(lab, "list", of_kind)
    lab.settle()
    assert 2.0 <= sum(slept) <= 2.3
