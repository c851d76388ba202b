"""Starting Docker's daemon where nobody else does: by the service manager, or by ourselves in a bare container."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

from acplab.base import paths
from acplab.base.console import Stage, say, stage
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.base.retry import retry_context
from acplab.host import runc_shim


def start(is_ready: Callable[[], bool]) -> None:
    """Start the daemon as root and wait until it answers; AcplabError with its last words if it does not."""
    with stage("docker", _("Docker is stopped: starting it, since you are root"), 8) as current:
        if Path("/run/systemd/system").is_dir():
            current.run(["systemctl", "start", "docker"])
        else:
            _start_own_daemon(current)
        _wait_until(is_ready, current)


def _start_own_daemon(current: Stage) -> None:
    """No service manager: a daemon of our own, which outlives this command."""
    env = os.environ | {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    with current.log.open("a", encoding="utf-8") as log:
        subprocess.Popen(
            ["dockerd", *runtime_options()],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=env,
            start_new_session=True,
        )


def runtime_options() -> list[str]:
    """On a host whose root lacks a capability, runc is called through our shim."""
    if len(runc_shim.held()) == len(runc_shim.NAMES):
        return []
    folder = paths.cache() / "docker"
    folder.mkdir(exist_ok=True)
    shim, script = folder / "runc-shim", folder / "runc_shim.py"
    # Copies, so that the daemon does not depend on this checkout staying where it is.
    script.write_text(Path(runc_shim.__file__).read_text(encoding="utf-8"), encoding="utf-8")
    shim.write_text(f'#!/bin/sh\nexec {shutil.which("python3", path="/usr/bin:/bin") or "python3"} -I {script} "$@"\n')
    shim.chmod(shim.stat().st_mode | stat.S_IXUSR)
    config = folder / "daemon.json"
    config.write_text(json.dumps({"runtimes": {"acplab": {"path": str(shim)}}, "default-runtime": "acplab"}))
    say(_("This host keeps a capability from root, so containers start through {shim}.").format(shim=shim))
    return ["--config-file", str(config)]


def _wait_until(is_ready: Callable[[], bool], current: Stage) -> None:
    for attempt in retry_context(on=AcplabError, attempts=None, timeout=40, wait_max=1.0):
        with attempt:
            if not is_ready():
                raise current.failure(1, "dockerd", _("Docker did not come up."))
