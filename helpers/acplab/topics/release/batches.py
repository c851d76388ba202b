"""Releases in batches by Argo Rollouts: what its plugin of kubectl does, with plain patches of its status."""

from __future__ import annotations

from collections.abc import Callable

from acplab import kube
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.kube import Object, kubectl
from acplab.kube.showing import verb

SECONDS = 120.0
GO_ON: Object = {"status": {"pauseConditions": None}}
GIVE_BACK: Object = {"status": {"abort": True}}


def _line(patch: Object) -> Callable[[str, str], str]:
    """What the same is without the plugin, which is not installed here."""
    return lambda name, namespace: kubectl.patch("rollout", name, patch, namespace, status=True)


@verb(_line(GO_ON))
def promote(name: str, namespace: str) -> None:
    """Go on after a pause, as `kubectl argo rollouts promote` does."""
    kube.patch("rollout", name, GO_ON, namespace, status=True)


@verb(_line(GIVE_BACK))
def abort(name: str, namespace: str) -> None:
    """Give all requests back to the stable version, as `kubectl argo rollouts abort` does. The new one stays in the spec.

    It waits until the controller has read the newest template: it forgets an abort that came before, and goes on.
    """
    kube.wait("rollout", name, _is_up_to_date, namespace, timeout=SECONDS)
    kube.patch("rollout", name, GIVE_BACK, namespace, status=True)


def wait_paused(name: str, namespace: str) -> Object:
    """Wait until a batch is out and the release pauses, because its steps say so.

    AcplabError at once if the template is out completely already, and as soon as the controller has given up.
    """
    return kube.wait("rollout", name, _pauses_or_is_over, namespace, timeout=SECONDS)


def wait_healthy(name: str, namespace: str) -> Object:
    """Wait until all Pods are of one version and ready; AcplabError as soon as the controller has given up."""
    return kube.wait("rollout", name, is_healthy, namespace, timeout=SECONDS)


def _pauses_or_is_over(rollout: Object) -> bool:
    if is_healthy(rollout):
        raise AcplabError(
            _("Rollout {name} does not pause: its template is out in all Pods.").format(
                name=rollout["metadata"]["name"]
            ),
            _("Change the template, for example VERSION, and the steps if they have no pause; then apply it again."),
        )
    return is_paused(rollout)


def is_paused(rollout: Object) -> bool:
    """Whether it pauses now, for the newest template."""
    if not _is_up_to_date(rollout):
        return False
    return rollout["status"].get("phase") == "Paused" and bool(rollout["status"].get("pauseConditions"))


def is_healthy(rollout: Object) -> bool:
    """Whether the newest template is out completely."""
    return _is_up_to_date(rollout) and rollout["status"].get("phase") == "Healthy"


def _is_up_to_date(rollout: Object) -> bool:
    """Whether the controller has seen the newest spec; it writes the generation as text."""
    seen = (rollout.get("status") or {}).get("observedGeneration")
    return seen is not None and str(seen) == str(rollout["metadata"].get("generation"))
