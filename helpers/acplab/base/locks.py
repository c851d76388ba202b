"""One operation at a time on a cluster, a lab or a chapter, whichever terminal or notebook it comes from."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.base.i18n import _


@contextmanager
def lock(file: Path, timeout: float, on_busy: Callable[[], AcplabError]) -> Iterator[None]:
    """Hold a lock while the block runs; what on_busy() gives is raised if it is not free after `timeout` seconds.

    The operating system frees the lock of a process that died, so there is nothing to clean up by hand.
    """
    paths.require_usable(file)  # the library would wait for the time limit to see a permission appear
    held = FileLock(file)
    try:
        held.acquire(timeout=timeout)
    except Timeout:
        raise on_busy() from None
    except OSError as error:
        raise paths.refusal(error) from None
    try:
        yield
    finally:
        held.release()


@contextmanager
def operation_lock(name: str, doing: str) -> Iterator[None]:
    """Hold the lab or chapter while the block runs, or AcplabError that says who holds it.

    doing: what the block does, as others will read it ("resetting it").
    """
    with lock(_file(name, "lock"), 0, lambda: _held(name)):
        try:
            paths.write_whole(_file(name, "holder"), json.dumps(_me(doing)))
            yield
        finally:
            _file(name, "holder").unlink(missing_ok=True)


def _file(name: str, ending: str) -> Path:
    folder = paths.home() / "locks"
    with paths.explain_refusals():
        folder.mkdir(exist_ok=True)
    paths.require_usable(folder)
    return folder / f"{name}.{ending}"


def _me(doing: str) -> dict[str, str]:
    # Jupyter gives its kernels the notebook's path, which says more than "ipykernel_launcher.py".
    program = os.environ.get("JPY_SESSION_NAME") or sys.argv[0] or "python"
    since = datetime.now().strftime("%H:%M:%S")
    return {"pid": str(os.getpid()), "program": Path(program).name, "since": since, "doing": doing}


def _held(name: str) -> AcplabError:
    remedy = _("Wait until it is done and try again; nothing was changed.")
    try:
        holder = json.loads(_file(name, "holder").read_text(encoding="utf-8"))
        sentence = _("Another program works on {name}: {program} (process {pid}) is {doing} since {since}.")
        return AcplabError(sentence.format(name=name, **holder), remedy)
    except (OSError, ValueError, KeyError):  # it has only just begun, or is just done
        return AcplabError(_("Another program works on {name} right now.").format(name=name), remedy)
