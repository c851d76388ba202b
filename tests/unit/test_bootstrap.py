"""The bootstrap: when the environment is made anew, what failures say, and that an old Python can read it."""

from __future__ import annotations

import ast
import glob
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import bootstrap
import pytest

FILE = Path(bootstrap.__file__)


class Handed(BaseException):
    """execv() does not return."""


@pytest.fixture
def checkout(tmp_path, monkeypatch) -> Path:
    """A checkout with a lock and without an environment. Commands are noted, and pip and venv do what they promise."""
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(bootstrap, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    monkeypatch.setattr(bootstrap, "LOCK", tmp_path / "requirements.lock")
    monkeypatch.setattr(bootstrap, "TEST_LOCK", tmp_path / "requirements-test.lock")
    monkeypatch.setattr(bootstrap, "LOG", tmp_path / ".venv.log")
    monkeypatch.setattr(sys, "argv", ["bootstrap.py", "status"])
    for name in ("PYTHONUTF8", "PYTHONIOENCODING"):  # the bootstrap sets them
        monkeypatch.setenv(name, "")
    (tmp_path / "requirements.lock").write_text("one==1\n")
    (tmp_path / "requirements-test.lock").write_text("one==1\ntwo==1\n")
    return tmp_path


@pytest.fixture
def commands(checkout, monkeypatch) -> list[str]:
    done: list[str] = []

    def run(*command) -> None:
        words = " ".join(map(str, command)).replace(str(checkout), ".").replace(sys.executable, "python")
        done.append(words)
        if " venv " in words:
            shutil.rmtree(checkout / ".venv", ignore_errors=True)
            (checkout / ".venv" / "lib" / "python3.11" / "site-packages").mkdir(parents=True)
            (checkout / ".venv" / "bin").mkdir()
            (checkout / ".venv" / "bin" / "python").touch()

    def handed(program, arguments):
        done.append(" ".join(["exec", *arguments]).replace(str(checkout), "."))
        raise Handed

    monkeypatch.setattr(bootstrap, "run", run)
    monkeypatch.setattr(bootstrap, "works", lambda *command: True)
    monkeypatch.setattr(os, "execv", handed)
    return done


def start(commands: list[str]) -> list[str]:
    """Call the bootstrap; the commands of this call."""
    before = len(commands)
    with pytest.raises(Handed):
        bootstrap.main()
    return commands[before:]


MADE = [
    "python -m venv --clear ./.venv",
    "./.venv/bin/python -m pip install --quiet --require-hashes --requirement ./requirements.lock",
    "exec ./.venv/bin/python -m acplab status",
]
TEST_PACKAGES = MADE[1].replace("requirements.lock", "requirements-test.lock")


def test_the_first_call_makes_the_environment_and_hands_over(checkout, commands, capsys):
    assert start(commands) == MADE
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("… Making the Python environment (about 1:30, log: ")
    assert lines[-1].startswith("✓ Making the Python environment")
    (path,) = (checkout / ".venv").rglob("acplab.pth")
    assert path.read_text() == f"{checkout / 'helpers'}\n"


def test_the_second_call_only_hands_over_and_says_nothing(commands, capsys):
    start(commands)
    capsys.readouterr()
    assert start(commands) == MADE[-1:]
    assert capsys.readouterr().out == ""


def test_a_changed_lock_means_a_new_environment(checkout, commands):
    start(commands)
    (checkout / "requirements.lock").write_text("one==2\n")
    assert start(commands) == MADE
    assert start(commands) == MADE[-1:]


def test_a_checkout_that_was_moved_means_a_new_environment(checkout, commands, monkeypatch):
    start(commands)
    (checkout / "elsewhere").mkdir()
    monkeypatch.setattr(bootstrap, "ROOT", checkout / "elsewhere")
    assert len(start(commands)) == 3


def test_an_environment_whose_python_is_gone_is_made_anew(checkout, commands):
    start(commands)
    python = checkout / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/no/such/python3.11")
    assert start(commands) == MADE


def test_only_a_command_that_tests_installs_what_the_tests_need(commands, monkeypatch, capsys):
    start(commands)
    capsys.readouterr()
    for command in ("test", "dev"):
        monkeypatch.setattr(sys, "argv", ["bootstrap.py", command])
        assert start(commands)[:-1] == ([TEST_PACKAGES] if command == "test" else [])
    assert "Installing what the tests need" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["bootstrap.py", "status"])
    assert start(commands) == MADE[-1:]


def test_a_new_environment_for_the_tests_gets_both_locks(checkout, commands, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["bootstrap.py", "test"])
    assert start(commands)[:-1] == [*MADE[:-1], TEST_PACKAGES]
    (checkout / "requirements-test.lock").write_text("one==1\ntwo==2\n")
    assert start(commands)[:-1] == [TEST_PACKAGES]
    (checkout / "requirements.lock").write_text("one==2\n")
    assert start(commands)[:-1] == [*MADE[:-1], TEST_PACKAGES]


@pytest.mark.parametrize("text", ["", "abc"])
def test_a_broken_stamp_means_a_new_environment(checkout, commands, text):
    start(commands)
    (checkout / ".venv" / "requirements.stamp").write_text(text)
    assert start(commands) == MADE


