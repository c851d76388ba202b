"""A part (a program, a root file system) is finished or it isn't there, so an interrupted build goes on where it was."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from acplab.base.i18n import _


@contextmanager
def finished(target: Path) -> Iterator[Path]:
    """A path in a temporary folder; what is there becomes `target` when the block has ended well."""
    with workshop(target.parent) as folder:
        yield folder / "part"
        (folder / "part").rename(target)


@contextmanager
def workshop(parent: Path) -> Iterator[Path]:
    """A temporary folder on the same disk as the parts, so that a finished one is only renamed."""
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".part-", dir=parent) as folder:
        yield Path(folder)


def network_remedy() -> str:
    """What to do when a registry of packages did not give something."""
    return _("Is the network up? Finished parts are kept; start again to go on.")
