"""YAML files that are written by hand, as pydantic models: each fault is one sentence that names the key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from acplab.base.didyoumean import nearest
from acplab.base.errors import AcplabError
from acplab.base.i18n import _

M = TypeVar("M", bound="YamlModel")


class YamlModel(BaseModel):
    """A mapping of a YAML file. A key that it does not have is refused, with the nearest one that it has."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _knows_its_keys(cls, data: Any) -> Any:
        known = [field.alias or name for name, field in cls.model_fields.items()]
        for key in data if isinstance(data, dict) else ():
            if key not in known:
                raise ValueError(unknown_key(str(key), known))
        return data


def unknown_key(key: str, known: Iterable[str]) -> str:
    """The sentence about a key that does not exist."""
    return _("there is no key `{key}`; use one of: {names}").format(key=key, names=", ".join(nearest(key, known)))


def load(file: Path) -> Any:
    """What the YAML file holds; AcplabError if it is missing or is not YAML."""
    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise AcplabError(
            _("{file} cannot be read: {error}").format(file=file, error=error),
            _("Restore {file} from the repository.").format(file=file),
        ) from error


def faults(model: type[YamlModel], data: Any) -> list[str]:
    """A sentence for each fault, with the key that it is at; none if the model takes the data."""
    try:
        model.model_validate(data)
    except ValidationError as error:
        return [_sentence(one["loc"], one) for one in error.errors()]
    return []


def read(model: type[M], file: Path, **more: Any) -> M:
    """The file as a model. more: fields that do not come from the file. AcplabError names the first fault."""
    data = load(file)
    found = faults(model, data | more if isinstance(data, dict) else data)
    if found:
        raise AcplabError(
            f"{file}: {found[0]}", _("Correct {file}, or restore it from the repository.").format(file=file)
        )
    return model(**data, **more)


def _sentence(place: tuple[int | str, ...], error: Mapping[str, Any]) -> str:
    where = ".".join(str(part + 1) if isinstance(part, int) else part for part in place)
    if error["type"] == "missing":
        return _("`{key}` is missing.").format(key=where)
    words = error["msg"].removeprefix("Value error, ")
    if error["type"] != "value_error" and not isinstance(error["input"], dict | list):
        words = _("{words}, not {value!r}").format(words=words, value=error["input"])
    return f"`{where}`: {words}." if where else f"{words[:1].upper()}{words[1:]}."
