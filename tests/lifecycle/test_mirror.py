"""The route published, with a mirror in front: Debian's docker-registry on 127.0.0.1, and a cluster made from it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pytest
from acplab import cluster as clusters
from acplab.base.errors import AcplabError
from acplab.base.retry import retry_context
from acplab.cluster import nodes, upgrade
from acplab.host import apt, docker
from acplab.images import bake, bundles, catalogue, containerd, sources, store
from acplab.images.recipes import image as recipe

CONFIG = """version: 0.1
storage: {{filesystem: {{rootdirectory: {folder}}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""
STOREFRONT = "docker.io/acplab/storefront:1.0.0"
NODE = "acplab/kindest-node:test"
# What upstream's node image would have kind install: were it ever applied, this DaemonSet would be there.
KINDNET = """apiVersion: apps/v1
kind: DaemonSet
metadata: {name: kindnet, namespace: kube-system}
spec:
  selector: {matchLabels: {app: kindnet}}
  template:
    metadata: {labels: {app: kindnet}}
    spec:
      hostNetwork: true
      tolerations: [{operator: Exists}]
      containers: [{name: kindnet, image: "registry.k8s.io/pause:3.10.1"}]
"""
UPSTREAM = """FROM {base}
COPY kindnet.yaml /kind/manifests/default-cni.yaml
RUN rm /usr/lib/cni/bridge
"""
HOST = "shop.published.example.com"
# Two storefronts on two nodes; a Service and an Ingress lead to the far one.
SHOP = """
apiVersion: v1
kind: Pod
metadata: {name: near, labels: {app: near}}
spec:
  nodeName: ${near}
  containers: [{name: storefront, image: "docker.io/acplab/storefront:1.0.0", env: [{name: VERSION, value: v1}]}]
---
apiVersion: v1
kind: Pod
metadata: {name: far, labels: {app: far}}
spec:
  nodeName: ${far}
  containers: [{name: storefront, image: "docker.io/acplab/storefront:1.0.0", env: [{name: VERSION, value: v2}]}]
---
apiVersion: v1
kind: Service
metadata: {name: far}
spec: {selector: {app: far}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: far}
spec:
  ingressClassName: nginx
  rules:
    - host: ${host}
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: far, port: {number: 80}}}}]}
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
    said = docker.run("push", there, timeout=600)
    docker.run("image", "rm", there)
    return next(word for word in said.split() if word.startswith("sha256:"))


@pytest.fixture(scope="module")
def kindest_node():
    """A node image laid out like upstream's: Kubernetes' images in it, another Pod network, and no plugin bridge."""
    recipe.build_all([*catalogue.images(*sources.BAKED), catalogue.loadbalancer()], node=True)
    base = recipe.base_node()
    with upstream_tags(base) as inside:
        bake.node("acplab/kindest-node:baked", base, dict.fromkeys(inside, "upstream"), "test")
    context = {"Dockerfile": UPSTREAM.format(base="acplab/kindest-node:baked"), "kindnet.yaml": KINDNET}
    store.build(NODE, context, "test")
    yield NODE
    docker.run("image", "rm", "--force", NODE, "acplab/kindest-node:baked")


@contextmanager
def upstream_tags(base: str) -> Iterator[list[str]]:
    """The images of the bundle base, those of kubeadm under the tags that it asks for."""
    ours = {name.rsplit(":", 1)[0]: name for name in sources.manifest("built", "base")}
    wanted = {name.rsplit(":", 1)[0]: name for name in kubeadm_images(base)}
    renamed = {name: ours[of] for of, name in wanted.items() if name != ours[of]}
    for name, source in renamed.items():
        docker.run("tag", source, name)
    try:
        yield sorted((ours | wanted).values())
    finally:
        for name in renamed:
            docker.run("image", "rm", name)


def kubeadm_images(base: str) -> list[str]:
    """What kubeadm of a node image asks for when nothing is patched; the pause image is containerd's to choose."""
    version = ["--kubernetes-version", catalogue.load()["kubernetes"]]
    listed = docker.run("run", "--rm", "--entrypoint", "kubeadm", base, "config", "images", "list", *version).split()
    return [name for name in listed if "/pause:" not in name]


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


@pytest.fixture(scope="module")
def published(mirrored):
    """The registry, with the digests of what it holds in the catalogue."""
    registry, digests = mirrored
    listed = catalogue.load() | {"published": digests}
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(catalogue, "load", lambda: listed)
        yield registry
    docker.run("image", "rm", "--force", "kindest/node:v1.36.1")
    through = docker.run("image", "ls", "--digests", "--format", "{{.Repository}}@{{.Digest}}").split()
    for reference in (one for one in through if one.startswith(f"{registry}/")):
        docker.run("image", "rm", reference)


@pytest.fixture(scope="module")
def node(published):
    """The node image that comes by this route."""
    made = sources.ensure(f"mirror={published}")
    yield made
    docker.run("image", "rm", "--force", made.reference)
    sources._tar(made).unlink()


@pytest.fixture(scope="module")
def made(node, published, tmp_path_factory):
    """A cluster of this route, in a home of its own."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("ACPLAB_HOME", str(tmp_path_factory.mktemp("home")))
        try:
            yield clusters.ensure("small", f"mirror={published}")
        finally:
            clusters.delete("small")


@pytest.fixture(scope="module")
def shop(made):
    """Two storefronts on two nodes of it, in the namespace default."""
    near, far = (name for name in made.nodes if "control-plane" not in name)
    made.kube.apply(SHOP, "default", near=near, far=far, host=HOST)
    for pod in ("near", "far"):
        made.kube.wait("pod", pod, namespace="default", timeout=60)
    return made


def test_images_come_through_the_mirror_and_keep_their_names(published, node):
    assert node.route == "published"
    assert node.reference.startswith("acplab/node:v1.36.1-")
    assert node.patches == []
    assert_baked(node.reference, sources.manifest("published", *sources.BAKED))
    assert sources.present(f"mirror={published}") == node


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


def test_every_node_is_ready_and_runs_the_image_that_came(made, node):
    listed = made.kube.list("node")
    assert sorted(one["metadata"]["name"] for one in listed) == made.nodes
    assert {condition(one, "Ready") for one in listed} == {"True"}
    assert made.image == node.reference


def condition(one: dict, wanted: str) -> str:
    return next(each["status"] for each in one["status"]["conditions"] if each["type"] == wanted)


def test_podnet_is_the_pod_network_and_no_other_is(made):
    assert {one["metadata"]["name"] for one in made.kube.list("daemonset", "*")} == {"kube-proxy", "podnet"}
    made.kube.wait("daemonset", "podnet", namespace="kube-system")
    for name in made.nodes:
        assert docker.run("exec", name, "ls", "/etc/cni/net.d").split() == ["10-acplab.conflist"]
        docker.run("exec", name, "test", "-x", "/opt/cni/bin/bridge")  # podnet brings what upstream's has not


def test_add_ons_are_those_of_the_route_built_and_kubeadms_tags_its_own(made, node):
    of_platform = {one.reference for one in catalogue.bundle("platform")}
    elsewhere = {one.reference for one in catalogue.bundle("base")}
    runs = images_of(pod for pod in made.kube.list("pod", "*") if pod["metadata"]["namespace"] != "default")
    assert runs & of_platform == of_platform - {STOREFRONT}
    own = set(kubeadm_images(node.reference))
    assert runs - of_platform - {one for one in elsewhere if "local-path" in one} == own
    assert own - elsewhere, "kubeadm's tags are those of the route built, so this test shows nothing"


def images_of(pods: Iterable[dict]) -> set[str]:
    return {container["image"] for pod in pods for container in pod["spec"]["containers"]}


def test_pods_of_two_nodes_talk(shop):
    address = shop.kube.get("pod", "far", "default")["status"]["podIP"]
    assert storefront(shop, "get", f"http://{address}:8080/").startswith("200 v2")


def storefront(made: clusters.Cluster, *words: str) -> str:
    """What the storefront's own client prints in the Pod near."""
    return made.kube.exec("near", ["storefront", *words], "default")


def test_a_service_resolves_and_answers(shop):
    address = shop.kube.get("service", "far", "default")["spec"]["clusterIP"]
    assert storefront(shop, "resolve", "far.default.svc.cluster.local").split()[-1] == address
    assert storefront(shop, "get", "http://far/").startswith("200 v2")


def test_a_request_enters_through_the_ingress(shop):
    request = urllib.request.Request(shop.ingress_url, headers={"Host": HOST})
    for attempt in retry_context(on=urllib.error.URLError, attempts=None, timeout=20, wait_max=0.5):
        with attempt, urllib.request.urlopen(request, timeout=5) as response:
            assert response.headers["X-Storefront-Version"] == "v2"


def test_the_next_start_takes_it_as_it_is(made, published, monkeypatch, capsys):
    """Chapters and `start` name no route: they find the cluster, and have nothing to load, to apply or to recreate."""
    with made:
        noted = upgrade._noted()
    monkeypatch.setattr(bundles, "bundle", lambda *asked: pytest.fail(f"{asked} are got again"))
    monkeypatch.setattr(upgrade, "note", lambda *_asked: pytest.fail("the platform is applied again"))
    capsys.readouterr()
    assert clusters.ensure("small") == made
    assert made.route == f"mirror={published}"
    with made:
        assert upgrade._noted() == noted
    assert capsys.readouterr().out == ""


def test_newer_images_come_through_the_mirror_too(made, published, monkeypatch):
    """The cluster as an older course would have left it: an image less, and the note of then."""
    monkeypatch.setattr(sources, "pull", Recorded(sources.pull))
    docker.run("exec", made.nodes[-1], *containerd.CTR, "images", "remove", STOREFRONT)
    with made:
        noted = upgrade._noted()
        upgrade._write(noted | {"images": "older"})
    assert clusters.ensure("small") == made
    bundles.present("platform", made.route).archive.unlink()
    assert {prefix for _name, _digest, prefix in sources.pull.calls} == {f"{published}/"}
    assert STOREFRONT in containerd.holds(made.nodes[-1])
    with made:
        assert upgrade._noted() == noted


class Recorded:
    """A function that notes what it is called with."""

    def __init__(self, function) -> None:
        self.function, self.calls = function, []

    def __call__(self, *arguments):
        self.calls.append(arguments)
        return self.function(*arguments)


def test_after_a_stop_the_same_cluster_comes_back(made):
    uid = made.kube.get("namespace", "kube-system")["metadata"]["uid"]
    assert clusters.stop("small")
    assert clusters.ensure("small") == made
    assert set(nodes.states(made.name).values()) == {"running"}
    assert made.kube.get("namespace", "kube-system")["metadata"]["uid"] == uid
