"""Fingerprints: the same inputs give the same, anything that goes into an image changes it, tests do not."""

from __future__ import annotations

import copy
import re
import shutil
from pathlib import Path

import pytest
from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.images import build, catalogue


@pytest.fixture
def recipes(tmp_path, monkeypatch):
    """A copy of helpers/images and of the catalogue that a test may change."""
    folder = tmp_path / "images"
    shutil.copytree(catalogue.FOLDER, folder)
    listed = copy.deepcopy(catalogue.load())
    monkeypatch.setattr(catalogue, "FOLDER", folder)
    monkeypatch.setattr(catalogue, "load", lambda: listed)
    return folder


def every_fingerprint() -> dict[str, str]:
    listed = catalogue.load()
    images = listed["node"] | listed["platform"]
    return (
        {f"program {name}": catalogue.program_inputs(name) for name in listed["programs"]}
        | {f"root {name}": catalogue.root_inputs(name) for name in listed["roots"]}
        | {f"image {name}": catalogue.image_inputs(name, recipe) for name, recipe in images.items()}
        | {"base node": build.base_node_inputs()}
    )


def changed(before: dict[str, str]) -> set[str]:
    return {name for name, inputs in every_fingerprint().items() if before[name] != inputs}


# --- the function itself ------------------------------------------------------------------------------------


def test_a_fingerprint_is_twelve_hex_digits_and_always_the_same():
    inputs = ("a", 1, ["x", "y"], {"one": 1, "two": None})
    assert re.fullmatch("[0-9a-f]{12}", catalogue.fingerprint(*inputs))
    assert catalogue.fingerprint(*inputs) == catalogue.fingerprint(*copy.deepcopy(inputs))


def test_the_order_of_a_dict_does_not_count_and_that_of_a_list_does():
    assert catalogue.fingerprint({"a": 1, "b": 2}) == catalogue.fingerprint({"b": 2, "a": 1})
    assert catalogue.fingerprint(["a", "b"]) != catalogue.fingerprint(["b", "a"])


@pytest.mark.parametrize("other", [("ab",), ("a", "b", ""), ("b", "a"), (["a", "b"],), ("a",)])
def test_other_inputs_give_another(other):
    assert catalogue.fingerprint("a", "b") != catalogue.fingerprint(*other)


# --- what goes into which part ------------------------------------------------------------------------------------


def test_the_same_recipes_give_the_same_fingerprints(recipes):
    assert changed(every_fingerprint()) == set()


def test_no_two_parts_share_a_fingerprint():
    parts = every_fingerprint()
    assert len(set(parts.values())) == len(parts)


def test_where_the_checkout_lies_does_not_count(recipes, monkeypatch, tmp_path):
    before = every_fingerprint()
    shutil.copytree(recipes, tmp_path / "elsewhere" / "images")
    monkeypatch.setattr(catalogue, "FOLDER", tmp_path / "elsewhere" / "images")
    assert changed(before) == set()


STOREFRONT = {"program storefront", "image docker.io/acplab/storefront:1.0.0"}


def test_a_changed_source_changes_its_program_and_the_images_with_it(recipes):
    before = every_fingerprint()
    with (recipes / "storefront" / "server.go").open("a") as source:
        source.write("// one line more\n")
    assert changed(before) == STOREFRONT


def test_a_new_and_a_renamed_file_count(recipes):
    before = every_fingerprint()
    (recipes / "storefront" / "extra.go").write_text("package main\n")
    assert changed(before) == STOREFRONT
    between = every_fingerprint()
    (recipes / "storefront" / "extra.go").rename(recipes / "storefront" / "other.go")
    assert changed(between) == STOREFRONT


def test_tests_do_not_count(recipes):
    before = every_fingerprint()
    with (recipes / "storefront" / "server_test.go").open("a") as source:
        source.write("// one line more\n")
    (recipes / "storefront" / "new_test.go").write_text("package main\n")
    assert changed(before) == set()


def test_another_flag_or_tag_counts(recipes):
    before = every_fingerprint()
    catalogue.load()["programs"]["storefront"]["tags"] = "netgo"
    assert changed(before) == STOREFRONT


def test_another_compiler_means_other_programs(recipes, monkeypatch):
    before = every_fingerprint()
    monkeypatch.setattr(catalogue, "version", lambda name: "9.9.9")
    programs = {name for name in before if name.startswith("program ")}
    assert programs | STOREFRONT <= changed(before)
    assert not [name for name in changed(before) if name.startswith("root ")]


def test_another_package_means_another_root_file_system(recipes):
    before = every_fingerprint()
    catalogue.load()["roots"]["kube-proxy"].append("tcpdump")
    assert {"root kube-proxy", "image registry.k8s.io/kube-proxy:v1.36.3"} <= changed(before)
    assert "root node" not in changed(before)


