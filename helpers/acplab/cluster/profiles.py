"""What kinds of clusters there are: manifests/clusters/, and how one of them becomes a kind configuration."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import yaml

from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.cluster import nodes
from acplab.kube import ownership as safety

if TYPE_CHECKING:
    from acplab.topics.network.planner import Plan

FOLDER = paths.ROOT / "manifests" / "clusters"
NODE_PORTS = {"http": 30080, "https": 30443}
PRIVATE_ONLY = FOLDER / "private-only.conf"
DROP_IN = "/etc/systemd/system/containerd.service.d/private-only.conf"


@dataclass(frozen=True)
class Ranges:
    """What a network plan says of a cluster. networking: kind's own fields; patches: kubeadm's, as YAML texts."""

    networking: dict[str, Any] = field(default_factory=dict)
    patches: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, plan: Plan) -> Ranges:
        """The ranges of a plan."""
        return cls(plan.kind_networking(), plan.kind_patches())


@dataclass(frozen=True)
class Own:
    """What a profile says to acplab and not to kind, under the key `acplab`.

    platform: whether the ingress controller and the metrics are wanted.
    network: "default" is the node image's own Pod network, "terway" our stand-in (terway.py).
    """

    platform: bool = True
    network: Literal["default", "terway"] = "default"


def profiles() -> list[str]:
    """The kinds of cluster that can be made."""
    return sorted(file.stem for file in FOLDER.glob("*.yaml"))


def require(profile: str) -> None:
    """AcplabError unless there is such a profile: the name becomes part of a path that delete() removes."""
    if profile not in profiles():
        raise AcplabError(
            _("There is no cluster profile {profile}.").format(profile=profile),
            _("Take one of: ") + ", ".join(profiles()),
        )


def own(profile: str) -> Own:
    """What the profile says to acplab."""
    return Own(**_read(profile).get("acplab", {}))


def _read(profile: str) -> dict[str, Any]:
    return yaml.safe_load((FOLDER / f"{profile}.yaml").read_text())


def kind_config(
    profile: str, ports: dict[str, int], patches: list[str], ranges: Ranges | None = None
) -> dict[str, Any]:
    """The kind configuration of a profile, with what is ours filled in.

    ports: host port by name (api, http, https). patches: what the node image needs. ranges: of a plan, in the place of
    the profile's own.
    """
    config = _read(profile)
    config.pop("acplab", None)
    given = ranges or Ranges(patches=config.get("kubeadmConfigPatches", []))
    config["networking"] |= given.networking | {"apiServerAddress": "127.0.0.1", "apiServerPort": ports["api"]}
    if own(profile).network == "terway":
        config["networking"] |= {"podSubnet": nodes.pod_vswitch(), "disableDefaultCNI": True}
    # Since 1.35 kubelet refuses cgroup v1 unless it is told otherwise; on v2 this says nothing.
    cgroups = "kind: KubeletConfiguration\nfailCgroupV1: false\n"
    config["kubeadmConfigPatches"] = [cgroups, *patches, *given.patches]
    private_only = str(_private_only())
    for node in config["nodes"]:
        node["labels"] = node.get("labels", {}) | safety.label()
        node["extraMounts"] = [{"hostPath": private_only, "containerPath": DROP_IN, "readOnly": True}]
    config["nodes"][0]["extraPortMappings"] = [
        {"containerPort": inside, "hostPort": ports[name], "listenAddress": "127.0.0.1"}
        for name, inside in NODE_PORTS.items()
    ]
    return config


def _private_only() -> Path:
    """Where the nodes take it from: a copy, since a checkout may move while its cluster stands."""
    copy = paths.home() / PRIVATE_ONLY.name
    copy.parent.mkdir(parents=True, exist_ok=True)
    paths.write_whole(copy, PRIVATE_ONLY.read_text())
    return copy
