"""`./acplab test`: all tests in three phases, on clusters of their own, and what took how long."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from acplab.base import paths
from acplab.base.console import say
from acplab.base.errors import AcplabError
from acplab.base.i18n import _

# A lab or a file of tests -> part, failed, tests and their seconds, deep tests and theirs, fingerprint of what these need.
Groups = dict[str, dict[str, Any]]
NUMBERS = ("failed", "tests", "seconds", "deep", "deep_seconds")

BROKEN, NO_TESTS = 2, 5  # what pytest ends with when it broke off, and when it has found no test
BUDGETS = {"chapters": 90, "labs": 60}  # seconds, for the median
PARTS = ("lint", "unit", "cluster", "labs", "chapters", "browser", "lifecycle")
ON_CLUSTER = ("tests/cluster", "tests/labs", "labs", "notebooks")


@dataclass(frozen=True)
class Phase:
    """Tests that one pytest runs. folders: where they lie. options: how they are spread over processes.

    rested: the clusters beside `small` are stopped before; who needs one of them has it started again.
    """

    folders: tuple[str, ...]
    options: tuple[str, ...]
    on_cluster: bool = True
    rested: bool = False

    def holds(self, name: str) -> bool:
        """Whether a file or a folder lies in its folders."""
        return any(Path(name).is_relative_to(folder) for folder in self.folders)


Given = tuple[Phase, list[str]]  # a phase and the arguments of its pytest

PHASES = (
    Phase(("tests/lint", "tests/unit"), ("-n2", "--dist=worksteal"), on_cluster=False),
    Phase(ON_CLUSTER, ("-n2", "--dist=loadgroup", "--no-loadscope-reorder", "--alone=skip")),
    # Twenty idle nodes would take half a core of two, and most of the memory.
    Phase((*ON_CLUSTER, "tests/browser", "tests/lifecycle"), ("--alone=only",), rested=True),
)
# Two cores with twenty nodes are late now and then, and a few of thousands of tests with them: such a group is tried once more,
# with nothing beside it, and is called unstable if it passes then. More groups than these have a cause of their own.
AGAIN = Phase(PHASES[-1].folders, (), rested=True)
MOST_AGAIN = 3


def run_tests(
    context: typer.Context,
    images: Annotated[str, typer.Option("--images", help="Where images come from, as for start.")] = "auto",
    keep: Annotated[bool, typer.Option("--keep", help="Leave the test clusters for the next run.")] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Also the deep tests that nothing has touched since they passed.")
    ] = False,
    record: Annotated[bool, typer.Option("--record", help="Keep in tests/proof.json what has passed.")] = False,
) -> None:
    """Run the tests, on clusters of their own. Further arguments go to pytest; tests named there run in any case."""
    # The tests have their own clusters, kubeconfigs and progress: a learner's are never touched.
    os.environ["ACPLAB_INSTANCE"] = "test"
    os.environ["PYTHONHASHSEED"] = "0"  # two workers must name a test alike, also where a set is its parameter
    # One day for all phases: at midnight another tenth has its turn.
    due = [] if everything or context.args else ["--due", f"--day={date.today().isoformat()}"]
    began = time.monotonic()
    plan = chosen(context.args)
    with _clusters(plan, keep) if any(phase.on_cluster for phase, _words in plan) else nullcontext():
        codes, groups = _run(plan, due, images, record)
        if not context.args and (names := unsure(codes, groups)):
            codes = [_try_again(names, groups, due, images)]
    say(table(groups, time.monotonic() - began))
    for words in said(groups):
        say(words)
    raise typer.Exit(_code(codes))


def chosen(words: Sequence[str]) -> list[Given]:
    """Each phase that has something to do, with pytest's arguments: the named tests that lie in its folders, or all."""
    named = [word for word in words if (paths.ROOT / word.split("::")[0]).exists()]
    others = [word for word in words if word not in named]
    plan = []
    for phase in PHASES:
        targets = _targets(phase, named or ["."])
        if targets:
            plan.append((phase, [*phase.options, *others, *targets]))
    return plan


