"""A Corefile, read: its server blocks and plugins, and mistakes that CoreDNS would not say, or only in its log. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from acplab.base import didyoumean
from acplab.base.i18n import _

# What CoreDNS itself knows; of these ours has not what belongs to other clouds (helpers/images/coredns/main.go).
PLUGINS = [
    "root",
    "metadata",
    "geoip",
    "cancel",
    "proxyproto",
    "quic",
    "grpc_server",
    "https",
    "https3",
    "timeouts",
    "multisocket",
    "reload",
    "nsid",
    "bufsize",
    "bind",
    "debug",
    "trace",
    "ready",
    "health",
    "pprof",
    "shed",
    "prometheus",
    "errors",
    "log",
    "dnstap",
    "local",
    "dns64",
    "any",
    "chaos",
    "loadbalance",
    "tsig",
    "rewrite",
    "autopath",
    "acl",
    "cache",
    "header",
    "dnssec",
    "tls",
    "minimal",
    "template",
    "transfer",
    "hosts",
    "route53",
    "azure",
    "clouddns",
    "k8s_external",
    "kubernetes",
    "file",
    "auto",
    "secondary",
    "etcd",
    "loop",
    "forward",
    "grpc",
    "erratic",
    "whoami",
    "on",
    "sign",
    "view",
    "nomad",
    "import",
]
ONCE_EACH = ("kubernetes", "cache", "hosts", "errors", "loop", "ready")
LAMEDUCK = 5  # seconds, of ACK's default; 15 where IPVS is used


@dataclass(frozen=True)
class Plugin:
    """A line of a server block with what is in its braces. line: its number, from 1."""

    name: str
    words: tuple[str, ...]
    line: int
    inner: tuple[tuple[str, ...], ...] = ()

    def option(self, name: str) -> tuple[str, ...] | None:
        """The words behind an option in the braces; None if it is not there."""
        return next((words[1:] for words in self.inner if words[0] == name), None)


@dataclass(frozen=True)
class Server:
    """A server block. zones: as they are written, with their port."""

    zones: tuple[str, ...]
    line: int
    plugins: tuple[Plugin, ...] = ()

    def plugin(self, name: str) -> Plugin | None:
        """The first plugin of this name."""
        return next((one for one in self.plugins if one.name == name), None)

    @property
    def is_root(self) -> bool:
        """Whether it answers for all names that no other block has."""
        return any(zone_of(one) == "." for one in self.zones)


@dataclass(frozen=True)
class Mistake:
    """line: where; fatal: CoreDNS refuses such a Corefile, and goes on with the one before if it can."""

    line: int
    fatal: bool
    sentence: str
    remedy: str

    def __repr__(self) -> str:
        return _("line {n}: {sentence} → {remedy}").format(n=self.line, sentence=self.sentence, remedy=self.remedy)


def zone_of(written: str) -> str:
    """ "cluster.local" of "dns://cluster.local.:53"; "." for the root."""
    name = written.rpartition("://")[2]
    name = name.rpartition(":")[0] if name.rpartition(":")[2].isdigit() else name
    return name.rstrip(".").lower() or "."


class _Unbalanced(Exception):
    """args: the number of the line."""


def read(text: str) -> list[Server]:
    """The server blocks of a Corefile. ValueError with the number of the line where braces do not match."""
    try:
        return list(_servers(_lines(text)))
    except _Unbalanced as error:
        raise ValueError(error.args[0]) from None


def _lines(text: str) -> list[tuple[int, list[str]]]:
    """The words of each line that has some, without comments."""
    found = [(number, _words(line)) for number, line in enumerate(text.splitlines(), 1)]
    return [(number, words) for number, words in found if words]


def _words(line: str) -> list[str]:
    """A word that begins with # begins a comment."""
    words: list[str] = []
    for word in line.split():
        if word.startswith("#"):
            break
        words.append(word)
    return words


def _servers(lines: list[tuple[int, list[str]]]) -> Iterator[Server]:
    rest = iter(lines)
    zones: list[str] = []
    for number, words in rest:
        opens = words[-1] == "{"
        zones += [one for word in (words[:-1] if opens else words) for one in word.split(",") if one]
        if "}" in words:
            raise _Unbalanced(number)
        if opens:
            yield Server(tuple(zones), number, tuple(_plugins(rest, number)))
            zones = []
    if zones:
        raise _Unbalanced(lines[-1][0])


def _plugins(rest: Iterator[tuple[int, list[str]]], start: int) -> Iterator[Plugin]:
    """The plugins up to the block's closing brace."""
    for number, words in rest:
        if words == ["}"]:
            return
        if words[-1] == "{":
            yield Plugin(words[0], tuple(words[1:-1]), number, tuple(_inner(rest, number)))
        else:
            yield Plugin(words[0], tuple(words[1:]), number)
    raise _Unbalanced(start)


def _inner(rest: Iterator[tuple[int, list[str]]], start: int) -> Iterator[tuple[str, ...]]:
    depth = 0
    for _number, words in rest:
        if words == ["}"]:
            if not depth:
                return
            depth -= 1
            continue
        depth += words[-1] == "{"
        yield tuple(words)
    raise _Unbalanced(start)


