"""What a cluster is made from, what is written down of it, and when one that stands is kept, repaired or rebuilt."""

from __future__ import annotations

import ipaddress
import json
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
import yaml
from acplab import images, kube
from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.cluster import eci, handle, nodes, ownership, upgrade
from acplab.cluster import lifecycle as cluster
from acplab.cluster import platform as addons
from acplab.cluster.handle import Cluster
from acplab.cluster.kind_config import own_config
from acplab.cluster.profiles import profiles
from acplab.cluster.ranges import Ranges, refuse_unbuildable
from acplab.host import docker, freezer, limits
from acplab.images.sources import NodeImage
from acplab.kube import client as connection
from acplab.kube import ownership as safety
from filelock import FileLock

PORTS = {"api": 40001, "http": 40002, "https": 40003}
NOT_PUBLIC = (
    "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.7.7", "169.254.169.254", "169.254.20.10", "100.100.100.200",
    "100.64.0.1", "198.18.0.1", "192.0.2.1", "203.0.113.9", "198.51.100.9", "240.0.0.1", "0.1.2.3",
)  # fmt: skip
BUILT = NodeImage("acplab/node:v1.36.3-x", "built", "x")


@pytest.fixture(autouse=True)
def instance(folders, monkeypatch):
    monkeypatch.setenv("ACPLAB_INSTANCE", "test")
    monkeypatch.setattr(connection, "_used", [])
    monkeypatch.setattr(nodes, "pod_vswitch", lambda: "172.28.254.0/24")
    monkeypatch.setattr(nodes, "network_range", lambda: "172.28.0.0/16")
    monkeypatch.setattr(nodes, "remove_beside", lambda cluster: False)
    monkeypatch.setattr(limits, "require", lambda nodes: None)
    monkeypatch.setattr(limits, "require_disk", lambda nodes: None)


# --- the kind configuration ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", profiles())
def test_everything_listens_on_this_machine_alone(profile):
    config = own_config(profile, PORTS, [])
    assert config["networking"]["apiServerAddress"] == "127.0.0.1"
    assert config["networking"]["apiServerPort"] == PORTS["api"]
    mappings = [one for node in config["nodes"] for one in node.get("extraPortMappings", [])]
    assert {(one["containerPort"], one["hostPort"]) for one in mappings} == {(30080, 40002), (30443, 40003)}
    assert {one["listenAddress"] for one in mappings} == {"127.0.0.1"}


@pytest.mark.parametrize("profile", profiles())
def test_every_node_carries_our_label_and_keeps_its_own(profile):
    config = own_config(profile, PORTS, [])
    assert config["nodes"]
    for node in config["nodes"]:
        assert node["labels"]["acplab.dev/instance"] == "test"
        assert node["labels"]["acplab.dev/owner"] == safety.owner()
        assert node["labels"]["topology.kubernetes.io/zone"]


@pytest.mark.parametrize("profile", profiles())
def test_no_pod_looks_for_private_addresses_outside_of_this_machine(profile):
    for node in own_config(profile, PORTS, [])["nodes"]:
        (mount,) = node["extraMounts"]
        assert mount["readOnly"]
        assert "/containerd.service.d/" in mount["containerPath"]
        rules = Path(mount["hostPath"]).read_text()
        assert paths.ROOT not in Path(mount["hostPath"]).parents, "a checkout may move while its cluster stands"
        dropped = [ipaddress.ip_network(block) for block in re.findall(r"to (\S+) blackhole", rules)]
        for address in NOT_PUBLIC:
            assert any(ipaddress.ip_address(address) in block for block in dropped), address
        for address in ("1.1.1.1", "100.128.0.1", "172.32.0.1", "169.253.0.1", "198.20.0.1", "224.0.0.1"):
            assert not any(ipaddress.ip_address(address) in block for block in dropped), address


def test_the_networks_of_the_file_stay(monkeypatch):
    networking = own_config("small", PORTS, [])["networking"]
    assert networking["podSubnet"] == "172.20.0.0/16"
    assert networking["serviceSubnet"] == "172.21.0.0/20"


def test_patches_are_added_for_built_nodes_only():
    built, published = BUILT, NodeImage("acplab/node:v1-y", "published", "y")
    plain = own_config("small", PORTS, published.patches)["kubeadmConfigPatches"]
    patched = own_config("small", PORTS, built.patches)["kubeadmConfigPatches"]
    assert patched == [*plain, *built.patches]
    assert len(patched) > len(plain) == 1


def test_one_call_does_not_change_the_next():
    first = own_config("small", PORTS, ["one"])
    assert own_config("small", PORTS, ["one"]) == first


@pytest.mark.parametrize("profile", profiles())
def test_kind_gets_nothing_that_it_does_not_know(profile):
    config = own_config(profile, PORTS, [])
    assert set(config) == {"kind", "apiVersion", "networking", "kubeadmConfigPatches", "nodes"}


