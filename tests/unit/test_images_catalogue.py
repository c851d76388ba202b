"""Fingerprints: the same inputs give the same, anything that goes into an image changes it, tests do not."""

from __future__ import annotations

import copy
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.images import catalogue
from acplab.images.recipes import go
from acplab.images.recipes.parts import finished

EVERY_IMAGE = [*catalogue.images(*catalogue.load()["bundles"]), catalogue.loadbalancer()]


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
    return (
        {f"program {name}": catalogue.program_inputs(name) for name in listed["programs"]}
        | {f"root {name}": catalogue.root_inputs(name) for name in listed["roots"]}
        | {f"image {one.reference}": catalogue.image_inputs(one) for one in catalogue.images(*listed["bundles"])}
        | {"base node": catalogue.base_node_inputs()}
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
    image = next(one for one in EVERY_IMAGE if one.files == ("kube-scheduler",))
    assert catalogue.image_inputs(image) != catalogue.image_inputs(replace(image, files=("kube-apiserver",)))


def test_our_own_source_in_a_shared_module_changes_its_program_alone(recipes):
    before = every_fingerprint()
    with (recipes / "podnet" / "routes.go").open("a") as source:
        source.write("// one line more\n")
    assert changed(before) == {"program podnet", "image docker.io/acplab/podnet:1.0.0"}


def test_another_version_in_a_shared_module_changes_all_its_programs(recipes):
    before = every_fingerprint()
    with (recipes / "go.sum").open("a") as sums:
        sums.write("\n")
    programs = {name.removeprefix("program ") for name in changed(before) if name.startswith("program ")}
    shared = {name for name, recipe in catalogue.load()["programs"].items() if recipe.get("module") == "."}
    assert programs == shared


def test_how_long_a_build_takes_does_not_count(recipes):
    before = every_fingerprint()
    catalogue.load()["programs"]["storefront"]["seconds"] = 99
    assert changed(before) == set()


# --- what the catalogue says --------------------------------------------------------------------------------------


def test_every_recipe_names_what_there_is():
    listed = catalogue.load()
    for image in EVERY_IMAGE:
        assert (catalogue.FOLDER / image.folder / "Dockerfile").is_file(), image
        assert not image.program or image.program in listed["programs"], image
        assert not image.root or image.root in listed["roots"], image
        assert not image.wheel or image.wheel in listed["wheels"], image


def test_every_chapters_bundles_are_there():
    for names in catalogue.load()["chapters"].values():
        assert catalogue.images(*names)


@pytest.mark.parametrize(
    ("chapter", "bundles"),
    [
        ("04", ["sizing"]),
        ("04b", ["sizing"]),
        ("4", ["sizing"]),
        ("04-node-os", ["sizing"]),
        ("00", []),
        ("10c-release-strategies", ["rollouts"]),  # a part of a chapter can need what the others do not
        ("10b", []),
        ("10", []),
    ],
)
def test_a_chapter_is_called_by_its_number_or_its_name(chapter, bundles):
    assert catalogue.chapter_bundles(chapter) == bundles


@pytest.mark.parametrize("chapter", ["mesh", "006", ""])
def test_what_is_no_chapter_is_refused(chapter):
    with pytest.raises(AcplabError, match="is not a chapter"):
        catalogue.chapter_bundles(chapter)


def test_an_unknown_bundle_is_refused_and_the_known_ones_are_named():
    with pytest.raises(AcplabError, match="no image bundle teapot") as told:
        catalogue.bundle("teapot")
    assert "platform" in told.value.remedy


def test_every_program_has_a_module_and_kubernetes_its_own_version():
    for name in catalogue.load()["programs"]:
        assert (catalogue.module(name) / "go.mod").is_file(), name
    versions = (catalogue.module("kubernetes") / "go.mod").read_text()
    assert f"k8s.io/kubernetes {catalogue.load()['kubernetes']}" in versions


def test_an_image_in_manifests_is_published_or_ours():
    published = catalogue.load()["published"]
    for image in EVERY_IMAGE:
        if image not in catalogue.bundle("base"):
            assert image.ours != (image.reference in published), image


def test_digests_are_digests():
    for name, digest in catalogue.load()["published"].items():
        assert digest is None or re.fullmatch(r"sha256:[0-9a-f]{64}", digest), name
        assert ":" in name.rsplit("/", 1)[-1], f"{name} has no tag"


# --- parts are finished or they are not there -----------------------------------------------------------------------


def test_a_part_appears_when_its_block_has_ended_well(tmp_path):
    target = tmp_path / "parts" / "thing"
    with finished(target) as folder:
        folder.mkdir()
        (folder / "binary").write_text("x")
        assert not target.exists()
    assert (target / "binary").read_text() == "x"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("cause", [AcplabError("no network", "wait"), KeyboardInterrupt(), OSError("disk full")])
def test_an_interrupted_part_leaves_nothing(tmp_path, cause):
    target = tmp_path / "parts" / "thing"

    def interrupted() -> None:
        with finished(target) as folder:
            folder.mkdir()
            (folder / "half").write_text("x")
            raise cause

    with pytest.raises(type(cause)):
        interrupted()
    assert list(target.parent.iterdir()) == []


def test_a_part_may_be_a_file(tmp_path):
    with finished(tmp_path / "thing") as file:
        file.write_text("x")
    assert (tmp_path / "thing").read_text() == "x"


class Compiler:
    """A go command that writes what it is asked for; the packages of each call, and whether one is interrupted."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.interrupt = False

    def run(self, *words: str, module: str, current: object) -> None:
        where = words.index("-o") + 1
        self.calls.append(list(words[where + 1 :]))
        for package in words[where + 1 :]:
            Path(words[where], go._binary(module, package)).write_text("binary")
        if self.interrupt:
            raise KeyboardInterrupt


@pytest.fixture
def compiler(folders, monkeypatch) -> Compiler:
    fake = Compiler()
    monkeypatch.setattr(go, "run", fake.run)
    return fake


def test_a_program_that_is_there_is_not_compiled_again(compiler):
    made = catalogue.part("program", "kind", catalogue.program_inputs("kind"))
    made.mkdir(parents=True)
    assert go.program("kind") == made
    assert go.kind() == made / "kind"
    assert compiler.calls == []


def test_an_interrupted_compilation_is_done_again(compiler):
    compiler.interrupt = True
    with pytest.raises(KeyboardInterrupt):
        go.program("storefront")
    assert list((paths.cache() / "parts").iterdir()) == []
    compiler.interrupt = False
    assert (go.program("storefront") / "storefront").read_text() == "binary"


def test_the_programs_of_a_module_are_compiled_by_one_call_but_for_those_that_need_their_own(compiler):
    go.programs(["kind", "etcd", "coredns", "local-path"])
    etcd = ["./etcd", "go.etcd.io/etcd/etcdctl/v3", "go.etcd.io/etcd/etcdutl/v3"]
    alone = ["github.com/rancher/local-path-provisioner"]
    assert compiler.calls == [["sigs.k8s.io/kind"], [*etcd, "./coredns"], alone]
    assert {file.name for file in go.target("etcd").iterdir()} == {"etcd", "etcdctl", "etcdutl"}
    assert (go.target("coredns") / "coredns").exists()


def test_only_what_is_missing_of_a_module_is_compiled(compiler):
    go.programs(["etcd"])
    go.programs(["etcd", "coredns"])
    assert compiler.calls[1:] == [["./coredns"]]


def test_every_binary_that_an_image_or_a_node_takes_is_built():
    wanted = {(one.program, name) for one in EVERY_IMAGE for name in one.files}
    wanted |= {(program, name) for program, names in catalogue.NODE_PROGRAMS.items() for name in names}
    assert {(program, name) for program, name in wanted if name not in go.binaries(program)} == set()


@pytest.mark.parametrize(("gib", "cores", "off"), [(7, 2, False), (8, 2, True), (16, 16, False), (64, 16, True)])
def test_the_compiler_collects_its_garbage_where_memory_is_short(monkeypatch, gib, cores, off):
    page = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": gib * 1024**3 // 4096}
    monkeypatch.setattr(go.os, "sysconf", page.__getitem__)
    monkeypatch.setattr(go.os, "cpu_count", lambda: cores)
    assert (go._environment().get("GOGC") == "off") is off
