"""Every lab on the cluster: red when fresh, green after the solution, green twice, and clean afterwards."""

from __future__ import annotations

import os

import pytest
import stages
from acplab.base import paths
from acplab.course import lab as labs
from acplab.course import namespaces
from acplab.kube import client as connection
from stages import LABS, Stage


@pytest.fixture(scope="module", autouse=True)
def back_to_the_first_cluster(cluster):
    """Some labs have a cluster of their own; what is tested after them speaks to the fixture's again."""
    yield
    connection.use(cluster.kubeconfig)


@pytest.mark.parametrize("lab_id", LABS)
def test_red_green_green_twice_clean(cluster, lab_id, monkeypatch):
    before = stages.inventory_before(lab_id)
    lesson = labs.find(lab_id)
    lesson.reset(lambda _words: None)
    for task in lesson.lab.tasks:
        report = lesson.check(task.id)
        assert not report.passed, f"{task.id} is green in the untouched lab:\n{report.words()}"
    monkeypatch.chdir(lesson.lab.folder)  # where the notebook's kernel would stand
    play_solution(lesson)
    gone = before - namespaces.inventory()
    left = namespaces.inventory() - before
    assert (gone, left) == (set(), set())


def play_solution(lesson) -> None:
    """Run the solution's cells; each task is green at once, and green again."""
    played, closing = stages.steps(lesson.lab.folder / "solution.ipynb")
    assert [step.task for step in played] == [task.id for task in lesson.lab.tasks]
    memory: dict = {}
    for step in played:
        for cell in step.cells:
            run(cell, memory)
        for _again in range(2):
            report = lesson.check(step.task)
            assert report.passed, report.words()
    for cell in closing:
        run(cell, memory)


def run(cell: str, memory: dict) -> None:
    """A cell in the memory of the ones before, as a kernel would."""
    exec(compile(cell, "<cell>", "exec"), memory)


@pytest.fixture(scope="module")
def stage_of(cluster):
    """The stage of a lab; it stays up for all cases of that lab, and no longer: one lab breaks the nodes' routes."""
    standing: dict[str, Stage] = {}

    def stage(lab_id: str) -> Stage:
        if lab_id not in standing:
            clear()
            standing[lab_id] = Stage(lab_id)
        return standing[lab_id]

    def clear() -> None:
        while standing:
            standing.popitem()[1].lesson.finish(lambda _words: None)

    yield stage
    clear()


@pytest.mark.parametrize("folder", stages.wrong_cases(), ids=lambda folder: f"{folder.parent.name}/{folder.name}")
def test_a_wrong_solution_that_looks_right_stays_red(stage_of, folder):
    stage = stage_of(folder.parent.name)
    case = stages.play_wrong(stage, folder)
    report = stage.lesson.check(case["task"])
    assert not report.passed, f"{case['title']}\n{report.words()}"
    said = report.words()
    assert "This is a fault of the check" not in said, said
    both = [stage.lesson.hint(case["task"]).words() for _tier in range(2)]
    assert both[0] != both[1]


def test_the_labs_are_all_here():
    assert set(LABS) >= {"00-hello", "10-canary-by-request", "10-canary-by-weight"}
    assert os.path.samefile(paths.ROOT / "labs", labs.all()[0].folder.parent)
