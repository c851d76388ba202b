"""The nodes of a cluster as Docker sees them: their state and addresses; to stop, restart and remove them."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from acplab import kube
from acplab.base import paths
from acplab.base.console import stage
from acplab.base.errors import AcplabError
from acplab.base.i18n import _, ngettext
from acplab.base.retry import retry_context
from acplab.cluster import ownership
from acplab.host import docker, freezer
from acplab.kube.conditions import verdict
from acplab.kube.ownership import owner

NETWORK = "acplab"
BESIDE = "acplab.dev/beside"  # a label of a container: the cluster without which it is of no use
# A network of our own with a stated range: Docker then lets a node keep its address. The first that is
# free is taken; none meets the Pod and Service ranges of the clusters.
HOLD_SECONDS = "900"  # then a holder ends by itself, should nobody remove it
HOST_ROUTES = Path("/proc/net/route")
RANGES = ("172.28.0.0/16", "172.29.0.0/16", "192.168.224.0/20", "10.213.0.0/16")


class AddressInUse(AcplabError):
    """The address of a node is taken: whatever has it has to end first. The cluster itself is whole."""


def states(cluster: str) -> dict[str, str]:
    """Container -> Docker's word for its state ("running", "paused", "exited", ...), of a kind cluster."""
    return {one.name: one.state for one in ownership.containers() if one.cluster == cluster}


def addresses(cluster: str) -> dict[str, str]:
    """Node -> its IPv4 address in our network ("" while it is stopped)."""
    names = list(states(cluster))
    found = json.loads(docker.run("inspect", *names)) if names else []
    return {
        one["Name"].lstrip("/"): one["NetworkSettings"]["Networks"].get(NETWORK, {}).get("IPAddress", "")
        for one in found
    }


def network() -> str:
    """The name of our Docker network; made if it isn't there."""
    if NETWORK in docker.run("network", "ls", "--format", "{{.Name}}").split():
        return NETWORK
    taken = _routed()
    for block in RANGES:
        if any(ipaddress.IPv4Network(block).overlaps(one) for one in taken):
            continue
        try:
            docker.run(
                "network",
                "create",
                "--driver",
                "bridge",
                "--subnet",
                block,
                "--opt",
                "com.docker.network.bridge.enable_ip_masquerade=true",
                NETWORK,
            )
            return NETWORK
        except AcplabError as error:
            if "overlap" not in error.sentence.lower():
                raise
    raise AcplabError(
        _("All address ranges for the nodes ({ranges}) are in use by this machine's networks.").format(
            ranges=", ".join(RANGES)
        ),
        _("Remove unused Docker networks (docker network prune), or leave a VPN that covers them; ip route shows it."),
    )


def _routed() -> list[ipaddress.IPv4Network]:
    """What this machine reaches by a route of its own, such as a VPN. Docker compares with its own networks only."""
    if not HOST_ROUTES.exists():
        return []
    lines = [line.split() for line in HOST_ROUTES.read_text().splitlines()[1:]]
    found = [ipaddress.IPv4Network((_address(line[1]), str(_address(line[7])))) for line in lines]
    return [network for network in found if network.prefixlen]


def _address(hexadecimal: str) -> ipaddress.IPv4Address:
    # The kernel prints the four bytes as one number, the lowest byte first.
    return ipaddress.IPv4Address(int(hexadecimal, 16).to_bytes(4, "little"))


