"""JupyterLab: started once, found again, never taken for another. A small HTTP server plays it."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from acplab.base import paths
from acplab.host import jupyter as server
from acplab.host.jupyter import Server

# Answers like JupyterLab to whoever has its token, notes itself as jupyter_server does, and ends when it is asked to.
PLAYED = """
import http.server, json, os, sys, threading
root, base = sys.argv[1:]
class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, code):
        self.send_response(code); self.send_header("Content-Length", "0"); self.end_headers()
    def allowed(self):
        return self.headers["Authorization"] == "token " + os.environ["JUPYTER_TOKEN"]
    def do_GET(self):
        self.answer(200 if self.allowed() and self.path == base + "api/status" else 403)
    def do_POST(self):
        self.answer(200 if self.allowed() else 403)
        if self.allowed() and self.path == base + "api/shutdown":
            threading.Thread(target=self.server.shutdown).start()
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
port = server.server_port
runtime = os.environ["JUPYTER_RUNTIME_DIR"]
os.makedirs(runtime, exist_ok=True)
info = {"port": port, "token": os.environ["JUPYTER_TOKEN"], "root_dir": root, "base_url": base, "pid": os.getpid()}
with open(f"{runtime}/part", "w") as file:
    json.dump(info, file)
os.rename(f"{runtime}/part", f"{runtime}/jpserver-{os.getpid()}.json")
server.serve_forever()
"""


def played(root, base="/") -> list[str]:
    return [sys.executable, "-IS", "-c", PLAYED, str(root), base]


@pytest.fixture(autouse=True)
def machine(folders, monkeypatch):
    """No proxy of the surroundings may get a request to this machine, and Jupyter is played."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setattr(server, "_command", played)
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
    assert not running.answers()
    with pytest.raises(ProcessLookupError):
        os.kill(running.pid, 0)
    assert server.find() is None
    assert server.stop() is False


def test_the_token_is_long_secret_and_new_each_time():
    first = server.ensure().token
    server.stop()
    assert len(first) >= 32
    assert server.ensure().token != first


def test_the_token_is_in_no_command_line(monkeypatch):
    monkeypatch.undo()
    command = server._command("/x")
    assert not [word for word in command if "token" in word.lower()]
    assert {"--ServerApp.ip=127.0.0.1", "--ServerApp.root_dir=/x"} <= set(command)
    assert ("--allow-root" in command) == (os.geteuid() == 0)


def test_a_learners_jupyter_server_config_is_not_read(monkeypatch):
    monkeypatch.undo()
    (config,) = [word.removeprefix("--config=") for word in server._command("/x") if word.startswith("--config=")]
    settings = json.loads(Path(config).read_text())
    assert settings["ServerApp"]["open_browser"] is False
    assert "--ServerApp.base_url=/" in server._command("/x")


def test_another_base_url_and_token_are_taken_as_they_are(monkeypatch):
    """As from a learner's jupyter_config, which Jupyter reads in any case."""
    monkeypatch.setattr(server, "_command", lambda root: played(root, "/lab1/"))
    running = server.ensure()
    assert running.url().startswith(f"http://127.0.0.1:{running.port}/lab1/lab/tree/notebooks/")
    assert server.find() == running
    assert server.stop() is True


def test_its_kernels_have_the_folders_of_this_command():
    assert server._environment()["ACPLAB_HOME"] == str(paths.home())
    assert server._environment()["ACPLAB_CACHE"] == str(paths.cache())


def test_an_address_opens_a_notebook():
    assert Server(4000, "t", "/x").url() == "http://127.0.0.1:4000/lab/tree/notebooks/00-welcome.ipynb?token=t"
    assert (paths.ROOT / server.FIRST_NOTEBOOK).exists()


def note(name: str, text: str):
    folder = paths.home() / "jupyter"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)


@pytest.mark.parametrize("changes", [{"token": "wrong"}, {"root_dir": "/another/checkout"}, {"port": 1}])
def test_a_server_that_is_not_this_one_is_not_taken_for_it(changes):
    genuine = server.ensure()
    (file,) = (paths.home() / "jupyter").glob("jpserver-*.json")
    before = file.read_text()
    file.write_text(json.dumps(json.loads(before) | changes))
    assert server.find() is None
    assert server.stop() is False
    assert genuine.answers()
    file.write_text(before)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"port": 1, "pid": 999999999}'])
def test_a_broken_note_is_as_good_as_none(text):
    note("jpserver-1.json", text)
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
    monkeypatch.setattr(server, "_command", lambda root: dies)
    with pytest.raises(server.AcplabError) as told:
        server.ensure()
    assert "Permission denied: /run/user" in str(told.value)
    assert "jupyter.log" in str(told.value)
    assert server.find() is None


def test_a_server_that_never_answers_is_ended(monkeypatch, tmp_path):
    sign = tmp_path / "pid"
    waits = [sys.executable, "-c", f"import os, time; open({str(sign)!r}, 'w').write(str(os.getpid())); time.sleep(60)"]
    monkeypatch.setattr(server, "_command", lambda root: waits)
    context = server.retry_context
    monkeypatch.setattr(server, "retry_context", lambda **words: context(**words | {"timeout": 3}))
    with pytest.raises(server.AcplabError, match="jupyter lab"):
        server.ensure()
    with pytest.raises(ProcessLookupError):
        os.kill(int(sign.read_text()), 0)
    assert server.find() is None


def test_the_played_server_answers_only_with_its_token():
    running = server.ensure()
    assert not replace(running, token="guess").answers()
