"""The API client against servers on 127.0.0.1 that misbehave, and what is made of their refusals."""

from __future__ import annotations

import http.server
import json
import socket
import time
from threading import Thread
from typing import ClassVar

import pytest
import yaml
from acplab.base.errors import AcplabError
from acplab.kube import client as connection
from kubernetes.dynamic.exceptions import ResourceNotFoundError

pytestmark = pytest.mark.usefixtures("folders")


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """No client of another test, none for another."""
    monkeypatch.setattr(connection, "_used", [])
    yield
    connection._client.cache_clear()


def kubeconfig(folder, server: str) -> None:
    """Use a kubeconfig that points at this server."""
    file = folder / "kubeconfig"
    file.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "x",
                "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
                "clusters": [{"name": "x", "cluster": {"server": server}}],
                "users": [{"name": "x", "user": {}}],
            }
        )
    )
    connection.use(file)


def failure(call) -> AcplabError:
    with pytest.raises(AcplabError) as told:
        call()
    assert told.value.remedy
    return told.value


def test_no_cluster_yet():
    said = failure(connection.client)
    assert said.sentence == "There is no cluster yet."
    assert "./acplab start" in said.remedy


def test_the_users_own_kubeconfig_is_never_read(tmp_path, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "theirs"))
    (tmp_path / "theirs").write_text("apiVersion: v1\nkind: Config\n")
    assert failure(connection.client).sentence == "There is no cluster yet."


@pytest.mark.parametrize("text", ["", "{", "[]", "kind: Config\n", "apiVersion: v1\ncurrent-context: gone\n", "words"])
def test_a_broken_kubeconfig_is_a_sentence(tmp_path, text):
    file = tmp_path / "kubeconfig"
    file.write_text(text)
    connection.use(file)
    said = failure(connection.client)
    assert str(file) in said.sentence
    assert "\n" not in said.sentence


