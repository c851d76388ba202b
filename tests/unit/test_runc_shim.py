"""What is taken out of a container's configuration on a host whose root lacks capabilities."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from acplab.host import runc_shim

ALL = (1 << len(runc_shim.NAMES)) - 1
SYS_RESOURCE = 1 << 24
FILE = Path(runc_shim.__file__)


def status(tmp_path, bits: int) -> str:
    file = tmp_path / "status"
    file.write_text(f"Name:\tx\nCapInh:\t0000000000000000\nCapBnd:\t{bits:016x}\nCapAmb:\t0000000000000000\n")
    return str(file)


def capabilities(*names: str) -> dict[str, list[str]]:
    return {"bounding": list(names), "effective": list(names), "permitted": list(names)}


def test_the_names_stand_at_the_kernels_numbers():
    # From include/uapi/linux/capability.h.
    kernel = {"CHOWN": 0, "NET_ADMIN": 12, "SYS_ADMIN": 21, "SYS_RESOURCE": 24, "SETFCAP": 31, "CHECKPOINT_RESTORE": 40}
    assert {name: runc_shim.NAMES.index(name) for name in kernel} == kernel
    assert len(runc_shim.NAMES) == len(set(runc_shim.NAMES)) == 41


def test_what_a_host_holds_is_read_from_the_bounding_set(tmp_path):
    assert runc_shim.held(status(tmp_path, ALL)) == {f"CAP_{name}" for name in runc_shim.NAMES}
    assert runc_shim.held(status(tmp_path, 0b101)) == {"CAP_CHOWN", "CAP_DAC_READ_SEARCH"}
    assert "CAP_SYS_RESOURCE" not in runc_shim.held(status(tmp_path, ALL & ~SYS_RESOURCE))


def test_capabilities_of_a_newer_kernel_do_no_harm(tmp_path):
    assert len(runc_shim.held(status(tmp_path, (1 << 63) | ALL))) == 41


def test_this_process_can_be_read():
    assert runc_shim.held() <= {f"CAP_{name}" for name in runc_shim.NAMES}


def test_missing_capabilities_are_taken_out_of_every_set():
    process = {"capabilities": capabilities("CAP_CHOWN", "CAP_SYS_RESOURCE", "CAP_KILL"), "args": ["sh"]}
    kept = runc_shim.without_missing(process, {"CAP_CHOWN", "CAP_KILL"})
    assert kept == {"capabilities": capabilities("CAP_CHOWN", "CAP_KILL"), "args": ["sh"]}


def test_nothing_changes_on_a_host_that_has_all():
    process = {"capabilities": capabilities("CAP_CHOWN", "CAP_SYS_RESOURCE"), "oomScoreAdj": -999}
    before = json.loads(json.dumps(process))
    assert runc_shim.without_missing(process, {f"CAP_{name}" for name in runc_shim.NAMES}) == before


@pytest.mark.parametrize("have", [set(), {"CAP_CHOWN"}])
def test_the_oom_score_goes_with_sys_resource(have):
    assert "oomScoreAdj" not in runc_shim.without_missing({"oomScoreAdj": -999}, have)
    assert runc_shim.without_missing({"oomScoreAdj": -999}, {*have, "CAP_SYS_RESOURCE"}) == {"oomScoreAdj": -999}


@pytest.mark.parametrize(
    "process", [{}, {"capabilities": {}}, {"capabilities": {"ambient": None}}, {"capabilities": None}]
)
def test_a_process_that_asks_for_nothing(process):
    wanted = runc_shim.without_missing(process, set()).get("capabilities")
    assert not any((wanted or {}).values())


@pytest.fixture
def shim(tools, tmp_path, monkeypatch):
    """The shim as Docker calls it, on a host without CAP_SYS_RESOURCE; runc is what the tools note."""
    tools.add("runc")
    program = (
        f"import sys; sys.path.insert(0, {str(FILE.parent)!r}); import runc_shim;"
        f"runc_shim.held = lambda: {{'CAP_CHOWN'}}; runc_shim.main(sys.argv[1:])"
    )

    def call(*arguments: str) -> list[str]:
        subprocess.run([sys.executable, "-IS", "-c", program, *arguments], check=True, timeout=20)
        return tools.calls[-1]

    return call


def test_create_rewrites_the_bundle_and_becomes_runc(shim, tmp_path):
    config = {
        "process": {"capabilities": capabilities("CAP_CHOWN", "CAP_BPF"), "oomScoreAdj": 0},
        "root": {"path": "r"},
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    arguments = ["--root", "/x", "create", "--bundle", str(tmp_path), "--pid-file", "p", "container"]
    assert shim(*arguments) == ["runc", *arguments]
    written = json.loads((tmp_path / "config.json").read_text())
    assert written == {"process": {"capabilities": capabilities("CAP_CHOWN")}, "root": {"path": "r"}}


def test_exec_rewrites_the_process_file(shim, tmp_path):
    file = tmp_path / "process.json"
    file.write_text(json.dumps({"capabilities": capabilities("CAP_BPF", "CAP_CHOWN"), "args": ["id"]}))
    arguments = ["exec", "--process", str(file), "--detach", "container"]
    assert shim(*arguments) == ["runc", *arguments]
    assert json.loads(file.read_text()) == {"capabilities": capabilities("CAP_CHOWN"), "args": ["id"]}


@pytest.mark.parametrize(
    "arguments", [["--version"], ["delete", "--force", "x"], ["kill", "x", "9"], ["state", "exec"]]
)
def test_every_other_verb_goes_through_untouched(shim, arguments):
    assert shim(*arguments) == ["runc", *arguments]


def test_runcs_exit_code_is_dockers(tools):
    tools.add("runc")
    tools.answer("runc", "state", code=7, err="no such container\n")
    done = subprocess.run([sys.executable, "-IS", str(FILE), "state", "x"], capture_output=True, text=True, timeout=20)
    assert (done.returncode, done.stderr) == (7, "no such container\n")


def test_it_is_plain_python_of_the_standard_library():
    # It runs under the system's python3, outside of our environment, and that may be an old one.
    tree = ast.parse(FILE.read_text(), feature_version=(3, 8))
    imported = {alias.name for one in ast.walk(tree) if isinstance(one, ast.Import) for alias in one.names}
    assert not [one for one in ast.walk(tree) if isinstance(one, ast.ImportFrom)]
    assert imported <= set(sys.stdlib_module_names)
    assert os.access(FILE, os.R_OK)
