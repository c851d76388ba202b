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
