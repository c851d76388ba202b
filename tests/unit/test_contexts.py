"""The terminals' kubeconfig: one context for each cluster, and the namespace of what is open."""

from __future__ import annotations

import stat
from threading import Thread

import pytest
import yaml
from acplab.kube import client, contexts

pytestmark = pytest.mark.usefixtures("folders")


def cluster(profile: str, port: int) -> None:
    """A kubeconfig as kind writes it."""
    name = f"kind-acplab-test-{profile}"
    config = {
        "apiVersion": "v1", "kind": "Config", "current-context": name,
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "clusters": [{"name": name, "cluster": {"server": f"https://127.0.0.1:{port}"}}],
        "users": [{"name": name, "user": {"client-key-data": "c2VjcmV0"}}],
    }  # fmt: skip
    file = client.kubeconfig(profile)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(config))


def written() -> dict:
    return yaml.safe_load(contexts.file().read_text())


def places() -> dict[str, str]:
    return {one["name"]: one["context"]["namespace"] for one in written()["contexts"]}


def servers() -> dict[str, str]:
    return {one["name"]: one["cluster"]["server"] for one in written()["clusters"]}


def test_at_first_it_is_the_cluster_small_and_the_namespace_default():
    assert contexts.opened() == ("small", "default")
    assert contexts.refresh() is False
    cluster("small", 1)
    assert contexts.refresh() is True
    assert (written()["current-context"], places()) == ("small", {"small": "default"})


def test_what_is_opened_is_what_kubectl_sees():
    cluster("small", 1)
    cluster("terway", 2)
    contexts.use_namespace("terway", "lab-02-terway-addresses")
    assert contexts.opened() == ("terway", "lab-02-terway-addresses")
    assert written()["current-context"] == "terway"
    assert places() == {"small": "default", "terway": "lab-02-terway-addresses"}
    assert servers() == {"small": "https://127.0.0.1:1", "terway": "https://127.0.0.1:2"}


def test_a_recreated_cluster_is_taken_up_and_the_namespace_stays():
    cluster("small", 1)
    contexts.use_namespace("small", "ch-00-welcome")
    cluster("small", 5)
    contexts.refresh()
    assert (servers(), contexts.opened()) == ({"small": "https://127.0.0.1:5"}, ("small", "ch-00-welcome"))


def test_a_visit_leaves_what_is_open_as_it_is():
    cluster("small", 1)
    cluster("terway", 2)
    contexts.use_namespace("small", "ch-02-network-planning")
    contexts.visit("terway", "ch-02-network-planning")
    assert contexts.opened() == ("small", "ch-02-network-planning")
    assert places()["terway"] == "ch-02-network-planning"


def test_a_namespace_that_is_removed_is_left_on_every_cluster_and_no_other():
    cluster("small", 1)
    cluster("terway", 2)
    contexts.use_namespace("small", "ch-02-network-planning")
    contexts.visit("terway", "ch-02-network-planning")
    contexts.leave_namespace("lab-00-hello")
    assert contexts.opened().namespace == "ch-02-network-planning"
    contexts.leave_namespace("ch-02-network-planning")
    assert places() == {"small": "default", "terway": "default"}


def test_what_a_learner_chose_with_kubectl_stays_until_the_next_opening():
    cluster("small", 1)
    contexts.use_namespace("small", "ch-00-welcome")
    contexts.file().write_text(contexts.file().read_text().replace("ch-00-welcome", "kube-system"))
    contexts.refresh()
    assert contexts.opened().namespace == "kube-system"
    contexts.use_namespace("small", "lab-00-hello")
    assert contexts.opened().namespace == "lab-00-hello"


@pytest.mark.parametrize("text", ["", "{", "words", "[]", "contexts:\n", "current-context: gone\n"])
def test_a_file_that_somebody_broke_is_written_again(text):
    cluster("small", 1)
    contexts.file().write_text(text)
    contexts.use_namespace("small", "ch-00-welcome")
    assert places() == {"small": "ch-00-welcome"}


def test_a_kubeconfig_that_cannot_be_read_is_passed_over():
    cluster("small", 1)
    client.kubeconfig("broken").parent.mkdir(parents=True)
    client.kubeconfig("broken").write_text("{")
    contexts.refresh()
    assert set(places()) == {"small"}


def test_nobody_else_can_read_the_keys():
    cluster("small", 1)
    contexts.refresh()
    assert stat.S_IMODE(contexts.file().stat().st_mode) == 0o600


def test_two_notebooks_at_once():
    cluster("small", 1)
    many = [Thread(target=contexts.use_namespace, args=("small", f"ch-{n}")) for n in range(8)]
    for one in many:
        one.start()
    for one in many:
        one.join()
    assert contexts.opened().namespace.startswith("ch-")
