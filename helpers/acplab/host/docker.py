"""Docker: find it, install it where that is allowed, start it where nobody else does, and run it."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
from pathlib import Path

from acplab.base import paths
from acplab.base.console import Stage, say, stage
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.base.retry import retry_context

INSTALL = "sudo apt-get update && sudo apt-get install --yes docker.io"
START = "sudo systemctl start docker"
JOIN_GROUP = 'sudo usermod -aG docker "$USER" && newgrp docker'

FREEZER = Path("/sys/fs/cgroup/freezer")


def run(*arguments: str | Path, stdin: str | None = None, timeout: float | None = 120) -> str:
    """The output of `docker ARGUMENTS`. AcplabError carries Docker's own last words."""
    try:
        done = subprocess.run(
            ["docker", *map(str, arguments)], input=stdin, capture_output=True, text=True, timeout=timeout
        )
    except FileNotFoundError:
        raise AcplabError(_("There is no docker command on this machine."), _("Run ./acplab start.")) from None
    except subprocess.TimeoutExpired:
        sentence = _("docker {verb} has not answered for {s} s.").format(verb=arguments[0], s=timeout)
        raise AcplabError(sentence, _("Run ./acplab doctor.")) from None
    if done.returncode:
        raise _explained(str(arguments[0]), done.stderr.strip())
    return done.stdout


def thaw(containers: list[str]) -> bool:
    """Let frozen processes in these containers go on, so that they can die; whether there were any.

    On cgroup v1 runc freezes a container for a moment while it starts it. A node that is killed in just that moment
    keeps the frozen process, which no signal reaches, and Docker can never remove the node.
    """
    ids = run("inspect", "--format", "{{.Id}}", *containers).split()
    states = [state for one in ids for state in FREEZER.glob(f"**/{one}/**/freezer.state")]
    frozen = [state for state in states if state.read_text().strip() != "THAWED"]
    try:
        for state in frozen:
            state.write_text("THAWED")
    except OSError:
        return False
    return bool(frozen)


def _explained(verb: str, words: str) -> AcplabError:
    """Docker's words with the remedy that fits them."""
    if "permission denied" in words.lower() and "docker" in words and "sock" in words:
        return AcplabError(_("You are not allowed to use Docker."), JOIN_GROUP)
    if "annot connect to the Docker daemon" in words or "error during connect" in words:
        return AcplabError(_("Docker is not running."), _("Run ./acplab start, or: ") + START)
    if "no space left" in words:
        return AcplabError(
            _("The disk is full: docker {verb} failed.").format(verb=verb),
            _("Free some space: ./acplab doctor shows how much is needed."),
        )
    last = words.splitlines()[-1] if words else _("no words")
    return AcplabError(_("docker {verb} failed: {last}").format(verb=verb, last=last), _("Run ./acplab doctor."))


def state() -> str:
    """ "ready", or what is missing: "no client", "no daemon", "stopped", "forbidden", "elsewhere", "silent"."""
    if not shutil.which("docker"):
        return "no client"
    command = ["docker", "info", "--format", "{{.ServerVersion}}"]
    try:
        asked = subprocess.run(command, capture_output=True, text=True, timeout=30)
    except subprocess.TimeoutExpired:
        return "silent"
    if asked.returncode == 0 and asked.stdout.strip() and not asked.stderr.startswith("Cannot"):
        return "ready"
    if "permission denied" in asked.stderr.lower():
        return "forbidden"
    if os.environ.get("DOCKER_HOST"):
        return "elsewhere"
    return "stopped" if shutil.which("dockerd", path=f"{os.environ['PATH']}:/usr/sbin") else "no daemon"


def require() -> None:
    """AcplabError unless Docker answers; nothing is installed or started."""
    if (condition := state()) != "ready":
        raise AcplabError(*remedy(condition))


def remedy(condition: str) -> tuple[str, str]:
    """What to say of a state() that isn't "ready": (sentence, remedy). Shared with the doctor."""
    return {
        "no client": (_("Docker is not installed."), INSTALL),
        "no daemon": (_("There is a docker command, but no Docker daemon."), INSTALL),
        "stopped": (_("Docker is installed, but not running."), START),
        "forbidden": (_("You are not allowed to use Docker."), JOIN_GROUP),
        "elsewhere": (
            _("DOCKER_HOST points at {host}, which does not answer.").format(host=os.environ.get("DOCKER_HOST")),
            _("Start that daemon, or unset DOCKER_HOST."),
        ),
        "silent": (_("Docker runs, but does not answer."), "sudo systemctl restart docker"),
    }[condition]