def _targets(phase: Phase, named: Iterable[str]) -> list[str]:
    """What is named and lies in the phase's folders; of a folder above them, these."""
    found = []
    for name in named:
        path = name.split("::")[0]
        found += [name] if phase.holds(path) else [one for one in phase.folders if Path(one).is_relative_to(path)]
    return found


@contextmanager
def _clusters(plan: Sequence[Given], keep: bool) -> Iterator[None]:
    """What tests on a cluster need is there while the block runs, and no cluster afterwards."""
    from acplab import cluster
    from acplab.host import apt, docker

    docker.ensure()
    if any("tests/browser" in word for _phase, words in plan for word in words):
        apt.ensure_browser()
    try:
        yield
    finally:
        if not keep:
            for one in cluster.made():
                cluster.delete(one)


def _run(plan: Sequence[Given], due: list[str], images: str, record: bool) -> tuple[list[int], Groups]:
    """pytest's exit codes, and what took how long; kept after each phase, since all of them take longer than an hour."""
    codes: list[int] = []
    groups: Groups = {}
    for phase, words in plan:
        code, found = _run_phase(phase, [*due, *words], images)
        codes.append(code)
        _add(groups, found)
        if record:
            _record(groups)
    return codes, groups


def _run_phase(phase: Phase, words: Sequence[str], images: str) -> tuple[int, Groups]:
    """The exit code of the phase's pytest, and what took how long."""
    if phase.rested:
        _stop_all_but_small()
    if phase.on_cluster:
        _ensure_cluster(images)
    with tempfile.TemporaryDirectory() as folder:
        times = Path(folder, "times.json")
        code = subprocess.call([sys.executable, "-m", "pytest", f"--times={times}", *words], cwd=paths.ROOT)
        found = json.loads(times.read_text()) if times.exists() else {}
    if code == 1 and not any(group["failed"] for group in found.values()):
        code = BROKEN  # two workers that collect nothing, or not the same, end as if a test had failed
    return code, found


def unsure(codes: Iterable[int], groups: Groups) -> list[str]:
    """The groups that failed, if they are worth a second try: a few on clusters, and nothing else is wrong."""
    failed = sorted(name for name, group in groups.items() if group["failed"])
    only_tests = all(code in (0, 1, NO_TESTS) for code in codes)
    few_on_clusters = all(map(AGAIN.holds, failed)) and len(failed) <= MOST_AGAIN
    return failed if only_tests and few_on_clusters else []


def _try_again(names: list[str], groups: Groups, due: list[str], images: str) -> int:
    """Run groups that failed once more, alone, and put what comes of it in their place; pytest's exit code."""
    try:
        code, found = _run_phase(AGAIN, [f"--groups={','.join(names)}", *due, *AGAIN.folders], images)
    except AcplabError as error:  # what has been measured so far is still told
        say(str(error))
        return BROKEN
    for name in names:
        first, second = groups[name], found.get(name)
        if second and not second["failed"] and _ran(second) >= _ran(first):
            groups[name] = second | {"said": [], "unstable": first["said"]}
        elif second:
            first["said"] += second.get("said", [])
    return code if all("unstable" in groups[name] for name in names) else max(code, 1)


def _ran(group: dict[str, Any]) -> int:
    """How many tests of a group have run."""
    return int(group["tests"] + group["deep"])


def _stop_all_but_small() -> None:
    from acplab import cluster

    for one in cluster.made():
        if one != "small":
            cluster.stop(one)


def _ensure_cluster(route: str) -> None:
    from acplab import cluster, images

    cluster.ensure("small", route)
    for bundle in _bundles():  # now, since two workers cannot get images at the same time
        images.bundle(bundle, route)


