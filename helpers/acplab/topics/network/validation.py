"""What the constructors of the model need: each refuses a value with an AcplabError that names one that would do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, get_args

from acplab.base.errors import AcplabError
from acplab.base.i18n import _


def set_field(thing: object, name: str, value: object) -> None:
    """Set a field of a frozen dataclass in its own __post_init__."""
    object.__setattr__(thing, name, value)


def as_tuple(name: str, value: Any) -> tuple[Any, ...]:
    """The values of a list, such as comes from YAML. A bare string would be taken apart into its letters."""
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        raise AcplabError(
            _("{name}: {value!r} is not a list.").format(name=name, value=value),
            _("Put it into brackets: {name}=({value!r},)").format(name=name, value=value),
        )
    return tuple(value)


def as_instance(cls: type, value: Any) -> Any:
    """The value, or the instance that a mapping describes."""
    if isinstance(value, cls):
        return value
    try:
        return cls(**value)
    except TypeError:
        raise AcplabError(
            _("{value!r} does not describe a {what}.").format(value=value, what=cls.__name__),
            _("It takes: {fields}").format(fields=", ".join(cls.__dataclass_fields__)),  # type: ignore[attr-defined]
        ) from None


def require_word(name: str, value: object, example: str) -> None:
    """AcplabError unless the value is a text with something in it."""
    if not isinstance(value, str) or not value.strip():
        raise AcplabError(
            _("{name}: {value!r} is not a name.").format(name=name, value=value),
            _("Give one, such as {example}.").format(example=example),
        )


def require_choice(name: str, value: object, choices: Any) -> None:
    """AcplabError unless the value is one of a Literal's."""
    if value not in get_args(choices):
        raise AcplabError(
            _("{name}: there is no {value!r}.").format(name=name, value=value),
            _("Take one of: {choices}").format(choices=", ".join(get_args(choices))),
        )


def require_number(name: str, value: object, least: int) -> None:
    """AcplabError unless the value is a whole number of at least this size."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise AcplabError(
            _("{name}: {value!r} is not a whole number of {least} or more.").format(
                name=name, value=value, least=least
            ),
            _("Give a number such as {example}.").format(example=max(3, least)),
        )


def require_unique(what: str, names: Iterable[str]) -> None:
    """AcplabError if a name occurs twice."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise AcplabError(
                _("There are two of the name {name} ({what}).").format(name=name, what=what),
                _("Give each its own name, such as {name}-2.").format(name=name),
            )
        seen.add(name)
