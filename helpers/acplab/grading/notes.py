"""What a learner writes down: refused when it is typed if it cannot be right, and stored in one form.

lab.yaml declares the kinds, `way: {block: cidr, via: address}`; so a check compares stored values with ==.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.base.yaml_models import unknown_key

Kind = str | list[str]  # a name of KINDS or RECORDED, or the words to choose from
Declared = Mapping[str, Kind | Mapping[str, Kind]]
Canonical = str | int


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError
    return str(value).strip()


def _int(value: Any) -> int:
    """Also numpy's integers, 48.0 and "48"; but no bool, which is an int only to Python."""
    if isinstance(value, bool):
        raise ValueError
    if isinstance(value, str):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return operator.index(value)


def _prefix(value: Any) -> int:
    """A prefix length, also written as "/21"."""
    length = _int(value.strip().removeprefix("/") if isinstance(value, str) else value)
    if not 0 <= length <= 32:
        raise ValueError
    return length


def _cidr(value: Any) -> str:
    """Also an IPv4Network, and "default" as route tables write it. An address without a mask is no range."""
    text = str(value).strip()
    if text == "default":
        return "0.0.0.0/0"
    if "/" not in text:
        raise ValueError
    return str(IPv4Network(text))


def _address(value: Any) -> str:
    if isinstance(value, bool | int):
        raise ValueError
    return str(IPv4Address(str(value).strip()))


def _endpoint(value: Any) -> str:
    address, _colon, port = str(value).strip().rpartition(":")
    if not 0 < int(port) < 65536:
        raise ValueError
    return f"{IPv4Address(address)}:{int(port)}"


KINDS: dict[str, Callable[[Any], Canonical]] = {
    "address": _address,
    "cidr": _cidr,
    "endpoint": _endpoint,
    "int": _int,
    "prefix": _prefix,
    "text": _text,
}
# Kept with lab.record(...): objects of the class with that name, which have a record() of JSON values.
RECORDED = ("traffic", "plan")


def described(kind: Kind) -> str:
    """What is wanted, in words."""
    if isinstance(kind, list):
        return _("one of {words}").format(words=", ".join(kind))
    return {
        "address": _("an address such as 192.168.0.10"),
        "cidr": _("a range such as 192.168.0.0/24"),
        "endpoint": _("an address and a port such as 192.168.0.10:8080"),
        "int": _("a whole number"),
        "prefix": _("a prefix length such as 24"),
        "text": _("a text that is not empty"),
        "traffic": _("the result of a load"),
        "plan": _("a plan that holds"),
    }[kind]


def canonical(kind: Kind, value: Any) -> Canonical:
    """The value in its one form; ValueError or TypeError if it is not of that kind."""
    if isinstance(kind, list):
        chosen = _text(value)
        if chosen not in kind:
            raise ValueError(chosen)
        return chosen
    return KINDS[kind](value)


def is_of(kind: Kind, value: Any) -> bool:
    """Whether the value could be noted."""
    try:
        canonical(kind, value)
    except (ValueError, TypeError, AttributeError):
        return False
    return True


def kind_of(declared: Declared, path: str) -> Kind:
    """The kind of "way.block", or of "rule" for a note without fields."""
    key, _dot, name = path.partition(".")
    found = declared[key]
    return found[name] if isinstance(found, Mapping) else found


def checked(declared: Declared, key: str, value: Any) -> Any:
    """What lab.note is to store under a key: one canonical value, or a dict of those. AcplabError says what is wrong."""
    if key not in declared:
        raise AcplabError(
            _("This lab has no note `{key}`.").format(key=key),
            unknown_key(key, declared) + ".",
        )
    kind = declared[key]
    if not isinstance(kind, Mapping):
        return _one(kind, key, key, value)
    if not isinstance(value, Mapping) or not value:
        raise AcplabError(
            _("The note `{key}` has fields: {names}.").format(key=key, names=", ".join(kind)), _usage(key, kind)
        )
    for name in value:
        if name not in kind:
            raise AcplabError(
                _("The note `{key}` has no field `{name}`.").format(key=key, name=name), _usage(key, kind)
            )
    return {name: _one(kind[name], key, name, one) for name, one in value.items()}


def _one(kind: Kind, key: str, name: str, value: Any) -> Canonical:
    if not isinstance(kind, list) and kind in RECORDED:
        raise AcplabError(
            _("`{key}` is recorded, not noted: {wanted}.").format(key=key, wanted=described(kind)),
            f'`lab.record("{key}", ...)`',
        )
    if not is_of(kind, value):
        raise AcplabError(
            _("`{name}` must be {wanted}, not {value!r}. Nothing was noted.").format(
                name=name, wanted=described(kind), value=value
            ),
            _("Correct it, and run the cell again."),
        )
    return canonical(kind, value)


def _usage(key: str, fields: Mapping[str, Kind]) -> str:
    return f'`lab.note("{key}", {", ".join(f"{name}=..." for name in fields)})`'


def recordable(declared: Declared, key: str, what: Any) -> None:
    """AcplabError unless `what` is what the lab wants to be recorded under that key."""
    kind = declared.get(key, "")
    if kind not in RECORDED:
        keys = [name for name, one in declared.items() if one in RECORDED]
        raise AcplabError(_("This lab records nothing as `{key}`.").format(key=key), unknown_key(key, keys) + ".")
    if type(what).__name__.lower() != kind:
        raise AcplabError(
            _("`{key}` must be {wanted}, not {what}.").format(
                key=key, wanted=described(kind), what=f"{type(what).__name__} {what!r}"[:200]
            ),
            f'`lab.record("{key}", ...)`: ' + _("record {wanted}.").format(wanted=described(kind)),
        )
