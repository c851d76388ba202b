"""Keep the outputs of a notebook's tagged cells: `acplab dev outputs NOTEBOOK` runs it and stores them.

A cell whose output is the same each time carries the tag `nbval-check-output`; nbval compares what it gives with what
is stored. Stored outputs are hidden until the cell is run (JupyterLab shows them then), so that they answer no
prediction. All other cells keep none.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.base.i18n import _

TAG = "nbval-check-output"
CELL_SECONDS = 600  # a cell may have to make a cluster first

Cell = dict[str, Any]


def refresh(file: Path) -> list[str]:
    """Run a notebook on the cluster of this instance and store the outputs of its tagged cells; ids of those that changed.

    AcplabError names the cell that failed; the notebook is then left as it was.
    """
    notebook = json.loads(file.read_text(encoding="utf-8"))
    changed = [one["id"] for one, ran in zip(notebook["cells"], _run(file), strict=True) if _keep(one, ran)]
    paths.write_whole(file, json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")
    return changed


def _run(file: Path) -> list[Cell]:
    """The cells of the notebook after all have run, in a kernel of their own and in the notebook's folder."""
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError

    notebook = nbformat.read(file, as_version=4)
    client = NotebookClient(
        notebook, timeout=CELL_SECONDS, store_widget_state=False, resources={"metadata": {"path": str(file.parent)}}
    )
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError) as error:
        raise AcplabError(
            _("{file} does not run: {why}").format(file=file.name, why=str(error).strip().splitlines()[-1]),
            _("Correct the cell, or run the notebook in JupyterLab to see more."),
        ) from None
    return list(notebook["cells"])


def _keep(cell: Cell, ran: Cell) -> bool:
    """Give a code cell the outputs that it shall have, and tell whether that changes it."""
    if cell["cell_type"] != "code":
        return False
    before = json.dumps(cell, sort_keys=True)
    tagged = TAG in cell["metadata"].get("tags", [])
    cell["outputs"] = [_plain(output) for output in ran["outputs"]] if tagged else []
    cell["execution_count"] = 1 if tagged else None  # nbval takes outputs without a count for a mistake
    if tagged:
        cell["metadata"] |= {"collapsed": True, "jupyter": {"outputs_hidden": True}}
    return json.dumps(cell, sort_keys=True) != before


def _plain(output: dict[str, Any]) -> dict[str, Any]:
    """An output without what differs from run to run, its text as a list of lines."""
    plain = json.loads(json.dumps(output)) | ({"execution_count": None} if "execution_count" in output else {})
    if isinstance(plain.get("text"), str):
        plain["text"] = plain["text"].splitlines(keepends=True)
    for kind, value in plain.get("data", {}).items():
        if isinstance(value, str):
            plain["data"][kind] = value.splitlines(keepends=True)
    return plain
