"""Which test runs where and when, and how long it took: a pytest plugin that conftest.py loads.

Tests fall into groups: a lab (its proof, its notebooks and its wrong solutions), or else a file. A group runs in one
process, in its order. With two workers two groups run side by side on one cluster, each in its own namespace; a group
that breaks something for the others is `alone`. Groups on clusters other than `small` run in one lane, cluster by cluster:
a group has its cluster to itself, and no more than one such cluster runs, since idle nodes take much of two cores.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import proof
import pytest
from acplab import cluster as clusters
from proof import LABS
from xdist.scheduler import LoadScopeScheduling

CELL_SECONDS = 60  # of a cell that does not say how long it may take
EXPECTED = 60.0  # seconds of a group that has never been measured
LAST_LINES = 4  # of what a test that failed has said: enough for a cause and the next step
_at: list[str] = []  # the cluster of the group that this process runs
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
SECONDS = ("seconds", "deep_seconds")
PARTS = {"notebooks": "chapters", "labs": "labs"}


def pytest_addoption(parser: pytest.Parser) -> None:
    options = parser.getgroup("acplab")
    options.addoption("--alone", choices=("only", "skip"), help="only what needs the cluster alone, or all but that")
    options.addoption("--due", action="store_true", help="of the deep tests only those that are due, and a tenth")
    options.addoption("--day", default=date.today().isoformat(), help="the day that chooses the tenth")
    options.addoption("--groups", help="only these, separated by commas")
    options.addoption("--times", help="a file for what took how long, as JSON")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "alone: breaks something that other tests need, so nothing runs beside it")
    config.addinivalue_line("markers", "deep: need not run while nothing that it depends on has changed")
    if config.getoption("--times") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Times(Path(config.getoption("--times"))))


def pytest_itemcollected(item: pytest.Item) -> None:
    mark(item)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    unwanted = [item for item in items if not wanted(item, config.getoption("--alone"))]
    if config.getoption("--groups"):
        unwanted += [item for item in items if group_of(item.nodeid) not in config.getoption("--groups").split(",")]
    if config.getoption("--due"):
        deep = {group_of(item.nodeid) for item in items if item.get_closest_marker("deep")}
        due = proof.due(deep, date.fromisoformat(config.getoption("--day")))
        unwanted += [one for one in items if one.get_closest_marker("deep") and group_of(one.nodeid) not in due]
    if config.getoption("loadgroup", False):
        items.sort(key=longest_first(items))
    if unwanted:
        config.hook.pytest_deselected(items=unwanted)
        left_out = set(unwanted)
        items[:] = [item for item in items if item not in left_out]


def mark(item: pytest.Item) -> None:
    """Give a test the marks that follow from where it lies."""
    if item.nodeid.startswith(("tests/browser", "tests/lifecycle")):
        item.add_marker(pytest.mark.alone)
        item.add_marker(pytest.mark.deep)
    elif says_alone(group_of(item.nodeid)):
        item.add_marker(pytest.mark.alone)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave the cluster of the group before; a cell may say how many seconds it has: {"acplab": {"seconds": 300}}."""
    leave(proof.cluster_of(group_of(item.nodeid)))
    if cell := getattr(item, "cell", None):
        item.config.option.nbval_cell_timeout = cell.metadata.get("acplab", {}).get("seconds", CELL_SECONDS)


def leave(cluster: str) -> None:
    """Stop the cluster at which this process worked before it comes to another one."""
    before, _at[:] = list(_at), [cluster]
    for one in before:
        if one != cluster and elsewhere(one):
            clusters.stop(one)


def wanted(item: pytest.Item, alone: str | None) -> bool:
    """Whether this run wants the test: "only" what is alone, or "skip" that."""
    return alone is None or (item.get_closest_marker("alone") is not None) == (alone == "only")


def group_of(nodeid: str) -> str:
    """ "labs/10-canary-by-weight", or the test's file."""
    file = nodeid.split("::")[0]
    named = [lab for lab in LABS if lab in nodeid] if file.startswith(("labs/", "tests/labs/")) else []
    return f"labs/{max(named, key=len)}" if named else file


def part_of(nodeid: str) -> str:
    """The part of the tests to which one belongs: lint, unit, cluster, labs, chapters, browser, lifecycle."""
    first, second = Path(nodeid.split("::")[0]).parts[:2]
    return PARTS.get(first, second)


@cache
def lane(group: str) -> str:
    """Which groups may never run at the same time: those on clusters other than `small`."""
    return "other clusters" if elsewhere(proof.cluster_of(group)) else group


def elsewhere(cluster: str) -> bool:
    """Whether this is a cluster beside `small`, which is there for all."""
    return cluster not in ("small", "none")


@cache
def says_alone(group: str) -> bool:
    """Whether lab.yaml says `alone: true`, or a chapter {"acplab": {"alone": true}} in its metadata, of `small`."""
    said = bool((proof.lab_file(group) or proof.metadata(group)).get("alone"))
    return said and proof.cluster_of(group) == "small"


def longest_first(items: Iterable[pytest.Item]) -> Any:
    """A sort key: lanes by what they took last time, so that no long one is left for the end."""
    known = proof.read()
    seconds: dict[str, float] = {}
    for group in {group_of(item.nodeid) for item in items}:
        of_group = known.get(group, {"seconds": EXPECTED})
        seconds[lane(group)] = seconds.get(lane(group), 0.0) + sum(of_group.get(key, 0.0) for key in SECONDS)

    def key(item: pytest.Item) -> tuple[float, str, str]:
        group = group_of(item.nodeid)
        return -seconds[lane(group)], lane(group), proof.cluster_of(group)

    return key


class Lanes(LoadScopeScheduling):
    """xdist's scheduler: a lane goes to one worker as a whole.

    xdist has groups by a marker, too, but version 3.8 writes it into a place that pytest 9.2 does not read any more.
    """

    def _split_scope(self, nodeid: str) -> str:
        return lane(group_of(nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Lanes | None:
    return Lanes(config, log) if config.getoption("dist") == "loadgroup" else None


def last_lines(words: str) -> str:
    """The end of what a test has said, in one line."""
    lines = [line.strip() for line in COLOUR.sub("", words).splitlines() if line.strip()]
    return " | ".join(line[:300] for line in lines[-LAST_LINES:])


class Times:
    """Adds up what each group took, and writes it down at the end."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.groups: dict[str, dict[str, Any]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        new = {"part": part_of(report.nodeid), "failed": 0, "tests": 0, "seconds": 0.0, "deep": 0, "deep_seconds": 0.0}
        group = self.groups.setdefault(group_of(report.nodeid), new)
        number, seconds = ("deep", "deep_seconds") if "deep" in report.keywords else ("tests", "seconds")
        group[number] += report.when == "call"
        group[seconds] += report.duration
        group["failed"] += report.failed
        if report.failed:
            group.setdefault("said", []).append(f"{report.nodeid}: {last_lines(report.longreprtext)}")

    def pytest_sessionfinish(self) -> None:
        for name, group in self.groups.items():
            if group["deep"]:
                group["fingerprint"] = proof.fingerprint(name)
        self.file.write_text(json.dumps(self.groups), encoding="utf-8")
