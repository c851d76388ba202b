"""Requests from inside of the cluster: a Pod with the storefront sends them, so that a ClusterIP can be asked too."""

from __future__ import annotations

import json
import time
from collections import Counter

from acplab.base.errors import AcplabError
from acplab.base.i18n import _

PAUSE_SECONDS = 0.5


def from_pod(pod: str, url: str, n: int, namespace: str) -> dict[str, int]:
    """Let a storefront Pod send n requests, each on a connection of its own: version -> how many it answered.

    What is no success counts as "http 503" (its status). AcplabError if the Pod cannot be asked.
    """
    return dict(sorted(Counter(map(_who, _answers(pod, url, n, namespace))).items()))


def _answers(pod: str, url: str, n: int, namespace: str) -> list[str]:
    """A line for each request: its status, the version that answered, and the body."""
    from acplab import kube  # only now: `import acplab.measure` stays light

    return kube.exec(pod, ["storefront", "get", "-n", str(n), url], namespace).splitlines()


def _who(line: str) -> str:
    status, version, *_body = [*line.split(maxsplit=2), "?", "?"]
    return version if status == "200" else f"http {status}"


def settle(pod: str, service: str, namespace: str, seconds: float = 30) -> None:
    """Wait until every ready Pod of a Service (its port 80) has answered this storefront Pod.

    A Pod that is Ready is not asked at once: the kube-proxy of the asking node changes its rules up to some seconds
    later, and until then the others get its share of the connections. AcplabError, with the Pods that have not
    answered, after so many seconds.
    """
    from acplab import kube  # only now: `import acplab.measure` stays light

    kube.get("pod", pod, namespace)  # a wrong name is told at once
    end, answered = time.monotonic() + seconds, set[str]()
    while not (ready := _ready(service, namespace)) or not ready <= answered:
        if time.monotonic() >= end:
            raise AcplabError(*_silent(service, ready - answered, seconds))
        answered |= _answering(pod, f"http://{service}/", 10 * len(ready), namespace) if ready else set()
        time.sleep(PAUSE_SECONDS)


def _ready(service: str, namespace: str) -> set[str]:
    """The Pods behind a Service that are Ready."""
    from acplab import kube

    slices = kube.list("endpointslice", namespace, f"kubernetes.io/service-name={service}")
    ends = [one for part in slices for one in part.get("endpoints") or []]
    return {one["targetRef"]["name"] for one in ends if one["conditions"].get("ready") and "targetRef" in one}


def _answering(pod: str, url: str, n: int, namespace: str) -> set[str]:
    """The Pods that answered n requests; none if one of them found nobody: the rules may not be there yet."""
    try:
        said = _answers(pod, url, n, namespace)
    except AcplabError:
        return set()
    return {json.loads(line.split(maxsplit=2)[2])["pod"] for line in said if line.startswith("200 ")}


def _silent(service: str, pods: set[str], seconds: float) -> tuple[str, str]:
    look = _("Look at: kubectl get endpointslices -l kubernetes.io/service-name={service}").format(service=service)
    if not pods:
        return _("Service {service} has no ready Pod after {s:g} s.").format(service=service, s=seconds), look
    sentence = _("Service {service}: no answer from {pods} within {s:g} s.")
    return sentence.format(service=service, pods=", ".join(sorted(pods)), s=seconds), look
