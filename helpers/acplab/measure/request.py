"""What each request of a load looks like, checked before anything is sent: only to this machine."""

from __future__ import annotations

import ipaddress
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict
from urllib.parse import urlsplit

from acplab.base.arguments import within
from acplab.base.errors import AcplabError
from acplab.base.i18n import _

MAX_TIMEOUT = 30.0
_LABEL = r"\w([\w-]*\w)?"
# a DNS name or an IP address, and perhaps a port
_HOST = re.compile(rf"({_LABEL}(\.{_LABEL})*\.?|\[[0-9A-Fa-f:.]+\])(:\d{{1,5}})?", re.ASCII)


class RequestOptions(TypedDict, total=False):
    """The keywords that traffic() and steady() share.

    host: the name to ask for ("www.example.com"), no URL; by default the address itself.
    path: with its query ("/cart?x=1"); by default the url's own, or "/".
    headers, cookies: dicts of names and values.
    method: GET, HEAD, POST, ...; by default GET.
    timeout: seconds until a request is given up, at most 30; by default 3.
    keepalive: reuse connections, as a browser does (the default); False opens one per request.
    tls: for an https URL, whom the client trusts: ca.trust() of acplab.certificates. The host is asked for by SNI, too.
    """

    host: str | None
    path: str
    headers: Mapping[str, str] | None
    cookies: Mapping[str, str] | None
    method: str
    timeout: float
    keepalive: bool
    tls: ssl.SSLContext | None


@dataclass(frozen=True)
class Request:
    """One request, sent again and again. timeout: seconds from sending to the end of the answer.

    tls: for https alone, what the client trusts and shows; None for what this machine trusts. server_name: that it asks
    for in the handshake (SNI), and that the certificate must hold for; None for the address.
    """

    url: str
    method: str = "GET"
    headers: dict[str, str] = field(default_factory=dict)
    timeout: float = 3.0
    keepalive: bool = True
    tls: ssl.SSLContext | None = None
    server_name: str | None = None


def prepare(url: str, options: RequestOptions) -> Request:
    """The request, or AcplabError if it goes to another machine or an option is not what it should be."""
    _known(options)
    tls = _trusted(options.get("tls"))
    headers = _headers(options.get("headers"), options.get("host"), options.get("cookies"))
    return Request(
        target(url, options.get("path", "/"), "https" if tls else "http"),
        _method(options.get("method", "GET")),
        headers,
        within("timeout", options.get("timeout", 3.0), MAX_TIMEOUT, "s"),
        bool(options.get("keepalive", True)),
        tls,
        headers["Host"].rsplit(":", 1)[0] if tls and "Host" in headers else None,
    )


def _trusted(tls: object) -> ssl.SSLContext | None:
    if tls is None or isinstance(tls, ssl.SSLContext):
        return tls
    raise AcplabError(
        _("tls says whom to trust, and {given!r} does not.").format(given=tls),
        _("Give the trust of an authority: tls=ca.trust()."),
    )


def _known(options: RequestOptions) -> None:
    names = RequestOptions.__annotations__
    for name in options:
        if name not in names:
            raise AcplabError(
                _("A load has no option {name!r}.").format(name=name),
                _("Options are: {names}.").format(names=", ".join(names)),
            )


def target(url: str, path: str = "/", scheme: str = "http") -> str:
    """The whole address. It is put together from checked pieces, so that nothing in it can lead elsewhere."""
    try:
        parts = urlsplit(str(url))
        named = "127.0.0.1" if parts.hostname == "localhost" else parts.hostname or ""
        ip, port = ipaddress.ip_address(named), parts.port or {"http": 80, "https": 443}[scheme]
    except ValueError:
        raise _elsewhere(url) from None
    known = parts.scheme in ("http", "https") and parts.username is None
    if not known or ip not in ipaddress.ip_network("127.0.0.0/8"):
        raise _elsewhere(url)
    if parts.scheme != scheme:
        raise _other_scheme(url, parts.scheme)
    own = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return f"{scheme}://{ip}:{port}{_path(own if own and path == '/' else path)}"


