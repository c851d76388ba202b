"""resolv.conf, and the list of questions that a name makes of it. Pure.

A resolver takes the nameservers in order, and goes on with the next one only if one does not answer in time. It puts
the search domains behind the name; `ndots` decides whether the name as it is comes first or last. Each name is asked
for twice, A and AAAA.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from acplab.base.errors import AcplabError
from acplab.base.i18n import _

Resolver = Literal["glibc", "go", "musl"]
RESOLVERS = ("glibc", "go", "musl")
DEFAULT_NDOTS, DEFAULT_TIMEOUT, DEFAULT_ATTEMPTS = 1, 5, 2  # of glibc, when resolv.conf does not say
MOST_NDOTS = 15
LONGEST = 253  # letters of a name
TYPES = ("A", "AAAA")


@dataclass(frozen=True)
class ResolvConf:
    """A resolv.conf. search: domains without a last dot, "." for the root; options: as they are written, "ndots:5"."""

    nameservers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> ResolvConf:
        """Of a file's content. The last line with `search` (or `domain`) counts; nameservers and options add up."""
        found = cls()
        for line in text.splitlines():
            word, *values = line.split("#")[0].split(";")[0].split() or [""]
            if word == "nameserver" and values:
                found = replace(found, nameservers=(*found.nameservers, values[0]))
            elif word in ("search", "domain"):
                found = replace(found, search=tuple(one.rstrip(".") or "." for one in values))
            elif word == "options":
                found = replace(found, options=(*found.options, *values))
        return found

    @property
    def ndots(self) -> int:
        """From how many dots on a name is asked as it is first."""
        return min(MOST_NDOTS, self._number("ndots", DEFAULT_NDOTS))

    @property
    def timeout(self) -> int:
        """Seconds until the next server is asked."""
        return self._number("timeout", DEFAULT_TIMEOUT)

    @property
    def attempts(self) -> int:
        """Rounds through all servers."""
        return self._number("attempts", DEFAULT_ATTEMPTS)

    def _number(self, option: str, default: int) -> int:
        """The last value counts."""
        for one in reversed(self.options):
            name, _colon, value = one.partition(":")
            if name == option and value.isdigit():
                return int(value)
        return default

    @property
    def text(self) -> str:
        """The file."""
        lines = [f"nameserver {one}" for one in self.nameservers]
        lines += [f"search {' '.join(self.search)}"] if self.search else []
        lines += [f"options {' '.join(self.options)}"] if self.options else []
        return "\n".join(lines)

    def __repr__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Question:
    """A query: the whole name, without the last dot, and its type."""

    name: str
    type: str

    def __repr__(self) -> str:
        return f"{self.type} {self.name}."


def names(conf: ResolvConf, name: str, resolver: Resolver = "glibc") -> list[str]:
    """The names that a resolver tries, in order, until one exists. AcplabError for an empty name or another resolver.

    resolver: "glibc" (Debian, Alibaba Cloud Linux), "go" (Go programs: a search domain "." is passed over), or "musl"
    (Alpine: a name with at least ndots dots gets no search domain at all).
    """
    if resolver not in RESOLVERS:
        raise AcplabError(
            _("There is no resolver {name!r} here.").format(name=resolver),
            _("Use one of: {known}.").format(known=", ".join(RESOLVERS)),
        )
    if not name.strip("."):
        raise AcplabError(_("{name!r} is no name.").format(name=name), _("Give a name such as www.example.com."))
    if name.endswith("."):
        return [name.rstrip(".")]
    return [one for one in _candidates(conf, name, resolver) if len(one) <= LONGEST]


def _candidates(conf: ResolvConf, name: str, resolver: Resolver) -> list[str]:
    enough = name.count(".") >= conf.ndots
    domains = [one for one in conf.search if resolver == "glibc" or one != "."]
    if enough and resolver == "musl":
        return [name]
    searched = [name if one == "." else f"{name}.{one}" for one in domains]
    as_is_last = not enough and "." not in domains
    return [*([name] if enough else []), *searched, *([name] if as_is_last else [])]


def questions(
    conf: ResolvConf, name: str, existing: Collection[str] = (), resolver: Resolver = "glibc"
) -> list[Question]:
    """All queries in order: A and AAAA of each name, up to the first name that exists. existing: whole names."""
    return [Question(one, type_) for one in tried(conf, name, existing, resolver) for type_ in TYPES]


def tried(conf: ResolvConf, name: str, existing: Collection[str] = (), resolver: Resolver = "glibc") -> list[str]:
    """The names that are asked for, up to the first that exists; all of them if none does."""
    known = {one.rstrip(".").lower() for one in existing}
    return list(_until(names(conf, name, resolver), known))


def _until(candidates: Sequence[str], known: Collection[str]) -> Iterator[str]:
    for one in candidates:
        yield one
        if one.lower() in known:
            return


def seconds_per_name(conf: ResolvConf) -> int:
    """Seconds after which glibc gives one name up when no server answers: all servers, in each round.

    It waits `timeout` for the first server; for the others it doubles that each time and divides by their number.
    """
    count = len(conf.nameservers[:3])
    waits = [max(1, (conf.timeout << place) // (count if place else 1)) for place in range(count)]
    return conf.attempts * sum(waits)
