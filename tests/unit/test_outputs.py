"""`acplab dev outputs` keeps the outputs of tagged cells and of no others, and they are compared."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import scheduling
from acplab.app import outputs
from acplab.base.errors import AcplabError

KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}


def cell(name: str, source: str, *tags: str) -> dict:
    metadata = {"tags": list(tags)} if tags else {}
    empty = {"outputs": [{"output_type": "stream", "name": "stdout", "text": "old"}], "execution_count": 7}
    return {"cell_type": "code", "id": name, "metadata": metadata, "source": source} | empty


def write(folder: Path, *cells: dict) -> Path:
    file = folder / "00-good.ipynb"
    words = {"cell_type": "markdown", "id": "words", "metadata": {}, "source": "Näher"}
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": KERNEL, "cells": [words, *cells]}
    file.write_text(json.dumps(notebook), encoding="utf-8")
    return file


def test_tagged_cells_keep_their_outputs_hidden_and_others_lose_them(tmp_path):
    file = write(
        tmp_path,
        cell("plain", "import os; print(os.getcwd())"),
        cell("checked", "print(6 * 7)\n{1: 'a'}", outputs.TAG),
        cell("fails", "1 / 0", "raises-exception"),
    )
    assert outputs.refresh(file) == ["plain", "checked", "fails"]
    _words, plain, checked, fails = json.loads(file.read_text(encoding="utf-8"))["cells"]
    assert plain["outputs"] == fails["outputs"] == []
    assert [one.get("text") or one["data"]["text/plain"] for one in checked["outputs"]] == [["42\n"], ["{1: 'a'}"]]
    assert checked["metadata"]["jupyter"] == {"outputs_hidden": True}
    assert [one["execution_count"] for one in (plain, checked, fails, checked["outputs"][1])] == [None, 1, None, None]
    assert "Näher" in file.read_text(encoding="utf-8")
    assert outputs.refresh(file) == []


def test_a_notebook_that_fails_is_left_as_it_was(tmp_path):
    file = write(tmp_path, cell("fails", "1 / 0", outputs.TAG))
    before = file.read_text()
    with pytest.raises(AcplabError, match="ZeroDivisionError"):
        outputs.refresh(file)
    assert file.read_text() == before


@pytest.mark.parametrize(("metadata", "seconds"), [({}, scheduling.CELL_SECONDS), ({"acplab": {"seconds": 300}}, 300)])
def test_a_cell_says_how_long_it_may_take(metadata, seconds):
    cell, config = SimpleNamespace(metadata=metadata), SimpleNamespace(option=SimpleNamespace())
    item = SimpleNamespace(cell=cell, config=config, nodeid="notebooks/00-welcome.ipynb::Cell 0")
    scheduling.pytest_runtest_setup(item)  # type: ignore[arg-type]
    assert item.config.option.nbval_cell_timeout == seconds
