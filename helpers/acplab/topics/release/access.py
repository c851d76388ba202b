"""Watching an ingress controller: its access log as requests, errors and duration, by host and version; and who was asked.

Pure but for requests_of(), which asks Pods.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from acplab import kube
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.kube.bound import Kube
from acplab.measure import quantile
from acplab.show import Table

SERIES = re.compile(r'storefront_requests_total\{code="(\d+)",version="([^"]+)"\} (\d+)')
MOST_READINGS = 5


@dataclass(frozen=True)
class Entry:
    """A line of Traefik's access log (JSON). service: that was chosen, without its provider; ms: until the answer ended."""

    host: str
    service: str
    status: int
    ms: float


def entries(log: str) -> list[Entry]:
    """The requests in a log; other lines are left out, among them those of a client that has gone."""
    return [found for line in log.splitlines() if (found := _entry(line))]


def _entry(line: str) -> Entry | None:
    try:
        said = json.loads(line)
        service = str(said.get("ServiceName", "-")).partition("@")[0]
        return Entry(said["RequestHost"], service, int(said["DownstreamStatus"]), said["Duration"] / 1e6)
    except (ValueError, KeyError, TypeError):
        return None


def red(found: Iterable[Entry]) -> Table:
    """Requests, errors, duration (RED) by host and service, and of each host in all."""
    groups: dict[tuple[str, str], list[Entry]] = {}
    for one in found:
        groups.setdefault((one.host, one.service), []).append(one)
        groups.setdefault((one.host, _("all")), []).append(one)
    head = (_("host"), _("version"), _("requests"), _("errors"), _("half within"), _("95 % within"))
    return Table(_("What the access log says"), head, [_row(*key, rows) for key, rows in sorted(groups.items())])


def _row(host: str, service: str, rows: list[Entry]) -> tuple[str, ...]:
    errors = sum(one.status >= 400 for one in rows)
    half, most = (quantile([one.ms for one in rows], q) for q in (0.5, 0.95))
    return host, service, str(len(rows)), f"{errors} ({errors / len(rows):.1%})", f"{half:.1f} ms", f"{most:.1f} ms"


def answered(metrics: str) -> int:
    """How many customers' requests a storefront has answered, by its own metrics."""
    return sum(int(n) for _code, _version, n in SERIES.findall(metrics))


def requests_of(namespace: str, selector: str, cluster_kube: Kube | Any = kube) -> int:
    """How many customers' requests the ready storefronts with these labels have answered since they began.

    Copies are sent when the customer has the answer, so it asks until the number stays. cluster_kube: of another
    cluster, cluster.find("pair").kube. AcplabError if there is no such Pod.
    """
    pods = [one["metadata"]["name"] for one in cluster_kube.list("pod", namespace, selector)]
    if not pods:
        raise AcplabError(
            _("No Pod with {selector} in {namespace}.").format(selector=selector, namespace=namespace),
            _("Is its file applied there? A mirror without a target copies into the void."),
        )
    asked = ["storefront", "get", "http://127.0.0.1:8080/metrics"]
    return _settled(lambda: sum(answered(cluster_kube.exec(pod, asked, namespace)) for pod in pods))


def _settled(read: Callable[[], int]) -> int:
    """What is read twice in a row; under a load the last of a few readings."""
    last = read()
    for _reading in range(MOST_READINGS):
        before, last = last, read()
        if before == last:
            break
    return last
