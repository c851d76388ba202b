"""The command line: help, exit codes, and that nobody ever reads a traceback."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest
from acplab import cluster
from acplab import images as node_images
from acplab.app import cli, doctor
from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.course import lab as labs
from acplab.host import apt, docker, shell
from acplab.host import jupyter as server
from acplab.images.sources import NodeImage
from acplab.kube import client, contexts
from interrupts import listen_to_ctrl_c

DELETE = cluster.delete
COMMANDS = ["start", "status", "doctor", "stop", "delete", "reset", "check", "images", "test"]


@pytest.fixture(autouse=True)
def nothing_real(folders, monkeypatch):
    """No command of these tests reaches Docker, a cluster or Jupyter unless the test says how."""
    for module, names in {
        docker: ["ensure", "require", "run", "remove_images"],
        apt: ["ensure_browser"],
        cluster: ["ensure", "delete", "stop", "find"],
        server: ["ensure", "stop"],
        node_images: ["ensure"],
    }.items():
        for name in names:
            monkeypatch.setattr(module, name, lambda *_, _name=name, **__: pytest.fail(f"{_name} was called"))
    monkeypatch.setenv("ACPLAB_INSTANCE", "test")


@pytest.fixture
def acplab(monkeypatch, capsys):
    """Call a command; (exit code, what it printed, what it complained)."""

    def call(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["acplab", *words])
        code = 0
        try:
            cli.main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else (0 if ended.code is None else 1)
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        return code, said.out, said.err

    return call


# --- help and mistypings ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_lists_every_command(acplab, option):
    code, out, _ = acplab(option)
    assert code == 0
    assert not [name for name in COMMANDS if name not in out]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(acplab, command):
    code, out, _ = acplab(command, "--help")
    assert code == 0
    assert f"./acplab {command}" in out


def test_without_a_command_there_is_help(acplab):
    code, out, err = acplab()
    assert code == 2
    assert "start" in out + err


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["strat"], "strat"),
        (["start", "--imgaes", "built"], "--imgaes"),
        (["check"], "LAB"),
        (["reset"], "LAB"),
        (["check", "a", "b", "c"], "c"),
        (["start", "--profile"], "--profile"),
    ],
)
def test_a_mistyped_command_is_code_2(acplab, words, named):
    code, out, err = acplab(*words)
    assert code == 2
    assert named.lower() in (out + err).lower()


# --- errors --------------------------------------------------------------------------------------------------------------------


def fails(*_, **__):
    raise AcplabError("Docker is not installed.", "sudo apt-get install docker.io")


@pytest.mark.parametrize("command", [["start"], ["images"], ["test"]])
def test_an_error_is_a_sentence_and_its_remedy_on_stderr_and_code_1(acplab, monkeypatch, command):
    monkeypatch.setattr(docker, "ensure", fails)
    code, out, err = acplab(*command)
    assert code == 1
    assert err == "Error: Docker is not installed.\n  → sudo apt-get install docker.io\n"
    assert out == ""


@pytest.mark.parametrize("command", ["check", "reset"])
def test_a_lab_that_does_not_exist(acplab, command):
    code, _, err = acplab(command, "99-nothing")
    assert code == 1
    assert err.startswith("Error: There is no lab")
    assert "10-canary-by-weight" in err


def test_an_unknown_route(acplab, monkeypatch):
    from acplab.images import sources

    monkeypatch.setattr(docker, "ensure", lambda: None)
    monkeypatch.setattr(node_images, "ensure", sources.ensure)
    code, _, err = acplab("images", "--images", "bogus")
    assert code == 1
    assert "bogus" in err


def test_an_interruption_is_code_130_and_a_sentence(acplab, monkeypatch):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(docker, "ensure", interrupted)
    code, _, err = acplab("start")
    assert code == 130
    assert "Interrupted" in err
    assert "goes on from there" in err


def test_a_real_interruption(tmp_path):
    program = (
        "import sys, time; from acplab.app import cli; from acplab.host import docker;"
        "docker.ensure = lambda: (print('here', flush=True), [time.sleep(0.1) for _ in range(150)], sys.exit(9));"
        "sys.argv = ['acplab', 'start']; cli.main()"
    )
    env = os.environ | {"ACPLAB_HOME": str(tmp_path / "home"), "ACPLAB_CACHE": str(tmp_path / "cache")}
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=env,
        preexec_fn=listen_to_ctrl_c,
    )
    assert process.stdout.readline() == "here\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Interrupted. What is finished is kept" in err
    assert "Traceback" not in err


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
@pytest.mark.parametrize("command", ["status", "doctor", "--help"])
def test_output_that_cannot_be_written_is_a_sentence(tmp_path, command):
    env = os.environ | {"ACPLAB_HOME": str(tmp_path / "home"), "ACPLAB_CACHE": str(tmp_path / "cache"), "PATH": ""}
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "acplab", command],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=env,
            timeout=30,
        )
    assert done.returncode == 1
    assert done.stderr.startswith("Error: The disk is full (No space left on device).")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["status", "--help"])
def test_a_reader_that_has_gone_is_no_error_to_talk_about(tmp_path, command):
    env = os.environ | {"ACPLAB_HOME": str(tmp_path / "home"), "ACPLAB_CACHE": str(tmp_path / "cache"), "PATH": ""}
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "acplab", command], stdout=writer, stderr=subprocess.PIPE, text=True, env=env, timeout=30
    )
    os.close(writer)
    assert done.stderr == ""
    assert done.returncode == 1


@pytest.mark.parametrize(("user", "person", "warned"), [(0, "ours", True), (0, "0", False), (1000, "ours", False)])
def test_sudo_in_a_folder_of_ones_own_is_warned_of(acplab, monkeypatch, user, person, warned):
    monkeypatch.setenv("SUDO_UID", "1000" if person == "ours" else person)
    monkeypatch.setattr(cli.os, "geteuid", lambda: user)
    monkeypatch.setattr(cli, "paths", SimpleNamespace(ROOT=SimpleNamespace(stat=lambda: SimpleNamespace(st_uid=1000))))
    _, _, err = acplab("--help")
    assert ("belong to root" in err) is warned


def test_a_file_of_somebody_else_is_a_sentence(acplab, monkeypatch):
    def refused():
        raise PermissionError(13, "Permission denied", str(paths.home() / "jupyter.json"))

    monkeypatch.setattr(docker, "ensure", refused)
    code, _, err = acplab("start")
    assert code == 1
    assert err.startswith("Error: You may not")
    assert str(paths.home()) in err


@pytest.mark.parametrize("name", ["Class A", "课程", "", "-", "a" * 21])
def test_an_instance_that_no_cluster_can_bear_is_refused(acplab, monkeypatch, name):
    monkeypatch.setenv("ACPLAB_INSTANCE", name)
    code, _, err = acplab("status")
    assert code == 1
    assert f"ACPLAB_INSTANCE is {name!r}" in err
    assert "ACPLAB_INSTANCE=class-a" in err


# --- start -----------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def ready(monkeypatch):
    """Everything can be had; what was asked for is noted."""
    asked: list = []
    made = cluster.Cluster("small", "acplab-test-small", "i", {"api": 1, "http": 2, "https": 3})
    running = server.Server(4000, "token", str(paths.ROOT))
    monkeypatch.setattr(docker, "ensure", lambda: asked.append("docker"))
    monkeypatch.setattr(docker, "require", lambda: asked.append("docker"))
    monkeypatch.setattr(apt, "ensure_browser", lambda: asked.append("browser"))
    monkeypatch.setattr(docker, "remove_images", lambda: asked.append("remove images") or [])
    monkeypatch.setattr(docker, "state", lambda: "ready")
    monkeypatch.setattr(cluster, "ensure", lambda *words: asked.append(("cluster", *words)) or made)
    monkeypatch.setattr(cluster, "delete", lambda profile: asked.append(("delete", profile)) or True)
    monkeypatch.setattr(cluster, "made", lambda: ["pair", "small"])
    monkeypatch.setattr(cluster, "stop", lambda profile: asked.append(("stop", profile)) or profile == "small")
    monkeypatch.setattr(server, "ensure", lambda _root, option: asked.append(("jupyter", option)) or running)
    monkeypatch.setattr(server, "stop", lambda: asked.append("stop jupyter") or True)
    monkeypatch.setattr(cli.webbrowser, "open", lambda url: asked.append("open"))
    return asked


def test_start(acplab, ready):
    code, out, _ = acplab("start")
    assert code == 0
    assert ready[:2] == ["docker", ("cluster", "small", "auto")]
    (name, option) = ready[2]
    assert name == "jupyter"
    assert option.startswith("--ServerApp.terminado_settings=")  # its terminals have our kubectl
    assert len(ready) == 3
    assert "http://127.0.0.1:4000/lab/tree/notebooks/00-welcome.ipynb?token=token" in out.splitlines()


def test_start_passes_its_options_on(acplab, ready):
    acplab("start", "--images", "mirror=x", "--profile", "ha", "--no-browser")
    assert ("cluster", "ha", "mirror=x") in ready


# --- check and doctor: the exit code says it ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("passed", "wanted"), [(True, 0), (False, 1)])
def test_check_tells_by_its_code(acplab, monkeypatch, passed, wanted):
    report = SimpleNamespace(passed=passed, words=lambda: "what was found")
    asked: list = []
    monkeypatch.setattr(labs, "check", lambda *words: asked.append(words) or report)
    code, out, _ = acplab("check", "10-canary-by-weight", "split")
    assert (code, out) == (wanted, "what was found\n")
    assert asked == [("10-canary-by-weight", "split")]


@pytest.mark.parametrize(
    ("oks", "wanted"), [([True, None], 0), ([True, False, True], 1), ([False, False], 1), ([None], 0)]
)
def test_doctor_tells_by_its_code(acplab, monkeypatch, oks, wanted):
    findings = [doctor.Finding(f"part {n}", "as it is", ok, "do this") for n, ok in enumerate(oks)]
    monkeypatch.setattr(doctor, "examine", lambda: iter(findings))
    code, out, _ = acplab("doctor")
    assert code == wanted
    assert out.count("→ do this") == len([ok for ok in oks if ok is not True])
    assert out.count("BAD") == oks.count(False)


# --- status, stop, images, reset -----------------------------------------------------------------------------------------------------


def test_status_with_nothing_there(acplab, monkeypatch):
    monkeypatch.setattr(docker, "state", lambda: "no client")
    code, out, _ = acplab("status")
    assert code == 0
    assert "Docker is not installed." in out
    assert "not running" in out
    assert "10-canary-by-weight" in out


def test_stop(acplab, ready):
    code, out, _ = acplab("stop")
    assert code == 0
    assert ready == ["stop jupyter", ("stop", "pair"), ("stop", "small")]
    assert f"Cluster {cluster.cluster_name('small')} stopped." in out
    assert cluster.cluster_name("pair") not in out


def test_stop_without_docker(acplab, ready, monkeypatch):
    monkeypatch.setattr(docker, "state", lambda: "stopped")
    code, _, _ = acplab("stop")
    assert (code, ready) == (0, ["stop jupyter"])


def test_images(acplab, ready, monkeypatch):
    monkeypatch.setattr(node_images, "ensure", lambda route: NodeImage(f"acplab/node:{route}", "built", "x"))
    code, out, _ = acplab("images", "--images", "built")
    assert code == 0
    assert "acplab/node:built" in out
    assert str(paths.cache()) in out


@pytest.mark.parametrize(
    ("chapter", "bundles", "said"), [("04", ["sizing"], "bundle sizing"), ("00", [], "needs no images")]
)
def test_images_for_a_chapter(acplab, ready, monkeypatch, chapter, bundles, said):
    got = []
    bundle = node_images.Bundle("sizing", {"acplab/sizing:1": "x"}, paths.cache())
    monkeypatch.setattr(node_images, "ensure", lambda route: NodeImage(f"acplab/node:{route}", "built", "x"))
    monkeypatch.setattr(node_images, "bundle", lambda name, route: got.append(name) or bundle)
    code, out, _ = acplab("images", "--for", chapter)
    assert (code, got) == (0, bundles)
    assert said in " ".join(out.split())


def test_images_for_what_is_no_chapter_gets_nothing(acplab, ready, monkeypatch):
    monkeypatch.setattr(node_images, "ensure", lambda route: pytest.fail("images were got"))
    code, _, err = acplab("images", "--for", "mesh")
    assert code == 1
    assert "mesh is not a chapter" in err


def test_reset(acplab, monkeypatch):
    monkeypatch.setattr(labs, "reset", lambda lab: f"{lab} is as it was.")
    assert acplab("reset", "10-canary-by-weight")[:2] == (0, "10-canary-by-weight is as it was.\n")


# --- delete ----------------------------------------------------------------------------------------------------------------------------


def mark(folder):
    file = folder / "mark"
    file.write_text("x")
    return file


def test_delete_removes_all_clusters_of_this_home_and_keeps_progress(acplab, ready):
    progress = mark(paths.home())
    code, out, _ = acplab("delete")
    assert code == 0
    assert ready == ["docker", ("delete", "pair"), ("delete", "small")]
    named = ", ".join(cluster.cluster_name(one) for one in ("pair", "small"))
    assert out.splitlines()[0] == f"Removing all clusters of this home: {named}."
    assert progress.exists()


def test_delete_of_one_profile_leaves_the_others(acplab, ready):
    acplab("delete", "--profile", "pair")
    assert ready == ["docker", ("delete", "pair")]


def test_status_names_all_clusters_of_this_home_and_those_of_others(acplab, ready, monkeypatch):
    monkeypatch.setattr(cluster, "diagnose", lambda there, profile: AcplabError(f"{profile} is stopped.", ""))
    monkeypatch.setattr(cluster, "others", lambda: ["acplab-course-small"])
    monkeypatch.setattr(server, "find", lambda: None)
    _code, out, _ = acplab("status")
    assert "pair is stopped." in out
    assert "small is stopped." in out
    assert "acplab-course-small" in out


def test_delete_everything_asks_first(acplab, ready, monkeypatch):
    kept = [mark(paths.home()), mark(paths.cache())]
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    code, _, err = acplab("delete", "--everything")
    assert code == 1
    assert "got no answer. Nothing was removed." in err
    assert "--yes" in err
    assert ready == []
    assert all(file.exists() for file in kept)


def test_a_no_removes_nothing_and_says_so(acplab, ready, monkeypatch):
    kept = mark(paths.home())
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    code, out, err = acplab("delete", "--everything")
    assert code == 1
    assert "Nothing was removed" in out
    assert "Interrupted" not in err
    assert ready == []
    assert kept.exists()


def test_delete_everything(acplab, ready):
    gone = [mark(paths.home()), mark(paths.cache())]
    read_only = paths.cache() / "go"
    read_only.mkdir()
    mark(read_only).chmod(0o400)
    read_only.chmod(0o500)
    code, out, _ = acplab("delete", "--everything", "--yes")
    assert code == 0
    assert [one for one in ready if one[0] == "delete"] == [("delete", "pair"), ("delete", "small")]
    assert {"remove images", "stop jupyter"} <= {one for one in ready if isinstance(one, str)}
    assert not any(file.exists() for file in gone)
    assert "What is left is this folder" in out


def test_a_daemon_keeps_what_it_runs_containers_through(acplab, ready):
    """The next start failed on it: the daemon goes on, and its runtime was gone."""
    runtime = paths.cache() / "docker"
    runtime.mkdir()
    kept, gone = mark(runtime), mark(paths.cache())
    code, out, _ = acplab("delete", "--everything", "--yes")
    assert (code, kept.exists(), gone.exists()) == (0, True, False)
    assert f"uses it: {runtime}" in out.replace("\n", "")


def test_delete_of_a_strange_profile_removes_nothing(acplab, ready, monkeypatch):
    kept = mark(paths.home())
    monkeypatch.setattr(cluster, "delete", DELETE)
    code, _, err = acplab("delete", "--profile", "..")
    assert code == 1
    assert "no cluster profile" in err
    assert kept.exists()


# --- kubectl --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def run_kubectl(acplab, monkeypatch):
    """`./acplab kubectl WORDS`: what is run, with its arguments and environment, in acplab's place."""

    class Replaced(Exception):
        pass

    def execve(program, arguments, env):
        raise Replaced(program, arguments, env)

    monkeypatch.setattr(os, "execve", execve)

    def call(*words: str):
        with pytest.raises(Replaced) as run:
            monkeypatch.setattr(sys, "argv", ["acplab", "kubectl", *words])
            cli.main()
        return run.value.args

    return call


