"""Every lab keeps the rules of lablint, and lablint notices when one does not."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import lablint
import pytest
from acplab.base import paths
from acplab.course import notebook as generated
from acplab.course import spec as labfiles

LABS = labfiles.folders()


@pytest.mark.parametrize("folder", LABS, ids=lambda folder: folder.name)
def test_lab(folder):
    assert "\n".join(lablint.problems(folder) + lablint.manifests(folder)) == ""


def test_no_two_labs_claim_a_host():
    assert "\n".join(lablint.clashes(LABS)) == ""


def test_nothing_lies_between_the_labs():
    strangers = [entry for entry in labfiles.root().iterdir() if entry not in LABS and entry.name[0] not in "._"]
    strangers = [entry for entry in strangers if entry.name != "conftest.py"]
    # A lab of another branch leaves its work/ behind, which git does not see.
    assert [one for one in strangers if one.is_file() or {e.name for e in one.iterdir()} - {*lablint.IGNORED}] == []


# --- the lint itself: a good lab passes, and each fault is found -------------------------------------------

TASKS = ("one", "two", "three", "four")
LAB_YAML = "\n".join([
    "id: 10-good", "title: Good", "chapter: 10-ingress-release", "minutes: 5", "skills: [x]", "hosts: [a.example.com]",
    "tasks:", *(f"  - {{id: {name}, title: T, ask: Do it.}}" for name in TASKS), "",
])  # fmt: skip
CHECK = """
@task("{name}")
def {name}(lab):
    yield expect.met("pod", lab.exists("pod", "p"), "f", "w")


hint("{name}", diagnose.say("pods"))
"""
CHECKS_PY = "from acplab.grading import diagnose, expect, hint, task\n\n" + "".join(CHECK.format(name=n) for n in TASKS)
CRITERIA_YAML = """\
criteria:
  pod: {claim: c, why: y, look: "l"}
hints:
  pods: [There is no Pod., "closer"]
"""
WRONG_YAML = "".join(f"no-{name}: {{title: T, task: {name}}}\n" for name in TASKS)
SOLUTION = """\
metadata:
  annotations:
    nginx.ingress.kubernetes.io/canary: "true"
    nginx.ingress.kubernetes.io/canary-weight: "20"
