"""One list of what the course needs: pyproject.toml. The conda file and the lock must not drift from it."""

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
PINNED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>[^\s;\\]+)", re.MULTILINE)


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def conda() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))


def conda_pip() -> list[str]:
    return next(entry["pip"] for entry in conda()["dependencies"] if isinstance(entry, dict))


def locked() -> dict[str, str]:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    return {canonicalize_name(found["name"]): found["version"] for found in PINNED.finditer(text)}


def test_the_conda_file_lists_exactly_the_projects_dependencies():
    assert sorted(conda_pip()) == sorted(project()["dependencies"])


def test_the_conda_file_wants_the_projects_python():
    python = next(entry for entry in conda()["dependencies"] if str(entry).startswith("python"))
    assert SpecifierSet(python.removeprefix("python")) == SpecifierSet(project()["requires-python"])


def test_the_conda_environment_is_called_acplab():
    assert conda()["name"] == "acplab"


@pytest.mark.parametrize("dependency", project()["dependencies"])
def test_the_lock_satisfies_the_project(dependency: str):
    wanted = Requirement(dependency)
    version = locked().get(canonicalize_name(wanted.name))
    assert version, f"{wanted.name} is not in requirements.lock"
    assert wanted.specifier.contains(version, prereleases=True), f"{wanted} but locked is {version}"


def test_everything_in_the_lock_has_a_hash():
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    entries = re.split(r"\n(?=[A-Za-z0-9])", text)
    bare = [entry.split()[0] for entry in entries if PINNED.match(entry) and "--hash=sha256:" not in entry]
    assert not bare
