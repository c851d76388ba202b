"""Releases behind the ingress: what notebooks show of them, what checks expect of them, and hints about them.

seen = release.watch_errors(load, new="v3", old="v2")       # a canary under watch
release.differences()                                       # where our ingress controller differs from ingress-nginx

yield release.only_version(seen, "v2", text="only-v2")      # in a lab's checks.py
hint("second-way-in", release.http_route(HOST), release.share_at(HOST, "v2"))
"""

from acplab.topics.release.diagnose import (
    canary,
    http_route,
    ingress_rule,
    left_over,
    misrouted,
    share_at,
    still_referenced,
    who_answers,
)
from acplab.topics.release.expect import every_request, leads_to_pods, look, no_canary_ingress, only_version
from acplab.topics.release.legacy import service_weight
from acplab.topics.release.picture import error_shares
from acplab.topics.release.reference import controllers, differences, mapping
from acplab.topics.release.watch import fails_more, seconds_until_gone, watch_errors

__all__ = [
    "canary", "controllers", "differences", "error_shares", "every_request", "fails_more", "http_route", "ingress_rule",
    "leads_to_pods", "left_over", "look", "mapping", "misrouted", "no_canary_ingress", "only_version", "seconds_until_gone",
    "service_weight", "share_at", "still_referenced", "watch_errors", "who_answers",
]  # fmt: skip
