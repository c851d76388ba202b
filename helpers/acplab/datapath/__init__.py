"""What the kernels of the nodes do with a packet. Everything here looks into the nodes (`docker exec`), as one would by
ssh on an ECS; only vpc_route() changes something, and takes it back.

Look at: tables.py for who leads where, hops.py for the next_hop of one packet, kubeproxy.py for what kube-proxy has written.
"""

from acplab.datapath.hops import Connection, Hop, connections, next_hop, path
from acplab.datapath.kube_proxy import rules
from acplab.datapath.route_tables import NodeRange, Route, node_ranges, routes, vpc_route

__all__ = [
    "Connection",
    "Hop",
    "NodeRange",
    "Route",
    "connections",
    "next_hop",
    "node_ranges",
    "path",
    "routes",
    "rules",
    "vpc_route",
]
