"""The words of the house, as a list: what our sentences do not say, and what they say instead (see CONTRIBUTING).

Read are docstrings and the sentences in _() and ngettext() of Python files, and the prose of notebooks and labs.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

THINGS = (
    "requests?|pods?|nodes?|addresses|times|lines?|connections?|seconds|minutes|bars?|colours?|samples?|routes?|"
    "sentences?|files?|folders?|tasks?|services?|rules?|words|names?|copies|replicas?|cells?"
)
# what is not said -> what is said instead
WORDS = {
    r"\banew\b": "again, or recreated",
    r"\bmend(s|ed|ing)?\b": "fix, repair",
    r"\bwhoever\b": "a subject: who ... and a verb",
    r"\bset(s|ting)? (it |them |\{\w+\} )?going\b": "start, restart",
    r"\bstands\b(?! (in )?for)": "is, runs, is listed",
    rf"\b({THINGS}) an? (node|second|minute|hour|day|zone|bar|bucket|request|line|pod|lab|chapter|version|cluster)\b(?!')": "per",
    r"\bnobody listens\b": "nothing is listening",
    r"\bnot so after\b": "condition not met within",
    r"\bfits on no node\b": "is unschedulable",
    r"\btaken up\b": "accepted",
    r"\bknows no\b": "has no",
    r"\bentrance\b": "ingress URL, ingress controller",
    r"\b(?-i:Lesson|Nowhere|Room)\b": "Lab, NoCluster, Chapter",
    r"\bwires\b": "datapath",
}


def faults(text: str) -> list[str]:
    """Each unwanted word of a text, with what to say instead."""
    return [
        f"{found[0]!r}: say {instead}"
        for pattern, instead in WORDS.items()
        for found in re.finditer(pattern, text, re.IGNORECASE)
    ]


def of_python(file: Path) -> list[str]:
    """The faults of a Python file, each with its line."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return [f"{file.name}:{line}: {fault}" for line, text in _texts(tree) for fault in faults(text)]


def of_notebook(file: Path) -> list[str]:
    """The faults in a notebook's prose, each with its cell."""
    cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
    prose = [cell for cell in cells if cell["cell_type"] == "markdown"]
    return [f"{file.name} {cell['id']}: {fault}" for cell in prose for fault in faults(_plain("".join(cell["source"])))]


def of_text(file: Path) -> list[str]:
    """The faults of any other file, such as a lab.yaml or a criteria.yaml."""
    return [f"{file.name}: {fault}" for fault in faults(_plain(file.read_text(encoding="utf-8")))]


def _plain(text: str) -> str:
    """Without code: what it says is a name or an output."""
    return re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.S)


def _texts(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield getattr(node, "lineno", 1), _plain(ast.get_docstring(node) or "")
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("_", "ngettext"):
            yield from ((node.lineno, arg.value) for arg in node.args if _is_text(arg))


def _is_text(arg: ast.expr) -> bool:
    return isinstance(arg, ast.Constant) and isinstance(arg.value, str)
