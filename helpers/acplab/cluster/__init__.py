"""kind clusters: find, create, repair, stop, remove. `ensure` is the call that sees to everything."""

from acplab.cluster.additions import add_on
from acplab.cluster.handle import Cluster, diagnose, find, made, recorded
from acplab.cluster.lifecycle import answers, delete, ensure, stop
from acplab.cluster.ownership import cluster_name, others, removal
from acplab.cluster.ranges import Ranges

__all__ = [
    "Cluster", "Ranges", "add_on", "answers", "cluster_name", "delete", "diagnose", "ensure", "find", "made", "others",
    "recorded", "removal", "stop",
]  # fmt: skip
