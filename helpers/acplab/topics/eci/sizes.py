"""From what the containers of a Pod ask for to the spec that ECI bills, by the rules of today.

SPECS_2021 is only the list of 2021. Then nothing above 4 vCPU was rounded, and an unlisted size was refused; and each
container without limits counted as 1C2G. NOW has the sizes of all regions; some regions have more.

Sources: alibabacloud.com/help 114662 (now), CSK:SL/ECI Pod/ECI实例概述.md (2021).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from acplab.base.errors import AcplabError
from acplab.base.i18n import _

Specs = Mapping[float, tuple[float, ...]]

# GiB by vCPU.
NOW: Specs = {
    0.25: (0.5, 1), 0.5: (1, 2), 1: (2, 4, 8), 2: (1, 2, 4, 8, 16), 4: (2, 4, 8, 16, 32), 8: (4, 8, 16, 32, 64),
    12: (12, 24, 48, 96), 16: (16, 32, 64, 128), 24: (24, 48, 96, 192), 32: (32, 64, 128, 256), 52: (96, 192, 384),
    64: (128, 256, 512),
}  # fmt: skip
_NOT_YET = {2: (1,), 4: (2,), 8: (4,), 24: (24,), 32: (32,)}
SPECS_2021: Specs = {
    cores: tuple(one for one in memories if one not in _NOT_YET.get(int(cores), ())) for cores, memories in NOW.items()
}
# Of one vCPU and one GiB, which is cheaper decides nothing; this ratio of the list prices orders specs by price.
_GIB_IN_VCPU = 0.00000613 / 0.000049
_UNITS = {
    "": 1,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
    "Pi": 2**50,
}
_SLACK = 1e-9


@dataclass(frozen=True, order=True)
class Size:
    """vcpu: cores; gib: memory."""

    vcpu: float
    gib: float

    def __str__(self) -> str:
        return f"{self.vcpu:g}C{self.gib:g}G"


DEFAULT = Size(2, 4)


def size(cpu: float, memory: float, specs: Specs = NOW) -> Size:
    """The cheapest spec with at least this much. cpu: cores; memory: GiB. AcplabError if none is large enough."""
    fitting = [one for one in _all(specs) if one.vcpu >= cpu - _SLACK and one.gib >= memory - _SLACK]
    if not fitting:
        raise AcplabError(
            _("No ECI spec has {cpu:g} vCPU and {memory:g} GiB.").format(cpu=cpu, memory=memory),
            _("Ask for less, or split the Pod."),
        )
    return min(fitting, key=lambda one: (one.vcpu + one.gib * _GIB_IN_VCPU, one))


def _all(specs: Specs) -> Iterable[Size]:
    return (Size(cores, memory) for cores, memories in specs.items() for memory in memories)


def parse(word: str) -> Size:
    """A spec as eci-use-specs has it: "2-4Gi"; AcplabError for an ECS type, whose price is not known here."""
    if word.strip().startswith("ecs."):
        raise AcplabError(
            _("{word} is an ECS type, and has the price of that type.").format(word=word.strip()),
            _('Only sizes such as "2-4Gi" can be priced here.'),
        )
    found = re.fullmatch(r"\s*([\d.]+)-([\d.]+)Gi\s*", word)
    if not found:
        raise AcplabError(_("{word!r} is no spec.").format(word=word), _('Write vCPU and memory, as in "2-4Gi".'))
    return Size(float(found[1]), float(found[2]))


def size_of(pod: Mapping[str, Any]) -> Size:
    """The spec of a Pod (or Pod template): eci-use-specs before limits before requests, else 2C4G.

    Containers are summed; init containers run before them, so the largest of those counts, as for the scheduler.
    """
    annotations = (pod.get("metadata") or {}).get("annotations") or {}
    if wanted := annotations.get("k8s.aliyun.com/eci-use-specs"):
        first = parse(wanted.split(",")[0])
        return size(first.vcpu, first.gib)
    spec = pod["spec"]
    run_on = [*spec["containers"], *(one for one in spec.get("initContainers") or [] if _is_sidecar(one))]
    before = [one for one in spec.get("initContainers") or [] if not _is_sidecar(one)]
    cpu, memory = (max(_sum(run_on, name), *(_asked(one, name) for one in before), 0.0) for name in ("cpu", "memory"))
    return size(cpu, memory / 2**30) if cpu or memory else DEFAULT


def _is_sidecar(container: Mapping[str, Any]) -> bool:
    return container.get("restartPolicy") == "Always"


def _sum(containers: list[Any], name: str) -> float:
    return sum(_asked(one, name) for one in containers)


def _asked(container: Mapping[str, Any], name: str) -> float:
    needs = container.get("resources") or {}
    asked = (needs.get("limits") or {}).get(name, (needs.get("requests") or {}).get(name, 0))
    return quantity(asked)


def quantity(text: str | float) -> float:
    """Kubernetes' quantity as a number: "500m" is 0.5, "1Gi" is 2**30."""
    found = re.fullmatch(r"([\d.]+(?:[eE]\d+)?)(m?)([kKMGTP]?i?)", str(text))
    if not found or found[3] not in _UNITS:
        raise AcplabError(_("{text!r} is no quantity.").format(text=text), _('Write it as in "500m" or "1Gi".'))
    return float(found[1]) * (0.001 if found[2] else 1) * _UNITS[found[3]]
