"""Debian packages: installed as root, and that is said; else the one command is."""

from __future__ import annotations

import os
import shutil

from acplab.base.console import stage
from acplab.base.errors import AcplabError
from acplab.base.i18n import _

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def install(packages: list[str], title: str, expected: float) -> None:
    """Install packages as root, announced by the title of the stage. expected: seconds."""
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    with stage(f"apt-{packages[0]}", title, expected) as current:
        current.run(["apt-get", "update"], env=env, remedy=_("Is the network up?"))
        current.run(["apt-get", "install", "--yes", "--no-install-recommends", *packages], env=env)


def ensure_browser() -> None:
    """Chromium for the browser test: installed as root, else AcplabError says how."""
    if any(shutil.which(name) for name in BROWSERS):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise AcplabError(_("The browser test needs Chromium."), "sudo apt-get install chromium")
    title = _("Chromium is missing: installing it for the browser test, since you are root")
    install(["chromium", "fonts-dejavu-core"], title, 40)