"""


def notebook(*sources: str) -> str:
    cells = [
        {
            "cell_type": "code",
            "id": f"step-{n}",
            "metadata": {},
            "outputs": [],
            "execution_count": None,
            "source": source,
        }
        for n, source in enumerate(sources)
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": kernel, "cells": cells})


@pytest.fixture
def lab(tmp_path) -> Path:
    folder = tmp_path / "10-good"
    for name in ("given", "solution", "work"):
        (folder / name).mkdir(parents=True)
    (folder / "lab.yaml").write_text(LAB_YAML)
    (folder / "checks.py").write_text(CHECKS_PY)
    (folder / "solution" / "canary.yaml").write_text(SOLUTION)
    start = 'lab = labs.start("10-good")'
    checks = [f'lab.check("{name}")' for name in TASKS]
    (folder / "criteria.yaml").write_text(CRITERIA_YAML)
    (folder / "wrong.yaml").write_text(WRONG_YAML)
    (folder / "solution.ipynb").write_text(notebook(start, *(check + ".must_pass()" for check in checks)))
    (folder / "lab.ipynb").write_text(generated.build(folder))
    return folder


def test_a_good_lab_has_no_faults(lab):
    assert lablint.problems(lab) + lablint.manifests(lab) == []


@pytest.mark.parametrize(
    ("file", "before", "after", "sentence"),
    [
        ("lab.yaml", "  - {id: four, title: T, ask: Do it.}\n", "", "has 3 tasks"),
        ("lab.yaml", "{id: four,", "{id: one,", "'one' is used twice"),
        ("lab.yaml", "chapter: 10-ingress-release", "chapter: 11-service-discovery", "another number"),
        ("lab.yaml", "minutes: 5", "minutes: soon", "`minutes`"),
        ("lab.yaml", "minutes: 5", "minutes: 5\nnotes: {way: {via: adress}}", "no kind 'adress'; use one of: address"),
        ("lab.yaml", "minutes: 5", "minutes: 5\nnotes: {way: {via: address}}", "no check looks at the note 'way.via'"),
        ("checks.py", '@task("four")', '@task("five")', "four has no check"),
        ("checks.py", '@task("four")', '@task("five")', "for five, which is no task"),
        ("checks.py", '@task("four")', '@task("three")', "two checks are for the task 'three'"),
        ("checks.py", 'hint("four"', 'hint("three"', "four has no hint"),
        ("checks.py", "    yield expect", "    return expect", "yields no result"),
        ("checks.py", '"pod", lab', '"pot", lab', "criteria.yaml has no 'pot' under criteria"),
        ("checks.py", 'say("pods")', 'say("pots")', "criteria.yaml has no 'pots' under hints"),
        ("criteria.yaml", "hints:", "  unused: {claim: c, why: y, look: l}\nhints:", "no check says 'unused'"),
        ("criteria.yaml", "claim: c", 'claim: "{"', "pod: "),
        ("criteria.yaml", "claim: c", "clam: c", "use one of: claim"),
        ("criteria.yaml", '"closer"', "There is no Pod.", "both hints are the same"),
        ("wrong.yaml", "no-four: {title: T, task: four}", "", "no case for the task four"),
        ("wrong.yaml", "task: four", "taks: four", "use one of: task"),
        ("wrong.yaml", "task: four", "task: fuor", "There is no task 'fuor'"),
        ("wrong.yaml", "task: four", "task: four, before: [solution/no.yaml]", "no.yaml"),
        ("wrong.yaml", "task: four", "task: four, change: {pod/x: {}}", "There is no object to change 'pod/x'"),
        ("checks.py", "\n\n", "\n\nfrom acplab import kube\n", "imports acplab.kube"),
        ("checks.py", "\n\n", "\n\nimport acplab.cluster\n", "imports acplab.cluster"),
        ("checks.py", "\n\n", "\n\nfrom acplab.kube import apply\n", "imports acplab.kube"),
        ("checks.py", "\n\n", "\n\nimport yaml\n", "imports yaml"),
        ("checks.py", "\n\n", "\n\nfrom time import sleep\n", "imports time"),
        ("checks.py", "    yield", "    time.sleep(1)\n    yield", "calls sleep"),
        ("checks.py", "    yield", "    lab.delete('pod', 'p')\n    yield", "calls delete"),
        ("checks.py", "    yield", "    lab.traffic(method='POST')\n    yield", "sends POST"),
        ("checks.py", "    yield", "    lab._notes\n    yield", "private name _notes"),
        ("checks.py", '"f", "w"', '"f", """nginx.ingress.kubernetes.io/canary: "true"\nnginx.ingress.kubernetes.io/"""', "is in solution/canary.yaml"),
        ("criteria.yaml", '"closer"', "'nginx.ingress.kubernetes.io/canary: \"true\" nginx.ingress.kubernetes.io/'", "is in solution/canary.yaml"),
        ("lab.ipynb", "lab = ", "lab=", "run ./acplab dev build 10-good"),
        ("lab.ipynb", 'check(\\"two\\")', "check()", "lab.ipynb never checks the task two"),
        ("solution.ipynb", 'check(\\"two\\")', 'check(\\"tow\\")', "checks tow, which is no task"),
        ("solution.ipynb", 'start(\\"10-good\\")', 'start(\\"10-bad\\")', "must start 10-good"),
        ("solution.ipynb", 'check(\\"two\\").must_pass()', 'check(\\"two\\")', "never demands that two is green"),
    ],
)  # fmt: skip
def test_faults_are_found(lab, file, before, after, sentence):
    text = (lab / file).read_text()
    assert before in text
    (lab / file).write_text(text.replace(before, after, 1))
    assert sentence in "\n".join(lablint.problems(lab))


@pytest.mark.parametrize("name", lablint.NEEDED)
def test_missing_files_are_found(lab, name):
    (lab / name).unlink()
    assert f"has no {name}" in "\n".join(lablint.problems(lab))


@pytest.mark.parametrize("name", ["notes.txt", "given/notes.txt", "extra/a.yaml", "solution/deep/a.yaml"])
def test_stray_files_are_found(lab, name):
    (lab / name).parent.mkdir(parents=True, exist_ok=True)
    (lab / name).write_text("")
    assert lablint.stray(lab)


def test_a_long_id_is_found(lab):
    long = lab.with_name("10-" + "x" * 60)
    lab.rename(long)
    (long / "lab.yaml").write_text(LAB_YAML.replace("10-good", long.name))
    assert "63 characters" in "\n".join(lablint.problems(long))


def test_a_short_run_is_no_giveaway():
    assert lablint.shared("a" * 59, "a" * 200) == ""
    assert lablint.shared("a" * 60, "a" * 200) == "a" * 60


def test_bad_manifests_are_found(lab):
    (lab / "given" / "a.yaml").write_text("a: [")
    (lab / "solution" / "b.yaml").write_text("metadata: {name: a, namespace: default}")
    first, second = lablint.manifests(lab)
    assert "not YAML" in first
    assert "names the namespace default" in second


def test_shared_hosts_are_found(lab):
    other = lab.with_name("11-good")
    other.mkdir()
    (other / "lab.yaml").write_text(LAB_YAML.replace("10-good", "11-good"))
    assert len(lablint.clashes([lab, other])) == 2


HELPERS = paths.ROOT / "helpers" / "acplab"
SHARED = [file for name in ("expect", "diagnose") for file in HELPERS.glob(f"topics/*/{name}.py")]


@pytest.mark.parametrize(
    "file", [*SHARED, paths.ROOT / "helpers/acplab/grading/expect.py"], ids=lambda f: f"{f.parent.name}/{f.name}"
)
def test_what_checks_share_writes_as_little_as_they_do(file):
    tree = ast.parse(file.read_text())
    assert [*lablint.calls(tree), *lablint.reaches(tree)] == []
