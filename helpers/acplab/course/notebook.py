"""lab.ipynb is made from solution.ipynb: what solves a task becomes a place to work.

In solution.ipynb a cell with the tag `solution` is one that the learner does not see. Its metadata `starter` says what
is in its place; without one, a code cell becomes an empty place to work, and a text cell is left out.
`.must_pass()` goes. No cell asks for a hint: who runs the cells in order would get it unasked, and the panel has a button.
"""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

Cell = dict[str, Any]

TAG, STARTER = "solution", "starter"
PLACE = "# Your steps"
CHECK = re.compile(r'lab\.check\("([a-z0-9-]+)"\)')
HIDDEN_TAGS = (TAG, "nbval-check-output", "nbval-ignore-output")


def build(folder: Path) -> str:
    """What lab.ipynb must hold, as text: the same for the same solution.ipynb."""
    notebook = read(folder / "solution.ipynb")
    notebook["cells"] = [_cell(cell, source) for cell in notebook["cells"] if (source := _for_learners(cell))]
    notebook["metadata"] = {
        name: notebook["metadata"][name] for name in ("kernelspec", "language_info") if name in notebook["metadata"]
    }
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def read(file: Path) -> dict[str, Any]:
    """A notebook, with each cell's source as one string."""
    notebook = json.loads(file.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
    return notebook


def is_solution(cell: Cell) -> bool:
    """Whether a cell is hidden from the learner."""
    return TAG in cell["metadata"].get("tags", [])


def _for_learners(cell: Cell) -> str:
    """The source that a learner sees of a cell; "" if it is left out."""
    source = _starter(cell) if is_solution(cell) else cell["source"]
    return source.replace(".must_pass()", "")


def _starter(cell: Cell) -> str:
    return cell["metadata"].get(STARTER, PLACE if cell["cell_type"] == "code" else "")


def _cell(cell: Cell, source: str) -> Cell:
    """The cell without outputs, and without what only the proof needs."""
    made = copy.deepcopy(cell) | {"source": source.splitlines(keepends=True)}
    made["metadata"].pop(STARTER, None)
    tags = [tag for tag in made["metadata"].pop("tags", []) if tag not in HIDDEN_TAGS]
    if tags:
        made["metadata"]["tags"] = tags
    if cell["cell_type"] == "code":
        made |= {"outputs": [], "execution_count": None}
    return made


def leaks(folder: Path) -> list[str]:
    """Lines of cells that solve something which lab.ipynb shows too, outside of what is put in their place on purpose."""
    cells = [cell for cell in read(folder / "solution.ipynb")["cells"] if is_solution(cell)]
    given = {line for cell in cells for line in _telling(_starter(cell))}
    secret = {line for cell in cells for line in _telling(cell["source"])} - given
    shown = {line for cell in json.loads(build(folder))["cells"] for line in _telling("".join(cell["source"]))}
    whole = [cell["id"] for cell in cells if cell["source"].strip() == _starter(cell).strip()]
    return sorted(secret & shown) + [f"the whole cell {name}" for name in whole]


def _telling(source: str) -> list[str]:
    """The lines of a cell that say something: not imports, and not a few characters only."""
    lines = [line.strip().lstrip("# ") for line in source.splitlines()]
    return [line for line in lines if len(line) >= 20 and not line.startswith(("from ", "import "))]
