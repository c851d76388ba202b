"""The lab cluster: find it, create it, repair it, remove it.

A cluster is kind's, in Docker, with a kubeconfig of its own. What stands is found and repaired (a node
paused or stopped, Docker restarted, an address changed); what cannot be repaired is rebuilt, with a word.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import yaml

from acplab import images
from acplab.base import locks as turns
from acplab.base import paths
from acplab.base.console import say, stage
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.base.retry import retry_context
from acplab.cluster import nodes, terway
from acplab.cluster import platform as addons
from acplab.cluster.kind_config import NODE_PORTS, own_config
from acplab.cluster.profiles import kind_form, own, profiles, require
from acplab.cluster.ranges import Ranges, refuse_unbuildable
from acplab.host import docker
from acplab.kube import client as connection
from acplab.kube import ownership as safety

__all__ = ["Cluster", "delete", "ensure", "find", "inside", "profiles", "stop"]

LOCK_SECONDS = 90


@dataclass
class Cluster:
    """A lab cluster. ports: host ports on 127.0.0.1 by name; addresses: of the nodes when they were made; ranges: those
    that it was made with, None for the profile's own."""

    profile: str
    name: str
    image: str
    ports: dict[str, int]
    addresses: dict[str, str] = field(default_factory=dict)
    complete: bool = False
    ranges: Ranges | None = None

    @property
    def kubeconfig(self) -> Path:
        """Our own kubeconfig file of this cluster."""
        return connection.kubeconfig(self.profile)

    @property
    def http_port(self) -> int:
        """The port on 127.0.0.1 behind which the ingress controller listens."""
        return self.ports["http"]

    @property
    def ingress_url(self) -> str:
        """Where requests from this machine enter the cluster; the Host header says to whom."""
        return f"http://127.0.0.1:{self.http_port}"

    def __repr__(self) -> str:
        return f"cluster {self.name} ({self.profile}), ingress URL {self.ingress_url}"


def _name(profile: str) -> str:
    return f"acplab-{paths.instance()}-{profile}"


def _state_file(profile: str) -> Path:
    return connection.kubeconfig(profile).with_name("state.json")


def recorded(profile: str) -> Cluster | None:
    """What was written down of this profile's cluster; it says nothing of how it is now."""
    try:
        state = json.loads(_state_file(profile).read_text())
        return Cluster(**state | {"ranges": Ranges(**ranges) if (ranges := state.get("ranges")) else None})
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def _record(cluster: Cluster) -> None:
    file = _state_file(cluster.profile)
    file.parent.mkdir(parents=True, exist_ok=True)
    paths.write_whole(file, json.dumps(asdict(cluster), indent=1))


def find(profile: str = "small") -> Cluster:
    """The running cluster of this profile. AcplabError says what is the matter with it, if something is."""
    cluster = recorded(profile)
    if problem := diagnose(cluster, profile):
        raise problem
    assert cluster is not None
    connection.use(cluster.kubeconfig)
    return cluster


@contextmanager
def inside(profile: str) -> Iterator[Cluster]:
    """Let kube speak to the cluster of this profile while the block runs; afterwards to the one of before."""
    before = connection.current()
    try:
        yield find(profile)
    finally:
        connection.use(before)


def diagnose(cluster: Cluster | None, profile: str) -> AcplabError | None:
    """What keeps the cluster from being used, or None. The doctor asks this too."""
    states = nodes.states(_name(profile))
    if cluster is None or not cluster.complete or not states:
        gone = (
            _("The cluster {name} is gone; it was deleted outside of acplab.")
            if cluster and cluster.complete and not states
            else _("There is no cluster {name} yet.")
        )
        return AcplabError(gone.format(name=_name(profile)), _("Run {start}.").format(start=_start(profile)))
    for node, state in states.items():
        if state != "running":
            return AcplabError(
                _("Node {node} is {state}.").format(node=node, state=state),
                _("Run {start}; it sets the node going again.").format(start=_start(profile)),
            )
    if missing := set(cluster.addresses) - set(states):
        return AcplabError(
            _("Node {node} is gone.").format(node=sorted(missing)[0]),
            _("Run {start}; it rebuilds the cluster.").format(start=_start(profile)),
        )
    return None