@pytest.fixture
def one_cluster():
    file = client.kubeconfig("small")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("clusters: [{name: x, cluster: {server: 'https://127.0.0.1:1'}}]\nusers: [{name: x, user: {}}]\n")


@pytest.mark.parametrize(
    "words",
    [
        ["get", "pods", "-o", "wide", "--all-namespaces"],
        ["exec", "shop", "--", "storefront", "get", "-n", "3", "http://shop/"],
        ["--help"],
        ["get", "--help"],
        ["-h"],
        ["patch", "deploy", "shop", "-p", '{"spec": {"replicas": 2}}'],
        [],
    ],
)
def test_all_that_follows_is_kubectls(run_kubectl, one_cluster, words):
    program, arguments, env = run_kubectl(*words)
    assert program == shell.kubectl()
    assert arguments == ["kubectl", *words]
    assert env["KUBECONFIG"] == str(contexts.file())


def test_the_users_kubeconfig_and_cache_are_not_kubectls(run_kubectl, one_cluster, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", "/theirs")
    _program, _arguments, env = run_kubectl("get", "pods")
    assert "/theirs" not in env.values()
    assert env["KUBECACHEDIR"] == str(contexts.file().with_name("cache"))


@pytest.mark.parametrize("words", [["version", "--client"], ["get", "-h"], ["completion", "bash"], ["config", "view"]])
def test_what_asks_no_cluster_needs_none(run_kubectl, words):
    assert run_kubectl(*words)[1] == ["kubectl", *words]


def test_without_a_cluster_it_is_a_sentence(acplab):
    code, _out, err = acplab("kubectl", "get", "pods")
    assert code == 1
    assert "There is no cluster yet." in err
    assert "./acplab start" in err
