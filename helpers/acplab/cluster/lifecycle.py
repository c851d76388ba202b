"""Find, create, repair, stop and remove the clusters of this home.

A cluster is kind's, in Docker, with a kubeconfig of its own. One that is there is reused and repaired (a node paused or
stopped, Docker restarted, an address changed); what cannot be repaired is recreated, and that is said.
"""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from datetime import UTC, datetime

import yaml

from acplab import images
from acplab.base import locks, paths
from acplab.base.console import say, stage
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.base.retry import retry_context
from acplab.cluster import eci, faults, journal, nodes, ownership, platform, room, terway, upgrade
from acplab.cluster.handle import Cluster, made, record, recorded, state_file
from acplab.cluster.kind_config import NODE_PORTS, own_config
from acplab.cluster.ownership import cluster_name
from acplab.cluster.profiles import kind_form, own, require
from acplab.cluster.ranges import Ranges, refuse_unbuildable
from acplab.host import limits
from acplab.kube import client
from acplab.kube.ownership import Foreign

LOCK_SECONDS = 90
CLEAR_SECONDS = 30  # for another acplab that is just moving its own nodes away from our addresses


def ensure(profile: str = "small", route: str = "auto", ranges: Ranges | None = None) -> Cluster:
    """The cluster of this profile, ready to be used: found, repaired, recreated or created.

    route: where images come from, if they are needed (see images/sources.py). ranges: those that it must have; None
    takes any. A cluster's ranges are immutable, so one that has others is recreated, and that is said. AcplabError
    before anything is touched if no cluster can have these ranges.
    """
    require(profile)
    if ranges:
        refuse_unbuildable(ranges, len(kind_form(profile)["nodes"]), nodes.network_range())
    journal.heal()
    _make_room(profile)
    with _alone(profile):
        return _ensure(profile, route, ranges)


def _make_room(profile: str) -> None:
    """Say whether the cluster runs next to the others or instead of them, and stop those that it takes the place of."""
    if decided := room.for_cluster(profile):
        say(decided.sentence)
        for other in decided.stopped:
            stop(other)


def _alone(profile: str, seconds: float | None = None) -> AbstractContextManager[None]:
    """One at a time makes, stops or removes a cluster. Two notebooks opened at once both end here, and the
    second has only to wait for the first. Another cluster has its own lock."""
    busy = AcplabError(
        _("Another acplab is working on the cluster at this moment."), _("Wait until it has finished, then try again.")
    )
    wait = LOCK_SECONDS if seconds is None else seconds
    return locks.lock(paths.home() / f"cluster-{profile}.lock", wait, lambda: busy)


def _ensure(profile: str, route: str, ranges: Ranges | None) -> Cluster:
    cluster, name = recorded(profile), cluster_name(profile)
    ownership.require_own(name)
    _require_limits(profile, name)
    ranges = ranges or (cluster.ranges if cluster else None)
    if cluster and cluster.name != name:
        _say_left_alone(cluster.name)
    elif cluster and cluster.complete and cluster.ranges != ranges:
        say(_("A cluster's ranges are immutable; recreating {name}.").format(name=name))
    elif cluster and cluster.complete and nodes.states(name):
        if _is_repaired(cluster):
            with cluster:
                upgrade.bring_up_to_date(cluster)
                _see_to_virtual_node(cluster)
            return cluster
    elif cluster and cluster.complete:
        say(_("The cluster {name} is gone (deleted outside of acplab?); recreating it.").format(name=name))
    elif nodes.states(name):
        say(_("Removing a partially created cluster from an interrupted start."))
    return _create(profile, route, cluster, ranges)


def _require_limits(profile: str, name: str) -> None:
    """AcplabError unless the kernel has room for the nodes that do not run, and the disk for those that are not there.

    Asked each time: a raised limit lasts until the next boot.
    """
    states, wanted = nodes.states(name), len(kind_form(profile)["nodes"])
    if missing := max(0, wanted - list(states.values()).count("running")):
        limits.require(missing)
    if new := max(0, wanted - len(states)):
        limits.require_disk(new)


def _say_left_alone(name: str) -> None:
    """A cluster of before there were owner ids: nothing proves that it is ours."""
    if nodes.states(name):
        why = _("The cluster {name} carries no owner id, so it is left alone. If it is yours to remove: {command}")
        say(why.format(name=name, command=ownership.removal(name)))