def _elsewhere(url: str) -> AcplabError:
    return AcplabError(
        _("{url} is not an address on this machine.").format(url=url),
        _('Traffic goes only to http://127.0.0.1:PORT; name the site with host="www.example.com".'),
    )


def _other_scheme(url: str, scheme: str) -> AcplabError:
    if scheme == "https":
        return AcplabError(
            _("{url} wants TLS, and nobody has said whom to trust.").format(url=url),
            _("Give the trust of an authority: tls=ca.trust()."),
        )
    return AcplabError(
        _("{url} is not https, so there is nobody to trust.").format(url=url),
        _("Leave out tls, or ask the https URL: chapter.cluster.tls_url."),
    )


def _path(path: str) -> str:
    if not isinstance(path, str) or not path.startswith("/") or not path.isprintable():
        raise AcplabError(
            _("{path!r} is not a path.").format(path=path), _('A path starts with a slash: path="/cart".')
        )
    return path


def _method(method: str) -> str:
    if not (isinstance(method, str) and method.isascii() and method.isalpha()):
        raise AcplabError(_("{method!r} is not an HTTP method.").format(method=method), _("Use GET, HEAD or POST."))
    return method.upper()


def _headers(given: Mapping[str, str] | None, host: str | None, cookies: Mapping[str, str] | None) -> dict[str, str]:
    """Header names are alike whatever their case, so host and cookies must not become a second line."""
    headers = {_spelt(name): value for name, value in _pairs("headers", given).items()}
    if host is not None:
        headers["Host"] = host
    if cookies:
        pairs = [f"{name}={value}" for name, value in _pairs("cookies", cookies).items()]
        headers["Cookie"] = "; ".join(([headers["Cookie"]] if "Cookie" in headers else []) + pairs)
    if "Host" in headers:
        _check_host(headers["Host"])
    for name, value in headers.items():
        _check_line(name, value)
    return headers


def _pairs(option: str, given: Mapping[str, str] | None) -> dict[str, str]:
    """Names and values as strings; AcplabError for what is no dict of them."""
    if not isinstance(given, Mapping | None):
        example = {"headers": {"foo": "bar"}, "cookies": {"user": "test"}}[option]
        raise AcplabError(
            _("{option} must be a dict, not {given!r}.").format(option=option, given=given),
            _("Write names and values: {option}={example}.").format(option=option, example=example),
        )
    for name, value in (given or {}).items():
        if not isinstance(name, str) or not isinstance(value, str | int | float):
            raise AcplabError(
                _("{option} must hold strings, not {name!r}: {value!r}.").format(option=option, name=name, value=value),
                _("Put name and value into quotes."),
            )
    return {name: str(value) for name, value in (given or {}).items()}


def _spelt(name: str) -> str:
    return name.title() if name.lower() in ("host", "cookie") else name


def _check_host(host: Any) -> None:
    if not isinstance(host, str) or not _HOST.fullmatch(host):
        raise AcplabError(
            _("host must be a name, not {host!r}.").format(host=host),
            _('Write the name alone: host="{name}". A path has its own option: path="/cart".').format(
                name=_name_in(host)
            ),
        )


def _name_in(host: Any) -> str:
    """The name that was probably meant: "shop.example.com" in "http://shop.example.com/cart"."""
    text = str(host).strip()
    name = urlsplit(text if "//" in text else f"//{text}").netloc if text.isprintable() else ""
    return name if _HOST.fullmatch(name) else "www.example.com"


def _check_line(name: str, value: str) -> None:
    if not name or not (name + value).isprintable():
        raise AcplabError(
            _("The header {name!r} with value {value!r} is not one line of text.").format(name=name, value=value),
            _("Leave out line breaks and control characters."),
        )
