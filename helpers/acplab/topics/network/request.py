"""What a customer wants, and what is there already. Each constructor refuses bad input with an AcplabError.

Ranges are written as text, such as "192.168.0.0/16", and read once: the fields hold them as Range, which is that text and
knows its addresses. The empty text means: none yet.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.topics.network import capacity, ranges
from acplab.topics.network.ranges import NONE, Range
from acplab.topics.network.validation import (
    as_instance,
    as_tuple,
    require_choice,
    require_number,
    require_unique,
    require_word,
    set_field,
)

Plugin = Literal["flannel", "terway"]
Role = Literal["node", "pod"]
Kind = Literal["vpc", "idc", "cluster"]
Eni = Literal["shared", "exclusive"]

# Least value of each number.
NUMBERS = {"nodes": 1, "nodes_later": 1, "pods_per_node": 1, "services": 0, "route_quota": 1, "node_quota": 1}
RANGES = {"vpc": 4, "pod_cidr": 4, "service_cidr": 4, "vpc6": 6, "pod_cidr6": 6, "service_cidr6": 6}


@dataclass(frozen=True)
class VSwitch:
    """A vSwitch (虚拟交换机) of the VPC. role: "node" for nodes, "pod" for Terway's Pods."""

    name: str
    zone: str
    cidr: Range
    role: Role = "node"

    def __post_init__(self) -> None:
        require_word("name", self.name, "node-h")
        require_word("zone", self.zone, "cn-hangzhou-h")
        require_choice("role", self.role, Role)
        set_field(self, "cidr", ranges.require(_("vSwitch {name}").format(name=self.name), self.cidr, 4))


@dataclass(frozen=True)
class Neighbour:
    """What is reachable from the cluster, or shares its VPC: another VPC, a data centre (IDC), another cluster.

    cidrs: its ranges, of a cluster its Pod CIDRs; IPv4 or IPv6. service_cidr and same_vpc: of a cluster only.
    """

    name: str
    kind: Kind
    cidrs: tuple[Range, ...]
    service_cidr: Range = NONE
    same_vpc: bool = True

    def __post_init__(self) -> None:
        require_word("name", self.name, "office")
        require_choice("kind", self.kind, Kind)
        title = _("Neighbour {name}").format(name=self.name)
        set_field(self, "cidrs", tuple(ranges.require(title, cidr) for cidr in as_tuple("cidrs", self.cidrs)))
        if not self.cidrs:
            raise AcplabError(
                _("{neighbour} has no range.").format(neighbour=title), _('Give it one: cidrs=("10.8.0.0/16",)')
            )
        if self.service_cidr and self.kind != "cluster":
            raise AcplabError(
                _("{neighbour} is no cluster, so it has no Service CIDR.").format(neighbour=title),
                _('Leave service_cidr out, or say kind="cluster".'),
            )
        _require_no_default_route(title, self.cidrs)
        services = ranges.require(f"{title}, service_cidr", self.service_cidr) if self.service_cidr else NONE
        set_field(self, "service_cidr", services)


