"""criteria.yaml: what a check says about its criteria and in its hints, so that checks.py holds no prose.

    criteria:
      share:
        claim: "`{host}`: {version} gets {wanted} of the requests"
        why: The share is what you promised.
        look: "`measure.traffic(lab.ingress_url, n=500, host=\\"{host}\\")`"
    hints:
      whose-addresses: [Where to look., "Closer: {answers}."]

{fields} are filled from the values of the result. criteria.zh.yaml beside it is a translation of some or all keys.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from acplab.base import yaml_models
from acplab.base.i18n import _
from acplab.base.yaml_models import YamlModel
from acplab.grading.results import Result

Text = Annotated[str, Field(min_length=1)]


class Criterion(YamlModel):
    """The words for one criterion. wanted: in place of what the vocabulary says is wanted.

    gate: true for what holds in the untouched lab already and must stay so; it scores nothing.
    """

    claim: Text
    why: Text
    look: Text
    wanted: str = ""
    gate: bool = False


class Prose(YamlModel):
    """One criteria.yaml. hints: two texts each, where to look and then closer."""

    criteria: dict[str, Criterion] = Field(default_factory=dict)
    hints: dict[str, tuple[Text, Text]] = Field(default_factory=dict)

    def say(self, result: Result) -> Result:
        """The result with its claim, why and look."""
        words = self._criterion(result.text)
        values = {"found": result.found, "wanted": result.wanted, **result.values}
        return replace(
            result,
            claim=words.claim.format(**values),
            why=words.why.format(**values),
            look=words.look.format(**values),
            wanted=words.wanted.format(**values) if words.wanted else result.wanted,
            gate=words.gate,
        )

    def hint(self, key: str, values: Mapping[str, Any]) -> tuple[str, str]:
        """Both tiers of a hint."""
        if key not in self.hints:
            raise KeyError(f"criteria.yaml has no hint {key!r}")
        first, second = self.hints[key]
        return first.format(**values), second.format(**values)

    def _criterion(self, key: str) -> Criterion:
        if key not in self.criteria:
            raise KeyError(f"criteria.yaml has no criterion {key!r}")
        return self.criteria[key]


def read(folder: Path) -> Prose:
    """The prose of a lab in the learner's language (ACPLAB_LANG), in English where that has no words yet."""
    english = folder / "criteria.yaml"
    if not english.exists():
        return Prose()
    prose = yaml_models.read(Prose, english)
    other = folder / f"criteria.{os.environ.get('ACPLAB_LANG', 'en')}.yaml"
    if not other.exists():
        return prose
    words = yaml_models.read(Prose, other)
    return Prose(criteria=prose.criteria | words.criteria, hints=prose.hints | words.hints)


def listed(names: Any) -> str:
    """Names in one line, or that there is none."""
    return ", ".join(map(str, names)) or _("none")