def _start(profile: str) -> str:
    return "./acplab start" + ("" if profile == "small" else f" --profile {profile}")


def ensure(profile: str = "small", route: str = "auto", ranges: Ranges | None = None) -> Cluster:
    """The cluster of this profile, ready to be used: found, repaired, recreated or created.

    route: where images come from, if they are needed (see images/routes.py). ranges: those that it must have; None
    takes any. A cluster's ranges are immutable, so one that has others is recreated, and that is said. AcplabError
    before anything is touched if no cluster can have these ranges.
    """
    require(profile)
    if ranges:
        refuse_unbuildable(ranges, len(kind_form(profile)["nodes"]), nodes.network_range())
    with _alone():
        return _ensure(profile, route, ranges)


def _alone() -> AbstractContextManager[None]:
    """One at a time makes, stops or removes a cluster. Two notebooks opened at once both end here, and the
    second has only to wait for the first."""
    busy = AcplabError(
        _("Another acplab is working on the cluster at this moment."), _("Wait until it has finished, then try again.")
    )
    return turns.hold(paths.home() / "cluster.lock", LOCK_SECONDS, lambda: busy)


def _ensure(profile: str, route: str, ranges: Ranges | None) -> Cluster:
    cluster = recorded(profile)
    ranges = ranges or (cluster.ranges if cluster else None)
    if cluster and cluster.complete and cluster.ranges != ranges:
        say(_("A cluster's ranges are immutable; recreating {name}.").format(name=cluster.name))
    elif cluster and cluster.complete and nodes.states(cluster.name):
        try:
            return _repaired(cluster)
        except safety.Foreign:
            raise  # somebody changed a label or a kubeconfig; labs may be in there
        except AcplabError as error:
            say(_("The cluster could not be repaired, so it is rebuilt. {why}").format(why=error.sentence))
    elif cluster and cluster.complete:
        say(_("The cluster {name} is gone (deleted outside of acplab?), so it is made anew.").format(name=cluster.name))
    elif nodes.states(_name(profile)):
        say(_("An interrupted start left half a cluster; it is removed first."))
    return _create(profile, images.ensure(route), cluster, ranges)


def _repaired(cluster: Cluster) -> Cluster:
    """The cluster after what was wrong has been put right; AcplabError if it can't be."""
    before = datetime.now(UTC)
    repaired = nodes.restart_nodes(cluster.name, cluster.addresses)
    connection.use(cluster.kubeconfig)
    if repaired:
        say(_("Set going again: {nodes}.").format(nodes=", ".join(repaired)))
        with stage("repair", _("Waiting for the nodes"), 20):
            if own(cluster.profile).network == "terway":
                _when_it_answers(terway.install)
            nodes.wait_ready(since=before)
            nodes.wait_restarted(cluster.name)
    _when_it_answers(connection.require_own_cluster)
    if repaired and own(cluster.profile).platform:
        _when_it_answers(addons.wait_ready, 120)
        _wait_entrance(cluster)
    return cluster


def _when_it_answers(call: Callable[[], None], timeout: float = 60) -> None:
    # A laptop that has just woken up answers late, an API server that has just started refuses for a moment, and a Pod
    # that crashed since its node came up before the others waits for its next try; that is no reason to rebuild a
    # cluster with labs in it.
    for attempt in retry_context(on=_may_pass, attempts=None, timeout=timeout, wait_max=1.0):
        with attempt:
            call()


def _may_pass(error: Exception) -> bool:
    return isinstance(error, AcplabError) and not isinstance(error, safety.Foreign)


