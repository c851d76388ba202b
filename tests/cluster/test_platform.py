"""What a lab cluster stands on: ingress controller, metrics, storage, addresses, Pod network, DNS."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from acplab import kube, measure
from acplab.base.errors import AcplabError
from acplab.cluster import nodes
from acplab.host import docker
from shopfront import (
    Entrance,
    Object,
    deployment,
    endpoints,
    eventually,
    fresh_namespace,
    ingress,
    path_to,
    pods_of,
    service,
)

PODS = ipaddress.ip_network("172.20.0.0/16")
SERVICES = ipaddress.ip_network("172.21.0.0/20")
ZONES = {"control-plane": "cn-hangzhou-h", "worker": "cn-hangzhou-h", "worker2": "cn-hangzhou-i"}
STORAGE = "/var/local-path-provisioner"


@pytest.fixture(scope="module")
def entrance(cluster: Any) -> Iterator[Entrance]:
    """An entrance, and behind it two storefronts that are held on the two workers."""
    with fresh_namespace("platform") as namespace:
        entrance = Entrance(cluster, namespace)
        here, there = workers()
        kube.apply(
            [
                deployment("old", "v1", spec={"nodeName": here}),
                deployment("far", "v2", spec={"nodeName": there}),
                service("old", "old"),
                service("far", "far"),
                ingress("shop", entrance.host("shop"), path_to("old")),
            ],
            namespace,
        )
        for name in ("old", "far"):
            kube.wait("deployment", name, namespace=namespace)
        entrance.take_in()
        yield entrance


def workers() -> list[str]:
    names = [node["metadata"]["name"] for node in kube.list("node")]
    return sorted(name for name in names if "control-plane" not in name)


# --------------------------------------------------------------------------------------- ingress controller


def running(namespace: str, app: str) -> list[Object]:
    return [pod for pod in pods_of(app, namespace) if pod["status"]["phase"] == "Running"]


def test_the_ingress_controller_stands_on_two_nodes(entrance: Entrance) -> None:
    kube.wait("deployment", "traefik", namespace="ingress")
    assert len({pod["spec"]["nodeName"] for pod in running("ingress", "traefik")}) == 2


@pytest.mark.parametrize("nth", [0, 1])
def test_the_entrance_survives_the_loss_of_a_replica(entrance: Entrance, nth: int) -> None:
    """A replica that is told to go still accepts for 10 s, and kube-proxy hears of it sooner: nothing is lost.

    Nor does the new one get a request before it has read the rules: its startupProbe asks for one of them.
    """
    kube.wait("deployment", "traefik", namespace="ingress", timeout=60)
    name = sorted(pod["metadata"]["name"] for pod in running("ingress", "traefik"))[nth]
    with measure.steady(entrance.url, rate=50, host=entrance.host("shop"), keepalive=False) as load:
        kube.delete("pod", name, "ingress")
        kube.wait("deployment", "traefik", namespace="ingress", timeout=60)
        load.run_for(2)
    assert load.result.failed == 0, load.result.summary()
    assert name not in {pod["metadata"]["name"] for pod in running("ingress", "traefik")}


# --------------------------------------------------------------------------------------------------- metrics


def test_the_metrics_tell_what_every_node_uses(entrance: Entrance) -> None:
    names = {node["metadata"]["name"] for node in kube.list("node")}
    assert len(names) == 3

    def measured() -> dict[str, Object]:
        return {one["metadata"]["name"]: one["usage"] for one in kube.list("NodeMetrics")}

    eventually("all nodes are measured", lambda: set(measured()) == names, seconds=60)
    for usage in measured().values():
        assert int(usage["cpu"].rstrip("num")) > 0
        assert int(usage["memory"].removesuffix("Ki")) > 10_000


def test_the_metrics_tell_what_a_pod_uses(entrance: Entrance) -> None:
    def measured() -> set[str]:
        found = kube.list("PodMetrics", namespace=entrance.namespace)
        return {one["metadata"]["labels"]["app"] for one in found}

    eventually("both Pods are measured", lambda: measured() >= {"old", "far"}, seconds=60)


# --------------------------------------------------------------------------------------------------- storage


def test_one_storage_class_is_the_default(entrance: Entrance) -> None:
    mark = "storageclass.kubernetes.io/is-default-class"
    classes = kube.list("storageclass")
    default = [one for one in classes if (one["metadata"].get("annotations") or {}).get(mark) == "true"]
    assert [one["volumeBindingMode"] for one in default] == ["WaitForFirstConsumer"]


def claim(name: str) -> Object:
    """A PersistentVolumeClaim that names no class."""
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Mi"}}}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}


def shell_image() -> str:
    """The image with a shell that is on every node, whatever route the nodes came by: storage itself needs one."""
    settings = kube.get("configmap", "local-path-config", "local-path-storage")["data"]
    return yaml.safe_load(settings["helperPod.yaml"])["spec"]["containers"][0]["image"]


def keeper(name: str, claimed: str, command: str) -> Object:
    """A Pod that runs a shell command with the claim at /data, then stays."""
    container = {
        "name": "shell",
        "image": shell_image(),
        "imagePullPolicy": "Never",
        "command": ["/bin/sh", "-c", f"{command} && exec sleep 300"],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
        "resources": {"requests": {"cpu": "10m", "memory": "8Mi"}, "limits": {"memory": "32Mi"}},
    }
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": claimed}}
    spec = {"containers": [container], "volumes": [volume], "terminationGracePeriodSeconds": 0}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def test_a_claim_is_bound_keeps_its_content_and_leaves_no_folder(entrance: Entrance) -> None:
    place = entrance.namespace
    kube.apply([claim("ledger"), keeper("first", "ledger", "echo paid > /data/book")], place)
    kube.wait("pod", "first", namespace=place, timeout=60)
    volume = bound_volume("ledger", place)
    node = kube.get("pod", "first", place)["spec"]["nodeName"]
    assert content(node, volume) == {"book": "paid"}

    kube.delete("pod", "first", place)
    kube.apply([keeper("second", "ledger", "test -f /data/book")], place)
    kube.wait("pod", "second", namespace=place, timeout=60)
    assert kube.exec("second", ["cat", "/data/book"], place).strip() == "paid"
    assert kube.get("pod", "second", place)["spec"]["nodeName"] == node

    kube.delete("pod", "second", place)
    kube.delete("persistentvolumeclaim", "ledger", place)
    kube.wait("persistentvolume", volume, "deleted", timeout=60)
    assert content(node, volume) is None


def bound_volume(name: str, namespace: str) -> str:
    found = kube.get("persistentvolumeclaim", name, namespace)
    assert found["status"]["phase"] == "Bound"
    return found["spec"]["volumeName"]


def content(node: str, volume: str) -> dict[str, str] | None:
    """File -> text of a volume's folder on its node; None if there is no such folder."""
    folder = docker.run("exec", node, "find", STORAGE, "-maxdepth", "1", "-name", f"{volume}_*").strip()
    if not folder:
        return None
    files = docker.run("exec", node, "ls", folder).split()
    return {file: docker.run("exec", node, "cat", f"{folder}/{file}").strip() for file in files}


