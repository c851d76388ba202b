"""Setting nodes going again, each at its old address. Docker is a model here: it hands out addresses as the real
one does, the next free one to whoever starts, and refuses what the real one refuses."""

from __future__ import annotations

import ipaddress
import json
from datetime import UTC, datetime, timedelta

import pytest
from acplab import kube
from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.cluster import nodes
from acplab.host import docker

CLUSTER = "acplab-test-a1b2c3-small"
OWNER = "a1b2c3" + "0" * 26
ROUTED = nodes._routed
WANTED = {"one": "172.28.0.10", "two": "172.28.0.9", "three": "172.28.0.11"}


class Daemon:
    """Nodes with a state, an address while they run, and perhaps a fixed one; every call is noted."""

    def __init__(self) -> None:
        self.state = dict.fromkeys(WANTED, "running")
        self.address = dict(WANTED)
        self.fixed: dict[str, str] = {}
        self.connected = set(WANTED)
        self.comes_back = set(WANTED)
        self.networks = {"bridge": "172.17.0.0/16", "acplab": "172.28.0.0/16"}
        self.calls: list[tuple[str, ...]] = []

    def run(self, *words, **_) -> str:
        words = tuple(map(str, words))
        self.calls.append(words)
        verb = f"{words[0]}_{words[1]}" if words[0] == "network" else words[0]
        return getattr(self, f"do_{verb}")(list(words[1:])) or ""

    def do_ps(self, words) -> str:
        assert "label=io.x-k8s.kind.cluster" in words
        assert "--all" in words
        return "".join(f"{CLUSTER}\t{name}\t{state}\n" for name, state in self.state.items())

    def do_inspect(self, names) -> str:
        def networks(name):
            here = {"acplab": {"IPAddress": self.address.get(name, "")}} if name in self.connected else {}
            image = {"Image": "acplab/node:v1"}
            return {"Name": f"/{name}", "Config": image, "NetworkSettings": {"Networks": here}}

        return json.dumps([networks(name) for name in names])

    def do_unpause(self, names) -> None:
        for name in names:
            assert self.state[name] == "paused", f"{name} is not paused"
            self.state[name] = "running"

    def do_stop(self, words) -> None:
        for name in words[2:]:
            assert self.state[name] != "paused"
            self.state[name] = "exited"
            self.address.pop(name, None)

    def do_update(self, words) -> None:
        assert words[:2] == ["--restart", "no"]
        self.comes_back -= set(words[2:])

    def do_network_inspect(self, words) -> str:
        there = {name: {"Name": name, "IPv4Address": f"{address}/16"} for name, address in self.address.items()}
        return json.dumps([{"Name": words[0], "Containers": there}])

    def do_start(self, words) -> None:
        (name,) = words
        assert name in self.connected, f"{name} is in no network"
        taken = {self.address[other] for other in self.address if self.state[other] in ("running", "paused")}
        chosen = self.fixed.get(name) or next(a for n in range(2, 99) if (a := f"172.28.0.{n}") not in taken)
        if chosen in taken:
            raise AcplabError("docker start failed: Error response from daemon: Address already in use", "")
        self.state[name], self.address[name] = "running", chosen

    def do_network_ls(self, words) -> str:
        return "\n".join(self.networks)

    def do_network_create(self, words) -> None:
        subnet = words[words.index("--subnet") + 1]
        if subnet in self.networks.values():
            raise AcplabError("docker network failed: Error response from daemon: Pool overlaps with other one", "")
        self.networks[words[-1]] = subnet

    def do_network_disconnect(self, words) -> None:
        name = words[-1]
        if name not in self.connected:
            raise AcplabError(f"docker network failed: container {name} is not connected to the network acplab", "")
        self.connected.remove(name)
        self.fixed.pop(name, None)

    def do_network_connect(self, words) -> None:
        name = words[-1]
        assert self.state[name] == "exited"
        assert "acplab" in self.networks
        self.connected.add(name)
        self.fixed[name] = words[words.index("--ip") + 1]

    def do_run(self, words) -> str:
        address = words[words.index("--ip") + 1]
        if address in self.address.values():
            raise AcplabError("docker run failed: Error response from daemon: Address already in use", "")
        self.address[f"holder {address}"] = address
        return f"holder {address}\n"

    def do_rm(self, words) -> None:
        for name in words[1:]:
            del self.address[name]

    def done(self, *verbs: str) -> list[tuple[str, ...]]:
        return [call for call in self.calls if call[0] in verbs]


@pytest.fixture
def daemon(monkeypatch, folders) -> Daemon:
    monkeypatch.setenv("ACPLAB_INSTANCE", "test")
    (paths.home() / "owner-id").write_text(OWNER)
    daemon = Daemon()
    monkeypatch.setattr(docker, "run", daemon.run)
    monkeypatch.setattr(nodes, "_routed", list)
    return daemon


