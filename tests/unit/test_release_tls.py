"""What checks say of TLS at the ingress, of a mirror, and of places that are claimed twice; no cluster."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from acplab import certificates
from acplab.base.errors import AcplabError
from acplab.grading import LabView
from acplab.grading.loads import RecordedLoad
from acplab.measure import Sample, Shown, Traffic
from acplab.topics import release
from acplab.topics.release import controller, copies, handshakes
from fakes import World, build
from test_release import NS, ingress

HOST = "shop.example.com"


@pytest.fixture
def world(tmp_path, monkeypatch) -> World:
    return build(tmp_path, monkeypatch)


@pytest.fixture
def lab(world, monkeypatch) -> LabView:
    there = SimpleNamespace(tls_url="https://127.0.0.1:8443")
    monkeypatch.setattr(LabView, "cluster", property(lambda _lab: there))
    return LabView(NS, "http://127.0.0.1:8080")


@pytest.fixture(scope="module")
def ca():
    return certificates.authority("unit CA")


def answers(version: str, n: int = 20, error: str | None = None, location: str = "") -> Traffic:
    status = 308 if location else 200
    return Traffic(
        [Sample(i / 50, 3, status=status, version=version, error=error, location=location) for i in range(n)], 50
    )


def put_ca(world: World, ca: certificates.Authority) -> None:
    world.kube.put("Secret", "lab-ca", NS, data=ca.secret("lab-ca")["data"])


def test_an_answer_over_tls_needs_an_authority_that_can_be_read(world, lab, ca, monkeypatch):
    asked = []
    monkeypatch.setattr(LabView, "traffic", lambda _lab, **words: asked.append(words) or answers("books"))
    missing = release.answers_over_tls(lab, HOST, "books", "lab-ca", text="key")
    assert (missing.ok, asked) == (False, [])
    world.kube.put("Secret", "lab-ca", NS, data={"ca.crt": "no base64!"})
    assert not release.answers_over_tls(lab, HOST, "books", "lab-ca", text="key").ok
    put_ca(world, ca)
    assert release.answers_over_tls(lab, HOST, "books", "lab-ca", text="key").ok
    assert not release.answers_over_tls(lab, HOST, "toys", "lab-ca", text="key").ok
    assert asked[0]["tls"] is not None


@pytest.mark.parametrize(
    ("days", "refused", "long", "short"),
    [
        (90, "", True, False),
        (7, "", False, True),
        (7, "certificate has expired", False, False),
        (None, "", False, False),
    ],
)
def test_how_long_a_certificate_is_taken(world, lab, ca, monkeypatch, days, refused, long, short):
    put_ca(world, ca)

    def served(*_words):
        if days is None:
            raise AcplabError("No handshake.", "Look.")
        return Shown(ca.issue(HOST, days=days).says, refused)

    monkeypatch.setattr(handshakes, "served", served)
    assert release.taken(lab, HOST, "lab-ca", "key", at_least=59).ok is long
    assert release.taken(lab, HOST, "lab-ca", "key", at_most=8).ok is short
    assert release.taken(lab, HOST, "lab-ca", "key").ok is (long or short)
    assert ("no handshake" in release.certificate_at(lab, HOST, "lab-ca")) is (days is None)


@pytest.mark.parametrize(
    ("seen", "ok"),
    [
        (answers("?", location=f"https://{HOST}/"), True),
        (answers("?", location="https://other.example.com/"), False),
        (answers("books"), False),
        (answers("?", n=0), False),
    ],
)
def test_everybody_is_sent_on_to_tls(lab, monkeypatch, seen, ok):
    monkeypatch.setattr(LabView, "traffic", lambda _lab, **_words: seen)
    assert release.redirects(lab, HOST, text="key").ok is ok


@pytest.mark.parametrize(("sent_on", "asked"), [(True, "https://127.0.0.1:8443"), (False, "http://127.0.0.1:8080")])
def test_a_host_that_sends_on_is_asked_over_tls(world, lab, ca, monkeypatch, sent_on, asked):
    from acplab import measure

    urls = []
    plain = answers("?", location=f"https://{HOST}/") if sent_on else answers("books")

    def traffic(url, **_words):
        urls.append(url)
        return answers("books") if url.startswith("https") else plain

    monkeypatch.setattr(measure, "traffic", traffic)
    put_ca(world, ca)
    assert release.look_either_way(lab, HOST, "books", 0.1, "lab-ca").only("books")
    assert urls == ["http://127.0.0.1:8080", asked]


def at(minute: int) -> dict:
    return {"managedFields": [{"time": f"2026-01-01T10:{minute:02}:00Z"}]}


@pytest.mark.parametrize(
    ("ingress_at", "secret_at", "ok"), [(1, 1, False), (1, 3, True), (3, 1, True), (1, None, False)]
)
def test_what_is_renewed_has_changed_since_the_load_began(world, lab, ingress_at, secret_at, ok):
    tls = [{"hosts": [HOST], "secretName": "shop-tls"}]
    world.kube.put("Ingress", "shop", NS, metadata=at(ingress_at), spec={"rules": [{"host": HOST}], "tls": tls})
    world.kube.put("Secret", "other-tls", NS, metadata=at(9))
    if secret_at is not None:
        world.kube.put("Secret", "shop-tls", NS, metadata=at(secret_at))
    load = RecordedLoad(began=datetime(2026, 1, 1, 10, 2, tzinfo=UTC))
    assert release.renewed_under(lab, HOST, load, "key").ok is ok
    assert not release.renewed_under(lab, HOST, RecordedLoad(), "key").ok


def test_a_lab_asks_the_tls_port_only_when_it_says_whom_to_trust(lab, ca, monkeypatch):
    from acplab import measure

    urls = []
    monkeypatch.setattr(measure, "traffic", lambda url, **_words: urls.append(url) or answers("v1"))
    lab.traffic(host=HOST)
    lab.traffic(host=HOST, tls=ca.trust())
    assert urls == ["http://127.0.0.1:8080", "https://127.0.0.1:8443"]


def test_a_place_that_two_ingresses_claim(world, lab):
    ingress(world, "one", "shop")
    ingress(world, "canary", "new", canary="true")
    assert release.claimed_twice(lab) is None
    ingress(world, "two", "cart")
    assert "shop.example.com/: one, two" in release.claimed_twice(lab)[1]


def test_copies_are_counted_elsewhere(lab, monkeypatch):
    counts = iter([100, 121])
    monkeypatch.setattr(copies, "find", lambda _profile: SimpleNamespace(kube=None))
    monkeypatch.setattr(copies, "requests_of", lambda *_words: next(counts))
    monkeypatch.setattr(LabView, "traffic", lambda _lab, **_words: answers("v1", n=100))
    sent = release.send(lab, HOST, "pair", "app=shadow", 100)
    assert sent.copies == 21
    assert release.copies_arrive(sent, 0.2, 0.05, text="key").ok
    assert not release.copies_arrive(sent, 0.5, 0.05, text="key").ok
    assert release.only_original(sent, "v1", text="key").ok


def test_what_is_there_on_the_other_cluster(lab, monkeypatch):
    objects = {
        "pod": [{"metadata": {}}, {"metadata": {"deletionTimestamp": "2026-11-26T16:00:00Z"}}],
        "service": [{"spec": {"ports": [{"port": 80, "nodePort": 30080}]}}, {"spec": {"ports": [{"port": 80}]}}],
    }
    there = SimpleNamespace(
        kube=SimpleNamespace(list=lambda kind, *_words: objects[kind]), addresses={"n1": "172.18.0.3"}, nodes=["n1"]
    )
    monkeypatch.setattr(copies, "find", lambda _profile: there)
    assert release.pods_elsewhere(lab, "pair", "app=shadow") == 1  # the other one is ending
    assert release.node_ports_elsewhere(lab, "pair") == [30080]
    assert release.node_port("pair", 30080) == "172.18.0.3:30080"


def test_without_another_cluster_nothing_is_copied(lab, monkeypatch):
    def find(_profile):
        raise AcplabError("There is no cluster pair yet.", "Make it.")

    monkeypatch.setattr(copies, "find", find)
    monkeypatch.setattr(LabView, "traffic", lambda _lab, **_words: answers("v1"))
    sent = release.send(lab, HOST, "pair", "app=shadow", 100)
    assert "no cluster pair" in release.copies_arrive(sent, 0.2, 0.05, text="key").found
    assert release.pods_elsewhere(lab, "pair", "app=shadow") is None
    assert release.node_ports_elsewhere(lab, "pair") == []
    assert release.asked_elsewhere(lab, "pair", 30080) == ""


def test_a_crash_kills_the_containers_where_they_run(monkeypatch):
    pod = {"spec": {"nodeName": "worker"}, "status": {"containerStatuses": [{"containerID": "containerd://abc"}]}}
    ran = []
    monkeypatch.setattr(controller.kube, "get", lambda *asked: pod)
    monkeypatch.setattr(controller.node_exec, "run", lambda *command: ran.append(command))
    controller.crash("traefik-1", "ingress")
    assert ran == [("worker", "ctr", "-n", "k8s.io", "task", "kill", "--signal", "SIGKILL", "abc")]
