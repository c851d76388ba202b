"""The ladder of sources: what is tried in which order, under which names images are pulled, and when it gives up."""

from __future__ import annotations

from collections import namedtuple
from pathlib import Path

import pytest
from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.host import docker
from acplab.images import bake, catalogue, sources, space
from acplab.images.recipes import image as recipe
from filelock import FileLock

DIGEST = "sha256:" + "0" * 64
LOADBALANCER = catalogue.loadbalancer().reference
ENOUGH = namedtuple("Usage", "total used free")(10**12, 0, 10**12)


class Store:
    """Docker's store and the registries that answer; what was asked of them, in order."""

    def __init__(self) -> None:
        self.images: dict[str, str] = {}
        self.answering: tuple[str, ...] = ()
        self.asked: list[str] = []
        self.broken: set[str] = set()
        self.root: Path | None = None

    def daemon(self) -> docker.Daemon | None:
        return docker.Daemon("29.1.0", "6.12.0", self.root, 10**12, False) if self.root else None

    def run(self, *words, **_) -> str:
        verb, last = words[0], str(words[-1])
        if words[:2] == ("image", "inspect"):
            if last not in self.images:
                raise AcplabError(f"docker image failed: no such image {last}", "")
            return self.images[last] + "\n"
        self.asked.append(f"{verb} {last}")
        if words[:2] == ("manifest", "inspect") and not last.startswith(self.answering):
            raise AcplabError("docker manifest failed: no route to host", "")
        if verb == "pull" and last in self.broken:
            raise AcplabError("docker pull failed: toomanyrequests", "Log in.")
        if verb == "tag":
            self.asked[-1] = f"tag {words[1]} {words[2]}"
        return ""

    @property
    def probes(self) -> list[str]:
        return [one.removeprefix("manifest ") for one in self.asked if one.startswith("manifest ")]

    @property
    def pulls(self) -> list[str]:
        return [one.removeprefix("pull ") for one in self.asked if one.startswith("pull ")]


@pytest.fixture
def made() -> list[str]:
    """What was built or baked, in order."""
    return []


@pytest.fixture(autouse=True)
def docker_store(folders, monkeypatch, made) -> Store:
    fake = Store()

    def bake_node(reference, base, images, inputs):
        made.append(f"bake {base}")
        fake.images[reference] = inputs

    def build_all(images, node=False):
        made.extend(f"build {image.reference}" for image in images)
        made.extend(["build node"] * node)

    monkeypatch.setattr(docker, "run", fake.run)
    monkeypatch.setattr(docker, "daemon", fake.daemon)
    monkeypatch.setattr(recipe, "build_all", build_all)
    monkeypatch.setattr(recipe, "base_node", lambda: "acplab/node-base:x")
    monkeypatch.setattr(bake, "node", bake_node)
    monkeypatch.setattr(sources, "_save", lambda node: made.append(f"save {node.reference}"))
    monkeypatch.setattr(space.shutil, "disk_usage", lambda folder: ENOUGH)
    monkeypatch.delenv("ACPLAB_MIRROR", raising=False)
    return fake


def put(docker_store: Store, route: str) -> sources.NodeImage:
    """The node image of a route is in Docker's docker_store."""
    node = sources.planned(route)
    docker_store.images |= {node.reference: node.inputs, LOADBALANCER: ""}
    return node


# --- what a route would give ------------------------------------------------------------------------------------


def test_the_plan_of_a_route_is_always_the_same():
    assert sources.planned("built") == sources.planned("built")
    assert sources.planned("built").reference != sources.planned("published").reference
    assert sources.planned("mirror=m.example.cn") == sources.planned("published")


def test_a_plan_names_the_kubernetes_version_and_its_inputs():
    built, published = sources.planned("built"), sources.planned("published")
    assert built.reference == f"acplab/node:{catalogue.load()['kubernetes']}-{built.inputs}"
    assert published.reference == f"acplab/node:{sources.base_tag().split(':')[1]}-{published.inputs}"


def test_only_built_nodes_need_patches():
    assert sources.planned("built").patches == catalogue.load()["node-patches"] != []
    assert sources.planned("published").patches == []


