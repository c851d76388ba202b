"""kind clusters: find, create, repair, stop, remove. `ensure` is the call that sees to everything."""

from acplab.cluster.kind_config import kind_yaml
from acplab.cluster.lifecycle import (
    Cluster,
    answers,
    delete,
    diagnose,
    ensure,
    find,
    inside,
    profiles,
    recorded,
    stop,
)
from acplab.cluster.ranges import Ranges

__all__ = [
    "Cluster", "Ranges", "answers", "delete", "diagnose", "ensure", "find", "inside", "kind_yaml", "profiles", "recorded",
    "stop",
]  # fmt: skip
