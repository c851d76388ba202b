"""Bundles: images of one topic, got when a chapter or a lab first needs them, and loaded into nodes that run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from acplab.base import paths
from acplab.base.console import stage
from acplab.base.i18n import _
from acplab.images import catalogue, containerd, sources, store


@dataclass(frozen=True)
class Bundle:
    """Images that go into nodes together.

    images: image -> fingerprint of what is in it. archive: the file of `docker save` that holds them all.
    """

    name: str
    images: dict[str, str]
    archive: Path


def bundle(name: str, route: str = "auto") -> Bundle:
    """Get a bundle (base and platform are bundles too). What is in the cache is taken; else see sources.py.

    AcplabError if there is no such bundle, or it cannot be had by this route.
    """
    sources.require_known(route)
    if found := present(name, route):
        return found
    with sources.alone():
        return present(name, route) or _by_ladder(name, route)


def present(name: str, route: str = "auto") -> Bundle | None:
    """The bundle if its archive is in the cache. Only looks."""
    found = [_planned(name, one) for one in sources.candidates(route)]
    return next((one for one in found if one.archive.exists()), None)


def _planned(name: str, route: str) -> Bundle:
    images = sources.manifest(route, name)
    archive = paths.cache() / "bundles" / f"{name}-{catalogue.fingerprint(images)}.tar"
    return Bundle(name, images, archive)


def _by_ladder(name: str, route: str) -> Bundle:
    if all(image.ours for image in catalogue.bundle(name)):
        return _make(name, "built", "")  # no registry has them, so none is asked
    return sources.by_ladder(route, lambda by, prefix: _make(name, by, prefix))


def _make(name: str, route: str, prefix: str) -> Bundle:
    made = _planned(name, route)
    sources.fetch([one for one in catalogue.bundle(name) if one.reference in made.images], route, prefix)
    made.archive.parent.mkdir(parents=True, exist_ok=True)
    for older in made.archive.parent.glob(f"{name}-*.tar"):
        older.unlink()
    title = _("Keeping the images of {bundle} in the cache").format(bundle=name)
    with stage(f"save-{name}", title, 5):
        store.save(list(made.images), made.archive)
    return made


def load(nodes: Sequence[str], name: str, route: str = "auto") -> list[str]:
    """Load a bundle into running nodes (names of their containers) that lack one of its images, or have an older one.

    The names of the nodes that got it; [] if all had it, which takes about 0.1 s for each.
    """
    lacking = [node for node in nodes if not _has(node, name, route)]
    if lacking:
        got = bundle(name, route)
        title = _("Loading the images of {bundle} into the nodes").format(bundle=name)
        with stage(f"load-{name}", title, 5 * len(lacking)) as current:
            for node in lacking:
                current.say(node)
                with got.archive.open("rb") as archive:
                    containerd.put(node, archive, got.images, current)
    return lacking


def _has(node: str, name: str, route: str) -> bool:
    held = containerd.holds(node).items()
    return any(sources.manifest(one, name).items() <= held for one in sources.candidates(route))
