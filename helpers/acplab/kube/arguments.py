"""What a learner may pass to kube's verbs, so that a slip is a sentence and no traceback of a library."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from acplab.base.errors import AcplabError
from acplab.base.i18n import _

Check = Callable[[Any], bool]


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and _is_number(value)


def _are_words(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(word, str) for word in value)


def _or_none(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _is_mapping(value: Any) -> bool:
    return isinstance(value, dict)


# parameter -> (whether a value will do, what it must be)
RULES: dict[str, tuple[Check, str]] = {
    "kind": (_is_text, 'text, such as "deployment"'),
    "name": (_is_text, 'text, such as "shop"; kube.list(kind, namespace) gives all objects of a kind'),
    "pod": (_is_text, "the name of a Pod"),
    "deployment": (_is_text, "the name of a Deployment"),
    "namespace": (_or_none(_is_text), "text, such as chapter.namespace"),
    "selector": (_or_none(_is_text), 'a label selector, such as "app=shop"'),
    "container": (_or_none(_is_text), "the name of a container"),
    "timeout": (_is_number, "a number of seconds, such as 90"),
    "grace": (_or_none(_is_count), "a whole number of seconds, such as 0"),
    "tail": (_or_none(_is_count), "a whole number of lines, such as 10"),
    "replicas": (_is_count, "a whole number, such as 3"),
    "patch": (_is_mapping, 'a dict with the fields to change, such as {"spec": {"replicas": 3}}'),
    "command": (_are_words, 'a list of words, such as ["storefront", "get", "http://shop/"]'),
}


def bind(function: Callable[..., Any], arguments: tuple[Any, ...], options: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a call by name, those of **values among them; AcplabError says which one is wrong."""
    signature = inspect.signature(function)
    verb = f"kube.{function.__name__}"
    try:
        bound = signature.bind(*arguments, **options)
    except TypeError as error:
        shape = ", ".join(str(one).split(":")[0] for one in signature.parameters.values())
        raise AcplabError(
            _("{verb}: {problem}.").format(verb=verb, problem=error),
            _("Write: {verb}({shape}); help({verb}) tells the rest.").format(verb=verb, shape=shape),
        ) from None
    bound.apply_defaults()
    for name, value in bound.arguments.items():
        check, wanted = RULES.get(name, (lambda _: True, ""))
        if not check(value):
            raise AcplabError(
                _("{verb}: {name} is {value!r}.").format(verb=verb, name=name, value=value),
                _("It must be {wanted}.").format(wanted=wanted),
            )
    return bound.arguments
