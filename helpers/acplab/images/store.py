"""Docker's store: what is in it, and how files get there.

Files go through pipes, never by name and not as open files: Docker from snap may see neither /tmp nor our cache.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tarfile
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.host import docker

LABEL = "acplab.inputs"


def built_from(reference: str) -> str | None:
    """The fingerprint that an image in Docker's store was made from; "" if it has none, None if it isn't there."""
    try:
        return docker.run("image", "inspect", "--format", f'{{{{index .Config.Labels "{LABEL}"}}}}', reference).strip()
    except AcplabError:
        return None


def piped(verb: str, *arguments: str, source: IO[bytes]) -> None:
    """`docker VERB` that reads a file from its standard input. AcplabError carries the last line it said."""
    code, said = feed(["docker", verb, *arguments], source)
    if code:
        raise _failed(verb, said)


def feed(command: Sequence[str], source: IO[bytes]) -> tuple[int, str]:
    """Run a command that reads `source` through a pipe: (exit code, what it said)."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert process.stdin is not None
    assert process.stdout is not None
    feeder = threading.Thread(target=_copy, args=(source, process.stdin))
    feeder.start()
    with process:
        said = process.stdout.read().decode(errors="replace")
        feeder.join()
    return process.returncode, said


def _copy(source: IO[bytes], target: IO[bytes]) -> None:
    with contextlib.suppress(BrokenPipeError), target:  # the command may end early; its exit code says why
        shutil.copyfileobj(source, target, 1 << 20)


def build(reference: str, context: Mapping[str, Path | str], inputs: str, file: str = "") -> None:
    """`docker build` of a context: name in the image -> a file, a folder, or a text; file: the build argument FILE, if any."""
    arguments = ["--tag", reference, "--label", f"{LABEL}={inputs}", *(["--build-arg", f"FILE={file}"] if file else [])]
    with tempfile.TemporaryFile(dir=paths.cache()) as archive:
        _pack(context, archive)
        piped("build", *arguments, "-", source=archive)


def _pack(context: Mapping[str, Path | str], archive: IO[bytes]) -> None:
    # Docker looks at the first 512 bytes to tell a tar file from a Dockerfile; the pax format begins with something else.
    with (
        tarfile.open(fileobj=archive, mode="w", format=tarfile.GNU_FORMAT) as tar,
        tempfile.TemporaryDirectory() as scratch,
    ):
        for name, source in context.items():
            if isinstance(source, str):
                text = Path(scratch) / "text"
                text.write_text(source)
                source = text
            tar.add(source, name, filter=readable)
    archive.seek(0)


def readable(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """A file of root that everybody may read, whatever the umask was when it was made here: images run as other users."""
    executable = member.isdir() or member.mode & 0o100
    member.mode = 0o755 if executable else 0o644
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    return member


def save(references: list[str], target: Path) -> None:
    """`docker save` of images into a file that appears when it is whole."""
    part = target.with_suffix(".part")
    with (
        part.open("wb") as archive,
        subprocess.Popen(["docker", "save", *references], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process,
    ):
        assert process.stdout is not None
        assert process.stderr is not None
        shutil.copyfileobj(process.stdout, archive, 1 << 20)
        said = process.stderr.read().decode(errors="replace")
    if process.returncode:
        part.unlink()
        raise _failed("save", said)
    part.replace(target)


def _failed(verb: str, said: str) -> AcplabError:
    last = (said.strip().splitlines() or [_("no output")])[-1]
    return AcplabError(_("docker {verb} failed: {last}").format(verb=verb, last=last), _("Run ./acplab doctor."))
