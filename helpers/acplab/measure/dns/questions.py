"""Single questions: dig asks one server exactly what it is told, getent asks as any program of the Pod does."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from acplab import kube
from acplab.base.arguments import within
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.kube import kubectl, showing

TIMEOUT = "timeout"  # in the place of an rcode
PROTOCOLS = ("udp", "tcp")
TYPES = ("A", "AAAA", "SRV", "PTR", "CNAME", "TXT", "NS", "SOA")
MOST_SECONDS = 10
MOST_NAMES = 100
NO_SERVER, NOT_FOUND = 9, 2  # exit codes: of dig without any answer, of getent without such a name
HEADER = re.compile(r"^;; ->>HEADER<<- .*status: (\w+)", re.M)
FLAGS = re.compile(r"^;; flags: ([a-z ]*);", re.M)
MICROSECONDS = re.compile(r"^;; Query time: (\d+) usec", re.M)
SERVER = re.compile(r"^;; SERVER: ([^#\s]+)#\d+\([^)]*\)(?: \((\w+)\))?", re.M)
RECORD = re.compile(r"^(?!;)(\S+)\s+(\d+)\s+IN\s+([A-Z]+)\s+(.+)$", re.M)


@dataclass(frozen=True)
class Record:
    """A line of an answer. ttl: seconds for which it may be kept."""

    name: str
    ttl: int
    type: str
    value: str


@dataclass(frozen=True)
class Answer:
    """rcode: "NOERROR", "NXDOMAIN", ..., or "timeout"; ms: from question to answer; authoritative: the flag aa."""

    name: str
    rcode: str
    records: tuple[Record, ...] = ()
    ms: float = 0.0
    server: str = ""
    protocol: str = ""
    authoritative: bool = False

    @property
    def addresses(self) -> list[str]:
        """The addresses in the answer, sorted."""
        return sorted(one.value for one in self.records if one.type in ("A", "AAAA"))

    def __repr__(self) -> str:
        found = ", ".join(f"{one.type} {one.value} (TTL {one.ttl})" for one in self.records)
        if self.rcode == TIMEOUT:
            return _("{name}: no answer").format(name=self.name)
        return _("{name}: {rcode}, {found}; {ms:.1f} ms from {server} by {protocol}").format(
            name=self.name,
            rcode=self.rcode,
            found=found or _("no records"),
            ms=self.ms,
            server=self.server,
            protocol=self.protocol,
        )


def ask(
    pod: str,
    name: str,
    namespace: str,
    *,
    server: str | None = None,
    type: str = "A",
    protocol: str = "udp",
    timeout: float = 2,
) -> Answer:
    """Ask a server one question about exactly this name: no search domain is added.

    server: an address; the first nameserver of the Pod if it is not given. timeout: seconds, one try.
    AcplabError if the Pod is not there or has no dig. A name that does not exist is an answer.
    """
    command = _dig([name], server, type, protocol, timeout)
    showing.show_line(lambda: kubectl.exec(pod, command, namespace))
    return _asked(pod, [name], namespace, command)[0]


def ask_all(
    pod: str,
    names: Sequence[str],
    namespace: str,
    *,
    server: str | None = None,
    type: str = "A",
    protocol: str = "udp",
    timeout: float = 2,
) -> list[Answer]:
    """The same for several names, one after the other, in one call."""
    command = _dig(names, server, type, protocol, timeout)
    showing.show_line(lambda: kubectl.exec(pod, command, namespace))
    return _asked(pod, list(names), namespace, command)


def look_up(pod: str, name: str, namespace: str) -> list[str]:
    """The addresses that a program in the Pod gets for a name, sorted; [] if there is no such name.

    It is asked by glibc, which reads /etc/resolv.conf and tries the search domains.
    """
    command = ["getent", "ahosts", checked_name(name)]
    showing.show_line(lambda: kubectl.exec(pod, command, namespace))
    try:
        said = kube.exec(pod, command, namespace)
    except AcplabError as error:
        if not _ended_with(error, NOT_FOUND):
            raise
        return []
    return sorted({line.split()[0] for line in said.splitlines() if line.strip()})


def resolver_file(pod: str, namespace: str) -> str:
    """The Pod's /etc/resolv.conf. AcplabError if its image has no cat."""
    return kube.exec(pod, ["cat", "/etc/resolv.conf"], namespace)


