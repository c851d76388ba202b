"""Where things lie: the checkout, the learner's data, and what can be made again."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

ROOT = Path(__file__).resolve().parents[3]


def instance() -> str:
    """Which set of clusters and progress is meant: "course" for learners, "test" for the tests."""
    return os.environ.get("ACPLAB_INSTANCE", "course")


def _folder(variable: str, default: Path) -> Path:
    folder = Path(os.environ.get(variable) or default)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def home() -> Path:
    """The learner's data: kubeconfigs, cluster state, progress, logs. ACPLAB_HOME moves it."""
    return _folder("ACPLAB_HOME", platformdirs.user_data_path("acplab") / instance())


def cache() -> Path:
    """What can be made again: Go modules, binaries, images. ACPLAB_CACHE moves it."""
    return _folder("ACPLAB_CACHE", platformdirs.user_cache_path("acplab"))


def logs() -> Path:
    """One file a stage of `./acplab start`."""
    folder = home() / "logs"
    folder.mkdir(exist_ok=True)
    return folder


def write_whole(file: Path, text: str, mode: int = 0o644) -> None:
    """Write a file that readers see whole or not at all, whenever this process ends."""
    part = file.with_name(f"{file.name}.part")
    part.unlink(missing_ok=True)
    part.touch(mode=mode)
    part.write_text(text, encoding="utf-8")
    part.replace(file)
