"""Who may import whom: the contracts of pyproject.toml, and what they cannot say."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import acplab
import grimp
import pytest
from acplab.base import paths
from importlinter.cli import lint_imports

PURE = {"acplab", "acplab.base", "acplab.base.errors", "acplab.base.i18n", "acplab.topics"}
KNOWN = {"acplab.grading": {"diagnose", "expect"}}  # the modules themselves
PACKAGES = [
    found.name
    for found in pkgutil.walk_packages(acplab.__path__, "acplab.")
    if found.ispkg and hasattr(importlib.import_module(found.name), "__all__")
]


def test_the_contracts_hold(capsys):
    status = lint_imports(config_filenames=(str(paths.ROOT / "pyproject.toml"),), no_cache=True, no_logo=True)
    assert status == 0, capsys.readouterr().out


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("acplab", include_external_packages=True, cache_dir=None)


def test_a_topics_model_computes_and_nothing_else(graph):
    """The standard library, errors and words: no cluster, no files, no widgets, also not by a detour."""
    models = graph.find_matching_modules("acplab.topics.*.model")
    assert models
    for model in models:
        topic = model.rsplit(".", 1)[0]
        used = graph.find_upstream_modules(model) - sys.stdlib_module_names - PURE
        assert {name for name in used if name != topic and not name.startswith(f"{topic}.")} == set()


@pytest.mark.parametrize("name", PACKAGES)
def test_no_module_bears_the_name_of_what_its_package_exports(name):
    """`from acplab.cluster import diagnose` would give the one or the other, by what was imported before."""
    package = importlib.import_module(name)
    modules = {found.name for found in pkgutil.iter_modules(package.__path__)}
    assert modules & set(package.__all__) <= KNOWN.get(name, set())
