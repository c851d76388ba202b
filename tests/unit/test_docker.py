"""Finding, installing and starting Docker: a `docker` of our own on PATH plays every state a machine can be in."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from threading import Thread

import pytest
from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.host import apt, daemon, docker

INSTALL = "sudo apt-get update && sudo apt-get install --yes docker.io"
START = "sudo systemctl start docker"
JOIN = 'sudo usermod -aG docker "$USER" && newgrp docker'
STOPPED = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\n"
FORBIDDEN = (
    "Got permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: "
    "dial unix /var/run/docker.sock: connect: permission denied\n"
)
FORBIDDEN_28 = "permission denied while trying to connect to the docker API at unix:///var/run/docker.sock\n"
INFO = ["docker", "info", "--format", "{{json .}}"]
VERSION = ["docker", "--version"]


def info(**changes) -> str:
    """What `docker info` says of a daemon that answers."""
    known = {"ServerVersion": "28.0.1", "KernelVersion": "6.1.0", "DockerRootDir": "/var/lib/docker", "MemTotal": 8 * 1024**3,
             "SecurityOptions": ["name=seccomp,profile=default"]}  # fmt: skip
    return json.dumps(known | changes) + "\n"


@pytest.fixture(autouse=True)
def machine(tools, folders, monkeypatch):
    """Nothing is installed, and nothing of this machine is found."""
    search = docker.shutil.which
    monkeypatch.setattr(docker.shutil, "which", lambda name, path=None: search(name, path=str(tools.bin)))
    monkeypatch.setattr(docker.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(docker.platform, "system", lambda: "Linux")
    return tools


@pytest.fixture
def as_root(monkeypatch):
    monkeypatch.setattr(docker.os, "geteuid", lambda: 0)


@pytest.fixture
def no_service_manager(monkeypatch):
    monkeypatch.setattr(
        Path, "is_dir", lambda self: False if str(self) == "/run/systemd/system" else os.path.isdir(self)
    )


@pytest.fixture
def service_manager(monkeypatch):
    monkeypatch.setattr(
        Path, "is_dir", lambda self: True if str(self) == "/run/systemd/system" else os.path.isdir(self)
    )


def ready(tools):
    tools.answer("docker", "info", out=info())


def stopped(tools):
    tools.answer("docker", "info", out=info(ServerVersion=""), err=STOPPED, code=1)


# --- what state it is in ------------------------------------------------------------------------------------


def put(tools, condition: str, monkeypatch) -> None:
    """Put the machine into a state."""
    if condition != "no client":
        tools.add("docker")
        stopped(tools)
    if condition in ("stopped", "forbidden", "elsewhere"):
        tools.add("dockerd")
    if condition == "forbidden":
        tools.answer("docker", "info", err=FORBIDDEN, code=1)
    if condition in ("elsewhere", "remote"):
        monkeypatch.setenv("DOCKER_HOST", "tcp://10.0.0.9:2375")
    if condition == "remote":
        ready(tools)
    if condition == "podman":
        tools.answer("docker", "--version", out="podman version 4.3.1\n")
    if condition == "context":
        monkeypatch.setenv("DOCKER_CONTEXT", "away")


WRONG = {
    "no client": ("Docker is not installed.", INSTALL),
    "no daemon": ("There is a docker command, but no Docker daemon.", INSTALL),
    "stopped": ("Docker is installed, but not running.", START),
    "forbidden": ("You are not allowed to use Docker.", JOIN),
    "elsewhere": (
        "DOCKER_HOST points at tcp://10.0.0.9:2375, which does not answer.",
        "Start that daemon, or unset DOCKER_HOST.",
    ),
    "podman": ("The docker command of this machine is Podman's, and the course needs Docker.", INSTALL),
    "context": (
        "Docker's context away does not exist or does not answer.",
        "Start what it belongs to, or take this machine's own Docker: unset DOCKER_CONTEXT",
    ),
    "remote": (
        "Docker runs on another machine (tcp://10.0.0.9:2375), whose ports cannot be reached from here.",
        "Take this machine's own Docker: unset DOCKER_HOST",
    ),
}
INSPECT = ["docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"]


@pytest.mark.parametrize("condition", WRONG)
@pytest.mark.parametrize("ask", [docker.require, docker.ensure])
def test_without_root_each_state_has_its_exact_command_and_nothing_is_done(machine, monkeypatch, condition, ask):
    machine.add("apt-get", "systemctl")
    put(machine, condition, monkeypatch)
    assert docker.state() == condition
    with pytest.raises(AcplabError) as told:
        ask()
    assert (told.value.sentence, told.value.remedy) == WRONG[condition]
    assert [call for call in machine.calls if call not in (INFO, VERSION)] == []


def test_a_docker_that_answers_is_left_alone(machine, capsys):
    machine.add("docker", "dockerd", "apt-get")
    ready(machine)
    docker.require()
    docker.ensure()
    assert machine.calls == [INFO, INFO]
    assert capsys.readouterr().out == ""


def test_newer_dockers_words_for_a_forbidden_socket(machine):
    machine.add("docker", "dockerd")
    machine.answer("docker", "info", err=FORBIDDEN_28, code=1)
    assert docker.state() == "forbidden"


def test_a_client_that_ends_well_but_has_no_server_is_not_ready(machine):
    machine.add("docker")
    machine.answer("docker", "info", out="\n", err=STOPPED)
    assert docker.state() == "no daemon"


def test_a_docker_that_hangs_is_an_error_and_no_traceback(machine, monkeypatch):
    machine.add("docker", "dockerd")

    def hang(command, **options):
        raise docker.subprocess.TimeoutExpired(command, options["timeout"])

    monkeypatch.setattr(docker.subprocess, "run", hang)
    with pytest.raises(AcplabError, match="does not answer") as told:
        docker.require()
    assert told.value.remedy == "sudo systemctl restart docker"


@pytest.mark.usefixtures("as_root")
@pytest.mark.parametrize("condition", ["forbidden", "elsewhere", "context", "podman", "remote"])
def test_even_root_does_not_change_what_somebody_else_decided(machine, monkeypatch, condition):
    machine.add("apt-get", "systemctl")
    put(machine, condition, monkeypatch)
    with pytest.raises(AcplabError) as told:
        docker.ensure()
    assert (told.value.sentence, told.value.remedy) == WRONG[condition]
    assert {tuple(call) for call in machine.calls} <= {tuple(INFO), tuple(VERSION), tuple(INSPECT)}


CONTEXTS = '{"auths": {}, "currentContext": "%s"}'


def test_a_context_of_the_users_configuration_is_named(machine, monkeypatch):
    put(machine, "stopped", monkeypatch)
    (machine.folder / "config.json").write_text(CONTEXTS % "desktop-linux")
    assert docker.state() == "context"
    sentence, remedy = docker.remedy("context")
    assert "context desktop-linux" in sentence
    assert remedy.endswith("docker context use default")


@pytest.mark.parametrize("text", [CONTEXTS % "default", CONTEXTS % "", "{}", "[]", "not json"])
def test_without_a_context_a_stopped_docker_is_just_stopped(machine, monkeypatch, text):
    put(machine, "stopped", monkeypatch)
    (machine.folder / "config.json").write_text(text)
    assert docker.state() == "stopped"


NO_CONTEXT = 'Failed to initialize: unable to resolve docker endpoint: context "away": context not found: open /x: no such file\n'


def test_a_command_in_a_context_that_does_not_exist_names_it(machine, monkeypatch):
    monkeypatch.setenv("DOCKER_CONTEXT", "away")
    error = said_by_run(machine, NO_CONTEXT)
    assert (error.sentence, error.remedy) == WRONG["context"]


@pytest.mark.parametrize(
    ("url", "state"),
    [
        ("ssh://admin@build.example.com", "remote"),
        ("tcp://10.0.0.9:2375", "remote"),
        ("tcp://127.0.0.1:2375", "ready"),
        ("tcp://localhost:2375", "ready"),
        ("tcp://[::1]:2375", "ready"),
        ("unix:///run/user/1000/docker.sock", "ready"),
        ("npipe:////./pipe/docker_engine", "ready"),
    ],
)
@pytest.mark.parametrize("by", ["DOCKER_HOST", "DOCKER_CONTEXT"])
def test_a_daemon_on_another_machine_is_refused(machine, monkeypatch, url, state, by):
    machine.add("docker")
    ready(machine)
    machine.answer(*INSPECT, out=f"{url}\n")
    monkeypatch.setenv(by, url if by == "DOCKER_HOST" else "team")
    assert docker.state() == state


def test_a_daemon_describes_itself(machine):
    machine.add("docker")
    machine.answer("docker", "info", out=info(SecurityOptions=["name=rootless", "name=cgroupns"]))
    found = docker.daemon()
    assert found == docker.Daemon("28.0.1", "6.1.0", Path("/var/lib/docker"), 8 * 1024**3, rootless=True)


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", '{"ServerVersion": ""}', "podman"])
def test_words_that_are_no_description_are_no_daemon(machine, text):
    machine.add("docker")
    machine.answer("docker", "info", out=text)
    assert docker.daemon() is None


def test_on_a_mac_docker_desktop_is_named(machine, monkeypatch):
    monkeypatch.setattr(docker.platform, "system", lambda: "Darwin")
    assert "Docker Desktop" in docker.remedy("no client")[1]
    assert docker.remedy("stopped")[1] == "Start Docker Desktop."


# --- as root: installing and starting ------------------------------------------------------------------------


@pytest.mark.usefixtures("as_root")
def test_no_apt_means_no_installing(machine):
    with pytest.raises(AcplabError, match="neither Debian nor Ubuntu") as told:
        docker.ensure()
    assert told.value.remedy


@pytest.mark.usefixtures("as_root", "service_manager")
def test_root_installs_docker_and_says_so(machine, monkeypatch, capsys):
    machine.add("apt-get")
    ready(machine)
    install = ["apt-get", "install", "--yes", "--no-install-recommends", "docker.io", "iptables"]
    apt_install = apt.install

    def docker_arrives(*arguments):
        apt_install(*arguments)
        machine.add("docker")

    monkeypatch.setattr(apt, "install", docker_arrives)
    docker.ensure()
    assert machine.calls[:2] == [["apt-get", "update"], install]
    assert "installing Debian's docker.io, since you are root" in capsys.readouterr().out
    assert ["systemctl", "start", "docker"] not in machine.calls


@pytest.mark.usefixtures("as_root")
def test_apt_that_fails_is_quoted(machine):
    machine.add("apt-get")
    machine.answer("apt-get", "update", err="E: Could not resolve deb.debian.org\n", code=100)
    with pytest.raises(AcplabError, match="Could not resolve") as told:
        docker.ensure()
    assert "network" in told.value.remedy
    assert machine.calls == [["apt-get", "update"]]


@pytest.mark.usefixtures("as_root", "service_manager")
def test_root_starts_a_stopped_docker_by_its_service(machine, capsys):
    machine.add("docker", "dockerd", "systemctl")
    stopped(machine)
    machine.answer("systemctl", "start", then=machine.rule("docker", "info", out=info()))
    docker.ensure()
    assert ["systemctl", "start", "docker"] in machine.calls
    assert not [call for call in machine.calls if call[0] in ("dockerd", "apt-get")]
    assert "starting it, since you are root" in capsys.readouterr().out


@pytest.mark.usefixtures("as_root", "no_service_manager")
def test_without_a_service_manager_the_daemon_is_started_by_itself(machine, monkeypatch):
    monkeypatch.setattr(daemon, "runtime_options", lambda: ["--config-file", "x"])
    machine.add("docker", "dockerd", "systemctl")
    stopped(machine)
    machine.answer("dockerd", then=machine.rule("docker", "info", out=info()))
    docker.ensure()
    assert ["dockerd", "--config-file", "x"] in machine.calls
    assert not [call for call in machine.calls if call[0] == "systemctl"]


@pytest.mark.usefixtures("as_root", "service_manager")
def test_a_service_that_does_not_start_is_an_error(machine):
    machine.add("docker", "dockerd", "systemctl")
    stopped(machine)
    machine.answer("systemctl", "start", err="Job for docker.service failed.\n", code=1)
    with pytest.raises(AcplabError, match=r"systemctl failed.*Job for docker.service failed"):
        docker.ensure()


def test_the_shim_is_only_for_hosts_that_lack_a_capability(monkeypatch):
    from acplab.host import runc_shim

    everything = {f"CAP_{name}" for name in runc_shim.NAMES}
    monkeypatch.setattr(runc_shim, "held", lambda: everything)
    assert daemon.runtime_options() == []
    monkeypatch.setattr(runc_shim, "held", lambda: everything - {"CAP_SYS_RESOURCE"})
    option, config = daemon.runtime_options()
    assert option == "--config-file"
    shim = paths.cache() / "docker" / "runc-shim"
    assert str(shim) in Path(config).read_text()
    assert os.access(shim, os.X_OK)
    assert (shim.parent / "runc_shim.py").read_text() == Path(runc_shim.__file__).read_text()


# --- running it -------------------------------------------------------------------------------------------------


def test_run_gives_the_output_and_passes_what_it_is_given(machine):
    machine.add("docker")
    machine.answer("docker", "ps", out="one\ntwo\n", err="a warning\n")
    assert docker.run("ps", "--filter", Path("/x")) == "one\ntwo\n"
    assert machine.calls == [["docker", "ps", "--filter", "/x"]]


def said_by_run(tools, err: str, code: int = 1) -> AcplabError:
    tools.add("docker")
    tools.answer("docker", "pull", err=err, code=code)
    with pytest.raises(AcplabError) as told:
        docker.run("pull", "x")
    return told.value


def test_run_without_docker():
    with pytest.raises(AcplabError, match="no docker command") as told:
        docker.run("ps")
    assert "./acplab start" in told.value.remedy


@pytest.mark.parametrize("words", [FORBIDDEN, FORBIDDEN_28])
def test_run_without_permission(machine, words):
    error = said_by_run(machine, words)
    assert (error.sentence, error.remedy) == WRONG["forbidden"]


@pytest.mark.parametrize(
    "words", [STOPPED, "error during connect: Get http://10.0.0.9:2375/v1.24/info: dial tcp: connection refused"]
)
def test_run_with_a_stopped_daemon(machine, words):
    error = said_by_run(machine, words)
    assert error.sentence == "Docker is not running."
    assert START in error.remedy


def test_run_with_a_full_disk(machine):
    words = "failed to register layer: write /usr/bin/x: no space left on device\n"
    error = said_by_run(machine, words)
    assert error.sentence == "The disk is full: docker pull failed."
    assert "./acplab doctor" in error.remedy


def test_a_permission_inside_of_a_container_is_not_mistaken_for_the_sockets(machine):
    error = said_by_run(machine, "docker: exec: /entry.sh: permission denied\n", code=126)
    assert error.sentence != WRONG["forbidden"][0]


def test_other_failures_quote_dockers_last_line(machine):
    assert "manifest unknown" in said_by_run(machine, "Error:\n\nmanifest unknown\n").sentence


def test_a_failure_without_words(machine):
    assert "no words" in said_by_run(machine, "").sentence


def test_run_that_takes_too_long(machine):
    machine.add("docker")
    machine.answer("docker", "wait", seconds=5)
    with pytest.raises(AcplabError, match=r"docker wait x has not answered for 0\.3 s") as told:
        docker.run("wait", "x", timeout=0.3)
    assert "./acplab doctor" in told.value.remedy


def test_a_file_that_is_handed_down_stays_open_in_the_command(machine):
    """What reads the other end learns when the last command has ended."""
    machine.add("docker")
    machine.answer("docker", "pause", seconds=0.6)
    reader, writer = os.pipe()
    with docker.handing_down(writer):
        running = Thread(target=docker.run, args=("pause", "x"))
        running.start()
        while not machine.calls:
            time.sleep(0.01)
    os.close(writer)
    began = time.monotonic()
    assert os.read(reader, 1) == b""
    assert time.monotonic() - began > 0.3
    os.close(reader)
    running.join()


# --- leaving nothing behind -------------------------------------------------------------------------------------


def listed_images(tools, *names: str) -> None:
    tools.add("docker")
    tools.answer("docker", "image", "ls", out="".join(f"{name}\n" for name in names))
    tools.answer("docker", "network", "ls", out="bridge\nhost\nnone\n")
    # Docker refuses what it shows of an image that a newer one took the name from.
    refused = "Error response from daemon: invalid reference format\n"
    tools.answer("docker", "image", "rm", "--force", "<none>:<none>", err=refused, code=1)


def test_remove_images_removes_ours_by_label_and_nothing_else(machine):
    listed_images(machine, "acplab/node:v1", "acplab/rootfs:node")
    docker.remove_images()
    ask = ["docker", "image", "ls", "--filter", "label=acplab.inputs", "--format", "{{.Repository}}:{{.Tag}}"]
    assert ask in machine.calls
    for name in ("acplab/node:v1", "acplab/rootfs:node"):
        assert ["docker", "image", "rm", "--force", name] in machine.calls
    assert not [call for call in machine.calls if call[1:3] == ["network", "rm"]]


def test_remove_images_gets_over_images_that_lost_their_name(machine):
    listed_images(machine, "<none>:<none>", "acplab/node:v1")
    docker.remove_images()
    removed = [call for call in machine.calls if call[1:3] == ["image", "rm"]]
    assert removed == [["docker", "image", "rm", "--force", "acplab/node:v1"]]
    assert ["docker", "image", "prune", "--force", "--filter", "label=acplab.inputs"] in machine.calls


def test_remove_images_with_none_there(machine):
    listed_images(machine)
    docker.remove_images()
    assert not [call for call in machine.calls if call[1:3] == ["image", "rm"]]


def test_our_network_goes_too(machine):
    listed_images(machine)
    machine.answer("docker", "network", "ls", out="bridge\nacplab\nacplab-of-somebody\n")
    assert docker.remove_images() == []
    assert ["docker", "network", "rm", "acplab"] in machine.calls


def test_what_the_clusters_of_another_home_use_is_kept_and_named(machine):
    listed_images(machine, "acplab/node:v1", "acplab/rootfs:node")
    machine.answer("docker", "network", "ls", out="bridge\nacplab\n")
    used = "Error response from daemon: conflict: unable to remove repository reference (cannot force) - container 1 is using it\n"
    machine.answer("docker", "image", "rm", "--force", "acplab/node:v1", err=used, code=1)
    endpoints = "Error response from daemon: error while removing network: network acplab has active endpoints\n"
    machine.answer("docker", "network", "rm", "acplab", err=endpoints, code=1)
    assert docker.remove_images() == ["acplab/node:v1", "acplab"]
    assert ["docker", "image", "rm", "--force", "acplab/rootfs:node"] in machine.calls


def test_a_removal_that_fails_for_another_reason_is_an_error(machine):
    listed_images(machine, "acplab/node:v1")
    machine.answer("docker", "image", "rm", "--force", err="Error response from daemon: layer is damaged\n", code=1)
    with pytest.raises(AcplabError, match="damaged"):
        docker.remove_images()


# --- the browser ------------------------------------------------------------------------------------------------


def test_a_browser_that_is_there_is_enough(machine):
    machine.add("chromium", "apt-get")
    apt.ensure_browser()
    assert machine.calls == []


def test_without_root_the_browsers_command_is_said(machine):
    machine.add("apt-get")
    with pytest.raises(AcplabError) as told:
        apt.ensure_browser()
    assert told.value.remedy == "sudo apt-get install chromium"
    assert machine.calls == []


@pytest.mark.usefixtures("as_root")
def test_root_installs_the_browser(machine):
    machine.add("apt-get")
    apt.ensure_browser()
    assert machine.calls[0] == ["apt-get", "update"]
    assert "chromium" in machine.calls[1]


def test_the_docker_of_these_tests_is_not_the_machines(machine):
    assert docker.shutil.which("docker") is None
    machine.add("docker")
    assert docker.shutil.which("docker") == str(machine.bin / "docker")
    assert sys.executable.startswith("/")
