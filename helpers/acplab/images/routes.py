"""Where images come from: a ladder of three routes that end in images of the same names.

published    upstream's images, by digest where one is known
mirror=P     the same, through the registry mirror P (classrooms in mainland China)
built        everything from package registries, for places that no container registry reaches
auto         the first of these that answers; what is there already is taken first
"""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acplab.base import locks as turns
from acplab.base import paths
from acplab.base.console import say, stage
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.host import docker
from acplab.images import bake, build, catalogue

PROBE_SECONDS = 6
GIB = 1024**3
NEEDED_GIB = {"built": 20, "published": 6, "mirror": 6}


@dataclass(frozen=True)
class NodeImage:
    """The image that the nodes of a cluster run.

    reference: its name in Docker's store. route: "built", "published" or "mirror".
    inputs: fingerprint of what is in it.
    """

    reference: str
    route: str
    inputs: str

    @property
    def patches(self) -> list[str]:
        """kubeadm patches that this node image needs, as YAML texts."""
        return catalogue.load()["node-patches"] if self.route == "built" else []


def planned(route: str) -> NodeImage:
    """The node image that a route would give with today's recipes."""
    listed = catalogue.load()
    platform = {name: catalogue.image_inputs(name, recipe) for name, recipe in listed["platform"].items()}
    if route == "built":
        node = {name: catalogue.image_inputs(name, recipe) for name, recipe in listed["node"].items()}
        balancer = catalogue.image_inputs(listed["loadbalancer"], build.LOADBALANCER)
        inputs = catalogue.fingerprint(build.base_node_inputs(), node, platform, balancer)
        version = listed["kubernetes"]
    else:
        inputs, version = catalogue.fingerprint(listed["published"], platform), base_tag().split(":")[1]
    return NodeImage(f"acplab/node:{version}-{inputs}", route, inputs)


def base_tag() -> str:
    """Name of the published node image, such as kindest/node:v1.36.1."""
    return next(name for name in catalogue.load()["published"] if name.startswith("kindest/node:"))


def ensure(route: str = "auto") -> NodeImage:
    """The node image and the load balancer's, in Docker's store. Makes what is missing.

    route: auto, published, mirror=PREFIX or built. AcplabError when it cannot be had that way.
    """
    _require_known(route)
    busy = AcplabError(
        _("Another acplab is getting the images at this moment."), _("Wait until it has finished, then start again.")
    )
    with turns.hold(paths.cache() / "images.lock", 0, lambda: busy):
        return present(route) or _make(route)


def present(route: str = "auto") -> NodeImage | None:
    """The node image if it is in Docker's store, or in the cache, from where it is put back."""
    for name in _candidates(route):
        node = planned(name)
        if _complete(node):
            return node
        if (tar := _tar(node)).exists() and _put_back(tar):
            return node
    return None


def _put_back(tar: Path) -> bool:
    try:
        with stage("load", _("Putting the node image back into Docker's store"), 40) as current:
            current.run(["docker", "load", "--input", tar])
    except AcplabError as error:
        say(_("{why} So the image is made anew.").format(why=error.sentence))
        return False
    return True


def present_quick(route: str = "auto") -> NodeImage | None:
    """The node image if Docker has it, or the cache has a copy. Only looks."""
    for name in _candidates(route):
        node = planned(name)
        if _tar(node).exists() or _complete(node):
            return node
    return None


def _candidates(route: str) -> list[str]:
    return ["published", "built"] if route == "auto" else ["published" if route.startswith("mirror=") else route]


def _complete(node: NodeImage) -> bool:
    return build.built_from(node.reference) == node.inputs and build.built_from(loadbalancer()) is not None


def loadbalancer() -> str:
    """Name of kind's load balancer image."""
    return catalogue.load()["loadbalancer"]


def _tar(node: NodeImage) -> Path:
    return paths.cache() / "node" / f"{node.route}-{node.reference.rsplit(':', 1)[1]}.tar"


def _make(route: str) -> NodeImage:
    name, prefix = _decide(route)
    try:
        return _make_by(name, prefix)
    except AcplabError as error:
        if route != "auto" or name == "built":
            raise
        say(
            _("{why} The images are built from package registries instead; that takes about 20 minutes.").format(
                why=error.sentence
            )
        )
        return _make_by("built", "")


