"""What a network plan consists of. Every constructor refuses bad input with an AcplabError that names a value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.topics.network import capacity, ranges, rendering

Plugin = Literal["flannel", "terway"]
Role = Literal["node", "pod"]
Kind = Literal["vpc", "idc", "cluster"]
Eni = Literal["shared", "exclusive"]

MOST_ROUTES = 1000  # WD:comparison-between-terway-and-flannel


@dataclass(frozen=True)
class VSwitch:
    """A vSwitch (虚拟交换机) of the VPC. role: "node" for nodes, "pod" for Terway's Pods."""

    name: str
    zone: str
    cidr: str
    role: Role = "node"

    def __post_init__(self) -> None:
        _require_word("name", self.name, "node-h")
        _require_word("zone", self.zone, "cn-hangzhou-h")
        _require_choice("role", self.role, Role)
        _set(self, "cidr", ranges.require(_("vSwitch {name}").format(name=self.name), self.cidr, 4).text)


@dataclass(frozen=True)
class Neighbour:
    """What is reachable from the cluster, or shares its VPC: another VPC, a data centre (IDC), another cluster.

    cidrs: its ranges, of a cluster its Pod CIDRs; IPv4 or IPv6. service_cidr and same_vpc: of a cluster only.
    """

    name: str
    kind: Kind
    cidrs: tuple[str, ...]
    service_cidr: str = ""
    same_vpc: bool = True

    def __post_init__(self) -> None:
        _require_word("name", self.name, "office")
        _require_choice("kind", self.kind, Kind)
        title = _("Neighbour {name}").format(name=self.name)
        _set(self, "cidrs", tuple(ranges.require(title, cidr).text for cidr in _listed("cidrs", self.cidrs)))
        if not self.cidrs:
            raise AcplabError(
                _("{neighbour} has no range.").format(neighbour=title), _('Give it one: cidrs=("10.8.0.0/16",)')
            )
        if self.service_cidr and self.kind != "cluster":
            raise AcplabError(
                _("{neighbour} is no cluster, so it has no Service CIDR.").format(neighbour=title),
                _('Leave service_cidr out, or say kind="cluster".'),
            )
        if self.service_cidr:
            _set(self, "service_cidr", ranges.require(f"{title}, service_cidr", self.service_cidr).text)


@dataclass(frozen=True)
class Request:
    """What the customer wants. Empty text and 0 for node_mask mean: choose for me.

    nodes, nodes_later: now and in two years. pod_cidr, node_mask and route_quota (VPC route entries: 48 in 2021, now
    200 by default and 1000 at most) are Flannel's; instance_type, eni and Pod vSwitches are Terway's.
    vpc6, pod_cidr6, service_cidr6: of a dual-stack cluster.
    """

    vpc: str
    plugin: Plugin = "flannel"
    zones: tuple[str, ...] = ("cn-hangzhou-h",)
    vswitches: tuple[VSwitch, ...] = ()
    nodes: int = 3
    nodes_later: int = 3
    pods_per_node: int = 64
    services: int = 100
    pod_cidr: str = ""
    service_cidr: str = ""
    node_mask: int = 0
    route_quota: int = 200
    instance_type: str = "ecs.c7.4xlarge"
    eni: Eni = "shared"
    neighbours: tuple[Neighbour, ...] = ()
    vpc6: str = ""
    pod_cidr6: str = ""
    service_cidr6: str = ""

    def __post_init__(self) -> None:
        _set(self, "zones", _listed("zones", self.zones))
        _set(self, "vswitches", tuple(_made(VSwitch, one) for one in _listed("vswitches", self.vswitches)))
        _set(self, "neighbours", tuple(_made(Neighbour, one) for one in _listed("neighbours", self.neighbours)))
        _require_choice("plugin", self.plugin, Plugin)
        _require_choice("eni", self.eni, Eni)
        capacity.require_type(self.instance_type)
        self._require_numbers()
        self._require_ranges()
        self._require_zones()
        _require_unique("vSwitch", (one.name for one in self.vswitches))
        _require_unique("neighbour", (one.name for one in self.neighbours))

    @property
    def most_nodes(self) -> int:
        """The nodes that must fit: now or in two years, whichever is more."""
        return max(self.nodes, self.nodes_later)

    @property
    def dual(self) -> bool:
        """Whether the cluster has IPv4 and IPv6."""
        return bool(self.vpc6)

    def _require_numbers(self) -> None:
        for name, least in {"nodes": 1, "nodes_later": 1, "pods_per_node": 1, "services": 0, "route_quota": 1}.items():
            _require_number(name, getattr(self, name), least)
        if self.route_quota > MOST_ROUTES:
            raise AcplabError(
                _("route_quota: {n} is more than a VPC can have.").format(n=self.route_quota),
                _("Take {most} at most; 200 is the default.").format(most=MOST_ROUTES),
            )
        if self.node_mask != 0 or type(self.node_mask) is not int:
            capacity.require_mask(self.node_mask)

    def _require_ranges(self) -> None:
        for name in ("vpc", "pod_cidr", "service_cidr", "vpc6", "pod_cidr6", "service_cidr6"):
            text = getattr(self, name)
            if text != "" or name == "vpc":
                _set(self, name, ranges.require(name, text, 6 if name.endswith("6") else 4).text)
        if (self.pod_cidr6 or self.service_cidr6) and not self.vpc6:
            raise AcplabError(
                _("There are IPv6 ranges for Pods or Services, but vpc6 is empty."),
                _("Give vpc6 the VPC's IPv6 range, such as 2001:db8::/56."),
            )

    def _require_zones(self) -> None:
        if not self.zones:
            raise AcplabError(_("There is no zone."), _('Give at least one: zones=("cn-hangzhou-h",)'))
        for zone in self.zones:
            _require_word("zones", zone, "cn-hangzhou-h")
        _require_unique("zone", self.zones)
        for vswitch in self.vswitches:
            if vswitch.zone not in self.zones:
                raise AcplabError(
                    _("vSwitch {name} is in {zone}, which is not one of the zones.").format(
                        name=vswitch.name, zone=vswitch.zone
                    ),
                    _("Add {zone} to zones, or put the vSwitch into {first}.").format(
                        zone=vswitch.zone, first=self.zones[0]
                    ),
                )


