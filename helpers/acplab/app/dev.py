"""acplab dev: what authors of labs and chapters need. `new` makes one, `build` makes lab.ipynb, `check` proves it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from acplab.base import paths
from acplab.base.console import say
from acplab.base.errors import AcplabError
from acplab.base.i18n import _

app = typer.Typer(help="For authors: make, build and prove labs and chapters.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Number and words, such as 03-drain-a-node.")]


@app.command()
def new(
    kind: Annotated[str, typer.Argument(help="lab or chapter")],
    name: Name,
) -> None:
    """Make a lab that works, to be changed into yours; or a chapter with its question bank."""
    from acplab.course import templates

    makers = {"lab": templates.new_lab, "chapter": templates.new_chapter}
    if kind not in makers:
        raise AcplabError(
            _("There is no {kind} to make.").format(kind=repr(kind)), _("Say `dev new lab` or `dev new chapter`.")
        )
    for file in makers[kind](name):
        say(str(file.relative_to(paths.ROOT)))
    say(_("Next: ./acplab dev check {name}").format(name=name))


@app.command()
def build(lab: Annotated[str | None, typer.Argument(help="A lab; all of them if not given.")] = None) -> None:
    """Make lab.ipynb from solution.ipynb."""
    from acplab.course import notebook, spec

    for one in [spec.load(lab)] if lab else spec.all_labs():
        file = one.folder / "lab.ipynb"
        text = notebook.build(one.folder)
        changed = not file.exists() or file.read_text(encoding="utf-8") != text
        if changed:
            paths.write_whole(file, text)
        say(
            _("{lab}: lab.ipynb is made again").format(lab=one.id)
            if changed
            else _("{lab}: unchanged").format(lab=one.id)
        )


@app.command()
def outputs(
    notebook: Annotated[Path, typer.Argument(help="A chapter or a solution.ipynb.", exists=True, dir_okay=False)],
) -> None:
    """Run a notebook on the test cluster and store the outputs of its cells with the tag nbval-check-output."""
    os.environ.setdefault("ACPLAB_INSTANCE", "test")
    from acplab.app.outputs import refresh

    changed = refresh(notebook.resolve())
    say(_("Changed: {cells}.").format(cells=", ".join(changed)) if changed else _("All outputs are as they were."))


@app.command()
def check(
    name: Name,
    wrong: Annotated[bool, typer.Option(help="Also the wrong solutions.")] = True,
    cluster: Annotated[bool, typer.Option(help="Without: only what needs no cluster.")] = True,
) -> None:
    """All that the tests say of one lab or chapter: the rules, its proof, its wrong solutions."""
    os.environ.setdefault("ACPLAB_INSTANCE", "test")  # never the cluster and the progress that you learn with
    for title, arguments in _parts(name, wrong, cluster):
        say(title)
        if subprocess.call([sys.executable, "-m", "pytest", "-q", *arguments], cwd=paths.ROOT):
            raise AcplabError(
                _("{name} does not keep this yet: {title}").format(name=name, title=title),
                _("Read the first failure above, correct it, and run ./acplab dev check {name} again.").format(
                    name=name
                ),
            )
    say(_("{name} is proven.").format(name=name))


def _parts(name: str, wrong: bool, cluster: bool) -> list[tuple[str, list[str]]]:
    """(what is tried, arguments for pytest), from quick to slow."""
    proof = _notebook(name)
    found = [(_("The rules for its files"), ["tests/lint/test_labs.py", "tests/lint/test_notebooks.py", "-k", name])]
    if cluster:
        found.append((_("Its cells, one by one: red, green, green again, clean"), [str(proof.relative_to(paths.ROOT))]))
    if cluster and wrong and (proof.parent / "wrong.yaml").exists():
        found.append((_("Its wrong solutions"), ["tests/labs", "-k", name]))
    return found


def _notebook(name: str) -> Path:
    """What proves it: the solution of a lab, or the chapter."""
    from acplab.course import spec

    chapter = paths.ROOT / "notebooks" / f"{name}.ipynb"
    return chapter if chapter.exists() else spec.load(name).folder / "solution.ipynb"
