"""Releases behind the ingress: what notebooks show of them, what checks expect of them, and hints about them.

seen = release.watch_errors(load, new="v3", old="v2")       # a canary under watch
judged = release.decide(load, release.Judge(), "v3", "v2")    # a judge that promotes or rolls back
release.differences()                                       # where our ingress controller differs from ingress-nginx

yield release.only_version(seen, "v2", text="only-v2")      # in a lab's checks.py
hint("second-way-in", release.http_route(HOST), release.share_at(HOST, "v2"))
"""

from acplab.topics.release.access import entries, red, requests_of
from acplab.topics.release.batches import abort, is_healthy, is_paused, promote, wait_healthy, wait_paused
from acplab.topics.release.controller import crash
from acplab.topics.release.copies import (
    asked_elsewhere,
    copies_arrive,
    node_port,
    node_ports_elsewhere,
    only_original,
    pods_elsewhere,
    send,
)
from acplab.topics.release.deciding import Judgement, alarm, counted, decide
from acplab.topics.release.diagnose import (
    canary,
    claimed_twice,
    http_route,
    ingress_rule,
    left_over,
    misrouted,
    share_at,
    still_referenced,
    who_answers,
)
from acplab.topics.release.expect import every_request, leads_to_pods, look, no_canary_ingress, only_version
from acplab.topics.release.handshakes import (
    answers_over_tls,
    certificate_at,
    look_either_way,
    redirects,
    renewed_under,
    taken,
)
from acplab.topics.release.judge import Counts, Judge, Verdict
from acplab.topics.release.legacy import service_weight
from acplab.topics.release.picture import costs_picture, error_shares
from acplab.topics.release.reference import controllers, differences, mapping
from acplab.topics.release.simulation import Outcomes, Truth, chances, simulate
from acplab.topics.release.strategies import Cost, cost, costs
from acplab.topics.release.watch import fails_more, lost_meanwhile, noticed, seconds_until_gone, watch_errors

__all__ = [
    "Cost", "Counts", "Judge", "Judgement", "Outcomes", "Truth", "Verdict", "abort", "alarm",
    "answers_over_tls", "asked_elsewhere", "canary", "certificate_at", "chances", "claimed_twice",
    "controllers", "copies_arrive", "cost", "costs", "costs_picture", "counted", "crash", "decide", "differences",
    "entries", "error_shares", "every_request", "fails_more", "http_route", "ingress_rule", "is_healthy",
    "is_paused", "leads_to_pods", "left_over", "look", "look_either_way", "lost_meanwhile", "mapping", "misrouted",
    "no_canary_ingress", "node_port", "node_ports_elsewhere", "noticed", "only_original", "only_version", "pods_elsewhere",
    "promote", "red", "redirects", "renewed_under", "requests_of", "seconds_until_gone", "send",
    "service_weight", "share_at", "simulate", "still_referenced", "taken", "wait_healthy", "wait_paused",
    "watch_errors", "who_answers",
]  # fmt: skip
