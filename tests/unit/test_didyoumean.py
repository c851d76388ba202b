"""Names that were probably meant."""

from __future__ import annotations

import pytest
from acplab.base import didyoumean

KNOWN = ("00-welcome", "02-network-planning", "10-ingress-release")


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("10-ingres", "10-ingress-release"),
        ("02-networkplanning", "02-network-planning"),
        ("zzz", "00-welcome, 02-network-planning, 10-ingress-release"),
        (10, "00-welcome, 02-network-planning, 10-ingress-release"),
    ],
)
def test_near_names_or_else_all_of_them(name: object, names: str) -> None:
    assert didyoumean.remedy(name, KNOWN) == f"Use one of: {names}."


def test_no_name_at_all() -> None:
    assert didyoumean.remedy("x", ()) == "Use one of: -."