@dataclass(frozen=True)
class Request:
    """What the customer wants. Empty text and 0 for node_mask mean: choose for me.

    nodes, nodes_later: now and in two years. node_quota: nodes that the cluster may have (2021: 100 by default, Pro 1000,
    at most 5000; now: Basic 10, Pro 5000 by default and 15000 at most).
    pod_cidr, node_mask and route_quota (VPC route entries: 48 in 2021, now 200 by default and 1000 at most) are
    Flannel's; instance_type, eni and Pod vSwitches are Terway's.
    vpc6, pod_cidr6, service_cidr6: of a dual-stack cluster. A range is written as text: Request("192.168.0.0/16").
    """

    vpc: Range
    plugin: Plugin = "flannel"
    zones: tuple[str, ...] = ("cn-hangzhou-h",)
    vswitches: tuple[VSwitch, ...] = ()
    nodes: int = 3
    nodes_later: int = 3
    pods_per_node: int = 64
    services: int = 100
    pod_cidr: Range = NONE
    service_cidr: Range = NONE
    node_mask: int = 0
    route_quota: int = 200
    node_quota: int = capacity.NODE_QUOTA
    instance_type: str = "ecs.c7.4xlarge"
    eni: Eni = "shared"
    neighbours: tuple[Neighbour, ...] = ()
    vpc6: Range = NONE
    pod_cidr6: Range = NONE
    service_cidr6: Range = NONE

    def __post_init__(self) -> None:
        self._read_lists()
        require_choice("plugin", self.plugin, Plugin)
        require_choice("eni", self.eni, Eni)
        capacity.require_type(self.instance_type)
        self._require_numbers()
        self._read_ranges()
        self._require_zones()

    @property
    def most_nodes(self) -> int:
        """The nodes that must fit: now or in two years, whichever is more."""
        return max(self.nodes, self.nodes_later)

    @property
    def dual(self) -> bool:
        """Whether the cluster has IPv4 and IPv6."""
        return bool(self.vpc6)

    def _read_lists(self) -> None:
        set_field(self, "zones", as_tuple("zones", self.zones))
        for name, cls in {"vswitches": VSwitch, "neighbours": Neighbour}.items():
            set_field(self, name, tuple(as_instance(cls, one) for one in as_tuple(name, getattr(self, name))))
        require_unique("vSwitch", (one.name for one in self.vswitches))
        require_unique("neighbour", (one.name for one in self.neighbours))
        _require_no_default_route(_("All neighbours"), [cidr for one in self.neighbours for cidr in one.cidrs])

    def _require_numbers(self) -> None:
        for name, least in NUMBERS.items():
            require_number(name, getattr(self, name), least)
        if self.route_quota > capacity.MAX_ROUTES:
            raise AcplabError(
                _("route_quota: {n} is more than a VPC can have.").format(n=self.route_quota),
                _("Take {most} at most; 200 is the default.").format(most=capacity.MAX_ROUTES),
            )
        if self.node_quota > capacity.MAX_NODES:
            raise AcplabError(
                _("node_quota: {n} is more than a cluster can have.").format(n=self.node_quota),
                _("Take {most} at most; a Pro cluster has {usual} by default.").format(
                    most=capacity.MAX_NODES, usual=capacity.NODE_QUOTA
                ),
            )
        if self.node_mask != 0 or type(self.node_mask) is not int:
            capacity.require_mask(self.node_mask)

    def _read_ranges(self) -> None:
        for name, version in RANGES.items():
            text = getattr(self, name)
            set_field(self, name, ranges.require(name, text, version) if text != "" or name == "vpc" else NONE)
        if (self.pod_cidr6 or self.service_cidr6) and not self.vpc6:
            raise AcplabError(
                _("There are IPv6 ranges for Pods or Services, but vpc6 is empty."),
                _("Give vpc6 the VPC's IPv6 range, such as 2001:db8::/56."),
            )

    def _require_zones(self) -> None:
        if not self.zones:
            raise AcplabError(_("There is no zone."), _('Give at least one: zones=("cn-hangzhou-h",)'))
        for zone in self.zones:
            require_word("zones", zone, "cn-hangzhou-h")
        require_unique("zone", self.zones)
        for vswitch in self.vswitches:
            if vswitch.zone not in self.zones:
                raise _zone_missing(vswitch, self.zones[0])


def _require_no_default_route(title: str, cidrs: Iterable[Range]) -> None:
    """All addresses together are no place; they are meant as the way to everywhere else."""
    if ranges.cover_all(cidrs):
        raise AcplabError(
            _("{title}: all addresses together are a default route, not a range.").format(title=title),
            _("Name the ranges that are really there, such as 10.8.0.0/16."),
        )


def _zone_missing(vswitch: VSwitch, first: str) -> AcplabError:
    return AcplabError(
        _("vSwitch {name} is in {zone}, which is not one of the zones.").format(name=vswitch.name, zone=vswitch.zone),
        _("Add {zone} to zones, or put the vSwitch into {first}.").format(zone=vswitch.zone, first=first),
    )
