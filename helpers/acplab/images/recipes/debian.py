"""Debian root file systems, made by mmdebstrap from Debian's packages."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from acplab.base.console import Stage
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.host import apt
from acplab.images import catalogue, store
from acplab.images.recipes.parts import finished, network_remedy


def root(name: str) -> Path:
    """The tarball of a Debian root file system; made with mmdebstrap if it is not there."""
    target = _target(name)
    if not target.exists():
        _require_mmdebstrap()
        current = Stage(f"root-{name}", _("Debian root file system {name}").format(name=name), 70)
        current.log.write_text("")
        with finished(target) as folder:
            folder.mkdir()
            current.run(_command(name, folder / "root.tar"), remedy=network_remedy())
    return target / "root.tar"


def _target(name: str) -> Path:
    return catalogue.part("root", name, catalogue.root_inputs(name))


def _command(name: str, tarball: Path) -> list[str | Path]:
    packages = ",".join(catalogue.load()["roots"][name])
    without = "--dpkgopt=path-exclude=/usr/share/doc/*"
    return ["mmdebstrap", "--variant=minbase", f"--include={packages}", without, catalogue.load()["debian"], tarball]


def _require_mmdebstrap() -> None:
    if shutil.which("mmdebstrap"):
        return
    command = "sudo apt-get install --yes mmdebstrap debian-archive-keyring"
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise AcplabError(_("mmdebstrap is missing; it makes Debian root file systems."), command)
    title = _("mmdebstrap is missing: installing it, since you are root")
    apt.install(["mmdebstrap", "debian-archive-keyring"], title, 10)


def roots(names: Iterable[str]) -> Future[list[Path]]:
    """Make root file systems in the background: mmdebstrap mostly waits for the network."""
    wanted = list(names)
    if any(not _target(name).exists() for name in wanted):
        _require_mmdebstrap()
    pool = ThreadPoolExecutor(1, thread_name_prefix="roots")
    future = pool.submit(lambda: [root(name) for name in wanted])
    pool.shutdown(wait=False)
    return future


def import_root(name: str) -> str:
    """Name of the Docker image of a root file system."""
    reference, inputs = f"acplab/rootfs:{name}", catalogue.root_inputs(name)
    if store.built_from(reference) != inputs:
        with root(name).open("rb") as tarball:
            store.piped("import", "--change", f"LABEL {store.LABEL}={inputs}", "-", reference, source=tarball)
    return reference
