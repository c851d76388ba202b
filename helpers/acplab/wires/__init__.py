"""What the kernels of the nodes do with a packet. Everything here looks into the nodes (`docker exec`), as one would by
ssh on an ECS; only vpc_route() changes something, and takes it back.

Look at: tables.py for who leads where, hops.py for the way of one packet, kubeproxy.py for what kube-proxy has written.
"""

from acplab.wires.hops import Connection, Hop, connections, path, way
from acplab.wires.kubeproxy import rules
from acplab.wires.tables import Block, Route, blocks, routes, vpc_route

__all__ = [
    "Block",
    "Connection",
    "Hop",
    "Route",
    "blocks",
    "connections",
    "path",
    "routes",
    "rules",
    "vpc_route",
    "way",
]
