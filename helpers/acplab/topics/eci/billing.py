"""What instances cost: whole seconds, from the image pull to the end, times list prices.

Source: CSK:SL/ECI Pod/ECI实例概述.md, as of 2021-07-15. Seconds are those of the clock: from 10.1 to 11.9 is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from acplab.base.errors import AcplabError
from acplab.base.i18n import _, ngettext
from acplab.topics.eci.sizes import Size


@dataclass(frozen=True)
class Prices:
    """Yuan a second of one vCPU and of one GiB; source: where they are from, and when."""

    vcpu_second: float
    gib_second: float
    source: str


LIST_PRICE = Prices(0.000049, 0.00000613, "ECI实例概述, 2021-07-15")


def price(size: Size, seconds: float, prices: Prices = LIST_PRICE, share: float = 1.0) -> float:
    """Yuan for an instance of this size. share: of the list price, below 1 for a spot instance."""
    return (size.vcpu * prices.vcpu_second + size.gib * prices.gib_second) * seconds * share


@dataclass(frozen=True)
class Line:
    """One instance of a bill. seconds: so far, if it still runs; yuan: at list price."""

    pod: str
    size: Size
    seconds: int
    yuan: float
    running: bool
    spot: bool


@dataclass(frozen=True)
class Bill:
    """Lines, the dearest first."""

    lines: tuple[Line, ...]

    @property
    def yuan(self) -> float:
        """The sum."""
        return sum(one.yuan for one in self.lines)

    def part(self, prefix: str) -> Bill:
        """Only the instances of Pods whose name begins so; AcplabError if there is none."""
        if found := tuple(one for one in self.lines if one.pod.startswith(prefix)):
            return Bill(found)
        raise AcplabError(
            _("The ledger has no Pod whose name begins with {prefix}.").format(prefix=prefix),
            _("Look at: kubectl get ecirecords"),
        )

    @property
    def vcpu_seconds(self) -> float:
        """What was used, whatever its price."""
        return sum(one.size.vcpu * one.seconds for one in self.lines)

    def rows(self) -> list[dict[str, Any]]:
        """For a data frame: pandas.DataFrame(bill.rows())."""
        return [
            {"pod": one.pod, "vcpu": one.size.vcpu, "gib": one.size.gib, "seconds": one.seconds, "yuan": one.yuan,
             "running": one.running, "spot": one.spot}
            for one in self.lines
        ]  # fmt: skip

    def __str__(self) -> str:
        head = ngettext("{n} instance, {yuan:.6f} yuan", "{n} instances, {yuan:.6f} yuan", len(self.lines))
        lines = [head.format(n=len(self.lines), yuan=self.yuan)]
        for one in self.lines:
            rest = _("still running") if one.running else ""
            lines.append(f"  {one.pod:40} {one.size!s:>9} {one.seconds:>7} s {one.yuan:>12.6f}  {rest}".rstrip())
        return "\n".join(lines)


def bill(records: Iterable[Mapping[str, Any]], now: datetime, prices: Prices = LIST_PRICE) -> Bill:
    """The bill of ECIRecord objects. now: with a time zone; a record without an end is counted until then."""
    lines = [_line(one["spec"], now, prices) for one in records]
    return Bill(tuple(sorted(lines, key=lambda one: (-one.yuan, one.pod))))


def _line(spec: Mapping[str, Any], now: datetime, prices: Prices) -> Line:
    size = Size(float(spec["vcpu"]), float(spec["gib"]))
    end = _time(spec["to"]) if spec.get("to") else now
    # At least one, as in the ledger.
    seconds = max(int(end.timestamp()) - int(_time(spec["from"]).timestamp()), 1)
    share = float(spec.get("spotShare") or 1)
    yuan = price(size, seconds, prices, share)
    return Line(spec["pod"], size, seconds, yuan, not spec.get("to"), "spotShare" in spec)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
