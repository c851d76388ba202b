"""What kinds of clusters there are: the files of manifests/clusters/."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import yaml

from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.base.i18n import _

FOLDER = paths.ROOT / "manifests" / "clusters"


@dataclass(frozen=True)
class Own:
    """What a profile says to acplab and not to kind, under the key `acplab`.

    platform: whether the ingress controller and the metrics are wanted.
    network: "default" is podnet, "terway" our stand-in (terway.py).
    virtual_node: whether there is one, whose Pods run on our stand-in for ECI (eci.py).
    """

    platform: bool = True
    network: Literal["default", "terway"] = "default"
    virtual_node: bool = False


def profiles() -> list[str]:
    """The kinds of cluster that can be made."""
    return sorted(file.stem for file in FOLDER.glob("*.yaml"))


def require(profile: str) -> None:
    """AcplabError unless there is such a profile: the name becomes part of a path that delete() removes."""
    if profile not in profiles():
        raise AcplabError(
            _("There is no cluster profile {profile}.").format(profile=profile),
            _("Take one of: {profiles}.").format(profiles=", ".join(profiles())),
        )


def own(profile: str) -> Own:
    """What the profile says to acplab."""
    return Own(**_read(profile).get("acplab", {}))


def kind_form(profile: str) -> dict[str, Any]:
    """What the profile says to kind."""
    return {key: value for key, value in _read(profile).items() if key != "acplab"}


def _read(profile: str) -> dict[str, Any]:
    return yaml.safe_load((FOLDER / f"{profile}.yaml").read_text())
