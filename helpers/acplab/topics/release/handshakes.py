"""What checks expect of TLS at the ingress: a certificate that clients of the lab's authority take, for long enough."""

from __future__ import annotations

import base64
import binascii
import math
import ssl
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.grading import LabView, Result
from acplab.grading.expect import answers_of, met
from acplab.grading.loads import RecordedLoad
from acplab.grading.view import changes
from acplab.kube import Objects
from acplab.measure import Shown, Traffic, served
from acplab.topics.release.expect import look
from acplab.topics.release.rules import ingress_for, takes

FEW = 6  # requests that show whether a host sends its clients on to https
WHOLE_SECONDS = timedelta(seconds=1)  # in which the API notes the time of a change


def trusting(lab: LabView, secret: str) -> ssl.SSLContext | None:
    """A client that trusts the ca.crt of a Secret of the lab alone; None if there is none that can be read."""
    text = ((lab.get("secret", secret) or {}).get("data") or {}).get("ca.crt")
    if not text:  # without one the library would trust whom this machine trusts
        return None
    with suppress(binascii.Error, UnicodeDecodeError, ssl.SSLError, ValueError):
        return ssl.create_default_context(cadata=base64.b64decode(text, validate=True).decode())
    return None


def look_either_way(lab: LabView, host: str, version: str, hidden: float, secret: str, **same: Any) -> Traffic:
    """As look(), without TLS; or with it, if the host sends its clients on to https. secret: as for trusting()."""
    client = trusting(lab, secret)
    on = client and _sent_on(lab.traffic(host=host, n=FEW, keepalive=False, **same), host)
    return look(lab, host, version, hidden, tls=client if on else None, **same)


def answers_over_tls(lab: LabView, host: str, version: str, secret: str, text: str, path: str = "/") -> Result:
    """A client that trusts the authority in a Secret is answered by this version alone, each time with a new handshake."""
    client = trusting(lab, secret)
    wanted, values = _("{version} each time").format(version=version), {"host": host, "version": version, "path": path}
    if client is None:
        found = _("the Secret {name} has no ca.crt that can be read").format(name=secret)
        return met(text, False, found, wanted, **values)
    once = {"host": host, "path": path, "n": 20, "keepalive": False, "tls": client, "rate": 50}
    seen = lab.traffic(until=lambda so_far: so_far.only(version), **once)
    return met(text, seen.only(version), answers_of(seen), wanted, **values)


def shown(lab: LabView, host: str, secret: str) -> Shown | None:
    """The certificate that is shown for a host now, and whether a client of the authority takes it; None without a handshake."""
    client = trusting(lab, secret) or ssl.create_default_context()
    with suppress(AcplabError):
        return served(lab.cluster.tls_url, host, client)
    return None


def taken(lab: LabView, host: str, secret: str, text: str, at_least: float = 0, at_most: float = math.inf) -> Result:
    """A client of the authority takes the certificate that is shown, and it ends in so many days: at_least to at_most."""
    lab.settle()
    seen = shown(lab, host, secret)
    values = {"host": host, "at_least": f"{at_least:.0f}", "at_most": f"{at_most:.0f}"}
    if seen is None or seen.refused:
        found = _("a client refuses it: {why}").format(why=seen.refused) if seen else _("no handshake")
        return met(text, False, found, _("a client takes it"), **values)
    left = (seen.certificate.end - datetime.now(UTC)).total_seconds() / 86400
    found = _("a client takes it, for {left:.0f} days more").format(left=left)
    return met(text, at_least <= left <= at_most, found, _("a client takes it"), **values)


def renewed_under(lab: LabView, host: str, load: RecordedLoad, text: str) -> Result:
    """The Ingress of a host, or the Secret that it names, has changed since the load began."""
    last = max((time for one in _rules_and_secrets(lab, host) for time in changes(one)), default=None)
    ok = load.began and last and last >= load.began - WHOLE_SECONDS
    found = _("last changed {last}, and the load began {began}").format(last=_clock(last), began=_clock(load.began))
    return met(text, ok, found, _("a change while the load runs"), host=host)


def _rules_and_secrets(lab: LabView, host: str) -> Objects:
    rules = ingress_for(lab, host)
    entries = [entry for one in rules for entry in one["spec"].get("tls") or []]
    named = {
        entry.get("secretName", "") for entry in entries if any(takes(n, host) for n in entry.get("hosts") or [None])
    }
    return [*rules, *(one for name in named if name and (one := lab.get("secret", name)))]


def _clock(time: datetime | None) -> str:
    return f"{time.astimezone(UTC):%H:%M:%S} UTC" if time else _("never")


def redirects(lab: LabView, host: str, text: str) -> Result:
    """Without TLS every request is sent on to https at the same host."""
    seen = lab.traffic(until=lambda so_far: _sent_on(so_far, host), host=host, n=20, keepalive=False)
    found = ", ".join(f"{n} x {to}" for to, n in seen.redirects.items()) or answers_of(seen)
    return met(text, _sent_on(seen, host), found, _("all to https://{host}").format(host=host), host=host)


def _sent_on(seen: Traffic, host: str) -> bool:
    return bool(seen.total) and sum(n for to, n in seen.redirects.items() if f"to https://{host}" in to) == seen.total


def certificate_at(lab: LabView, host: str, secret: str) -> str:
    """What is shown for a host now, in words, for hints."""
    return repr(shown(lab, host, secret) or _("no handshake"))
