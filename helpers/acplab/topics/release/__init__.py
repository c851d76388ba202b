"""Releases behind the ingress: what checks expect of them, and hints about them.

from acplab.topics import release

yield release.only_version(seen, "v2", text="only-v2")
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
from acplab.topics.release.expect import every_request, look, no_canary_ingress, only_version

__all__ = [
    "canary", "every_request", "http_route", "ingress_rule", "left_over", "look", "misrouted", "no_canary_ingress",
    "only_version", "share_at",
    "still_referenced", "who_answers",
]  # fmt: skip