# ------------------------------------------------------------------------------------- zones, ranges, ports


def test_every_node_is_in_its_zone(entrance: Entrance, cluster: Any) -> None:
    found = {node["metadata"]["name"]: node["metadata"]["labels"] for node in kube.list("node")}
    zones = {name.removeprefix(f"{cluster.name}-"): one["topology.kubernetes.io/zone"] for name, one in found.items()}
    assert zones == ZONES
    assert {one["topology.kubernetes.io/region"] for one in found.values()} == {"cn-hangzhou"}


def test_pods_have_addresses_of_their_nodes_part_of_the_range(entrance: Entrance) -> None:
    parts = {node["metadata"]["name"]: ipaddress.ip_network(node["spec"]["podCIDR"]) for node in kube.list("node")}
    assert len(set(parts.values())) == 3
    assert all(part.subnet_of(PODS) for part in parts.values())
    for pod in pods_of("old", entrance.namespace) + pods_of("far", entrance.namespace):
        assert ipaddress.ip_address(pod["status"]["podIP"]) in parts[pod["spec"]["nodeName"]]


def test_services_have_addresses_of_their_range(entrance: Entrance) -> None:
    assert kube.get("servicecidr", "kubernetes")["spec"]["cidrs"] == [str(SERVICES)]
    given = {one["spec"].get("clusterIP") for one in kube.list("service", namespace="*")}
    addresses = given - {"None", None}  # headless, and a name alone (ExternalName)
    assert len(addresses) >= 4
    assert all(ipaddress.ip_address(ip) in SERVICES for ip in addresses)


def test_every_host_port_is_on_the_loopback_alone(cluster: Any) -> None:
    found = json.loads(docker.run("inspect", *nodes.states(cluster.name)))
    bindings = [one for node in found for ports in node["NetworkSettings"]["Ports"].values() for one in ports or []]
    assert {one["HostIp"] for one in bindings} == {"127.0.0.1"}
    assert {int(one["HostPort"]) for one in bindings} == set(cluster.ports.values())


# ----------------------------------------------------------------------------------------- Pod network, DNS


