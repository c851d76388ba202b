"""The rules of teaching: predictions count, nothing answers them too early, stops are short, and nothing dangles.

Each function gives sentences, one a fault, as in nblint.
"""

from __future__ import annotations

import ast
import re
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nblint
from acplab.course import reading, spec

Cell = dict[str, Any]
Notebook = dict[str, Any]

MOST_WORDS, MEDIAN_WORDS = 80, 45
HIDDEN = "source_hidden"


def problems(file: Path) -> list[str]:
    """Everything that is wrong with how a notebook teaches."""
    notebook = nblint.read(file)
    rules = (predicted, compared, proofs, helpers, stops, headings, tables, statements, onward)
    return [f"{file}: {fault}" for rule in rules for fault in rule(notebook)]


def predicted(notebook: Notebook) -> list[str]:
    """After "**Predict" comes a cell that takes the answer, and one question at a time."""
    faults, cells = [], notebook["cells"]
    for cell, following in zip(cells, [*cells[1:], {"cell_type": "end", "source": ""}], strict=True):
        asked = cell["source"].count("**Predict") if cell["cell_type"] == "markdown" else 0
        if asked > 1:
            faults.append(f"the cell {cell['id']} has {asked} predictions; ask one at a time.")
        if asked and not (following["cell_type"] == "code" and reading.predictions_in(following["source"])):
            faults.append(
                f"the cell {cell['id']} says Predict, but the next one calls no chapter.predict or chapter.choose."
            )
        if cell["cell_type"] == "markdown" and re.search(r"\bGuess\b", cell["source"]):
            faults.append(f"the cell {cell['id']} asks for a guess that nobody takes down; say **Predict**.")
    return faults


def compared(notebook: Notebook) -> list[str]:
    """Each prediction has a key of its own, shows its widget, and is compared in a later cell."""
    faults, keys = [], []
    cells = nblint.code(notebook)
    for number, cell in enumerate(cells):
        asked = reading.predictions_in(cell["source"])
        keys += asked
        if not asked:
            continue
        name = shown_guess(cell)
        if not name:
            faults.append(f"the cell {cell['id']} must end with `guess = chapter.predict(...)` and `guess`.")
        elif not is_compared(name, cells[number + 1 :]):
            faults.append(f"the prediction {asked[0]} is never compared; a later cell calls {name}.against(...).")
    faults += [
        f"the prediction {key!r} is asked twice." for key in sorted({key for key in keys if keys.count(key) > 1})
    ]
    return faults + [f"the key {key!r} is not words joined by hyphens." for key in keys if not nblint.ID.fullmatch(key)]


def shown_guess(cell: Cell) -> str | None:
    """The name that a cell binds to its one prediction and shows as its last expression."""
    names = [name for name, source in bound(cell) if reading.predictions_in(source)]
    last = body(cell)[-1:]
    shown = [ast.unparse(one) for one in last]
    return names[0] if len(names) == 1 and shown == names else None


def is_compared(name: str, cells: list[Cell]) -> bool:
    """Whether one of the cells compares a prediction, before its name is bound to something else."""
    for cell in cells:
        if f"{name}.against" in nblint.calls(cell):
            return True
        if name in [bound_name for bound_name, _source in bound(cell)]:
            return False
    return False


def proofs(notebook: Notebook) -> list[str]:
    """Asserts are folded away, and come when nothing is left to predict: they give the answer."""
    faults, waiting = [], set()
    for cell in nblint.code(notebook):
        waiting -= {called.removesuffix(".against") for called in nblint.calls(cell)}
        if any(isinstance(node, ast.Assert) for node in ast.walk(tree(cell))):
            if not is_folded(cell, "proof"):
                faults.append(
                    f"the cell {cell['id']} asserts; give it the tag proof and {HIDDEN}, or say what is found."
                )
            if is_folded(cell, "proof") and not cell["source"].startswith("#"):
                faults.append(
                    f"the cell {cell['id']} begins with its assert, and JupyterLab shows the first line of a folded cell."
                )
            if waiting:
                faults.append(f"the cell {cell['id']} asserts before {sorted(waiting)[0]}.against(...).")
        waiting |= {name for name, source in bound(cell) if reading.predictions_in(source)}
    return faults


def helpers(notebook: Notebook) -> list[str]:
    """Cells that only define helpers are folded away."""
    return [
        f"the cell {cell['id']} only defines helpers; give it the tag hide-input and {HIDDEN}, or move them to the package."
        for cell in nblint.code(notebook)
        if only_defines(cell) and not is_folded(cell, "hide-input")
    ]


