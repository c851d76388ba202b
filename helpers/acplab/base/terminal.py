"""Output to whatever encoding a terminal or a pipe has. Standard library only: the bootstrap uses it too."""

import codecs
import io
import sys
import unicodedata

PLAIN = {"→": "->", "…": "...", "✓": "ok", "━": "=", "─": "-", "—": "-", "·": "*", "×": "x", "±": "+/-"}


def _plain(error):  # type: ignore[no-untyped-def]
    """What stands for characters that an encoding such as ASCII or Latin-1 lacks."""
    text = error.object[error.start : error.end]
    return "".join(PLAIN.get(one) or _base_letters(one) or "?" for one in text), error.end


def _base_letters(character: str) -> str:
    return unicodedata.normalize("NFD", character).encode("ascii", "ignore").decode()


codecs.register_error("acplab", _plain)


def accept_any_text() -> None:
    """From now on, print() writes a plain stand-in for what the terminal's encoding lacks, and never raises."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="acplab")