@pytest.mark.parametrize("route", ["built", "published"])
def test_another_image_of_the_platform_means_another_node(monkeypatch, route):
    before = sources.planned(route)
    real = catalogue.files
    monkeypatch.setattr(
        catalogue, "files", lambda folder: real(folder) | ({"x": "1"} if folder == "storefront" else {})
    )
    assert sources.planned(route).reference != before.reference


def test_another_load_balancer_is_noticed(monkeypatch, docker_store):
    put(docker_store, "built")
    assert sources.present("built")
    real = catalogue.files
    monkeypatch.setattr(catalogue, "files", lambda folder: real(folder) | ({"x": "1"} if folder == "haproxy" else {}))
    assert sources.present("built") is None


# --- auto ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", ["built", "published"])
def test_what_is_there_is_taken_and_no_registry_is_asked(docker_store, made, route):
    node = put(docker_store, route)
    docker_store.answering = ("",)
    assert sources.ensure("auto") == sources.ensure(route) == node
    assert (docker_store.asked, made) == ([], [])


def test_of_two_that_are_there_auto_takes_the_published_one(docker_store):
    put(docker_store, "built")
    published = put(docker_store, "published")
    assert sources.ensure("auto") == published


def test_an_image_of_former_recipes_does_not_count(docker_store, made):
    put(docker_store, "built")
    docker_store.images[sources.planned("built").reference] = "000000000000"
    assert sources.ensure("auto").route == "built"
    assert "build node" in made


def test_a_node_image_without_its_load_balancer_does_not_count(docker_store):
    put(docker_store, "built")
    del docker_store.images[LOADBALANCER]
    assert sources.present("built") is None


def test_a_registry_that_answers_is_taken_first(docker_store, made, monkeypatch):
    monkeypatch.setenv("ACPLAB_MIRROR", "mirror.example.cn")
    docker_store.answering = (LOADBALANCER, "docker.io/", "mirror.example.cn")
    assert sources.ensure("auto").route == "published"
    assert len(docker_store.probes) == 1
    assert all(pull.startswith(("docker.io/", "registry.k8s.io/")) for pull in docker_store.pulls)
    assert "build node" not in made


def test_a_mirror_that_is_set_comes_second(docker_store, made, monkeypatch):
    monkeypatch.setenv("ACPLAB_MIRROR", "mirror.example.cn/hub/")
    docker_store.answering = ("mirror.example.cn/hub/",)
    assert sources.ensure("auto").route == "published"
    assert [probe.startswith("mirror.example.cn/hub/") for probe in docker_store.probes] == [False, True]
    assert docker_store.pulls
    assert all(pull.startswith("mirror.example.cn/hub/") for pull in docker_store.pulls)
    assert "build node" not in made


def test_a_mirror_is_asked_for_an_image_by_the_name_that_is_pulled_from_it(docker_store, monkeypatch):
    monkeypatch.setenv("ACPLAB_MIRROR", "mirror.example.cn")
    docker_store.answering = ("mirror.example.cn/",)
    sources.ensure("auto")
    repository = docker_store.probes[1].rsplit(":", 1)[0]
    assert [pull for pull in docker_store.pulls if pull.startswith((f"{repository}:", f"{repository}@"))]


def test_when_no_registry_answers_everything_is_built_and_that_is_said(docker_store, made, monkeypatch, capsys):
    monkeypatch.setenv("ACPLAB_MIRROR", "mirror.example.cn")
    node = sources.ensure("auto")
    assert node == sources.planned("built")
    assert len(docker_store.probes) == 2
    assert docker_store.pulls == []
    built = [*sources.manifest("built", "base", "platform"), LOADBALANCER]
    steps = [*(f"build {name}" for name in built), "build node", "bake acplab/node-base:x", f"save {node.reference}"]
    assert made == steps
    assert "about 15 minutes" in " ".join(capsys.readouterr().out.split())


def test_without_a_mirror_only_the_registry_is_asked(docker_store):
    sources.ensure("auto")
    assert len(docker_store.probes) == 1


def test_a_registry_that_answers_but_does_not_give_is_not_the_end(docker_store, made, capsys):
    docker_store.answering = ("",)
    docker_store.broken = {"registry.k8s.io/metrics-server/metrics-server:v0.9.0"}
    assert sources.ensure("auto").route == "built"
    assert "build node" in made
    assert "toomanyrequests" in capsys.readouterr().out


