"""An image of the catalogue, out of its folder and the parts that go in; and the node image before others go into it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from acplab.base.console import stage
from acplab.base.i18n import _, ngettext
from acplab.images import catalogue, store
from acplab.images.catalogue import Image
from acplab.images.recipes import debian, go, wheel


def build_all(images: Iterable[Image], node: bool = False) -> None:
    """Build images in Docker's store, stage by stage; node: the base of the node image and kind's command as well."""
    wanted = [image for image in images if store.built_from(image.reference) != catalogue.image_inputs(image)]
    if not wanted and not node:
        return
    _make_parts(wanted, node)
    count = len(wanted) + node
    with stage("images", ngettext("Building {n} image", "Building {n} images", count).format(n=count), 60) as current:
        for image in wanted:
            current.say(image.reference)
            build(image)
        if node:
            base_node()


def _make_parts(images: list[Image], node: bool) -> None:
    """Everything that goes into the images, the root file systems beside the compiler."""
    roots = [image.root for image in images if image.root]
    programs = [image.program for image in images if image.program]
    if node:
        roots, programs = ["node", *roots], ["kind", *catalogue.NODE_PROGRAMS, *programs]
    waiting = debian.roots(dict.fromkeys(roots))
    go.programs(dict.fromkeys(programs))
    for image in images:
        if image.wheel:
            wheel.binary(image.wheel)
    if not waiting.done():
        with stage("roots", _("Waiting for the Debian root file systems"), 60):
            waiting.result()
    waiting.result()


def build(image: Image) -> None:
    """Build one image, unless the one of that name has the same inputs."""
    inputs = catalogue.image_inputs(image)
    if store.built_from(image.reference) == inputs:
        return
    if image.root:
        debian.import_root(image.root)
    binaries = {file.name: file for file in _binaries(image)}
    context = {".": catalogue.FOLDER / image.folder} | binaries
    store.build(image.reference, context, inputs, file=next(iter(binaries), ""))


def _binaries(image: Image) -> list[Path]:
    if image.wheel:
        return [wheel.binary(image.wheel)]
    return [go.program(image.program) / name for name in image.files]


def base_reference() -> str:
    """Name that the base of the node image has once it is built."""
    return f"acplab/node-base:{catalogue.load()['kubernetes']}-{catalogue.base_node_inputs()}"


def base_node() -> str:
    """Name of the node's Docker image before images are baked in: Debian, Kubernetes' programs, our entrypoint."""
    inputs, reference = catalogue.base_node_inputs(), base_reference()
    if store.built_from(reference) != inputs:
        debian.import_root("node")
        binaries = {
            f"bin/{name}": go.program(of) / name for of, names in catalogue.NODE_PROGRAMS.items() for name in names
        }
        store.build(
            reference,
            {".": catalogue.FOLDER / "node", "files/kind/version": catalogue.load()["kubernetes"]} | binaries,
            inputs,
        )
    return reference
