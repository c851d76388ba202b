"""Spot instances: when one is created, and when it may be taken back.

Source: CSK:SL/ECI Pod/使用抢占式实例.md: created if the bid reaches the market price and there is stock; safe for an hour;
then compared every 5 minutes; 3 minutes' notice; state Expired, and no more billing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from acplab.topics.eci.billing import LIST_PRICE, price
from acplab.topics.eci.sizes import Size

PROTECTED, EVERY, NOTICE = 3600, 300, 180  # seconds


@dataclass(frozen=True)
class Market:
    """share: the market price as a share of ECI's list price; stock: whether there are any.

    A simplification: ECI bills by the market price of the ECS type that it has matched.
    """

    share: float
    stock: bool = True

    def gives(self, size: Size, limit: float | None = None) -> bool:
        """Whether it gives an instance. limit: yuan an hour (SpotWithPriceLimit); None: any price (SpotAsPriceGo)."""
        hour = price(size, 3600, LIST_PRICE, self.share)
        return self.stock and (limit is None or hour <= limit + 1e-12)


@dataclass(frozen=True)
class Outlook:
    """created: whether it was; notice, expired: seconds after creation, None if it was never taken back."""

    created: bool
    notice: int | None = None
    expired: int | None = None


def outlook(size: Size, market: Callable[[int], Market], limit: float | None = None, until: int = 24 * 3600) -> Outlook:
    """What becomes of a spot instance. market: by seconds after creation; until: how long it is wanted, in seconds."""
    if not market(0).gives(size, limit):
        return Outlook(created=False)
    for second in range(PROTECTED, until, EVERY):
        if not market(second).gives(size, limit):
            return Outlook(True, second, second + NOTICE)
    return Outlook(True)
