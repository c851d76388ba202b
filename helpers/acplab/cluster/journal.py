"""What is broken on purpose at this moment, on disk: so that it is undone also when the kernel that broke it dies.

with broken(fault):     writes the fault down, breaks, and undoes at the end of the block, whatever happens in it
heal()                  undoes what nobody holds any more; cluster.ensure begins with it
A guard, a process of its own, waits for the death of the one that broke something, and heals then.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

from filelock import FileLock, Timeout

from acplab.base import paths
from acplab.base.console import say
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.base.retry import retry_context
from acplab.cluster import faults, ownership
from acplab.cluster.faults import Fault
from acplab.host import docker

UNDO_SECONDS = 60  # a node that has just been started refuses for a while
SETTLE_SECONDS = 1.0  # Docker may still be doing what an interrupted call has asked of it
GUARD = "import sys; sys.stdin.read(); from acplab.cluster import journal; journal.heal()"


@contextmanager
def broken(fault: Fault) -> Iterator[Fault]:
    """The fault is there while the block runs, and undone after it."""
    file = _folder() / f"{fault.id}.json"
    with FileLock(_lock(file), timeout=0), _guarded():
        paths.write_whole(file, json.dumps(asdict(fault)))
        try:
            _break(fault)
            yield fault
        finally:
            _undo(fault)  # if this fails, the entry stays for the next heal()
            file.unlink()
    Path(_lock(file)).unlink(missing_ok=True)


def heal() -> list[str]:
    """Undo the faults whose process has ended, and say so: their titles.

    What cannot be undone now is said and stays for the next time, and what hit nodes that are gone is forgotten: neither
    may keep anybody from a cluster.
    """
    healed = []
    for file in sorted(_folder().glob("*.json")):
        with suppress(Timeout), FileLock(_lock(file), timeout=0):
            try:
                healed += _healed(file)
            except AcplabError as error:
                say(str(error))
        if not file.exists():
            Path(_lock(file)).unlink(missing_ok=True)
    return healed


def _healed(file: Path) -> list[str]:
    fault = _read(file)
    is_there = fault is not None and _is_there(fault)
    if fault and is_there:
        _undo(fault)
        say(_("An interrupted drill was undone: {title}.").format(title=fault.title))
    file.unlink(missing_ok=True)
    return [fault.title] if fault and is_there else []


def _is_there(fault: Fault) -> bool:
    """Whether one of the nodes that it hit still exists."""
    return not {one.name for one in ownership.containers()}.isdisjoint(fault.touched)


def entries() -> list[Fault]:
    """The faults that are written down, also those of other processes."""
    return [fault for file in sorted(_folder().glob("*.json")) if (fault := _read(file))]


@contextmanager
def _guarded() -> Iterator[None]:
    """A process beside this one, whose input ends with this one."""
    guard = subprocess.Popen(
        [sys.executable, "-c", GUARD],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # a Ctrl-C in the terminal is not for it
    )
    assert guard.stdin
    try:
        # A docker command that outlives this process keeps the guard waiting: what it breaks must not come after the undo.
        with docker.handing_down(guard.stdin.fileno()):
            yield
    finally:
        guard.kill()
        guard.communicate()


def _break(fault: Fault) -> None:
    try:
        faults.carry_out(fault.do)
    except BaseException:
        time.sleep(SETTLE_SECONDS)
        raise


def _undo(fault: Fault) -> None:
    try:
        for attempt in retry_context(on=AcplabError, attempts=None, timeout=UNDO_SECONDS, wait_max=2.0):
            with attempt:
                faults.carry_out(fault.undo)
    except AcplabError as error:
        raise AcplabError(
            _("The drill {title!r} could not be undone: {why}").format(title=fault.title, why=error.sentence),
            _("Run ./acplab start; it tries again. If Docker itself hangs, restart it before."),
        ) from None


def _read(file: Path) -> Fault | None:
    """The fault, or None if the file is broken or gone."""
    try:
        entry = json.loads(file.read_text(encoding="utf-8"))
        steps = {key: tuple(map(tuple, entry[key])) for key in ("do", "undo")}
        return Fault(**entry | steps | {"touched": tuple(entry["touched"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _folder() -> Path:
    folder = paths.home() / "faults"
    with paths.explain_refusals():
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def _lock(file: Path) -> str:
    return str(file.with_suffix(".lock"))
