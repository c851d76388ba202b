"""Where things lie: the checkout, the learner's data, and what can be made again."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from acplab.base.errors import AcplabError
from acplab.base.i18n import _

ROOT = Path(__file__).resolve().parents[3]
INSTANCE = re.compile(
    r"[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?"
)  # it becomes part of host names, which end at 63 characters


def instance() -> str:
    """Which set of clusters and progress is meant: "course" for learners, "test" for the tests."""
    name = os.environ.get("ACPLAB_INSTANCE", "course")
    if not INSTANCE.fullmatch(name):
        raise AcplabError(
            _("ACPLAB_INSTANCE is {name}, which cannot be part of a cluster's name.").format(name=repr(name)),
            _("Use at most 20 of a-z, 0-9 and hyphens, such as ACPLAB_INSTANCE=class-a, or unset it."),
        )
    return name


def home() -> Path:
    """The learner's data: kubeconfigs, cluster state, progress, logs. ACPLAB_HOME moves it."""
    return _made("ACPLAB_HOME", _home())


def cache() -> Path:
    """What can be made again: Go modules, binaries, images. ACPLAB_CACHE moves it."""
    return _made("ACPLAB_CACHE", _cache())


def logs() -> Path:
    """One file a stage of `./acplab start`."""
    folder = home() / "logs"
    with explain_refusals():
        folder.mkdir(exist_ok=True)
    require_usable(folder)
    return folder


def _home() -> Path:
    name = instance()  # asked also where ACPLAB_HOME moves the folder, since clusters bear the name
    return _moved("ACPLAB_HOME", platformdirs.user_data_path("acplab") / name)


def _cache() -> Path:
    return _moved("ACPLAB_CACHE", platformdirs.user_cache_path("acplab"))


def _moved(variable: str, default: Path) -> Path:
    # Absolute, since each notebook runs in its own folder.
    return Path(os.environ.get(variable) or default).expanduser().absolute()


def _made(variable: str, folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AcplabError(
            _("The folder {folder} cannot be made: {why}.").format(folder=folder, why=error.strerror),
            _("Set {variable} to a folder that you can write.").format(variable=variable),
        ) from None
    require_usable(folder)
    return folder


def write_whole(file: Path, text: str, mode: int = 0o644) -> None:
    """Write a file that readers see whole or not at all, whenever this process ends."""
    part = file.with_name(f"{file.name}.part")
    with explain_refusals():
        part.unlink(missing_ok=True)
        part.touch(mode=mode)
        part.write_text(text, encoding="utf-8")
        part.replace(file)


# --- files that cannot be written ---------------------------------------------------------------------------------------


def require_usable(path: Path) -> None:
    """AcplabError if the path exists and you may not read and write it, as after a `sudo ./acplab start`."""
    if path.exists() and not _is_usable(path):
        raise forbidden(path)


@contextmanager
def explain_refusals() -> Iterator[None]:
    """Turn what the operating system refuses while the block (or decorated function) runs into AcplabError."""
    try:
        yield
    except OSError as error:
        raise refusal(error) from None


def refusal(error: OSError) -> AcplabError:
    """The sentence and the remedy for an operation on a file that the operating system refused."""
    if isinstance(error, PermissionError) and error.filename:
        return forbidden(Path(os.fsdecode(error.filename)))
    where = f"{os.fsdecode(error.filename)}: " if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return AcplabError(
            _("The disk is full ({where}{why}).").format(where=where, why=error.strerror),
            _("Free some space: ./acplab doctor shows how much is needed."),
        )
    return AcplabError(f"{where}{error.strerror or error}", _("Run ./acplab doctor."))


def unusable() -> list[Path]:
    """Files and folders of this learner that may not be read and written. A cache is looked at from outside only."""
    found = [ROOT, *_below(ROOT, ".venv*", "notebooks", "notebooks/*.ipynb", "labs", "labs/*", "labs/*/*.ipynb")]
    found += _below(ROOT, "labs/*/work", "labs/*/work/**/*")
    found += [_home(), *_below(_home(), "**/*"), _cache(), *_below(_cache(), "*")]
    return [one for one in found if one.exists() and not _is_usable(one)]


def _below(folder: Path, *patterns: str) -> list[Path]:
    return [file for pattern in patterns for file in folder.glob(pattern)]


def _is_usable(path: Path) -> bool:
    return os.access(path, os.R_OK | os.W_OK | (os.X_OK if path.is_dir() else 0))


def forbidden(path: Path) -> AcplabError:
    """What to say of a path that may not be written."""
    there = next(one for one in (path, *path.parents) if one.exists())
    top = next((one for one in (_home(), _cache(), ROOT) if there.is_relative_to(one)), there)
    mine = there.stat().st_uid == os.geteuid()
    sentence = _("You may not read and write {path}.") if mine else _("You may not write {path}: it is {owner}'s.")
    command = "chmod -R u+rwX" if mine else 'sudo chown -R "$(id -un)"'
    return AcplabError(sentence.format(path=there, owner=_owner(there)), f'{command} "{top}"')


def _owner(path: Path) -> str:
    try:
        return path.owner()
    except (KeyError, NotImplementedError):  # a user of another machine
        return str(path.stat().st_uid)
