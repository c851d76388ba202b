"""What chapter 08 has outside of its namespace: what ECI gives the account at the moment."""

from __future__ import annotations

from acplab import kube
from acplab.base.i18n import _

SYSTEM, ACCOUNT = "kube-system", "eci-account"


def put(*sold_out: str) -> None:
    """Let ECI have none left of these sizes ("2-4Gi")."""
    about = {"name": ACCOUNT, "namespace": SYSTEM}
    kube.apply([{"apiVersion": "v1", "kind": "ConfigMap", "metadata": about, "data": {"sold-out": ",".join(sold_out)}}])


def clean() -> list[str]:
    """Let ECI have enough of everything again; what was undone, by name."""
    if kube.find("configmap", ACCOUNT, SYSTEM) is None:
        return []
    kube.delete("configmap", ACCOUNT, SYSTEM)
    return [_("sizes that were sold out")]
