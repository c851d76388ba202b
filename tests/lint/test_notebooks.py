"""Every notebook keeps the rules of nblint, teachlint and banklint, and they notice when one does not."""

from __future__ import annotations

import copy
import json

import banklint
import nblint
import pytest
import teachlint
from acplab.base import paths
from acplab.course import questions

CHAPTERS = sorted((paths.ROOT / "notebooks").glob("*.ipynb"))
NOTEBOOKS = CHAPTERS + sorted((paths.ROOT / "labs").glob("*/*.ipynb"))


def named(file) -> str:
    return str(file.relative_to(paths.ROOT))


@pytest.mark.parametrize("file", NOTEBOOKS, ids=named)
def test_notebook(file):
    assert "\n".join(nblint.problems(file)) == ""


@pytest.mark.parametrize("file", CHAPTERS, ids=named)
def test_chapter(file):
    assert "\n".join(banklint.problems(file) + nblint.chapter(file)) == ""


def taught(files):
    """Those of the files that learners open."""
    return [file for file in files if file.name != "solution.ipynb"]


@pytest.mark.parametrize("file", taught(NOTEBOOKS), ids=named)
def test_teaching(file):
    assert "\n".join(teachlint.problems(file)) == ""


@pytest.mark.parametrize("file", sorted((paths.ROOT / "helpers/templates").glob("*/*.ipynb")), ids=named)
def test_what_a_new_chapter_or_lab_begins_with(file):
    assert "\n".join(teachlint.problems(file)) == ""


@pytest.mark.parametrize("file", taught(CHAPTERS), ids=named)
def test_a_chapter_asks_its_questions_and_links_to_its_labs(file):
    assert "\n".join([*banklint.sections(file), *teachlint.labs_linked(file)]) == ""


def test_all_question_banks_together():
    banks = [questions.read(file) for file in sorted(questions.folder().glob("*.yaml"))]
    assert "\n".join(banklint.together(banks)) == ""


@pytest.mark.parametrize("file", NOTEBOOKS, ids=named)
def test_links_to_the_glossary(file):
    assert "\n".join(nblint.lost_terms(file)) == ""


def test_each_term_of_the_glossary_is_linked_from_a_notebook():
    linked = {term for file in NOTEBOOKS for _path, term in nblint.terms(file)}
    assert nblint.anchors(paths.ROOT / "notebooks" / "glossary.md") - linked == set()


def test_every_question_bank_belongs_to_a_chapter():
    banks = {file.stem for file in (paths.ROOT / "notebooks" / "questions").glob("*")}
    assert banks - {file.stem for file in CHAPTERS} == set()


# --- the lint itself: a good notebook passes, and each fault is found ---------------------------------------


def cell(name: str, source: str, kind: str = "code") -> dict:
    extra = {"outputs": [], "execution_count": None} if kind == "code" else {}
    return {"cell_type": kind, "id": name, "metadata": {}, "source": source.splitlines(keepends=True)} | extra


GOOD = {
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    "cells": [
        cell("title", "# Good\n**[real]** and **[simulated]**, [here](#there), [out](https://example.com)", "markdown"),
        cell("open-chapter", 'from acplab import chapters\nchapter = chapters.open("00-good")'),
        cell("look", "chapter.namespace % 1\nawait chapter.x\nx != 1"),
        cell("close-chapter", "chapter.close()"),
    ],
}


OUTPUT = [{"output_type": "stream", "name": "stdout", "text": ["x"]}]
COMPARED = {"tags": ["nbval-check-output"], "jupyter": {"outputs_hidden": True}}


def write(folder, notebook):
    file = folder / "00-good.ipynb"
    file.write_text(json.dumps(notebook), encoding="utf-8")
    return file


def test_a_good_notebook_has_no_faults(tmp_path):
    assert nblint.problems(write(tmp_path, GOOD)) == []


def test_a_chapter_has_outputs_that_are_compared(tmp_path):
    assert "no output is ever compared" in nblint.chapter(write(tmp_path, GOOD))[0]
    notebook = copy.deepcopy(GOOD)
    notebook["cells"][2] |= {"metadata": COMPARED, "outputs": OUTPUT, "execution_count": 1}
    file = write(tmp_path, notebook)
    assert nblint.problems(file) == nblint.chapter(file) == []


