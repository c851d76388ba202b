"""The helpers of the course: from acplab import chapters, cluster, datapath, faults, kube, labs, measure, network, quiz, ...

Each name of PARTS is one.

Modules are imported when they are first used, so that `import acplab` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import Any

# What notebooks use, and where it lies.
PARTS = {
    "certificates": "host.certificates",
    "chapters": "course.chapter",
    "cluster": "cluster",
    "datapath": "datapath",
    "dns": "topics.dns",
    "drills": "measure.drills",
    "eci": "topics.eci",
    "etcd": "cluster.etcd",
    "faults": "cluster.faults",
    "kube": "kube",
    "labs": "course.lab",
    "measure": "measure",
    "network": "topics.network",
    "quiz": "course.quiz",
    "release": "topics.release",
    "reliability": "topics.reliability",
    "show": "show",
    "snapshots": "cluster.snapshots",
}
__all__ = ["AcplabError", *PARTS]


def __getattr__(name: str) -> Any:
    if name == "AcplabError":
        return importlib.import_module("acplab.base.errors").AcplabError
    if name in PARTS:
        return importlib.import_module(f"acplab.{PARTS[name]}")
    raise AttributeError(f"acplab has no part named {name!r}")