@dataclass(frozen=True)
class Plan(Request):
    """A request with every range filled in that its plugin needs; AcplabError if one is missing."""

    def __post_init__(self) -> None:
        super().__post_init__()
        needed = ["service_cidr"]
        needed += ["pod_cidr", "node_mask"] if self.plugin == "flannel" else []
        needed += ["pod_cidr6", "service_cidr6"] if self.dual else []
        for name in needed:
            if not getattr(self, name):
                raise AcplabError(
                    _("A plan needs {name}.").format(name=name),
                    _("Give one, or let plan(Request(...)) choose it."),
                )

    def console(self) -> list[tuple[str, str]]:
        """Rows of ACK's page for creating a cluster: (field with its Chinese name, value)."""
        return rendering.console(self)

    def words(self) -> str:
        """The whole plan in plain lines."""
        return rendering.words(self)

    def node_blocks(self, n: int) -> list[str]:
        """The Pod blocks of the first n nodes (Flannel); fewer if the Pod CIDR has fewer."""
        return rendering.node_blocks(self, n)

    def record(self) -> dict[str, Any]:
        """The plan as JSON values, such as lab.record() keeps."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Plan:
        """The plan that record() has written; AcplabError if it describes none."""
        return _made(cls, record)


@dataclass(frozen=True)
class Violation:
    """A rule that a plan breaks.

    rule: a stable id. first, second: the two things with their ranges. overlap: the range that both have, "" where the
    rule is about a number. proposal: field -> value that works, "" if none does; a vSwitch's field is "vswitches.NAME".
    """

    rule: str
    first: str
    second: str
    overlap: str
    sentence: str
    remedy: str
    proposal: Mapping[str, str] = field(hash=False)


@dataclass(frozen=True)
class Limit:
    """At how many nodes a limit is reached, and why."""

    name: str
    nodes: int
    why: str


@dataclass(frozen=True)
class Growth:
    """How far a plan can grow. limits: sorted by nodes, so the first one comes first."""

    limits: tuple[Limit, ...]

    @property
    def first(self) -> Limit:
        """The limit that comes first."""
        return self.limits[0]

    def words(self) -> str:
        """One line a limit, the first one first."""
        line = _("{nodes} nodes: {why}")
        return "\n".join(line.format(nodes=limit.nodes, why=limit.why) for limit in self.limits)


# What a constructor needs


def _set(thing: object, name: str, value: object) -> None:
    object.__setattr__(thing, name, value)  # the dataclasses are frozen; this is their own __post_init__


def _listed(name: str, value: Any) -> tuple[Any, ...]:
    # From YAML come lists. A bare string would be taken apart into its letters.
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        raise AcplabError(
            _("{name}: {value!r} is not a list.").format(name=name, value=value),
            _("Put it into brackets: {name}=({value!r},)").format(name=name, value=value),
        )
    return tuple(value)


def _made(cls: type, value: Any) -> Any:
    if isinstance(value, cls):
        return value
    try:
        return cls(**value)
    except TypeError:
        raise AcplabError(
            _("{value!r} does not describe a {what}.").format(value=value, what=cls.__name__),
            _("It takes: {fields}").format(fields=", ".join(cls.__dataclass_fields__)),  # type: ignore[attr-defined]
        ) from None


def _require_word(name: str, value: object, example: str) -> None:
    if not isinstance(value, str) or not value.strip():
        raise AcplabError(
            _("{name}: {value!r} is not a name.").format(name=name, value=value),
            _("Give one, such as {example}.").format(example=example),
        )


def _require_choice(name: str, value: object, choices: Any) -> None:
    if value not in get_args(choices):
        raise AcplabError(
            _("{name}: there is no {value!r}.").format(name=name, value=value),
            _("Take one of: {choices}").format(choices=", ".join(get_args(choices))),
        )


def _require_number(name: str, value: object, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise AcplabError(
            _("{name}: {value!r} is not a whole number of {least} or more.").format(
                name=name, value=value, least=least
            ),
            _("Give a number such as {example}.").format(example=max(3, least)),
        )


def _require_unique(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise AcplabError(
                _("There are two of the name {name} ({what}).").format(name=name, what=what),
                _("Give each its own name, such as {name}-2.").format(name=name),
            )
        seen.add(name)
