"""The rules that every notebook keeps. Each function gives sentences, one a fault; no sentence means fine."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import nbformat

Notebook = dict[str, Any]

CHECKED = "nbval-check-output"
MOST_CELLS = 99
MOST_LINES = 15
LABELS = {"real", "simulated", "explained"}
GUARDS = {"chapters.open", "labs.start", "labs.find", "cluster.ensure"}
CLEANERS = {"close", "finish"}
ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def read(file: Path) -> Notebook:
    """The notebook as plain data, with each cell's source as one string."""
    notebook = json.loads(file.read_text(encoding="utf-8"))
    for cell in notebook.get("cells", []):
        cell["source"] = "".join(cell.get("source", ""))
    return notebook


def problems(file: Path) -> list[str]:
    """Everything that is wrong with a notebook."""
    try:
        notebook = read(file)
        nbformat.validate(json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, nbformat.ValidationError) as error:
        return [f"{file}: it is no valid notebook: {str(error).splitlines()[0]}"]
    rules = (form, ids, clean, short, plain, framed, labels)
    faults = [fault for rule in rules for fault in rule(notebook)]
    return [f"{file}: {fault}" for fault in [*faults, *links(file, notebook)]]


def code(notebook: Notebook) -> list[dict[str, Any]]:
    """The code cells."""
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def prose(notebook: Notebook) -> list[dict[str, Any]]:
    """The text cells, without their code blocks and `code`."""
    found = [cell for cell in notebook["cells"] if cell["cell_type"] == "markdown"]
    return [cell | {"source": re.sub(r"```.*?```|`[^`\n]*`", "", cell["source"], flags=re.S)} for cell in found]


def trees(notebook: Notebook) -> list[ast.Module]:
    """The code cells, parsed; those that are no Python are left out (plain() speaks of them)."""
    found = []
    for cell in code(notebook):
        try:
            found.append(ast.parse(cell["source"]))
        except SyntaxError:
            continue
    return found


def form(notebook: Notebook) -> list[str]:
    """Format 4.5 for the kernel python3."""
    faults = []
    version = (notebook["nbformat"], notebook["nbformat_minor"])
    if version != (4, 5):
        faults.append(f"the format is {version[0]}.{version[1]}, not 4.5.")
    kernel = notebook["metadata"].get("kernelspec", {}).get("name")
    if kernel != "python3":
        faults.append(f"the kernel is {kernel!r}, not 'python3'.")
    return faults


def ids(notebook: Notebook) -> list[str]:
    """Cell ids that a translator can hold on to: words, each used once."""
    names = [cell["id"] for cell in notebook["cells"]]
    faults = [f"the cell id {name!r} is used twice." for name in sorted({n for n in names if names.count(n) > 1})]
    faults += [f"the cell id {name!r} is not words joined by hyphens." for name in names if not ID.fullmatch(name)]
    return faults + [
        f"the cell id {name!r} looks random; name what the cell is about." for name in names if random(name)
    ]


def random(name: str) -> bool:
    """Hexadecimal, as editors make them, or numbered only."""
    return bool(re.fullmatch(r"[0-9a-f-]{6,}|(cell-?)?\d+", name))


def clean(notebook: Notebook) -> list[str]:
    """Outputs, with the execution count 1, only where nbval compares them: all others age, and hide what changed."""
    faults = [
        f"the cell {cell['id']} has the execution count {cell['execution_count']}."
        for cell in code(notebook)
        if cell["execution_count"] != (1 if compared(cell) and cell["outputs"] else None)
    ]
    return faults + [fault for cell in code(notebook) for fault in outputs(cell)]


def outputs(cell: dict[str, Any]) -> list[str]:
    """The outputs that a cell may have: those that nbval compares, hidden until the learner runs it."""
    if not compared(cell):
        return [f"the cell {cell['id']} has outputs, but not the tag {CHECKED}."] if cell["outputs"] else []
    if not cell["outputs"]:
        return [f"the cell {cell['id']} has the tag {CHECKED}, but no outputs; run ./acplab dev outputs."]
    hidden = cell["metadata"].get("jupyter", {}).get("outputs_hidden")
    return [] if hidden else [f"the outputs of the cell {cell['id']} are not hidden; run ./acplab dev outputs."]


def compared(cell: dict[str, Any]) -> bool:
    """Whether nbval compares the cell's outputs with the stored ones."""
    return CHECKED in cell["metadata"].get("tags", [])