# --- a route that is forced ------------------------------------------------------------------------------------------


def test_published_asks_nobody_first_and_does_not_build_instead(docker_store, made):
    docker_store.broken = {"registry.k8s.io/metrics-server/metrics-server:v0.9.0"}
    with pytest.raises(AcplabError, match="toomanyrequests"):
        sources.ensure("published")
    assert docker_store.probes == []
    assert made == []


def test_built_pulls_nothing(docker_store):
    put(docker_store, "published")
    assert sources.ensure("built").route == "built"
    assert docker_store.asked == []


def test_published_bakes_upstreams_node_and_builds_only_what_is_ours(docker_store, made):
    sources.ensure("published")
    ours = [image.reference for image in catalogue.bundle("platform") if image.ours]
    node = sources.planned("published").reference
    assert made == [*(f"build {name}" for name in ours), f"bake {sources.base_tag()}", f"save {node}"]


@pytest.mark.parametrize("prefix", ["mirror.example.cn", "mirror.example.cn/", "127.0.0.1:5000/hub"])
def test_a_mirror_gives_what_published_gives(docker_store, prefix):
    assert sources.ensure(f"mirror={prefix}") == sources.planned("published")
    assert docker_store.pulls
    assert all(pull.startswith(prefix.rstrip("/") + "/") and "//" not in pull for pull in docker_store.pulls)


@pytest.mark.parametrize("route", ["bogus", "", "mirror", "Built", "mirror=", "mirror=/"])
@pytest.mark.parametrize("there", [False, True])
def test_an_unknown_route_is_refused_even_if_the_images_are_there(docker_store, made, route, there):
    if there:
        put(docker_store, "published")
    with pytest.raises(AcplabError) as told:
        sources.ensure(route)
    assert "auto, published, mirror=PREFIX or built" in told.value.remedy
    assert (docker_store.asked, made) == ([], [])


# --- names --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "digest", "prefix", "source"),
    [
        ("kindest/node:v1", None, "", "docker.io/kindest/node:v1"),
        ("kindest/node:v1", DIGEST, "", f"docker.io/kindest/node@{DIGEST}"),
        ("kindest/node:v1", None, "m.cn/", "m.cn/docker.io/kindest/node:v1"),
        ("kindest/node:v1", DIGEST, "m.cn/", f"m.cn/docker.io/kindest/node@{DIGEST}"),
        ("docker.io/library/traefik:v3", None, "m.cn/", "m.cn/docker.io/library/traefik:v3"),
        ("registry.k8s.io/a/b:v1", None, "m.cn/hub/", "m.cn/hub/registry.k8s.io/a/b:v1"),
        ("registry.k8s.io/a/b:v1", DIGEST, "", f"registry.k8s.io/a/b@{DIGEST}"),
        ("quay.io:443/a/b:v1", DIGEST, "", f"quay.io:443/a/b@{DIGEST}"),
    ],
)
def test_an_image_is_pulled_by_digest_where_one_is_known_and_gets_the_manifests_name(
    docker_store, name, digest, prefix, source
):
    sources.pull(name, digest, prefix)
    assert docker_store.asked == [f"pull {source}", f"tag {source} {name}"]


def test_an_image_that_has_its_name_already_is_not_tagged(docker_store):
    sources.pull("registry.k8s.io/a/b:v1", None, "")
    assert docker_store.asked == ["pull registry.k8s.io/a/b:v1"]


# --- space, locks, the copy in the cache -------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", ["built", "published", "mirror=m.cn"])
def test_too_little_disk_is_said_before_anything_is_fetched(docker_store, made, monkeypatch, route):
    monkeypatch.setattr(space.shutil, "disk_usage", lambda folder: ENOUGH._replace(free=3 * space.GIB))
    with pytest.raises(AcplabError, match="Only 3 GiB are free") as told:
        sources.ensure(route)
    assert "ACPLAB_CACHE" in told.value.remedy
    assert str(paths.cache()) in told.value.sentence
    assert (docker_store.asked, made) == ([], [])


class OtherDisk(type(Path())):
    """A folder on another disk than the rest."""

    def stat(self, **_):
        return namedtuple("Stat", "st_dev")(-1)


