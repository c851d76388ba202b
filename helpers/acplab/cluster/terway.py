"""A stand-in for Terway: Pods whose addresses belong to the network of the nodes.

Each node owns a slice (its podCIDR) of a block that stands for the Pod vSwitch. A Pod is tied to its node by a veth
pair, and the node answers for the Pod's address on the node network (proxy ARP). So no route table needs an entry, no
address is translated inside the VPC, and any machine of the VPC reaches a Pod directly. That is what Terway's shared
ENI mode looks like from outside.

What differs: no elastic network interfaces, so their number limits nothing; a node's slice is fixed, while Terway
fetches addresses from the vSwitch as they are needed; no security groups, no fixed addresses, no NetworkPolicy.
"""

from __future__ import annotations

import json
from typing import Any

from acplab import kube
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.base.retry import retry_context
from acplab.cluster.profiles import FOLDER
from acplab.host import docker
from acplab.kube import client

FILE = "/etc/cni/net.d/10-terway.conflist"
PLUGIN = FOLDER / "terway-veth.sh"
TYPE = "acplab-veth"
# Beside the plugin that it calls, wherever containerd looks for plugins on this node.
PUT_PLUGIN = "for d in /opt/cni/bin /usr/lib/cni; do [ -x $d/ptp ] && cat > $d/$1.part && chmod 755 $d/$1.part && mv $d/$1.part $d/$1 && break; done"
PROXY_ARP = ("net.ipv4.conf.eth0.proxy_arp=1", "net.ipv4.neigh.eth0.proxy_delay=0")


def install() -> None:
    """Make the Pod network of every node of the cluster in use; again after a restart, which forgets sysctls."""
    client.require_own_cluster()
    for name, slice_ in _slices().items():
        docker.run("exec", name, "sysctl", "--quiet", "--write", *PROXY_ARP)
        docker.run("exec", "--interactive", name, "sh", "-c", PUT_PLUGIN, "-", TYPE, stdin=PLUGIN.read_text())
        text = json.dumps(conflist(slice_))
        # Written beside and renamed: containerd reads the folder whenever something moves there.
        docker.run("exec", name, "sh", "-c", 'printf %s "$1" > "$2.part" && mv "$2.part" "$2"', "-", text, FILE)


def form() -> str:
    """What install() writes, for any node: it tells whether a cluster has the newest."""
    return PLUGIN.read_text() + json.dumps(conflist(""))


def _slices() -> dict[str, str]:
    """Node -> its slice of the Pod vSwitch. The controller manager gives a new node its own within seconds."""
    for attempt in retry_context(on=AcplabError, attempts=None, timeout=60, wait_initial=0.2, wait_max=1.0):
        with attempt:
            found = {one["metadata"]["name"]: one["spec"].get("podCIDR", "") for one in kube.list("node")}
            for name, slice_ in found.items():
                if not slice_:
                    raise AcplabError(
                        _("Node {name} has no block of Pod addresses yet.").format(name=name),
                        _("Look at: docker logs {name}").format(name=name),
                    )
    return found


def conflist(pod_cidr: str) -> dict[str, Any]:
    """The CNI configuration of a node that owns this slice of the Pod vSwitch."""
    ipam = {
        "type": "host-local",
        "dataDir": "/run/acplab-terway",
        "ranges": [[{"subnet": pod_cidr}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    plugins = [
        {"type": TYPE, "ipMasq": False, "ipam": ipam},
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ]
    return {"cniVersion": "1.0.0", "name": "terway", "plugins": plugins}
