"""The ladder of routes: what is tried in which order, under which names images are pulled, and when it gives up."""

from __future__ import annotations

from collections import namedtuple

import pytest
from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.host import docker
from acplab.images import bake, build, catalogue, routes
from filelock import FileLock

DIGEST = "sha256:" + "0" * 64
LOADBALANCER = catalogue.load()["loadbalancer"]
ENOUGH = namedtuple("Usage", "total used free")(10**12, 0, 10**12)


class Store:
    """Docker's store and the registries that answer; what was asked of them, in order."""

    def __init__(self) -> None:
        self.images: dict[str, str] = {}
        self.answering: tuple[str, ...] = ()
        self.asked: list[str] = []
        self.broken: set[str] = set()

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
def store(folders, monkeypatch, made) -> Store:
    store = Store()

    def bake_node(reference, base, images, inputs):
        made.append(f"bake {base}")
        store.images[reference] = inputs

    monkeypatch.setattr(docker, "run", store.run)
    monkeypatch.setattr(build, "everything", lambda: made.append("everything"))
    monkeypatch.setattr(build, "base_node", lambda: "acplab/node-base:x")
    monkeypatch.setattr(build, "image", lambda name, recipe: made.append(f"build {name}"))
    monkeypatch.setattr(bake, "node", bake_node)
    monkeypatch.setattr(routes, "_save", lambda node: made.append(f"save {node.reference}"))
    monkeypatch.setattr(routes.shutil, "disk_usage", lambda folder: ENOUGH)
    monkeypatch.delenv("ACPLAB_MIRROR", raising=False)
    return store


def put(store: Store, route: str) -> routes.NodeImage:
    """The node image of a route is in Docker's store."""
    node = routes.planned(route)
    store.images |= {node.reference: node.inputs, LOADBALANCER: ""}
    return node


# --- what a route would give ------------------------------------------------------------------------------------


def test_the_plan_of_a_route_is_always_the_same():
    assert routes.planned("built") == routes.planned("built")
    assert routes.planned("built").reference != routes.planned("published").reference


def test_a_plan_names_the_kubernetes_version_and_its_inputs():
    built, published = routes.planned("built"), routes.planned("published")
    assert built.reference == f"acplab/node:{catalogue.load()['kubernetes']}-{built.inputs}"
    assert published.reference == f"acplab/node:{routes.base_tag().split(':')[1]}-{published.inputs}"


def test_only_built_nodes_need_patches():
    assert routes.planned("built").patches == catalogue.load()["node-patches"] != []
    assert routes.planned("published").patches == []


@pytest.mark.parametrize("route", ["built", "published"])
def test_another_image_of_the_platform_means_another_node(monkeypatch, route):
    before = routes.planned(route)
    real = catalogue.files
    monkeypatch.setattr(
        catalogue, "files", lambda folder: real(folder) | ({"x": "1"} if folder == "storefront" else {})
    )
    assert routes.planned(route).reference != before.reference


def test_another_load_balancer_is_noticed(monkeypatch, store):
    put(store, "built")
    assert routes.present("built")
    real = catalogue.files
    monkeypatch.setattr(catalogue, "files", lambda folder: real(folder) | ({"x": "1"} if folder == "haproxy" else {}))
    assert routes.present("built") is None


# --- auto ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", ["built", "published"])
def test_what_is_there_is_taken_and_no_registry_is_asked(store, made, route):
    node = put(store, route)
    store.answering = ("",)
    assert routes.ensure("auto") == routes.ensure(route) == node
    assert (store.asked, made) == ([], [])


def test_of_two_that_are_there_auto_takes_the_published_one(store):
    put(store, "built")
    published = put(store, "published")
    assert routes.ensure("auto") == published


def test_an_image_of_former_recipes_does_not_count(store, made):
    put(store, "built")
    store.images[routes.planned("built").reference] = "000000000000"
    assert routes.ensure("auto").route == "built"
    assert "everything" in made


def test_a_node_image_without_its_load_balancer_does_not_count(store):
    put(store, "built")
    del store.images[LOADBALANCER]
    assert routes.present("built") is None


def test_a_registry_that_answers_is_taken_first(store, made, monkeypatch):
    monkeypatch.setenv("ACPLAB_MIRROR", "mirror.example.cn")
    store.answering = (LOADBALANCER, "docker.io/", "mirror.example.cn")
    assert routes.ensure("auto").route == "published"
    assert len(store.probes) == 1
    assert all(pull.startswith(("docker.io/", "registry.k8s.io/")) for pull in store.pulls)
    assert "everything" not in made


def test_a_mirror_that_is_set_comes_second(store, made, monkeypatch):
    monkeypatch.setenv("ACPLAB_MIRROR", "mirror.example.cn/hub/")
    store.answering = ("mirror.example.cn/hub/",)
    assert routes.ensure("auto").route == "published"
    assert [probe.startswith("mirror.example.cn/hub/") for probe in store.probes] == [False, True]
    assert store.pulls
    assert all(pull.startswith("mirror.example.cn/hub/") for pull in store.pulls)
    assert "everything" not in made


def test_a_mirror_is_asked_for_an_image_by_the_name_that_is_pulled_from_it(store, monkeypatch):
    monkeypatch.setenv("ACPLAB_MIRROR", "mirror.example.cn")
    store.answering = ("mirror.example.cn/",)
    routes.ensure("auto")
    repository = store.probes[1].rsplit(":", 1)[0]
    assert [pull for pull in store.pulls if pull.startswith((f"{repository}:", f"{repository}@"))]


