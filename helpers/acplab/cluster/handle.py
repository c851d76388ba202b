"""A cluster as a handle, and what is written down of it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.cluster import nodes
from acplab.cluster.ownership import cluster_name, own_profiles
from acplab.cluster.profiles import own
from acplab.cluster.ranges import Ranges
from acplab.kube import client
from acplab.kube.bound import Kube

LOAD_BALANCER = "-external-load-balancer"


@dataclass
class Cluster:
    """A cluster of this home: `with cluster:` makes it the one that kube and datapath speak to.

    image: that its nodes were made from; route: by which images come (built, published or mirror=PREFIX). ports: host
    ports on 127.0.0.1 by name; addresses: of its containers when they were made; ranges: those that it was made with,
    None for the profile's own.
    """

    profile: str
    name: str
    image: str
    ports: dict[str, int]
    addresses: dict[str, str] = field(default_factory=dict)
    complete: bool = False
    ranges: Ranges | None = None
    route: str = "built"

    @property
    def kubeconfig(self) -> Path:
        """Our own kubeconfig file of this cluster."""
        return client.kubeconfig(self.profile)

    @property
    def kube(self) -> Kube:
        """kube's verbs, spoken to this cluster whichever is current."""
        return Kube(self.kubeconfig)

    @property
    def nodes(self) -> list[str]:
        """The names of its nodes when it was made; containers are called the same."""
        return sorted(name for name in self.addresses if not name.endswith(LOAD_BALANCER))

    def short(self, node: str) -> str:
        """A node's name without the cluster's: "worker2"."""
        return node.removeprefix(f"{self.name}-")

    @property
    def ingress_url(self) -> str:
        """Where requests from this machine enter the cluster; the Host header says to whom."""
        return f"http://127.0.0.1:{self.ports['http']}"

    @property
    def tls_url(self) -> str:
        """The same for https; the certificate is that of the name in the handshake (SNI)."""
        return f"https://127.0.0.1:{self.ports['https']}"

    def __enter__(self) -> Cluster:
        client.enter(self.kubeconfig)
        return self

    def __exit__(self, *_error: object) -> None:
        client.leave()

    def __repr__(self) -> str:
        entry = f", ingress URL {self.ingress_url}" if own(self.profile).platform else ""
        return f"cluster {self.name} ({self.profile}){entry}"


def state_file(profile: str) -> Path:
    """What is written down of a profile's cluster."""
    return client.kubeconfig(profile).with_name("state.json")


def recorded(profile: str) -> Cluster | None:
    """What was written down of this profile's cluster; it says nothing of how it is now."""
    try:
        state = json.loads(state_file(profile).read_text())
        return Cluster(**state | {"ranges": Ranges(**ranges) if (ranges := state.get("ranges")) else None})
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def record(cluster: Cluster) -> None:
    """Write it down."""
    file = state_file(cluster.profile)
    file.parent.mkdir(parents=True, exist_ok=True)
    paths.write_whole(file, json.dumps(asdict(cluster), indent=1))


def made() -> list[str]:
    """The profiles of which this home has a cluster, or a record of one."""
    records = {file.parent.name for file in state_file("any").parents[1].glob("*/state.json")}
    return sorted(records | set(own_profiles()))


def find(profile: str = "small") -> Cluster:
    """The running cluster of this profile. AcplabError says what is the matter with it, if something is."""
    cluster = recorded(profile)
    if problem := diagnose(cluster, profile):
        raise problem
    assert cluster is not None
    return cluster


def diagnose(cluster: Cluster | None, profile: str) -> AcplabError | None:
    """What keeps the cluster from being used, or None. The doctor asks this too."""
    name = cluster_name(profile)
    states = nodes.states(name)
    if cluster is None or cluster.name != name or not cluster.complete or not states:
        gone = (
            _("The cluster {name} is gone; it was deleted outside of acplab.")
            if cluster and cluster.name == name and cluster.complete
            else _("There is no cluster {name} yet.")
        )
        return AcplabError(gone.format(name=name), _("Run {start}.").format(start=start_command(profile)))
    for node, state in states.items():
        if state != "running":
            return AcplabError(
                _("Node {node} is {state}.").format(node=node, state=state),
                _("Run {start}; it restarts the node.").format(start=start_command(profile)),
            )
    if missing := set(cluster.addresses) - set(states):
        return AcplabError(
            _("Node {node} is gone.").format(node=sorted(missing)[0]),
            _("Run {start}; it recreates the cluster.").format(start=start_command(profile)),
        )
    return None


def start_command(profile: str) -> str:
    """The command that makes or repairs the cluster of this profile."""
    return "./acplab start" + ("" if profile == "small" else f" --profile {profile}")
