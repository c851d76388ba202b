"""kind clusters: find, create, repair, stop, remove. `ensure` is the call that sees to everything."""

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

__all__ = ["Cluster", "answers", "delete", "diagnose", "ensure", "find", "inside", "profiles", "recorded", "stop"]
