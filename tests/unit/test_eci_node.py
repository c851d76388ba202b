"""The virtual node's deployment: what Docker is asked for, and what keeps DaemonSets away."""

from __future__ import annotations

import pytest
import yaml
from acplab import cluster as clusters
from acplab.cluster import eci, profiles
from acplab.kube import client as connection
from acplab.kube import read_manifests


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(eci, "inputs", lambda cluster: "abc")
    monkeypatch.setattr(eci.nodes, "network", lambda: "acplab")
    monkeypatch.setattr(eci.ownership, "owner", lambda: "f" * 32)
    monkeypatch.setattr(eci.docker, "endpoint", lambda: "")
    return clusters.Cluster("small", "acplab-test-ffffff-small", "image", {})


def test_the_program_runs_beside_the_nodes_with_dockers_socket(small):
    words = eci.create_command(small, {"NODE": "virtual"})
    text = " ".join(words)
    assert text.startswith("create --name acplab-test-ffffff-small-eci --network acplab --restart unless-stopped")
    assert "--env ECI_NODE=virtual" in text
    assert "--volume /var/run/docker.sock:/var/run/docker.sock" in text
    assert words[-1] == "docker.io/acplab/eci:1.0.0"


def test_everything_carries_owner_and_cluster(small):
    assert eci.labels(small.name, "sandbox") == {
        "acplab.dev/owner": "f" * 32, "acplab.dev/cluster": small.name, "acplab.dev/eci": "sandbox"}  # fmt: skip


def test_removal_asks_for_every_label_and_takes_the_program_first(small, monkeypatch):
    called = []

    def run(*words):
        called.append(words)
        return "found" if words[0] in ("ps", "volume") else ""

    monkeypatch.setattr(eci.docker, "run", run)
    eci.remove_containers(small.name)
    asked = [words for words in called if words[0] == "ps"]
    assert [words[-1] for words in asked] == [f"label={eci.ROLE}={one}" for one in ("program", "container", "sandbox")]
    assert all(
        f"label={eci.OWNER}={'f' * 32}" in words and f"label={eci.CLUSTER}={small.name}" in words for words in asked
    )
    assert called[1][0] == "rm"


def test_nothing_is_removed_where_nothing_is_found(small, monkeypatch):
    called = []
    monkeypatch.setattr(eci.docker, "run", lambda *words: called.append(words) or "")
    eci.remove_containers(small.name)
    assert {words[0] for words in called} == {"ps", "volume"}
    assert not [words for words in called if "rm" in words]


def daemonset(affinity=None):
    return {"spec": {"template": {"spec": {"affinity": affinity} if affinity else {}}}}


def terms(patch):
    node = patch["spec"]["template"]["spec"]["affinity"]["nodeAffinity"]
    return node["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]


def test_daemonsets_are_kept_away():
    assert terms(eci.away_patch(daemonset())) == [{"matchExpressions": [eci.AWAY]}]


def test_what_a_daemonset_demands_stays_and_twice_is_once():
    own = {"key": "gpu", "operator": "Exists"}
    given = {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [own, eci.AWAY]}]
            }
        }
    }
    assert terms(eci.away_patch(daemonset(given))) == [{"matchExpressions": [own, eci.AWAY]}]


def test_manifests_are_whole():
    objects = [one for file in sorted(eci.MANIFESTS.glob("*.yaml")) for one in read_manifests(file)]
    kinds = [(one["kind"], one["metadata"]["name"]) for one in objects]
    assert len(kinds) == len(set(kinds)) == 13
    policies = [one for one in objects if one["kind"] == "MutatingAdmissionPolicy"]
    assert all("JSONPatch" in yaml.safe_dump(one) for one in policies)


def test_a_virtual_node_that_runs_as_it_would_be_made_today_is_left_alone(small, monkeypatch):
    asked = []
    monkeypatch.setattr(eci.docker, "run", lambda *words: asked.append(words) or "found")
    monkeypatch.setattr(eci, "_run", lambda cluster: pytest.fail("it was replaced"))
    eci.bring_up_to_date(small)
    (words,) = asked
    assert {"label=acplab.dev/eci-inputs=abc", "status=running", "label=acplab.dev/eci=program"} <= set(words)


def test_pods_are_let_in_before_the_virtual_node_counts_as_started(monkeypatch):
    """For half a minute a restarted API server refuses every Pod, since it does not find the kind of a policy's parameters."""
    answers = [connection.Refused("failed to find resource referenced by paramKind", "Read it.", 403), None]

    def dry_run(source):
        if answer := answers.pop(0):
            raise answer

    monkeypatch.setattr(eci.kube, "dry_run", dry_run)
    eci._wait_for_policies()
    assert answers == []


def test_only_a_profile_with_a_virtual_node_has_one():
    assert [one for one in profiles.profiles() if profiles.own(one).virtual_node] == ["eci"]


def inputs_with(monkeypatch, folder, image, platform):
    monkeypatch.setattr(eci, "MANIFESTS", folder)
    monkeypatch.setattr(eci.catalogue, "image_inputs", lambda one: image)
    monkeypatch.setattr(eci.platform, "fingerprint", lambda profile: platform)
    return eci.inputs(clusters.Cluster("eci", "acplab-test-ffffff-eci", "image", {}))


def test_a_new_program_manifest_or_platform_makes_an_old_cluster_get_the_new_one(monkeypatch, tmp_path):
    file = tmp_path / "10-access.yaml"
    file.write_text("kind: A")
    old = inputs_with(monkeypatch, tmp_path, "image", "platform")
    assert inputs_with(monkeypatch, tmp_path, "image", "platform") == old
    changed = [
        inputs_with(monkeypatch, tmp_path, "other", "platform"),
        inputs_with(monkeypatch, tmp_path, "image", "other"),
    ]
    file.write_text("kind: B")
    changed.append(inputs_with(monkeypatch, tmp_path, "image", "platform"))
    assert len({old, *changed}) == 4


@pytest.mark.parametrize(
    ("more", "server"), [((), "control-plane"), (("external-load-balancer",), "external-load-balancer")]
)
def test_the_program_reaches_the_api_server_by_its_name_on_the_network_and_with_its_own_token(
    small, monkeypatch, tmp_path, more, server
):
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump({"clusters": [{"cluster": {"certificate-authority-data": "QQ=="}}]}))
    monkeypatch.setattr(clusters.Cluster, "kubeconfig", file)
    monkeypatch.setattr(
        eci.nodes, "states", lambda name: dict.fromkeys([f"{name}-control-plane", *(f"{name}-{one}" for one in more)])
    )
    monkeypatch.setattr(eci.kube, "get", lambda *words: {"data": {"token": "c2VjcmV0"}})
    written = yaml.safe_load(eci._kubeconfig(small))
    assert written["clusters"][0]["cluster"]["server"] == f"https://{small.name}-{server}:6443"
    assert written["clusters"][0]["cluster"]["certificate-authority-data"] == "QQ=="
    assert written["users"] == [{"name": "u", "user": {"token": "secret"}}]
