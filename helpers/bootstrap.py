"""Make .venv from requirements.lock, then hand over to the acplab command in it. Standard library only.

Commands that run tests also get requirements-test.lock; a learner installs none of that. A lock's digest is
written into the environment last, so that a half-made environment is made again.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "requirements.lock"
TEST_LOCK = ROOT / "requirements-test.lock"
TESTING = ("test", "dev")  # commands that need what is in the second lock
LOG = ROOT / ".venv.log"
BEGAN, EXPECTED = time.monotonic(), 90  # seconds
NO_NEWS = '{"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": false}}'
BLANK = "\r" + " " * 120 + "\r"
PIP_SOURCES = ("no-index", "index-url", "find-links", "proxy", "constraint", "target", "prefix", "root", "only-binary")


def fail(sentence, remedy):
    """One sentence and its remedy, and out."""
    sys.exit(f"Error: {sentence}\n  → {remedy}")


def run(*command):
    """Run a command with its output in the log; its last line is the error's reason."""
    with LOG.open("a") as log:
        process = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=pip_environment()
        )
        while process.poll() is None:
            show_time()
            time.sleep(0.2)
    if process.returncode:
        lines = [line for line in LOG.read_text(errors="replace").splitlines() if line.strip()]
        reason = f"{Path(command[0]).name} failed: {lines[-1] if lines else 'no output'}"
        fail(reason, f"{pip_advice()} The whole log: {LOG}")


def pip_environment():
    """Ours, where a learner's own `user = true` (PIP_USER or pip.conf) does not count: a venv has no user's packages."""
    return {**os.environ, "PIP_USER": "0"}


def pip_advice():
    """What to try when pip failed: its settings on this machine, if some say where packages come from or go to."""
    asked = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    lines = asked.stdout.decode(errors="replace").splitlines()
    settings = [line for line in lines if line.split("=")[0].split(".")[-1] in PIP_SOURCES]
    if settings:
        return f"pip has settings of its own; correct or unset them: {', '.join(settings)}."
    return "Is the network up, and is there disk space?"


def works(*command):
    """Whether a command ends well; what it says does not matter."""
    return subprocess.call(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0


def show_time():
    """A bar with elapsed and expected time, where somebody watches a terminal."""
    if sys.stdout.isatty():
        elapsed = time.monotonic() - BEGAN
        done = int(30 * min(elapsed / EXPECTED, 1))
        clock = f"{int(elapsed // 60)}:{int(elapsed % 60):02d} / about {EXPECTED // 60}:{EXPECTED % 60:02d}"
        print(f"\r{'━' * done}{'─' * (30 - done)} {clock}  log: {LOG} ", end="", flush=True)


def make_venv():
    """An environment with pip, also where Debian's python3-venv is missing."""
    if works(sys.executable, "-c", "import ensurepip"):
        run(sys.executable, "-m", "venv", "--clear", VENV)
    elif works(sys.executable, "-m", "pip", "--version"):
        # Debian keeps ensurepip in python3-venv; a pip that is there already can serve the new environment.
        run(sys.executable, "-m", "venv", "--clear", "--without-pip", VENV)
        run(sys.executable, "-m", "pip", "--python", PYTHON, "install", "pip")
    elif os.geteuid() == 0 and shutil.which("apt-get"):
        print("… Debian's python3-venv is missing: installing it, since you are root", flush=True)
        run("apt-get", "update")
        run("apt-get", "install", "--yes", "--no-install-recommends", "python3-venv")
        run(sys.executable, "-m", "venv", "--clear", VENV)
    else:
        fail("Python's venv module cannot make an environment here.", "sudo apt-get install python3-venv")


def install(lock):
    """What a lock names, with hashes, and the helpers' own folder on the path."""
    run(PYTHON, "-m", "pip", "install", "--quiet", "--require-hashes", "--requirement", lock)
    packages = next((VENV / "lib").glob("python3.*/site-packages"))
    (packages / "acplab.pth").write_text(f"{ROOT / 'helpers'}\n")
    settings = VENV / "share" / "jupyter" / "lab" / "settings"
    settings.mkdir(parents=True, exist_ok=True)
    (settings / "overrides.json").write_text(NO_NEWS)


def stamp(lock):
    """The file in the environment that says from which state of a lock it was made."""
    return VENV / f"{lock.stem}.stamp"


def digest(lock):
    """What the stamp holds when the environment has what the lock names, at this place."""
    return hashlib.sha256(lock.read_bytes() + str(ROOT).encode()).hexdigest()


def is_installed(lock):
    """Whether the environment has what this lock names."""
    return PYTHON.exists() and stamp(lock).exists() and stamp(lock).read_text() == digest(lock)


def missing_locks():
    """The locks that this command needs and the environment lacks."""
    needed = [LOCK, TEST_LOCK] if sys.argv[1:2] and sys.argv[1] in TESTING else [LOCK]
    missing = [lock for lock in needed if not is_installed(lock)]
    return needed if LOCK in missing else missing  # a new environment has neither


def ensure_environment():
    """Make what is missing. An environment that is there needs no permission to write."""
    if missing_locks():
        with alone():
            make_environment(missing_locks())


def make_environment(locks):
    """Install these locks; a changed first lock makes a new environment."""
    if not locks:
        return  # another acplab has just made it
    what = "Making the Python environment" if LOCK in locks else "Installing what the tests need"
    print(f"… {what} (about {EXPECTED // 60}:{EXPECTED % 60:02d}, log: {LOG})", flush=True)
    LOG.write_text("")
    if LOCK in locks:
        make_venv()
    for lock in locks:
        install(lock)
        if not works(PYTHON, "-c", "import rich, typer"):
            fail("pip has put the packages somewhere else than into .venv.", pip_advice())
        stamp(lock).write_text(digest(lock))
    took = f"✓ {what} ({time.monotonic() - BEGAN:.0f} s)"
    print(BLANK + took if sys.stdout.isatty() else took, flush=True)


def alone():
    """Hold the folder while the environment is made: two at once would clear it under each other."""
    held = (ROOT / ".venv.lock").open("w")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("… Another acplab is making the Python environment: waiting for it", flush=True)
        fcntl.flock(held, fcntl.LOCK_EX)
    return held


def fail_to_write(error):
    """Say who may write what is in the way, such as a checkout of root's."""
    if isinstance(error, PermissionError):
        fail(f"You may not write {error.filename}.", f'sudo chown -R "$(id -un)" "{ROOT}"')
    fail(f"The Python environment cannot be made: {error}.", "Put this folder where it can be written, with 2 GB free.")


def speak_utf8():
    """Let Python read and write files as UTF-8 everywhere, and print in the terminal's own encoding as before."""
    os.environ.setdefault("PYTHONIOENCODING", sys.stdout.encoding or "utf-8")
    os.environ["PYTHONUTF8"] = "1"


def main():
    """Make what is missing, then become the acplab command."""
    if sys.version_info < (3, 11):  # noqa: UP036 - an older Python has to be answered with a sentence
        found = sys.version.split()[0]
        fail(
            f"Python 3.11 or later is needed, and this is {found}.",
            "Name a newer one: ACPLAB_PYTHON=python3.12 ./acplab start",
        )
    from acplab.base import terminal  # needs a Python of today

    terminal.accept_any_text()
    try:
        ensure_environment()
    except KeyboardInterrupt:
        sys.exit("\nInterrupted. The same command makes the environment again.")
    except OSError as error:
        fail_to_write(error)
    speak_utf8()
    os.execv(PYTHON, [str(PYTHON), "-m", "acplab", *sys.argv[1:]])


if __name__ == "__main__":
    main()
