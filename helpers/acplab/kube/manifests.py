"""Manifests: the objects of a file, a folder, a YAML text or a list, as dicts, or a sentence about the bad one."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.base.i18n import _

Object = dict[str, Any]
Source = str | Path | Object | list[Object]
ENDINGS = (".yaml", ".yml", ".json")  # what kubectl reads in a folder


def read_manifests(source: Source, **values: str) -> list[Object]:
    """The objects of a file, a folder, a YAML text, a dict or a list of dicts. AcplabError names the bad one.

    A `kind: List`, as `kubectl get -o yaml` prints it, counts as its items. values: fill ${name} in the text.
    """
    if isinstance(source, dict | list):
        given = [source] if isinstance(source, dict) else source
        found = [(one, _("the list")) for one in copy.deepcopy(given)]
    else:
        found = [(one, where) for text, where in _texts(source) for one in _parsed(text, where, values)]
        if not found:
            raise AcplabError(
                _("{where} holds no object, only comments or nothing.").format(where=_named(source)),
                _("Write a manifest there: apiVersion, kind, metadata.name."),
            )
    unpacked = [(item, where) for one, where in found for item in _unpacked(one)]
    for one, where in unpacked:
        _require_manifest(one, where)
    return [one for one, _where in unpacked]


def _unpacked(one: Any) -> Iterator[Any]:
    """The items of a List, of a PodList and the like; any other object as it is."""
    if isinstance(one, dict) and str(one.get("kind")).endswith("List") and isinstance(one.get("items"), list):
        for item in one["items"]:
            yield from _unpacked(item)
    else:
        yield one


def _parsed(text: str, where: str, values: dict[str, str]) -> list[Any]:
    try:
        return [one for one in yaml.safe_load_all(_filled(text, values)) if one]
    except KeyError as missing:
        raise AcplabError(
            _("{where} needs a value for {name}.").format(where=where, name=missing), _("Pass it by name to apply().")
        ) from None
    except yaml.YAMLError as error:
        problem = " ".join(str(error).split())
        raise AcplabError(
            _("{where} is not YAML: {problem}").format(where=where, problem=problem),
            _("Correct that line; often it is the indentation."),
        ) from None


def _filled(text: str, values: dict[str, str]) -> str:
    # Only braces: Kubernetes' own $(NAME), shells and regular expressions use the dollar too.
    return re.sub(r"\$\{(\w+)\}", lambda found: str(values[found[1]]), text) if values else text


def _texts(source: str | Path) -> list[tuple[str, str]]:
    """(text, where it is from) of each file of the source."""
    if not isinstance(source, str | Path) or not str(source).strip():
        raise AcplabError(
            _("There is nothing to read in {source!r}.").format(source=source),
            _("Give a file, a folder, YAML text, or a list of objects."),
        )
    if isinstance(source, str) and "\n" in source:
        return [(source, _named(source))]
    path = Path(source) if Path(source).is_absolute() else paths.ROOT / source
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix in ENDINGS)
        return [(_text(file), str(file)) for file in files]
    if path.is_file():
        return [(_text(path), _named(source))]
    raise AcplabError(
        _("There is no file or folder {path}.").format(path=path),
        _("Check the path; relative ones start at the course's folder."),
    )


def _named(source: str | Path) -> str:
    return _("The text") if "\n" in str(source) else str(source)


def _text(file: Path) -> str:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:  # UTF-16 without its mark; in UTF-8 no YAML holds this character
        raise AcplabError(
            _("{file} is not saved as UTF-8.").format(file=file),
            _("Save it as UTF-8: in an editor by Save As, or: iconv -f GB18030 -t UTF-8 OLD > NEW"),
        )
    return text


def _require_manifest(one: Any, where: str) -> None:
    if not isinstance(one, dict):
        raise AcplabError(
            _("{where} holds something that is not an object: {text!r}").format(where=where, text=str(one)[:60]),
            _("Each document needs apiVersion, kind and metadata."),
        )
    absent = [key for key in ("apiVersion", "kind", "metadata") if not one.get(key)]
    if not absent and isinstance(one["metadata"], dict) and not one["metadata"].get("name"):
        absent = ["metadata.name"]
    if absent:
        raise AcplabError(
            _("An object in {where} has no {keys}.").format(where=where, keys=", ".join(absent)),
            _("Add it; every manifest starts with apiVersion, kind and metadata.name."),
        )
    _require_types(one, where)


def _require_types(one: Object, where: str) -> None:
    wrong = [key for key in ("apiVersion", "kind") if not isinstance(one[key], str)]
    if not isinstance(one["metadata"], dict):
        wrong.append("metadata")
    elif not isinstance(one["metadata"]["name"], str):
        wrong.append("metadata.name")
    if wrong:
        raise AcplabError(
            _("An object in {where} has a {key} of the wrong type.").format(where=where, key=wrong[0]),
            _("metadata is a mapping, the others are text; put a number such as 5 in quotes."),
        )
