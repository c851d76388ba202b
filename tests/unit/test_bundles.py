"""Bundles: what is in the cache is taken, the rest is got once, and nodes get what they lack."""

from __future__ import annotations

import io
import os
import sys
import tarfile

import pytest
from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.host import docker
from acplab.images import bundles, catalogue, containerd, sources, store
from acplab.images.recipes import image as recipe

REAL_SAVE = store.save
SIZING = "docker.io/acplab/sizing:1.0.0"


@pytest.fixture(autouse=True)
def made(folders, monkeypatch) -> list[str]:
    """What was built, pulled and saved, in order."""
    steps: list[str] = []

    def save(references, target):
        steps.append(f"save {len(references)}")
        target.write_text("archive")

    def build_all(images, node=False):
        steps.extend(f"build {image.reference}" for image in images)

    monkeypatch.setattr(recipe, "build_all", build_all)
    monkeypatch.setattr(store, "save", save)
    monkeypatch.setattr(sources, "pull", lambda name, digest, prefix: steps.append(f"pull {prefix}{name}"))
    monkeypatch.setattr(sources, "_answers", lambda reference: steps.append("probe") or False)
    return steps


# --- getting one --------------------------------------------------------------------------------------------------


def test_a_bundle_is_made_once_and_then_taken_from_the_cache(made):
    first = bundles.bundle("sizing")
    assert made == [f"build {SIZING}", "save 1"]
    assert first.archive.read_text() == "archive"
    assert bundles.bundle("sizing") == first
    assert len(made) == 2


@pytest.mark.parametrize("route", ["auto", "published", "mirror=m.cn", "built"])
def test_no_registry_is_asked_for_what_is_ours_alone(made, route):
    bundles.bundle("sizing", route)
    assert made == [f"build {SIZING}", "save 1"]


def test_the_platform_through_a_mirror_is_pulled_but_for_what_is_ours(made):
    got = bundles.bundle("platform", "mirror=m.cn")
    ours = [image.reference for image in catalogue.bundle("platform") if image.ours]
    pulled = [name for name in got.images if name not in ours]
    assert made == [
        *(f"pull m.cn/{name}" for name in pulled),
        *(f"build {name}" for name in ours),
        f"save {len(got.images)}",
    ]


def test_without_a_registry_auto_builds_the_platform(made):
    got = bundles.bundle("platform")
    assert made == ["probe", *(f"build {name}" for name in got.images), f"save {len(got.images)}"]


def test_a_bundle_of_older_recipes_makes_place_for_the_new_one(monkeypatch):
    older = bundles.bundle("sizing")
    real = catalogue.files
    monkeypatch.setattr(catalogue, "files", lambda folder: real(folder) | {"x": "1"})
    newer = bundles.bundle("sizing")
    assert newer.archive != older.archive
    assert [file.name for file in newer.archive.parent.iterdir()] == [newer.archive.name]


def test_an_unknown_bundle_is_refused(made):
    with pytest.raises(AcplabError, match="no image bundle teapot"):
        bundles.bundle("teapot")
    assert made == []


# --- what a manifest says -------------------------------------------------------------------------------------------


def test_a_manifest_names_the_images_of_several_bundles_with_what_is_in_them():
    both = sources.manifest("built", "platform", "sizing")
    assert both == sources.manifest("built", "platform") | sources.manifest("built", "sizing")
    assert both[SIZING] == catalogue.image_inputs(catalogue.bundle("sizing")[0])


def test_what_is_ours_is_the_same_on_every_route_and_a_published_node_has_its_own_base():
    assert sources.manifest("published", "sizing") == sources.manifest("built", "sizing")
    assert sources.manifest("published", "base") == {}
    built, published = sources.manifest("built", "platform"), sources.manifest("published", "platform")
    assert {name for name in built if built[name] == published[name]} == {
        image.reference for image in catalogue.bundle("platform") if image.ours
    }


# --- loading it into nodes --------------------------------------------------------------------------------------------


class Nodes(dict):
    """Node -> image -> fingerprint of what its containerd holds."""

    def put(self, node, archive, images, current):
        assert archive.read() == b"archive"
        self[node] |= images


@pytest.fixture
def nodes(monkeypatch) -> Nodes:
    fake = Nodes(one={}, two={})
    monkeypatch.setattr(containerd, "holds", lambda node: fake[node])
    monkeypatch.setattr(containerd, "put", fake.put)
    return fake


def test_nodes_get_what_they_lack_and_only_those_that_lack_it(nodes):
    nodes["one"] |= sources.manifest("built", "sizing")
    assert bundles.load(["one", "two"], "sizing") == ["two"]
    assert nodes["two"] == nodes["one"]
    assert bundles.load(["one", "two"], "sizing") == []


def test_nodes_that_have_all_need_no_archive(nodes, made):
    for node in nodes:
        nodes[node] |= sources.manifest("built", "platform")
    assert bundles.load(list(nodes), "platform") == []
    assert made == []


