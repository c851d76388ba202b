"""The helpers of the course: from acplab import cluster, kube, measure, show, wires, planning, lessons, exam.

Modules are imported when they are first used, so that `import acplab` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["AcplabError", "cluster", "exam", "kube", "lessons", "measure", "planning", "show", "wires"]


def __getattr__(name: str) -> Any:
    if name == "AcplabError":
        return importlib.import_module("acplab.errors").AcplabError
    if name in __all__:
        return importlib.import_module(f"acplab.{name}")
    raise AttributeError(f"acplab has no part named {name!r}")