def chapter(file: Path) -> list[str]:
    """What a chapter needs besides: cells whose outputs are compared."""
    if any(compared(cell) for cell in code(read(file))):
        return []
    return [f"{file}: no cell has the tag {CHECKED}, so no output is ever compared."]


def short(notebook: Notebook) -> list[str]:
    """Short enough to read: mechanics belong in the helpers."""
    faults = []
    if len(notebook["cells"]) > MOST_CELLS:
        faults.append(f"it has {len(notebook['cells'])} cells; {MOST_CELLS} are the most.")
    for cell in code(notebook):
        lines = cell["source"].count("\n") + 1
        if lines > MOST_LINES:
            faults.append(f"the cell {cell['id']} has {lines} lines; {MOST_LINES} are the most.")
        if not cell["source"].strip():
            faults.append(f"the cell {cell['id']} is empty.")
    return faults


def plain(notebook: Notebook) -> list[str]:
    """Python only: a shell cell that fails or hangs would be reported as passed. Nothing sleeps a fixed time."""
    faults = []
    for cell in code(notebook):
        if re.search(r"^\s*[!%]|=\s*[!%]|get_ipython|os\.system|subprocess", cell["source"], re.M):
            faults.append(f"the cell {cell['id']} has a shell command or a magic.")
            continue
        if any(name.rsplit(".", 1)[-1] == "sleep" for name in calls(cell)):
            faults.append(f"the cell {cell['id']} sleeps; wait for a condition, or let the load run: load.run_for(4).")
        if "cluster.ensure" in calls(cell) and "seconds" not in cell["metadata"].get("acplab", {}):
            faults.append(f"the cell {cell['id']} may make a cluster; say in its metadata how many seconds it has.")
        try:
            compile(cell["source"], cell["id"], "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        except SyntaxError as error:
            faults.append(f"the cell {cell['id']} is not Python: {error}")
    return faults


def framed(notebook: Notebook) -> list[str]:
    """The first code cell guards, the last one cleans up."""
    cells = code(notebook)
    if not cells:
        return ["it has no code cell."]
    faults = []
    if not calls(cells[0]) & GUARDS:
        faults.append(f"the first code cell, {cells[0]['id']}, must call chapters.open, labs.start or cluster.ensure.")
    if not {name.rsplit(".", 1)[-1] for name in calls(cells[-1])} & CLEANERS:
        faults.append(f"the last code cell, {cells[-1]['id']}, must call .close() or .finish().")
    return faults


def calls(cell: dict[str, Any]) -> set[str]:
    """The dotted names of all that a cell calls."""
    try:
        tree = ast.parse(cell["source"])
    except SyntaxError:
        return set()
    return {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}


def labels(notebook: Notebook) -> list[str]:
    """**[word]** is a feature label, and there are three."""
    return [
        f"the cell {cell['id']} has the label [{label}]; there are only {', '.join(sorted(LABELS))}."
        for cell in prose(notebook)
        for label in re.findall(r"\*\*\[([^\]]*)\]\*\*(?!\()", cell["source"])
        if label not in LABELS
    ]


def links(file: Path, notebook: Notebook) -> list[str]:
    """Relative links and pictures lead somewhere."""
    faults = []
    for cell in prose(notebook):
        for target in re.findall(r"\]\(\s*<?([^)>\s]+)", cell["source"]):
            if re.match(r"[a-z][a-z0-9+.-]*:|#", target):
                continue
            if not (file.parent / target.split("#")[0]).exists():
                faults.append(f"the cell {cell['id']} links to {target}, which is not there.")
    return faults


def anchors(glossary: Path) -> set[str]:
    """The terms of the glossary that a link can name."""
    return set(re.findall(r'<a id="([^"]+)">', glossary.read_text(encoding="utf-8")))


def terms(file: Path) -> set[tuple[Path, str]]:
    """What a notebook links to in a glossary, as (the glossary, its term)."""
    found = [
        hit
        for cell in prose(read(file))
        for hit in re.findall(r"\]\(([^)#\s]*glossary\.md)#([^)\s]*)\)", cell["source"])
    ]
    return {((file.parent / path).resolve(), term) for path, term in found}


def lost_terms(file: Path) -> list[str]:
    """Links to the glossary that hit no term there; that the glossary itself is missing, links() says."""
    hits = sorted((path, term) for path, term in terms(file) if path.is_file())
    return [
        f"{file} links to {path.name}#{term}, which is not there." for path, term in hits if term not in anchors(path)
    ]
