"""The DNS servers of the cluster in use: the Pods of CoreDNS, and the cache on each node."""

from __future__ import annotations

from dataclasses import dataclass

from acplab import kube
from acplab.base.errors import AcplabError
from acplab.base.i18n import _

NAMESPACE = "kube-system"
COREDNS = "k8s-app=kube-dns"
CACHE = "k8s-app=node-local-dns"
CACHE_ADDRESS = "169.254.20.10"  # on each node that has the cache
METRICS = {"coredns": 9153, "cache": 9253}


@dataclass(frozen=True)
class Server:
    """A Pod that answers names. address: where a Pod of its node asks it; metrics: ADDRESS:PORT."""

    pod: str
    node: str
    address: str
    metrics: str


def servers(kind: str = "coredns", node: str | None = None) -> list[Server]:
    """The running Pods of "coredns", or of the "cache"; node: only the one there. AcplabError if there is none."""
    found = [_server(kind, pod) for pod in kube.list("pod", NAMESPACE, _selector(kind)) if _runs(pod)]
    found = [one for one in found if node in (None, one.node)]
    if not found:
        raise AcplabError(
            _("No Pod in {namespace} with the label {label} runs.").format(namespace=NAMESPACE, label=_selector(kind)),
            _("Look at: kube.list('pod', 'kube-system')"),
        )
    return sorted(found, key=lambda one: one.pod)


def _selector(kind: str) -> str:
    from acplab.measure.dns.questions import chosen

    return COREDNS if chosen("kind", kind, ("coredns", "cache")) == "coredns" else CACHE


def _runs(pod: kube.Object) -> bool:
    status = pod["status"]
    return status.get("phase") == "Running" and bool(status.get("podIP")) and "deletionTimestamp" not in pod["metadata"]


def _server(kind: str, pod: kube.Object) -> Server:
    own = pod["status"]["podIP"]
    address = own if kind == "coredns" else CACHE_ADDRESS
    return Server(pod["metadata"]["name"], pod["spec"].get("nodeName", ""), address, f"{own}:{METRICS[kind]}")
