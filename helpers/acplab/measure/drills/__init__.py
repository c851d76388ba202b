"""Drills: break something on purpose while probes watch, and say what it cost.

report = drills.conduct(faults.pause(node), [drills.api(ha), drills.nodes(ha)], seconds=60)

run       conduct(): before, fault, after      probes    what watches: requests, and states that are read again and again
lanes     what a probe has seen, in records  report    the questions about all lanes together, and the words
"""

from acplab.measure.drills.probes import Probe, api, dns, etcd, ingress, leader, leases, nodes, pods
from acplab.measure.drills.report import Report
from acplab.measure.drills.run import conduct
from acplab.measure.states import Change, States

__all__ = [
    "Change", "Probe", "Report", "States", "api", "conduct", "dns", "etcd", "ingress", "leader", "leases", "nodes", "pods",
]  # fmt: skip