@pytest.mark.parametrize("held", ["000000000000", ""])
def test_an_image_of_older_recipes_is_replaced(nodes, held):
    nodes["one"][SIZING] = held
    assert bundles.load(["one"], "sizing") == ["one"]
    assert nodes["one"] == sources.manifest("built", "sizing")


def test_what_a_node_holds_is_read_from_the_labels_of_its_images(monkeypatch):
    listing = (
        "REF TYPE DIGEST SIZE PLATFORMS LABELS\n"
        "docker.io/acplab/sizing:1.0.0 application/x sha256:aa 80.1 MiB linux/amd64 "
        "acplab.inputs=0123456789ab,io.cri-containerd.image=managed\n"
        "registry.k8s.io/pause:3.10.1 application/x sha256:bb 0.5 MiB linux/amd64 io.cri-containerd.image=managed\n"
    )
    monkeypatch.setattr(docker, "run", lambda *words: listing)
    assert containerd.holds("one") == {SIZING: "0123456789ab", "registry.k8s.io/pause:3.10.1": ""}


# --- what goes into Docker ---------------------------------------------------------------------------------------------


@pytest.fixture
def context(monkeypatch):
    """What `docker build` was called with: its words, and what is in its context."""
    seen: dict[str, object] = {}

    def piped(verb, *words, source):
        seen["words"] = [verb, *words]
        content = source.read()
        with tarfile.open(fileobj=io.BytesIO(content)) as tar:
            seen["members"] = tar.getmembers()
        seen["first"] = tarfile.TarInfo.frombuf(content[:512], "utf-8", "strict")

    monkeypatch.setattr(store, "piped", piped)
    return seen


@pytest.mark.parametrize("umask", [0o022, 0o027, 0o077])
def test_everybody_may_run_and_read_what_is_in_an_image_whatever_the_umask_is(context, tmp_path, umask):
    before = os.umask(umask)
    try:
        folder = tmp_path / "folder"
        (folder / "etc").mkdir(parents=True)
        (folder / "etc" / "conf").write_text("x")
        binary = tmp_path / "binary"
        binary.touch(mode=0o777)
        store.build("image", {".": folder, "bin/binary": binary, "version": "v1"}, "x")
    finally:
        os.umask(before)
    modes = {member.name.removeprefix("./"): oct(member.mode) for member in context["members"]}
    assert modes == {".": "0o755", "etc": "0o755", "etc/conf": "0o644", "bin/binary": "0o755", "version": "0o644"}
    assert {(member.uid, member.gid) for member in context["members"]} == {(0, 0)}


def test_docker_is_given_no_file_name_since_it_may_not_see_our_files(context, tmp_path):
    store.build("image", {".": tmp_path}, "x", file="kubelet")
    assert context["words"][-1] == "-"
    assert context["first"].isdir()  # Docker reads 512 bytes to tell a context from a Dockerfile
    assert not [word for word in context["words"] if str(paths.cache()) in word or "/tmp" in word]


def python(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def test_a_command_is_fed_through_a_pipe_whatever_its_size(tmp_path):
    (tmp_path / "archive").write_bytes(b"x" * 5_000_000)
    count = "import os, stat, sys; print(stat.S_ISFIFO(os.fstat(0).st_mode), len(sys.stdin.buffer.read()))"
    with (tmp_path / "archive").open("rb") as archive:
        assert store.feed(python(count), archive) == (0, "True 5000000\n")


def test_a_command_that_ends_before_it_has_read_all_tells_why(tmp_path):
    (tmp_path / "archive").write_bytes(b"x" * 5_000_000)
    with (tmp_path / "archive").open("rb") as archive:
        assert store.feed(python("print('no room'); raise SystemExit(3)"), archive) == (3, "no room\n")


def test_an_archive_appears_when_it_is_whole(tools, tmp_path, monkeypatch):
    monkeypatch.setattr(store, "save", REAL_SAVE)
    tools.add("docker")
    tools.answer("docker", "save", out="all of it")
    store.save(["a", "b"], tmp_path / "images.tar")
    assert (tmp_path / "images.tar").read_text() == "all of it"
    assert tools.calls == [["docker", "save", "a", "b"]]


def test_an_archive_that_could_not_be_saved_leaves_nothing(tools, tmp_path, monkeypatch):
    monkeypatch.setattr(store, "save", REAL_SAVE)
    tools.add("docker")
    tools.answer("docker", "save", out="half", err="no such image: b\n", code=1)
    with pytest.raises(AcplabError, match="docker save failed: no such image: b"):
        store.save(["a", "b"], tmp_path / "images.tar")
    assert not list(tmp_path.glob("images*"))


def test_the_last_line_of_a_docker_command_that_failed_is_said(tools, folders, tmp_path):
    tools.add("docker")
    tools.answer("docker", "load", out="Loading\nunexpected EOF\n", code=1)
    (tmp_path / "archive").touch()
    with (
        (tmp_path / "archive").open("rb") as archive,
        pytest.raises(AcplabError, match="docker load failed: unexpected EOF"),
    ):
        store.piped("load", source=archive)
