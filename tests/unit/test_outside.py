"""What a lab and a chapter have outside of their namespaces: brought at the start, gone at the end, also after a kill."""

from __future__ import annotations

import pytest
from acplab import images
from acplab.course import chapter as chapters
from acplab.course import lab as labs
from acplab.course import outside
from acplab.topics.dns import changes, zones
from acplab.topics.dns import outside as dns_outside
from fakes import LAB_YAML, World, build

PARTS = "needs: [dns]\noutside: {dns: [cache, webhook]}\n"


class Topic:
    """What is there outside of all namespaces."""

    def __init__(self) -> None:
        self.there: list[str] = []

    def put(self, *parts: str) -> None:
        self.there += [part for part in parts if part not in self.there]

    def clean(self) -> list[str]:
        found, self.there = self.there, []
        return found


def quiet(_sentence: str) -> None:
    pass


@pytest.fixture
def world(tmp_path, monkeypatch) -> World:
    made = build(tmp_path, monkeypatch)
    made.write("labs/01-shop/lab.yaml", LAB_YAML + PARTS)
    return made


@pytest.fixture
def topic(monkeypatch) -> Topic:
    made = Topic()
    monkeypatch.setattr(outside, "_of", lambda name: {"dns": made}[name])
    return made


@pytest.fixture
def loaded(monkeypatch) -> list[str]:
    names: list[str] = []
    monkeypatch.setattr(images, "load", lambda nodes, name: names.append(name))
    return names


def test_a_lab_brings_its_parts_and_takes_them_away(world, topic, loaded):
    lab = labs.start("01-shop", say=quiet)
    assert (topic.there, loaded) == (["cache", "webhook"], ["dns"])
    said: list[str] = []
    lab.finish(said.append)
    assert topic.there == []
    assert said[0].endswith("Undone outside of it: cache, webhook.")


def test_a_reset_begins_with_fresh_parts(world, topic, loaded):
    lab = labs.start("01-shop", say=quiet)
    topic.there.append("a changed Corefile")
    lab.reset(quiet)
    assert topic.there == ["cache", "webhook"]


def test_a_lab_that_goes_on_has_its_parts_again(world, topic, loaded):
    labs.start("01-shop", say=quiet)
    topic.clean()  # as a chapter of the same topic does
    labs.start("01-shop", say=quiet)
    assert topic.there == ["cache", "webhook"]


def test_what_a_kill_has_left_goes_even_without_a_namespace(world, topic, loaded):
    topic.put("cache")
    said: list[str] = []
    labs.find("01-shop").finish(said.append)
    assert topic.there == []
    assert "nothing to remove" in said[0]


def test_a_chapter_cleans_at_both_ends_and_has_its_images(world, topic, loaded, monkeypatch):
    world.write("notebooks/11-names.ipynb", "{}")
    monkeypatch.setattr(images, "chapter_bundles", lambda name: ["dns"] if name.startswith("11") else [])
    monkeypatch.setattr(chapters, "_reading_time", lambda name: "")
    topic.put("left by a killed kernel")
    chapter = chapters.open("11-names", say=quiet, outside=("dns",))
    assert (topic.there, loaded) == ([], ["dns"])
    topic.put("cache")
    chapter.close(quiet)
    assert topic.there == []


def test_the_topic_dns_puts_each_part_in_its_own_way(monkeypatch):
    done: list[str] = []
    zone: list[str] = []
    monkeypatch.setattr(changes, "install", done.append)
    monkeypatch.setattr(changes, "clean", lambda: ["dns-injection"])
    monkeypatch.setattr(zones, "find_zone", lambda: zone)
    monkeypatch.setattr(zones, "private_zone", lambda: zone.append("made"))
    monkeypatch.setattr(zones, "remove_private_zone", lambda: bool(zone))
    assert outside.clean(["dns"]) == ["dns-injection"]
    for _again in range(2):
        dns_outside.put("dns-injection", "private-zone")
    assert (done, zone) == (["dns-injection"] * 2, ["made"])
    assert outside.clean(["dns"]) == ["the servers of PrivateZone", "dns-injection"]
