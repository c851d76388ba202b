"""A Corefile with one thing more. Pure; changes.py gives it to CoreDNS."""

from __future__ import annotations


def with_line(text: str, line: str) -> str:
    """The same Corefile with another line in its first block: "rewrite name old.example.com shop.default.svc.cluster.local"."""
    first, rest = text.split("\n", 1)
    return f"{first}\n    {line}\n{rest}"


def with_stub_zone(text: str, zone: str, server: str, seconds: int = 30) -> str:
    """The same Corefile with a block for a zone that another DNS server knows. seconds: for which answers are kept."""
    lines = [f"{zone}:53 {{", "    errors", "    log", f"    cache {seconds}", f"    forward . {server}", "}"]
    return "\n".join([text.rstrip("\n"), *lines]) + "\n"


def with_log(text: str) -> str:
    """The same Corefile, with the plugin log in each block that has none."""
    lines: list[str] = []
    for line in text.splitlines():
        lines.append(line)
        if line.rstrip().endswith("{") and not line.startswith((" ", "\t")):
            lines.append("    log")
    return "\n".join(lines) + "\n" if not _has_log(text) else text


def with_host(text: str, name: str, address: str) -> str:
    """The same Corefile, with an address of its own for a name, in the first block."""
    first, rest = text.split("\n", 1)
    lines = ["    hosts {", f"        {address} {name}", "        fallthrough", "    }"]
    return "\n".join([first, *lines, rest])


def _has_log(text: str) -> bool:
    return any(line.split()[:1] == ["log"] for line in text.splitlines())
