"""What a chapter or a lab has outside of its namespace: images in the nodes, and what its topic puts beside and below it.

A topic that changes more than a namespace has a module `outside` with two calls: put(*parts), which may be repeated, and
clean(), which undoes all of it, also what a killed kernel has left, and says what that was.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from acplab.cluster import Cluster, add_on


def load(there: Cluster, bundles: Iterable[str]) -> None:
    """Load these bundles of images into the nodes that lack them, with the kinds that go with them."""
    for bundle in bundles:
        add_on(bundle, there)


def put(parts: Mapping[str, Sequence[str]]) -> None:
    """Have each topic put its parts into the cluster in use, or beside it."""
    for topic, names in parts.items():
        _of(topic).put(*names)


def clean(topics: Iterable[str]) -> list[str]:
    """Have these topics undo what they have changed; by name."""
    return [one for topic in topics for one in _of(topic).clean()]


def _of(topic: str) -> Any:
    return importlib.import_module(f"acplab.topics.{topic}.outside")
