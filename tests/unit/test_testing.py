"""./acplab test: what it runs, where, what it says afterwards, and what it keeps."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer
from acplab import cluster, images
from acplab.app import testing
from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.host import apt, docker

GROUP = {"part": "labs", "failed": 0, "tests": 2, "seconds": 30.0, "deep": 0, "deep_seconds": 0.0}


def targets(*words: str) -> list[list[str]]:
    """The folders and files that each phase gets."""
    return [given[len(phase.options) :] for phase, given in testing.chosen(words)]


def test_without_a_word_all_tests_run_in_three_phases():
    quick, beside, alone = targets()
    assert quick == ["tests/lint", "tests/unit"]
    assert set(beside) == {"tests/cluster", "tests/labs", "labs", "notebooks"}
    assert set(alone) - set(beside) == {"tests/browser", "tests/lifecycle"}


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["tests/unit/test_testing.py::test_one"], [["tests/unit/test_testing.py::test_one"]]),
        (["tests/labs", "-k", "00-hello"], [["-k", "00-hello", "tests/labs"]] * 2),
        (["tests/lifecycle"], [["tests/lifecycle"]]),
        (["tests/lint", "notebooks"], [["tests/lint"], ["notebooks"], ["notebooks"]]),
        (["-x"], [["-x", *given] for given in targets()]),
    ],
)
def test_named_tests_go_to_the_phases_that_hold_them(words, wanted):
    assert targets(*words) == wanted


@pytest.mark.parametrize(
    ("codes", "wanted"), [([0, 0, 0], 0), ([0, 1, 5], 1), ([5, 5], 5), ([0, 5, 5], 0), ([2, 1], 2)]
)
def test_one_exit_code_for_all_phases(codes, wanted):
    assert testing._code(codes) == wanted


@pytest.fixture
def calls(monkeypatch, tmp_path) -> list:
    """What is asked of Docker, the cluster and pytest, in order; pytest finds one group in each phase."""
    asked: list = []

    def call(command, cwd) -> int:
        asked.append([word for word in command[3:] if not word.startswith("--times")])
        times = next(word for word in command if word.startswith("--times")).removeprefix("--times=")
        Path(times).write_text(json.dumps({"labs/00-hello": GROUP}))
        return 0

    monkeypatch.setenv("ACPLAB_INSTANCE", "course")
    monkeypatch.setattr(testing.subprocess, "call", call)
    monkeypatch.setattr(docker, "ensure", lambda: asked.append("docker"))
    monkeypatch.setattr(apt, "ensure_browser", lambda: asked.append("browser"))
    monkeypatch.setattr(docker, "state", lambda: "ready")
    monkeypatch.setattr(cluster, "ensure", lambda *words: asked.append(("cluster", paths.instance(), *words)))
    monkeypatch.setattr(cluster, "made", lambda: ["pair", "small"])
    monkeypatch.setattr(cluster, "stop", lambda profile: asked.append(("stop", profile)))
    monkeypatch.setattr(cluster, "delete", lambda profile: asked.append(("delete", profile)))
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    for folder in ("tests/unit", "tests/labs"):
        (tmp_path / folder).mkdir(parents=True)
    return asked


def run(*words: str, **options: bool) -> int:
    with pytest.raises(typer.Exit) as ended:
        testing.run_tests(SimpleNamespace(args=list(words)), **options)  # type: ignore[arg-type]
    return ended.value.exit_code


def test_the_cluster_is_the_tests_own_is_made_before_it_is_needed_and_removed(calls):
    assert run() == 0
    small = ("cluster", "test", "small", "auto")
    assert [call for call in calls if not isinstance(call, list)] == [
        "docker", "browser", small, ("stop", "pair"), small, ("delete", "pair"), ("delete", "small")
    ]  # fmt: skip
    (first, beside, alone) = (n for n, call in enumerate(calls) if isinstance(call, list))
    assert "tests/unit" in calls[first]
    assert first < calls.index(small) < beside < calls.index(("stop", "pair")) < alone


def test_images_of_topics_are_got_before_two_workers_ask_for_them(calls, monkeypatch):
    monkeypatch.setattr(testing, "_bundles", lambda: ["dns"])
    monkeypatch.setattr(images, "bundle", lambda name, route: calls.append((name, route)))
    run("tests/labs", keep=True)
    assert calls[1:3] == [("cluster", "test", "small", "auto"), ("dns", "auto")]
    assert isinstance(calls[3], list)


def test_the_bundles_are_those_of_labs_and_chapters():
    assert "dns" in testing._bundles()


def test_unit_tests_need_neither_docker_nor_a_cluster(calls):
    run("tests/unit", keep=True)
    assert calls == [["-n2", "--dist=worksteal", "tests/unit"]]


def test_keep_leaves_the_cluster(calls):
    run("tests/labs", keep=True)
    assert ("delete", "small") not in calls


def test_chromium_is_installed_for_the_browser_tests_only(calls):
    run("tests/labs")
    assert "browser" not in calls


@pytest.mark.parametrize(
    ("words", "options", "due"), [([], {}, True), ([], {"everything": True}, False), (["tests/labs"], {}, False)]
)
def test_deep_tests_run_when_due_unless_they_are_asked_for(calls, words, options, due):
    run(*words, keep=True, **options)
    assert all(("--due" in call) == due for call in calls if isinstance(call, list))


def test_the_table_tells_parts_slowest_notebooks_and_budgets():
    text = testing.table({"labs/00-hello": GROUP, "tests/unit/a.py": GROUP | {"part": "unit", "failed": 3}}, 90.0)
    lines = [line.split() for line in text.splitlines()]
    assert ["unit", "3", "2", "30", "0", "0"] in lines
    assert ["labs", "0", "2", "30", "0", "0"] in lines
    assert ["30", "s", "labs/00-hello"] in lines
    assert "Together 1.5 min" in text
    assert "labs: median 30 s, budget 60 s, ratio 0.50" in text


def test_what_failed_is_said_at_the_end():
    groups: dict = {}
    testing._add(groups, {"labs/00-hello": GROUP | {"failed": 1, "said": ["Cell 3: why"]}})
    testing._add(groups, {"labs/00-hello": GROUP | {"failed": 1, "said": ["Cell 4: why"]}, "tests/unit/a.py": GROUP})
    assert testing.said(groups) == ["Failed: Cell 3: why", "Failed: Cell 4: why"]


BAD = GROUP | {"failed": 1, "said": ["Cell 3: late"]}


@pytest.mark.parametrize(
    ("codes", "failed", "wanted"),
    [
        ([0, 0, 0], [], []),
        ([0, 1, 0], ["labs/00-hello"], ["labs/00-hello"]),
        ([0, 1, 1], ["notebooks/b.ipynb", "labs/a", "tests/cluster/c.py"], ["labs/a", "notebooks/b.ipynb", "tests/cluster/c.py"]),
        ([0, 1, 1], ["labs/a", "labs/b", "labs/c", "labs/d"], []),
        ([1, 1, 0], ["tests/unit/a.py", "labs/a"], []),
        ([0, 2, 0], ["labs/a"], []),
    ],
    ids=["green", "one", "three", "too many", "a unit test", "interrupted"],
)  # fmt: skip
def test_a_few_groups_on_clusters_are_worth_a_second_try(codes, failed, wanted):
    assert testing.unsure(codes, {"labs/good": GROUP} | dict.fromkeys(failed, BAD)) == wanted


@pytest.fixture
def tries(calls, monkeypatch):
    """Let pytest end with these codes and groups, one after the other, and with green and nothing afterwards."""

    def put(*ends):
        left = list(ends)

        def call(command, cwd) -> int:
            calls.append(command[4:])
            code, groups = left.pop(0) if left else (0, {})
            Path(command[3].removeprefix("--times=")).write_text(json.dumps(groups))
            return code

        monkeypatch.setattr(testing.subprocess, "call", call)

    return put


def test_what_passes_alone_is_unstable_and_fails_nobody(calls, tries, capsys):
    tries((0, {}), (1, {"labs/00-hello": BAD}), (0, {}), (0, {"labs/00-hello": GROUP}))
    assert run(record=True) == 0
    (again,) = [call for call in calls if "--groups=labs/00-hello" in call]
    assert "--due" in again
    said = capsys.readouterr().out
    assert "Unstable, it passed alone: Cell 3: late" in said
    assert "Failed" not in said
    assert json.loads((paths.ROOT / "tests" / "proof.json").read_text()) == {}, "it is no proof"


def test_what_fails_twice_has_failed(calls, tries, capsys):
    tries((0, {}), (1, {"labs/00-hello": BAD}), (0, {}), (1, {"labs/00-hello": BAD}))
    assert run(record=True) == 1
    assert "Failed: Cell 3: late" in capsys.readouterr().out
    assert json.loads((paths.ROOT / "tests" / "proof.json").read_text()) == {}


def test_what_runs_less_at_its_second_try_has_failed(calls, tries):
    tries((0, {}), (1, {"labs/00-hello": BAD}), (0, {}), (0, {"labs/00-hello": GROUP | {"tests": 1}}))
    assert run() == 1


def test_a_phase_that_could_not_collect_its_tests_is_not_hidden_by_a_second_try(calls, tries):
    """So xdist ends when a file cannot be imported, or two workers collect different tests: with 1, and no group fails."""
    tries((1, {}), (1, {"labs/00-hello": BAD}), (0, {}), (0, {"labs/00-hello": GROUP}))
    assert run() != 0


def test_a_cluster_that_fails_before_the_second_try_loses_no_result(calls, tries, capsys, monkeypatch):
    tries((0, {}), (1, {"labs/00-hello": BAD}), (0, {}))
    stopped: list[str] = []

    def stop(profile) -> None:
        stopped.append(profile)
        if len(stopped) > 1:  # the first time before the phase of what runs alone
            raise AcplabError("Docker does not answer.", "Start it.")

    monkeypatch.setattr(cluster, "stop", stop)
    assert run() != 0
    said = capsys.readouterr().out
    assert "Docker does not answer." in said
    assert "Failed: Cell 3: late" in said


def test_what_has_passed_is_kept_after_each_phase(calls, tries, monkeypatch):
    def broken(*_words) -> int:
        raise KeyboardInterrupt

    tries((0, {}), (0, {"labs/00-hello": GROUP}))
    monkeypatch.setattr(testing, "_stop_all_but_small", broken)
    with pytest.raises(KeyboardInterrupt):
        testing.run_tests(SimpleNamespace(args=[]), record=True)  # type: ignore[arg-type]
    assert "labs/00-hello" in json.loads((paths.ROOT / "tests" / "proof.json").read_text())


def test_who_names_tests_hears_at_once_that_they_fail(calls, tries):
    tries((1, {"labs/00-hello": BAD}), (0, {"labs/00-hello": GROUP}))
    assert run("tests/labs") == 1


def test_record_keeps_what_has_passed_and_nothing_else(calls):
    file = paths.ROOT / "tests" / "proof.json"
    file.write_text(json.dumps({"labs/00-hello": {"date": "2026-01-01", "fingerprint": "old"}, "other": {"date": "x"}}))
    run(record=True)
    kept = json.loads(file.read_text())
    assert kept["other"] == {"date": "x"}
    assert kept["labs/00-hello"]["seconds"] == 90.0
    assert kept["labs/00-hello"]["fingerprint"] == "old"


def test_a_group_that_failed_is_not_proven(calls):
    testing._record(
        {"labs/a": GROUP | {"failed": 1}, "labs/b": GROUP | {"deep": 1, "deep_seconds": 9.0, "fingerprint": "f"}}
    )
    kept = json.loads((paths.ROOT / "tests" / "proof.json").read_text())
    assert set(kept) == {"labs/b"}
    assert kept["labs/b"]["fingerprint"] == "f"
    assert kept["labs/b"]["deep_seconds"] == 9.0
