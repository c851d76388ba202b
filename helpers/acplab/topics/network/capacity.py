"""How much fits: nodes' Pod CIDRs in one Pod CIDR, addresses of a vSwitch and a Service CIDR, Pods of an instance type."""

from __future__ import annotations

from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.topics.network import ranges

NODE_MASKS = range(24, 29)  # TF:cs_managed_kubernetes
MAX_PODS = 256  # of one node, no exceptions. CSK:产品简介/使用限制.md
MAX_ROUTES = 1000  # route entries of a VPC. WD:comparison-between-terway-and-flannel
# Nodes of a cluster: the default of a Pro cluster now, and the most. WD:comparison-between-terway-and-flannel
NODE_QUOTA, MAX_NODES = 5000, 15_000
RESERVED = 4  # of a vSwitch: its first and its last 3 addresses. H:document_detail/35745
# Prefixes that a range may have, by rule and IP version. VPC: TF:vpc. vSwitch: TF:vswitch. Service CIDR: the API server
# takes 20 bits of addresses at most (cmd/kube-apiserver/app/options/validation.go, maxCIDRBits), and kubeadm 10
# addresses at least (cmd/kubeadm/app/constants, MinimumAddressesInServiceSubnet).
PREFIXES = {
    ("vpc-size", 4): range(8, 29),
    ("vswitch-size", 4): range(16, 30),
    ("service-size", 4): range(12, 29),
    ("service-size", 6): range(108, 125),
}
MAX_IN_VSWITCH = (1 << 16) - RESERVED
# ENIs and private IPv4 addresses per ENI. ecs.c7.4xlarge: WD:comparison-between-terway-and-flannel. The others:
# H:ecs/user-guide/overview-of-instance-families, the tables of c7 and g7 (same numbers in both).
SIZES = {
    "large": (3, 6),
    "xlarge": (4, 15),
    "2xlarge": (4, 15),
    "3xlarge": (8, 15),
    "4xlarge": (8, 30),
    "8xlarge": (8, 30),
    "16xlarge": (8, 30),
    "32xlarge": (15, 30),
}
INSTANCE_TYPES = {f"ecs.{family}.{size}": numbers for family in ("c7", "g7") for size, numbers in SIZES.items()}


def flannel_nodes(pod_cidr: str, node_mask: int) -> int:
    """How many nodes get a Pod CIDR of this mask out of a cluster's Pod CIDR. AcplabError on bad input."""
    prefix = ranges.require("pod_cidr", pod_cidr, 4).prefix
    return 1 << (require_mask(node_mask) - prefix) if prefix <= node_mask else 0


def flannel_pods(node_mask: int) -> int:
    """Addresses of a node's Pod CIDR. AcplabError unless the mask is 24 to 28.

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
    """Addresses of a vSwitch that can be used: without the first and the last 3."""
    return max(0, ranges.require("vSwitch", cidr, 4).size - RESERVED)


def services(service_cidr: str) -> int:
    """Services that a Service CIDR has addresses for: without its first and last, and the cluster's own two.

    Kubernetes hands out neither the first nor the last (pkg/registry/core/service/ipallocator); `kubernetes` and
    `kube-dns` take one each.
    """
    return max(0, ranges.require("service_cidr", service_cidr, 4).size - 4)


def whose_node_quota(quota: int) -> str:
    """A node quota in words, with the edition and the year that have it.

    2021: CSK:产品简介/使用限制.md, CSK:UG/ACK Pro集群/ACK Pro版集群介绍.md. Now: WD:comparison-between-terway-and-flannel.
    """
    match quota:
        case 10:
            return _("the node quota of the cluster is 10: a Basic cluster (基础版) now has no more")
        case 100:
            return _("the node quota of the cluster is 100, the default of 2021")
        case 1000:
            return _("the node quota of the cluster is 1000, the default of a Pro cluster in 2021")
        case 5000:
            return _("the node quota of the cluster is 5000, the default of a Pro cluster now and the most in 2021")
        case 15_000:
            return _("the node quota of the cluster is 15000, the most that a Pro cluster has now")
    return _("the node quota of the cluster is {n}").format(n=quota)


def require_mask(node_mask: int) -> int:
    """The node mask; AcplabError unless it is 24 to 28.

    Defaults: CSK:快速入门/基础入门/快速创建Kubernetes托管版集群.md, CSK:API/集群/创建集群/创建Kubernetes托管版集群.md,
    TF:cs_managed_kubernetes.
    """
    if type(node_mask) is int and node_mask in NODE_MASKS:
        return node_mask
    raise AcplabError(
        _("node_mask: {mask!r} is not possible; it is 24 to 28.").format(mask=node_mask),
        _(
            "Take 24 for 256 addresses per node, or a longer mask for fewer. The default depends on the tool and the "
            "year: 26 in the console (2021), 25 in the API (2021), 24 in Terraform (now)."
        ),
    )


def require_type(instance_type: str) -> tuple[int, int]:
    """ENIs and IPs per ENI of an instance type; AcplabError if its numbers are not known here."""
    if isinstance(instance_type, str) and instance_type in INSTANCE_TYPES:
        return INSTANCE_TYPES[instance_type]
    raise AcplabError(
        _("instance_type: the ENIs of {name!r} are not known here.").format(name=instance_type),
        _("Take one of: {names}").format(names=", ".join(INSTANCE_TYPES)),
    )
