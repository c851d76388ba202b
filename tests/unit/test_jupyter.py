"""JupyterLab: started once, found again, never taken for another. A small HTTP server plays it."""

from __future__ import annotations

import json
import os
import socket
import stat
import sys
import threading
from contextlib import contextmanager

import pytest
from acplab.base import paths
from acplab.host import jupyter as server
from acplab.host.jupyter import Server

# Answers like JupyterLab to whoever has the token of its environment, and ends when it is asked to.
PLAYED = """
import http.server, os, sys, threading
class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, code):
        self.send_response(code); self.send_header("Content-Length", "0"); self.end_headers()
    def allowed(self):
        return self.headers["Authorization"] == "token " + os.environ["JUPYTER_TOKEN"]
    def do_GET(self):
        self.answer(200 if self.allowed() and self.path == "/api/status" else 403)
    def do_POST(self):
        self.answer(200 if self.allowed() else 403)
        if self.allowed() and self.path == "/api/shutdown":
            threading.Thread(target=self.server.shutdown).start()
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.fixture(autouse=True)
def machine(folders, monkeypatch):
    """No proxy of the surroundings may get a request to this machine, and Jupyter is played."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setattr(server, "_command", lambda one: [sys.executable, "-IS", "-c", PLAYED, str(one.port)])
    yield
    server.stop()


def test_it_is_started_and_found_again(capsys):
    assert server.find() is None
    running = server.ensure()
    assert running.answers()
    assert server.find() == server.ensure() == running
    assert "Starting JupyterLab on 127.0.0.1" in capsys.readouterr().out


def test_it_is_stopped_by_its_own_interface():
    running = server.ensure()
    assert server.stop() is True
    for _ in range(100):
        if not running.answers():
            break
    assert not running.answers()
    assert server.find() is None
    assert server.stop() is False


def test_the_token_is_long_secret_and_new_each_time():
    first = server.ensure().token
    server.stop()
    assert len(first) >= 32
    assert server.ensure().token != first
    mode = stat.S_IMODE((paths.home() / "jupyter.json").stat().st_mode)
    assert mode == 0o600


def test_the_token_is_in_no_command_line(monkeypatch):
    monkeypatch.undo()
    command = server._command(Server(4000, "very-secret", "/x"))
    assert not [word for word in command if "very-secret" in word]
    assert "--ServerApp.ip=127.0.0.1" in command
    assert "--ServerApp.port=4000" in command
    assert ("--allow-root" in command) == (os.geteuid() == 0)


def test_an_address_opens_a_notebook():
    assert Server(4000, "t", "/x").url() == "http://127.0.0.1:4000/lab/tree/notebooks/00-welcome.ipynb?token=t"
    assert (paths.ROOT / server.FIRST_NOTEBOOK).exists()


def write_down(**changes) -> None:
    running = server.ensure()
    fields = {"port": running.port, "token": running.token, "root": running.root} | changes
    (paths.home() / "jupyter.json").write_text(json.dumps(fields))


@pytest.mark.parametrize("changes", [{"token": "wrong"}, {"root": "/another/checkout"}, {"port": 1}])
def test_a_server_that_is_not_this_one_is_not_taken_for_it(changes):
    genuine = server.ensure()
    write_down(**changes)
    assert server.find() is None
    genuine.shut_down()


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"port": 1}', '{"extra": 1}'])
def test_a_broken_note_is_as_good_as_none(text):
    (paths.home() / "jupyter.json").write_text(text)
    assert server.find() is None
    assert server.stop() is False
    assert server.ensure().answers()


@contextmanager
def somebody_else(answer: bytes):
    """A service on 127.0.0.1 that says these bytes to whoever connects."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def serve() -> None:
            try:
                while True:
                    client, _ = listener.accept()
                    with client:
                        client.recv(4096)
                        client.sendall(answer)
            except OSError:
                pass

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    "answer", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 404 Not Found\r\n\r\n", b"\x00\xff\r\n"]
)
def test_another_service_at_its_port_is_not_taken_for_it(answer):
    with somebody_else(answer) as port:
        assert not Server(port, "t", str(paths.ROOT)).answers()


def test_a_server_that_dies_at_once_is_an_error_with_its_last_words(monkeypatch):
    dies = [sys.executable, "-c", "print('Permission denied: /run/user'); raise SystemExit(1)"]
    monkeypatch.setattr(server, "_command", lambda one: dies)
    with pytest.raises(server.AcplabError) as told:
        server.ensure()
    assert "Permission denied: /run/user" in str(told.value)
    assert "jupyter.log" in str(told.value)
    assert not (paths.home() / "jupyter.json").exists()


def test_a_server_that_never_answers_is_ended(monkeypatch, tmp_path):
    sign = tmp_path / "pid"
    waits = [sys.executable, "-c", f"import os, time; open({str(sign)!r}, 'w').write(str(os.getpid())); time.sleep(60)"]
    monkeypatch.setattr(server, "_command", lambda one: waits)
    context = server.retry_context
    monkeypatch.setattr(server, "retry_context", lambda **words: context(**words | {"timeout": 3}))
    with pytest.raises(server.AcplabError, match="jupyter lab"):
        server.ensure()
    with pytest.raises(ProcessLookupError):
        os.kill(int(sign.read_text()), 0)
    assert not (paths.home() / "jupyter.json").exists()


def test_the_played_server_answers_only_with_its_token():
    running = server.ensure()
    assert not Server(running.port, "guess", running.root).answers()
