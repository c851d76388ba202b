"""A proxy that is set for the Internet never gets what is meant for the cluster on this machine."""

from __future__ import annotations

import socket
import threading

import pytest
from acplab.kube import client

KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: c
contexts: [{{name: c, context: {{cluster: c, user: u}}}}]
clusters: [{{name: c, cluster: {{server: "https://127.0.0.1:{port}", insecure-skip-tls-verify: true}}}}]
users: [{{name: u, user: {{}}}}]
"""


class Listener:
    """Counts who connects, and hangs up."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.visits = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                visitor, _address = self.socket.accept()
            except OSError:
                return
            self.visits += 1
            visitor.close()


@pytest.fixture
def listeners(monkeypatch):
    """(API server, proxy), the latter set in every variable that programs look at."""
    api, proxy = Listener(), Listener()
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, ".corp.example")
    yield api, proxy
    for one in (api, proxy):
        one.socket.close()


@pytest.fixture
def configuration(listeners, folders, monkeypatch):
    """The library's settings as our client makes them."""
    monkeypatch.setattr("kubernetes.dynamic.DynamicClient", lambda api, cache_file: api)
    file = folders / "kubeconfig"
    file.write_text(KUBECONFIG.format(port=listeners[0].port))
    return client._client(file, 0).configuration


def test_an_exec_asks_the_api_server_directly(listeners, configuration):
    from kubernetes.stream.ws_client import create_websocket

    api, proxy = listeners
    with pytest.raises(Exception, match=r"."):
        create_websocket(configuration, f"wss://127.0.0.1:{api.port}/api/v1", {})
    assert (api.visits, proxy.visits) == (1, 0)


def test_a_plain_request_asks_the_api_server_directly(listeners, configuration):
    from kubernetes.client import ApiClient

    api, proxy = listeners
    with pytest.raises(Exception, match=r"."):
        ApiClient(configuration).rest_client.request("GET", f"https://127.0.0.1:{api.port}/version")
    assert (api.visits, proxy.visits) == (1, 0)
