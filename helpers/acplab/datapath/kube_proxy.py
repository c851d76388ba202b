"""The rules that kube-proxy has programmed for one Service: iptables rules or nftables chains, from the ClusterIP to a Pod."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from acplab import kube
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.datapath import node_exec

_JUMP = re.compile(r"-j (KUBE-(?:SVC|SEP)-\S+)")


@dataclass(frozen=True)
class Target:
    """A Pod to which kube-proxy's rules lead. endpoint: its "ADDRESS:PORT"; takes: the part (0..1) that its rule takes of
    the connections that come so far; overall: of all connections to the Service."""

    endpoint: str
    takes: float
    overall: float

    def __str__(self) -> str:
        line = _("takes {takes:>6.1%} of what gets here, so {overall:.1%} of all  ->  {endpoint}")
        return line.format(takes=self.takes, overall=self.overall, endpoint=self.endpoint)


def targets(service: str, namespace: str, node: str, count: int | None = None) -> list[Target]:
    """The Pods to which a node's rules lead for one Service, in the order in which a connection meets them.

    count: wait until there are so many; kube-proxy writes its rules a moment after a Pod is ready.
    """
    if count is not None:
        kube.wait("service", service, lambda _service: len(targets(service, namespace, node)) == count, namespace, 30)
    found = "\n".join(rules(service, namespace, node))
    return _by_lot(found) if "numgen" in found else list(_in_turn(found))


def _in_turn(found: str) -> Iterator[Target]:
    """iptables: rule after rule takes a part of what is left, and the last one, without a probability, the rest."""
    left = 1.0
    pattern = r"^-A KUBE-SVC-\S+ (?:.*--probability (\S+) )?.*-j (KUBE-SEP-\S+)$"
    for part, chain in re.findall(pattern, found, re.MULTILINE):
        endpoint = re.search(rf"^-A {chain} .*--to-destination (\S+)", found, re.MULTILINE)
        takes = float(part or 1)
        yield Target(endpoint[1] if endpoint else "", takes, takes * left)
        left -= takes * left


def _by_lot(found: str) -> list[Target]:
    """nftables: one number is drawn, and a map has a Pod for each number."""
    drawn = re.findall(r"numgen random mod \d+ map \{(.*?)\}", found, re.DOTALL)
    endpoints = [":".join(pair) for one in drawn for pair in re.findall(r": (\S+) \. (\d+)", one)]
    return [Target(one, 1 / len(endpoints), 1 / len(endpoints)) for one in endpoints]


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
