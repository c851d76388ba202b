"""Folders of a test's own, and a `docker` on PATH that does as it is told."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import pytest

SCRIPT = """\
#!{python} -IS
import json, sys, time
folder, program = {folder!r}, {program!r}
with open(folder + "/calls", "a") as calls:
    calls.write(json.dumps([program, *sys.argv[1:]]) + "\\n")
with open(folder + "/rules") as file:
    rules = [json.loads(line) for line in file]
for words, out, err, code, seconds, then in reversed(rules):
    if [program, *sys.argv[1:]][: len(words)] == words:
        time.sleep(seconds)
        if then:
            open(folder + "/rules", "a").write(json.dumps(then) + "\\n")
        sys.stdout.write(out)
        sys.stderr.write(err)
        sys.exit(code)
"""


class Tools:
    """A folder that is the whole PATH: each program in it notes its arguments and answers as told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "bin"
        self.bin.mkdir(parents=True)
        (folder / "rules").touch()
        (folder / "calls").touch()

    def add(self, *programs: str) -> None:
        for program in programs:
            file = self.bin / program
            file.write_text(SCRIPT.format(python=sys.executable, folder=str(self.folder), program=program))
            file.chmod(file.stat().st_mode | stat.S_IXUSR)

    def answer(self, *words: str, out: str = "", err: str = "", code: int = 0, seconds: float = 0, then=None) -> None:
        """What `words ...` says from now on; then: a rule (made by self.rule) that applies once it was called."""
        with (self.folder / "rules").open("a") as rules:
            rules.write(json.dumps(self.rule(*words, out=out, err=err, code=code, seconds=seconds, then=then)) + "\n")

    @staticmethod
    def rule(*words: str, out: str = "", err: str = "", code: int = 0, seconds: float = 0, then=None) -> list:
        return [list(words), out, err, code, seconds, then]

    @property
    def calls(self) -> list[list[str]]:
        return [json.loads(line) for line in (self.folder / "calls").read_text().splitlines()]


@pytest.fixture
def tools(tmp_path, monkeypatch) -> Tools:
    """An empty PATH that the test fills; /usr/sbin and the like are still searched where the code says so."""
    made = Tools(tmp_path / "tools")
    monkeypatch.setenv("PATH", str(made.bin))
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(made.folder))  # no context of this machine's user
    return made


@pytest.fixture(autouse=True)
def nothing_of_the_users(tmp_path_factory, monkeypatch) -> None:
    """Folders of its own for each test: one that wrote how long a stage took changed what `start` tells a learner."""
    for name in ("ACPLAB_HOME", "ACPLAB_CACHE"):
        monkeypatch.setenv(name, str(tmp_path_factory.mktemp(name.lower())))


@pytest.fixture
def folders(tmp_path, monkeypatch) -> Path:
    """ACPLAB_HOME and ACPLAB_CACHE in a temporary folder, which is returned."""
    monkeypatch.setenv("ACPLAB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ACPLAB_CACHE", str(tmp_path / "cache"))
    return tmp_path
