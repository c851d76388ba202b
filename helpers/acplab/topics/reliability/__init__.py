"""High reliability: a reviewer that reads what runs, or what is going to, and names what a single fault would take down.

reliability.review("my-namespace")              what runs there, and where
reliability.review("manifests/03-…/bad.yaml")   manifests that have not been applied
reliability.restarts("my-namespace", "shop")    containers: ready or not, restarts, how they ended last
reliability.lost({"one replica": load, ...})    what the same load has lost in several cases

rules       what is looked for, each a function of one workload; pure
workloads   Deployments, StatefulSets and bare Pods, as rules want them; pure
containers  what kubelet says of containers; losses: what loads have lost
reviewer    gathers the objects, and puts the findings in order
expect      what checks expect of where Pods run, and how they come and go
trials      the drills that checks make
pod_counts  by_zone() and by_node(): where Pods run
sizes       majority(), spare() and batches(): members of etcd, nodes of an upgrade; pure
quorum      what checks expect of etcd's members, and of the API when one is lost
"""

import importlib
from typing import Any

from acplab.topics.reliability.containers import restarted, restarts
from acplab.topics.reliability.losses import lost
from acplab.topics.reliability.pod_counts import by_node, by_zone
from acplab.topics.reliability.reviewer import Review, review
from acplab.topics.reliability.rules import Finding
from acplab.topics.reliability.sizes import batches, majority, spare

__all__ = [
    "Finding", "Review", "batches", "by_node", "by_zone", "lost", "majority", "restarted", "restarts", "review", "spare",
]  # fmt: skip


# What only labs' checks need, and the module that has it: both bring drills along.
LATER = {
    **dict.fromkeys(["in_zones", "kept_apart", "lets_go", "never_restarted", "on_nodes"], "expect"),
    **dict.fromkeys(["ready_after", "reviewed", "rolled_out"], "expect"),
    **dict.fromkeys(["answers_again", "cut_zone", "survived", "zone_to_cut"], "trials"),
    **dict.fromkeys(["drain_one", "emptied", "lost_nothing"], "trials"),
    **dict.fromkeys(["all_api_servers", "all_members", "api_goes_on", "etcd_roles"], "quorum"),
    **dict.fromkeys(["is_whole", "lose_control_plane"], "quorum"),
}


def __getattr__(name: str) -> Any:
    if name in LATER:
        return getattr(importlib.import_module(f"{__name__}.{LATER[name]}"), name)
    raise AttributeError(f"reliability has no part named {name!r}")
