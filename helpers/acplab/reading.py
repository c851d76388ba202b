"""kube.get without a name: a list, whose type is certain."""

from __future__ import annotations

from typing import Any

from acplab import kube

Object = dict[str, Any]
Objects = list[Object]


def listed(kind: str, namespace: str | None = None, selector: str | None = None) -> Objects:
    """All objects of a kind; namespace "*": everywhere, None: for kinds that live in no namespace."""
    found = kube.get(kind, namespace=namespace, selector=selector)
    return found if isinstance(found, list) else [found]
