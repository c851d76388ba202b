"""A terminal of a real JupyterLab, over the websocket that the browser uses."""

from __future__ import annotations

import json
import re
import secrets
import time
import urllib.request
from collections.abc import Callable, Iterator

import pytest
import websocket
from acplab import kube
from acplab.base import paths
from acplab.host import jupyter, shell
from acplab.kube import contexts
from test_kube import config, pods, shop

ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[a-zA-Z]|\][^\x07]*\x07|[=>])|[\r\x07]")
PROMPT = r"[$#] $"


class Terminal:
    """What a person types, and what appears."""

    def __init__(self, server: jupyter.Server) -> None:
        self.server = server
        name = json.loads(self._post("api/terminals"))["name"]
        url = f"ws://127.0.0.1:{server.port}{server.base_url}terminals/websocket/{name}?token={server.token}"
        self.socket = websocket.create_connection(url, timeout=30)
        self.seen = ""
        self.first = self.until(PROMPT)

    def _post(self, path: str) -> bytes:
        address = f"http://127.0.0.1:{self.server.port}{self.server.base_url}{path}"
        request = urllib.request.Request(address, b"", {"Authorization": f"token {self.server.token}"})
        return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30).read()

    def until(self, wanted: str) -> str:
        """All that has appeared since the last call, as soon as the words are among it."""
        deadline = time.monotonic() + 30
        while not re.search(wanted, self.seen):
            assert time.monotonic() < deadline, self.seen
            kind, *text = json.loads(self.socket.recv())
            self.seen += ESCAPES.sub("", str(text[0])) if kind == "stdout" else ""
        seen, self.seen = self.seen, ""
        return seen

    def type(self, keys: str) -> None:
        self.socket.send(json.dumps(["stdin", keys]))

    def run(self, line: str) -> str:
        """The output of a line."""
        end = secrets.token_hex(4)
        self.type(f"{line}; echo end-''{end}\r")
        seen = self.until(rf"end-{end}\n(.|\n)*{PROMPT}")  # with the prompt after it, or the next line would show it
        return seen.split("\n", 1)[1].split(f"end-{end}")[0]


@pytest.fixture(scope="module")
def space(own_terminals) -> Iterator[str]:
    name = f"t-terminal-{secrets.token_hex(3)}"
    kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    kube.apply([shop()], namespace=name)
    kube.wait("deployment", "shop", namespace=name)
    contexts.use_namespace("small", name)
    yield name
    contexts.leave_namespace(name)
    kube.delete("namespace", name, wait=False)


@pytest.fixture(scope="module")
def server(space, tmp_path_factory) -> Iterator[jupyter.Server]:
    root = tmp_path_factory.mktemp("jupyter")
    yield jupyter.ensure(root, shell.jupyter_option(contexts.file()))
    jupyter.stop(root)


@pytest.fixture
def terminal(server) -> Callable[[], Terminal]:
    return lambda: Terminal(server)


def test_the_first_line_says_which_namespace_is_open(terminal, space):
    assert f"namespace {space} of the cluster small" in terminal().first


def test_kubectl_and_k_see_what_is_open(terminal, space):
    opened = terminal()
    for word in ("kubectl", "k"):
        assert opened.run(f"{word} get pods -o name").split() == [f"pod/{name}" for name in pods(space)]


def test_the_tab_key_completes_names_of_the_open_namespace(terminal, space):
    opened = terminal()
    opened.type("k get deploy sh\t")
    opened.until(r"deploy shop")


def test_an_open_terminal_follows_when_another_chapter_is_opened(terminal, space):
    opened = terminal()
    other = f"{space}-b"
    kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": other}})
    try:
        kube.apply([config("next-chapter")], namespace=other)
        contexts.use_namespace("small", other)
        assert "next-chapter" in opened.run("k get configmap -o name")
    finally:
        contexts.use_namespace("small", space)
        kube.delete("namespace", other, wait=False)


def test_files_of_the_course_are_applied_by_their_path(terminal, space):
    opened = terminal()
    assert opened.run("pwd").strip() == str(paths.ROOT)
    said = opened.run("k apply --server-side --dry-run=server -f manifests/00-welcome/storefront.yaml")
    assert said.count("serverside-applied") == 2
