"""The JupyterLab that `./acplab start` opens: started once, found again, stopped by its own interface."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import socket
import subprocess
import sys
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path

from acplab.base import paths
from acplab.base.console import Stage, stage
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.base.retry import retry_context

FIRST_NOTEBOOK = "notebooks/00-welcome.ipynb"


@dataclass(frozen=True)
class Server:
    """A running JupyterLab on 127.0.0.1."""

    port: int
    token: str
    root: str

    def url(self, notebook: str = FIRST_NOTEBOOK) -> str:
        """Address that opens a notebook, with the token that lets its owner in."""
        return f"http://127.0.0.1:{self.port}/lab/tree/{notebook}?token={self.token}"

    def _call(self, path: str, method: str = "GET", timeout: float = 5) -> None:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", method=method, headers={"Authorization": f"token {self.token}"}
        )
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=timeout).close()

    def answers(self) -> bool:
        """Whether it is there, and is ours (it accepts the token)."""
        try:
            self._call("/api/status")
        except (OSError, http.client.HTTPException):
            return False
        return True

    def shut_down(self) -> bool:
        """Ask it to end, with its kernels. False if it was not there. A busy machine gets its time."""
        try:
            self._call("/api/shutdown", "POST", timeout=30)
        except OSError:
            return False
        return True


def _file() -> Path:
    return paths.home() / "jupyter.json"


def _recorded(root: Path) -> Server | None:
    try:
        server = Server(**json.loads(_file().read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return server if server.root == str(root) else None


def find(root: Path = paths.ROOT) -> Server | None:
    """The running server of this folder (the checkout), if there is one."""
    server = _recorded(root)
    return server if server and server.answers() else None


def ensure(root: Path = paths.ROOT, *options: str) -> Server:
    """The running server of this folder; started, with more options of JupyterLab, if there is none."""
    return find(root) or _start(root, options)


def stop(root: Path = paths.ROOT) -> bool:
    """Stop the server. False if none was running."""
    server = _recorded(root)
    stopped = server is not None and server.shut_down()
    _file().unlink(missing_ok=True)
    return stopped


def _start(root: Path, options: tuple[str, ...]) -> Server:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        server = Server(probe.getsockname()[1], secrets.token_urlsafe(24), str(root))
    with stage("jupyter", _("Starting JupyterLab on 127.0.0.1"), 5) as current:
        with current.log.open("a") as log:
            process = subprocess.Popen([*_command(server), *options], cwd=root, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       env=os.environ | {"JUPYTER_TOKEN": server.token}, start_new_session=True)  # fmt: skip
        try:
            for attempt in retry_context(on=_Silent, attempts=None, timeout=60, wait_initial=0.2, wait_max=0.5):
                with attempt:
                    _require_answer(server, process, current)
        except BaseException:
            process.kill()  # nobody would know its token
            process.wait()
            raise
    paths.write_whole(_file(), json.dumps(asdict(server)), mode=0o600)
    return server


class _Silent(AcplabError):
    """It runs and does not answer yet."""


def _require_answer(server: Server, process: subprocess.Popen[bytes], current: Stage) -> None:
    if process.poll() is not None:
        raise current.failure(process.returncode, "jupyter lab")
    if not server.answers():
        silent = current.failure(1, "jupyter lab")
        raise _Silent(silent.sentence, silent.remedy)


def _command(server: Server) -> list[str]:
    # The token goes by environment: a command line can be read by every user of the machine.
    options = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": server.port,
        "ServerApp.port_retries": 0,
        "ServerApp.open_browser": False,
        "ServerApp.root_dir": server.root,
        "LabApp.extension_manager": "readonly",
    }
    root = ["--allow-root"] if os.geteuid() == 0 else []
    return [sys.executable, "-m", "jupyterlab", *root, *(f"--{key}={value}" for key, value in options.items())]