def _is_repaired(cluster: Cluster) -> bool:
    """Put right what is wrong with the cluster; False, and that is said, if it can't be."""
    try:
        _repair(cluster)
    except (Foreign, nodes.AddressInUse):
        raise  # somebody changed a label or a kubeconfig, or holds an address; labs may be in there
    except AcplabError as error:
        words = _(
            "The cluster could not be repaired, so it is recreated. {why} What runs in it is lost; your files, notes and "
            "progress are kept."
        )
        say(words.format(why=error.sentence))
        return False
    return True


def _repair(cluster: Cluster) -> None:
    before = datetime.now(UTC)
    repaired = _restart_nodes(cluster)
    with cluster:
        if repaired:
            say(_("Restarted nodes: {nodes}.").format(nodes=", ".join(repaired)))
            # First of all: without an API server beside it, the kubelet of a control plane starts nothing else.
            faults.put_back(repaired)
            _wait_restarted(cluster, before)
        _when_it_answers(client.require_own_cluster)
        if repaired and own(cluster.profile).platform:
            _when_it_answers(platform.wait_ready)
            platform.wait_names()
            _wait_ingress(cluster)


def _restart_nodes(cluster: Cluster) -> list[str]:
    """Each node at its address, from which goes whatever Docker has put there when it started containers by itself."""
    restarted = set(nodes.displaced(cluster.name, cluster.addresses))
    if restarted:
        _end_virtual_node(cluster.profile, cluster.name)
        for other in made():
            if other != cluster.profile:
                _clear(other)
    for attempt in retry_context(on=nodes.AddressInUse, attempts=None, timeout=CLEAR_SECONDS, wait_max=2.0):
        with attempt:
            restarted |= set(nodes.restart_nodes(cluster.name, cluster.addresses))
    return sorted(restarted)


def _clear(profile: str) -> None:
    """End what is left of another cluster of this home that Docker has brought back in disorder, or in part.

    It comes back to its own addresses when it is asked for.
    """
    with suppress(AcplabError), _alone(profile, seconds=0):  # one that is being worked on is put right there
        other = recorded(profile)
        if not other or not (lost := nodes.displaced(other.name, other.addresses)):
            return
        now = nodes.states(other.name)
        if len(lost) == len(other.addresses) or any(now.get(node) == "running" for node in lost):
            _stop(profile, other.name)


def _wait_restarted(cluster: Cluster, since: datetime) -> None:
    with stage("repair", _("Waiting for the nodes"), 20):
        if own(cluster.profile).network == "terway":
            _when_it_answers(terway.install)
        nodes.wait_ready(since=since)
        nodes.wait_restarted(cluster.name)


def _when_it_answers(call: Callable[[], None], timeout: float = 120) -> None:
    # A laptop that has just woken up answers late, an API server that has just started refuses for a moment, and a Pod
    # that crashed since its node came up before the others waits for its next try; that is no reason to rebuild a
    # cluster with labs in it.
    for attempt in retry_context(on=_may_pass, attempts=None, timeout=timeout, wait_max=1.0):
        with attempt:
            call()


def _may_pass(error: Exception) -> bool:
    return isinstance(error, AcplabError) and not isinstance(error, Foreign)


def _create(profile: str, route: str, former: Cluster | None, ranges: Ranges | None) -> Cluster:
    """A new cluster. If it cannot be finished, nothing of it stays."""
    image, name = images.ensure(route), cluster_name(profile)
    _remove(profile, name)
    ports = _free_ports(former.ports if former else {})
    cluster = Cluster(profile, name, image.reference, ports, ranges=ranges, route=_route_of(image, route))
    record(cluster)
    try:
        with nodes.held(_stopped_addresses(profile), image.reference):
            _run_kind(cluster, image)
            nodes.stay_down(nodes.states(name))
        with cluster:
            _finish(cluster, image)
            _see_to_virtual_node(cluster)
        cluster.addresses = nodes.addresses(name)
    except BaseException:
        _remove(profile, name)
        raise
    cluster.complete = True
    record(cluster)
    return cluster


def _see_to_virtual_node(cluster: Cluster) -> None:
    if own(cluster.profile).virtual_node:
        eci.bring_up_to_date(cluster)


def _remove(profile: str, name: str) -> bool:
    """Whether there was anything of the cluster to remove."""
    _end_virtual_node(profile, name)
    return nodes.remove(name)


def _stop(profile: str, name: str) -> bool:
    """Whether any node of the cluster ran."""
    _end_virtual_node(profile, name)
    return bool(nodes.stop(name))


