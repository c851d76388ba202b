"""Commands inside a node of the cluster in use."""

from __future__ import annotations

import json
from typing import Any

from acplab import kube
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.host import docker


def run(node: str, *command: str) -> str:
    """What a command says on a node. AcplabError if the cluster in use has no such node."""
    require(node)
    return docker.run("exec", node, *command)


def require(node: str) -> None:
    """AcplabError unless the cluster in use has this node; so no other container is ever entered."""
    if node not in (known := names()):
        raise AcplabError(
            _("The cluster in use has no node {node}.").format(node=node),
            _("Use one of: {names}.").format(names=", ".join(known)),
        )


def names() -> list[str]:
    """The nodes of the cluster in use."""
    return sorted(one["metadata"]["name"] for one in kube.list("node", selector=kube.MACHINES))


def ip(node: str, *words: str, namespace: str = "") -> list[dict[str, Any]]:
    """`ip -4 -json WORDS` on a node, or in one of its network namespaces."""
    inside = ("-n", namespace) if namespace else ()
    return json.loads(run(node, "ip", *inside, "-4", "-json", *words) or "[]")