def assert_as_before(daemon: Daemon) -> None:
    assert set(daemon.state.values()) == {"running"}
    assert daemon.address == WANTED


def test_nodes_that_run_where_they_should_are_left_alone(daemon):
    assert nodes.restart_nodes(CLUSTER, WANTED) == []
    assert {call[0] for call in daemon.calls} <= {"ps", "inspect"}


def test_which_nodes_are_not_where_they_should_be(daemon):
    assert nodes.displaced(CLUSTER, WANTED) == []
    daemon.state["one"], daemon.state["three"] = "paused", "exited"
    daemon.address["two"] = "172.28.0.77"
    assert sorted(nodes.displaced(CLUSTER, WANTED | {"gone": "172.28.0.5"})) == ["gone", "three", "two"]


def test_a_paused_node_goes_on(daemon):
    daemon.state["two"] = "paused"
    assert nodes.restart_nodes(CLUSTER, WANTED) == ["two"]
    assert daemon.done("unpause", "start", "stop") == [("unpause", "two")]
    assert_as_before(daemon)


@pytest.mark.parametrize("state", ["exited", "created"])
def test_a_stopped_node_starts_at_its_old_address(daemon, state):
    daemon.run("stop", "--time", "1", "one")
    daemon.state["one"] = "exited"
    assert nodes.restart_nodes(CLUSTER, WANTED) == ["one"]
    assert_as_before(daemon)


def test_all_stopped_start_in_the_order_of_their_addresses(daemon):
    daemon.run("stop", "--time", "1", *WANTED)
    assert nodes.restart_nodes(CLUSTER, WANTED) == ["one", "three", "two"]
    # As numbers: .9 comes before .10.
    assert daemon.done("start") == [("start", "two"), ("start", "one"), ("start", "three")]
    assert_as_before(daemon)


def test_nodes_that_swapped_their_addresses_are_moved_back(daemon):
    daemon.run("stop", "--time", "1", *WANTED)
    for name in WANTED:
        daemon.run("start", name)
    assert daemon.address != WANTED
    assert nodes.restart_nodes(CLUSTER, WANTED) == ["one", "three", "two"]
    assert_as_before(daemon)


def test_only_the_moved_nodes_are_stopped(daemon):
    daemon.address["two"] = "172.28.0.77"
    assert nodes.restart_nodes(CLUSTER, WANTED) == ["two"]
    assert daemon.done("stop") == [("stop", "--time", "10", "two")]
    assert_as_before(daemon)


def test_paused_moved_and_stopped_at_once(daemon):
    daemon.state["one"] = "paused"
    daemon.address["two"] = "172.28.0.77"
    daemon.run("stop", "--time", "1", "three")
    assert nodes.restart_nodes(CLUSTER, WANTED) == ["one", "three", "two"]
    assert_as_before(daemon)


def test_a_paused_node_at_a_wrong_address_is_moved_too(daemon):
    daemon.state["one"] = "paused"
    daemon.address["one"] = "172.28.0.77"
    assert nodes.restart_nodes(CLUSTER, WANTED) == ["one"]
    assert_as_before(daemon)


def test_a_repair_that_was_interrupted_can_be_repeated(daemon):
    """Between the two calls that pin an address a node is in no network at all."""
    daemon.run("stop", "--time", "1", "one", "two")
    daemon.run("network", "disconnect", "--force", "acplab", "one")
    assert nodes.restart_nodes(CLUSTER, WANTED) == ["one", "two"]
    assert_as_before(daemon)


def test_a_missing_node_is_named_and_nothing_is_done(daemon):
    del daemon.state["two"]
    daemon.state["one"] = "paused"
    with pytest.raises(AcplabError, match="Node two is gone"):
        nodes.restart_nodes(CLUSTER, WANTED)
    assert daemon.done("unpause", "start", "stop") == []


def test_a_node_that_docker_cannot_start_is_an_error(daemon):
    daemon.run("stop", "--time", "1", "one")
    daemon.state["stranger"], daemon.address["stranger"] = "running", WANTED["one"]
    with pytest.raises(
        nodes.AddressInUse, match=r"needs its address 172\.28\.0\.10, which the container stranger has"
    ) as e:
        nodes.restart_nodes(CLUSTER, WANTED)
    assert "docker stop stranger" in e.value.remedy
    del daemon.state["stranger"], daemon.address["stranger"]
    assert nodes.restart_nodes(CLUSTER, WANTED) == ["one"]
    assert_as_before(daemon)


