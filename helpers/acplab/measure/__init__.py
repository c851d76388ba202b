"""Measure, don't eyeball: how much traffic goes where, what was lost, how long it took.

    seen = traffic(entrance, n=400, host="www.example.com")     # send and wait
    with steady(entrance, host="www.example.com") as load:      # send while something else happens
        load.mark("switched to v2")

Importing this is quick; aiohttp is loaded when the first request is about to be sent.
"""

from acplab.measure.loads import Load, steady, traffic
from acplab.measure.samples import Mark, Outage, Sample, Traffic
from acplab.measure.stats import Share, quantile, sample_for_margin, sample_size, wilson

__all__ = [
    "Load",
    "Mark",
    "Outage",
    "Sample",
    "Share",
    "Traffic",
    "quantile",
    "sample_for_margin",
    "sample_size",
    "steady",
    "traffic",
    "wilson",
]
