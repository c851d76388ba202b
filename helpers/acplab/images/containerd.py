"""The images in a node's containerd, each labelled with the fingerprint of what it was made from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import IO

from acplab.base.console import Stage
from acplab.host import docker
from acplab.images import store

CTR = ("ctr", "--namespace", "k8s.io")


def holds(node: str) -> dict[str, str]:
    """Image -> fingerprint of what a node has; "" for an image that another than us put there."""
    lines = docker.run("exec", node, *CTR, "images", "list").splitlines()[1:]
    return {line.split()[0]: _fingerprint(line) for line in lines}


def _fingerprint(line: str) -> str:
    found = re.search(rf"\b{re.escape(store.LABEL)}=(\w+)", line)
    return found[1] if found else ""


def put(node: str, archive: IO[bytes], images: Mapping[str, str], current: Stage) -> None:
    """Import an archive of `docker save` without unpacking (the node does that when it starts a container).

    images: image -> fingerprint of what is in the archive.
    """
    into = ["docker", "exec", "--interactive", node, *CTR, "images", "import", "--no-unpack", "--digests", "-"]
    code, said = store.feed(into, archive)
    with current.log.open("a", encoding="utf-8") as log:
        log.write(said)
    if code:
        raise current.failure(code, "ctr images import")
    for image, inputs in images.items():
        docker.run("exec", node, *CTR, "images", "label", image, f"{store.LABEL}={inputs}")
