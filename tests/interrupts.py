"""Ctrl-C for programs that a test starts."""

from __future__ import annotations

import signal


def listen_to_ctrl_c() -> None:
    """A shell lets what it starts in the background ignore Ctrl-C, and a child inherits that from the tests."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
