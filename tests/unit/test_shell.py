"""JupyterLab's terminals: what their bash finds, and what of the user's own it leaves alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from acplab.base.errors import AcplabError
from acplab.host import shell

BASH = shutil.which("bash") or pytest.skip("no bash here", allow_module_level=True)
CONFIG = """\
apiVersion: v1
kind: Config
current-context: small
contexts: [{name: small, context: {cluster: small, user: small, namespace: ch-00-welcome}}]
clusters: [{name: small, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: small, user: {}}]
"""


@pytest.fixture
def kubeconfig(tmp_path) -> Path:
    folder = tmp_path / "a home" / "terminal"
    folder.mkdir(parents=True)
    (folder / "kubeconfig").write_text(CONFIG)
    return folder / "kubeconfig"


@pytest.fixture
def home(tmp_path) -> Path:
    """The user's own folder, with a bashrc and a kubeconfig of the user's own."""
    (tmp_path / "user" / ".kube").mkdir(parents=True)
    (tmp_path / "user" / ".bashrc").write_text("export MINE=yes KUBECONFIG=theirs PATH=/nowhere:$PATH\nalias ll=ls\n")
    (tmp_path / "user" / ".kube" / "config").write_text(CONFIG.replace("ch-00-welcome", "production"))
    return tmp_path / "user"


def said(kubeconfig: Path, home: Path, typed: str) -> str:
    """What an interactive bash of a terminal prints when this is typed into it."""
    command = shell.terminal_command(kubeconfig)
    env = {"HOME": str(home), "PATH": os.defpath, "PS1": "", "TERM": "dumb"}
    done = subprocess.run([*command, "-i"], input=typed, capture_output=True, text=True, env=env, timeout=60)
    return done.stdout


def test_the_first_line_says_what_is_open(kubeconfig, home):
    first = said(kubeconfig, home, "").splitlines()[0]
    assert "namespace ch-00-welcome of the cluster small" in first


def test_without_a_cluster_it_says_so(kubeconfig, home):
    kubeconfig.write_text("apiVersion: v1\nkind: Config\n")
    assert "./acplab start" in said(kubeconfig, home, "").splitlines()[0]


def test_kubectl_is_the_courses_and_asks_our_kubeconfig(kubeconfig, home):
    lines = said(kubeconfig, home, "type -P kubectl\necho $KUBECONFIG\nk config current-context\n").splitlines()
    assert lines[-3:] == [str(shell.kubectl()), str(kubeconfig), "small"]


def test_the_users_bashrc_is_read_first_and_nothing_of_theirs_is_written(kubeconfig, home):
    before = {file: file.read_bytes() for file in home.rglob("*") if file.is_file()}
    typed = "echo $MINE; alias ll; k config set-context --current --namespace=mine >/dev/null; kubectl get pods\n"
    assert said(kubeconfig, home, typed).splitlines()[1:3] == ["yes", "alias ll='ls'"]
    assert {file: file.read_bytes() for file in before} == before
    assert list((home / ".kube").iterdir()) == [home / ".kube" / "config"]  # no cache of ours either
    assert "namespace: mine" in kubeconfig.read_text()


def completed(kubeconfig: Path, home: Path, *words: str) -> list[str]:
    typed = f"COMP_WORDS=({' '.join(words)}) COMP_CWORD={len(words) - 1} COMP_LINE='{' '.join(words)}'\n"
    typed += 'COMP_POINT=${#COMP_LINE} COMP_TYPE=9; __start_kubectl 2>/dev/null; echo "${COMPREPLY[*]}"\n'
    return said(kubeconfig, home, typed).splitlines()[-1].split()


@pytest.mark.parametrize("program", ["kubectl", "k"])
def test_words_are_completed(kubeconfig, home, program):
    assert {"config", "cordon"} <= set(completed(kubeconfig, home, program, "co"))


def test_the_alias_is_completed_by_the_same_function(kubeconfig, home):
    assert "-F __start_kubectl k" in said(kubeconfig, home, "complete -p k\n")


def test_a_terminal_begins_in_the_courses_folder(kubeconfig, home):
    from acplab.base import paths

    assert said(kubeconfig, home, "pwd\n").splitlines()[-1] == str(paths.ROOT)


def test_a_home_without_a_bashrc(kubeconfig, tmp_path):
    (tmp_path / "bare").mkdir()
    assert said(kubeconfig, tmp_path / "bare", "k config current-context\n").splitlines()[-1] == "small"


def test_jupyters_option_is_one_that_it_reads(kubeconfig):
    name, _is, value = shell.jupyter_option(kubeconfig).partition("=")
    assert name == "--ServerApp.terminado_settings"
    assert json.loads(value) == {"shell_command": [BASH, "--rcfile", str(kubeconfig.with_name("bashrc"))]}


def test_without_bash_it_is_the_users_shell_with_our_kubectl(kubeconfig, monkeypatch):
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name, path=None: None if name == "bash" else which(name, path=path))
    monkeypatch.setenv("SHELL", "/bin/zsh")
    command = shell.terminal_command(kubeconfig)
    assert (command[0], command[-1]) == ("env", "/bin/zsh")
    assert f"KUBECONFIG={kubeconfig}" in command


def test_a_python_environment_without_kubectl(monkeypatch, tmp_path):
    monkeypatch.setattr("sysconfig.get_path", lambda _name: str(tmp_path))
    with pytest.raises(AcplabError, match="kubectl is missing") as told:
        shell.kubectl()
    assert "./acplab start" in told.value.remedy
