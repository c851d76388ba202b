"""Deep tests are due when something that they depend on has changed, and in their turn."""

from __future__ import annotations

import ast
import json
from datetime import date, timedelta

import proof
import pytest
from acplab.base import paths

LAB = "labs/10-canary-by-weight"
TODAY = date(2026, 11, 26)


def names(files) -> set[str]:
    return {str(file.relative_to(paths.ROOT)) for file in files}


def test_a_lab_depends_on_its_folder_its_imports_and_what_every_cluster_is_made_of():
    found = names(proof.inputs(LAB))
    assert {
        f"{LAB}/checks.py",
        f"{LAB}/lab.yaml",
        "tests/labs/test_wrong_solutions.py",
        "helpers/acplab/grading/checks.py",
        "helpers/acplab/base/i18n.py",
        "manifests/clusters/small.yaml",
    } <= found
    assert not any(name.startswith(("helpers/acplab/app/", "labs/00-hello", "notebooks")) for name in found)


def test_how_a_cluster_is_made_does_not_decide_on_a_wrong_solution():
    found = names(proof.inputs(LAB))
    assert not any(name.startswith(("helpers/acplab/cluster/", "helpers/acplab/images/")) for name in found)
    repair = names(proof.inputs("tests/lifecycle/test_repair.py"))
    assert {"helpers/acplab/cluster/lifecycle.py", "helpers/acplab/images/sources.py"} <= repair


def test_a_lab_depends_on_the_images_that_its_nodes_and_pods_run():
    every, dns, eci = (set(proof.images_of(f"labs/{lab}")) for lab in ("00-hello", "11-dns-clinic", "08-first-eci-pod"))
    assert {"node", "docker.io/acplab/storefront:1.0.0"} <= every
    assert "docker.io/acplab/dns-tools:1.0.0" in dns - every
    assert eci - every == {"docker.io/acplab/clerk:1.0.0", "docker.io/acplab/eci:1.0.0"}


def test_only_the_cluster_with_a_virtual_node_depends_on_its_manifests():
    there = {lab: any(name.startswith("manifests/eci/") for name in names(proof.inputs(f"labs/{lab}")))
             for lab in ("00-hello", "08-first-eci-pod")}  # fmt: skip
    assert there == {"00-hello": False, "08-first-eci-pod": True}


def test_the_cluster_of_a_group():
    wanted = {
        "labs/08-eci-bill": "eci", "notebooks/03-high-reliability.ipynb": "ha", "tests/cluster/test_eci_live.py": "eci",
        "tests/cluster/test_kube.py": "small", "tests/unit/test_nodes.py": "small", "labs/02-plan-the-vpc": "none",
    }  # fmt: skip
    assert {group: proof.cluster_of(group) for group in wanted} == wanted


def test_a_file_of_tests_depends_on_what_it_imports():
    found = names(proof.inputs("tests/lifecycle/test_repair.py"))
    assert {"tests/lifecycle/test_repair.py", "tests/lifecycle/conftest.py", "helpers/acplab/kube/client.py"} <= found
    assert not any(name.startswith("labs/") for name in found)


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("import acplab.kube", {"acplab.kube"}),
        ("from acplab import labs, kube", {"acplab.course.lab", "acplab.kube"}),
        ("from acplab.base import paths", {"acplab.base.paths"}),
        ("def f():\n    from acplab.base.errors import AcplabError", {"acplab.base.errors.AcplabError"}),
    ],
)
def test_imports_are_found_also_inside_of_functions(line, wanted):
    assert set(proof.imported(ast.parse(line))) == wanted


@pytest.fixture
def proven(tmp_path, monkeypatch):
    """Ten groups that have all passed, each with its name as fingerprint."""
    groups = [f"labs/{n}" for n in range(10)]
    monkeypatch.setattr(proof, "FILE", tmp_path / "proof.json")
    monkeypatch.setattr(proof, "fingerprint", lambda group: f"now {group}")
    proof.FILE.write_text(json.dumps({group: {"fingerprint": f"now {group}"} for group in groups}))
    return groups


def test_what_has_not_changed_has_its_turn_once_in_ten_days(proven):
    turns = [proof.due(proven, TODAY + timedelta(days=n)) for n in range(10)]
    assert all(len(turn) == 1 for turn in turns)
    assert set().union(*turns) == set(proven)


def test_what_has_changed_is_due(proven, monkeypatch):
    monkeypatch.setattr(proof, "fingerprint", lambda group: f"{'new' if group == 'labs/3' else 'now'} {group}")
    assert all("labs/3" in proof.due(proven, TODAY + timedelta(days=n)) for n in range(10))


def test_what_was_never_proven_is_due(proven):
    proof.FILE.unlink()
    assert proof.due(proven, TODAY) == set(proven)


def test_a_changed_file_is_another_fingerprint(tmp_path, monkeypatch):
    monkeypatch.setattr(proof, "ROOT", tmp_path)
    monkeypatch.setattr(proof, "closure", lambda files, without=(): set())
    (tmp_path / "labs" / "a" / "work").mkdir(parents=True)
    (tmp_path / "labs" / "a" / "lab.yaml").write_text("minutes: 1")

    def seen() -> str:
        proof.fingerprint.cache_clear()
        return proof.fingerprint("labs/a")

    before = seen()
    (tmp_path / "labs" / "a" / "work" / "learner.yaml").write_text("x")
    assert seen() == before
    (tmp_path / "labs" / "a" / "lab.yaml").write_text("minutes: 2")
    assert seen() != before
    proof.fingerprint.cache_clear()
