"""What may be sent: a checked plan of a load. Only to this machine, and only so much."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from acplab.base.errors import AcplabError
from acplab.base.i18n import _

MOST_REQUESTS = 20_000
MAX_RATE = 2_000.0
MOST_SECONDS = 300.0
MOST_TIMEOUT = 30.0


@dataclass(frozen=True)
class Plan:
    """count requests, request i at i/rate seconds after the start, each to url with these headers.

    timeout: seconds from sending to the end of the answer. keepalive: reuse connections, as a browser does.
    """

    url: str
    count: int
    rate: float
    method: str = "GET"
    headers: dict[str, str] = field(default_factory=dict)
    timeout: float = 3.0
    keepalive: bool = True


def make(
    url: str,
    count: int,
    rate: float,
    host: str | None = None,
    path: str = "/",
    headers: Mapping[str, str] | None = None,
    cookies: Mapping[str, str] | None = None,
    method: str = "GET",
    timeout: float = 3.0,
    keepalive: bool = True,
) -> Plan:
    """A plan, or AcplabError if it goes to another machine or is too much."""
    _within(_("requests"), count, MOST_REQUESTS)
    _within(_("requests a second"), rate, MAX_RATE)
    _within(_("seconds"), count / rate, MOST_SECONDS)
    _within(_("seconds of timeout"), timeout, MOST_TIMEOUT)
    if not (method.isascii() and method.isalpha()):
        raise AcplabError(_("{method!r} is not an HTTP method.").format(method=method), _("Use GET, HEAD or POST."))
    return Plan(target(url, path), count, rate, method.upper(), _headers(headers, host, cookies), timeout, keepalive)


def count_for(n: int | None, seconds: float | None, rate: float) -> int:
    """How many requests: n, or as many as rate gives in so many seconds, or 100."""
    if n is not None and seconds is not None:
        raise AcplabError(
            _("Both n and seconds were given, and each decides how many requests are sent."),
            _("Give one of them; with n = {n} it takes n / rate seconds.").format(n=n),
        )
    if seconds is None:
        return 100 if n is None else n
    _within(_("seconds"), seconds, MOST_SECONDS)
    _within(_("requests a second"), rate, MAX_RATE)
    return max(1, round(rate * seconds))


def longest(rate: float) -> int:
    """How many requests fit into the limits at this rate."""
    _within(_("requests a second"), rate, MAX_RATE)
    return max(1, math.floor(min(MOST_REQUESTS, MOST_SECONDS * rate)))


def target(url: str, path: str = "/") -> str:
    """The whole address. It is put together from checked pieces, so that nothing in it can lead elsewhere."""
    try:
        parts = urlsplit(url)
        ip, port = ipaddress.ip_address(parts.hostname or ""), parts.port or 80
    except ValueError:
        raise _elsewhere(url) from None
    if parts.scheme != "http" or parts.username is not None or ip not in ipaddress.ip_network("127.0.0.0/8"):
        raise _elsewhere(url)
    own = f"{parts.path}?{parts.query}" if parts.query else parts.path
    whole = own if own and path == "/" else path
    if not whole.startswith("/") or not whole.isprintable():
        raise AcplabError(
            _("{path!r} is not a path.").format(path=whole),
            _('A path starts with a slash: path="/cart".'),
        )
    return f"http://{ip}:{port}{whole}"


def _elsewhere(url: str) -> AcplabError:
    return AcplabError(
        _("{url} is not an address on this machine.").format(url=url),
        _('Traffic goes only to http://127.0.0.1:PORT; name the site with host="www.example.com".'),
    )


def _headers(given: Mapping[str, str] | None, host: str | None, cookies: Mapping[str, str] | None) -> dict[str, str]:
    """Header names are alike whatever their case, so host and cookies must not become a second line."""
    headers = {_spelt(name): str(value) for name, value in (given or {}).items()}
    if host is not None:
        headers["Host"] = host
    if cookies:
        pairs = [f"{name}={value}" for name, value in cookies.items()]
        headers["Cookie"] = "; ".join(([headers["Cookie"]] if "Cookie" in headers else []) + pairs)
    for name, value in headers.items():
        _one_line(name, value)
    return headers


def _spelt(name: str) -> str:
    return name.title() if name.lower() in ("host", "cookie") else name


def _one_line(name: str, value: str) -> None:
    if not name or not (name + value).isprintable():
        raise AcplabError(
            _("The header {name!r} with value {value!r} is not one line of text.").format(name=name, value=value),
            _("Leave out line ends and control characters."),
        )


def _within(what: str, number: float, most: float) -> None:
    if not 0 < number <= most:
        raise AcplabError(
            _("{number:g} {what} is outside of what a load may be.").format(number=number, what=what),
            _("Choose more than 0 and at most {most:g} {what}.").format(most=most, what=what),
        )