def only_defines(cell: Cell) -> bool:
    """Whether a cell holds functions and imports alone."""
    parts = body(cell)
    functions = [part for part in parts if isinstance(part, ast.FunctionDef)]
    return bool(functions) and all(isinstance(part, ast.FunctionDef | ast.Import | ast.ImportFrom) for part in parts)


def stops(notebook: Notebook) -> list[str]:
    """Not much to read between two things to do."""
    found = list(texts(notebook))
    faults = [
        f"before the cell {name} there are {n} words to read; {MOST_WORDS} are the most."
        for name, n in found
        if n > MOST_WORDS
    ]
    median = statistics.median([n for _name, n in found if n] or [0])
    if median > MEDIAN_WORDS:
        faults.append(f"between two things to do there are {median:g} words as a median; {MEDIAN_WORDS} are the most.")
    return faults


def texts(notebook: Notebook) -> Iterator[tuple[str, int]]:
    """(id of a visible code cell, words since the visible one before it), from the second one on."""
    words, begun = 0, False
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            words += reading.words(re.sub(r"<details>.*?</details>", "", cell["source"], flags=re.DOTALL))
        elif not cell["metadata"].get("jupyter", {}).get(HIDDEN):
            if begun:
                yield cell["id"], words
            words, begun = 0, True


def headings(notebook: Notebook) -> list[str]:
    """One title."""
    titles = [line for cell in nblint.prose(notebook) for line in cell["source"].splitlines() if line.startswith("# ")]
    return [] if len(titles) == 1 else [f"it has {len(titles)} headings of the first level; a notebook has one title."]


def tables(notebook: Notebook) -> list[str]:
    """Each column of a table has a name: a screen reader says it before each cell."""
    return [
        f"the cell {cell['id']} has a table with a column that has no name: {head.strip()}"
        for cell in notebook["cells"]
        if cell["cell_type"] == "markdown"
        for head in re.findall(
            r"^(.*\|.*)\n[ \t]*\|?[ \t]*:?-+:?[ \t]*\|[-:| \t]*$", cell["source"], flags=re.MULTILINE
        )
        if not all(name.strip() for name in re.split(r"(?<!\\)\|", head.strip().removeprefix("|").removesuffix("|")))
    ]


def statements(notebook: Notebook) -> list[str]:
    """No hints unasked, one thing per line, and functions that have a name."""
    faults = []
    for cell in nblint.code(notebook):
        if any(name.endswith(".hint") for name in nblint.calls(cell)):
            faults.append(f"the cell {cell['id']} gives a hint unasked; the panel has a button for it.")
        for node in ast.walk(tree(cell)):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Tuple):
                faults.append(f"the cell {cell['id']} joins statements by a comma; write a line for each.")
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
                faults.append(f"the cell {cell['id']} gives a lambda a name; write def, or call it in the package.")
    return faults


def onward(notebook: Notebook) -> list[str]:
    """The last text leads on."""
    last = [cell["source"] for cell in nblint.prose(notebook)][-1:]
    return [] if "](" in "".join(last) else ["its last text has no link; say what comes next, with a link."]


def labs_linked(file: Path) -> list[str]:
    """A chapter links to each of its labs."""
    text = "\n".join(cell["source"] for cell in nblint.prose(nblint.read(file)))
    mine = [lab.id for lab in spec.all_labs() if lab.chapter == file.stem]
    return [
        f"{file}: it has no link to its lab labs/{lab}/lab.ipynb."
        for lab in mine
        if f"labs/{lab}/lab.ipynb)" not in text
    ]


# --- cells ---------------------------------------------------------------------------------------------------


def tree(cell: Cell) -> ast.Module:
    """The cell, parsed; empty if it is no Python (nblint speaks of that)."""
    try:
        return ast.parse(cell["source"])
    except SyntaxError:
        return ast.Module(body=[], type_ignores=[])


def body(cell: Cell) -> list[ast.stmt]:
    """The statements of a cell."""
    return tree(cell).body


def bound(cell: Cell) -> list[tuple[str, str]]:
    """(name, source of its value) of each assignment."""
    assigned = [part for part in ast.walk(tree(cell)) if isinstance(part, ast.Assign)]
    return [(ast.unparse(part.targets[0]), ast.unparse(part.value)) for part in assigned]


def is_folded(cell: Cell, tag: str) -> bool:
    """Whether a cell has the tag, and its source is hidden."""
    return tag in cell["metadata"].get("tags", []) and bool(cell["metadata"].get("jupyter", {}).get(HIDDEN))
