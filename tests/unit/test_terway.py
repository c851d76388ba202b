"""The stand-in for Terway: what is written on the nodes. Docker and the API are played."""

from __future__ import annotations

import json

import pytest
from acplab import kube
from acplab.cluster import terway
from acplab.host import docker
from acplab.kube import client as connection
from acplab.kube import ownership as safety


@pytest.fixture
def calls(monkeypatch) -> list[tuple[str, ...]]:
    """What Docker was asked; the second look at the nodes is the first that shows the slices."""
    done: list[tuple[str, ...]] = []
    looks = [[("one", ""), ("two", "172.28.254.16/28")], [("one", "172.28.254.0/28"), ("two", "172.28.254.16/28")]]

    def items(_kind):
        shown = looks.pop(0) if len(looks) > 1 else looks[0]
        return [{"metadata": {"name": name}, "spec": {"podCIDR": cidr} if cidr else {}} for name, cidr in shown]

    monkeypatch.setattr(docker, "run", lambda *words, **_: done.append(words) or "")
    monkeypatch.setattr(kube, "list", items)
    monkeypatch.setattr(connection, "require_own_cluster", lambda: None)
    return done


def test_every_node_answers_for_its_pods_and_hands_out_its_own_slice(calls):
    terway.install()
    assert [words[1] for words in calls if "net.ipv4.conf.eth0.proxy_arp=1" in words] == ["one", "two"]
    assert [words[2] for words in calls if terway.PUT_PLUGIN in words] == ["one", "two"]
    written = {words[1]: json.loads(words[6]) for words in calls if words[2] == "sh"}
    slices = {name: text["plugins"][0]["ipam"]["ranges"][0][0]["subnet"] for name, text in written.items()}
    assert slices == {"one": "172.28.254.0/28", "two": "172.28.254.16/28"}


def test_no_address_is_translated(calls):
    assert [one.get("ipMasq", False) for one in terway.conflist("172.28.254.0/28")["plugins"]] == [False, False]


def test_somebody_elses_nodes_are_left_alone(calls, monkeypatch):
    monkeypatch.setattr(connection, "require_own_cluster", lambda: safety.refuse_foreign([]))
    with pytest.raises(safety.Foreign):
        terway.install()
    assert calls == []
