"""A plan as Terraform (provider aliyun/alicloud): pure text, to read beside the console's form."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from acplab.topics.network.model import Plan
from acplab.topics.network.request import Role, VSwitch

LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
BASIC_NODES = 10  # of a Basic cluster (基础版). WD:comparison-between-terway-and-flannel
Line = str | tuple[str, str]  # as it is, or an argument with its value


def terraform(plan: Plan, name: str = "planned") -> str:
    """The VPC, its vSwitches, the cluster and its node pool as HCL. name: of the VPC and the cluster.

    Arguments: TF:vpc, TF:vswitch, TF:cs_managed_kubernetes, TF:cs_kubernetes_node_pool. What the plan does not say stays
    out: the region, the neighbours and, with Flannel, the instance type.
    """
    blocks = [_vpc(plan, name), *_vswitches(plan), _cluster(plan, name), _node_pool(plan)]
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def _vpc(plan: Plan, name: str) -> Iterator[str]:
    six = [("enable_ipv6", "true")] if plan.dual else []
    return _resource("alicloud_vpc", "vpc", [("vpc_name", _quoted(name)), ("cidr_block", _quoted(plan.vpc)), *six])


def _vswitches(plan: Plan) -> Iterator[Iterator[str]]:
    for number, (label, one) in enumerate(_labels(plan).items()):
        arguments: list[Line] = [
            ("vswitch_name", _quoted(one.name)),
            ("vpc_id", "alicloud_vpc.vpc.id"),
            ("zone_id", _quoted(one.zone)),
            ("cidr_block", _quoted(one.cidr)),
        ]
        six = [("ipv6_cidr_block_mask", str(number))] if plan.dual else []
        yield _resource("alicloud_vswitch", label, [*arguments, *six])


def _cluster(plan: Plan, name: str) -> Iterator[str]:
    edition = "ack.standard" if plan.node_quota <= BASIC_NODES else "ack.pro.small"
    arguments: list[Line] = [
        ("name", _quoted(name)),
        ("cluster_spec", _quoted(edition)),
        ("vswitch_ids", _ids(plan, "node")),
        *([("pod_vswitch_ids", _ids(plan, "pod"))] if plan.plugin == "terway" else []),
        "",
        "# Cannot be changed later (ForceNew).",
        *_fixed(plan),
        "",
        "addons {",
        ("  name", _quoted("flannel" if plan.plugin == "flannel" else "terway-eniip")),
        "}",
    ]
    return _resource("alicloud_cs_managed_kubernetes", "cluster", arguments)


def _fixed(plan: Plan) -> Iterator[Line]:
    if plan.plugin == "flannel":
        yield ("pod_cidr", _quoted(plan.pod_cidr))
        yield ("node_cidr_mask", str(plan.node_mask))
    yield ("service_cidr", _quoted(plan.service_cidr))
    if plan.dual:
        yield ("ip_stack", _quoted("dual"))


def _node_pool(plan: Plan) -> Iterator[str]:
    types = [("instance_types", f"[{_quoted(plan.instance_type)}]")] if plan.plugin == "terway" else []
    arguments: list[Line] = [
        ("node_pool_name", _quoted("nodes")),
        ("cluster_id", "alicloud_cs_managed_kubernetes.cluster.id"),
        ("vswitch_ids", _ids(plan, "node")),
        *types,
        ("desired_size", str(plan.nodes)),
    ]
    return _resource("alicloud_cs_kubernetes_node_pool", "nodes", arguments)


def _ids(plan: Plan, role: Role) -> str:
    ids = (f"alicloud_vswitch.{label}.id" for label, one in _labels(plan).items() if one.role == role)
    return f"[{', '.join(ids)}]"


def _labels(plan: Plan) -> dict[str, VSwitch]:
    """Terraform's labels of the vSwitches: their names, or numbers if one of the names is no label."""
    names = [one.name for one in plan.vswitches]
    if not all(map(LABEL.fullmatch, names)):
        names = [f"{one.role}-{number}" for number, one in enumerate(plan.vswitches, 1)]
    return dict(zip(names, plan.vswitches, strict=True))


# How HCL is written


def _resource(kind: str, label: str, lines: Iterable[Line]) -> Iterator[str]:
    yield f'resource "{kind}" "{label}" {{'
    yield from (f"  {line}".rstrip() for line in _aligned(list(lines)))
    yield "}"


def _aligned(lines: list[Line]) -> Iterator[str]:
    """The equals signs of neighbouring arguments in one column, as `terraform fmt` puts them."""
    for number, line in enumerate(lines):
        if isinstance(line, str):
            yield line
            continue
        name, value = line
        yield f"{name.ljust(_width(lines, number))} = {value}"


def _width(lines: list[Line], number: int) -> int:
    """The longest name among the arguments that are neighbours of this one."""
    first = max((i + 1 for i, line in enumerate(lines[:number]) if isinstance(line, str)), default=0)
    last = next((i for i, line in enumerate(lines[number:], number) if isinstance(line, str)), len(lines))
    return max(len(line[0]) for line in lines[first:last])


def _quoted(text: str) -> str:
    """HCL reads ${ and %{ in a text as a template."""
    return json.dumps(text, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")
