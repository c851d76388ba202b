"""The number of CoreDNS Pods: ACK's rule for cluster-proportional-autoscaler. Pure."""

from __future__ import annotations

from math import ceil

from acplab.base.arguments import number
from acplab.base.errors import AcplabError
from acplab.base.i18n import _

CORES, NODES, LEAST, MOST = 64, 8, 2, 100


def replicas(nodes: int, cores: int, virtual: int = 0, least: int = LEAST, most: int = MOST) -> int:
    """max(cores / 64, nodes / 8), each rounded up, and from `least` to `most`.

    virtual: how many of the nodes are virtual (ECI); they are not counted. cores: of the others.
    AcplabError for negative numbers, or more virtual nodes than nodes.
    """
    for name, value in (("nodes", nodes), ("cores", cores), ("virtual", virtual)):
        if number(name, value) < 0:
            raise AcplabError(_("{name} cannot be negative.").format(name=name), _("Count what the cluster has."))
    if virtual > nodes:
        raise AcplabError(_("There are more virtual nodes than nodes."), _("nodes counts all of them."))
    return min(most, max(least, ceil(cores / CORES), ceil((nodes - virtual) / NODES)))


def reason(nodes: int, cores: int, virtual: int = 0) -> str:
    """The arithmetic in one line."""
    by_cores, by_nodes = ceil(cores / CORES), ceil((nodes - virtual) / NODES)
    return _("cores: {cores} / 64 → {by_cores}; nodes: {nodes} / 8 → {by_nodes}; so {n}").format(
        cores=cores, by_cores=by_cores, nodes=nodes - virtual, by_nodes=by_nodes, n=replicas(nodes, cores, virtual)
    )
