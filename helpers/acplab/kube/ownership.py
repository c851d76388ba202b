"""The one gate that every change to a cluster passes: is this really a cluster of ours?

A context's name proves nothing. What counts is what the API server says of its own nodes: each was
made by kind (providerID) and carries our label. kube.py asks here before each write.
"""

from __future__ import annotations

from typing import Any

from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.base.i18n import _

LABEL = "acplab.dev/instance"


class Foreign(AcplabError):
    """The cluster is not ours. Nothing is done to it, not even a repair."""


def label() -> dict[str, str]:
    """The label that every node of this instance's clusters carries."""
    return {LABEL: paths.instance()}


def refuse_foreign(nodes: list[dict[str, Any]]) -> None:
    """AcplabError unless these nodes (as the API gives them) are all kind's and all ours."""
    if not nodes:
        raise _refusal(_("it shows no nodes"))
    for node in nodes:
        name = node["metadata"]["name"]
        provider = (node.get("spec") or {}).get("providerID") or ""
        if not provider.startswith("kind://"):
            raise _refusal(_("node {name} has the providerID {id!r}").format(name=name, id=provider))
        owner = (node["metadata"].get("labels") or {}).get(LABEL)
        if owner != paths.instance():
            raise _refusal(_("node {name} has {label}={owner}").format(name=name, label=LABEL, owner=owner))


def _refusal(reason: str) -> Foreign:
    return Foreign(
        _("This is not a cluster of acplab, so nothing was changed: {reason}.").format(reason=reason),
        _("Run ./acplab start; it makes a cluster of its own and never touches another."),
    )
