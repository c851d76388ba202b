"""network.planning_studio: a request in fields, and beside it what becomes of it.

Every change makes a new plan. What is typed and cannot be read gets its sentence beside the field, and
everything else stays as it was. Each button has a call: set(), take(), write().
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from acplab.base import html as markup
from acplab.base.errors import AcplabError
from acplab.base.i18n import _, ngettext
from acplab.show.figures import SCREEN_WIDTH, Figure
from acplab.topics import network
from acplab.topics.network import studiofields
from acplab.topics.network.model import Plan, Violation
from acplab.topics.network.picture import plan_picture
from acplab.topics.network.ranges import Range
from acplab.topics.network.request import Request
from acplab.topics.network.studiofields import Control

START = Request(vpc=Range("192.168.0.0/16"), zones=("cn-hangzhou-h", "cn-hangzhou-i"), nodes_later=30)
FILE = Path("work") / "network.tf"


def planning_studio(request: Request | None = None) -> Studio:
    """A request in fields, and beside it its picture, what is wrong with it, and how far it grows.

    Works by keyboard alone. Each button has a call: .set(vpc="10.0.0.0/8"), .take(1), .write(); .words() is its text.
    """
    return Studio(START if request is None else request)


class Studio:
    """request: the last one that could be read. result: what became of it. picture: a Figure."""

    def __init__(self, request: Request) -> None:
        groups = studiofields.groups()
        self.controls = {control.name: control for _title, some in groups for control in some}
        self.verdict, self.problems = widgets.HTML(), widgets.VBox()
        self.notice, self.written = widgets.HTML(), widgets.HTML()
        self.image, self.text = widgets.HTML(), widgets.HTML()
        self.file = widgets.Text(
            value=str(FILE), description=_("File"), style=studiofields.LABEL, layout={"width": studiofields.WIDE}
        )
        self.save = _button(_("Write it as Terraform"), lambda: self.write(self.file.value), self.written)
        self.following = True  # whether what changes in a field was typed
        for control in self.controls.values():
            control.field.observe(lambda _change, name=control.name: self._typed(name), names="value")
        above = [_intro(), *(_group(*group) for group in groups), self.notice, self.verdict, self.problems]
        self.box = widgets.VBox([*above, self.image, self.file, self.save, self.written, self.text])
        self._adopt(Request(**{name: getattr(request, name) for name in self.controls}))  # a Plan has no empty field

    # Calls, which the buttons use too

    def set(self, **values: Any) -> Studio:
        """Change fields of the request, as typing does; AcplabError if one has no such name or value."""
        unknown = values.keys() - self.controls.keys()
        if unknown:
            raise AcplabError(
                _("A request has no {names}.").format(names=", ".join(sorted(unknown))),
                _("It has: {names}").format(names=", ".join(self.controls)),
            )
        self._adopt(replace(self.request, **values))
        return self

    def take(self, number: int = 1) -> Studio:
        """Take over the proposal of the broken rule of that number; AcplabError if there is none."""
        if not 1 <= number <= len(self.violations):
            raise AcplabError(
                _("There is no broken rule of the number {number}.").format(number=number),
                self._broken_rules() if self.violations else _("The plan breaks no rule."),
            )
        proposal = self.violations[number - 1].proposal or {"": ""}  # apply() refuses a field without a value
        self._adopt(network.apply(self.request, proposal))
        return self

    def write(self, path: str | Path = FILE) -> Path:
        """Write the plan as Terraform; gives its path. Another file of that name stays, and a number is added."""
        wanted = Path(path).expanduser().resolve()
        written = _write(network.terraform(self.plan), wanted)
        stays = _("{name} was there with other content, and stays.").format(name=wanted.name)
        title = _("The plan is written in {path}").format(path=written)
        self.written.value = markup.card("good", title, "" if written == wanted else _paragraph(stays))
        return written

    @property
    def plan(self) -> Plan:
        """The plan; AcplabError with the first broken rule if there is none."""
        return self.result.plan_or_raise()

    @property
    def violations(self) -> tuple[Violation, ...]:
        """The broken rules; none if there is a plan."""
        return self.result.violations

    def words(self) -> str:
        """The studio as plain text."""
        return "\n".join([self.picture.text, *self._verdict(), "", _calls()])

    # What happens on a change

    def _typed(self, name: str) -> None:
        if not self.following:
            return
        with _reported(self.notice):
            if errors := self._errors(name):
                self._complain(errors)
            else:
                self._adopt(self._request())

    def _request(self) -> Request:
        return Request(**{control.name: control.read() for control in self.controls.values()})

    def _errors(self, last: str) -> dict[str, AcplabError]:
        """Why the fields make no request, by field: each that is wrong by itself, else the one that was changed last."""
        try:
            self._request()
        except AcplabError as error:
            alone = {name: self._error(control) for name, control in self.controls.items()}
            return {name: found for name, found in alone.items() if found} or {last: error}
        return {}

    def _error(self, control: Control) -> AcplabError | None:
        try:
            replace(self.request, **{control.name: control.read()})
        except AcplabError as error:
            return error
        return None

    def _complain(self, errors: dict[str, AcplabError]) -> None:
        for name, control in self.controls.items():
            said = studiofields.complaint(errors[name]) if name in errors else ""
            control.say(said, self._belongs(name) or name in errors)
        stays = _("Showing the plan for your last valid input.")
        self.notice.value = markup.card("note", stays, "")

    def _adopt(self, request: Request) -> None:
        self.request = request
        self.result = network.plan(request)
        self.following = False
        try:
            for name, control in self.controls.items():
                control.show(getattr(request, name))
                control.say(studiofields.remark(self._chosen(name)), self._belongs(name))
        finally:
            self.following = True
        self._draw()
        self._judge()

    def _belongs(self, name: str) -> bool:
        """Whether the plug-in that is chosen knows the field."""
        flannel = self.controls["plugin"].read() == "flannel"
        return name not in (studiofields.TERWAY if flannel else studiofields.FLANNEL)

    def _chosen(self, name: str) -> str:
        """What the planner chose for an empty field."""
        if self.violations or getattr(self.request, name) == getattr(self.plan, name):
            return ""
        if name == "vswitches":
            return _("chosen where one was missing; see the picture")
        value = getattr(self.plan, name)
        return _("chosen: {value}").format(value=f"/{value}" if name == "node_mask" else value) if value else ""

    # What is shown

    def _draw(self) -> None:
        before, self.picture = self.text.value, plan_picture(self.request if self.violations else self.plan)
        self.text.value = markup.card("plain", _("The picture in words"), _paragraph(self.picture.text))
        if self.text.value != before:  # the words say all that the picture shows
            self.image.value = _image(self.picture)

    def _judge(self) -> None:
        title, *lines = self._verdict()
        tone = "bad" if self.violations else "good"
        shown = self.result.remarks if self.violations else lines  # each broken rule has a card of its own
        self.verdict.value = markup.card(tone, title, _paragraph("\n".join(shown)) if shown else "")
        rows = [self._problem(*numbered) for numbered in enumerate(self.violations, 1)]
        self.problems.children = [widget for row in rows for widget in row]
        self.save.disabled = bool(self.violations)
        self.notice.value = self.written.value = ""

    def _verdict(self) -> list[str]:
        """A title and its lines."""
        if self.violations:
            return [
                self._broken_rules(),
                *(_numbered(*one) for one in enumerate(self.violations, 1)),
                *self.result.remarks,
            ]
        growth = network.growth(self.plan)
        title = _("The plan holds. Its first limit: {limit}").format(limit=growth.first.words())
        return [title, *growth.words().splitlines()[1:], *self.result.remarks]

    def _broken_rules(self) -> str:
        n = len(self.violations)
        return ngettext("The plan breaks {n} rule.", "The plan breaks {n} rules.", n).format(n=n)

    def _problem(self, number: int, one: Violation) -> list[Any]:
        words = widgets.HTML(markup.card("bad", f"{number}. {one.sentence}", _paragraph(one.remedy)))
        if not all(one.proposal.values()) or not one.proposal:
            return [words]
        values = ", ".join(f"{field} = {value}" for field, value in one.proposal.items())
        title = _("Take over {number}: {values}").format(number=number, values=values)
        return [words, _button(title, lambda: self._take(number), self.notice)]

    def _take(self, number: int) -> None:
        """The button vanishes, so the keyboard goes on where the value went."""
        field = next(iter(self.violations[number - 1].proposal)).split(".")[0]
        self.take(number)
        self.controls[field].field.focus()

    def __repr__(self) -> str:
        return self.words()

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        return dict(self.box._repr_mimebundle_(**kwargs) or {}) | {"text/plain": self.words()}


def _numbered(number: int, one: Violation) -> str:
    return f"{number}. {one.sentence}\n   → {one.remedy}"


def _button(title: str, act: Callable[[], Any], notice: Any) -> Any:
    """notice: the widget that says why it did not work."""

    def clicked(_button: Any) -> None:
        with _reported(notice):
            act()

    button = widgets.Button(description=title, tooltip=title, layout={"width": "auto", "align_self": "flex-start"})
    button.on_click(clicked)
    return button


@contextmanager
def _reported(notice: Any) -> Iterator[None]:
    """A widget has no place for a traceback: an exception would just vanish."""
    try:
        yield
    except AcplabError as error:
        notice.value = markup.card("bad", error.sentence, _paragraph(error.remedy))
    except Exception as error:
        fault = _("This is a fault of the course; please report it.")
        notice.value = markup.card("bad", f"{type(error).__name__}: {error}", _paragraph(fault))


def _calls() -> str:
    return _(
        "Each field and button has a call: `studio = network.planning_studio(request)`, then `studio.set(vpc=...)`, "
        "`studio.take(1)` for a proposal, `studio.write()`, `studio.plan`. Without the studio: `network.plan(request)`, "
        "`network.apply(request, violation.proposal)`, `network.growth(plan)`, `network.plan_picture(plan)`, "
        "`network.vpc_diagram(plan)`, `network.terraform(plan)`."
    )


def _intro() -> Any:
    return widgets.HTML(markup.card("plain", _("Planning studio"), _paragraph(_calls())))


def _group(title: str, controls: list[Control]) -> Any:
    head = widgets.HTML(f'<strong style="{studiofields.COLOUR}">{markup.esc(title)}</strong>')
    row = widgets.Box([control.box for control in controls], layout={"display": "flex", "flex_flow": "row wrap"})
    return widgets.VBox([head, row])


def _image(picture: Figure) -> str:
    source = base64.b64encode(picture.png).decode()
    alternative = _("{title}. The text below says all of it.").format(title=picture.title)
    return (
        f'<img src="data:image/png;base64,{source}" alt="{markup.esc(alternative)}"'
        f' style="width: {SCREEN_WIDTH}px; max-width: 100%; background: white">'
    )


def _paragraph(text: str) -> str:
    return f"<div>{markup.lines(text)}</div>"


def _write(text: str, wanted: Path) -> Path:
    """A file that holds the text, without changing one that is there."""
    try:
        wanted.parent.mkdir(parents=True, exist_ok=True)
        for path in (wanted, *(wanted.with_stem(f"{wanted.stem}-{number}") for number in range(2, 1000))):
            if path.is_file() and path.read_bytes() == text.encode():
                return path
            if not path.exists():
                with path.open("x", encoding="utf-8") as file:
                    file.write(text)
                return path
    except OSError as error:
        raise AcplabError(
            _("{path} cannot be written: {reason}").format(path=wanted, reason=error.strerror),
            _("Give another place, such as {example}.").format(example=FILE),
        ) from None
    raise AcplabError(
        _("There are a thousand files like {path}.").format(path=wanted), _("Remove some, or give another name.")
    )