@pytest.mark.filterwarnings("ignore:Non-unique cell id")
@pytest.mark.parametrize(
    ("number", "change", "sentence"),
    [
        (2, {"id": "a1b2c3d4"}, "looks random"),
        (2, {"id": "cell-3"}, "looks random"),
        (2, {"id": "3f2a9c1e-77aa-4f0e-9b1c-0123456789ab"}, "looks random"),
        (2, {"id": "Look_here"}, "not words"),
        (2, {"id": "open-chapter"}, "used twice"),
        (2, {"id": ""}, "no valid notebook"),
        (2, {"execution_count": 3}, "the execution count 3"),
        (2, {"outputs": [{"output_type": "stream", "name": "stdout", "text": "x"}]}, "has outputs, but not the tag"),
        (2, {"metadata": {"tags": ["nbval-check-output"]}}, "but no outputs"),
        (2, {"metadata": {"tags": ["nbval-check-output"]}, "outputs": OUTPUT, "execution_count": 1}, "are not hidden"),
        (2, {"source": "x\n" * 15 + "x"}, "has 16 lines"),
        (2, {"source": " "}, "is empty"),
        (2, {"source": "!ls"}, "shell command"),
        (2, {"source": "x = !ls"}, "shell command"),
        (2, {"source": "%%bash\nls"}, "shell command"),
        (2, {"source": "%matplotlib inline"}, "shell command"),
        (2, {"source": "import subprocess"}, "shell command"),
        (2, {"source": "def"}, "not Python"),
        (2, {"source": "import time\ntime.sleep(2)"}, "sleeps"),
        (2, {"source": "from time import sleep\nsleep(2)"}, "sleeps"),
        (2, {"source": 'cluster.ensure("tight")'}, "how many seconds"),
        (1, {"source": "x = 1"}, "the first code cell"),
        (1, {"source": "# chapters.open()"}, "the first code cell"),
        (3, {"source": "x = 1"}, "the last code cell"),
        (0, {"source": "**[faked]**"}, "label [faked]"),
        (0, {"source": "**[Real]**"}, "label [Real]"),
        (0, {"source": "[gone](../labs/gone.ipynb#here)"}, "links to ../labs/gone.ipynb"),
        (0, {"source": "![picture](gone.png)"}, "links to gone.png"),
    ],
)
def test_faults_are_found(tmp_path, number, change, sentence):
    notebook = copy.deepcopy(GOOD)
    notebook["cells"][number] |= change
    assert sentence in "\n".join(nblint.problems(write(tmp_path, notebook)))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"nbformat_minor": 4}, "no valid notebook"),
        ({"metadata": {}}, "kernel is None"),
        ({"cells": GOOD["cells"][:1]}, "no code cell"),
        (
            {"cells": [cell(f"word-{'x' * (n % 50)}y{'-z' * (n // 50)}", "x") for n in range(107)] + GOOD["cells"]},
            "111 cells",
        ),
    ],
)
def test_faults_of_the_whole_are_found(tmp_path, change, sentence):
    assert sentence in "\n".join(nblint.problems(write(tmp_path, GOOD | change)))


def test_code_in_the_text_is_no_link_and_no_label(tmp_path):
    notebook = copy.deepcopy(GOOD)
    notebook["cells"][0]["source"] = "`a[0](x)` and `**[x]**`\n```\n[a](b)\n```\n[good](00-good.ipynb)"
    assert nblint.problems(write(tmp_path, notebook)) == []


def test_not_json(tmp_path):
    (tmp_path / "bad.ipynb").write_text("{")
    assert "no valid notebook" in nblint.problems(tmp_path / "bad.ipynb")[0]


def test_a_link_to_no_term_of_the_glossary_is_found(tmp_path):
    (tmp_path / "glossary.md").write_text('- <a id="veth"></a>**veth**: a pair.\n', encoding="utf-8")
    notebook = copy.deepcopy(GOOD)
    notebook["cells"][0]["source"] = "[veth](glossary.md#veth), [bridge](glossary.md#bridge)"
    file = write(tmp_path, notebook)
    assert nblint.lost_terms(file) == [f"{file} links to glossary.md#bridge, which is not there."]
