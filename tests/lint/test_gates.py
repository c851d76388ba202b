"""ruff and mypy, as tests, so that ./acplab test is the one command; their own words are shown on failure."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest
from acplab.base import paths
from acplab.course import spec as labfiles

pytestmark = pytest.mark.timeout(310)


def gate(*command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=paths.ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode:
        pytest.fail(f"{' '.join(command)} says:\n{done.stdout}{done.stderr}", pytrace=False)


def test_ruff():
    gate("ruff", "check", "--no-fix", ".")


def test_mypy_on_the_helpers():
    gate("mypy", "helpers/acplab")


def test_mypy_on_the_checks_of_labs(tmp_path):
    # All are called checks.py and lie in folders that are no Python names, which mypy takes for one module.
    for folder in labfiles.folders():
        shutil.copyfile(folder / "checks.py", tmp_path / f"checks_{folder.name.replace('-', '_')}.py")
    gate("mypy", str(tmp_path))