def test_the_ranges_of_a_plan_take_the_place_of_the_profiles_own():
    ranges = Ranges("10.4.0.0/20", "10.5.0.0/24", 26)
    config = own_config("tight", PORTS, ["image's"], ranges)
    assert config["networking"]["podSubnet"] == "10.4.0.0/20"
    assert config["networking"]["serviceSubnet"] == "10.5.0.0/24"
    _cgroups, image, mask = config["kubeadmConfigPatches"]
    assert image == "image's"
    assert yaml.safe_load(mask)["controllerManager"]["extraArgs"] == {"node-cidr-mask-size": "26"}
    assert "28" in own_config("tight", PORTS, [])["kubeadmConfigPatches"][-1]


def test_terways_pods_get_addresses_of_the_node_network():
    networking = own_config("terway", PORTS, [])["networking"]
    assert networking["podSubnet"] == "172.28.254.0/24"
    assert networking["disableDefaultCNI"] is True
    assert "disableDefaultCNI" not in own_config("small", PORTS, [])["networking"]


# --- ports ------------------------------------------------------------------------------------------------------------------


@contextmanager
def somebody_listens():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_ports_are_free_and_three():
    chosen = cluster._free_ports({})
    assert set(chosen) == {"api", "http", "https"}
    assert len(set(chosen.values())) == 3
    assert all(cluster._is_free(port) for port in chosen.values())


def test_no_port_is_chosen_twice(monkeypatch):
    """The kernel may hand a port out again as soon as the socket that asked for it is closed."""
    handed_out = iter([40001, 40001, 40001, 40002, 40003])
    open_now: set[int] = set()

    class Socket:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.close()

        def close(self):
            open_now.discard(self.port)

        def bind(self, address):
            self.port = address[1] or next(port for port in handed_out if port not in open_now)
            open_now.add(self.port)

        def getsockname(self):
            return "127.0.0.1", self.port

    monkeypatch.setattr(cluster, "socket", type("Sockets", (), {"socket": Socket}))
    assert sorted(cluster._free_ports({}).values()) == [40001, 40002, 40003]


def test_former_ports_are_taken_again():
    former = cluster._free_ports({})
    assert cluster._free_ports(former) == former


def test_a_former_port_that_somebody_else_has_is_replaced_and_the_others_stay():
    former = cluster._free_ports({})
    with somebody_listens() as taken:
        chosen = cluster._free_ports(former | {"http": taken})
    assert chosen["http"] != taken
    assert (chosen["api"], chosen["https"]) == (former["api"], former["https"])


def test_answers_takes_any_answer_but_not_a_mere_connection():
    handler = type(
        "Nothing",
        (BaseHTTPRequestHandler,),
        {"do_GET": lambda self: self.send_error(404), "log_message": lambda *_: None},
    )
    with HTTPServer(("127.0.0.1", 0), handler) as web:
        Thread(target=web.handle_request, daemon=True).start()
        assert cluster.answers(Cluster("small", "x", "i", PORTS | {"http": web.server_port}), timeout=2)
    with somebody_listens() as port:
        there = Cluster("small", "x", "i", PORTS | {"http": port})
        assert not cluster.answers(there, timeout=0.3)
    assert not cluster.answers(there, timeout=0.2)


# --- what is written down -----------------------------------------------------------------------------------------------------


def standing(**changes) -> Cluster:
    """A cluster that is written down as complete."""
    fields = {
        "profile": "small",
        "name": ownership.cluster_name("small"),
        "image": BUILT.reference,
        "ports": PORTS,
        "addresses": {"one": "172.28.0.2", "two": "172.28.0.3"},
        "complete": True,
    }
    made = Cluster(**fields | changes)
    handle.record(made)
    return made


def test_what_is_written_down_is_read_again():
    made = standing()
    assert handle.recorded("small") == made
    assert made.ingress_url == "http://127.0.0.1:40002"
    assert made.kubeconfig == paths.home() / "clusters" / "small" / "kubeconfig"


def test_profiles_and_instances_do_not_share_a_record(tmp_path, monkeypatch):
    standing()
    assert handle.recorded("ha") is None
    monkeypatch.setenv("ACPLAB_HOME", str(tmp_path / "other"))
    assert handle.recorded("small") is None


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "5", '"x"', '{"profile": "small"}', '{"unknown": 1}', "\udc80"]
)
def test_a_broken_record_is_as_good_as_none(text):
    standing()
    handle.state_file("small").write_bytes(text.encode(errors="surrogateescape"))
    assert handle.recorded("small") is None


