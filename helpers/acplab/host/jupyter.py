"""The JupyterLab that `./acplab start` opens: started once, found again and stopped by jupyter_server's own means.

It has a runtime folder and a configuration of its own, so that a learner's other servers and ~/.jupyter stay apart.
"""

from __future__ import annotations

import http.client
import os
import secrets
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from acplab.base import paths
from acplab.base.console import Stage, stage
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.base.retry import retry_context

FIRST_NOTEBOOK = "notebooks/00-welcome.ipynb"
# With --config, Jupyter does not read a learner's jupyter_server_config, whose token or address would lock us out.
CONFIG = Path(__file__).with_name("jupyter_server_config.json")


@dataclass(frozen=True)
class Server:
    """A running JupyterLab on 127.0.0.1. root: the checkout that it shows; base_url: begins and ends with a slash."""

    port: int
    token: str
    root: str
    base_url: str = "/"
    pid: int = 0

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}{self.base_url}"

    def url(self, notebook: str = FIRST_NOTEBOOK) -> str:
        """Address that opens a notebook, with the token that lets its owner in."""
        return f"{self.address}lab/tree/{quote(notebook)}?token={self.token}"

    def answers(self) -> bool:
        """Whether it is there, and is ours (it accepts the token)."""
        request = urllib.request.Request(f"{self.address}api/status", headers={"Authorization": f"token {self.token}"})
        try:
            urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5).close()
        except (OSError, http.client.HTTPException):
            return False
        return True

    def shut_down(self) -> bool:
        """End it, with its kernels; killed if it does not end by itself. False if it was not there."""
        from jupyter_server.serverapp import shutdown_server

        return self.answers() and shutdown_server({"url": self.address, "pid": self.pid, "token": self.token})


def _runtime() -> Path:
    return paths.home() / "jupyter"


def _servers(root: Path) -> Iterator[Server]:
    """The servers of this folder, by what each has written into our runtime folder."""
    if not list(_runtime().glob("jpserver-*.json")):
        return  # the usual case before a start, in which the library need not be loaded
    from jupyter_server.serverapp import list_running_servers

    for one in list_running_servers(str(_runtime())):
        server = Server(one["port"], one["token"], one["root_dir"], one["base_url"], one["pid"])
        if server.root == str(root):
            yield server


def find(root: Path = paths.ROOT) -> Server | None:
    """The running server of this folder (the checkout), if there is one."""
    return next((server for server in _servers(root) if server.answers()), None)


def ensure(root: Path = paths.ROOT, *options: str) -> Server:
    """The running server of this folder; started, with more options of JupyterLab, if there is none."""
    return find(root) or _start(root, options)


def stop(root: Path = paths.ROOT) -> bool:
    """Stop the server. False if none was running."""
    stopped = [server.shut_down() for server in _servers(root)]
    return any(stopped)


def _start(root: Path, options: tuple[str, ...]) -> Server:
    with stage("jupyter", _("Starting JupyterLab on 127.0.0.1"), 5) as current:
        with current.log.open("a", encoding="utf-8") as log:
            process = subprocess.Popen([*_command(root), *options], cwd=root, stdin=subprocess.DEVNULL,
                                       stdout=log, stderr=log, env=_environment(), start_new_session=True)  # fmt: skip
        try:
            return _wait_until_found(root, process, current)
        except BaseException:
            process.kill()
            process.wait()
            raise
        finally:
            # Its end is taken note of, or it would be a zombie that seems to run.
            threading.Thread(target=process.wait, daemon=True).start()


def _wait_until_found(root: Path, process: subprocess.Popen[bytes], current: Stage) -> Server:
    for attempt in retry_context(on=_Silent, attempts=None, timeout=60, wait_initial=0.2, wait_max=0.5):
        with attempt:
            return _found(root, process, current)
    raise AssertionError("retry_context ends with a result or an exception")


class _Silent(AcplabError):
    """It runs and does not answer yet."""


def _found(root: Path, process: subprocess.Popen[bytes], current: Stage) -> Server:
    if process.poll() is not None:
        raise current.failure(process.returncode, "jupyter lab")
    if server := find(root):
        return server
    silent = current.failure(1, "jupyter lab")
    raise _Silent(silent.sentence, silent.remedy)


def _environment() -> dict[str, str]:
    # The token goes by environment: a command line can be read by every user of the machine.
    ours = {"JUPYTER_TOKEN": secrets.token_urlsafe(24), "JUPYTER_RUNTIME_DIR": str(_runtime()), "PYTHONUTF8": "1"}
    ours |= {"ACPLAB_HOME": str(paths.home()), "ACPLAB_CACHE": str(paths.cache())}
    return os.environ | ours


def _command(root: Path) -> list[str]:
    # The command line wins over every file. The port is Jupyter's choice: 8888, or the next that is free.
    options = {
        "config": CONFIG,
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.base_url": "/",
        "ServerApp.root_dir": root,
    }
    as_root = ["--allow-root"] if os.geteuid() == 0 else []
    return [sys.executable, "-m", "jupyterlab", *as_root, *(f"--{key}={value}" for key, value in options.items())]
