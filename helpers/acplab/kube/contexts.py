"""The kubeconfig of JupyterLab's terminals: a context for each cluster, and the namespace of what is open.

kubectl reads the file at each call, so that a terminal follows when another chapter or lab is opened. The file itself
is the record of what is open: its current context, and the namespace of that.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.base.locks import lock
from acplab.kube import client

Config = dict[str, Any]
PATIENCE = 10  # seconds for another notebook that writes the same file


class Opened(NamedTuple):
    """What kubectl takes when nothing is named."""

    profile: str
    namespace: str


NOTHING = Opened("small", "default")


def file() -> Path:
    """The kubeconfig of the terminals; kubectl's own cache lies beside it."""
    folder = paths.home() / "terminal"
    folder.mkdir(exist_ok=True)
    return folder / "kubeconfig"


def opened() -> Opened:
    """The cluster (its profile) and the namespace of what is open."""
    profile = _read(file()).get("current-context") or NOTHING.profile
    return Opened(profile, _places().get(profile, NOTHING.namespace))


def use_namespace(profile: str, namespace: str) -> None:
    """From now on terminals see this namespace of this profile's cluster."""
    _write(Opened(profile, namespace))


def visit(profile: str, namespace: str) -> None:
    """The namespace of another cluster that is used for a while: kubectl --context PROFILE sees it."""
    _write(opened(), {profile: namespace})


def leave_namespace(namespace: str) -> None:
    """It is removed, on every cluster: terminals that saw it see "default"."""
    now = opened()
    left = {name: "default" for name, place in _places().items() if place == namespace}
    _write(Opened(now.profile, left.get(now.profile, now.namespace)), left)


def refresh() -> bool:
    """Take up clusters that came, went or were recreated; whether there is any."""
    return bool(_write(opened())["contexts"])


def _write(wanted: Opened, visited: dict[str, str] | None = None) -> Config:
    busy = AcplabError(_("Another notebook writes {file}.").format(file=file()), _("Try again."))
    with lock(file().with_name("kubeconfig.lock"), PATIENCE, lambda: busy):
        places = _places() | (visited or {}) | {wanted.profile: wanted.namespace}
        merged = _merged(places) | {"current-context": wanted.profile}
        paths.write_whole(file(), yaml.safe_dump(merged), mode=0o600)
    return merged


def _places() -> dict[str, str]:
    """Profile -> the namespace that is taken there."""
    known = _read(file()).get("contexts") or []
    return {one["name"]: one["context"].get("namespace") or NOTHING.namespace for one in known}


def _merged(namespaces: dict[str, str]) -> Config:
    """One kubeconfig of all clusters, each called by its profile."""
    merged: Config = {"apiVersion": "v1", "kind": "Config", "clusters": [], "users": [], "contexts": []}
    for profile, cluster, user in _clusters():
        place = {"cluster": profile, "user": profile, "namespace": namespaces.get(profile, NOTHING.namespace)}
        merged["clusters"].append({"name": profile, "cluster": cluster})
        merged["users"].append({"name": profile, "user": user})
        merged["contexts"].append({"name": profile, "context": place})
    return merged


def _clusters() -> Iterator[tuple[str, Config, Config]]:
    """(profile, cluster, user) of each kubeconfig that kind has written for us."""
    for one in sorted(client.kubeconfig().parents[1].glob("*/kubeconfig")):
        config = _read(one)
        clusters, users = config.get("clusters"), config.get("users")
        if clusters and users:
            yield one.parent.name, clusters[0]["cluster"], users[0]["user"]


def _read(one: Path) -> Config:
    try:
        found = yaml.safe_load(one.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return found if isinstance(found, dict) else {}
