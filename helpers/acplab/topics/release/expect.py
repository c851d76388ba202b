"""What checks expect of a release: who answers which requests, and that no rule of the release is left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from acplab.base.i18n import _
from acplab.grading import LabView, Result
from acplab.grading.expect import answers_of, met
from acplab.grading.prose import listed
from acplab.topics.release.rules import backends, canaries, ingress_for, routes

if TYPE_CHECKING:
    from acplab.measure import Traffic


def look(lab: LabView, host: str, version: str, hidden: float, **same: Any) -> Traffic:
    """So many requests that another version with a share of `hidden` (0..1) would show.

    Each has a connection of its own, so that all replicas of the ingress are asked.
    """
    return lab.sample(0.0, hidden, host=host, keepalive=False, until=lambda seen: seen.only(version), **same)


def only_version(seen: Traffic, version: str, text: str, **values: Any) -> Result:
    """This version has answered every request, and none failed."""
    wanted = _("{all} of {all} from {version}").format(all=seen.total, version=version)
    return met(text, seen.only(version), answers_of(seen), wanted, version=version, **values)


Requests = Mapping[str, Mapping[str, str]]  # what a request is called -> the headers that make it


def astray(lab: LabView, host: str, requests: Requests, version: str, hidden: float) -> dict[str, Traffic]:
    """The kinds of requests that another version answers too, or nothing, with what came back."""
    seen = {name: look(lab, host, version, hidden, headers=dict(headers)) for name, headers in requests.items()}
    return {name: one for name, one in seen.items() if not one.only(version)}


def every_request(lab: LabView, host: str, requests: Requests, version: str, hidden: float, text: str) -> Result:
    """This version answers each of these kinds of requests, and none fails. hidden: as for look()."""
    lost = astray(lab, host, requests, version, hidden)
    found = "\n".join(f"{name}: {answers_of(seen)}" for name, seen in lost.items())
    wanted = _("each of them from {version}").format(version=version)
    names = _(" or ").join(requests)
    return met(text, not lost, found or wanted, wanted, host=host, version=version, requests=names)


def leads_to_pods(lab: LabView, host: str, text: str) -> Result:
    """The lab has a rule for a host, and each Service that it names is there, with a ready endpoint, now.

    Traffic shows the past: the ingress goes on for up to 2 s after a rule, a Service or its Pods are gone.
    """
    named = sorted({name for one in [*ingress_for(lab, host), *routes(lab, host)] for name in backends(one)})
    lost = [name for name in named if not (lab.exists("service", name) and lab.endpoints(name))]
    found = _("without a ready endpoint: {names}").format(names=", ".join(lost)) if lost else listed(named)
    wanted = _("a rule for {host}, and a ready endpoint of its Service").format(host=host)
    return met(text, named and not lost, found, wanted, host=host)


def no_canary_ingress(lab: LabView, text: str) -> Result:
    """No Ingress of the lab calls itself a canary any more."""
    left = [f"ingress/{one['metadata']['name']}" for one in canaries(lab)]
    return met(text, not left, listed(left), _("none"))
