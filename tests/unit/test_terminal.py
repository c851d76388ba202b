"""Output in every encoding: a plain stand-in for what the encoding lacks, and never an exception."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from acplab.base import terminal

PROGRAM = """
from acplab.base import console, terminal
terminal.accept_any_text()
print("Error → … ✓ é 中")
console.warn("→ 中")
console.console.print("✓ done")
with console.stage("tea", "Making tea → 中", 1) as stage:
    stage.say("→ 中")
"""


def printed(encoding: str, folder, **more: str) -> subprocess.CompletedProcess[bytes]:
    names = {"ACPLAB_HOME": str(folder / "home"), "ACPLAB_CACHE": str(folder / "cache"), "PYTHONIOENCODING": encoding}
    program = folder / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    done = subprocess.run([sys.executable, program], env=os.environ | names | more, capture_output=True, timeout=30)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_an_encoding_without_the_arrow_gets_plain_text(tmp_path, encoding):
    done = printed(encoding, tmp_path)
    first, second = done.stdout.decode(encoding).splitlines()[:2]
    assert first.startswith("Error -> ")
    assert first.endswith("?")
    assert second == "ok done"
    assert done.stderr == b"-> ?\n"


@pytest.mark.parametrize("encoding", ["utf-8", "gbk"])
def test_an_encoding_that_has_the_arrow_keeps_it(tmp_path, encoding):
    assert "Error → …" in printed(encoding, tmp_path).stdout.decode(encoding)


def test_an_ascii_locale_writes_its_logs_all_the_same(tmp_path):
    """Files are UTF-8 whatever the locale says."""
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    printed("ascii", tmp_path, **plain)
    assert "# → 中" in (tmp_path / "home" / "logs" / "tea.log").read_text(encoding="utf-8")


@pytest.mark.parametrize(("text", "plain"), [("→", "->"), ("é", "e"), ("中", "?"), ("½", "?"), ("🦀", "?")])
def test_each_character_has_a_stand_in(text, plain):
    assert text.encode("ascii", errors="acplab") == plain.encode()


def test_the_stand_ins_are_plain():
    assert all(word.isascii() for word in terminal.PLAIN.values())