def test_when_no_registry_answers_everything_is_built_and_that_is_said(store, made, monkeypatch, capsys):
    monkeypatch.setenv("ACPLAB_MIRROR", "mirror.example.cn")
    node = routes.ensure("auto")
    assert node == routes.planned("built")
    assert len(store.probes) == 2
    assert store.pulls == []
    assert made == ["everything", "bake acplab/node-base:x", f"save {node.reference}"]
    assert "about 20 minutes" in " ".join(capsys.readouterr().out.split())


def test_without_a_mirror_only_the_registry_is_asked(store):
    routes.ensure("auto")
    assert len(store.probes) == 1


def test_a_registry_that_answers_but_does_not_give_is_not_the_end(store, made, capsys):
    store.answering = ("",)
    store.broken = {"registry.k8s.io/metrics-server/metrics-server:v0.9.0"}
    assert routes.ensure("auto").route == "built"
    assert "everything" in made
    assert "toomanyrequests" in capsys.readouterr().out


# --- a route that is forced ------------------------------------------------------------------------------------------


def test_published_asks_nobody_first_and_does_not_build_instead(store, made):
    store.broken = {"registry.k8s.io/metrics-server/metrics-server:v0.9.0"}
    with pytest.raises(AcplabError, match="toomanyrequests"):
        routes.ensure("published")
    assert store.probes == []
    assert made == []


def test_built_pulls_nothing(store):
    put(store, "published")
    assert routes.ensure("built").route == "built"
    assert store.asked == []


def test_published_bakes_upstreams_node_and_builds_only_what_is_ours(store, made):
    routes.ensure("published")
    ours = [name for name, recipe in catalogue.load()["platform"].items() if recipe.get("ours")]
    node = routes.planned("published").reference
    assert made == [*(f"build {name}" for name in ours), f"bake {routes.base_tag()}", f"save {node}"]


@pytest.mark.parametrize("prefix", ["mirror.example.cn", "mirror.example.cn/", "127.0.0.1:5000/hub"])
def test_a_mirror_gives_what_published_gives(store, prefix):
    assert routes.ensure(f"mirror={prefix}") == routes.planned("published")
    assert store.pulls
    assert all(pull.startswith(prefix.rstrip("/") + "/") and "//" not in pull for pull in store.pulls)


@pytest.mark.parametrize("route", ["bogus", "", "mirror", "Built", "mirror=", "mirror=/"])
@pytest.mark.parametrize("there", [False, True])
def test_an_unknown_route_is_refused_even_if_the_images_are_there(store, made, route, there):
    if there:
        put(store, "published")
    with pytest.raises(AcplabError) as told:
        routes.ensure(route)
    assert "auto, published, mirror=PREFIX or built" in told.value.remedy
    assert (store.asked, made) == ([], [])


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
    store, name, digest, prefix, source
):
    routes.pull(name, digest, prefix)
    assert store.asked == [f"pull {source}", f"tag {source} {name}"]


def test_an_image_that_has_its_name_already_is_not_tagged(store):
    routes.pull("registry.k8s.io/a/b:v1", None, "")
    assert store.asked == ["pull registry.k8s.io/a/b:v1"]


# --- space, locks, the copy in the cache -------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", ["built", "published", "mirror=m.cn"])
def test_too_little_disk_is_said_before_anything_is_fetched(store, made, monkeypatch, route):
    monkeypatch.setattr(routes.shutil, "disk_usage", lambda folder: ENOUGH._replace(free=3 * routes.GIB))
    with pytest.raises(AcplabError, match="Only 3 GiB are free") as told:
        routes.ensure(route)
    assert "ACPLAB_CACHE" in told.value.remedy
    assert str(paths.cache()) in told.value.sentence
    assert (store.asked, made) == ([], [])


def test_what_is_there_needs_no_space(store, monkeypatch):
    monkeypatch.setattr(routes.shutil, "disk_usage", lambda folder: ENOUGH._replace(free=0))
    node = put(store, "built")
    assert routes.ensure("auto") == node


def test_only_one_acplab_gets_the_images_at_a_time(store, made):
    put(store, "built")
    with FileLock(paths.cache() / "images.lock"), pytest.raises(AcplabError, match="Another acplab") as told:
        routes.ensure("auto")
    assert "Wait" in told.value.remedy
    assert routes.ensure("auto")


def test_after_an_error_the_lock_is_free(store):
    for _ in range(2):
        with pytest.raises(AcplabError, match="not known"):
            routes.ensure("bogus")


def test_a_lost_docker_store_is_refilled_from_the_cache(store, made, tools):
    tools.add("docker")
    node = routes.planned("built")
    tar = routes._tar(node)
    tar.parent.mkdir(parents=True)
    tar.write_text("images")
    assert routes.present_quick("auto") == node
    assert tools.calls == []
    assert routes.ensure("auto") == node
    assert tools.calls == [["docker", "load", "--input", str(tar)]]
    assert made == []


def test_a_copy_that_docker_cannot_read_is_made_anew(store, made, tools):
    tools.add("docker")
    tools.answer("docker", "load", err="unexpected EOF\n", code=1)
    tar = routes._tar(routes.planned("built"))
    tar.parent.mkdir(parents=True)
    tar.write_text("half")
    assert routes.ensure("built") == routes.planned("built")
    assert "everything" in made