@pytest.fixture
def other_disk(docker_store, monkeypatch, tmp_path):
    """Docker's data root on a disk of its own; the function says how many GiB are free there."""
    docker_store.root = OtherDisk(tmp_path / "data")
    docker_store.root.mkdir()

    def free(gib: int) -> None:
        usage = ENOUGH._replace(free=gib * space.GIB)
        where = str(docker_store.root)
        monkeypatch.setattr(space.shutil, "disk_usage", lambda folder: usage if str(folder) == where else ENOUGH)

    return free


def test_a_full_disk_under_dockers_data_is_said_before_anything_is_fetched(docker_store, made, other_disk, tmp_path):
    other_disk(3)
    with pytest.raises(AcplabError, match="Only 3 GiB are free") as told:
        sources.ensure("built")
    assert str(tmp_path / "data") in told.value.sentence
    assert "data-root" in told.value.remedy
    assert (docker_store.asked, made) == ([], [])


def test_two_disks_are_asked_for_their_own_share_and_one_disk_for_both(docker_store, other_disk):
    other_disk(100)
    cache, data = sources.needed_space()
    docker_store.root = None
    (both,) = sources.needed_space()
    assert both.needed == cache.needed + data.needed
    assert not any(one.problem for one in (cache, data, both))


def test_once_the_images_are_there_little_space_is_needed(docker_store):
    (before,) = sources.needed_space()
    put(docker_store, "built")
    (after,) = sources.needed_space()
    assert after.needed <= 2 < before.needed


def test_docker_in_a_virtual_machine_has_no_disk_to_look_at(docker_store):
    docker_store.root = Path("/no/such/folder")
    assert [one.folder for one in sources.needed_space()] == [paths.cache()]


def test_what_is_there_needs_no_space(docker_store, monkeypatch):
    monkeypatch.setattr(space.shutil, "disk_usage", lambda folder: ENOUGH._replace(free=0))
    node = put(docker_store, "built")
    assert sources.ensure("auto") == node


def test_only_one_acplab_gets_the_images_at_a_time(docker_store, made):
    with FileLock(paths.cache() / "images.lock"):
        with pytest.raises(AcplabError, match="Another acplab") as told:
            sources.ensure("auto")
        assert "Wait" in told.value.remedy
        node = put(docker_store, "built")
        assert sources.ensure("auto") == node  # what is there waits for nobody
    assert made == []


def test_after_an_error_the_lock_is_free(docker_store):
    for _ in range(2):
        with pytest.raises(AcplabError, match="not known"):
            sources.ensure("bogus")


def test_what_older_recipes_of_the_route_made_is_removed(monkeypatch):
    node = sources.planned("built")
    version = catalogue.load()["kubernetes"]
    older = [f"acplab/node:{version}-000000000000", f"acplab/node-base:{version}-000000000000"]
    others = [node.reference, recipe.base_reference(), sources.planned("published").reference]
    removed = []

    def run(*words):
        if words[1] == "rm":
            removed.append(words[-1])
        return "\n".join(older + others)

    monkeypatch.setattr(docker, "run", run)
    tar = sources._tar(node)
    tar.parent.mkdir(parents=True)
    for file in (tar, tar.with_name(f"built-{version}-000000000000.tar"), tar.with_name("published-v1.36.1-0.tar")):
        file.touch()
    sources._forget_older(node)
    assert removed == older
    assert {file.name for file in tar.parent.iterdir()} == {tar.name, "published-v1.36.1-0.tar"}


def test_a_lost_docker_store_is_refilled_from_the_cache(docker_store, made, tools):
    tools.add("docker")
    node = sources.planned("built")
    tar = sources._tar(node)
    tar.parent.mkdir(parents=True)
    tar.write_text("images")
    assert sources.present_quick("auto") == node
    assert tools.calls == []
    assert sources.ensure("auto") == node
    assert tools.calls == [["docker", "load"]]  # it reads the file from its input: snap's Docker sees no file of ours
    assert made == []


def test_a_copy_that_docker_cannot_read_is_made_anew(docker_store, made, tools):
    tools.add("docker")
    tools.answer("docker", "load", err="unexpected EOF\n", code=1)
    tar = sources._tar(sources.planned("built"))
    tar.parent.mkdir(parents=True)
    tar.write_text("half")
    assert sources.ensure("built") == sources.planned("built")
    assert "build node" in made