def checked_name(name: str) -> str:
    """The name; AcplabError if it cannot be one. It goes into a command line, so an option is none either."""
    if not isinstance(name, str) or not re.fullmatch(r"(?!-)[A-Za-z0-9_*.-]{1,254}", name):
        raise AcplabError(
            _("{name!r} is not a name that DNS knows.").format(name=name),
            _("Use letters, digits, hyphens and dots, as in shop.default.svc.cluster.local."),
        )
    return name


def chosen(what: str, value: str, known: Sequence[str]) -> str:
    """The value; AcplabError if it is none of the known ones. what: the parameter's name."""
    if value not in known:
        raise AcplabError(
            _("{what} cannot be {value!r}.").format(what=what, value=value),
            _("Use one of: {known}.").format(known=", ".join(known)),
        )
    return value


def _dig(names: Sequence[str], server: str | None, type_: str, protocol: str, timeout: float) -> list[str]:
    seconds = within("timeout", timeout, MOST_SECONDS, "s")
    options = ["-u", "+tries=1", f"+time={max(1, round(seconds))}", "+noall", "+comments", "+answer", "+stats"]
    options += ["+nosearch", *(["+tcp"] if chosen("protocol", protocol, PROTOCOLS) == "tcp" else [])]
    if not 1 <= len(names) <= MOST_NAMES:
        raise AcplabError(
            _("{n} names cannot be asked at once.").format(n=len(names)),
            _("Give from 1 to {most} names; for more there is load().").format(most=MOST_NAMES),
        )
    whom = [f"@{checked_name(server)}"] if server else []
    return ["dig", *options, *whom, *(word for name in names for word in (checked_name(name), _type(type_)))]


def _type(type_: str) -> str:
    return chosen("type", type_, TYPES)


def _asked(pod: str, names: list[str], namespace: str, command: list[str]) -> list[Answer]:
    try:
        return parse(kube.exec(pod, command, namespace), names)
    except AcplabError as error:
        if not _ended_with(error, NO_SERVER):
            raise
    if len(names) == 1:
        return [Answer(names[0], TIMEOUT)]
    # dig's output is lost with its exit code, so each name is asked alone.
    start = len(command) - 2 * len(names)
    return [
        answer
        for index, name in enumerate(names)
        for answer in _asked(pod, [name], namespace, command[:start] + command[start + 2 * index : start + 2 * index + 2])
    ]  # fmt: skip


def _ended_with(error: AcplabError, code: int) -> bool:
    """Whether a command in a Pod has ended with this code."""
    return f" {code}:" in error.sentence and "ended with code" in error.sentence


def parse(said: str, names: Sequence[str]) -> list[Answer]:
    """dig's answers to these names, in their order. Servers that did not answer before another one did are passed over."""
    found = [_answer(name, part) for name, part in zip(names, said.split(";; Got answer:")[1:], strict=False)]
    return found + [Answer(name, TIMEOUT) for name in names[len(found) :]]


def _answer(name: str, part: str) -> Answer:
    header = HEADER.search(part)
    if header is None:
        return Answer(name, TIMEOUT)
    flags, micro, server = FLAGS.search(part), MICROSECONDS.search(part), SERVER.search(part)
    records = tuple(Record(who, int(ttl), kind, value) for who, ttl, kind, value in RECORD.findall(part))
    return Answer(
        name,
        header[1],
        records,
        int(micro[1]) / 1000 if micro else 0.0,
        server[1] if server else "",
        (server[2] or "udp").lower() if server else "",
        bool(flags and "aa" in flags[1].split()),
    )
