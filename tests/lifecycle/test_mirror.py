"""The route mirror=PREFIX against a real registry: Debian's docker-registry on 127.0.0.1."""

from __future__ import annotations

import shutil
import socket
import subprocess
import urllib.error
import urllib.request

import pytest
from acplab.base.errors import AcplabError
from acplab.base.retry import retry_context
from acplab.host import apt, docker
from acplab.images import bake, catalogue, containerd, sources, store
from acplab.images.recipes import image as recipe

CONFIG = """version: 0.1
storage: {{filesystem: {{rootdirectory: {folder}}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """host:port of an empty registry of our own."""
    if not shutil.which("docker-registry"):
        apt.install(["docker-registry"], "docker-registry is missing: installing it for the mirror test", 10)
    folder = tmp_path_factory.mktemp("registry")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "config.yml").write_text(CONFIG.format(folder=folder / "data", port=port))
    process = subprocess.Popen(
        ["docker-registry", "serve", folder / "config.yml"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    for attempt in retry_context(on=urllib.error.URLError, attempts=None, timeout=20, wait_max=0.5):
        with attempt:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/")
    yield f"127.0.0.1:{port}"
    process.terminate()
    process.wait()


def push(source: str, registry: str, name: str) -> str:
    """Put an image of Docker's store into the registry under its full name; its digest."""
    there = f"{registry}/{name}"
    docker.run("tag", source, there)
    said = docker.run("push", there, timeout=300)
    docker.run("image", "rm", there)
    return next(word for word in said.split() if word.startswith("sha256:"))


@pytest.fixture(scope="module")
def kindest_node():
    """A node image laid out like upstream's: another Pod network, and no plugin bridge."""
    recipe.build_all([*catalogue.bundle("platform"), catalogue.loadbalancer()], node=True)
    change = "echo kindnet > /kind/manifests/default-cni.yaml && rm /usr/lib/cni/bridge"
    store.build("acplab/kindest-node:test", {"Dockerfile": f"FROM {recipe.base_node()}\nRUN {change}\n"}, "test")
    yield "acplab/kindest-node:test"
    docker.run("image", "rm", "--force", "acplab/kindest-node:test")


@pytest.fixture(scope="module")
def mirrored(registry, kindest_node):
    """A registry that holds what is published, and the list of it."""
    names = {
        "kindest/node:v1.36.1": kindest_node,
        "kindest/haproxy:v20230606-42a2262b": sources.loadbalancer(),
        **{one.reference: one.reference for one in catalogue.bundle("platform") if not one.ours},
    }
    full = {name: name if "." in name.split("/")[0] else f"docker.io/{name}" for name in names}
    return registry, {name: push(source, registry, full[name]) for name, source in names.items()}


@pytest.fixture
def published(mirrored, monkeypatch):
    """The catalogue, with the digests of what our registry holds."""
    registry, digests = mirrored
    listed = catalogue.load() | {"published": digests}
    monkeypatch.setattr(catalogue, "load", lambda: listed)
    yield registry
    docker.run("image", "rm", "--force", "kindest/node:v1.36.1")
    through = docker.run("image", "ls", "--digests", "--format", "{{.Repository}}@{{.Digest}}").split()
    for reference in (one for one in through if one.startswith(f"{registry}/")):
        docker.run("image", "rm", reference)


def test_images_come_through_the_mirror_and_keep_their_names(published):
    node = sources.ensure(f"mirror={published}")
    try:
        assert node.route == "published"
        assert node.reference.startswith("acplab/node:v1.36.1-")
        assert node.patches == []
        assert_baked(node.reference, sources.manifest("published", *sources.BAKED))
        assert sources.present(f"mirror={published}") == node
    finally:
        docker.run("image", "rm", "--force", node.reference)
        sources._tar(node).unlink()


def assert_baked(reference: str, wanted: dict[str, str]) -> None:
    """The images are in the node image's containerd with their fingerprints, podnet is the Pod network, and it starts as
    its base does."""
    with bake._running_containerd(reference) as container:
        assert wanted.items() <= containerd.holds(container).items()
        assert docker.run("exec", container, "cat", bake.CNI) == catalogue.cni_manifest()
    assert (
        docker.run("image", "inspect", "--format", "{{.Config.Entrypoint}}", reference).strip()
        == "[/usr/local/bin/node-entrypoint]"
    )


def test_a_digest_that_is_not_the_one_published_is_refused(published):
    with pytest.raises(AcplabError, match="docker pull failed"):
        sources.pull("kindest/haproxy:v20230606-42a2262b", "sha256:" + "0" * 64, f"{published}/")


def test_a_mirror_that_does_not_answer_is_one_sentence(published):
    with pytest.raises(AcplabError) as told:
        sources.pull("kindest/haproxy:v20230606-42a2262b", None, "127.0.0.1:1/")
    assert "\n" not in told.value.sentence
    assert told.value.remedy
