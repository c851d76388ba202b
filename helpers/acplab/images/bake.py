"""The node image: a base node with the images of base and platform already in its containerd.

Creating a cluster then loads nothing, and a node needs no network, whichever route was taken.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from acplab.base.console import Stage, stage
from acplab.base.errors import AcplabError
from acplab.base.i18n import ngettext
from acplab.base.retry import retry_context
from acplab.host import docker
from acplab.images import catalogue, containerd
from acplab.images.store import LABEL

CNI = "/kind/manifests/default-cni.yaml"


def node(reference: str, base: str, images: Mapping[str, str], inputs: str) -> None:
    """Bake images (of Docker's store, with their fingerprints) into `base` and call the result `reference`."""
    title = ngettext("Putting {n} image into the node image", "Putting {n} images into the node image", len(images))
    with stage("bake", title.format(n=len(images)), 60) as current, _running_containerd(base) as container:
        _fill(container, images, current)
        # kind installs what it finds there: podnet is the Pod network on every route.
        docker.run("exec", "--interactive", container, "tee", CNI, stdin=catalogue.cni_manifest())
        current.say("docker commit")
        label = ["--change", f"LABEL {LABEL}={inputs}"]
        docker.run("commit", *_as_before(base), *label, container, reference, timeout=300)


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


def _fill(container: str, images: Mapping[str, str], current: Stage) -> None:
    current.say("docker save | ctr images import")
    with (
        current.log.open("a") as log,
        subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE, stderr=log) as save,
    ):
        assert save.stdout is not None
        containerd.put(container, save.stdout, images, current)
    if save.returncode:
        raise current.failure(save.returncode, "docker save")


def _as_before(base: str) -> list[str]:
    """What `docker commit` must be told so that the image starts as its base did."""
    config = json.loads(docker.run("image", "inspect", "--format", "{{json .Config}}", base))
    entrypoint, command = json.dumps(config["Entrypoint"]), json.dumps(config.get("Cmd") or [])
    return ["--change", f"ENTRYPOINT {entrypoint}", "--change", f"CMD {command}"]
