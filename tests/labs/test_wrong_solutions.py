"""Wrong solutions that look right: the check of their task stays red, and its two hints differ.

That each lab is red when fresh, green when solved, and clean in the end is the proof of labs/*/solution.ipynb itself.
"""

from __future__ import annotations

import pytest
import stages
from acplab.grading.checks import FAULT
from acplab.kube import client
from stages import Stage


@pytest.fixture(scope="module", autouse=True)
def back_to_the_first_cluster(cluster):
    """Some labs have a cluster of their own; what is tested after them speaks to the fixture's again."""
    yield
    client.use(cluster.kubeconfig)


@pytest.fixture(scope="module")
def stage_of(cluster):
    """The stage of a lab; it stays up for all cases of that lab, and no longer: one lab breaks the nodes' routes."""
    current: dict[str, Stage] = {}

    def stage(lab_id: str) -> Stage:
        if lab_id not in current:
            clear()
            current[lab_id] = Stage(lab_id)
        return current[lab_id]

    def clear() -> None:
        while current:
            current.popitem()[1].lab.finish(lambda _words: None)

    yield stage
    clear()


CASES = stages.wrong_cases()


@pytest.mark.deep
@pytest.mark.parametrize(("lab_id", "name", "case"), CASES, ids=[f"{lab_id}/{name}" for lab_id, name, _case in CASES])
def test_a_wrong_solution_stays_red(stage_of, lab_id, name, case):
    stage = stage_of(lab_id)
    stage.play(case)
    report = stage.lab.check(case.task)
    words = report.words()
    assert not report.passed, f"{case.title}\n{words}"
    assert FAULT not in [result.text for result in report.results], words
    first, second = (stage.lab.hint(case.task).text for _tier in range(2))
    assert first != second
