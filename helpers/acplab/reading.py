"""kube.get in two shapes whose type is certain: a list, and one object that may be missing."""

from __future__ import annotations

from typing import Any

from acplab import kube

Object = dict[str, Any]
Objects = list[Object]


def listed(kind: str, namespace: str | None = None, selector: str | None = None) -> Objects:
    """All objects of a kind; namespace "*": everywhere, None: for kinds that live in no namespace."""
    found = kube.get(kind, namespace=namespace, selector=selector)
    return found if isinstance(found, list) else [found]


def maybe(kind: str, name: str, namespace: str | None = None) -> Object | None:
    """The object, or None; one request, so it cannot vanish between a look and a read."""
    return next((found for found in listed(kind, namespace) if found["metadata"]["name"] == name), None)
