"""Manifests: the objects of a file, a folder, a YAML text or a list, as dicts, or a sentence about the bad one."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import yaml

from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.base.i18n import _

Object = dict[str, Any]


def read_manifests(source: str | Path | list[Object], **values: str) -> list[Object]:
    """The objects of a file, a folder, a YAML text or a list, as dicts. AcplabError names the bad one."""
    if isinstance(source, list):
        found = [(one, _("the list")) for one in copy.deepcopy(source)]
    else:
        found = [(one, where) for text, where in _texts(source) for one in _parsed(text, where, values)]
    for one, where in found:
        _require_manifest(one, where)
    return [one for one, _where in found]


def _parsed(text: str, where: str, values: dict[str, str]) -> list[Any]:
    try:
        return [one for one in yaml.safe_load_all(_filled(text, values)) if one]
    except ValueError as error:
        raise AcplabError(
            _("{where} has a $ that is no ${{name}}: {error}.").format(where=where, error=error),
            _("Write $$ for a plain $, or apply the file without values."),
        ) from None
    except KeyError as missing:
        raise AcplabError(
            _("{where} needs a value for {name}.").format(where=where, name=missing), _("Pass it by name to apply().")
        ) from None
    except yaml.YAMLError as error:
        problem = " ".join(str(error).split())
        raise AcplabError(
            _("{where} is not YAML: {problem}").format(where=where, problem=problem),
            _("Mend that line; often it is the indentation."),
        ) from None


def _filled(text: str, values: dict[str, str]) -> str:
    # Only braces: Kubernetes' own $(NAME), shells and regular expressions use the dollar too.
    return re.sub(r"\$\{(\w+)\}", lambda found: str(values[found[1]]), text) if values else text


def _texts(source: str | Path) -> list[tuple[str, str]]:
    """(text, where it is from) of each file of the source."""
    if isinstance(source, str) and "\n" in source:
        return [(source, _("The text"))]
    path = Path(source) if Path(source).is_absolute() else paths.ROOT / source
    if path.is_dir():
        return [(file.read_text(encoding="utf-8"), str(file)) for file in sorted(path.glob("*.yaml"))]
    if path.is_file():
        return [(path.read_text(encoding="utf-8"), str(source))]
    raise AcplabError(
        _("There is no file or folder {path}.").format(path=path),
        _("Check the path; relative ones start at the course's folder."),
    )


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
