"""ECI: what an instance is, what it costs, and when it is cheaper than a node.

eci.size(cpu=2, memory=3)             the spec that Alibaba Cloud would bill: 2 vCPU, 4 GiB
eci.price(eci.Size(2, 4), seconds=90) yuan, at list prices
eci.bill(records)                     the ledger of a namespace as rows with their price, and the sum
eci.compare(load, base=2, ...)        a day's load on nodes alone, on ECI alone, and on both
eci.live_day(url, namespace, ...)     the same with real requests, in half a minute

sizes       from what containers ask for to a spec, in 2021 and now
billing     seconds times list prices
spot        when a spot instance is created, kept and taken back
comparison  peaks and valleys on ECS and on ECI
live        the virtual node of the cluster in use: its ledger, where Pods are
outside     what ECI has in stock, for chapter 08
day         a day in half a minute, on that cluster
picture     its cost and its losses
judging     words for checks of labs

Up to comparison all is arithmetic: no cluster is asked.
"""

from acplab.topics.eci.billing import LIST_PRICE, Bill, Line, Prices, bill, price
from acplab.topics.eci.comparison import Costs, Day, best_base, break_even_hours, compare, peak_and_valley
from acplab.topics.eci.day import Evening, LiveDay, live_day
from acplab.topics.eci.judging import (
    answered_from_eci,
    billed_as,
    counted,
    log_of,
    on_eci,
    on_nodes,
    per_hour,
    record_of,
    records,
    side_by_side,
    size_in,
)
from acplab.topics.eci.live import NODE, ledger, places, pulled, seconds_to_ready, where
from acplab.topics.eci.outside import put as sold_out
from acplab.topics.eci.sizes import DEFAULT, NOW, SPECS_2021, Size, parse, size, size_of
from acplab.topics.eci.spot import Market, Outlook, outlook

__all__ = [
    "DEFAULT", "LIST_PRICE", "NODE", "NOW", "SPECS_2021", "Bill", "Costs", "Day", "Evening", "Line", "LiveDay",
    "Market", "Outlook", "Prices", "Size", "answered_from_eci", "best_base", "bill", "billed_as",
    "break_even_hours", "compare", "counted", "ledger", "live_day", "log_of", "on_eci", "on_nodes", "outlook",
    "parse", "peak_and_valley", "per_hour", "places", "price", "pulled", "record_of", "records", "seconds_to_ready",
    "side_by_side", "size", "size_in", "size_of", "sold_out", "where",
]  # fmt: skip
