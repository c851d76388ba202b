"""The path of one packet: each routing decision, and what conntrack records of its connection."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.datapath import node_exec, pods

_NOWHERE = {
    "Invalid argument": "blackhole",
    "No route to host": "unreachable",
    "Permission denied": "prohibit",
    "Network is unreachable": "no route",
}


@dataclass(frozen=True)
class Hop:
    """One routing decision. where: the Pod or node that decides; next_hop: the next machine ("" if the target is on
    link); device: the interface by which the packet leaves; kind: of that device ("bridge", "veth", "ethernet"). A packet
    that is dropped has no device, and kind says why ("blackhole", "no route", ...)."""

    where: str
    next_hop: str
    device: str
    kind: str

    def __str__(self) -> str:
        if not self.device:
            line = _("{where:<48}dropped ({kind})")
        elif self.next_hop:
            line = _("{where:<48}via {next_hop:<22}dev {device} ({kind})")
        else:
            line = _("{where:<48}directly                  dev {device} ({kind})")
        return line.format(where=self.where, next_hop=self.next_hop, device=self.device, kind=self.kind)


def path(source: str, target: str, namespace: str) -> list[Hop]:
    """The hops from one Pod to another Pod, both given by name. The kernels' route tables are read; nothing is sent.

    The path of a packet that is dropped ends with a Hop without a device.
    """
    first, last = pods.with_address(source, namespace), pods.with_address(target, namespace)
    here, there = first["spec"]["nodeName"], last["spec"]["nodeName"]
    address, goal = first["status"]["podIP"], last["status"]["podIP"]
    inner, outer = _veth(here, address)
    hops = [_hop(_("Pod {name}").format(name=source), here, _ask(here, goal, namespace=inner), inner)]
    hops.append(_hop(_("node {name}").format(name=here), here, _ask(here, goal, address, outer)))
    if there != here and hops[-1].device:
        hops.append(_hop(_("node {name}").format(name=there), there, _ask(there, goal, address, "eth0")))
    return hops


def next_hop(node: str, target: str) -> Hop:
    """The routing decision of a node for a packet of its own to an address; nothing is sent."""
    node_exec.require(node)
    return _hop(_("node {name}").format(name=node), node, _ask(node, target))


def _veth(node: str, address: str) -> tuple[str, str]:
    """(network namespace of the Pod with this address, the interface of the node by which its packets come in)."""
    for line in node_exec.run(node, "ip", "netns", "list").splitlines():
        inside = line.split()[0]
        found = node_exec.ip(node, "address", "show", "dev", "eth0", namespace=inside)
        if any(one.get("local") == address for link in found for one in link.get("addr_info", [])):
            number = found[0].get("link_index")
            links = node_exec.ip(node, "link", "show")
            outside = next(link for link in links if link["ifindex"] == number)
            return inside, outside.get("master", outside["ifname"])
    raise AcplabError(
        _("Node {node} has no Pod with the address {address}.").format(node=node, address=address),
        _("The Pod may have been replaced; get its address again."),
    )


def _ask(node: str, target: str, source: str = "", device: str = "", namespace: str = "") -> dict[str, Any]:
    """`ip route get`: what this node (or the Pod in a namespace of it) does with a packet from source to target."""
    arrives = ("from", source, "iif", device) if source else ()
    try:
        return node_exec.ip(node, "route", "get", target, *arrives, namespace=namespace)[0]
    except AcplabError as error:
        # The kernel answers with an error number that it has for this kind of route.
        for answer, kind in _NOWHERE.items():
            if answer in error.sentence:
                return {"dev": "", "kind": kind}
        raise


def _hop(where: str, node: str, answer: dict[str, Any], namespace: str = "") -> Hop:
    device = answer["dev"]
    if not device:
        return Hop(where, "", "", answer["kind"])
    details = node_exec.ip(node, "-details", "link", "show", "dev", device, namespace=namespace)[0]
    kind = (details.get("linkinfo") or {}).get("info_kind", "ethernet")
    return Hop(where, answer.get("gateway", ""), device, kind)


@dataclass(frozen=True)
class ConntrackEntry:
    """A connection in a node's conntrack table. client: the address that began it; original_dst: the "ADDRESS:PORT" that
    it sent to; reply_src: the "ADDRESS:PORT" that the answers come from; reply_dst: the address that they are sent to."""

    client: str
    original_dst: str
    reply_src: str
    reply_dst: str

    def __str__(self) -> str:
        return _("{client} sent to {original_dst}; {reply_src} answers, to {reply_dst}").format(
            client=self.client, original_dst=self.original_dst, reply_src=self.reply_src, reply_dst=self.reply_dst
        )


_TUPLE = re.compile(r"src=(\S+) dst=(\S+) sport=(\d+) dport=(\d+)")


def connections(node: str, destination: str) -> list[ConntrackEntry]:
    """The TCP connections to an address in a node's conntrack table. destination: as the client sent it."""
    text = node_exec.run(node, "conntrack", "-L", "-p", "tcp", "-d", destination)
    return [_conntrack_entry(line) for line in text.splitlines() if len(_TUPLE.findall(line)) == 2]


def _conntrack_entry(line: str) -> ConntrackEntry:
    (client, destination, _sport, port), (source, reply_dst, reply_port, _dport) = _TUPLE.findall(line)
    return ConntrackEntry(client, f"{destination}:{port}", f"{source}:{reply_port}", reply_dst)
