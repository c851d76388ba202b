"""The one gate that every change to a cluster passes: is this really a cluster of this home?

A context's name proves nothing. What counts is what the API server says of its own nodes: each was made by kind
(providerID) and carries our labels. Each write asks here. cluster/ownership.py asks the same of containers.
"""

from __future__ import annotations

import os
import re
import uuid
from contextlib import suppress
from typing import Any

from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.base.i18n import _

LABEL, OWNER = "acplab.dev/instance", "acplab.dev/owner"


class Foreign(AcplabError):
    """The cluster is not ours. Nothing is done to it, not even a repair."""


def owner() -> str:
    """The id (32 hex digits) of this home: two users, or two homes of one user, never share a cluster."""
    file = paths.home() / "owner-id"
    if not file.exists():
        # Written beside and linked, so that of two that begin at once both read the id of the first.
        part = file.with_name(f"owner-id.{uuid.uuid4().hex}")
        part.write_text(uuid.uuid4().hex)
        with suppress(FileExistsError):
            os.link(part, file)
        part.unlink()
    found = file.read_text().strip()
    if not re.fullmatch("[0-9a-f]{32}", found):
        raise AcplabError(
            _("{file} does not hold an owner id.").format(file=file),
            _("Restore it, or remove it: then a new id is made, and clusters of the old one are left alone."),
        )
    return found


def label() -> dict[str, str]:
    """The labels that every node of this home's clusters carries."""
    return {LABEL: paths.instance(), OWNER: owner()}


def refuse_foreign(nodes: list[dict[str, Any]]) -> None:
    """AcplabError unless these nodes (as the API gives them) are all kind's and all ours."""
    if not nodes:
        raise _refusal(_("it shows no nodes"))
    for node in nodes:
        name = node["metadata"]["name"]
        provider = (node.get("spec") or {}).get("providerID") or ""
        if not provider.startswith("kind://"):
            raise _refusal(_("node {name} has the providerID {id!r}").format(name=name, id=provider))
        found = node["metadata"].get("labels") or {}
        for key, wanted in label().items():
            if found.get(key) != wanted:
                raise _refusal(_("node {name} has {key}={found}").format(name=name, key=key, found=found.get(key)))


def _refusal(reason: str) -> Foreign:
    return Foreign(
        _("This is not a cluster of acplab, so nothing was changed: {reason}.").format(reason=reason),
        _("Run ./acplab start; it makes a cluster of its own and never touches another."),
    )