def pod_of(app: str, namespace: str) -> tuple[str, str]:
    """(name, address) of an app's Pod."""
    (pod,) = pods_of(app, namespace)
    return pod["metadata"]["name"], pod["status"]["podIP"]


def storefront(entrance: Entrance, app: str, *words: str) -> str:
    """What the storefront's own client prints in that app's Pod."""
    return kube.exec(pod_of(app, entrance.namespace)[0], ["storefront", *words], entrance.namespace)


def logged(entrance: Entrance, app: str, path: str) -> list[Object]:
    """The lines about a path in the log of an app's Pod."""
    text = kube.logs(pod_of(app, entrance.namespace)[0], entrance.namespace)
    lines = [json.loads(line) for line in text.splitlines()]
    return [line for line in lines if line.get("path") == path]


NOT_OUTSIDE = ["172.20.99.9", "172.21.15.9", "10.1.2.3", "192.168.1.2"]
# Reserved ones: the first two are where cloud machines have their metadata service.
NOT_OUTSIDE += ["169.254.169.254", "100.100.100.200", "169.254.20.10", "198.18.0.1", "203.0.113.9", "240.0.0.1"]


@pytest.mark.parametrize("address", NOT_OUTSIDE)
def test_what_no_cluster_has_is_not_looked_for_outside(entrance: Entrance, address: str) -> None:
    """Whoever has that address beyond this machine must not be asked, and not answer in a Pod's place."""
    (pod,) = pods_of("far", entrance.namespace)
    source = ("from", pod["status"]["podIP"], "iif", "cni0")
    with pytest.raises(AcplabError, match="Invalid argument"):  # the kernel's word for a blackhole
        docker.run("exec", pod["spec"]["nodeName"], "ip", "route", "get", address, *source)
    with pytest.raises(AcplabError, match="ended with code 1"):
        storefront(entrance, "far", "get", "-timeout", "500ms", f"http://{address}:8080/")


def test_what_the_node_itself_holds_still_answers(entrance: Entrance) -> None:
    """A DNS cache of the node listens at such an address; here kube-proxy does, which takes every address."""
    (pod,) = pods_of("far", entrance.namespace)
    lo = ("169.254.20.10/32", "dev", "lo")
    docker.run("exec", pod["spec"]["nodeName"], "ip", "address", "add", *lo)
    try:
        said = storefront(entrance, "far", "get", "-timeout", "2s", "http://169.254.20.10:10256/livez")
        assert said.startswith("200 ")
    finally:
        docker.run("exec", pod["spec"]["nodeName"], "ip", "address", "del", *lo)


@pytest.mark.parametrize(("client", "server"), [("old", "far"), ("far", "old")])
def test_pods_of_two_nodes_see_each_others_own_address(entrance: Entrance, client: str, server: str) -> None:
    """No translation on the way: with it the server would log the node's address."""
    path = f"/from-{client}"
    answer = storefront(entrance, client, "get", f"http://{pod_of(server, entrance.namespace)[1]}:8080{path}")
    assert answer.startswith("200 ")
    (line,) = eventually("the request is logged", lambda: logged(entrance, server, path))
    assert line["from"].rsplit(":", 1)[0] == pod_of(client, entrance.namespace)[1]


@pytest.mark.parametrize("client", ["old", "far"])
@pytest.mark.parametrize(("server", "version"), [("old", "v1"), ("far", "v2")])
def test_a_pod_reaches_a_service_on_its_own_node_and_on_another(
    entrance: Entrance, client: str, server: str, version: str
) -> None:
    """By its name, so through CoreDNS; a Pod's own Service is among them."""
    answers = storefront(entrance, client, "get", "-n", "5", f"http://{server}/").splitlines()
    assert [line.split()[:2] for line in answers] == [["200", version]] * 5


@pytest.mark.parametrize("client", ["old", "far"])
@pytest.mark.parametrize("suffix", ["", ".{namespace}", ".{namespace}.svc.cluster.local"])
def test_a_service_name_resolves_to_its_address(entrance: Entrance, client: str, suffix: str) -> None:
    name = "far" + suffix.format(namespace=entrance.namespace)
    address = kube.get("service", "far", entrance.namespace)["spec"]["clusterIP"]
    assert storefront(entrance, client, "resolve", name).split() == [name, address]


def test_a_name_that_no_service_has_does_not_resolve(entrance: Entrance) -> None:
    name = f"nobody.{entrance.namespace}.svc.cluster.local"
    with pytest.raises(AcplabError, match="no such host"):
        storefront(entrance, "old", "resolve", name)


def test_the_endpoints_of_a_service_are_its_pods(entrance: Entrance) -> None:
    assert endpoints("far", entrance.namespace) == [pod_of("far", entrance.namespace)[1]]
