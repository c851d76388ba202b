"""Chapter 08 shows the conformance table as the tests of the cluster make it."""

from __future__ import annotations

import json
import sys

from acplab.base import paths

sys.path.insert(0, str(paths.ROOT / "tests" / "cluster"))
import test_eci_conformance


def test_the_chapter_shows_what_is_tested_on_both_places():
    cells = json.loads((paths.ROOT / "notebooks" / "08-eci.ipynb").read_text(encoding="utf-8"))["cells"]
    (shown,) = ("".join(one["source"]) for one in cells if one["id"] == "conformance")
    assert test_eci_conformance.table() in shown, f"it should show:\n{test_eci_conformance.table()}"
