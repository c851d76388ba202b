"""How much fits: blocks of a Pod CIDR, addresses of a vSwitch and a Service CIDR, Pods of an instance type."""

from __future__ import annotations

from acplab.errors import AcplabError
from acplab.planning import ranges
from acplab.words import _

NODE_MASKS = range(24, 29)  # TF:cs_managed_kubernetes
# ENIs and private IPv4 addresses per ENI. WD:comparison-between-terway-and-flannel.
INSTANCE_TYPES: dict[str, tuple[int, int]] = {"ecs.c7.4xlarge": (8, 30)}


def flannel_nodes(pod_cidr: str, node_mask: int) -> int:
    """How many nodes get a block of this mask out of a Pod CIDR; 0 if not even one does. AcplabError on bad input."""
    prefix = ranges.require("pod_cidr", pod_cidr, 4).prefix
    return 1 << (require_mask(node_mask) - prefix) if prefix <= node_mask else 0


def flannel_pods(node_mask: int) -> int:
    """Addresses of a node's block. AcplabError unless the mask is 24 to 28.

    host-local hands out 3 fewer (network, gateway, broadcast); Pods on the host network need none.
    """
    return 1 << (32 - require_mask(node_mask))


def terway_pods(instance_type: str, eni: str) -> int:
    """Pods of one node under Terway: shared (ENIs - 1) x IPs per ENI, exclusive ENIs - 1. AcplabError if unknown."""
    enis, addresses = require_type(instance_type)
    if eni not in ("shared", "exclusive"):
        raise AcplabError(_("eni: there is no mode {eni!r}.").format(eni=eni), _("Take shared or exclusive."))
    return (enis - 1) * (addresses if eni == "shared" else 1)


def usable(cidr: str) -> int:
    """Addresses of a vSwitch that can be used: without the first and the last 3 (H: document_detail/35745)."""
    return max(0, ranges.require("vSwitch", cidr, 4).size - 4)


def require_mask(node_mask: int) -> int:
    """The node mask; AcplabError unless it is 24 to 28."""
    if node_mask in NODE_MASKS:
        return node_mask
    raise AcplabError(
        _("node_mask: {mask!r} is not possible; it is 24 to 28.").format(mask=node_mask),
        _("Take 24, ACK's default: 256 addresses for each node."),
    )


def require_type(instance_type: str) -> tuple[int, int]:
    """ENIs and IPs per ENI of an instance type; AcplabError if its numbers are not known here."""
    if instance_type in INSTANCE_TYPES:
        return INSTANCE_TYPES[instance_type]
    raise AcplabError(
        _("instance_type: the ENIs of {name!r} are not known here.").format(name=instance_type),
        _("Take one of: {names}").format(names=", ".join(INSTANCE_TYPES)),
    )
