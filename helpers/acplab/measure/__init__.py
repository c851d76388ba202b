"""Measure, don't eyeball: how much traffic goes where, what was lost, how long it took.

    seen = traffic(ingress_url, n=400, host="www.example.com")     # send and wait
    seen = until(ingress_url, "v2", host="www.example.com")        # until it is as wanted
    with steady(ingress_url, host="www.example.com") as load:      # send while something else happens
        load.mark("switched to v2")
        load.run_for(2)

    loads      traffic(), until(), steady() and Load: a load in a thread of its own
    request    what is sent: Request, checked        schedule   when: Schedule, checked against the limits
    http       the sender, the only module that uses aiohttp
    samples    what came back, in records            results    Traffic: the questions about them
    stats      shares with their interval            text       all of it in words
    handshakes served(): which certificate a server shows for a name
    inside     from_pod(): requests that a Pod sends inside of the cluster; settle(): until all Pods of a Service answer it
    states     what was read again and again
    drills     what something that breaks costs; a part of its own, `from acplab import drills`

Importing this is quick; aiohttp is loaded when the first request is about to be sent.
"""

from acplab.measure.handshakes import Shown, served
from acplab.measure.inside import from_pod, settle
from acplab.measure.loads import Load, as_traffic, steady, traffic, until
from acplab.measure.request import Request, RequestOptions
from acplab.measure.results import Traffic
from acplab.measure.samples import Mark, Outage, Sample
from acplab.measure.schedule import Schedule
from acplab.measure.stats import Share, difference, quantile, sample_for_margin, sample_size, wilson

__all__ = [
    "Load",
    "Mark",
    "Outage",
    "Request",
    "RequestOptions",
    "Sample",
    "Schedule",
    "Share",
    "Shown",
    "Traffic",
    "as_traffic",
    "difference",
    "from_pod",
    "quantile",
    "sample_for_margin",
    "sample_size",
    "served",
    "settle",
    "steady",
    "traffic",
    "until",
    "wilson",
]
