"""A PrivateZone beside the cluster: two containers in the nodes' network, as a VPC has them outside of any cluster.

zone = private_zone()            CoreDNS with a hosts file, and the controller that writes it
zone.addresses("shop.ch-11")     what a machine of the VPC gets
remove_private_zone()            both gone; clean() of changes.py removes the account
"""

from __future__ import annotations

import base64
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from acplab import cluster as clusters
from acplab import images, kube
from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.cluster import Cluster, nodes
from acplab.host import docker
from acplab.kube import client
from acplab.topics.dns import changes

SERVER, CONTROLLER = "private-zone-dns", "private-zone-controller"
SERVER_IMAGE = "docker.io/acplab/coredns:1.14.7"
CONTROLLER_IMAGE = "docker.io/acplab/dns-agent:1.0.0"
API_PORT = 6443  # of a control plane, in the nodes' network
TOKEN_SECONDS = START_SECONDS = 20.0
EMPTY_ZONE = "@ 5 IN SOA ns.invalid. admin.invalid. 1 60 60 60 5\n"
POLL = 0.5
# A record is written every second, and read every second; Pods get ready a moment before their endpoints do.
SETTLE_SECONDS, QUIET_SECONDS = 20.0, 4.0


@dataclass(frozen=True)
class PrivateZone:
    """address: where machines of the VPC ask it; node: a machine of the VPC, from which addresses() asks."""

    address: str
    node: str

    def addresses(self, name: str) -> list[str]:
        """The addresses of $svc.$ns, sorted; [] if there is no such record. Asked on a node, not in a Pod."""
        said = docker.run("exec", self.node, "dig", "+short", "+tries=1", "+time=2", f"@{self.address}", name)
        return sorted(line for line in said.split() if line[0].isdigit())

    def answers(self) -> bool:
        """Whether the server answers at all; that there is no such name is an answer."""
        with suppress(AcplabError):
            self.addresses("anything.default")
            return True
        return False

    def wait_gone(self, name: str, seconds: float = 20) -> None:
        """Wait until there is no such record. AcplabError if it is still there after so many seconds."""
        deadline = time.monotonic() + seconds
        while self.addresses(name):
            if time.monotonic() > deadline:
                raise AcplabError(
                    _("PrivateZone still has {name} after {s:g} s.").format(name=name, s=seconds),
                    _("Does the Service still have the annotation?"),
                )
            time.sleep(POLL)

    def settle(self, name: str, seconds: float = SETTLE_SECONDS) -> list[str]:
        """The addresses of a record once they have stayed the same for some seconds: what is on its way has arrived."""
        deadline = time.monotonic() + seconds
        before: list[str] = []
        since = time.monotonic()
        while time.monotonic() < deadline and time.monotonic() - since < QUIET_SECONDS:
            if (found := self.addresses(name)) != before:
                before, since = found, time.monotonic()
            time.sleep(POLL)
        return before

    def wait(self, name: str, seconds: float = 20) -> list[str]:
        """The addresses of a record as soon as there are some. AcplabError if there are none after so many seconds."""
        deadline = time.monotonic() + seconds
        while not (found := self.addresses(name)):
            if time.monotonic() > deadline:
                raise AcplabError(
                    _("PrivateZone has no record {name} after {s:g} s.").format(name=name, s=seconds),
                    _("Has the Service the annotation, and ready Pods? The name is SERVICE.NAMESPACE."),
                )
            time.sleep(POLL)
        return found

    def __repr__(self) -> str:
        return _("PrivateZone at {address}").format(address=self.address)


def private_zone(where: Cluster | None = None) -> PrivateZone:
    """The PrivateZone of a cluster (the one in use); made if it is not there. Its records follow within 2 s or so."""
    where = where or clusters.find(client.current().parent.name)
    remove_private_zone(where)
    with where:
        changes.install("private-zone")
        folder = _folder(where)
        _write_credentials(folder / "credentials")
    _write_files(folder)
    docker.run("load", "--input", images.bundle("dns").archive)  # the images are in the nodes, and here they are not
    docker.run("run", "--detach", *controller_words(where, folder))
    _wait_for((folder / "zone/hosts").exists, CONTROLLER, where)
    docker.run("run", "--detach", *server_words(where, folder))  # it begins with what the controller has found
    zone = PrivateZone(_address(where), where.nodes[0])
    _wait_for(zone.answers, SERVER, where)
    return zone