def _end_virtual_node(profile: str, name: str) -> None:
    """Remove what runs on the virtual node, before anything is done to the nodes."""
    if own(profile).virtual_node:
        eci.remove_containers(name)


def _stopped_addresses(profile: str) -> list[str]:
    """The addresses to which the stopped nodes of this home's other clusters will come back."""
    found = []
    for other in filter(None, (recorded(one) for one in made() if one != profile)):
        now = nodes.states(other.name)
        found += [address for node, address in other.addresses.items() if now.get(node) in ("exited", "created")]
    return found


def _route_of(image: images.NodeImage, asked: str) -> str:
    """By which route later images come: a mirror is remembered, since without it there may be no registry at all."""
    return asked if asked.startswith("mirror=") else image.route


def _finish(cluster: Cluster, image: images.NodeImage) -> None:
    """What kind leaves to do, and the wait for it."""
    if not own(cluster.profile).platform:
        with stage(f"nodes-{cluster.profile}", _("Waiting for the nodes"), 10):
            upgrade.note(cluster, image.inputs)
            nodes.wait_ready()
            platform.wait_system()
        return
    with stage(f"platform-{cluster.profile}", _("Installing the ingress controller and the metrics"), 20):
        # Applied before the nodes are ready, so that both waits pass at the same time.
        upgrade.note(cluster, image.inputs)
        nodes.wait_ready()
        platform.wait_ready()
        _wait_ingress(cluster)


def _run_kind(cluster: Cluster, image: images.NodeImage) -> None:
    config = cluster.kubeconfig.with_name("kind.yaml")
    wanted = own_config(cluster.profile, cluster.ports, image.patches, cluster.ranges)
    config.write_text(yaml.safe_dump(wanted))
    env = os.environ | {"KIND_EXPERIMENTAL_DOCKER_NETWORK": nodes.network()}
    options = {"name": cluster.name, "image": image.reference, "config": config, "kubeconfig": cluster.kubeconfig}
    command = [str(images.kind()), "create", "cluster", *(f"--{key}={value}" for key, value in options.items())]
    with stage(f"kind-{cluster.profile}", _("Creating the cluster {name}").format(name=cluster.name), 45) as current:
        current.run(command, env=env, remedy=_("Run ./acplab doctor; nothing of the cluster was left behind."))


def _free_ports(former: dict[str, int]) -> dict[str, int]:
    """Ports on 127.0.0.1, the former ones if they are free."""
    chosen: dict[str, int] = {}
    with ExitStack() as held:  # all at once, or the kernel may hand out one twice
        for name in ("api", *NODE_PORTS):
            if _is_free(former.get(name)):
                chosen[name] = former[name]
                continue
            probe = held.enter_context(socket.socket())
            probe.bind(("127.0.0.1", 0))
            chosen[name] = probe.getsockname()[1]
    return chosen


def _is_free(port: int | None) -> bool:
    if port is None:
        return False
    with socket.socket() as probe:
        # As Docker does: closed connections that linger (TIME_WAIT) keep nobody from listening.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def stop(profile: str = "small") -> bool:
    """Stop the nodes; everything in them is kept. False if there was none running.

    What runs on a virtual node is no machine's, and is removed; it is made again for the Pods that are there afterwards.
    """
    require(profile)
    with _alone(profile):
        return _stop(profile, cluster_name(profile))


def delete(profile: str = "small") -> bool:
    """Remove the cluster and what is recorded of it. False if there was none."""
    require(profile)
    with _alone(profile):
        there = _remove(profile, cluster_name(profile))
        shutil.rmtree(state_file(profile).parent, ignore_errors=True)
    return there


def answers(cluster: Cluster, timeout: float = 2.0) -> bool:
    """Whether the ingress controller answers at the ingress URL, be it with 404.

    A connection alone says nothing: Docker accepts it even when nobody is behind the port.
    """
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        direct.open(cluster.ingress_url, timeout=timeout).close()
    except urllib.error.HTTPError:
        return True
    except (OSError, http.client.HTTPException):
        return False
    return True


def _wait_ingress(cluster: Cluster) -> None:
    """Wait until several requests in a row are answered: after a restart one Pod may serve before the other."""
    for attempt in retry_context(on=AcplabError, attempts=None, timeout=60, wait_initial=0.2, wait_max=1.0):
        with attempt:
            if not all(answers(cluster) for _try in range(12)):
                raise AcplabError(
                    _("The ingress controller does not answer at {url}.").format(url=cluster.ingress_url),
                    _("Run ./acplab delete and ./acplab start, which recreate the cluster."),
                )
