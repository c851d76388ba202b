"""What a learner types into the studio's text fields, as parts of a request and back.

Neighbours:  vpc 172.16.0.0/12
             idc office 10.0.0.0/8 192.168.255.0/24
             cluster staging 172.22.0.0/16 services 172.21.0.0/20 other-vpc
vSwitches:   node-h cn-hangzhou-h 192.168.0.0/24
             pod-h cn-hangzhou-h 192.168.32.0/19 pod
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.topics.network.request import Neighbour, VSwitch

Made = TypeVar("Made")
RANGE = re.compile(r"[0-9a-fA-F.:]*[.:][0-9a-fA-F.:]*/.*")
SERVICES, ELSEWHERE = "services", "other-vpc"


def zones(text: str) -> tuple[str, ...]:
    """Names between spaces or commas, Chinese commas too."""
    return tuple(name for name in re.split(r"[\s,;，、]+", text) if name)


def zones_text(some: Iterable[str]) -> str:
    """The text that zones() reads."""
    return ", ".join(some)


def neighbours(text: str) -> tuple[Neighbour, ...]:
    """A neighbour a line; AcplabError names the line that is none."""
    return _each_line(text, _neighbour)


def neighbours_text(some: Iterable[Neighbour]) -> str:
    """The text that neighbours() reads."""
    return "\n".join(" ".join(_neighbour_words(one)) for one in some)


def vswitches(text: str) -> tuple[VSwitch, ...]:
    """A vSwitch a line; AcplabError names the line that is none."""
    return _each_line(text, _vswitch)


def vswitches_text(some: Iterable[VSwitch]) -> str:
    """The text that vswitches() reads."""
    return "\n".join(" ".join(_vswitch_words(one)) for one in some)


def _each_line(text: str, read: Callable[[int, list[str]], Made]) -> tuple[Made, ...]:
    made = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            if words := _words(line):
                made.append(read(number, words))
        except AcplabError as error:
            raise AcplabError(
                _("Line {number}: {sentence}").format(number=number, sentence=error.sentence), error.remedy
            ) from None
    return tuple(made)


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        raise AcplabError(_("A quotation mark is not closed."), _("Close it, or leave it out.")) from None


def _neighbour(number: int, words: list[str]) -> Neighbour:
    """Words before the first range are its name; without one its line is its name."""
    kind, *others = words
    first = next((i for i, word in enumerate(others) if RANGE.fullmatch(word)), len(others))
    rest = iter(others[first:])
    given: dict[str, Any] = {"cidrs": []}
    for word in rest:
        if word == SERVICES:
            given["service_cidr"] = next(rest, "")
        elif word == ELSEWHERE:
            given["same_vpc"] = False
        else:
            given["cidrs"].append(word)
    if given.get("service_cidr") == "":
        raise AcplabError(_("There is no range after `services`."), _("Write it there: services 172.21.0.0/20"))
    return Neighbour(" ".join(others[:first]) or str(number), kind, **given)  # type: ignore[arg-type]


def _neighbour_words(one: Neighbour) -> list[str]:
    services = [SERVICES, one.service_cidr] if one.service_cidr else []
    return [one.kind, shlex.quote(one.name), *one.cidrs, *services, *([] if one.same_vpc else [ELSEWHERE])]


def _vswitch(_number: int, words: list[str]) -> VSwitch:
    if len(words) not in (3, 4):
        raise AcplabError(
            _("A vSwitch is written as name, zone and range."),
            _("For example: node-h cn-hangzhou-h 192.168.0.0/24; for Terway's Pods add the word pod."),
        )
    return VSwitch(*words)  # type: ignore[arg-type]


def _vswitch_words(one: VSwitch) -> list[str]:
    role = [one.role] if one.role == "pod" else []
    return [shlex.quote(one.name), shlex.quote(one.zone), one.cidr, *role]
