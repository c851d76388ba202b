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

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "tests" / "proof.json"
LABS = sorted(file.parent.name for file in (ROOT / "labs").glob("*/lab.yaml"))
TURNS = 10  # every deep test has its turn once in so many days
BELOW = ("manifests/clusters", "manifests/platform", "helpers/images")  # every cluster is made of these
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
    """A digest of every file that the deep tests of a group depend on."""
    digest = hashlib.sha256()
    for file in sorted(inputs(group)):
        digest.update(f"{file.relative_to(ROOT)}\0".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]


def inputs(group: str) -> set[Path]:
    """The files that the deep tests of a group depend on."""
    own = [group, "tests/labs"] if group.startswith("labs/") else [group, f"{Path(group).parent}/conftest.py"]
    files = {file for one in [*own, *BELOW] for file in below(ROOT / one)}
    # The tests of labs import the whole course; what decides on a wrong solution is what its checks import.
    judged = [ROOT / group / "checks.py"] if group.startswith("labs/") else [ROOT / group]
    return files | closure(judged)


def below(path: Path) -> Iterator[Path]:
    """The file, or all files of a folder; what a learner or Python has left there does not count."""
    found = path.rglob("*") if path.is_dir() else [path]
    return (one for one in found if one.is_file() and not NOT_OURS & set(one.relative_to(ROOT).parts))


def closure(files: Iterable[Path]) -> set[Path]:
    """The modules of acplab that Python files import, directly or by a detour."""
    graph = package()
    direct = {name for file in files for name in imported(ast.parse(file.read_text(encoding="utf-8")))}
    modules = {one for name in direct for one in (name, name.rpartition(".")[0]) if one in graph.modules}
    modules |= {one for name in modules for one in graph.find_upstream_modules(name)}
    return {file for name in modules for file in source(name)}


@cache
def package() -> grimp.ImportGraph:
    """Who imports whom in helpers/acplab."""
    return grimp.build_graph("acplab", cache_dir=None)


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


def cluster_of(group: str) -> str:
    """The profile of the cluster that a lab needs; `small` for everything else."""
    return lab_file(group).get("cluster", "small")
