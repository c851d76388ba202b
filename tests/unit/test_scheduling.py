"""Which tests run together, which alone, and what is left out."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from types import SimpleNamespace

import pytest
import scheduling


@pytest.mark.parametrize(
    ("nodeid", "group"),
    [
        ("tests/unit/test_proof.py::test_one[labs/00-hello]", "tests/unit/test_proof.py"),
        ("notebooks/00-welcome.ipynb::Cell 3", "notebooks/00-welcome.ipynb"),
        ("labs/00-hello/solution.ipynb::Cell 0", "labs/00-hello"),
        (
            "tests/labs/test_wrong_solutions.py::test_a_wrong_solution_stays_red[10-canary-by-weight/typo]",
            "labs/10-canary-by-weight",
        ),
        (
            "tests/labs/test_wrong_solutions.py::test_a_wrong_solution_stays_red[00-hello/half-fails]@labs/00-hello",
            "labs/00-hello",
        ),
        ("tests/labs/test_wrong_solutions.py::test_other", "tests/labs/test_wrong_solutions.py"),
    ],
)
def test_a_lab_is_one_group_and_so_is_a_file(nodeid, group):
    assert scheduling.group_of(nodeid) == group


@pytest.mark.parametrize(
    ("nodeid", "part"),
    [
        ("tests/lint/test_gates.py::test_ruff", "lint"),
        ("notebooks/00-welcome.ipynb::Cell 3", "chapters"),
        ("labs/00-hello/solution.ipynb::Cell 0", "labs"),
        ("tests/labs/test_wrong_solutions.py::test_a_wrong_solution_stays_red[10-canary-by-weight/typo]", "labs"),
    ],
)
def test_the_parts(nodeid, part):
    assert scheduling.part_of(nodeid) == part


def test_a_lab_that_breaks_something_for_others_says_so_where_it_is_described():
    """Its notebook is made again and again, and lost it once."""
    assert scheduling.says_alone("labs/02-flannel-routes")
    assert not scheduling.says_alone("labs/00-hello")


def test_who_has_another_cluster_to_itself_anyway_is_not_alone():
    for group in ("labs/03-survive-a-zone", "notebooks/03-high-reliability.ipynb"):
        assert not scheduling.says_alone(group)
        assert scheduling.lane(group) == "other clusters"


def test_the_end_of_what_a_failed_test_said():
    words = "In [1]\n\n\x1b[31mAcplabError\x1b[39m: Pod a is unschedulable: no room\n  → Lower its requests.\n\n"
    assert (
        scheduling.last_lines(words) == "In [1] | AcplabError: Pod a is unschedulable: no room | → Lower its requests."
    )


def test_labs_on_clusters_beside_small_never_run_at_the_same_time(monkeypatch):
    clusters = {"labs/a": "tight", "labs/b": "tight", "labs/c": "small", "labs/d": "none"}
    monkeypatch.setattr(scheduling.proof, "cluster_of", clusters.get)
    scheduling.lane.cache_clear()
    assert [scheduling.lane(lab) for lab in clusters] == ["other clusters", "other clusters", "labs/c", "labs/d"]
    scheduling.lane.cache_clear()


class Item:
    """As much of a pytest item as the plugin asks for."""

    def __init__(self, nodeid: str, *marks: str) -> None:
        self.nodeid, self.marks = nodeid, dict.fromkeys(marks, pytest.mark.alone.mark)

    def add_marker(self, mark) -> None:
        self.marks[mark.name] = mark

    def get_closest_marker(self, name: str):
        return self.marks.get(name)


def select(items: list[Item], **options) -> list[str]:
    """The node ids that are left, in order."""
    known = {"--alone": None, "--groups": None, "--due": False, "--day": "2026-11-26", "loadgroup": False} | options
    config = SimpleNamespace(
        getoption=lambda name, default=None: known.get(name, default),
        hook=SimpleNamespace(pytest_deselected=lambda items: None),
    )
    for item in items:
        scheduling.pytest_itemcollected(item)
    scheduling.pytest_collection_modifyitems(config, items)
    return [item.nodeid for item in items]


BROWSER, REPAIR = "tests/browser/test_browser.py::test_a", "tests/lifecycle/test_repair.py::test_a"
KUBE, CHAPTER_00, CHAPTER_02 = (
    "tests/cluster/test_kube.py::test_a",
    "notebooks/00-welcome.ipynb::Cell 0",
    "notebooks/02-network-planning.ipynb::Cell 0",
)
ALL = [KUBE, CHAPTER_00, CHAPTER_02, BROWSER, REPAIR]


def test_what_breaks_something_for_others_runs_alone():
    assert select([Item(one) for one in ALL], **{"--alone": "only"}) == [CHAPTER_02, BROWSER, REPAIR]
    assert select([Item(one) for one in ALL], **{"--alone": "skip"}) == [KUBE, CHAPTER_00]
    assert select([Item(KUBE, "alone"), Item(KUBE)], **{"--alone": "only"}) == [KUBE]
    assert select([Item(one) for one in ALL]) == ALL


def test_groups_that_are_tried_again_run_by_themselves():
    groups = {"--groups": "notebooks/00-welcome.ipynb,tests/lifecycle/test_repair.py"}
    assert select([Item(one) for one in ALL], **groups) == [CHAPTER_00, REPAIR]


@pytest.mark.slow
def test_two_workers_never_share_a_file(tmp_path):
    """With pytest and xdist as they are: who reads the groups when is theirs to decide."""
    for name in ("a", "b", "c"):
        body = f"import os\n\n\n@pytest.mark.parametrize('n', range(4))\ndef test_{name}(n):\n    print(os.getpid())\n"
        (tmp_path / f"test_{name}.py").write_text(f"import pytest\n{body}")
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["scheduling"]\n')
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-n2",
        "--dist=loadgroup",
        "-v",
        "--alone=skip",
        "--rootdir=.",
        "-c=pytest.ini",
        ".",
    ]
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    workers: dict[str, set[str]] = {}
    for worker, name in re.findall(r"\[(gw\d)\].*PASSED test_(\w)\.py", done.stdout):
        workers.setdefault(name, set()).add(worker)
    assert {name: len(found) for name, found in workers.items()} == {"a": 1, "b": 1, "c": 1}


def test_deep_tests_run_when_they_are_due(monkeypatch):
    monkeypatch.setattr(scheduling.proof, "due", lambda groups, day: groups & {"tests/browser/test_browser.py"})
    assert select([Item(one) for one in ALL], **{"--due": True}) == ALL[:-1]
    assert select([Item(one) for one in ALL], **{"--due": False}) == ALL


def test_the_longest_begin(monkeypatch):
    monkeypatch.setattr(scheduling.proof, "read", lambda: {"notebooks/00-welcome.ipynb": {"seconds": 99.0}})
    items = [Item(one) for one in (KUBE, CHAPTER_00, KUBE, CHAPTER_00)]
    assert select(items, loadgroup=True) == [CHAPTER_00, CHAPTER_00, KUBE, KUBE]


def test_other_clusters_follow_each_other(monkeypatch):
    monkeypatch.setattr(scheduling.proof, "read", lambda: {})
    of = {"labs/00-hello": "ha", "labs/02-plan-the-vpc": "eci", "labs/02-flannel-routes": "ha"}
    monkeypatch.setattr(scheduling.proof, "cluster_of", lambda group: of.get(group, "small"))
    scheduling.lane.cache_clear()
    items = [Item(f"{lab}/solution.ipynb::Cell 0") for lab in of]
    chosen = select([Item(KUBE), *items], loadgroup=True)
    scheduling.lane.cache_clear()
    assert chosen[:3] == ["labs/02-plan-the-vpc/solution.ipynb::Cell 0", items[0].nodeid, items[2].nodeid]


def test_a_cluster_is_stopped_when_its_tests_are_over(monkeypatch):
    stopped: list[str] = []
    monkeypatch.setattr(scheduling, "_at", [])
    monkeypatch.setattr(scheduling.clusters, "stop", stopped.append)
    for cluster in ("small", "eci", "eci", "ha", "none", "small"):
        scheduling.leave(cluster)
    assert stopped == ["eci", "ha"]


def test_what_each_group_took_is_written_down(tmp_path, monkeypatch):
    monkeypatch.setattr(scheduling.proof, "fingerprint", lambda group: f"of {group}")
    times = scheduling.Times(tmp_path / "times.json")
    wrong = "tests/labs/test_wrong_solutions.py::test_a_wrong_solution_stays_red[00-hello/half-fails]@labs/00-hello"
    for nodeid, when, failed, keywords in [
        ("labs/00-hello/solution.ipynb::Cell 0", "setup", False, {}),
        ("labs/00-hello/solution.ipynb::Cell 0", "call", True, {}),
        (wrong, "call", False, {"deep": 1}),
    ]:
        told = {"nodeid": nodeid, "longreprtext": "cause\nremedy" if failed else ""}
        report = SimpleNamespace(when=when, failed=failed, keywords=keywords, duration=1.5, **told)
        times.pytest_runtest_logreport(report)
    times.pytest_sessionfinish()
    assert json.loads(times.file.read_text()) == {
        "labs/00-hello": {
            "part": "labs", "failed": 1, "tests": 1, "seconds": 3.0, "deep": 1, "deep_seconds": 1.5,
            "fingerprint": "of labs/00-hello", "said": ["labs/00-hello/solution.ipynb::Cell 0: cause | remedy"],
        }
    }  # fmt: skip
