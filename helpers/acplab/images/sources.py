"""Where images come from: a ladder of three routes that end in images of the same names.

published    upstream's images, by digest where one is known
mirror=P     the same, through the registry mirror P (classrooms in mainland China)
built        everything from package registries, for places that no container registry reaches
auto         the first of these that answers; what is there already is taken first
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from acplab.base import locks, paths
from acplab.base.console import say, stage
from acplab.base.errors import AcplabError
from acplab.base.i18n import _, ngettext
from acplab.host import docker
from acplab.images import bake, catalogue, space, store
from acplab.images.catalogue import Image
from acplab.images.recipes import image as recipe

PROBE_SECONDS = 6
BAKED = ("base", "platform")  # the bundles that are in the node image
Got = TypeVar("Got")


@dataclass(frozen=True)
class NodeImage:
    """The image that the nodes of a cluster run.

    reference: its name in Docker's store. route: "built" or "published" (through a mirror or not).
    inputs: fingerprint of what is in it.
    """

    reference: str
    route: str
    inputs: str

    @property
    def patches(self) -> list[str]:
        """kubeadm patches that this node image needs, as YAML texts."""
        return catalogue.load()["node-patches"] if self.route == "built" else []


def manifest(route: str, *bundles: str) -> dict[str, str]:
    """Image -> fingerprint of what is in it, for some bundles on a route (built or published). Only computes."""
    images = [one for name in bundles if (route, name) != ("published", "base") for one in catalogue.bundle(name)]
    return {one.reference: _inputs(one, route) for one in images}


def _inputs(image: Image, route: str) -> str:
    if route == "built" or image.ours:
        return catalogue.image_inputs(image)
    return catalogue.fingerprint(image.reference, catalogue.load()["published"][image.reference])


def planned(route: str) -> NodeImage:
    """The node image that a route (built, published or mirror=PREFIX) would give with today's recipes."""
    (route,) = candidates(route)
    baked = manifest(route, *BAKED)
    if route == "built":
        balancer = catalogue.image_inputs(catalogue.loadbalancer())
        inputs = catalogue.fingerprint(catalogue.base_node_inputs(), baked, balancer)
        version = catalogue.load()["kubernetes"]
    else:
        inputs = catalogue.fingerprint(catalogue.load()["published"], baked, catalogue.cni_manifest())
        version = base_tag().split(":")[1]
    return NodeImage(f"acplab/node:{version}-{inputs}", route, inputs)


def base_tag() -> str:
    """Name of the published node image, such as kindest/node:v1.36.1."""
    return next(name for name in catalogue.load()["published"] if name.startswith("kindest/node:"))


def ensure(route: str = "auto") -> NodeImage:
    """The node image and the load balancer's, in Docker's store. Makes what is missing.

    route: auto, published, mirror=PREFIX or built. AcplabError when it cannot be had that way.
    """
    require_known(route)
    if node := _in_docker(route):
        return node
    with alone():
        return present(route) or by_ladder(route, _make)


def alone() -> AbstractContextManager[None]:
    """One acplab at a time gets images; AcplabError if another is at it."""
    busy = AcplabError(
        _("Another acplab is getting the images at this moment."), _("Wait until it has finished, then start again.")
    )
    return locks.lock(paths.cache() / "images.lock", 0, lambda: busy)


def _in_docker(route: str) -> NodeImage | None:
    return next((node for node in map(planned, candidates(route)) if _complete(node)), None)


def present(route: str = "auto") -> NodeImage | None:
    """The node image if it is in Docker's store, or in the cache, from where it is put back."""
    if node := _in_docker(route):
        return node
    for node in map(planned, candidates(route)):
        if (tar := _tar(node)).exists() and _put_back(tar):
            return node
    return None


def _put_back(tar: Path) -> bool:
    try:
        with stage("load", _("Putting the node image back into Docker's store"), 40), tar.open("rb") as archive:
            store.piped("load", source=archive)
    except AcplabError as error:
        say(_("{why} So the image is made again.").format(why=error.sentence))
        return False
    return True


def present_quick(route: str = "auto") -> NodeImage | None:
    """The node image if Docker has it, or the cache has a copy. Only looks."""
    return next((node for node in map(planned, candidates(route)) if _tar(node).exists() or _complete(node)), None)