def test_what_docker_says_of_another_trouble_is_passed_on(daemon, monkeypatch):
    daemon.run("stop", "--time", "1", "one")

    def refuse(_words):
        raise AcplabError("docker start failed: no space left on device", "")

    monkeypatch.setattr(daemon, "do_start", refuse)
    with pytest.raises(AcplabError, match="no space left"):
        nodes.restart_nodes(CLUSTER, WANTED)


def test_docker_does_not_start_nodes_of_a_repaired_cluster_by_itself_any_more(daemon):
    daemon.run("stop", "--time", "1", "one", "two")
    nodes.restart_nodes(CLUSTER, WANTED)
    assert daemon.comes_back == set()


def test_states_and_addresses(daemon):
    daemon.run("stop", "--time", "1", "two")
    assert nodes.states(CLUSTER) == {"one": "running", "two": "exited", "three": "running"}
    assert nodes.addresses(CLUSTER) == WANTED | {"two": ""}


def test_no_nodes_no_questions(daemon):
    daemon.state.clear()
    assert nodes.states(CLUSTER) == nodes.addresses(CLUSTER) == {}
    assert daemon.done("inspect") == []


# --- the network ----------------------------------------------------------------------------------------------------------


def test_the_network_is_found(daemon):
    assert nodes.network() == "acplab"
    assert daemon.calls == [("network", "ls", "--format", "{{.Name}}")]


def test_a_network_with_a_longer_name_is_not_ours(daemon):
    daemon.networks = {"acplab-of-somebody": "172.30.0.0/16"}
    nodes.network()
    assert daemon.networks["acplab"] == nodes.RANGES[0]


def test_the_first_free_range_is_taken(daemon):
    daemon.networks = {"bridge": "172.17.0.0/16", "x": nodes.RANGES[0], "y": nodes.RANGES[1]}
    assert nodes.network() == "acplab"
    assert daemon.networks["acplab"] == nodes.RANGES[2]


def test_no_range_is_free(daemon):
    daemon.networks = {block: block for block in nodes.RANGES}
    with pytest.raises(AcplabError, match="address ranges") as told:
        nodes.network()
    assert told.value.remedy


def test_another_failure_is_not_taken_for_an_overlap(daemon, monkeypatch):
    daemon.networks = {}

    def refuse(words):
        raise AcplabError("docker network failed: permission denied", "")

    monkeypatch.setattr(daemon, "do_network_create", refuse)
    with pytest.raises(AcplabError, match="permission denied"):
        nodes.network()
    assert len(daemon.done("network")) == 2


# --- ready -----------------------------------------------------------------------------------------------------------------


class Api:
    """Nodes and their leases, as the API tells them."""

    def __init__(self, since: datetime) -> None:
        self.ready = dict.fromkeys(WANTED, "True")
        self.renewed = dict.fromkeys(WANTED, since + timedelta(seconds=1))

    def items(self, kind, namespace=None, selector=None):
        if kind == "lease":
            assert namespace == "kube-node-lease"
            times = {name: at.isoformat().replace("+00:00", "Z") for name, at in self.renewed.items()}
            return [{"metadata": {"name": name}, "spec": {"renewTime": at}} for name, at in times.items()]
        return [
            {"metadata": {"name": name}, "status": {"conditions": [{"type": "Ready", "status": status}]}}
            for name, status in self.ready.items()
        ]


@pytest.fixture
def since() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def api(monkeypatch, since) -> Api:
    api = Api(since)
    monkeypatch.setattr(kube, "list", api.items)
    return api


def test_nodes_that_have_reported_are_ready(api, since):
    nodes._require_ready(since)


@pytest.mark.parametrize("status", ["False", "Unknown"])
def test_a_node_that_is_not_ready_is_named(api, since, status):
    api.ready["two"] = status
    with pytest.raises(AcplabError, match="Node two is not ready") as told:
        nodes._require_ready(since)
    assert "docker logs two" in told.value.remedy


def test_ready_from_before_it_was_stopped_does_not_count(api, since):
    api.renewed["two"] = since - timedelta(seconds=5)
    with pytest.raises(AcplabError, match="Node two"):
        nodes._require_ready(since)


def test_a_node_without_a_lease_does_not_count(api, since):
    del api.renewed["two"]
    with pytest.raises(AcplabError, match="Node two"):
        nodes._require_ready(since)


def test_waiting_goes_on_until_they_have(api, since):
    api.ready["two"] = "False"
    looks = []
    items = api.items

    def get_better(kind, namespace=None, selector=None):
        looks.append(kind)
        if len(looks) > 2:
            api.ready["two"] = "True"
            api.renewed = dict.fromkeys(WANTED, datetime.now(UTC) + timedelta(seconds=1))
        return items(kind, namespace, selector)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kube, "list", get_better)
        nodes.wait_ready(timeout=10)
    assert len(looks) > 2


