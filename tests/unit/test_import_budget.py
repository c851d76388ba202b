"""`import acplab` costs next to nothing: what is heavy is imported when it is first used."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"kubernetes", "aiohttp", "matplotlib", "numpy", "ipywidgets", "IPython", "urllib3", "requests", "pandas"}
RATHER_HEAVY = {"yaml", "rich", "typer", "stamina", "asyncio"}


def imported(statement: str) -> set[str]:
    """Names of the top-level modules that are there after a statement, in a Python of its own."""
    program = f"import sys; {statement}; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_the_package_alone_imports_almost_nothing():
    assert imported("import acplab") & (HEAVY | RATHER_HEAVY) == set()


@pytest.mark.parametrize("name", ["chapters", "cluster", "kube", "labs", "measure", "network", "quiz", "show"])
def test_a_part_does_not_import_what_only_its_use_needs(name):
    assert imported(f"from acplab import {name}") & HEAVY == set()


@pytest.mark.parametrize(
    "name", ["app.cli", "app.doctor", "host.jupyter", "host.docker", "kube.client", "grading.checks", "images"]
)
def test_neither_does_the_command_line(name):
    assert imported(f"import acplab.{name}") & HEAVY == set()


def test_help_is_quick():
    program = "import sys; sys.argv = ['acplab', '--help']; from acplab.app import cli; \ntry: cli.main()\nexcept SystemExit: pass"
    assert imported(f"exec({program!r})") & HEAVY == set()


def test_a_part_that_does_not_exist_is_an_attribute_error():
    import acplab

    with pytest.raises(AttributeError, match="nosuch"):
        _ = acplab.nosuch
    assert acplab.AcplabError("a", "b").remedy == "b"
