"""What the planner gives: a plan, the rules that it breaks, how far it grows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from acplab.base.errors import AcplabError
from acplab.base.i18n import _, ngettext
from acplab.topics.network import rendering
from acplab.topics.network.ranges import Range
from acplab.topics.network.request import Request
from acplab.topics.network.validation import as_instance


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

    def node_pod_cidrs(self, n: int) -> list[Range]:
        """The Pod CIDRs of the first n nodes (Flannel); fewer if the Pod CIDR has fewer."""
        return rendering.node_pod_cidrs(self, n)

    def record(self) -> dict[str, Any]:
        """The plan as JSON values, such as lab.record() keeps."""
        return as_json(asdict(self))

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Plan:
        """The plan that record() has written; AcplabError if it describes none."""
        return as_instance(cls, record)


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


@dataclass(frozen=True, repr=False)
class Result:
    """What becomes of a request: its plan, or the broken rules that prevent one. A notebook shows its words.

    plan: None if there is a violation. violations: empty if there is a plan. remarks: sentences about what breaks no rule
    and is worth knowing, such as a field without effect.
    """

    plan: Plan | None
    violations: tuple[Violation, ...] = ()
    remarks: tuple[str, ...] = ()

    def plan_or_raise(self) -> Plan:
        """The plan; AcplabError with the first violation if there is none."""
        if self.plan:
            return self.plan
        raise AcplabError(self.violations[0].sentence, self.violations[0].remedy)

    def record(self) -> dict[str, Any]:
        """The plan as JSON values; AcplabError with the first violation if there is none."""
        return self.plan_or_raise().record()

    def words(self) -> str:
        """The plan in plain lines, or each broken rule with its remedy; then the remarks."""
        broken = [f"{one.rule}: {one.sentence}\n  → {one.remedy}" for one in self.violations]
        notes = [_("Note: {remark}").format(remark=remark) for remark in self.remarks]
        return "\n".join([*([self.plan.words()] if self.plan else broken), *notes])

    def __repr__(self) -> str:
        return self.words()


@dataclass(frozen=True)
class Limit:
    """At how many nodes a limit is reached, and why."""

    name: str
    nodes: int
    why: str

    def words(self) -> str:
        """The number of nodes, and why."""
        line = ngettext("{nodes} node: {why}", "{nodes} nodes: {why}", self.nodes)
        return line.format(nodes=self.nodes, why=self.why)


@dataclass(frozen=True, repr=False)
class Growth:
    """How far a plan can grow. limits: sorted by nodes, so the first one comes first. A notebook shows its words."""

    limits: tuple[Limit, ...]

    @property
    def first(self) -> Limit:
        """The limit that comes first."""
        return self.limits[0]

    def words(self) -> str:
        """One line per limit, the first one first."""
        return "\n".join(limit.words() for limit in self.limits)

    def __repr__(self) -> str:
        return self.words()


def as_json(value: Any) -> Any:
    """The value as JSON has it: a Range is plain text there, a tuple a list."""
    if isinstance(value, dict):
        return {key: as_json(one) for key, one in value.items()}
    if isinstance(value, tuple):
        return [as_json(one) for one in value]
    return str(value) if isinstance(value, str) else value
