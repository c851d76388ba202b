"""Docker: run it, and find out what keeps it from answering. As root it is also installed and started."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.host import apt
from acplab.host import daemon as service

INSTALL = "sudo apt-get update && sudo apt-get install --yes docker.io"
START = "sudo systemctl start docker"
JOIN_GROUP = 'sudo usermod -aG docker "$USER" && newgrp docker'
INFO = ("info", "--format", "{{json .}}")
HERE = ("localhost", "::1", None)  # hosts in an endpoint that are this machine
COMMAND_LENGTH = 80  # characters of a command that an error tells
_handed_down: list[int] = []


def run(*arguments: str | Path, stdin: str | None = None, timeout: float | None = 120) -> str:
    """The output of `docker ARGUMENTS`. AcplabError carries Docker's own last words."""
    try:
        done = _call(*map(str, arguments), stdin=stdin, timeout=timeout)
    except FileNotFoundError:
        raise AcplabError(_("There is no docker command on this machine."), _("Run ./acplab start.")) from None
    except subprocess.TimeoutExpired:
        command = " ".join(map(str, arguments))[:COMMAND_LENGTH]
        sentence = _("docker {command} has not answered for {s} s.").format(command=command, s=timeout)
        raise AcplabError(sentence, _("Run ./acplab doctor.")) from None
    if done.returncode:
        raise _explained(str(arguments[0]), done.stderr.strip())
    return done.stdout


def _call(*arguments: str, stdin: str | None = None, timeout: float | None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", *arguments],
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=timeout,
        pass_fds=tuple(_handed_down),
    )


@contextmanager
def handing_down(descriptor: int) -> Iterator[None]:
    """Let docker commands that begin in the block hold this file open, so that its other end sees when the last has ended."""
    _handed_down.append(descriptor)
    try:
        yield
    finally:
        _handed_down.remove(descriptor)


def _explained(verb: str, words: str) -> AcplabError:
    """Docker's words with the remedy that fits them."""
    if "permission denied" in words.lower() and "docker" in words and "sock" in words:
        return AcplabError(*remedy("forbidden"))
    if "resolve docker endpoint" in words:
        return AcplabError(*remedy("context"))
    if "annot connect to the Docker daemon" in words or "error during connect" in words:
        return AcplabError(_("Docker is not running."), _("Run ./acplab start, or: ") + _start_command())
    if "no space left" in words:
        return AcplabError(
            _("The disk is full: docker {verb} failed.").format(verb=verb),
            _("Free some space: ./acplab doctor shows how much is needed."),
        )
    last = words.splitlines()[-1] if words else _("no words")
    return AcplabError(_("docker {verb} failed: {last}").format(verb=verb, last=last), _("Run ./acplab doctor."))


# --- the daemon, as it describes itself ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Daemon:
    """A daemon that answers. kernel: the release its containers run on; root: its data folder, on its machine;
    memory: bytes of that machine; cores: that it has."""

    version: str
    kernel: str
    root: Path
    memory: int
    rootless: bool
    cores: int = 1


def daemon() -> Daemon | None:
    """The daemon, if it answers."""
    if not shutil.which("docker"):
        return None
    try:
        return _described(_call(*INFO, timeout=30).stdout)
    except subprocess.TimeoutExpired:
        return None


def _described(text: str) -> Daemon | None:
    """`docker info`, which is JSON without a version when no daemon has answered."""
    try:
        info: dict[str, Any] = json.loads(text)
        return Daemon(
            info["ServerVersion"],
            info["KernelVersion"],
            Path(info["DockerRootDir"]),
            int(info["MemTotal"]),
            any("rootless" in one for one in info.get("SecurityOptions") or []),
            int(info.get("NCPU", 1)),
        ) if info["ServerVersion"] else None  # fmt: skip
    except (ValueError, KeyError, TypeError):
        return None


def state() -> str:
    """ "ready", or what is the matter: a key of what remedy() knows."""
    if not shutil.which("docker"):
        return "no client"
    try:
        asked = _call(*INFO, timeout=30)
    except subprocess.TimeoutExpired:
        return "silent"
    if _described(asked.stdout):
        return "remote" if _is_elsewhere(endpoint()) else "ready"
    return _trouble(asked.stderr)


def _trouble(words: str) -> str:
    """The state() of a machine whose docker command did not get an answer."""
    if "permission denied" in words.lower():
        return "forbidden"
    if "podman" in _call("--version", timeout=30).stdout:
        return "podman"
    if os.environ.get("DOCKER_HOST"):
        return "elsewhere"
    if context() != "default":
        return "context"
    return "stopped" if shutil.which("dockerd", path=f"{os.environ['PATH']}:/usr/sbin") else "no daemon"