@pytest.mark.parametrize("cause", [SystemExit("Error: pip failed"), KeyboardInterrupt()])
def test_a_half_made_environment_is_made_anew(commands, monkeypatch, cause):
    def fails(_lock) -> None:
        raise cause

    with monkeypatch.context() as patch:
        patch.setattr(bootstrap, "install", fails)
        with pytest.raises(SystemExit) as ended:
            bootstrap.main()
    assert str(ended.value.code) in (
        "Error: pip failed",
        "\nInterrupted. The same command makes the environment again.",
    )
    assert start(commands) == MADE


def test_also_one_that_was_whole_before(checkout, commands, monkeypatch):
    """The old stamp must not outlive the environment that it was written for."""
    start(commands)
    (checkout / "requirements.lock").write_text("one==2\n")
    with monkeypatch.context() as patch:
        patch.setattr(bootstrap, "install", lambda _lock: sys.exit("no network"))
        with pytest.raises(SystemExit):
            bootstrap.main()
    (checkout / "requirements.lock").write_text("one==1\n")
    assert start(commands) == MADE


def test_two_at_once_make_it_once(checkout, commands, capsys):
    """The second waits for the first, and then finds what it has made."""
    with bootstrap.alone():
        second = threading.Thread(target=start, args=[commands])
        second.start()
        second.join(0.3)
        assert second.is_alive()
        assert commands == []
    second.join(10)
    assert commands == MADE
    assert "waiting for it" in capsys.readouterr().out


def test_arguments_are_handed_over_as_they_are(commands, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["bootstrap.py", "test", "-k", "a b", "--keep"])
    assert start(commands)[-1] == "exec ./.venv/bin/python -m acplab test -k a b --keep"


# --- machines that lack something -----------------------------------------------------------------------------------------


def test_without_ensurepip_a_pip_that_is_there_serves(commands, monkeypatch):
    monkeypatch.setattr(bootstrap, "works", lambda *command: "ensurepip" not in command[-1])
    assert start(commands)[:2] == [
        "python -m venv --clear --without-pip ./.venv",
        "python -m pip --python ./.venv/bin/python install pip",
    ]


def test_without_both_root_installs_debians_package_and_says_so(commands, monkeypatch, capsys):
    monkeypatch.setattr(bootstrap, "works", lambda *command: "typer" in command[-1])
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    assert start(commands)[:2] == [
        "apt-get update",
        "apt-get install --yes --no-install-recommends python3-venv",
    ]
    assert "installing it, since you are root" in capsys.readouterr().out


@pytest.mark.parametrize(("user", "apt"), [(1000, True), (0, False)])
def test_without_both_and_without_rights_the_command_is_said(commands, monkeypatch, user, apt):
    monkeypatch.setattr(bootstrap, "works", lambda *command: False)
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(shutil, "which", lambda name: name if apt else None)
    with pytest.raises(SystemExit) as ended:
        bootstrap.main()
    assert "venv module cannot make an environment here" in ended.value.code
    assert "→ sudo apt-get install python3-venv" in ended.value.code
    assert commands == []


def test_a_command_that_fails_is_quoted_with_its_log(checkout):
    program = "print('Collecting one'); print('ERROR: No matching distribution for one'); print(); raise SystemExit(1)"
    with pytest.raises(SystemExit) as ended:
        bootstrap.run(sys.executable, "-c", program)
    assert "failed: ERROR: No matching distribution for one" in ended.value.code
    assert str(checkout / ".venv.log") in ended.value.code
    assert "Collecting one" in (checkout / ".venv.log").read_text()


def test_a_command_that_fails_without_a_word(checkout):
    with pytest.raises(SystemExit, match="no output"):
        bootstrap.run(sys.executable, "-c", "raise SystemExit(1)")


# --- settings of the learner's own ------------------------------------------------------------------------------------------


def test_pip_installs_into_the_environment_even_if_told_to_install_for_the_user(checkout, monkeypatch):
    monkeypatch.setenv("PIP_USER", "1")
    bootstrap.run(sys.executable, "-c", "import os; print('PIP_USER is', os.environ['PIP_USER'])")
    assert "PIP_USER is 0" in (checkout / ".venv.log").read_text()


