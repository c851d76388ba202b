"""Which resolv.conf a Pod gets: dnsPolicy and dnsConfig as kubelet understands them (pkg/kubelet/network/dns). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.topics.dns.resolv import ResolvConf

POLICIES = ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None")
MOST_NAMESERVERS, MOST_SEARCHES, MOST_LETTERS = 3, 32, 2048
KUBELET_OPTIONS = ("ndots:5",)
DOMAIN = "cluster.local"


def resolv_conf(
    spec: Mapping[str, Any], namespace: str, cluster_dns: str, node: ResolvConf, domain: str = DOMAIN
) -> ResolvConf:
    """The resolv.conf of a Pod with this spec. node: the one that kubelet has from its node.

    AcplabError for what the API server would refuse.
    """
    policy = spec.get("dnsPolicy") or "ClusterFirst"
    config = spec.get("dnsConfig") or {}
    _require_valid(policy, config)
    base = _base(policy, bool(spec.get("hostNetwork")), namespace, cluster_dns, node, domain)
    return _fitted(_with(base, config))


def _base(
    policy: str, host_network: bool, namespace: str, cluster_dns: str, node: ResolvConf, domain: str
) -> ResolvConf:
    """What the policy alone gives. On the node's network ClusterFirst means Default."""
    if policy == "None":
        return ResolvConf()
    if policy == "Default" or (policy == "ClusterFirst" and host_network):
        return ResolvConf(node.nameservers, tuple(one for one in node.search if one != "."), node.options)
    own = (f"{namespace}.svc.{domain}", f"svc.{domain}", domain)
    return ResolvConf((cluster_dns,), _once([*own, *(one for one in node.search if one != ".")]), KUBELET_OPTIONS)


def _with(base: ResolvConf, config: Mapping[str, Any]) -> ResolvConf:
    """dnsConfig adds to what is there; an option of the same name is replaced."""
    options = {one.partition(":")[0]: one for one in base.options}
    for one in config.get("options") or []:
        value = one.get("value")
        options[one["name"]] = one["name"] if value in (None, "") else f"{one['name']}:{value}"
    return ResolvConf(
        _once([*base.nameservers, *(config.get("nameservers") or [])]),
        _once([*base.search, *(config.get("searches") or [])]),
        tuple(options.values()),
    )


def _once(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def _fitted(conf: ResolvConf) -> ResolvConf:
    """What is beyond the limits is left out; kubelet says so in an event of the Pod, DNSConfigForming."""
    search = list(conf.search[:MOST_SEARCHES])
    while len(" ".join(search)) > MOST_LETTERS:
        search.pop()
    return ResolvConf(conf.nameservers[:MOST_NAMESERVERS], tuple(search), conf.options)


def _require_valid(policy: str, config: Mapping[str, Any]) -> None:
    if policy not in POLICIES:
        raise AcplabError(
            _("There is no dnsPolicy {policy!r}.").format(policy=policy),
            _("Use one of: {known}.").format(known=", ".join(POLICIES)),
        )
    if policy == "None" and not config.get("nameservers"):
        raise AcplabError(
            _("With dnsPolicy None a Pod has no nameserver but its own."),
            _("Give at least one in dnsConfig.nameservers."),
        )
    if len(config.get("nameservers") or []) > MOST_NAMESERVERS:
        raise AcplabError(
            _("dnsConfig has more than {n} nameservers.").format(n=MOST_NAMESERVERS), _("Leave out some of them.")
        )
