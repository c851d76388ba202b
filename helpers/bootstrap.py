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


def fail(sentence, remedy):
    """One sentence and its remedy, and out."""
    sys.exit(f"Error: {sentence}\n  → {remedy}")


def run(*command):
    """Run a command with its output in the log; its last line is the error's reason."""
    with LOG.open("a") as log:
        process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        while process.poll() is None:
            show_time()
            time.sleep(0.2)
    if process.returncode:
        lines = [line for line in LOG.read_text(errors="replace").splitlines() if line.strip()]
        reason = f"{Path(command[0]).name} failed: {lines[-1] if lines else 'no output'}"
        fail(reason, f"Is the network up, and is there disk space? The whole log: {LOG}")


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


def ensure_environment():
    """Install the locks that this command needs and the environment lacks; a changed first lock makes a new one."""
    needed = [LOCK, TEST_LOCK] if sys.argv[1:2] and sys.argv[1] in TESTING else [LOCK]
    missing = [lock for lock in needed if not is_installed(lock)]
    if not missing:
        return
    what = "Making the Python environment" if LOCK in missing else "Installing what the tests need"
    print(f"… {what} (about {EXPECTED // 60}:{EXPECTED % 60:02d}, log: {LOG})", flush=True)
    LOG.write_text("")
    if LOCK in missing:
        make_venv()
        missing = needed
    for lock in missing:
        install(lock)
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


def main():
    """Make what is missing, then become the acplab command."""
    if sys.version_info < (3, 11):  # noqa: UP036 - whoever has an older one should read a sentence
        found = sys.version.split()[0]
        fail(
            f"Python 3.11 or later is needed, and this is {found}.",
            "Name a newer one: ACPLAB_PYTHON=python3.12 ./acplab start",
        )
    try:
        with alone():
            ensure_environment()
    except KeyboardInterrupt:
        sys.exit("\nInterrupted. The same command makes the environment anew.")
    os.execv(PYTHON, [str(PYTHON), "-m", "acplab", *sys.argv[1:]])


if __name__ == "__main__":
    main()
