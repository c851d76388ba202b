"""The room on disks that getting the images takes: the cache's own disk, and the one that Docker's data is on."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.host import docker

GIB = 1024**3
# GiB in the cache, and in Docker's data root, where each of three nodes takes 1.5 to 1.8; measured, with a margin.
NEEDED = {"built": (12, 9), "published": (3, 8), "there": (0, 2)}


@dataclass(frozen=True)
class Space:
    """A disk that images take room on. folder: where on it; needed, free: GiB; remedy: what helps if it is full."""

    folder: Path
    needed: float
    free: float
    remedy: str

    @property
    def problem(self) -> AcplabError | None:
        """What to say if it is too little."""
        if self.free >= self.needed:
            return None
        sentence = _("Only {free:.0f} GiB are free in {folder}; the images need {need:.0f}.")
        return AcplabError(sentence.format(free=self.free, folder=self.folder, need=self.needed), self.remedy)


def disks(route: str) -> list[Space]:
    """The disks that images take room on. route: built or published; "there" if nothing has to be got any more."""
    cache, data = paths.cache(), _docker_root()
    for_cache, for_docker = NEEDED[route]
    if data is None or data.stat().st_dev == cache.stat().st_dev:
        return [_space(cache, for_cache + for_docker, _larger_cache())]
    return [_space(cache, for_cache, _larger_cache()), _space(data, for_docker, _larger_docker())]


def _space(folder: Path, needed: float, remedy: str) -> Space:
    return Space(folder, needed, shutil.disk_usage(folder).free / GIB, remedy)


def _docker_root() -> Path | None:
    """The folder of Docker's data; None if it is not on this machine's disks, as with Docker Desktop."""
    there = docker.daemon()
    return there.root if there and there.root.exists() else None


def _larger_cache() -> str:
    return _("Free some space, or set ACPLAB_CACHE to a folder on a larger disk.")


def _larger_docker() -> str:
    return _(
        "Free some space there (docker system df shows what takes it), or move Docker's data-root to a larger disk."
    )


def require(route: str) -> None:
    """AcplabError unless there is room for the images of a route."""
    for one in disks(route):
        if one.problem:
            raise one.problem


def storage_bytes() -> int:
    """Bytes that the cache folder takes."""
    done = subprocess.run(["du", "-sk", str(paths.cache())], capture_output=True, text=True)  # macOS knows no -b
    return int(done.stdout.split()[0]) * 1024 if done.stdout else 0