def test_the_order_of_packages_does_not_count(recipes):
    before = every_fingerprint()
    catalogue.load()["roots"]["node"].reverse()
    assert changed(before) == set()


def test_another_debian_means_other_roots(recipes):
    before = every_fingerprint()
    catalogue.load()["debian"] = "trixie"
    assert {name for name in before if name.startswith("root ")} <= changed(before)


def test_the_nodes_own_files_count_for_the_base_node_alone(recipes):
    before = every_fingerprint()
    with (recipes / "node" / "files/usr/local/bin/node-entrypoint").open("a") as script:
        script.write("# one line more\n")
    assert changed(before) == {"base node"}


def test_another_binary_in_an_image_counts():
    name = "registry.k8s.io/kube-scheduler:v1.36.3"
    recipe = catalogue.load()["node"][name]
    other = recipe | {"file": "kube-apiserver"}
    assert catalogue.image_inputs(name, recipe) != catalogue.image_inputs(name, other)


# --- what the catalogue says --------------------------------------------------------------------------------------


def test_every_recipe_names_what_there_is():
    listed = catalogue.load()
    for recipe in [*listed["node"].values(), *listed["platform"].values(), build.LOADBALANCER]:
        assert (catalogue.FOLDER / recipe["folder"] / "Dockerfile").is_file(), recipe
        assert recipe.get("program", "storefront") in listed["programs"]
        assert recipe.get("root", "node") in listed["roots"]
        if "program" in recipe:
            binary = recipe.get("file", recipe["program"])
            assert binary in listed["programs"][recipe["program"]]["packages"], recipe


def test_every_program_has_a_module_with_sums_and_no_one_elses_version():
    for name in catalogue.load()["programs"]:
        assert (catalogue.FOLDER / name / "go.mod").is_file(), name
    kubernetes = (catalogue.FOLDER / "kubernetes" / "go.mod").read_text()
    assert f"k8s.io/kubernetes {catalogue.load()['kubernetes']}" in kubernetes


def test_a_platform_image_is_published_or_ours():
    listed = catalogue.load()
    for name, recipe in listed["platform"].items():
        assert bool(recipe.get("ours")) != (name in listed["published"]), name
    assert listed["loadbalancer"] in listed["published"]


def test_digests_are_digests():
    for name, digest in catalogue.load()["published"].items():
        assert digest is None or re.fullmatch(r"sha256:[0-9a-f]{64}", digest), name
        assert ":" in name.rsplit("/", 1)[-1], f"{name} has no tag"


# --- parts are finished or they are not there -----------------------------------------------------------------------


def test_a_part_appears_when_its_block_has_ended_well(tmp_path):
    target = tmp_path / "parts" / "thing"
    with build._finished(target) as folder:
        folder.mkdir()
        (folder / "binary").write_text("x")
        assert not target.exists()
    assert (target / "binary").read_text() == "x"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("cause", [AcplabError("no network", "wait"), KeyboardInterrupt(), OSError("disk full")])
def test_an_interrupted_part_leaves_nothing(tmp_path, cause):
    target = tmp_path / "parts" / "thing"

    def interrupted() -> None:
        with build._finished(target) as folder:
            folder.mkdir()
            (folder / "half").write_text("x")
            raise cause

    with pytest.raises(type(cause)):
        interrupted()
    assert list(target.parent.iterdir()) == []


def test_a_part_may_be_a_file(tmp_path):
    with build._finished(tmp_path / "thing") as file:
        file.write_text("x")
    assert (tmp_path / "thing").read_text() == "x"


@pytest.mark.usefixtures("folders")
def test_a_program_that_is_there_is_not_built_again(monkeypatch):
    monkeypatch.setattr(build, "_go", lambda *_, **__: pytest.fail("it was compiled"))
    made = catalogue.part("program", "kind", catalogue.program_inputs("kind"))
    made.mkdir(parents=True)
    assert build.program("kind") == made
    assert build.kind() == made / "kind"


@pytest.mark.usefixtures("folders")
def test_an_interrupted_compilation_is_done_anew(monkeypatch):
    def compiled(*arguments, **_):
        binary = Path(arguments[arguments.index("-o") + 1])
        binary.parent.mkdir(parents=True, exist_ok=True)
        binary.write_text("binary")
        if interrupt:
            raise KeyboardInterrupt

    monkeypatch.setattr(build, "_go", compiled)
    interrupt = True
    with pytest.raises(KeyboardInterrupt):
        build.program("storefront")
    assert list((paths.cache() / "parts").iterdir()) == []
    interrupt = False
    assert (build.program("storefront") / "storefront").read_text() == "binary"