def needed_space() -> list[space.Space]:
    """The disks that the images take room on, with what is needed there still."""
    return space.disks("there" if present_quick() else "built")


def candidates(route: str) -> list[str]:
    """Under which routes something of this route may be there already."""
    return ["published", "built"] if route == "auto" else ["published" if route.startswith("mirror=") else route]


def _complete(node: NodeImage) -> bool:
    return store.built_from(node.reference) == node.inputs and store.built_from(loadbalancer()) is not None


def loadbalancer() -> str:
    """Name of kind's load balancer image."""
    return catalogue.loadbalancer().reference


def _tar(node: NodeImage) -> Path:
    return paths.cache() / "node" / f"{node.route}-{node.reference.rsplit(':', 1)[1]}.tar"


def by_ladder(route: str, make: Callable[[str, str], Got]) -> Got:
    """What make(route, mirror prefix) gives by the route that answers; `auto` builds when the others fail."""
    name, prefix = _decide(route)
    try:
        return make(name, prefix)
    except AcplabError as error:
        if route != "auto" or name == "built":
            raise
        why = _("{why} The images are built from package registries instead; that takes about 15 minutes.")
        say(why.format(why=error.sentence))
        return make("built", "")


def _make(route: str, prefix: str) -> NodeImage:
    space.require(route)
    node, baked = planned(route), manifest(route, *BAKED)
    images = [one for one in catalogue.images(*BAKED) if one.reference in baked]
    if route == "built":
        recipe.build_all([*images, catalogue.loadbalancer()], node=True)
        base = recipe.base_node()
    else:
        base = base_tag()
        pull_all([base, loadbalancer()], prefix)
        fetch(images, route, prefix)
    bake.node(node.reference, base, baked, node.inputs)
    _save(node)
    return node


def fetch(images: Iterable[Image], route: str, prefix: str) -> None:
    """Put images into Docker's store: pulled if the route is published and they are, else built."""
    pulled = [one for one in images if route == "published" and not one.ours]
    if pulled:
        pull_all([one.reference for one in pulled], prefix)
    recipe.build_all([one for one in images if one not in pulled])


def _decide(route: str) -> tuple[str, str]:
    """(route, mirror prefix). `auto` asks the registry for a few seconds, then a mirror if one is set."""
    if route.startswith("mirror="):
        return "published", route.removeprefix("mirror=").rstrip("/") + "/"
    if route in ("published", "built"):
        return route, ""
    for prefix in ("", *([os.environ["ACPLAB_MIRROR"].rstrip("/") + "/"] if os.environ.get("ACPLAB_MIRROR") else [])):
        if _answers(prefix + _full(loadbalancer())):
            return "published", prefix
    why = _("No container registry answers, so the images are built from package registries.")
    say(why + " " + _("The first time takes about 15 minutes."))
    return "built", ""


def require_known(route: str) -> None:
    """AcplabError unless it is one of the routes."""
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


def pull_all(names: list[str], prefix: str) -> None:
    """Pull published images. prefix: "" or a mirror with its slash."""
    title = ngettext("Pulling {n} image", "Pulling {n} images", len(names)).format(n=len(names))
    with stage("pull", title, 60) as current:
        for name in names:
            current.say(name)
            pull(name, catalogue.load()["published"][name], prefix)


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


def _save(node: NodeImage) -> None:
    """A copy in the cache, so that a lost Docker store is refilled without building."""
    tar = _tar(node)
    tar.parent.mkdir(parents=True, exist_ok=True)
    with stage("save", _("Keeping a copy of the node image in the cache"), 20):
        store.save([node.reference, loadbalancer()], tar)
    _forget_older(node)


def _forget_older(node: NodeImage) -> None:
    """What an earlier recipe of this route has made takes gigabytes and is of no use any more."""
    for tar in _tar(node).parent.glob(f"{node.route}-*.tar"):
        if tar != _tar(node):
            tar.unlink()
    version, _inputs = node.reference.split(":")[1].rsplit("-", 1)
    listing = ["image", "ls", "--filter", "reference=acplab/node*", "--format", "{{.Repository}}:{{.Tag}}"]
    for reference in docker.run(*listing).split():
        ours = reference.split(":")[1].startswith(f"{version}-")  # another route has another version
        if ours and reference not in (node.reference, recipe.base_reference()):
            with contextlib.suppress(AcplabError):  # a cluster still runs it
                docker.run("image", "rm", reference)
