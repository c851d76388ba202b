"""What the chapters on DNS and their labs have outside of their namespaces: put there, and taken away again."""

from __future__ import annotations

from acplab.base.i18n import _
from acplab.topics.dns import changes, zones


def put(*parts: str) -> None:
    """Have these parts of the platform there: "node-local-dns", "dns-injection", "private-zone"."""
    for part in parts:
        if part != "private-zone":
            changes.install(part)
        elif not zones.find_zone():
            zones.private_zone()


def clean() -> list[str]:
    """Undo all that is changed in kube-system, on the nodes and beside the cluster; what was undone, by name."""
    zone = [_("the servers of PrivateZone")] if zones.remove_private_zone() else []
    return zone + changes.clean()