def _bundles() -> list[str]:
    """The bundles of images that chapters and labs need."""
    from acplab import images
    from acplab.course import spec

    chapters = [file.stem for file in (paths.ROOT / "notebooks").glob("*.ipynb")]
    of_labs = {name for lab in spec.all_labs() for name in lab.needs}
    return sorted(of_labs.union(*map(images.chapter_bundles, chapters)))


def _add(groups: Groups, more: Groups) -> None:
    """Put what a phase has measured to what the ones before have."""
    for name, group in more.items():
        known = groups.setdefault(name, group | dict.fromkeys(NUMBERS, 0) | {"said": []})
        for key in NUMBERS:
            known[key] += group[key]
        known["said"] += group.get("said", ())


def _code(codes: list[int]) -> int:
    """One exit code for all phases: that no test is there counts only if it is so everywhere."""
    bad = [code for code in codes if code not in (0, NO_TESTS)]
    return bad[0] if bad else min(codes, default=NO_TESTS)


# --- what took how long ---------------------------------------------------------------------------------------------------


def table(groups: Groups, seconds: float) -> str:
    """How long the parts took, the slowest notebooks, and how that compares with the budgets, as text."""
    columns = (_("part"), _("failed"), _("tests"), _("seconds"), _("deep"), _("seconds"))
    lines = [f"{columns[0]:<12}" + "".join(f"{column:>9}" for column in columns[1:])]
    for part in PARTS:
        of_part = [group for group in groups.values() if group["part"] == part]
        if of_part:
            sums = [sum(group[key] for group in of_part) for key in NUMBERS]
            lines.append(f"{part:<12}" + "".join(f"{number:>9.0f}" for number in sums))
    lines.append(_("Together {minutes:.1f} min, as parts ran side by side.").format(minutes=seconds / 60))
    return "\n".join([*lines, *_slowest(groups), *_medians(groups)])


def said(groups: Groups) -> list[str]:
    """The last words of each test that has failed, also of one that passed at its second try: a log of hours is searched from its end."""
    unstable = [words for group in groups.values() for words in group.get("unstable", ())]
    failed = [words for group in groups.values() for words in group.get("said", ())]
    return [
        *(_("Unstable, it passed alone: {words}").format(words=words) for words in unstable),
        *(_("Failed: {words}").format(words=words) for words in failed),
    ]


def _slowest(groups: Groups) -> list[str]:
    notebooks = {name: one["seconds"] for name, one in groups.items() if one["part"] in BUDGETS}
    slowest = sorted(notebooks, key=lambda name: -notebooks[name])[:10]
    return [f"{notebooks[name]:>7.0f} s  {name}" for name in slowest]


def _medians(groups: Groups) -> list[str]:
    """The medians against the budgets, deep tests not counted."""
    lines = []
    for part, budget in BUDGETS.items():
        took = [one["seconds"] for one in groups.values() if one["part"] == part and one["tests"]]
        if took:
            middle = statistics.median(took)
            words = _("{part}: median {middle:.0f} s, budget {budget} s, ratio {ratio:.2f}")
            lines.append(words.format(part=part, middle=middle, budget=budget, ratio=middle / budget))
    return lines


def _record(groups: Groups) -> None:
    """Keep in tests/proof.json what has passed, with its date and duration."""
    file = paths.ROOT / "tests" / "proof.json"
    known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    for name, group in groups.items():
        if not group["failed"] and "unstable" not in group:
            known[name] = known.get(name, {}) | _passed(group)
    paths.write_whole(file, json.dumps(dict(sorted(known.items())), indent=1) + "\n")


def _passed(group: dict[str, Any]) -> dict[str, Any]:
    """What is worth keeping of a group that has passed."""
    entry: dict[str, Any] = {"date": date.today().isoformat()}
    if group["tests"]:
        entry["seconds"] = round(group["seconds"], 1)
    if group["deep"]:
        entry |= {"deep_seconds": round(group["deep_seconds"], 1), "fingerprint": group["fingerprint"]}
    return entry
