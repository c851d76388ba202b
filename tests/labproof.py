"""The proof of a lab in one run, around nbval's run of its solution.ipynb.

Before the first cell every criterion that scores is red and every gate holds; each check that a cell has asked for is
green a second time; after the last cell the cluster holds what it held before. labs/conftest.py takes the hooks from here.
"""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("ACPLAB_INSTANCE", "test")  # a learner's clusters and progress are never touched

import pytest
from acplab import cluster, kube
from acplab.base import paths
from acplab.course import lab as labs
from acplab.course import namespaces, notebook
from acplab.course.spec import NO_CLUSTER
from acplab.grading.checks import FAULT
from acplab.grading.results import Report

# The notebook's kernel must run the code of this checkout too, whichever one is installed.
os.environ["PYTHONPATH"] = os.pathsep.join([str(paths.ROOT / "helpers"), os.environ.get("PYTHONPATH", "")])

_begun: dict[Path, set[str]] = {}  # notebook -> what the cluster held before


def quiet(_words: str) -> None:
    """Labs say what they do; a test does not want to hear it."""


def inventory_before(lab: labs.Lab) -> set[str]:
    """What the lab's cluster holds without this lab in it, and without what earlier tests are still removing."""
    if lab.lab.cluster == NO_CLUSTER:
        return set()
    with cluster.ensure(lab.lab.cluster) as there:
        for name in lab.lab.needs:
            cluster.add_on(name, there)
        lab.finish(quiet)
        for namespace in kube.list("namespace"):
            if namespace["metadata"].get("deletionTimestamp"):
                kube.wait("namespace", namespace["metadata"]["name"], "deleted")
    return inventory(lab)


def inventory(lab: labs.Lab) -> set[str]:
    """What the lab's cluster holds now, of what is the lab's own or everybody's."""
    if lab.lab.cluster == NO_CLUSTER:
        return set()
    with cluster.find(lab.lab.cluster):
        return {line for line in namespaces.inventory() if _concerns(line, lab.namespace)}


def _concerns(line: str, namespace: str) -> bool:
    """Other labs and tests run beside this one, in namespaces of their own."""
    kind, place, name = line.split("/", 2)
    space = name if kind == "namespace" else place
    return space == namespace or not space.startswith(("lab-", "ch-", "t-"))


def red(report: Report) -> None:
    """In the untouched lab: everything that scores is open, and every gate holds."""
    words = report.words()
    assert FAULT not in [result.text for result in report.results], words
    assert not [result.claim for result in report.results if result.ok != result.gate], words


# --- hooks -------------------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item):
    """Before the first cell: a fresh lab, all red."""
    if _is_proof(item) and item.path not in _begun:
        lab = labs.find(item.path.parent.name)
        _begun[item.path] = inventory_before(lab)
        lab.reset(quiet)
        for task in lab.lab.tasks:
            red(lab.check(task.id))
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """After a cell that demands a green check: the same check again, for one that has passed by luck."""
    outcome = yield
    if _is_proof(item) and ".must_pass()" in item.cell.source:
        for task in notebook.CHECK.findall(item.cell.source):
            labs.find(item.path.parent.name).check(task).must_pass()
    return outcome


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item, nextitem):
    """After the last cell: nothing is left, and nothing is gone."""
    outcome = yield
    if _is_proof(item) and (nextitem is None or nextitem.path != item.path):
        before, after = _begun.pop(item.path, set()), inventory(labs.find(item.path.parent.name))
        assert (before - after, after - before) == (set(), set())
    return outcome


def _is_proof(item: pytest.Item) -> bool:
    return item.path.name == "solution.ipynb"
