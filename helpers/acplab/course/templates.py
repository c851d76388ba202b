"""A new lab or chapter: copies of helpers/templates, under a new name. What comes out works, and is to be changed."""

from __future__ import annotations

import re
from pathlib import Path

from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.course import notebook

FOLDER = Path(__file__).parents[2] / "templates"
NAME = re.compile(r"\d\d[a-z]?-[a-z0-9]+(-[a-z0-9]+)*")  # 02b-... is the second part of chapter 02


def new_lab(name: str) -> list[Path]:
    """Make labs/<name>; the files that are new. It belongs to the chapter with the same number."""
    chapter = _chapter_of(_named(name))
    number, words_of_it = name.split("-", 1)
    words = {
        "00-template": name,
        "00-chapter": chapter,
        "Lab 00:": f"Lab {number}:",
        "template.example.com": f"{words_of_it}.lab{number}.example.com",
    }
    folder = _free(paths.ROOT / "labs" / name)
    source = FOLDER / "lab"
    made = [
        _copy(file, folder / file.relative_to(source), words) for file in sorted(source.rglob("*")) if file.is_file()
    ]
    generated = folder / "lab.ipynb"
    generated.write_text(notebook.build(folder), encoding="utf-8")
    return [*made, generated]


def new_chapter(name: str) -> list[Path]:
    """Make notebooks/<name>.ipynb with its question bank and a manifest; the files that are new."""
    number, words_of_it = _named(name).split("-", 1)
    words = {"00-template": name, "# 00 ": f"# {number} ", "template-first": f"{words_of_it}-first"}
    places = {
        "chapter.ipynb": paths.ROOT / "notebooks" / f"{name}.ipynb",
        "questions.yaml": paths.ROOT / "notebooks" / "questions" / f"{name}.yaml",
        "shop.yaml": paths.ROOT / "manifests" / name / "shop.yaml",
    }
    for target in places.values():
        _free(target)
    return [_copy(FOLDER / "chapter" / source, target, words) for source, target in places.items()]


def _named(name: str) -> str:
    if not NAME.fullmatch(name):
        raise AcplabError(
            _("{name} is no name for a lab or a chapter.").format(name=repr(name)),
            _("Give the chapter's number of two digits, and words in lower case: 03-drain-a-node."),
        )
    return name


def _chapter_of(name: str) -> str:
    number = name.split("-")[0]
    found = sorted(file.stem for file in (paths.ROOT / "notebooks").glob(f"{number}-*.ipynb"))
    if not found:
        raise AcplabError(
            _("There is no chapter {number} that the lab {name} could belong to.").format(number=number, name=name),
            _("Make it first: ./acplab dev new chapter {number}-WORDS").format(number=number),
        )
    return found[0]


def _free(target: Path) -> Path:
    if target.exists():
        raise AcplabError(
            _("{target} is there already.").format(target=target), _("Choose another name, or remove it first.")
        )
    return target


def _copy(source: Path, target: Path, words: dict[str, str]) -> Path:
    text = source.read_text(encoding="utf-8")
    for old, new in words.items():
        text = text.replace(old, new)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    return target
