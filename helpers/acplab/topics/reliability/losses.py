"""What each case of a drill has cost: the same load, and the requests that were lost."""

from __future__ import annotations

import math
from collections.abc import Mapping

from acplab.base.i18n import _
from acplab.measure import Load, Traffic, as_traffic, text
from acplab.show import Table


def lost(cases: Mapping[str, Traffic | Load]) -> Table:
    """A table of (case, requests, lost, seconds from the first lost request to the last).

    lost({"one replica": alone.result, "two replicas": pair.result})
    """
    head = (_("case"), _("requests"), _("lost"), _("seconds until all were answered again"))
    return Table(_("What was lost"), head, [_row(case, as_traffic(load)) for case, load in cases.items()])


def _row(case: str, seen: Traffic) -> tuple[str, str, str, str]:
    failed = f"{seen.failed} ({text.kinds(seen.errors)})" if seen.failed else "0"
    return case, str(seen.total), failed, _recovery(seen.seconds_to_recover)


def _recovery(seconds: float) -> str:
    return _("not in this time") if math.isinf(seconds) else f"{seconds:.1f}"
