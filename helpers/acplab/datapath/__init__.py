"""What the kernels of the nodes do with a packet. Everything here reads from inside the nodes (`docker exec`), as one
would by ssh on an ECS; only vpc_route() changes something, and removes it again.

    route_tables   the nodes' Pod CIDRs and routes       kube_proxy   the rules of one Service
    hops           the path of one packet, conntrack     node_exec    commands in a node
    pods           addresses of Pods, who asked them, and who answers them
"""

from acplab.datapath.hops import ConntrackEntry, Hop, connections, next_hop, path
from acplab.datapath.kube_proxy import Target, rules, targets
from acplab.datapath.pods import address, answered_by, caller, wait_for_addresses
from acplab.datapath.route_tables import NodeRange, Route, longer_routes, node_ranges, routes, vpc_route

__all__ = [
    "ConntrackEntry",
    "Hop",
    "NodeRange",
    "Route",
    "Target",
    "address",
    "answered_by",
    "caller",
    "connections",
    "longer_routes",
    "next_hop",
    "node_ranges",
    "path",
    "routes",
    "rules",
    "targets",
    "vpc_route",
    "wait_for_addresses",
]
