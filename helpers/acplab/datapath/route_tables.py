"""The Pod CIDRs of the nodes, and the routes to them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from acplab import kube
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.datapath import node_exec
from acplab.host import docker
from acplab.kube import client


@dataclass(frozen=True)
class Route:
    """A line of a node's route table. to: a CIDR, an address or "default"; via: the next hop, "" if the target is on
    link; device: the interface; kind: "unicast", or "blackhole" and the like for packets that are dropped."""

    to: str
    via: str
    device: str
    kind: str = "unicast"

    @property
    def addresses(self) -> int:
        """How many addresses the line leads to: 256 for a /24."""
        return _target(self).num_addresses

    def __str__(self) -> str:
        if self.kind != "unicast":
            return f"{self.to:<20}{self.kind}"
        via = _("via {via}").format(via=self.via) if self.via else _("directly")
        return f"{self.to:<20}{via:<22}{self.device}"


def routes(node: str) -> list[Route]:
    """The route table of a node, as `ip route` shows it: of two lines for the same target the first one wins."""
    return [
        Route(one["dst"], one.get("gateway", ""), one.get("dev", ""), one.get("type", "unicast"))
        for one in node_exec.ip(node, "route", "show")
    ]


def _target(route: Route) -> ipaddress.IPv4Network:
    return ipaddress.IPv4Network("0.0.0.0/0" if route.to == "default" else route.to)


def longer_routes(node: str, cidr: str) -> list[Route]:
    """The lines of a node's route table for parts of a CIDR: each has a longer prefix, so there it wins over the CIDR's own."""
    whole = ipaddress.IPv4Network(cidr)
    return [one for one in routes(node) if (to := _target(one)) != whole and to.subnet_of(whole)]


@dataclass(frozen=True)
class NodeRange:
    """A node and its Pods. node: its name; address: of the node; cidr: its Pod CIDR; zone: of the node."""

    node: str
    address: str
    cidr: str
    zone: str

    def __str__(self) -> str:
        return f"{self.node:<42}{self.zone:<16}{self.address:<16}{self.cidr}"


def node_ranges() -> list[NodeRange]:
    """The nodes of the cluster in use, each with its Pod CIDR."""
    found = kube.list("node", selector=kube.MACHINES)
    return [
        NodeRange(
            one["metadata"]["name"],
            next((at["address"] for at in one["status"]["addresses"] if at["type"] == "InternalIP"), ""),
            one["spec"].get("podCIDR", ""),
            one["metadata"]["labels"].get("topology.kubernetes.io/zone", ""),
        )
        for one in sorted(found, key=lambda one: one["metadata"]["name"])
    ]


@contextmanager
def vpc_route(to: str, via: str) -> Iterator[None]:
    """A route entry of the VPC while the block runs: every node of the cluster in use sends `to` (a CIDR) to `via`.

    In a VPC it is one line of one table. Here each node has a copy before the routes that exist, and it is removed at
    the end, whatever happens in the block. Left out are the machine `via` itself, and a node in whose own Pod CIDR `to`
    lies: it still delivers to its Pods, as an ECS does, since the VPC's table decides about packets that leave a machine.
    """
    client.require_own_cluster()
    target = ipaddress.ip_network(to)
    nodes = [one.node for one in node_ranges() if one.address != via and not _delivers(one, target)]
    try:
        for node in nodes:
            _add(node, to, via)
        yield
    finally:
        for node in nodes:
            with suppress(AcplabError):  # it never got there
                docker.run("exec", node, "ip", "route", "del", to, "via", via)


def _delivers(node: NodeRange, target: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    """Whether all of the target is in the node's own Pod CIDR; for a larger target its own, longer route wins anyway."""
    own = ipaddress.ip_network(node.cidr)
    return own.overlaps(target) and own.prefixlen <= target.prefixlen


def _add(node: str, to: str, via: str) -> None:
    try:
        docker.run("exec", node, "ip", "route", "prepend", to, "via", via)
    except AcplabError as error:
        raise AcplabError(
            _("Node {node} rejected the route {to} via {via}: {why}").format(
                node=node, to=to, via=via, why=error.sentence
            ),
            _("`via` must be an address in the nodes' network; datapath.node_ranges() shows their addresses."),
        ) from None