# --- mistakes ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Use:
    """How a Corefile is used. own: addresses at which this server itself is asked; behind_cache: of a node cache."""

    own: tuple[str, ...] = ()
    behind_cache: bool = False
    rolling: bool = field(default=True)  # its Pods are replaced while clients ask


def mistakes(text: str, use: Use | None = None) -> list[Mistake]:
    """What is wrong, line by line; what CoreDNS refuses first. Nothing found: []."""
    use = use or Use()
    try:
        found = read(text)
    except ValueError as error:
        return [
            Mistake(error.args[0], True, _("the braces do not match."), _("Close each { with a } of its own line."))
        ]
    seen = [*_twice(found), *(one for server in found for one in _of_server(server, use)), *_missing(found)]
    return sorted(seen, key=lambda one: (not one.fatal, one.line))


def _twice(found: list[Server]) -> Iterator[Mistake]:
    """The same zone in two blocks, which CoreDNS refuses."""
    seen: set[str] = set()
    for server in found:
        bound = server.plugin("bind")
        for zone in server.zones:
            key = f"{zone_of(zone)} {zone.rpartition(':')[2]} {bound.words if bound else ''}"
            if key in seen:
                yield Mistake(
                    server.line,
                    True,
                    _("there is a block for {zone} already.").format(zone=zone),
                    _("Put both into one block."),
                )
            seen.add(key)  # fmt: skip


def _of_server(server: Server, use: Use) -> Iterator[Mistake]:
    names = [one.name for one in server.plugins]
    for one in server.plugins:
        if one.name not in PLUGINS:
            yield Mistake(one.line, True, _("there is no plugin {name}.").format(name=one.name), _instead(one.name))
        if one.name in ONCE_EACH and names.count(one.name) > 1 and server.plugin(one.name) is not one:
            yield Mistake(one.line, True, _("the plugin {name} is there twice.").format(name=one.name), _("Keep one."))
        if one.name == "forward":
            yield from _forward(one, use)
    yield from _habits(server, use)


def _instead(name: str) -> str:
    near = didyoumean.nearest(name, PLUGINS)
    return _("Take it out.") if len(near) > 3 else _("Use one of: {names}.").format(names=", ".join(near))


def _forward(one: Plugin, use: Use) -> Iterator[Mistake]:
    if len(one.words) < 2:
        yield Mistake(
            one.line,
            True,
            _("forward needs a zone and where to send it."),
            _("For example: forward . /etc/resolv.conf"),
        )
    for target in one.words[1:]:
        if target.rpartition("://")[2].removesuffix(":53") in (*use.own, "127.0.0.1", "localhost"):
            yield Mistake(one.line, False, _("forward sends to {target}, which is this server itself: a loop.").format(target=target), _("Send to a server outside of the cluster."))  # fmt: skip
    if use.behind_cache and one.option("prefer_udp") is None:
        yield Mistake(one.line, False, _("the node cache asks by TCP, and CoreDNS keeps that upstream."), _("Add prefer_udp to forward."))  # fmt: skip


def _habits(server: Server, use: Use) -> Iterator[Mistake]:
    """What works, and costs later."""
    health, kubernetes = server.plugin("health"), server.plugin("kubernetes")
    if use.rolling and health and health.option("lameduck") is None:
        yield Mistake(health.line, False, _("without lameduck a Pod that ends stops at once, while clients still ask it."), _("Add lameduck {n}s to health.").format(n=LAMEDUCK))  # fmt: skip
    autopath = server.plugin("autopath")
    if autopath and kubernetes and kubernetes.option("pods") != ("verified",):
        yield Mistake(autopath.line, False, _("autopath needs to know the Pods by their address."), _("Add pods verified to kubernetes, or better: close autopath, and lower ndots at the clients."))  # fmt: skip
    if server.plugin("loop") and not server.plugin("forward"):
        yield Mistake(server.line, False, _("loop finds nothing without forward."), _("Take it out, or add forward."))


def _missing(found: list[Server]) -> Iterator[Mistake]:
    """What no block has."""
    if not found:
        yield Mistake(1, True, _("there is no server block."), _("Begin with: .:53 {"))
        return
    root = next((one for one in found if one.is_root), None)
    if root is None:
        yield Mistake(
            1, False, _("no block answers for names outside of the cluster."), _("Add a block .:53 with forward.")
        )
    elif not any(root.plugin(name) for name in ("forward", "file", "hosts", "template", "whoami", "erratic", "grpc")):
        yield Mistake(root.line, False, _("names outside of the cluster are refused: nothing forwards them."), _("Add forward . /etc/resolv.conf"))  # fmt: skip
    if not any(one.plugin("reload") for one in found):
        yield Mistake(found[0].line, False, _("without reload a change needs a restart."), _("Add reload."))
    if not any(one.plugin("cache") for one in found):
        yield Mistake(found[0].line, False, _("without cache each query goes all the way."), _("Add cache 30."))
