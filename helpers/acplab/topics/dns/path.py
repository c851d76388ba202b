"""The path of a query: through which servers, by which protocol, and why. Pure.

ACK's page on NodeLocal DNSCache numbers five paths; the slide of Jushita differs for outside names, and has a sidecar.
"""

from __future__ import annotations

from dataclasses import dataclass

from acplab.base.errors import AcplabError
from acplab.base.i18n import _

CLIENT, CACHE, COREDNS, VPC_DNS, SIDECAR = "Pod", "node cache", "CoreDNS", "VPC DNS", "sidecar"
SCHEMES = ("ack", "jushita", "sidecar", "plain")


@dataclass(frozen=True)
class Hop:
    """One query on its way. number: of ACK's page, 0 if it has none; failed: it gets no answer, and the next hop is tried."""

    source: str
    target: str
    protocol: str
    why: str
    number: int = 0
    failed: bool = False

    def __repr__(self) -> str:
        number = f"({self.number}) " if self.number else ""
        end = _(" no answer") if self.failed else ""
        return f"{number}{self.source} → {self.target} ({self.protocol}): {self.why}{end}"


@dataclass(frozen=True)
class Situation:
    """scheme: "ack", "jushita", "sidecar", or "plain" without any cache. injected: the Pod was made with the cache in it.

    cached: the cache knows the answer; cache_up: it runs; outside: the name is none of the cluster's.
    """

    scheme: str = "ack"
    injected: bool = True
    cached: bool = False
    cache_up: bool = True
    outside: bool = False


def hops(one: Situation) -> list[Hop]:
    """The queries in order. AcplabError for another scheme."""
    if one.scheme not in SCHEMES:
        raise AcplabError(
            _("There is no scheme {name!r}.").format(name=one.scheme),
            _("Use one of: {known}.").format(known=", ".join(SCHEMES)),
        )
    if one.scheme == "plain" or not one.injected:
        number = 5 if one.scheme != "plain" else 0
        return [
            _to_coredns(_("the Pod was not injected") if number else _("nameserver in resolv.conf"), number),
            *_onward(one),
        ]
    cache = SIDECAR if one.scheme == "sidecar" else CACHE
    first = Hop(CLIENT, cache, "UDP", _("the first nameserver"), 1 if cache == CACHE else 0, failed=not one.cache_up)
    if not one.cache_up:
        return [first, _to_coredns(_("the second nameserver, as a backup"), 4), *_onward(one)]
    return [first] if one.cached else [first, *_missed(one, cache)]


def _missed(one: Situation, cache: str) -> list[Hop]:
    """What a cache asks that does not know the answer."""
    if one.scheme == "jushita" and one.outside:
        return [Hop(cache, VPC_DNS, "UDP", _("outside names go there directly"))]
    protocol = "TCP" if cache == CACHE else "UDP"
    return [
        Hop(cache, COREDNS, protocol, _("the cache does not know the answer"), 2 if cache == CACHE else 0),
        *_onward(one),
    ]


def _to_coredns(why: str, number: int) -> Hop:
    return Hop(CLIENT, COREDNS, "UDP", why, number)


def _onward(one: Situation) -> list[Hop]:
    """CoreDNS knows the names of the cluster itself."""
    if not one.outside:
        return []
    return [Hop(COREDNS, VPC_DNS, "UDP", _("the name is not of the cluster"), 3 if one.scheme == "ack" else 0)]
