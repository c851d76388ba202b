"""The node image: a base node with every image that a lab needs already in its containerd.

Creating a cluster then loads nothing, and a node needs no network, whichever route was taken.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from acplab.base.console import Stage, stage
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.base.retry import retry_context
from acplab.host import docker

CTR = ("ctr", "--namespace", "k8s.io")


def node(reference: str, base: str, images: list[str], inputs: str) -> None:
    """Bake `images` (in Docker's store) into `base` and call the result `reference`."""
    title = _("Putting {n} images into the node image").format(n=len(images))
    with stage("bake", title, 60) as current, _running_containerd(base) as container:
        _import(container, images, current)
        current.say("docker commit")
        docker.run(
            "commit",
            *_as_before(base),
            "--change",
            f"LABEL acplab.inputs={inputs}",
            container,
            reference,
            timeout=300,
        )


@contextmanager
def _running_containerd(base: str) -> Iterator[str]:
    """A container of the base image in which only containerd runs."""
    container = docker.run("run", "--detach", "--privileged", "--entrypoint", "sleep", base, "infinity").strip()
    try:
        docker.run("exec", "--detach", container, "containerd")
        for attempt in retry_context(on=AcplabError, attempts=None, timeout=30, wait_max=1.0):
            with attempt:
                docker.run("exec", container, "ctr", "version")
        yield container
        docker.run("exec", container, "pkill", "-x", "containerd")
    finally:
        docker.run("rm", "--force", "--volumes", container)


def _import(container: str, images: list[str], current: Stage) -> None:
    """docker save | ctr import, without unpacking: the node does that when it starts a container."""
    current.say("docker save | ctr images import")
    into = ["docker", "exec", "--interactive", container, *CTR, "images", "import", "--no-unpack", "--digests", "-"]
    with (
        current.log.open("a") as log,
        subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE, stderr=log) as save,
    ):
        code = subprocess.call(into, stdin=save.stdout, stdout=log, stderr=log)
    if code or save.returncode:
        raise current.failure(code or save.returncode, "ctr images import")


def _as_before(base: str) -> list[str]:
    """What `docker commit` must be told so that the image starts as its base did."""
    config = json.loads(docker.run("image", "inspect", "--format", "{{json .Config}}", base))
    return [
        "--change",
        f"ENTRYPOINT {json.dumps(config['Entrypoint'])}",
        "--change",
        f"CMD {json.dumps(config.get('Cmd') or [])}",
    ]
