"""The rules that every lab folder keeps. Each function gives sentences, one a fault; no sentence means fine."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import nblint
import yaml
from acplab.base import yaml_models
from acplab.base.errors import AcplabError
from acplab.course import notebook, spec, wrong
from acplab.grading import checks as grading
from acplab.grading import prose

SHARED = 60  # so many characters in a row that also stand in the solution give the answer away
# Everything a lab folder may hold; what git ignores (work/, caches) is not looked at.
NEEDED = ("lab.yaml", "lab.ipynb", "solution.ipynb", "checks.py", "criteria.yaml", "wrong.yaml")
FOLDERS = ("given", "setup", "solution")
MANIFESTS = (".yaml", ".tf")
IGNORED = ("work", "__pycache__", ".ipynb_checkpoints", ".mypy_cache", ".ruff_cache")
# What a check may import: itself, words, and what only computes.
IMPORTS = {
    "__future__", "collections", "collections.abc", "dataclasses", "datetime", "functools", "ipaddress", "itertools",
    "json", "math", "re", "statistics", "typing",
    "acplab.grading", "acplab.topics", "acplab.base.i18n", "acplab.measure", "acplab.network",
}  # fmt: skip
# Calls that write, wait or look at text instead of behaviour.
CALLS = {
    "annotate", "apply", "compile", "create", "delete", "dump", "eval", "exec", "label", "load", "open", "patch",
    "post", "put", "restart", "safe_dump", "safe_load", "scale", "setattr", "sleep", "system",
    "unlink", "unified_diff", "ndiff", "wait", "write_bytes", "write_text", "__import__",
}  # fmt: skip


def problems(folder: Path) -> list[str]:
    """Everything that is wrong with a lab."""
    faults = [f"{folder.name} has no {name}." for name in NEEDED if not (folder / name).is_file()]
    faults += stray(folder) + spec.problems(folder)
    if faults:
        return faults
    lab = spec.read(folder)
    rules = (tasks, checks, giveaways, notebooks, words, cases, generated)
    return [fault for rule in rules for fault in rule(lab)]


def stray(folder: Path) -> list[str]:
    """Files that no part of a lab reads."""
    faults = []
    for entry in sorted(folder.iterdir()):
        if entry.name in NEEDED or entry.name in IGNORED or re.fullmatch(r"criteria\.[a-z]+\.yaml", entry.name):
            continue
        if entry.is_dir() and entry.name in FOLDERS:
            files = sorted(entry.iterdir())
            faults += [f"{f} is not a manifest." for f in files if f.suffix not in MANIFESTS or f.is_dir()]
        else:
            faults.append(f"{entry} is a stray file.")
    return faults


def tasks(lab: spec.LabSpec) -> list[str]:
    """How many tasks there are, and whether they and the namespace are named well."""
    fewest = 3 if lab.id.startswith("00-") else 4
    faults = []
    if not fewest <= len(lab.tasks) <= 6:
        faults.append(f"{lab.id} has {len(lab.tasks)} tasks; it must have {fewest} to 6.")
    if len(lab.namespace) > 63:
        faults.append(f"the namespace {lab.namespace} has more than 63 characters.")
    if lab.chapter[:2] != lab.id[:2]:  # 02b, the second part of a chapter, has labs with the number 02
        faults.append(f"{lab.id} belongs to chapter {lab.chapter}, but has another number.")
    return faults


# --- checks.py -------------------------------------------------------------------------------------------


def checks(lab: spec.LabSpec) -> list[str]:
    """Every task has one check and its hints, and nothing in the file writes."""
    tree = ast.parse((lab.folder / "checks.py").read_text(encoding="utf-8"))
    try:
        found = grading.load(lab.folder)
    except (AcplabError, ValueError, ImportError, NameError, TypeError) as error:
        return [f"{lab.id}: checks.py cannot be loaded: {error}"]
    ids = {task.id for task in lab.tasks}
    faults = []
    for what, named in (("check", found.tasks), ("hint", found.hints)):
        faults += [f"the task {name} has no {what}." for name in sorted(ids - named.keys())]
        faults += [f"checks.py has a {what} for {name}, which is no task." for name in sorted(named.keys() - ids)]
    for name, function in marked(tree, "task"):
        if not any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in ast.walk(function)):
            faults.append(f"the check of {name} yields no result.")
    return [f"{lab.id}: {fault}" for fault in [*faults, *imports(tree), *calls(tree), *reaches(tree)]]


def marked(tree: ast.Module, mark: str) -> Iterator[tuple[str, ast.FunctionDef]]:
    """(id, function) of every function below @task("id")."""
    for node in tree.body:
        for call in getattr(node, "decorator_list", []):
            if isinstance(call, ast.Call) and name_of(call.func) == mark and isinstance(node, ast.FunctionDef):
                yield ast.literal_eval(call.args[0]), node


def name_of(node: ast.expr) -> str:
    """The last part of a dotted name."""
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def imports(tree: ast.Module) -> list[str]:
    """A check that imports kube, os or yaml can do what a check must not."""
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            packages = node.module == "acplab"
            names += [f"acplab.{alias.name}" for alias in node.names] if packages else [node.module or "."]
    return [f"checks.py imports {name}." for name in names if name not in IMPORTS]


def calls(tree: ast.Module) -> list[str]:
    """Calls that write or wait, and traffic that is not a plain read."""
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    # Only our own functions may be called as they like: a helper named scale() of checks.py is no kube.scale.
    own = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    faults = [
        f"checks.py line {call.lineno} calls {name_of(call.func)}."
        for call in found
        if name_of(call.func) in CALLS and not is_re_compile(call) and name_of(call.func) not in own
    ]
    return faults + [
        f"checks.py line {call.lineno} sends {word.value.value} requests."
        for call in found
        for word in call.keywords
        if word.arg == "method" and isinstance(word.value, ast.Constant) and word.value.value not in ("GET", "HEAD")
    ]


def is_re_compile(call: ast.Call) -> bool:
    """re.compile is the one compile that is fine."""
    return ast.unparse(call.func) == "re.compile"


def reaches(tree: ast.Module) -> list[str]:
    """A lab never reaches into a private name of somebody else."""
    return [
        f"checks.py line {node.lineno} reaches into the private name {node.attr}."
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr.startswith("_")
    ]


# --- criteria.yaml ---------------------------------------------------------------------------------------

KEYED = {"text", "then"}  # keyword arguments that are keys of criteria.yaml
FIRST = {"met": "criteria", "say": "hints", "Words": "hints"}  # calls whose first argument is one


def words(lab: spec.LabSpec) -> list[str]:
    """checks.py and criteria.yaml know the same keys; a translation has no others."""
    tree = ast.parse((lab.folder / "checks.py").read_text(encoding="utf-8"))
    try:
        texts = prose.read(lab.folder)
        others = [(file.name, yaml_models.read(prose.Prose, file)) for file in lab.folder.glob("criteria.*.yaml")]
    except AcplabError as error:
        return [error.sentence]
    known = {"criteria": set(texts.criteria), "hints": set(texts.hints)}
    constants = {
        node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    faults = [f"no check says {key!r} of criteria.yaml." for key in sorted(set.union(*known.values()) - constants)]
    faults += [f"criteria.yaml has no {key!r} under {part}." for part, key in keys(tree) if key not in known[part]]
    for name, other in others:
        strange = (set(other.criteria) - known["criteria"]) | (set(other.hints) - known["hints"])
        faults += [f"{name} has {key!r}, which criteria.yaml has not." for key in sorted(strange)]
    paths = [
        path
        for key, kind in lab.notes.items()
        for path in ([f"{key}.{f}" for f in kind] if isinstance(kind, dict) else [key])
    ]
    noted = {part for text in constants for part in (text, text.partition(".")[0])}
    faults += [
        f"no check looks at the note {path!r} of lab.yaml."
        for path in paths
        if path not in noted and path.split(".")[0] not in noted
    ]
    return [f"{lab.id}: {fault}" for fault in [*faults, *malformed(texts)]]


def keys(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """(part, key) of what calls in checks.py want from criteria.yaml, where they say it in so many letters."""
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        for word in call.keywords:
            if word.arg in KEYED and isinstance(word.value, ast.Constant):
                yield ("criteria" if word.arg == "text" else "hints"), word.value.value
        first = call.args[0] if call.args else None
        if name_of(call.func) in FIRST and isinstance(first, ast.Constant):
            yield FIRST[name_of(call.func)], first.value


def malformed(texts: prose.Prose) -> list[str]:
    """Texts whose {fields} cannot be filled."""
    all_texts = [
        (key, text) for key, one in texts.criteria.items() for text in (one.claim, one.why, one.look, one.wanted)
    ]
    all_texts += [(key, text) for key, both in texts.hints.items() for text in both]
    faults = [f"{key}: both hints are the same." for key, (first, second) in texts.hints.items() if first == second]
    for key, text in all_texts:
        try:
            list(Formatter().parse(text))
        except ValueError as error:
            faults.append(f"{key}: {error}.")
    return faults


# --- wrong.yaml and lab.ipynb ----------------------------------------------------------------------------


def cases(lab: spec.LabSpec) -> list[str]:
    """Each task has a wrong solution that looks right, and each of them fits the lab."""
    faults = wrong.problems(lab)
    if faults:
        return faults
    tried = {case.task for case in wrong.read(lab).values()}
    return [f"{lab.id}: wrong.yaml has no case for the task {task.id}." for task in lab.tasks if task.id not in tried]


def generated(lab: spec.LabSpec) -> list[str]:
    """lab.ipynb is what `acplab dev build` makes of solution.ipynb, and shows nothing that solves a task."""
    faults = [f"{lab.id}: lab.ipynb shows what solves a task: {line}" for line in notebook.leaks(lab.folder)]
    if (lab.folder / "lab.ipynb").read_text(encoding="utf-8") != notebook.build(lab.folder):
        faults.append(f"{lab.id}: lab.ipynb is not made from solution.ipynb; run ./acplab dev build {lab.id}")
    return faults


# --- hints never give the answer -------------------------------------------------------------------------


def giveaways(lab: spec.LabSpec) -> list[str]:
    """Texts of checks.py and criteria.yaml that share a long run of characters with a file of the solution."""
    folder = lab.folder
    tree = ast.parse((folder / "checks.py").read_text(encoding="utf-8"))
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    said = [file.read_text(encoding="utf-8") for file in sorted(folder.glob("criteria*.yaml"))]
    solutions = {f.name: squeezed(f.read_text(encoding="utf-8")) for f in sorted((folder / "solution").glob("*"))}
    return [
        f"{folder.name}: the check says {run!r}, which is in solution/{name}."
        for text in [*texts, *said]
        for name, solution in solutions.items()
        if (run := shared(squeezed(text), solution))
    ]


def squeezed(text: str) -> str:
    """One space for any white space, so that another indentation hides nothing."""
    return " ".join(text.split())


def shared(text: str, solution: str) -> str:
    """The first run of SHARED characters that is in both, or nothing."""
    runs = (text[start : start + SHARED] for start in range(len(text) - SHARED + 1))
    return next((run for run in runs if run in solution), "")


# --- notebooks -------------------------------------------------------------------------------------------


def notebooks(lab: spec.LabSpec) -> list[str]:
    """Both notebooks start this lab and check each of its tasks; the solution stops when one is red."""
    faults = []
    for name in ("lab.ipynb", "solution.ipynb"):
        trees = nblint.trees(nblint.read(lab.folder / name))
        started = called(trees, "start")
        if started != [lab.id]:
            faults.append(f"{name} must start {lab.id} once, not {started}.")
        known, checked = [task.id for task in lab.tasks], called(trees, "check")
        faults += [f"{name} never checks the task {task}." for task in known if task not in checked]
        faults += [f"{name} checks {task}, which is no task." for task in checked if task not in known]
        faults += [f"{name} asks for a hint for {task}." for task in called(trees, "hint") if task not in known]
        if name == "solution.ipynb":
            faults += lenient(trees)
    return [f"{lab.id}: {fault}" for fault in faults]


def lenient(trees: list[ast.Module]) -> list[str]:
    """Checks of a solution that may be red without stopping the notebook."""
    source = "\n".join(ast.unparse(tree) for tree in trees)
    checked = set(re.findall(r"\.check\('([^']+)'\)", source))
    strict = set(re.findall(r"\.check\('([^']+)'\)\.must_pass\(\)", source))
    strict |= set(re.findall(r"assert \S+\.check\('([^']+)'\)\.passed", source))
    return [f"solution.ipynb never demands that {task} is green (.must_pass())." for task in sorted(checked - strict)]


def called(trees: list[ast.Module], method: str) -> list[str]:
    """The first arguments of all calls x.method("...")."""
    return [
        node.args[0].value
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == method
        and node.args
        and isinstance(node.args[0], ast.Constant)
    ]


# --- all labs together -----------------------------------------------------------------------------------


def clashes(folders: list[Path]) -> list[str]:
    """Host names that two labs claim: the ingress is shared, so one would answer for the other."""
    hosts = [(host, lab.id) for lab in map(spec.read, folders) for host in lab.hosts]
    counts = Counter(host for host, _lab in hosts)
    return [f"{host} belongs to {lab} and to another lab." for host, lab in hosts if counts[host] > 1]


def manifests(folder: Path) -> list[str]:
    """YAML files that cannot be read as manifests; given/ may be wrong in meaning, never in form."""
    faults = []
    for file in sorted(folder.glob("*/*.yaml")):
        if file.parent.name not in FOLDERS:
            continue
        try:
            objects = [one for one in yaml.safe_load_all(file.read_text(encoding="utf-8")) if one]
        except yaml.YAMLError as error:
            faults.append(f"{file} is not YAML: {error}")
            continue
        named = (one["metadata"].get("namespace") for one in objects if isinstance(one, dict) and "metadata" in one)
        faults += [f"{file} names the namespace {name}; leave it to the lab." for name in named if name]
    return faults