def _write_files(folder: Path) -> None:
    (folder / "zone").mkdir(exist_ok=True)
    (folder / "zone").chmod(0o777)  # the controller is no root
    (folder / "zone/empty").write_text(EMPTY_ZONE)
    shutil.copy(paths.ROOT / changes.PLATFORM / "private-zone.Corefile", folder / "Corefile")


def _wait_for(is_so: Callable[[], bool], part: str, where: Cluster) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            raise AcplabError(
                _("{part} has not begun to work within {s:g} s.").format(part=part, s=START_SECONDS),
                _("Look at: docker logs {name}").format(name=f"{where.name}-{part}"),
            )
        time.sleep(POLL)


def find_zone(where: Cluster | None = None) -> PrivateZone | None:
    """The PrivateZone that runs beside a cluster (the one in use); None if there is none."""
    where = where or clusters.find(client.current().parent.name)
    return PrivateZone(_address(where), where.nodes[0]) if _runs(where) else None


def remove_private_zone(where: Cluster | None = None) -> bool:
    """Remove both containers and their files; says whether there were any."""
    where = where or clusters.find(client.current().parent.name)
    found = nodes.remove_beside(where.name)
    shutil.rmtree(_folder(where), ignore_errors=True)
    return found


def _runs(where: Cluster) -> bool:
    names = docker.run("ps", "--filter", f"label={nodes.BESIDE}={where.name}", "--format", "{{.Names}}").split()
    return {f"{where.name}-{SERVER}", f"{where.name}-{CONTROLLER}"} <= set(names)


def server_words(where: Cluster, folder: Path) -> list[str]:
    """What `docker run` is told of the DNS server."""
    mounts = ["--volume", f"{folder}/Corefile:/Corefile:ro", "--volume", f"{folder}/zone:/zone:ro"]
    return [*_common(where, SERVER), *mounts, SERVER_IMAGE, "-conf", "/Corefile"]


def controller_words(where: Cluster, folder: Path) -> list[str]:
    """What `docker run` is told of the controller."""
    api = f"https://{api_host(where)}:{API_PORT}"
    settings = {"API_SERVER": api, "CREDENTIALS": "/credentials", "ZONE_FILE": "/zone/hosts"}
    values = [word for name, value in settings.items() for word in ("--env", f"{name}={value}")]
    mounts = ["--volume", f"{folder}/credentials:/credentials:ro", "--volume", f"{folder}/zone:/zone"]
    return [*_common(where, CONTROLLER), *mounts, *values, CONTROLLER_IMAGE, "privatezone"]


def api_host(where: Cluster) -> str:
    """The container whose API server is asked; its name is in the certificate."""
    balancers = [name for name in where.addresses if name.endswith("-external-load-balancer")]
    return balancers[0] if balancers else next(name for name in where.nodes if "control-plane" in name)


def _common(where: Cluster, name: str) -> list[str]:
    return [
        "--name",
        f"{where.name}-{name}",
        "--label",
        f"{nodes.BESIDE}={where.name}",
        "--network",
        nodes.NETWORK,
    ]


def _folder(where: Cluster) -> Path:
    folder = where.kubeconfig.with_name("private-zone")
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)  # there is a token in it
    return folder


def _write_credentials(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    data = _secret()
    for name, key in (("ca.crt", "ca.crt"), ("token", "token")):
        (folder / name).write_bytes(base64.b64decode(data[key]))
        (folder / name).chmod(0o644)  # the controller is another user; the folder above is ours alone


def _secret() -> dict[str, str]:
    """What the cluster has written into the Secret of the account."""
    deadline = time.monotonic() + TOKEN_SECONDS
    while "token" not in (data := kube.get("secret", "private-zone", changes.NAMESPACE).get("data") or {}):
        if time.monotonic() > deadline:
            raise AcplabError(
                _("The account private-zone has got no token."),
                _("Look at: kubectl get secret private-zone -n kube-system"),
            )
        time.sleep(0.2)
    return data


def set_balancer(service: str, namespace: str, address: str) -> None:
    """What the cloud controller manager does when an SLB is there: write its address into the status of the Service."""
    kube.patch("service", service, {"status": {"loadBalancer": {"ingress": [{"ip": address}]}}}, namespace, status=True)


def _address(where: Cluster) -> str:
    wanted = f'{{{{(index .NetworkSettings.Networks "{nodes.NETWORK}").IPAddress}}}}'
    return docker.run("inspect", "--format", wanted, f"{where.name}-{SERVER}").strip()