def test_a_record_is_whole_or_the_old_one(monkeypatch):
    made = standing()
    monkeypatch.setattr(json, "dumps", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        handle.record(made)
    assert handle.recorded("small") == made


# --- what is the matter with it -----------------------------------------------------------------------------------------------


@pytest.fixture
def docker_has(monkeypatch):
    """Node -> state, as Docker would tell; the test may change it."""
    there: dict[str, dict[str, str]] = {"small": {"one": "running", "two": "running"}}

    def containers():
        return [
            ownership.Container(profile if "-" in profile else ownership.cluster_name(profile), name, state)
            for profile, states in there.items()
            for name, state in states.items()
        ]

    monkeypatch.setattr(ownership, "containers", containers)
    return there


def problem(cluster_=None) -> AcplabError | None:
    return handle.diagnose(cluster_ or handle.recorded("small"), "small")


def test_a_cluster_that_stands_is_found(docker_has):
    made = standing()
    assert problem() is None
    connection.use(connection.kubeconfig("tight"))
    assert handle.find("small") == made
    assert connection.current() == connection.kubeconfig("tight"), "to look for a cluster switches nothing"


def test_no_cluster_yet(docker_has):
    docker_has.clear()
    assert problem().sentence == f"There is no cluster {ownership.cluster_name('small')} yet."
    assert problem().remedy == "Run ./acplab start."


def test_nodes_that_are_not_written_down_are_no_cluster(docker_has):
    assert "no cluster" in problem().sentence


def test_an_unfinished_cluster_is_no_cluster(docker_has):
    standing(complete=False)
    with pytest.raises(AcplabError, match="There is no cluster"):
        handle.find("small")


def test_a_cluster_that_was_deleted_outside(docker_has):
    standing()
    docker_has.clear()
    assert "was deleted outside of acplab" in problem().sentence


@pytest.mark.parametrize("state", ["paused", "exited", "created", "restarting", "dead"])
def test_a_node_that_does_not_run_is_named_with_its_state(docker_has, state):
    standing()
    docker_has["small"]["two"] = state
    assert problem().sentence == f"Node two is {state}."
    assert "./acplab start" in problem().remedy


def test_a_node_that_is_gone_is_named(docker_has):
    standing()
    del docker_has["small"]["one"]
    assert problem().sentence == "Node one is gone."


# --- kept, repaired, rebuilt ----------------------------------------------------------------------------------------------------


@pytest.fixture
def steps(docker_has, monkeypatch) -> list[str]:
    """What ensure() does, in order; every step goes well unless a test says otherwise."""
    done: list[str] = []

    def remove(*words, **_):
        if words[0] == "rm":
            done.append("remove")
            docker_has.pop("small", None)
        return ""

    def create(made, image):
        done.append("create")
        docker_has["small"] = {"one": "running", "two": "running"}

    monkeypatch.setattr(docker, "run", remove)
    monkeypatch.setattr(cluster, "_run_kind", create)
    monkeypatch.setattr(ownership, "require_own", lambda _name: None)
    monkeypatch.setattr(images, "ensure", lambda route: done.append(f"images {route}") or BUILT)
    monkeypatch.setattr(upgrade, "note", lambda there, inputs: done.append(f"install for {inputs}"))
    monkeypatch.setattr(upgrade, "bring_up_to_date", lambda there: done.append("compared"))
    monkeypatch.setattr(addons, "wait_ready", lambda: done.append("platform ready"))
    monkeypatch.setattr(addons, "wait_system", lambda: done.append("system ready"))
    monkeypatch.setattr(addons, "wait_names", lambda: done.append("names resolve"))
    monkeypatch.setattr(cluster, "answers", lambda _there, timeout=2.0: True)
    monkeypatch.setattr(nodes, "restart_nodes", lambda name, wanted: [])
    monkeypatch.setattr(nodes, "displaced", lambda name, wanted: [])
    monkeypatch.setattr(nodes, "stay_down", lambda names: None)
    monkeypatch.setattr(nodes, "wait_ready", lambda timeout=150, since=None: done.append("nodes ready"))
    monkeypatch.setattr(nodes, "wait_restarted", lambda name: done.append("pods restarted"))
    monkeypatch.setattr(nodes, "addresses", lambda name: {"one": "172.28.0.2", "two": "172.28.0.3"})
    monkeypatch.setattr(connection, "require_own_cluster", lambda: done.append("guarded"))
    return done


@pytest.fixture
def refused_limits(monkeypatch) -> list[int]:
    """Limits that are too low; for how many nodes they were asked."""
    asked: list[int] = []

    def refuse(nodes: int) -> None:
        asked.append(nodes)
        raise AcplabError("The kernel's limits are too low.", "sudo sysctl")

    monkeypatch.setattr(limits, "require", refuse)
    return asked


def test_limits_are_asked_for_before_anything_is_made(steps, docker_has, refused_limits):
    docker_has.clear()
    with pytest.raises(AcplabError, match="limits are too low"):
        cluster.ensure("small")
    assert (refused_limits, steps) == ([3], [])


def test_limits_are_asked_for_before_stopped_nodes_are_started(steps, docker_has, refused_limits):
    """A boot has reset a limit that was raised; that is no reason to recreate a cluster with labs in it."""
    standing()
    docker_has["small"] = {"one": "exited", "two": "running", "three": "exited"}
    with pytest.raises(AcplabError, match="limits are too low"):
        cluster.ensure("small")
    assert (refused_limits, steps) == ([2], [])


def test_only_nodes_that_are_not_there_need_disk(steps, docker_has, monkeypatch):
    asked: list[int] = []
    monkeypatch.setattr(limits, "require_disk", asked.append)
    standing()
    docker_has["small"] = {"one": "exited", "two": "running", "three": "exited"}
    cluster.ensure("small")
    assert asked == []
    docker_has.clear()
    cluster.ensure("small")
    assert asked == [3]


def test_nodes_that_run_need_nothing_more(steps, docker_has, refused_limits):
    standing()
    docker_has["small"] = {"one": "running", "two": "running", "three": "running"}
    cluster.ensure("small")
    assert refused_limits == []


def test_a_cluster_that_stands_is_only_looked_at(steps):
    made = standing()
    assert cluster.ensure("small") == made
    assert steps == ["guarded", "compared"]


def test_a_cluster_with_a_stopped_node_is_set_going(steps, monkeypatch, capsys):
    standing()
    monkeypatch.setattr(nodes, "restart_nodes", lambda name, wanted: ["two"])
    cluster.ensure("small")
    assert steps == ["nodes ready", "pods restarted", "guarded", "platform ready", "names resolve", "compared"]
    assert "Restarted nodes: two." in capsys.readouterr().out


def test_names_are_waited_for_and_a_coredns_that_is_broken_costs_no_cluster(monkeypatch):
    """A chapter breaks it on purpose; a repair that fails would make the cluster anew."""
    leaving = {"metadata": {"name": "old", "deletionTimestamp": "now"}}
    monkeypatch.setattr(kube, "list", lambda *words: [leaving, {"metadata": {"name": "new"}}])
    asked = []

    def wait(kind, name, **options):
        asked.append(name)
        raise AcplabError("Pod new is in CrashLoopBackOff.", "Look.")

    monkeypatch.setattr(kube, "wait", wait)
    addons.wait_names()
    assert asked == ["new"]


def test_a_new_cluster_is_handed_over_when_each_pod_of_the_system_has_its_address(monkeypatch):
    """On a node with few addresses the learner's Pods would take theirs."""
    pods = [{"metadata": {"name": "coredns", "namespace": "kube-system"}}]
    monkeypatch.setattr(kube, "list", lambda kind, namespace: pods if (kind, namespace) == ("pod", "*") else [])
    asked = []
    monkeypatch.setattr(kube, "wait", lambda kind, name, namespace, timeout: asked.append((kind, namespace, name)))
    addons.wait_system()
    assert asked == [("pod", "kube-system", "coredns")]


@pytest.mark.parametrize(("moved", "removed"), [(["two"], True), ([], False)])
def test_the_virtual_node_makes_way_for_nodes_that_have_to_come_back(moved, removed, steps, docker_has, monkeypatch):
    """Docker starts it first after its own restart, and gives it the address of a node."""
    standing(profile="eci", name=ownership.cluster_name("eci"))
    docker_has["eci"] = {"one": "running", "two": "running"}
    monkeypatch.setattr(eci, "remove_containers", lambda name: steps.append(f"removed of {name}"))
    monkeypatch.setattr(eci, "bring_up_to_date", lambda there: steps.append("virtual node"))
    monkeypatch.setattr(nodes, "displaced", lambda name, wanted: moved)
    monkeypatch.setattr(nodes, "restart_nodes", lambda name, wanted: steps.append("restarted") or moved)
    cluster.ensure("eci")
    name = ownership.cluster_name("eci")
    assert steps[: removed + 1] == [f"removed of {name}"] * removed + ["restarted"]
    assert steps[-1] == "virtual node"


@pytest.mark.parametrize(
    ("now", "lost", "cleared"),
    [
        ({"one": "running", "two": "running"}, [], False),
        ({"one": "running", "two": "exited"}, ["two"], False),  # a learner has stopped a node
        ({"one": "running", "two": "running"}, ["two"], True),  # at the address of somebody else
        ({"one": "exited", "two": "exited"}, ["one", "two"], True),  # only its virtual node has come back
    ],
)
def test_a_cluster_that_has_come_back_in_disorder_makes_way(now, lost, cleared, steps, docker_has, monkeypatch):
    standing()
    other = standing(profile="eci", name=ownership.cluster_name("eci"))
    docker_has["eci"] = now
    monkeypatch.setattr(nodes, "displaced", lambda name, wanted: lost if name == other.name else ["one"])
    monkeypatch.setattr(eci, "remove_containers", lambda name: steps.append(f"removed of {name}"))
    monkeypatch.setattr(nodes, "stop", lambda name: steps.append(f"stopped {name}"))
    cluster.ensure("small")
    assert [one for one in steps if other.name in one] == [
        f"removed of {other.name}",
        f"stopped {other.name}",
    ] * cleared


def test_an_address_that_a_stranger_has_costs_no_cluster(steps, monkeypatch):
    def taken(name, wanted):
        raise nodes.AddressInUse("Node two needs its address.", "docker stop stranger")

    standing()
    monkeypatch.setattr(cluster, "CLEAR_SECONDS", 0.01)
    monkeypatch.setattr(nodes, "restart_nodes", taken)
    with pytest.raises(nodes.AddressInUse):
        cluster.ensure("small")
    assert "create" not in steps


def test_docker_starts_no_node_of_a_new_cluster_by_itself(steps, docker_has, monkeypatch):
    down: list[str] = []
    monkeypatch.setattr(nodes, "stay_down", down.extend)
    docker_has.clear()
    cluster.ensure("small")
    assert down == ["one", "two"]


def test_a_new_cluster_takes_no_address_of_a_stopped_one(steps, docker_has, monkeypatch):
    """Docker gives the addresses of stopped nodes away; their cluster could never come back."""
    held: list[list[str]] = []
    monkeypatch.setattr(nodes, "held", lambda addresses, image: held.append(addresses) or nullcontext())
    standing(profile="tight", name=ownership.cluster_name("tight"))
    docker_has["tight"] = {"one": "exited", "two": "running"}
    docker_has.pop("small")
    cluster.ensure("small")
    assert held == [["172.28.0.2"]]


PLANNED = Ranges("10.4.0.0/20", "10.5.0.0/24", 26)


@pytest.mark.parametrize(
    ("ranges", "reason"),
    [
        (Ranges("172.28.0.0/17", "10.5.0.0/24"), "overlaps 172.28.0.0/16, the Docker network"),
        (Ranges("10.4.0.0/20", "172.28.9.0/24"), "overlaps 172.28.0.0/16, the Docker network"),
        (Ranges("10.4.0.0/20", "10.4.8.0/24"), "The Pod range 10.4.0.0/20 and the Service range 10.4.8.0/24 overlap"),
        (Ranges("10.4.0.0/20", "10.32.0.0/11"), "the API server accepts /12 at most"),
        (Ranges("10.4.0.0/20", "10.5.0.0/29"), "8 addresses; kubeadm needs 10"),
        (Ranges("10.4.0.0/25", "10.5.0.0/24"), "smaller than one node's Pod CIDR"),
        (Ranges("10.0.0.0/8", "172.21.0.0/24", 26), "more than 16 bits longer"),
        (Ranges("10.4.0.0/24", "10.5.0.0/24", 24), "has a /24 for 1 nodes; this cluster has 3"),
        (Ranges("10.4.0.1/20", "10.5.0.0/24"), "is not a CIDR"),
        (Ranges("10.4.0.0/20", "10.5.0.0/24", 26, "fd01::/64", "fd00::/96", 72), "/108 at most"),
        (Ranges("10.4.0.0/20", "10.5.0.0/24", 26, "fd01::/48", "fd00::/112", 72), "more than 16 bits longer"),
    ],
)
def test_ranges_that_cannot_be_are_refused_before_anything_is_touched(steps, ranges, reason):
    standing()
    with pytest.raises(AcplabError) as told:
        cluster.ensure("small", ranges=ranges)
    assert reason in told.value.sentence
    assert told.value.remedy
    assert steps == []


def test_ranges_at_the_limits_are_accepted():
    for ranges in (
        Ranges("10.4.0.0/22", "10.16.0.0/12", 24),
        Ranges("10.4.0.0/16", "10.5.0.0/28", 32),
        Ranges("10.4.0.0/20", "10.5.0.0/24", 24, "fd01::/64", "fd00::/108", 72),
    ):
        refuse_unbuildable(ranges, 3, "172.28.0.0/16")


def test_a_cluster_with_other_ranges_than_planned_is_made_anew(steps, capsys):
    standing()
    made = cluster.ensure("small", ranges=PLANNED)
    assert steps == ["images auto", "remove", "create", "install for x", "nodes ready", "platform ready"]
    assert "immutable" in capsys.readouterr().out
    assert made.ranges == handle.recorded("small").ranges == PLANNED


def test_a_cluster_of_this_plan_is_kept_also_by_who_names_no_plan(steps):
    standing()
    cluster.ensure("small", ranges=PLANNED)
    steps.clear()
    assert cluster.ensure("small", ranges=PLANNED).ranges == PLANNED
    assert cluster.ensure("small").ranges == PLANNED
    assert steps == ["guarded", "compared"] * 2


def test_a_planned_cluster_that_has_to_be_rebuilt_keeps_its_plan(steps, docker_has):
    standing()
    cluster.ensure("small", ranges=PLANNED)
    docker_has.clear()
    assert cluster.ensure("small").ranges == PLANNED


def test_a_cluster_is_current_inside_of_its_block_alone():
    tight, pair = (Cluster(one, one, "x", PORTS) for one in ("tight", "pair"))
    with pytest.raises(ZeroDivisionError), tight:
        with pair:
            assert connection.current() == pair.kubeconfig
            connection.use(connection.kubeconfig("ha"))
            assert connection.current() == pair.kubeconfig
        assert connection.current() == tight.kubeconfig
        raise ZeroDivisionError
    assert connection.current() == connection.kubeconfig("ha")


def test_another_thread_does_not_see_the_block():
    with Cluster("tight", "tight", "x", PORTS) as tight, ThreadPoolExecutor() as pool:
        assert pool.submit(connection.current).result() == connection.kubeconfig("small") != tight.kubeconfig


def test_a_handle_speaks_to_its_own_cluster(monkeypatch):
    asked: list = []
    monkeypatch.setattr(kube, "get", lambda *words: asked.append((connection.current(), *words)))
    pair = Cluster("pair", "pair", "x", PORTS, {"pair-control-plane": "", "pair-external-load-balancer": ""})
    with Cluster("tight", "tight", "x", PORTS):
        pair.kube.get("pod", "shop")
    assert asked == [(pair.kubeconfig, "pod", "shop")]
    assert pair.nodes == ["pair-control-plane"]
    assert "apply" in dir(pair.kube)
    with pytest.raises(AttributeError, match="no verb"):
        print(pair.kube.manifests)


def test_a_cluster_without_a_platform_gets_none(steps, docker_has, monkeypatch):
    monkeypatch.setattr(nodes, "addresses", lambda name: {"one": "172.28.0.9"})
    cluster.ensure("tight")
    assert steps == ["images auto", "create", "install for x", "nodes ready", "system ready"]


def test_the_remedy_names_the_profile(docker_has):
    with pytest.raises(AcplabError) as told:
        handle.find("tight")
    assert told.value.remedy == "Run ./acplab start --profile tight."


def test_the_first_cluster_is_made_and_written_down_at_the_end(steps, docker_has):
    docker_has.clear()
    made = cluster.ensure("small", "mirror=x")
    assert steps == ["images mirror=x", "create", "install for x", "nodes ready", "platform ready"]
    assert handle.recorded("small") == made
    assert made.complete
    assert made.addresses == {"one": "172.28.0.2", "two": "172.28.0.3"}


@pytest.mark.parametrize(
    ("asked", "route"), [("auto", "built"), ("built", "built"), ("mirror=m.example.cn", "mirror=m.example.cn")]
)
def test_a_cluster_remembers_its_mirror_since_newer_images_come_through_it_too(steps, docker_has, asked, route):
    docker_has.clear()
    cluster.ensure("small", asked)
    assert handle.recorded("small").route == route


def test_what_cannot_be_repaired_is_rebuilt_with_a_word_and_the_same_ports(steps, monkeypatch, capsys):
    former = standing(ports=cluster._free_ports({}))

    def gone(name, wanted):
        raise AcplabError("Node two is gone.", "rebuild")

    monkeypatch.setattr(nodes, "restart_nodes", gone)
    assert cluster.ensure("small").ports == former.ports
    assert steps == ["images auto", "remove", "create", "install for x", "nodes ready", "platform ready"]
    assert "recreated. Node two is gone." in capsys.readouterr().out


def test_an_api_server_that_is_slow_once_is_no_reason_to_rebuild(steps, monkeypatch):
    """A rebuild takes every lab in the cluster with it."""
    standing()
    answers = [
        connection.Unreachable("does not answer", "wait"),
        connection.Unreachable("does not answer", "wait"),
        None,
    ]

    def guard() -> None:
        if answer := answers.pop(0):
            raise answer

    monkeypatch.setattr(connection, "require_own_cluster", guard)
    cluster.ensure("small")
    assert steps == ["compared"]
    assert answers == []


def test_an_update_that_fails_is_no_reason_to_recreate(steps, monkeypatch):
    standing()

    def fails(_there) -> None:
        raise AcplabError("Deployment traefik is not ready.", "Look at its Pods.")

    monkeypatch.setattr(upgrade, "bring_up_to_date", fails)
    with pytest.raises(AcplabError, match="traefik"):
        cluster.ensure("small")
    assert steps == ["guarded"]


def test_a_cluster_deleted_outside_is_made_anew_with_a_word(steps, docker_has, capsys):
    standing()
    docker_has.clear()
    cluster.ensure("small")
    assert "is gone (deleted outside of acplab?)" in capsys.readouterr().out
    assert "create" in steps


def test_a_partially_created_cluster_of_ours_is_removed_and_that_is_said(steps, capsys):
    standing(complete=False)
    cluster.ensure("small")
    assert "partially created" in capsys.readouterr().out
    assert steps == ["images auto", "remove", "create", "install for x", "nodes ready", "platform ready"]


@pytest.mark.parametrize("cause", [AcplabError("no", "x"), KeyboardInterrupt()])
def test_a_creation_that_fails_or_is_interrupted_leaves_no_nodes(steps, docker_has, monkeypatch, cause):
    docker_has.clear()

    def fails(*_) -> None:
        raise cause

    monkeypatch.setattr(upgrade, "note", fails)
    with pytest.raises(type(cause)):
        cluster.ensure("small")
    assert docker_has == {}
    assert not handle.recorded("small").complete


def test_the_nodes_stay_until_the_images_are_there(steps, monkeypatch):
    """Without a network the old cluster, broken as it is, is better than none."""
    standing(complete=False)

    def no_images(route):
        raise AcplabError("no registry answers", "wait")

    monkeypatch.setattr(images, "ensure", no_images)
    with pytest.raises(AcplabError, match="no registry"):
        cluster.ensure("small")
    assert "remove" not in steps


def test_two_at_a_time_do_not_work_on_a_cluster(steps, monkeypatch):
    standing()
    monkeypatch.setattr(cluster, "LOCK_SECONDS", 0)
    with FileLock(paths.home() / "cluster-small.lock"), pytest.raises(AcplabError, match="Another acplab"):
        cluster.ensure("small")
    assert steps == []
    assert cluster.ensure("small")


@pytest.mark.parametrize("verb", [cluster.ensure, cluster.stop, cluster.delete])
@pytest.mark.parametrize("profile", ["", ".", "..", "../..", "/tmp", "nosuch", "Small"])
def test_a_profile_that_is_not_one_of_ours_touches_nothing(steps, verb, profile):
    """The name becomes a path, and delete() removes that path."""
    standing()
    mark = paths.home() / "progress.sqlite3"
    mark.write_text("all that I have done")
    with pytest.raises(AcplabError, match="no cluster profile") as told:
        verb(profile)
    assert "small" in told.value.remedy
    assert mark.exists()
    assert handle.recorded("small")
    assert steps == []


def test_delete_removes_the_nodes_and_the_record_and_nothing_else(steps):
    standing()
    (paths.home() / "progress.sqlite3").write_text("x")
    assert cluster.delete("small") is True
    assert steps == ["remove"]
    assert handle.recorded("small") is None
    assert (paths.home() / "progress.sqlite3").exists()
    assert cluster.delete("small") is False


def docker_that_inspects(monkeypatch, image: str) -> list:
    """docker.run with containers of this image; the other calls that were made."""
    calls: list = []

    def run(*words, **_):
        if words[0] == "inspect":
            return json.dumps([{"Name": f"/{name}", "Config": {"Image": image}} for name in words[1:]])
        calls.append(words)
        return ""

    monkeypatch.setattr(docker, "run", run)
    return calls


def test_remove_names_only_nodes_that_docker_has_under_this_name(docker_has, monkeypatch):
    calls = docker_that_inspects(monkeypatch, "acplab/node:v1.36.3-abc")
    nodes.remove(ownership.cluster_name("small"))
    assert calls == [("rm", "--force", "--volumes", "one", "two")]
    nodes.remove(ownership.cluster_name("ha"))
    assert len(calls) == 1


def test_a_node_that_was_killed_while_it_was_frozen_is_removed_all_the_same(docker_has, monkeypatch, tmp_path):
    state = tmp_path / "docker" / "id-of-two" / "pod" / "freezer.state"
    state.parent.mkdir(parents=True)
    state.write_text("FROZEN\n")
    monkeypatch.setattr(freezer, "FREEZER", tmp_path)
    monkeypatch.setattr(ownership, "require_own", lambda _name: None)

    def run(*words, **_):
        if words[0] == "ps":
            return "".join(f"{name} id-of-{name}\n" for name in ("one", "two"))
        if state.read_text() == "FROZEN\n":
            docker_has["small"].pop("one", None)
            raise AcplabError("docker rm failed: tried to kill container, but did not receive an exit event", "")
        assert words == ("rm", "--force", "--volumes", "two")
        docker_has.clear()
        return ""

    monkeypatch.setattr(docker, "run", run)
    nodes.remove(ownership.cluster_name("small"))
    assert docker_has == {}


def test_a_removal_that_fails_for_another_reason_stays_an_error(docker_has, monkeypatch, tmp_path):
    def run(*words, **_):
        if words[0] == "rm":
            raise AcplabError("docker rm failed: permission denied", "")
        return "one id\n"

    monkeypatch.setattr(freezer, "FREEZER", tmp_path)
    monkeypatch.setattr(ownership, "require_own", lambda _name: None)
    monkeypatch.setattr(docker, "run", run)
    with pytest.raises(AcplabError, match="permission denied"):
        nodes.remove(ownership.cluster_name("small"))


@pytest.mark.parametrize("verb", [cluster.ensure, cluster.stop, cluster.delete])
def test_a_strangers_containers_under_our_name_are_left_alone(docker_has, monkeypatch, verb):
    calls = docker_that_inspects(monkeypatch, "kindest/node:v1.36.1")
    standing()
    with pytest.raises(safety.Foreign, match="not a node of acplab") as told:
        verb("small")
    assert ownership.cluster_name("small") in told.value.remedy
    assert calls == []


@pytest.mark.parametrize("name", ["acplab-test-small", "acplab-test-ffffff-small"], ids=["older", "other-home"])
def test_a_cluster_of_another_home_lives_on_beside_ours(steps, docker_has, monkeypatch, name):
    docker_has.clear()
    docker_has[name] = {f"{name}-worker": "paused"}
    assert ownership.others() == [name]
    cluster.ensure("small")
    assert cluster.stop("small")
    assert cluster.delete("small")
    assert docker_has == {name: {f"{name}-worker": "paused"}}
    for change in (nodes.stop, nodes.remove, lambda one: nodes.restart_nodes(one, {f"{name}-worker": ""})):
        monkeypatch.undo()
        monkeypatch.setattr(ownership, "containers", lambda: [ownership.Container(name, f"{name}-worker", "paused")])
        calls = docker_that_inspects(monkeypatch, "acplab/node:v1.36.3-abc")
        with pytest.raises(safety.Foreign, match=name):
            change(name)
        assert calls == []


def test_a_cluster_of_before_there_were_owner_ids_is_named_with_its_remedy(steps, docker_has, capsys):
    standing(name="acplab-test-small")
    docker_has["acplab-test-small"] = docker_has.pop("small")
    made = cluster.ensure("small")
    assert made.name == ownership.cluster_name("small")
    said = capsys.readouterr().out
    assert "The cluster acplab-test-small carries no owner id, so it is left alone" in said
    assert "docker rm --force --volumes" in said
    assert docker_has["acplab-test-small"]


def test_all_clusters_of_the_home_are_known(docker_has):
    assert handle.made() == ["small"]
    handle.record(Cluster("pair", "x", "i", PORTS))
    docker_has |= {"tight": {"t": "exited"}, "acplab-test-terway": {"x": "running"}}
    assert handle.made() == ["pair", "small", "tight"]


def test_a_refusal_by_the_guard_does_not_end_in_a_rebuild(steps, monkeypatch):
    standing()
    monkeypatch.setattr(connection, "require_own_cluster", lambda: safety.refuse_foreign([]))
    with pytest.raises(safety.Foreign):
        cluster.ensure("small")
    assert "remove" not in steps


def test_stop_stops_what_runs(docker_has, monkeypatch):
    calls = docker_that_inspects(monkeypatch, "acplab/node:v1.36.3-abc")
    docker_has["small"]["two"] = "exited"
    assert cluster.stop("small") is True
    assert calls == [("stop", "--time", "10", "one")]
    docker_has["small"]["one"] = "exited"
    assert cluster.stop("small") is False


@pytest.fixture
def one_frozen(docker_has, monkeypatch):
    """Docker ends every node but "one", until that is thawed. Returns what Docker was told to do."""
    monkeypatch.setattr(ownership, "require_own", lambda _name: None)
    told: list = []

    def run(*words, **_):
        told.append(words)
        if words[0] == "rm":
            docker_has["small"].pop("two", None)
        if ("thaw", "one") not in told:
            raise AcplabError("tried to kill container, but did not receive an exit event", "")
        return ""

    monkeypatch.setattr(docker, "run", run)
    monkeypatch.setattr(freezer, "thaw", lambda left: told.extend(("thaw", one) for one in left) or True)
    return told


@pytest.mark.parametrize(("change", "verb"), [(cluster.stop, "stop"), (cluster.delete, "rm")])
def test_a_node_that_docker_cannot_end_is_thawed(one_frozen, change, verb):
    assert change("small") is True
    assert ("thaw", "one") in one_frozen
    assert one_frozen[-1][0] == verb
    assert "one" in one_frozen[-1]


def test_a_node_that_is_not_frozen_and_cannot_be_ended_is_told_of(one_frozen, monkeypatch):
    monkeypatch.setattr(freezer, "thaw", lambda left: False)
    with pytest.raises(AcplabError, match="exit event"):
        cluster.delete("small")


@pytest.mark.parametrize("change", [cluster.stop, cluster.delete, cluster.ensure])
def test_nobody_changes_a_cluster_that_another_works_on(steps, monkeypatch, change):
    standing()
    monkeypatch.setattr(cluster, "LOCK_SECONDS", 0.1)
    with FileLock(paths.home() / "cluster-small.lock"), pytest.raises(AcplabError, match="Another acplab is working"):
        change("small")
    assert steps == []