def _create(profile: str, image: images.NodeImage, former: Cluster | None, ranges: Ranges | None) -> Cluster:
    """A new cluster. If it cannot be finished, nothing of it stays."""
    name = _name(profile)
    _remove(name)
    cluster = Cluster(profile, name, image.reference, _free_ports(former.ports if former else {}), ranges=ranges)
    _record(cluster)
    try:
        _run_kind(cluster, image)
        if own(profile).platform:
            with stage("platform", _("Installing the ingress controller and the metrics"), 20):
                # Applied before the nodes are ready, so that both waits pass at the same time.
                addons.apply()
                nodes.wait_ready()
                addons.wait_ready()
                _wait_entrance(cluster)
        else:
            with stage("nodes", _("Waiting for the nodes"), 10):
                nodes.wait_ready()
        cluster.addresses = nodes.addresses(name)
    except BaseException:
        _remove(name)
        raise
    cluster.complete = True
    _record(cluster)
    return cluster


def _run_kind(cluster: Cluster, image: images.NodeImage) -> None:
    config = cluster.kubeconfig.with_name("kind.yaml")
    wanted = own_config(cluster.profile, cluster.ports, image.patches, cluster.ranges)
    config.write_text(yaml.safe_dump(wanted))
    env = os.environ | {"KIND_EXPERIMENTAL_DOCKER_NETWORK": nodes.network()}
    options = {"name": cluster.name, "image": image.reference, "config": config, "kubeconfig": cluster.kubeconfig}
    command = [str(images.kind()), "create", "cluster", *(f"--{key}={value}" for key, value in options.items())]
    with stage("kind", _("Creating the cluster {name}").format(name=cluster.name), 45) as current:
        current.run(command, env=env, remedy=_("Run ./acplab doctor; nothing of the cluster was left behind."))
        connection.use(cluster.kubeconfig)
        if own(cluster.profile).network == "terway":
            terway.install()


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


def _remove(name: str) -> None:
    """Remove the nodes that Docker has under kind's label of this name, and nothing else."""
    if found := nodes.states(name):
        nodes.refuse_foreign(list(found))
        _end(name, list(found), "rm", "--force", "--volumes")


def _end(cluster: str, names: list[str], *words: str) -> None:
    """`docker WORDS NAMES`; nodes that Docker cannot end because something in them is frozen are thawed first."""
    try:
        docker.run(*words, *names)
    except AcplabError:
        left = [name for name in names if name in nodes.states(cluster)]
        if not left or not docker.thaw(left):
            raise
        docker.run(*words, *left)


def stop(profile: str = "small") -> bool:
    """Stop the nodes; everything in them is kept. False if there was none running."""
    require(profile)
    with _alone():
        running = [node for node, state in nodes.states(_name(profile)).items() if state == "running"]
        if running:
            with stage("stop", _("Stopping {n} nodes").format(n=len(running)), 12):
                _end(_name(profile), running, "stop", "--time", "10")
    return bool(running)


def delete(profile: str = "small") -> bool:
    """Remove the cluster and what is recorded of it. False if there was none."""
    require(profile)
    with _alone():
        there = bool(nodes.states(_name(profile)))
        _remove(_name(profile))
        shutil.rmtree(_state_file(profile).parent, ignore_errors=True)
    return there


def answers(cluster: Cluster, timeout: float = 2.0) -> bool:
    """Whether the ingress controller answers at the entrance, be it with 404.

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


def _wait_entrance(cluster: Cluster) -> None:
    """Wait until several requests in a row are answered: after a restart one Pod may serve before the other."""
    for attempt in retry_context(on=AcplabError, attempts=None, timeout=60, wait_initial=0.2, wait_max=1.0):
        with attempt:
            if not all(answers(cluster) for _try in range(12)):
                raise AcplabError(
                    _("The ingress controller does not answer at {entrance}.").format(entrance=cluster.ingress_url),
                    _("Run ./acplab delete and ./acplab start, which make the cluster anew."),
                )
