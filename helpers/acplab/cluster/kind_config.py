"""The configuration that kind makes a cluster from: a profile, the ranges it gets, and what acplab adds."""

from __future__ import annotations

import copy
import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from acplab.base import paths
from acplab.cluster import nodes
from acplab.cluster.profiles import FOLDER, kind_form, own
from acplab.cluster.ranges import Ranges
from acplab.kube import ownership

NODE_PORTS = {"http": 30080, "https": 30443}
PRIVATE_ONLY = FOLDER / "private-only.conf"
DROP_IN = "/etc/systemd/system/containerd.service.d/private-only.conf"
# Since 1.35 kubelet refuses cgroup v1 unless it is told otherwise; on v2 this says nothing.
CGROUPS = "kind: KubeletConfiguration\nfailCgroupV1: false\n"


def kind_config(profile: Mapping[str, Any], ranges: Ranges | None = None) -> dict[str, Any]:
    """The profile (in kind's own form) with these ranges in the place of its own."""
    config = copy.deepcopy(dict(profile))
    if ranges:
        config["networking"] = config.get("networking", {}) | _networking(ranges)
        config["kubeadmConfigPatches"] = [_mask_patch(ranges)]
    return config


def _networking(ranges: Ranges) -> dict[str, str]:
    return {
        "podSubnet": ",".join(filter(None, (ranges.pods, ranges.pods6))),
        "serviceSubnet": ",".join(filter(None, (ranges.services, ranges.services6))),
        "ipFamily": "dual" if ranges.dual else "ipv4",
    }


def _mask_patch(ranges: Ranges) -> str:
    """What tells the controller manager how long a node's Pod CIDR is.

    extraArgs is a mapping, as in kubeadm v1beta3: kind v0.30 writes that version for every Kubernetes since 1.23, and
    Kubernetes 1.36 still reads it. A kind that writes v1beta4 would need a list of {name, value}.
    """
    # kubeadm looks at the flag of the family alone, and without it takes the mask for 24: too short for these ranges.
    of_family = ranges.dual or ipaddress.ip_network(ranges.pods).prefixlen > 24
    wanted = {"node-cidr-mask-size-ipv4" if of_family else "node-cidr-mask-size": ranges.node_mask}
    wanted |= {"node-cidr-mask-size-ipv6": ranges.node_mask6}
    arguments = {flag: str(mask) for flag, mask in wanted.items() if mask}
    return yaml.safe_dump(
        {"kind": "ClusterConfiguration", "controllerManager": {"extraArgs": arguments}}, sort_keys=False
    )


def own_config(profile: str, ports: dict[str, int], patches: list[str], ranges: Ranges | None = None) -> dict[str, Any]:
    """kind_config() of a profile by name, with what is ours filled in.

    ports: host port by name (api, http, https). patches: kubeadm's, which the node image needs.
    """
    config = kind_config(kind_form(profile), ranges)
    config["networking"] |= {"apiServerAddress": "127.0.0.1", "apiServerPort": ports["api"]}
    if own(profile).network == "terway":
        config["networking"] |= {"podSubnet": nodes.pod_vswitch(), "disableDefaultCNI": True}
    config["kubeadmConfigPatches"] = [CGROUPS, *patches, *config.get("kubeadmConfigPatches", [])]
    private_only = str(_private_only())
    for node in config["nodes"]:
        node["labels"] = node.get("labels", {}) | ownership.label()
        node["extraMounts"] = [{"hostPath": private_only, "containerPath": DROP_IN, "readOnly": True}]
    config["nodes"][0]["extraPortMappings"] = [
        {"containerPort": inside, "hostPort": ports[name], "listenAddress": "127.0.0.1"}
        for name, inside in NODE_PORTS.items()
    ]
    return config


def _private_only() -> Path:
    """Where the nodes take it from: a copy, since a checkout may move while its cluster lives."""
    copied = paths.home() / PRIVATE_ONLY.name
    copied.parent.mkdir(parents=True, exist_ok=True)
    paths.write_whole(copied, PRIVATE_ONLY.read_text())
    return copied