def _make_by(name: str, prefix: str) -> NodeImage:
    _require_space(name)
    node = planned(name)
    if name == "built":
        build.everything()
        base, images = build.base_node(), [*catalogue.load()["node"], *catalogue.load()["platform"]]
    else:
        base, images = pull_all(prefix)
    bake.node(node.reference, base, images, node.inputs)
    _save(node)
    return node


def _decide(route: str) -> tuple[str, str]:
    """(route, mirror prefix). `auto` asks the registry for a few seconds, then a mirror if one is set."""
    if route.startswith("mirror="):
        return "published", route.removeprefix("mirror=").rstrip("/") + "/"
    if route in ("published", "built"):
        return route, ""
    for prefix in ("", *([os.environ["ACPLAB_MIRROR"].rstrip("/") + "/"] if os.environ.get("ACPLAB_MIRROR") else [])):
        if _answers(prefix + _full(loadbalancer())):
            return "published", prefix
    say(
        _(
            "No container registry answers, so the images are built from package registries. The first time takes about 20 minutes."
        )
    )
    return "built", ""


def _require_known(route: str) -> None:
    mirror = route.startswith("mirror=") and route.removeprefix("mirror=").strip("/")
    if route not in ("auto", "published", "built") and not mirror:
        raise AcplabError(
            _("--images {route} is not known.").format(route=route), _("Use auto, published, mirror=PREFIX or built.")
        )


def _answers(reference: str) -> bool:
    try:
        docker.run("manifest", "inspect", reference, timeout=PROBE_SECONDS)
    except AcplabError:
        return False
    return True


def pull_all(prefix: str, published: dict[str, str | None] | None = None) -> tuple[str, list[str]]:
    """Pull what is published and build what is ours: (base node image, images to bake in).

    prefix: "" or a mirror with its slash. published: name -> digest or None (for a tag alone).
    """
    published = published or catalogue.load()["published"]
    with stage("pull", _("Pulling {n} images").format(n=len(published)), 120) as current:
        for name, digest in published.items():
            current.say(name)
            pull(name, digest, prefix)
    platform: dict[str, dict[str, Any]] = catalogue.load()["platform"]
    for name, recipe in platform.items():
        if recipe.get("ours"):
            build.image(name, recipe)
    return next(name for name in published if "/node:" in name), list(platform)


def pull(name: str, digest: str | None, prefix: str) -> None:
    """Pull an image, by digest if there is one, and give it the name that manifests use."""
    full = _full(name)
    source = prefix + (f"{full.rsplit(':', 1)[0]}@{digest}" if digest else full)
    docker.run("pull", source, timeout=1800)
    if source != name:
        docker.run("tag", source, name)


def _full(name: str) -> str:
    # Behind a mirror the whole name follows the prefix, so that one mirror can serve several registries.
    return name if "." in name.split("/")[0] else f"docker.io/{name}"


def _require_space(route: str) -> None:
    free = shutil.disk_usage(paths.cache()).free / GIB
    if free < NEEDED_GIB[route]:
        raise AcplabError(
            _("Only {free:.0f} GiB are free in {folder}; the images need {need}.").format(
                free=free, folder=paths.cache(), need=NEEDED_GIB[route]
            ),
            _("Free some space, or set ACPLAB_CACHE to a folder on a larger disk."),
        )


def _save(node: NodeImage) -> None:
    """A copy in the cache, so that a lost Docker store is refilled without building."""
    tar = _tar(node)
    tar.parent.mkdir(parents=True, exist_ok=True)
    with stage("save", _("Keeping a copy of the node image in the cache"), 20) as current:
        part = tar.with_suffix(".part")
        current.run(["docker", "save", "--output", part, node.reference, loadbalancer()])
        part.replace(tar)
    _forget_older(node)


def _forget_older(node: NodeImage) -> None:
    """What an earlier recipe of this route has made takes gigabytes and is of no use any more."""
    for tar in _tar(node).parent.glob(f"{node.route}-*.tar"):
        if tar != _tar(node):
            tar.unlink()
    made = docker.run("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "acplab/node").split()
    for reference in made:
        if reference != node.reference and reference.split("-")[0] == node.reference.split("-")[0]:
            with contextlib.suppress(AcplabError):  # a cluster still runs it
                docker.run("image", "rm", reference)