def ensure() -> None:
    """Docker answers after this call, or AcplabError says which command makes it.

    Packages are only installed, and a daemon only started, as root; both are announced.
    """
    condition = state()
    if condition == "ready":
        return
    sentence, advice = remedy(condition)
    if os.geteuid() != 0 or condition in ("forbidden", "elsewhere", "silent"):
        raise AcplabError(sentence, advice)
    if condition in ("no client", "no daemon"):
        _install()
    if state() != "ready":
        _start()


def _install() -> None:
    if not shutil.which("apt-get"):
        raise AcplabError(
            _("Docker is not installed, and this is neither Debian nor Ubuntu."), _("Install Docker Engine.")
        )
    apt_install(
        ["docker.io", "iptables"], _("Docker is missing: installing Debian's docker.io, since you are root"), 40
    )


def apt_install(packages: list[str], title: str, expected: float) -> None:
    """Install Debian packages as root, announced by the title of the stage."""
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    with stage(f"apt-{packages[0]}", title, expected) as current:
        current.run(["apt-get", "update"], env=env, remedy=_("Is the network up?"))
        current.run(["apt-get", "install", "--yes", "--no-install-recommends", *packages], env=env)


def ensure_browser() -> None:
    """Chromium for the browser test: installed as root, else AcplabError says how."""
    if any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise AcplabError(_("The browser test needs Chromium."), "sudo apt-get install chromium")
    apt_install(
        ["chromium", "fonts-dejavu-core"],
        _("Chromium is missing: installing it for the browser test, since you are root"),
        40,
    )


def remove_images() -> None:
    """Remove the images that acplab has made or tagged, and its network."""
    made = run("image", "ls", "--filter", "label=acplab.inputs", "--format", "{{.Repository}}:{{.Tag}}").split()
    # An image that a newer one took the name from is listed as <none>, which `image rm` refuses.
    if named := [name for name in made if "<none>" not in name]:
        run("image", "rm", "--force", *named)
    run("image", "prune", "--force", "--filter", "label=acplab.inputs")
    if "acplab" in run("network", "ls", "--format", "{{.Name}}").split():
        run("network", "rm", "acplab")


def _start() -> None:
    with stage("docker", _("Docker is stopped: starting it, since you are root"), 8) as current:
        if Path("/run/systemd/system").is_dir():
            current.run(["systemctl", "start", "docker"])
        else:
            _start_own_daemon(current)
        _wait_until_ready(current)


def _start_own_daemon(current: Stage) -> None:
    """No service manager: a daemon of our own, which outlives this command."""
    env = os.environ | {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    with current.log.open("a") as log:
        subprocess.Popen(
            ["dockerd", *_runtime_options()],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=env,
            start_new_session=True,
        )


def _runtime_options() -> list[str]:
    """On a host whose root lacks a capability, runc is called through our shim."""
    from acplab.host import runc_shim

    if len(runc_shim.held()) == len(runc_shim.NAMES):
        return []
    folder = paths.cache() / "docker"
    folder.mkdir(exist_ok=True)
    shim, script = folder / "runc-shim", folder / "runc_shim.py"
    # Copies, so that the daemon does not depend on this checkout staying where it is.
    script.write_text(Path(runc_shim.__file__).read_text())
    shim.write_text(f'#!/bin/sh\nexec {shutil.which("python3", path="/usr/bin:/bin") or "python3"} -I {script} "$@"\n')
    shim.chmod(shim.stat().st_mode | stat.S_IXUSR)
    config = folder / "daemon.json"
    config.write_text(json.dumps({"runtimes": {"acplab": {"path": str(shim)}}, "default-runtime": "acplab"}))
    say(_("This host keeps a capability from root, so containers start through {shim}.").format(shim=shim))
    return ["--config-file", str(config)]


def _wait_until_ready(current: Stage) -> None:
    for attempt in retry_context(on=AcplabError, attempts=None, timeout=40, wait_max=1.0):
        with attempt:
            if state() != "ready":
                raise current.failure(1, "dockerd", _("Docker did not come up."))
