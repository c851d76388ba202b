"""When deep tests are due: what they depend on has changed since they passed, or it is their turn.

tests/proof.json keeps what `./acplab test --record` has proven: of each group (a lab, or a file of tests) the date, the
seconds, and for deep tests a fingerprint of all files that they depend on.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Collection, Iterable, Iterator
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import acplab
import grimp
import yaml
from acplab.images import catalogue, sources

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "tests" / "proof.json"
LABS = sorted(file.parent.name for file in (ROOT / "labs").glob("*/lab.yaml"))
TURNS = 10  # every deep test has its turn once in so many days
BELOW = ("manifests/clusters", "manifests/platform")  # every cluster is made of these, and of images
# How a cluster and its images are made decides on no wrong solution: each run makes them, and solves every lab on them.
# What they make is counted all the same: the manifests below every cluster, and the images.
MAKERS = ("acplab.cluster", "acplab.images")
NOT_OURS = {"work", "__pycache__", ".ipynb_checkpoints"}


def read() -> dict[str, Any]:
    """What was proven when; nothing, if the file is missing."""
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}


def due(groups: Collection[str], day: date) -> set[str]:
    """The groups whose deep tests have to run on this day."""
    known = read()
    changed = {group for group in groups if known.get(group, {}).get("fingerprint") != fingerprint(group)}
    turn = {group for n, group in enumerate(sorted(groups)) if n % TURNS == day.toordinal() % TURNS}
    return changed | turn


@cache
def fingerprint(group: str) -> str:
    """A digest of every file and image that the deep tests of a group depend on."""
    digest = hashlib.sha256(json.dumps(images_of(group), sort_keys=True).encode())
    for file in sorted(inputs(group)):
        digest.update(f"{file.relative_to(ROOT)}\0".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]


def inputs(group: str) -> set[Path]:
    """The files that the deep tests of a group depend on."""
    own = [group, "tests/labs"] if group.startswith("labs/") else [group, f"{Path(group).parent}/conftest.py"]
    own.append(f"manifests/{cluster_of(group)}")  # what a profile has for itself, such as the virtual node
    files = {file for one in [*own, *BELOW] for file in below(ROOT / one)}
    # The tests of labs import the whole course; what decides on a wrong solution is what its checks import.
    if group.startswith("labs/"):
        return files | closure([ROOT / group / "checks.py"], without=MAKERS)
    return files | closure([ROOT / group])


def images_of(group: str) -> dict[str, str]:
    """Image -> fingerprint of what it is made of: those of every node, and those that the group asks for.

    A lab names the bundles in `needs`; a cluster can have one of its own name. What is no lab may ask for any.
    """
    every = catalogue.load()["bundles"]
    lab = lab_file(group)
    wanted = {"base", "platform", cluster_of(group), *lab.get("needs", ())} if lab else set(every)
    return {"node": catalogue.base_node_inputs()} | sources.manifest("built", *(one for one in every if one in wanted))


def below(path: Path) -> Iterator[Path]:
    """The file, or all files of a folder; what a learner or Python has left there does not count."""
    found = path.rglob("*") if path.is_dir() else [path]
    return (one for one in found if one.is_file() and not NOT_OURS & set(one.relative_to(ROOT).parts))


def closure(files: Iterable[Path], without: tuple[str, ...] = ()) -> set[Path]:
    """The modules of acplab that Python files import, directly or by a detour, but for packages and what only they need."""
    graph = package(without)
    direct = {name for file in files for name in imported(ast.parse(file.read_text(encoding="utf-8")))}
    modules = {one for name in direct for one in (name, name.rpartition(".")[0]) if one in graph.modules}
    modules |= {one for name in modules for one in graph.find_upstream_modules(name)}
    return {file for name in modules for file in source(name)}


@cache
def package(without: tuple[str, ...] = ()) -> grimp.ImportGraph:
    """Who imports whom in helpers/acplab, with some packages left out."""
    graph = grimp.build_graph("acplab", cache_dir=None)
    for module in [one for one in graph.modules if any(f"{one}.".startswith(f"{left}.") for left in without)]:
        graph.remove_module(module)
    return graph


def imported(tree: ast.Module) -> Iterator[str]:
    """Dotted names that a file imports from acplab; the parts that notebooks use by the modules behind them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "acplab":
            yield from (f"acplab.{acplab.PARTS.get(alias.name, alias.name)}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def source(module: str) -> list[Path]:
    """The file of a module of acplab."""
    path = ROOT.joinpath("helpers", *module.split("."))
    return [file for file in (path.with_suffix(".py"), path / "__init__.py") if file.exists()]


@cache
def lab_file(group: str) -> dict[str, Any]:
    """What the lab.yaml of a lab says; nothing for a group that is no lab."""
    file = ROOT / group / "lab.yaml"
    return yaml.safe_load(file.read_text(encoding="utf-8")) if file.exists() else {}


@cache
def metadata(group: str) -> dict[str, Any]:
    """What a chapter's notebook says to acplab; nothing for a group that is no notebook."""
    file = ROOT / group
    if file.suffix != ".ipynb" or not file.exists():
        return {}
    return json.loads(file.read_text(encoding="utf-8"))["metadata"].get("acplab", {})


@cache
def constants(group: str) -> dict[str, Any]:
    """The constants of a file of tests; nothing for a group that is no such file."""
    file = ROOT / group
    if file.suffix != ".py" or not file.exists():
        return {}
    assigned = (one for one in ast.parse(file.read_text(encoding="utf-8")).body if isinstance(one, ast.Assign))
    return {
        target.id: one.value.value
        for one in assigned
        for target in one.targets
        if isinstance(target, ast.Name) and isinstance(one.value, ast.Constant)
    }


def cluster_of(group: str) -> str:
    """The profile of the cluster that a lab, a chapter or a file of tests (CLUSTER = "eci") has; else `small`."""
    said = lab_file(group) or metadata(group)
    if group.startswith("tests/cluster/"):  # elsewhere a constant of this name means something else
        said = {"cluster": constants(group).get("CLUSTER")}
    return said.get("cluster") or "small"
