"""Address ranges: read from text by the standard ipaddress, then compared and placed as whole numbers."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from acplab.base.errors import AcplabError
from acplab.base.i18n import _

BITS = {4: 32, 6: 128}
# ipaddress also takes netmasks, scopes and a missing prefix; none of them is a range on ACK's pages.
SHAPE = re.compile(r"[0-9a-fA-F.:]{2,45}/[0-9]{1,4}")


class Range(str):
    """A CIDR block: its text, and its addresses as whole numbers, so that it is read once and then only compared.

    version: 4 or 6. first, last: its addresses. prefix: its length in bits. The empty text is no range: it has no
    addresses, overlaps nothing and lies in nothing.
    """

    __slots__ = ("first", "last", "prefix", "version")
    version: int
    first: int
    last: int
    prefix: int

    def __new__(cls, text: str = "") -> Range:
        """ValueError unless the text is empty or a CIDR block without bits beyond its prefix."""
        if not text:
            return _range("", 0, 0, -1, 0)
        found = ipaddress.ip_network(text)
        return _range(str(found), found.version, int(found[0]), int(found[-1]), found.prefixlen)

    @property
    def size(self) -> int:
        """How many addresses it has."""
        return self.last - self.first + 1

    def overlap(self, other: Range) -> Range:
        """The part that both have; empty if there is none. Two blocks are nested or apart, never crossed."""
        if self.version != other.version or self.first > other.last or other.first > self.last:
            return NONE
        return self if self.prefix >= other.prefix else other

    def within(self, other: Range) -> bool:
        """Whether all of it lies in the other."""
        return self.version == other.version and other.first <= self.first and self.last <= other.last


def _range(text: str, version: int, first: int, last: int, prefix: int) -> Range:
    made = str.__new__(Range, text)
    made.version, made.first, made.last, made.prefix = version, first, last, prefix
    return made


NONE = Range()


def block(version: int, first: int, prefix: int) -> Range:
    """The range of this prefix that begins at the address `first`."""
    address = ipaddress.IPv4Address(first) if version == 4 else ipaddress.IPv6Address(first)
    return _range(f"{address}/{prefix}", version, first, first + (1 << (BITS[version] - prefix)) - 1, prefix)


def prefix_for(addresses: int, version: int = 4) -> int:
    """The prefix of the smallest range that has this many addresses."""
    return BITS[version] - max(0, addresses - 1).bit_length()


def free(prefix: int, inside: Range, taken: Iterable[Range]) -> Range | None:
    """The first block of this prefix inside a range that meets nothing taken; None if there is none."""
    if prefix < inside.prefix or prefix > BITS[inside.version]:
        return None
    size = 1 << (BITS[inside.version] - prefix)
    at = inside.first
    for other in sorted((one for one in taken if one.overlap(inside)), key=lambda one: one.first):
        if at + size - 1 < other.first:
            break
        at = max(at, -(-(other.last + 1) // size) * size)
    return block(inside.version, at, prefix) if at + size - 1 <= inside.last else None


def cover_all(some: Iterable[Range]) -> bool:
    """Whether these ranges together are all addresses of an IP version."""
    ends = {4: 0, 6: 0}
    for one in sorted(some, key=lambda one: one.first):
        if one.first <= ends[one.version]:
            ends[one.version] = max(ends[one.version], one.last + 1)
    return any(ends[version] == 1 << bits for version, bits in BITS.items())


# What a person typed


def require(field: str, text: object, version: int = 0) -> Range:
    """The range that was typed for a field; AcplabError with a value that would do. version: 0 takes both."""
    if isinstance(text, Range) and text and version in (0, text.version):
        return text
    example = "2001:db8::/56" if version == 6 else "192.168.0.0/16"
    instead = _("Give {field} a range such as {example}.").format(field=field, example=example)
    if not isinstance(text, str) or not SHAPE.fullmatch(text):
        raise AcplabError(_("{field}: {text!r} is not a range.").format(field=field, text=text), instead)
    try:
        found = Range(text)
    except ValueError:
        raise _unreadable(field, text, instead) from None
    if version not in (0, found.version):
        raise AcplabError(
            _("{field}: {text} is IPv{is_}, but this field takes IPv{wants}.").format(
                field=field, text=text, is_=found.version, wants=version
            ),
            instead,
        )
    return found


def _unreadable(field: str, text: str, instead: str) -> AcplabError:
    address, prefix = text.split("/")
    try:
        bits = ipaddress.ip_address(address).max_prefixlen
    except ValueError:
        return AcplabError(
            _("{field}: {text} has no address that can be read.").format(field=field, text=text), instead
        )
    fits = int(prefix) <= bits
    meant = ipaddress.ip_network(f"{address}/{prefix if fits else bits - 8}", strict=False)
    sentence = (
        _("{field}: {text} has bits set beyond its prefix.")
        if fits
        else _("{field}: {text} has a prefix that is out of range; {bits} is the longest.")
    )
    return AcplabError(
        sentence.format(field=field, text=text, bits=bits), _("Did you mean {meant}?").format(meant=meant)
    )
