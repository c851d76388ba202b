"""Drills: break something on purpose while probes watch, and say what it cost.

report = measure.drill(faults.pause(node), [measure.api(ha), measure.nodes(ha)], seconds=60)

run       drill(): before, fault, after      probes    what watches: requests, and states that are read again and again
lanes     what a probe has seen, in records  report    the questions about all lanes together, and the words
"""

from acplab.measure.drills.lanes import Change, States
from acplab.measure.drills.probes import Probe, api, dns, etcd, ingress, leases, nodes, pods
from acplab.measure.drills.report import Report
from acplab.measure.drills.run import drill

__all__ = ["Change", "Probe", "Report", "States", "api", "dns", "drill", "etcd", "ingress", "leases", "nodes", "pods"]