def test_waiting_ends(api):
    api.ready["two"] = "False"
    with pytest.raises(AcplabError, match="Node two is not ready"):
        nodes.wait_ready(timeout=0.2)


def pod(node: str, started: datetime) -> dict:
    status = {"state": {"running": {"startedAt": started.isoformat()}}}
    return {"metadata": {"name": "shop"}, "spec": {"nodeName": node}, "status": {"containerStatuses": [status]}}


def test_a_pod_that_ran_before_its_node_was_started_is_named(since):
    with pytest.raises(AcplabError, match="Pod shop on two has not been started again"):
        nodes._require_restarted(pod("two", since - timedelta(minutes=5)), {"two": since})


def test_pods_that_have_been_started_since_are_fine(since):
    nodes._require_restarted(pod("two", since + timedelta(seconds=5)), {"two": since})


@pytest.mark.parametrize(
    "status",
    [{}, {"containerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}],
    ids=["no containers yet", "one that waits"],
)
def test_pods_that_do_not_claim_to_run_hold_nobody_up(since, status):
    one = {"metadata": {"name": "shop"}, "spec": {"nodeName": "two"}, "status": status}
    nodes._require_restarted(one, {"two": since})


def test_docker_tells_when_a_node_was_started(monkeypatch):
    told = [{"Name": "/two", "State": {"StartedAt": "2026-11-24T10:11:12.123456789Z"}}]
    monkeypatch.setattr(
        docker, "run", lambda *words, **_: f"{CLUSTER}\ttwo\trunning\n" if words[0] == "ps" else json.dumps(told)
    )
    assert nodes._started(CLUSTER)["two"] == datetime(2026, 11, 24, 10, 11, 12, 123456, UTC)


ROUTES = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
tun0\t00001CAC\t00000000\t0001\t0\t0\t0\t0000FEFF\t0\t0\t0
"""


def test_a_range_that_a_vpn_leads_to_is_not_taken(daemon, monkeypatch, tmp_path):
    (tmp_path / "route").write_text(ROUTES)
    monkeypatch.setattr(nodes, "HOST_ROUTES", tmp_path / "route")
    monkeypatch.setattr(nodes, "_routed", ROUTED)
    del daemon.networks["acplab"]
    assert nodes._routed() == [ipaddress.IPv4Network("172.28.0.0/15")]
    nodes.network()
    assert daemon.networks["acplab"] == "192.168.224.0/20"


@pytest.mark.parametrize("block", ["172.28.0.0/16", "192.168.224.0/20"])
def test_each_home_and_the_tests_have_a_pod_vswitch_of_their_own(daemon, monkeypatch, block):
    daemon.do_network_inspect = lambda _words: f"{block}\n"
    tests = nodes.pod_vswitch()
    monkeypatch.setenv("ACPLAB_INSTANCE", "course")
    course = nodes.pod_vswitch()
    assert course == nodes.pod_vswitch() != tests
    (paths.home() / "owner-id").write_text("00000001" + "0" * 24)
    parts = {tests, course, nodes.pod_vswitch()}
    assert len(parts) == 3
    upper_half = list(ipaddress.IPv4Network(block).subnets(prefixlen_diff=1))[1]
    assert all(ipaddress.IPv4Network(one).subnet_of(upper_half) for one in parts)


def test_a_machine_without_proc_has_no_routes_to_avoid(daemon, monkeypatch, tmp_path):
    """macOS, where Docker runs in a machine of its own."""
    monkeypatch.setattr(nodes, "HOST_ROUTES", tmp_path / "nothing")
    monkeypatch.setattr(nodes, "_routed", ROUTED)
    del daemon.networks["acplab"]
    nodes.network()
    assert daemon.networks["acplab"] == nodes.RANGES[0]


def test_the_addresses_of_stopped_nodes_are_kept_while_others_are_made(daemon):
    daemon.run("stop", "--time", "1", "one", "two")
    with nodes.held(list(WANTED.values()), "acplab/node:v1"):
        assert set(daemon.address.values()) == set(WANTED.values())
        assert daemon.address["three"] == WANTED["three"], "a node that runs keeps its own"
    assert daemon.address == {"three": WANTED["three"]}


def test_the_addresses_are_free_again_after_an_error(daemon):
    daemon.run("stop", "--time", "1", "one")
    with pytest.raises(KeyboardInterrupt), nodes.held([WANTED["one"]], "acplab/node:v1"):
        raise KeyboardInterrupt
    assert WANTED["one"] not in daemon.address.values()
