"""What authors use: notes that are refused when typed, wrong solutions as patches, lab.ipynb made from the solution, templates."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network

import nbformat
import numpy
import pytest
from acplab import measure
from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.course import lab as labs
from acplab.course import notebook, spec, templates, wrong
from acplab.grading import LabView, diagnose, expect, notes
from acplab.grading.loads import RecordedLoad
from fakes import World, build


@pytest.fixture
def world(tmp_path, monkeypatch) -> World:
    return build(tmp_path, monkeypatch)


@pytest.fixture
def lab(world) -> labs.Lab:
    return labs.start("01-shop", say=lambda _sentence: None)


# --- notes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "typed", "stored"),
    [
        ("cidr", IPv4Network("10.0.0.0/8"), "10.0.0.0/8"),
        ("cidr", " 10.0.0.0/255.0.0.0 ", "10.0.0.0/8"),
        ("cidr", "default", "0.0.0.0/0"),
        ("address", IPv4Address("10.0.0.1"), "10.0.0.1"),
        ("int", numpy.int64(48), 48),
        ("int", 48.0, 48),
        ("int", "48", 48),
        ("prefix", "/21", 21),
        ("endpoint", "10.0.0.1:080", "10.0.0.1:80"),
        ("text", " node-1 ", "node-1"),
        (["h", "i"], "h", "h"),
    ],
)
def test_a_note_has_one_form(kind, typed, stored):
    assert notes.canonical(kind, typed) == stored


@pytest.mark.parametrize(
    ("kind", "typed"),
    [
        ("cidr", "10.0.0.1/8"), ("cidr", "10.0.0.0"), ("cidr", 8), ("address", "10.0.0.0/8"), ("address", 167772161),
        ("address", None), ("int", True), ("int", 1.5), ("int", "many"), ("int", {1}), ("int", ...), ("prefix", 33),
        ("endpoint", "10.0.0.1"), ("endpoint", "server:80"), ("endpoint", "10.0.0.1:0"), ("text", ""), ("text", {"a"}),
        ("text", IPv4Network("10.0.0.0/8")), (["h", "i"], "j"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_right_is_refused(kind, typed):
    assert not notes.is_of(kind, typed)


def test_a_bad_note_is_refused_when_it_is_typed_and_the_old_one_stays(lab):
    lab.note("way", block="10.0.0.0/8")
    lab.note("way", via="10.0.0.1")
    with pytest.raises(AcplabError, match=r"`block` must be a range such as .*, not '10.0.0.0'. Nothing was noted"):
        lab.note("way", block="10.0.0.0", via="10.0.0.2")
    assert lab._view().recall("way") == {"block": "10.0.0.0/8", "via": "10.0.0.1"}


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("wya", "x", "no note `wya`"),
        ("way", "10.0.0.0/8 via 10.0.0.1", "has fields: block, via"),
        ("way", {"bolck": "10.0.0.0/8"}, "no field `bolck`"),
        ("n", None, "`n` must be a whole number, not None"),
        ("load", 3, "`load` is recorded, not noted"),
    ],
)
def test_a_note_that_the_lab_does_not_have(lab, key, value, sentence):
    with pytest.raises(AcplabError, match=sentence):
        lab.note(key, value)


class Traffic:
    """What a load gives, by its name and its record()."""

    def record(self) -> dict:
        return {
            "total": 3,
            "failed": 0,
            "by_version": {"v1": {"total": 3, "first": 0.0, "last": 2.0}},
            "marks": [[1.0, "Done"]],
        }


def test_a_recorded_load_knows_when_it_began():
    began = datetime(2026, 1, 1, 10, tzinfo=UTC)
    seen = measure.Traffic([measure.Sample(0, 3, status=200, version="v1")], 50, began=began)
    assert RecordedLoad.of(json.loads(json.dumps(seen.record()))).began == began
    assert RecordedLoad.of(Traffic().record()).began is None


@pytest.mark.parametrize(
    ("failures", "ok", "found"),
    [
        ([], True, "0 of 400 requests failed"),
        ([404, 404, 503], False, "3 of 403 requests failed; 2 x http 404; 1 x http 503"),
    ],
)
def test_what_a_recorded_load_has_lost_is_named(failures, ok, found):
    answers = [measure.Sample(n / 50, 3, status=200, version="v1") for n in range(400)]
    lost = [measure.Sample(9, 3, status=status, error=f"http {status}") for status in failures]
    load = RecordedLoad.of(json.loads(json.dumps(measure.Traffic([*answers, *lost], 50).record())))
    result = expect.lossless(load, 0.01, "lossless")
    assert (result.ok, result.found) == (ok, found)


def test_what_a_load_saw_is_recorded(lab):
    lab.record("load", Traffic())
    load = lab._view().recorded_load("load")
    assert (load.total, load.spans["v1"].last, load.marked("done")) == (3, 2.0, 1.0)
    assert lab._view().recorded_load("nothing").total == 0


@pytest.mark.parametrize("what", [[], {}, None, LabView("ns", "")])
def test_only_what_the_lab_wants_is_recorded(lab, what):
    with pytest.raises(AcplabError, match="`load` must be the result of a load"):
        lab.record("load", what)
    with pytest.raises(AcplabError, match="records nothing as `rule`"):
        lab.record("rule", what)


def test_a_check_compares_what_is_noted(lab):
    lab.note("way", {"block": IPv4Network("10.0.0.0/8")})
    view = lab._view()
    assert expect.noted(view, "way.block", IPv4Network("10.0.0.0/8")).ok
    assert expect.noted(view, "way.block", ["10.1.0.0/16", "10.0.0.0/8"]).ok
    assert not expect.noted(view, "way.block", None).ok
    missing = expect.noted(view, "way.via", None)
    assert (missing.text, missing.ok, missing.found) == ("way.via", False, "nothing is noted")
    assert missing.wanted == "an address such as 192.168.0.10"


def test_a_hint_names_the_fields_that_are_open(lab):
    lab.note("way", block="10.0.0.0/8")
    view = lab._view()
    view.judge_with(lambda: (expect.noted(view, "way.block", "10.0.0.0/8"), expect.noted(view, "way.via", "10.0.0.1")))
    words = diagnose.notes("way", then="look", n=lambda _lab: 2)(view)
    assert words == ("look", {"fields": "via", "noted": "block=10.0.0.0/8", "n": 2})


# --- wrong solutions ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "patch", "merged"),
    [
        ({"a": 1, "b": {"c": 2}}, {"b": {"c": 3}}, {"a": 1, "b": {"c": 3}}),
        ({"a": 1}, {"a": None}, {}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ([{"name": "x", "v": 1}], {"x": {"v": 2}, "y": {"v": 3}}, [{"name": "x", "v": 2}, {"name": "y", "v": 3}]),
        ([{"name": "x"}, {"name": "y"}], {"x": None}, [{"name": "y"}]),
        ([{"port": 1}, {"port": 2}], {1: {"port": 3}}, [{"port": 1}, {"port": 3}]),
        ([{"name": "x", "w": 1}], {0: {"name": "y"}}, [{"name": "y", "w": 1}]),
    ],
)
def test_a_patch_shows_only_the_mistake(target, patch, merged):
    assert wrong.merge(target, patch) == merged


def case(**fields) -> wrong.WrongCase:
    return wrong.WrongCase(title="t", task="open", **fields)


def test_a_case_is_the_labs_own_files_with_the_mistake(world):
    lab = spec.read(world.lab)
    change = {"deployment/shop": {"spec": {"replicas": 7}}}
    (changed,) = wrong.changed(lab, case(before=["given/shop.yaml"], change=change))
    assert changed["spec"] == {"replicas": 7}
    (copied,) = wrong.changed(lab, case(change={"deployment/shop": {"metadata": {"name": "other"}}}))
    assert copied == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "other"},
        "spec": {"replicas": 3},
    }
    assert [one["kind"] for one in wrong.changed(lab, case(apply=["given/shop.yaml"], create=[{"kind": "Pod"}]))] == [
        "Deployment",
        "Pod",
    ]


def test_names_with_an_underscore_are_for_anchors_only(world):
    world.write(
        "labs/01-shop/wrong.yaml",
        "_x: &a {spec: {replicas: 2}}\nb: {title: T, task: open, change: {deployment/shop: *a}}\n",
    )
    assert list(wrong.read(spec.read(world.lab))) == ["b"]


# --- lab.ipynb ---------------------------------------------------------------------------------------------


def cell(name: str, source: str, kind: str = "code", **metadata) -> dict:
    extra = {"outputs": [{"output_type": "stream", "name": "stdout", "text": "x"}], "execution_count": 3}
    return {"cell_type": kind, "id": name, "metadata": metadata, "source": source} | (extra if kind == "code" else {})


def write_solution(world: World, *cells: dict) -> list[dict]:
    """The cells of the lab.ipynb that is made from these."""
    whole = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": "python3", "display_name": "P"}},
        "cells": list(cells),
    }
    world.write("labs/01-shop/solution.ipynb", json.dumps(whole))
    made = json.loads(notebook.build(world.lab))
    nbformat.validate(made)
    return [one | {"source": "".join(one["source"])} for one in made["cells"]]


def test_what_solves_a_task_becomes_a_place_to_work(world):
    made = write_solution(
        world,
        cell("ask", "## Task", "markdown"),
        cell("why", "The answer.", "markdown", tags=["solution"]),
        cell("solve", "answer()", tags=["solution"]),
        cell("begun", "answer()", tags=["solution"], starter="# Begin here"),
        cell("wait", "wait()", tags=["solution"], starter=""),
        cell("check-open", 'lab.check("open").must_pass()'),
        cell("look", "look()", tags=["nbval-check-output", "raises-exception"]),
    )
    assert [(one["id"], one["source"]) for one in made] == [
        ("ask", "## Task"),
        ("solve", "# Your steps"),
        ("begun", "# Begin here"),
        ("check-open", 'lab.check("open")'),
        ("look", "look()"),
    ]
    assert [one["metadata"] for one in made[1:]] == [{}, {}, {}, {"tags": ["raises-exception"]}]
    assert all(one["outputs"] == [] and one["execution_count"] is None for one in made[1:])
    assert notebook.build(world.lab) == notebook.build(world.lab)


def test_an_answer_that_is_shown_elsewhere_is_a_leak(world):
    answer = 'lab.apply("solution/shop.yaml")'
    write_solution(world, cell("solve", answer, tags=["solution"]))
    assert notebook.leaks(world.lab) == []
    write_solution(world, cell("solve", answer, tags=["solution"]), cell("text", f"Try\n\n    {answer}", "markdown"))
    assert notebook.leaks(world.lab) == [answer]
    write_solution(world, cell("solve", answer, tags=["solution"], starter=answer))
    assert notebook.leaks(world.lab) == ["the whole cell solve"]


# --- dev new -----------------------------------------------------------------------------------------------


def test_a_new_lab_is_complete_and_has_names_of_its_own(world):
    made = templates.new_lab("00-my-shop")
    folder = paths.ROOT / "labs" / "00-my-shop"
    assert {file.name for file in made} == {
        "lab.yaml", "checks.py", "criteria.yaml", "wrong.yaml", "solution.ipynb", "lab.ipynb", "shop.yaml",
    }  # fmt: skip
    lab = spec.read(folder)
    assert (lab.id, lab.chapter, lab.hosts) == ("00-my-shop", "00-welcome", ("my-shop.lab00.example.com",))
    assert wrong.problems(lab) == notebook.leaks(folder) == []
    assert "00-template" not in "".join(file.read_text() for file in made)
    assert len(made) <= 12


def test_a_new_lab_is_small(world):
    made = [file for file in templates.new_lab("00-my-shop") if file.suffix != ".ipynb"]
    cells = notebook.read(paths.ROOT / "labs" / "00-my-shop" / "solution.ipynb")["cells"]
    lines = sum(len(file.read_text().splitlines()) for file in made) + sum(
        len(one["source"].splitlines()) for one in cells
    )
    assert lines <= 400  # of 500 for one of five tasks


def test_a_new_chapter_is_complete(world):
    made = templates.new_chapter("03-high-reliability")
    assert [str(file.relative_to(paths.ROOT)) for file in made] == [
        "notebooks/03-high-reliability.ipynb",
        "notebooks/questions/03-high-reliability.yaml",
        "manifests/03-high-reliability/shop.yaml",
    ]
    assert "00-template" not in "".join(file.read_text() for file in made)


def test_a_chapter_may_have_a_second_part_with_labs_of_its_own(world):
    (text, *_others) = templates.new_chapter("03b-drain-nodes")
    assert "# 03b " in text.read_text()
    templates.new_lab("03b-shop")
    assert "chapter: 03b-drain-nodes" in (paths.ROOT / "labs" / "03b-shop" / "lab.yaml").read_text()


@pytest.mark.parametrize(
    ("make", "name", "sentence"),
    [
        (templates.new_lab, "shop", "no name for a lab"),
        (templates.new_lab, "../00-shop", "no name for a lab"),
        (templates.new_lab, "03-shop", "no chapter 03"),
        (templates.new_chapter, "00-welcome", "is there already"),
    ],
)
def test_a_name_that_cannot_be_made(world, make, name, sentence):
    with pytest.raises(AcplabError, match=sentence):
        make(name)
