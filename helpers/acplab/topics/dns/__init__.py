"""Names in a cluster: what a Pod asks, whom, in which order, and what answers it.

    conf = dns.ResolvConf.parse(kube.exec("client", ["cat", "/etc/resolv.conf"], namespace))
    dns.questions(conf, "www.example.com")          the queries by the rules
    with dns.watch("client", namespace) as seen:    those that CoreDNS has really got
        dns.look_up("client", "www.example.com", namespace)

resolv      resolv.conf, ndots, search    policy     dnsPolicy and dnsConfig, as kubelet reads them
injection   who gets the node cache       path       which way a query goes
scaling     how many CoreDNS Pods         corefile   a Corefile, and its mistakes
trials      the same load again and again edits      a Corefile with one thing more
All of these are pure. What asks a cluster (acplab.measure.dns), draws or grades is loaded when first used.
"""

from __future__ import annotations

import importlib
from typing import Any

from acplab.topics.dns.corefile import Mistake, Use, mistakes
from acplab.topics.dns.injection import dns_config, is_injected, reasons_against
from acplab.topics.dns.path import Hop, Situation, hops
from acplab.topics.dns.policy import resolv_conf
from acplab.topics.dns.resolv import Question, ResolvConf, names, questions, seconds_per_name
from acplab.topics.dns.scaling import reason, replicas

MEASURED = ("ask", "ask_all", "counters", "load", "loading", "look_up", "servers", "watch")
EXPECTED = (
    "a_pod",
    "answers",
    "asks_cache",
    "conf_of",
    "corefile_is_sound",
    "every_server_answers",
    "few_questions",
    "published",
    "resolves",
)
DIAGNOSED = ("broken_corefile", "names_tried", "not_injected")
DRAWN = ("compared", "compared_picture", "name_picture", "path_picture")
CHANGED = (
    "changed_corefile", "clean", "install", "prepare", "read_corefile", "reload_corefile", "remove", "restore_corefile",
    "set_corefile",
)  # fmt: skip
TRIED = ("crash", "frozen", "hang", "limit_coredns", "lookup_seconds", "restore_coredns", "sidecar", "trial")
EDITED = ("with_host", "with_line", "with_log", "with_stub_zone")
ZONE = ("find_zone", "private_zone", "remove_private_zone", "set_balancer")
# What needs more than the model does, and the module that has it.
LATER = {
    **dict.fromkeys(MEASURED, "acplab.measure.dns"),
    **dict.fromkeys(EXPECTED, "acplab.topics.dns.expect"),
    **dict.fromkeys(DIAGNOSED, "acplab.topics.dns.diagnose"),
    **dict.fromkeys(DRAWN, "acplab.topics.dns.picture"),
    **dict.fromkeys(CHANGED, "acplab.topics.dns.changes"),
    **dict.fromkeys(TRIED, "acplab.topics.dns.trials"),
    **dict.fromkeys(EDITED, "acplab.topics.dns.edits"),
    **dict.fromkeys(ZONE, "acplab.topics.dns.zones"),
}
__all__ = [
    "Hop", "Mistake", "Question", "ResolvConf", "Situation", "Use", "dns_config", "hops", "is_injected", "mistakes",
    "names", "questions", "reason", "reasons_against", "replicas", "resolv_conf", "seconds_per_name", *LATER,
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in LATER:
        return getattr(importlib.import_module(LATER[name]), name)
    raise AttributeError(f"dns has no part named {name!r}")