def context() -> str:
    """The name of Docker's context in use; "default" is the daemon of this machine."""
    folder = Path(os.environ.get("DOCKER_CONFIG") or Path("~/.docker").expanduser())
    try:
        configured = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("currentContext")
    except (OSError, ValueError, AttributeError):
        configured = None
    return os.environ.get("DOCKER_CONTEXT") or configured or "default"


def endpoint() -> str:
    """Where the docker command finds its daemon, as a URL; "" for this machine's own."""
    if host := os.environ.get("DOCKER_HOST"):
        return host
    return "" if context() == "default" else run("context", "inspect", "--format", "{{.Endpoints.docker.Host}}").strip()


def _is_elsewhere(url: str) -> bool:
    """Whether ports that this daemon opens on its 127.0.0.1 cannot be reached from here."""
    parts = urlsplit(url)
    if parts.scheme not in ("ssh", "tcp", "http", "https"):
        return False
    return not (parts.hostname in HERE or str(parts.hostname).startswith("127."))


# --- what to do ---------------------------------------------------------------------------------------------------------------


def require() -> None:
    """AcplabError unless Docker answers; nothing is installed or started."""
    if (condition := state()) != "ready":
        raise AcplabError(*remedy(condition))


def remedy(condition: str) -> tuple[str, str]:
    """What to say of a state() that isn't "ready": (sentence, remedy). Shared with the doctor."""
    named = {"host": os.environ.get("DOCKER_HOST"), "context": context()}
    return {
        "no client": (_("Docker is not installed."), _install_command()),
        "no daemon": (_("There is a docker command, but no Docker daemon."), _install_command()),
        "stopped": (_("Docker is installed, but not running."), _start_command()),
        "forbidden": (_("You are not allowed to use Docker."), JOIN_GROUP),
        "podman": (_("The docker command of this machine is Podman's, and the course needs Docker."), INSTALL),
        "elsewhere": (
            _("DOCKER_HOST points at {host}, which does not answer.").format(**named),
            _("Start that daemon, or unset DOCKER_HOST."),
        ),
        "context": (
            _("Docker's context {context} does not exist or does not answer.").format(**named),
            _("Start what it belongs to, or take this machine's own Docker: ") + _own_docker(),
        ),
        "remote": (
            _("Docker runs on another machine ({where}), whose ports cannot be reached from here.").format(
                where=os.environ.get("DOCKER_HOST") or context()
            ),
            _("Take this machine's own Docker: ") + _own_docker(),
        ),
        "silent": (_("Docker runs, but does not answer."), "sudo systemctl restart docker"),
    }[condition]


def _own_docker() -> str:
    """The command after which the docker command speaks to the daemon of this machine."""
    for variable in ("DOCKER_HOST", "DOCKER_CONTEXT"):
        if os.environ.get(variable):
            return f"unset {variable}"
    return "docker context use default"


def _install_command() -> str:
    if platform.system() == "Darwin":
        return _("Install Docker Desktop and start it.")
    return INSTALL


def _start_command() -> str:
    if platform.system() == "Darwin":
        return _("Start Docker Desktop.")
    return START


def ensure() -> None:
    """Docker answers after this call, or AcplabError says which command makes it.

    Packages are only installed, and a daemon only started, as root; both are announced.
    """
    condition = state()
    if condition == "ready":
        return
    if os.geteuid() != 0 or condition not in ("no client", "no daemon", "stopped"):
        raise AcplabError(*remedy(condition))
    if condition != "stopped":
        _install()
    if state() != "ready":
        service.start(lambda: state() == "ready")


def _install() -> None:
    if not shutil.which("apt-get"):
        raise AcplabError(
            _("Docker is not installed, and this is neither Debian nor Ubuntu."), _("Install Docker Engine.")
        )
    apt.install(
        ["docker.io", "iptables"], _("Docker is missing: installing Debian's docker.io, since you are root"), 40
    )


def remove_images() -> list[str]:
    """Remove the images that acplab has made or tagged, and its network.

    What clusters of another home use is kept; the names of what was kept.
    """
    made = run("image", "ls", "--filter", "label=acplab.inputs", "--format", "{{.Repository}}:{{.Tag}}").split()
    # An image that a newer one took the name from is listed as <none>, which `image rm` refuses.
    wanted: list[tuple[str, ...]] = [("image", "rm", "--force", name) for name in made if "<none>" not in name]
    if "acplab" in run("network", "ls", "--format", "{{.Name}}").split():
        wanted.append(("network", "rm", "acplab"))
    kept = [words[-1] for words in wanted if not _is_removed(*words)]
    run("image", "prune", "--force", "--filter", "label=acplab.inputs")
    return kept


def _is_removed(*words: str) -> bool:
    """`docker WORDS`; False if Docker refuses since a container uses it."""
    try:
        run(*words)
    except AcplabError as error:
        if not re.search(r"is using|being used|active endpoints", error.sentence):
            raise
        return False
    return True