def pod_vswitch() -> str:
    """The part of our network that stands for a Pod vSwitch: 254 addresses of those that Docker hands out last.

    All homes share the network, so each has a part of its own, drawn by its owner id; the tests of a user draw from
    others than the course does.
    """
    parts = list(ipaddress.IPv4Network(network_range()).subnets(new_prefix=24))
    drawn = int(owner()[:8], 16) % (len(parts) // 4)
    return str(parts[-2 - 2 * drawn - (paths.instance() == "test")])


def network_range() -> str:
    """The CIDR of our Docker network."""
    return docker.run("network", "inspect", "--format", "{{(index .IPAM.Config 0).Subnet}}", network()).strip()


@contextmanager
def held(addresses: Iterable[str], image: str) -> Iterator[None]:
    """Keep these addresses of our network from new nodes while the block runs.

    They belong to nodes that are stopped, for which Docker keeps nothing; a node that lost its own could not come back.
    image: of which containers are made that do nothing but have an address.
    """
    holders: list[str] = []
    try:
        for address in addresses:
            with suppress(AcplabError):  # somebody has it already
                holders.append(_hold(address, image))
        yield
    finally:
        if holders:
            docker.run("rm", "--force", *holders)


def _hold(address: str, image: str) -> str:
    idle = ("--detach", "--rm", "--network", network(), "--ip", address, "--entrypoint", "sleep")
    return docker.run("run", *idle, image, HOLD_SECONDS).strip()


def remove_beside(cluster: str) -> bool:
    """Remove the containers that a topic runs beside this cluster, by their label BESIDE; whether there were any."""
    ownership.require_own(cluster)
    found = docker.run("ps", "--all", "--quiet", "--filter", f"label={BESIDE}={cluster}").split()
    if found:
        docker.run("rm", "--force", *found)
    return bool(found)


def stop(cluster: str) -> list[str]:
    """Stop the nodes that run; everything in them is kept. Their names."""
    ownership.require_own(cluster)
    remove_beside(cluster)
    running = [node for node, state in states(cluster).items() if state == "running"]
    if running:
        title = ngettext("Stopping {n} node", "Stopping {n} nodes", len(running)).format(n=len(running))
        with stage("stop", title, 12):
            _end(cluster, running, "stop", "--time", "10")
    return running


def remove(cluster: str) -> bool:
    """Remove the nodes with all that is in them; whether there were any."""
    ownership.require_own(cluster)
    remove_beside(cluster)
    found = list(states(cluster))
    if found:
        _end(cluster, found, "rm", "--force", "--volumes")
    return bool(found)


def _end(cluster: str, names: list[str], *words: str) -> None:
    """`docker WORDS NAMES`; nodes that Docker cannot end because something in them is frozen are thawed first."""
    try:
        docker.run(*words, *names)
    except AcplabError:
        left = [name for name in names if name in states(cluster)]
        if not left or not freezer.thaw(left):
            raise
        docker.run(*words, *left)


def restart_nodes(cluster: str, wanted: dict[str, str]) -> list[str]:
    """Unpause and start the nodes, each at the address that its certificates and etcd know.

    wanted: node -> address. Returns the nodes that were touched. AcplabError if a node is missing.
    """
    ownership.require_own(cluster)
    now = states(cluster)
    if missing := sorted(set(wanted) - set(now)):
        raise AcplabError(_("Node {node} is gone.").format(node=missing[0]), _("The cluster has to be recreated."))
    paused = [node for node in wanted if now[node] == "paused"]
    if paused:
        docker.run("unpause", *paused, timeout=ownership.ANSWER_SECONDS)
    if moved := displaced(cluster, wanted):
        _start_at(moved, [node for node in moved if now[node] in ("running", "paused")], wanted)
    return sorted({*paused, *moved})


def displaced(cluster: str, wanted: dict[str, str]) -> list[str]:
    """Those of the wanted nodes (node -> address) that do not run, or run at another address."""
    now, there = states(cluster), addresses(cluster)
    return [node for node in wanted if now.get(node) not in ("running", "paused") or there[node] != wanted[node]]


def stay_down(nodes: Iterable[str]) -> None:
    """Let Docker start no node by itself: after a boot it would give them each other's addresses.

    kind has it start them (on-failure: a node that was stopped counts as failed).
    """
    docker.run("update", "--restart", "no", *nodes)


def _start_at(nodes: list[str], running: list[str], wanted: dict[str, str]) -> None:
    """Stop those that run at a wrong address, then start all in the order of their addresses, pinned."""
    stay_down(wanted)
    if running:
        docker.run("stop", "--time", "10", *running)
    network()
    for node in nodes:
        _disconnect(node)
    for node in sorted(nodes, key=lambda one: ipaddress.ip_address(wanted[one])):
        docker.run("network", "connect", "--ip", wanted[node], NETWORK, node)
        _start(node, wanted[node])


def _start(node: str, address: str) -> None:
    try:
        docker.run("start", node)
    except AcplabError:
        if holder := _holder(address):
            sentence = _("Node {node} needs its address {address}, which the container {holder} has.")
            raise AddressInUse(
                sentence.format(node=node, address=address, holder=holder),
                _("Stop that container, then try again: docker stop {holder}").format(holder=holder),
            ) from None
        raise


def _holder(address: str) -> str | None:
    """The container that has an address of our network."""
    (found,) = json.loads(docker.run("network", "inspect", NETWORK))
    there = {one["IPv4Address"].partition("/")[0]: one["Name"] for one in found["Containers"].values()}
    return there.get(address)


def _disconnect(node: str) -> None:
    try:
        docker.run("network", "disconnect", "--force", NETWORK, node)
    except AcplabError as error:
        # An interrupted repair has done this already.
        if "is not connected" not in error.sentence:
            raise


def wait_ready(timeout: float = 150, since: datetime | None = None) -> None:
    """Wait until every node is Ready; with since, also until its kubelet has reported after that."""
    for attempt in retry_context(on=AcplabError, attempts=None, timeout=timeout, wait_initial=0.5, wait_max=1.0):
        with attempt:
            _require_ready(since)


def _require_ready(since: datetime | None) -> None:
    leases = kube.list("lease", "kube-node-lease") if since else []
    renewed = {one["metadata"]["name"]: datetime.fromisoformat(one["spec"]["renewTime"]) for one in leases}
    for node in kube.list("node", selector=kube.MACHINES):
        name = node["metadata"]["name"]
        ready = verdict(node["status"], "Ready") is True
        # What the API says of a node may be from before it was stopped; its lease tells.
        silent = since is not None and (name not in renewed or renewed[name] < since)
        if not ready or silent:
            raise AcplabError(
                _("Node {name} is not ready.").format(name=name), _("Look at: docker logs {name}").format(name=name)
            )


def wait_restarted(cluster: str, timeout: float = 120) -> None:
    """Wait until what the API says of every Pod is from after its node was started.

    Until then a Service leads to Pods that are called ready and don't run.
    """
    started = _started(cluster)
    for attempt in retry_context(on=AcplabError, attempts=None, timeout=timeout, wait_initial=0.5, wait_max=1.0):
        with attempt:
            for pod in kube.list("pod", "*"):
                _require_restarted(pod, started)


def _started(cluster: str) -> dict[str, datetime]:
    """Node -> when its container was last started."""
    found = json.loads(docker.run("inspect", *states(cluster)))
    return {one["Name"].lstrip("/"): datetime.fromisoformat(one["State"]["StartedAt"]) for one in found}


def _require_restarted(pod: dict[str, Any], started: dict[str, datetime]) -> None:
    node = pod["spec"].get("nodeName")
    for container in pod["status"].get("containerStatuses") or []:
        running = container["state"].get("running")
        if running and node in started and datetime.fromisoformat(running["startedAt"]) < started[node]:
            where = {"name": pod["metadata"]["name"], "node": node}
            raise AcplabError(
                _("Pod {name} on {node} has not been started again yet.").format(**where),
                _("Look at: docker logs {node}").format(**where),
            )