def test_nobody_listens(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    kubeconfig(tmp_path, f"http://127.0.0.1:{port}")
    with pytest.raises(connection.Unreachable, match="does not answer") as told:
        connection.client()
    assert "./acplab start" in told.value.remedy


def test_a_handshake_that_breaks_off_is_no_refusal(tmp_path):
    """So it is with a node that has just been started: Docker accepts the call before the API server listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up():
            server.accept()[0].close()

        caller = Thread(target=hang_up, daemon=True)
        caller.start()
        kubeconfig(tmp_path, f"https://127.0.0.1:{server.getsockname()[1]}")
        with pytest.raises(connection.Unreachable, match="does not answer"):
            connection.client()
        caller.join(5)


def test_a_server_that_takes_the_call_and_says_nothing_does_not_hang_a_notebook(tmp_path, monkeypatch):
    """So it is with a paused node: its kernel still accepts connections."""
    monkeypatch.setattr(connection, "TIMEOUT", (0.3, 0.3))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        kubeconfig(tmp_path, f"http://127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()
        with pytest.raises(connection.Unreachable):
            connection.client()
        assert time.monotonic() - began < 10


def test_a_proxy_of_the_surroundings_is_not_used(tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as proxy, socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        monkeypatch.setattr(connection, "TIMEOUT", (0.3, 0.3))
        kubeconfig(tmp_path, f"http://127.0.0.1:{server.getsockname()[1]}")
        failure(connection.client)
        server.settimeout(2)
        server.accept()[0].close()
        proxy.setblocking(False)
        with pytest.raises(BlockingIOError):
            proxy.accept()


class Busy(http.server.BaseHTTPRequestHandler):
    """Answers each request with 429 twice before it lets it through."""

    asked: ClassVar[list[tuple[str, str]]] = []
    patient = True

    def do_GET(self) -> None:
        self.asked.append((self.command, self.path))
        busy = not self.patient or self.asked.count((self.command, self.path)) <= 2
        bodies = {"/api": {"kind": "APIVersions", "versions": []}, "/apis": {"kind": "APIGroupList", "groups": []}}
        body = json.dumps({"message": "not now"} if busy else bodies.get(self.path, {"kind": "Status"})).encode()
        self.send_response(429 if busy else 200)
        for name, value in {
            "Retry-After": "0",
            "Content-Type": "application/json",
            "Content-Length": len(body),
        }.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PATCH = do_DELETE = do_GET

    def log_message(self, *_) -> None:
        pass


@pytest.fixture
def busy(tmp_path, monkeypatch):
    monkeypatch.setattr(Busy, "asked", [])
    monkeypatch.setattr(Busy, "patient", True)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Busy)
    Thread(target=server.serve_forever, daemon=True).start()
    kubeconfig(tmp_path, f"http://127.0.0.1:{server.server_address[1]}")
    yield Busy
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
def test_not_now_is_asked_again_whatever_was_asked(busy, method):
    api = connection.client()
    connection.translate_errors(lambda: api.request(method, "/x", body={}))
    assert busy.asked.count((method, "/x")) == 3


def test_not_now_for_ever_is_the_servers_refusal(busy):
    api = connection.client()
    busy.patient = False
    with pytest.raises(connection.Refused, match="not now") as told:
        connection.translate_errors(lambda: api.request("GET", "/x"))
    assert told.value.status == 429
    assert busy.asked.count(("GET", "/x")) == connection.BUSY_TRIES + 1


def test_exec_asks_127_0_0_1_directly_whatever_the_surroundings_say(busy, monkeypatch):
    """websocket-client takes 127.0.0.1 out of its defaults as soon as NO_PROXY is set."""
    from kubernetes.stream import ws_client
    from websocket._url import get_proxy_info

    options: dict = {}
    monkeypatch.setattr(ws_client.WebSocket, "connect", lambda _self, _url, **given: options.update(given))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", ".corp.example")
    monkeypatch.setenv("no_proxy", ".corp.example")
    ws_client.create_websocket(connection.client().client.configuration, "wss://127.0.0.1:1/")
    assert get_proxy_info("127.0.0.1", True, no_proxy=options["http_no_proxy"])[0] is None


# --- refusals ---------------------------------------------------------------------------------------------------------------


def refused(status: int, message: str) -> connection.Refused:
    return connection.refused(status, json.dumps({"kind": "Status", "message": message}), "Reason")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 429, 500, 503])
def test_every_refusal_has_the_servers_words_its_status_and_a_remedy(status):
    said = refused(status, 'deployments.apps "shop" not found')
    assert said.sentence == 'deployments.apps "shop" not found'
    assert said.status == status
    assert said.remedy


@pytest.mark.parametrize("body", ["", "not JSON", "[]", "null", "{}", '{"message": ""}'])
def test_without_words_the_reason_has_to_do(body):
    assert connection.refused(500, body, "Internal Server Error").sentence == "Internal Server Error"


def test_a_whole_object_is_not_quoted_back():
    whole = '"{\\"apiVersion\\":\\"apps/v1\\",\\"metadata\\":{}}"'
    said = refused(422, f"is invalid: patch: Invalid value: {whole}: json: cannot unmarshal string into replicas")
    assert said.sentence == "is invalid: patch: json: cannot unmarshal string into replicas"


def test_a_short_value_is_quoted():
    message = (
        'Service "shop" is invalid: spec.ports[0].port: Invalid value: 70000: must be between 1 and 65535, inclusive'
    )
    assert refused(422, message).sentence == message


def test_a_mistyped_field_is_the_learners_to_correct_although_the_server_says_500():
    said = refused(
        500, "failed to create typed patch object (x/shop; apps/v1): .spec.replica: field not declared in schema"
    )
    assert "Correct the field" in said.remedy


@pytest.fixture
def searched(monkeypatch):
    """The library's search, with what each call of it does: an error, or the kinds it finds. Returns the calls left."""

    def put(*answers):
        left = list(answers)

        def search():
            answer = left.pop(0) if len(left) > 1 else left[0]
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(connection, "_search", search)
        return left

    return put


def test_a_group_that_is_listed_before_its_kinds_is_asked_again(searched):
    left = searched(ResourceNotFoundError(), ResourceNotFoundError(), ["kinds"])
    assert connection._resources() == ["kinds"]
    assert left == [["kinds"]]


def test_a_group_that_never_says_its_kinds_is_a_sentence(searched, monkeypatch):
    monkeypatch.setattr(connection, "KINDS_SECONDS", 0.01)
    searched(ResourceNotFoundError())
    assert "a group of kinds" in failure(connection._resources).sentence