def test_a_failed_pip_names_the_settings_that_pip_was_given(checkout, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_TIMEOUT", "7")
    with pytest.raises(SystemExit) as ended:
        bootstrap.run(sys.executable, "-c", "raise SystemExit(1)")
    assert "pip has settings of its own" in ended.value.code
    assert ":env:.no-index='1'" in ended.value.code
    assert "timeout" not in ended.value.code


def test_without_settings_a_failed_pip_asks_for_the_network(checkout, monkeypatch):
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    for name in [name for name in os.environ if name.startswith("PIP_") and name != "PIP_CONFIG_FILE"]:
        monkeypatch.delenv(name)
    assert bootstrap.pip_advice() == "Is the network up, and is there disk space?"


def test_packages_that_went_elsewhere_are_noticed(commands, monkeypatch):
    monkeypatch.setattr(bootstrap, "works", lambda *command: "typer" not in command[-1])
    with pytest.raises(SystemExit, match="somewhere else"):
        bootstrap.main()
    assert not [words for words in commands if words.startswith("exec")]


# --- a checkout that cannot be written -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "sentence", "remedy"),
    [
        (
            PermissionError(13, "Permission denied", "/x/.venv.lock"),
            "You may not write /x/.venv.lock.",
            "sudo chown -R",
        ),
        (OSError(30, "Read-only file system", "/x/.venv.lock"), "Read-only file system", "where it can be written"),
    ],
)
def test_a_checkout_that_cannot_be_written_is_named(commands, monkeypatch, error, sentence, remedy):
    def refused() -> None:
        raise error

    monkeypatch.setattr(bootstrap, "alone", refused)
    with pytest.raises(SystemExit) as ended:
        bootstrap.main()
    assert sentence in ended.value.code
    assert remedy in ended.value.code


def test_an_environment_that_is_there_needs_no_permission_to_write(commands, monkeypatch):
    start(commands)
    monkeypatch.setattr(bootstrap, "alone", lambda: pytest.fail("the folder was written to"))
    assert start(commands) == MADE[-1:]


def test_files_are_utf8_for_the_command_and_the_terminal_keeps_its_encoding(commands, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "gbk")
    monkeypatch.setenv("PYTHONUTF8", "0")
    start(commands)
    assert (os.environ["PYTHONUTF8"], os.environ["PYTHONIOENCODING"]) == ("1", "gbk")


# --- an old Python ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [(3, 10, 13), (3, 8, 0), (2, 7, 18)])
def test_an_old_python_is_told_so_and_nothing_is_made(commands, monkeypatch, version):
    text = ".".join(map(str, version))
    old = SimpleNamespace(version_info=version, version=f"{text} (main)", exit=sys.exit, argv=sys.argv)
    monkeypatch.setattr(bootstrap, "sys", old)
    with pytest.raises(SystemExit) as ended:
        bootstrap.main()
    assert f"Python 3.11 or later is needed, and this is {text}." in ended.value.code
    assert "ACPLAB_PYTHON=" in ended.value.code
    assert commands == []


def test_it_uses_no_syntax_and_no_module_that_an_old_python_lacks():
    """Otherwise they would read a SyntaxError instead of the sentence."""
    tree = ast.parse(FILE.read_text(), feature_version=(3, 6))
    names = {alias.name for one in ast.walk(tree) if isinstance(one, ast.Import) for alias in one.names}
    names |= {one.module for one in ast.walk(tree) if isinstance(one, ast.ImportFrom)}
    assert names <= {"fcntl", "hashlib", "os", "shutil", "subprocess", "sys", "time", "pathlib", "acplab.base"}


OLD = sorted(
    path
    for pattern in ("/usr/bin/python3.[6-9]", "/usr/bin/python3.10", "~/.pyenv/versions/3.[6-9]*/bin/python3")
    for path in glob.glob(os.path.expanduser(pattern))
)


@pytest.mark.skipif(not OLD, reason="no old Python on this machine")
@pytest.mark.parametrize("python", OLD)
def test_an_old_python_that_is_really_there(python):
    done = subprocess.run([python, FILE, "status"], capture_output=True, timeout=30, text=True, errors="replace")
    assert done.returncode == 1
    assert "Python 3.11 or later is needed" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_command_takes_the_python_that_it_is_given(tmp_path):
    shutil.copy(FILE.parents[1] / "acplab", tmp_path / "acplab")
    echo = shutil.which("echo")
    done = subprocess.run(
        [tmp_path / "acplab", "check", "a lab"],
        env={"ACPLAB_PYTHON": echo, "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        cwd="/",
        timeout=30,
    )
    assert done.stdout == f"{tmp_path}/helpers/bootstrap.py check a lab\n"


def linked(checkout: Path, link: Path) -> str:
    """What the script runs when it is called by this link."""
    done = subprocess.run(
        [link, "--help"],
        env={"ACPLAB_PYTHON": shutil.which("echo"), "PATH": os.environ["PATH"], "CDPATH": str(checkout)},
        capture_output=True,
        text=True,
        cwd=checkout,
        timeout=30,
    )
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("absolute", [True, False])
def test_the_command_works_through_links(tmp_path, absolute):
    course, bin_folder = tmp_path / "the course", tmp_path / "bin"
    course.mkdir()
    bin_folder.mkdir()
    shutil.copy(FILE.parents[1] / "acplab", course / "acplab")
    (bin_folder / "first").symlink_to(course / "acplab" if absolute else Path("../the course/acplab"))
    (bin_folder / "second").symlink_to("first")
    assert linked(tmp_path, bin_folder / "second") == f"{course}/helpers/bootstrap.py --help\n"


def test_the_command_says_that_there_is_no_python():
    env = {"ACPLAB_PYTHON": "no-such-python", "PATH": os.environ["PATH"]}
    done = subprocess.run([FILE.parents[1] / "acplab"], env=env, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert "There is no no-such-python on this machine." in done.stderr
    assert "ACPLAB_PYTHON=" in done.stderr
