"""A plan as others read it: a kind configuration, the rows of ACK's console, plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from acplab.planning.model import Plan


def kind_networking(plan: Plan) -> dict[str, str]:
    """See Plan.kind_networking."""
    raise NotImplementedError


def kind_patches(plan: Plan) -> list[str]:
    """See Plan.kind_patches."""
    raise NotImplementedError


def kind_config(plan: Plan, name: str) -> str:
    """See Plan.kind_config."""
    raise NotImplementedError


def console(plan: Plan) -> list[tuple[str, str]]:
    """See Plan.console."""
    raise NotImplementedError


def words(plan: Plan) -> str:
    """See Plan.words."""
    raise NotImplementedError


def node_blocks(plan: Plan, n: int) -> list[str]:
    """See Plan.node_blocks."""
    raise NotImplementedError
