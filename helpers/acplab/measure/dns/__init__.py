"""Names asked from inside a Pod that runs, and what the DNS servers say that they were asked.

    ask("client", "shop", "ch11")                      one question by dig: answers, rcode, ms
    look_up("client", "shop", "ch11")                  as a program asks: glibc, resolv.conf, all its search domains
    with watch("client", "ch11") as seen: ...          every query that CoreDNS has really got from this Pod
    load("client", names, "ch11", rate=200)            open loop, by dnsperf: latency, loss

    questions  dig and getent          loads     dnsperf
    query_log  CoreDNS's log, parsed   watching  its difference
    metrics    CoreDNS's counters      server_pods   who answers, and where

The Pod must have the tools: manifests/11-service-discovery/client.yaml makes one (image acplab/dns-tools).
"""

from acplab.measure.dns.loads import Loading, Lookups, load, loading
from acplab.measure.dns.metrics import Counters, counters
from acplab.measure.dns.query_log import Query
from acplab.measure.dns.questions import Answer, Record, ask, ask_all, look_up, resolver_file
from acplab.measure.dns.server_pods import Server, servers
from acplab.measure.dns.watching import Watched, watch

__all__ = [
    "Answer", "Counters", "Loading", "Lookups", "Query", "Record", "Server", "Watched", "ask", "ask_all", "counters",
    "load", "loading", "look_up", "resolver_file", "servers", "watch",
]  # fmt: skip
