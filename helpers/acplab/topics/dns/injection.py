"""Which Pods get the node cache, and what is written into them: ACK's conditions. Pure.

The webhook in helpers/images/dns-agent decides by the same table of cases (cases.json); this one gives reasons, for hints.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from acplab.base.i18n import _
from acplab.topics.dns.policy import DOMAIN

CACHE = "169.254.20.10"
LABEL = "node-local-dns-injection"
NEVER = ("kube-system", "kube-public")
# What sends a Pod, or all Pods of a namespace, to ECI.
ECI = {"virtual-node-affinity-injection": "enabled", "eci": "true", "alibabacloud.com/eci": "true"}
SIDECAR = "annotation.jst.com/sidecar-dns-enable"  # Jushita's own, with the value on


def reasons_against(pod: Mapping[str, Any], namespace: Mapping[str, Any]) -> list[str]:
    """Why a Pod gets no node cache, in sentences; none if it gets it. Both: objects as in the API."""
    return list(_reasons(pod, namespace))


def _reasons(pod: Mapping[str, Any], namespace: Mapping[str, Any]) -> Iterator[str]:
    name, labels, own = namespace["metadata"]["name"], _labels(namespace), _labels(pod)
    spec = pod.get("spec") or {}
    if name in NEVER:
        yield _("Namespace {name} never gets it.").format(name=name)
    if labels.get(LABEL) != "enabled":
        yield _("The namespace does not have the label {label}=enabled.").format(label=LABEL)
    if own.get(LABEL) == "disabled":
        yield _("The Pod has the label {label}=disabled.").format(label=LABEL)
    for key, value in ECI.items():
        if value in (labels.get(key), own.get(key)):
            yield _("{key}={value} sends the Pod to ECI.").format(key=key, value=value)
    if not _policy_fits(spec):
        yield _("hostNetwork {host} and dnsPolicy {policy} do not fit together.").format(
            host=str(bool(spec.get("hostNetwork"))).lower(), policy=spec.get("dnsPolicy") or "ClusterFirst"
        )
    if wants_sidecar(pod):
        yield _("The Pod gets a DNS sidecar.")


def wants_sidecar(pod: Mapping[str, Any]) -> bool:
    """Whether a Pod asks for a cache of its own."""
    return ((pod["metadata"].get("annotations")) or {}).get(SIDECAR) == "on"


def _policy_fits(spec: Mapping[str, Any]) -> bool:
    """On the node's network the policy must be ClusterFirstWithHostNet, elsewhere ClusterFirst."""
    wanted = "ClusterFirstWithHostNet" if spec.get("hostNetwork") else "ClusterFirst"
    return (spec.get("dnsPolicy") or "ClusterFirst") == wanted


def dns_config(namespace: str, cluster_dns: str, first: str = CACHE, domain: str = DOMAIN) -> dict[str, Any]:
    """The dnsConfig that is written, together with dnsPolicy None. first: the cache that is asked first."""
    return {
        "nameservers": [first, cluster_dns],
        "searches": [f"{namespace}.svc.{domain}", f"svc.{domain}", domain],
        "options": [
            {"name": "ndots", "value": "3"},
            {"name": "attempts", "value": "2"},
            {"name": "timeout", "value": "1"},
        ],
    }


def is_injected(pod: Mapping[str, Any], first: str = CACHE) -> bool:
    """Whether a Pod asks this cache first."""
    servers = ((pod["spec"].get("dnsConfig")) or {}).get("nameservers") or []
    return pod["spec"].get("dnsPolicy") == "None" and servers[:1] == [first]


def _labels(one: Mapping[str, Any]) -> Mapping[str, str]:
    return one["metadata"].get("labels") or {}
