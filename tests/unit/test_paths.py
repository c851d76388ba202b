"""Folders that can be moved, and what is said of those that cannot be made or written."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from acplab.base import locks, paths
from acplab.base.errors import AcplabError
from acplab.course import store


def refused(call) -> AcplabError:
    with pytest.raises(AcplabError) as told:
        call()
    return told.value


@pytest.fixture
def locked(folders, monkeypatch):
    """Paths that another user owns: to be added to. The tests may run as root, who may write everything."""
    theirs: set[Path] = set()
    allowed = os.access
    monkeypatch.setattr(paths.os, "access", lambda path, mode: Path(path) not in theirs and allowed(path, mode))
    monkeypatch.setattr(paths.os, "geteuid", lambda: os.getuid() + 1)
    return theirs


@pytest.mark.parametrize(("variable", "ask"), [("ACPLAB_HOME", paths.home), ("ACPLAB_CACHE", paths.cache)])
@pytest.mark.parametrize("below", [".", "deeper/still"])
def test_a_file_where_a_folder_should_be_is_named_with_the_variable(tmp_path, monkeypatch, variable, ask, below):
    (tmp_path / "file").touch()
    monkeypatch.setenv(variable, str(tmp_path / "file" / below))
    told = refused(ask)
    assert str(tmp_path / "file") in told.sentence
    assert told.remedy == f"Set {variable} to a folder that you can write."


@pytest.mark.parametrize("home", ["/dev/null", "/proc/nonexistent"])
@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has no /proc")
def test_a_home_that_cannot_be_made_asks_for_another(monkeypatch, home):
    for name in ("ACPLAB_HOME", "ACPLAB_CACHE", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", home)
    assert "Set ACPLAB_HOME" in refused(paths.home).remedy
    assert "Set ACPLAB_CACHE" in refused(paths.cache).remedy


def test_a_relative_folder_is_the_same_from_every_notebook(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ACPLAB_HOME", "mine")
    assert paths.home() == tmp_path / "mine"


def test_a_tilde_is_the_users_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ACPLAB_HOME", "~/mine")
    assert paths.home() == tmp_path / "mine"


@pytest.mark.parametrize("name", ["course", "test", "class-a", "2026", "a"])
def test_instances_that_are_taken(monkeypatch, name):
    monkeypatch.setenv("ACPLAB_INSTANCE", name)
    assert paths.instance() == name


# --- files of another user, as after sudo ./acplab start --------------------------------------------------------------


def test_a_folder_of_root_is_a_sentence_with_chown(locked):
    home = paths.home()
    locked.add(home)
    told = refused(paths.home)
    assert told.sentence == f"You may not write {home}: it is {home.owner()}'s."
    assert told.remedy == f'sudo chown -R "$(id -un)" "{home}"'


def test_what_the_owner_may_not_write_asks_for_chmod(locked, monkeypatch):
    monkeypatch.setattr(paths.os, "geteuid", os.getuid)
    home = paths.home()
    locked.add(home)
    assert refused(paths.home).remedy == f'chmod -R u+rwX "{home}"'


@pytest.mark.parametrize("name", ["locks", "locks/small.lock"])
def test_a_lock_of_root_is_told_at_once(locked, name):
    file = paths.home() / name
    with locks.operation_lock("small", "looking"):
        pass
    file.touch()
    locked.add(file)
    told = refused(lambda: locks.operation_lock("small", "looking").__enter__())
    assert str(file) in told.sentence
    assert told.remedy == f'sudo chown -R "$(id -un)" "{paths.home()}"'


def test_progress_of_root_is_not_called_damaged(locked):
    store.begin("00-hello", {})
    locked.add(store.file())
    assert "chown" in refused(lambda: store.done("00-hello")).remedy


def test_the_whole_folder_is_given_back_and_not_the_one_file(folders):
    error = PermissionError(13, "Permission denied", str(paths.home() / "clusters" / "small" / "state.json"))
    assert paths.refusal(error).remedy.endswith(f'"{paths.home()}"')
    error = PermissionError(13, "Permission denied", str(paths.ROOT / "labs" / "00-hello" / "work" / "shop.yaml"))
    assert paths.refusal(error).remedy.endswith(f'"{paths.ROOT}"')


def test_a_full_disk_is_a_sentence(folders):
    told = paths.refusal(OSError(28, "No space left on device", "/x/y"))
    assert told.sentence == "The disk is full (/x/y: No space left on device)."


def test_other_refusals_keep_the_systems_words(folders):
    told = paths.refusal(OSError(30, "Read-only file system", "/x/y"))
    assert told.sentence == "/x/y: Read-only file system"


def test_what_root_left_is_found(locked):
    (paths.home() / "locks").mkdir()
    mine = paths.home() / "locks" / "mine.lock"
    theirs = paths.home() / "locks" / "theirs.lock"
    mine.touch()
    theirs.touch()
    locked.add(theirs)
    assert theirs in paths.unusable()
    assert mine not in paths.unusable()
