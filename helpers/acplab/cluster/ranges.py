"""The address ranges of a cluster, and what Kubernetes and Docker refuse of them before anything is made."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

from acplab.base.errors import AcplabError
from acplab.base.i18n import _

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# kubeadm's own limits: bits of addresses in a Service range, addresses that it needs, and how many times a Pod range
# may be divided.
MAX_SERVICE_BITS = 20
MIN_SERVICES = 10
MAX_MASK_DIFFERENCE = 16
DEFAULT_MASK = {4: 24, 6: 64}


@dataclass(frozen=True)
class Ranges:
    """Pod and Service ranges as CIDRs, and the prefix length of each node's Pod CIDR. Those that end in 6 are the second
    family of a dual-stack cluster; "" and None there mean IPv4 alone, and None elsewhere means kubeadm's default."""

    pods: str
    services: str
    node_mask: int | None = None
    pods6: str = ""
    services6: str = ""
    node_mask6: int | None = None

    @property
    def dual(self) -> bool:
        """Whether the cluster has IPv6 beside IPv4."""
        return bool(self.pods6)


def refuse_unbuildable(ranges: Ranges, nodes: int, node_network: str) -> None:
    """AcplabError with the first reason why no cluster of so many nodes can have these ranges.

    node_network: the CIDR of the Docker network that the nodes are in.
    """
    pods = _read(_("Pod"), ranges.pods)
    services = _read(_("Service"), ranges.services)
    _refuse_mask(pods, ranges.node_mask, nodes)
    _refuse_services(services)
    for family in [(pods, services), *_second(ranges, nodes)]:
        _refuse_overlaps(*family, node_network)


def _second(ranges: Ranges, nodes: int) -> Iterator[tuple[Network, Network]]:
    if ranges.dual:
        pods, services = _read(_("IPv6 Pod"), ranges.pods6), _read(_("IPv6 Service"), ranges.services6)
        _refuse_mask(pods, ranges.node_mask6, nodes)
        _refuse_services(services)
        yield pods, services


def _read(what: str, cidr: str) -> Network:
    try:
        return ipaddress.ip_network(cidr)
    except ValueError as error:
        raise AcplabError(
            _("The {what} range {cidr!r} is not a CIDR: {why}.").format(what=what, cidr=cidr, why=error),
            _("Write it like 172.20.0.0/16, with zeros behind the prefix."),
        ) from None


def _refuse_mask(pods: Network, mask: int | None, nodes: int) -> None:
    mask = mask or DEFAULT_MASK[pods.version]
    divided = mask - pods.prefixlen
    if divided < 0 or mask > pods.max_prefixlen:
        raise AcplabError(
            _("The Pod range {pods} is smaller than one node's Pod CIDR (/{mask}).").format(pods=pods, mask=mask),
            _("Take a larger Pod range, or a longer node mask."),
        )
    if divided > MAX_MASK_DIFFERENCE:
        raise AcplabError(
            _("kubeadm refuses a node mask of /{mask} in {pods}: it is more than {most} bits longer.").format(
                mask=mask, pods=pods, most=MAX_MASK_DIFFERENCE
            ),
            _("Take a smaller Pod range, or a shorter node mask."),
        )
    if 1 << divided < nodes:
        raise AcplabError(
            _("The Pod range {pods} has a /{mask} for {n} nodes; this cluster has {nodes}.").format(
                pods=pods, mask=mask, n=1 << divided, nodes=nodes
            ),
            _("Take a larger Pod range, or a longer node mask."),
        )


def _refuse_services(services: Network) -> None:
    largest = services.max_prefixlen - MAX_SERVICE_BITS
    if services.prefixlen < largest:
        raise AcplabError(
            _("The Service range {services} is too large: the API server accepts /{largest} at most.").format(
                services=services, largest=largest
            ),
            _("Take a Service range of /{largest} or smaller.").format(largest=largest),
        )
    if services.num_addresses < MIN_SERVICES:
        raise AcplabError(
            _("The Service range {services} has {n} addresses; kubeadm needs {least}.").format(
                services=services, n=services.num_addresses, least=MIN_SERVICES
            ),
            _("Take a Service range of /{prefix} or larger.").format(prefix=services.max_prefixlen - 4),
        )


def _refuse_overlaps(pods: Network, services: Network, node_network: str) -> None:
    if _overlap(pods, services):
        raise AcplabError(
            _("The Pod range {pods} and the Service range {services} overlap.").format(pods=pods, services=services),
            _("Choose two ranges that share no address."),
        )
    for one in (pods, services):
        if _overlap(one, ipaddress.ip_network(node_network)):
            raise AcplabError(
                _("The range {one} overlaps {nodes}, the Docker network that the nodes themselves are in.").format(
                    one=one, nodes=node_network
                ),
                _("Choose a range outside of {nodes}.").format(nodes=node_network),
            )


def _overlap(one: Network, other: Network) -> bool:
    return one.version == other.version and one.overlaps(other)  # type: ignore[arg-type]
