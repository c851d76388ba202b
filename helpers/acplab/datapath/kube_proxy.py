"""The rules that kube-proxy has programmed for one Service: iptables rules or nftables chains, from the ClusterIP to a Pod."""

from __future__ import annotations

import re

from acplab import kube
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.datapath import node_exec

_JUMP = re.compile(r"-j (KUBE-(?:SVC|SEP)-\S+)")


def rules(service: str, namespace: str, node: str) -> list[str]:
    """The rules on a node that lead from a Service's ClusterIP to its Pods, in the order in which a packet meets them."""
    found = kube.find("service", service, namespace)
    address = (found or {}).get("spec", {}).get("clusterIP", "")
    if address in ("", "None"):
        raise AcplabError(
            _("There is no Service {name} with a ClusterIP in {namespace}.").format(name=service, namespace=namespace),
            _("A headless Service has none: its name resolves to the addresses of its Pods."),
        )
    saved = node_exec.run(node, "iptables-save", "-t", "nat")
    return iptables(saved, address) or nftables(
        node_exec.run(node, "nft", "list", "table", "ip", "kube-proxy"), address
    )


def iptables(saved: str, address: str) -> list[str]:
    """The rules in the text of `iptables-save -t nat` that a packet to this ClusterIP meets; [] if there are none."""
    lines = [line for line in saved.splitlines() if line.startswith("-A ")]
    return _follow(
        lines, [line for line in lines if line.startswith("-A KUBE-SERVICES ") and f"-d {address}/32" in line]
    )


def _follow(lines: list[str], rules: list[str]) -> list[str]:
    """These rules, each followed by the rules of the chain that it jumps to."""
    found: list[str] = []
    for rule in rules:
        found.append(rule)
        if target := _JUMP.search(rule):
            found += _follow(lines, [line for line in lines if line.startswith(f"-A {target[1]} ")])
    return found


def nftables(listed: str, address: str) -> list[str]:
    """The same out of `nft list table ip kube-proxy`: the element of the map, then the chains that it leads to."""
    chains = dict(re.findall(r"chain (\S+) \{\n(.*?)\n\t\}", listed, re.DOTALL))
    element = re.search(rf"{re.escape(address)} \. \S+ \. \d+ : goto (\S+?)[,\s}}]", listed)
    return _chain(chains, element[1].strip('"'), element[0].rstrip(", }\n\t")) if element else []


def _chain(chains: dict[str, str], name: str, rule: str) -> list[str]:
    found = [" ".join(rule.split())]
    for line in chains.get(name, chains.get(f'"{name}"', "")).splitlines():
        targets = re.findall(r"goto (\S+?)[,\s}]", line + " ")
        found.append(" ".join(line.split()))
        for target in targets:
            found += _chain(chains, target, f"chain {target}:")
    return found
