"""The studio's controls: a labelled widget for each field of a request, and room beside it for one sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from acplab.base import html as markup
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.topics.network import capacity
from acplab.topics.network import lines as planlines

FLANNEL, TERWAY = ("pod_cidr", "node_mask", "route_quota"), ("instance_type", "eni")
NARROW, WIDE = "21.5em", "32.5em"  # three, or two of them, fit beside each other
LABEL = {"description_width": "8.5em"}
FILLING = {"width": "auto"}
COLOUR = "color: var(--jp-content-font-color1, inherit)"


def _same(value: Any) -> Any:
    return value


class Control:
    """name: the field of the request. field: the widget that holds it. parse and form: its value as a Request has it,
    and back.
    """

    def __init__(
        self,
        name: str,
        field: Any,
        parse: Callable[[Any], Any] = _same,
        form: Callable[[Any], Any] = _same,
        width: str = NARROW,
    ) -> None:
        self.name, self.field, self.parse, self.form = name, field, parse, form
        self.note = widgets.HTML()
        self.box = widgets.VBox([*self.parts(), self.note], layout={"width": width, "max_width": "100%"})

    def parts(self) -> list[Any]:
        """The widgets above the note."""
        return [self.field]

    def read(self) -> Any:
        """What was typed; AcplabError if it cannot be read."""
        return self.parse(self.field.value)

    def show(self, value: Any) -> None:
        """Show this value, unless what was typed means just that."""
        try:
            if self.read() == value:
                return
        except AcplabError:
            pass
        self.field.value = self.form(value)

    def say(self, html: str, shown: bool = True) -> None:
        """Put words beside the field, and say whether the control is shown at all."""
        self.note.value = html
        self.box.layout.display = None if shown else "none"


class Number(Control):
    """A field to type into and a slider that moves with it. A slider alone has no name for screen readers."""

    def __init__(self, name: str, label: str, most: int, least: int = 1) -> None:
        self.slider = widgets.IntSlider(
            value=least,
            min=least,
            max=most,
            readout=False,
            tooltip=label,
            layout={"width": "auto", "min_width": "0", "flex": "1 1 0"},
        )
        field = widgets.IntText(value=least, description=label, style=LABEL, layout={"width": "14.5em"})
        super().__init__(name, field)
        self.slider.observe(self._lead, names="value")
        self.field.observe(self._follow, names="value")

    def parts(self) -> list[Any]:
        """Both in one line."""
        return [widgets.HBox([self.field, self.slider])]

    def _lead(self, change: Any) -> None:
        self.field.value = change["new"]

    def _follow(self, change: Any) -> None:
        """What a slider cannot show, it leaves; it must not correct what was typed."""
        if change["new"] >= self.slider.min:
            self.slider.max = max(self.slider.max, change["new"])
            self.slider.value = change["new"]


def _text(name: str, label: str, example: str, **more: Any) -> Control:
    options = {"description": label, "placeholder": example, "continuous_update": False, "style": LABEL}
    return Control(name, widgets.Text(**options, layout=FILLING), **{"parse": str.strip} | more)


def _area(name: str, label: str, example: str, parse: Callable[[str], Any], form: Callable[[Any], str]) -> Control:
    options = {"description": label, "placeholder": example, "continuous_update": False, "style": LABEL}
    return Control(name, widgets.Textarea(**options, rows=4, layout=FILLING), parse, form, WIDE)


def _choice(name: str, label: str, options: list[tuple[str, Any]]) -> Control:
    return Control(name, widgets.Dropdown(options=options, description=label, style=LABEL, layout=FILLING))


def groups() -> list[tuple[str, list[Control]]]:
    """Every field of a request, under headings, in Tab order."""
    return [
        (_("What is wanted"), _wanted()),
        (_("Its ranges; an empty field means: choose for me"), _ranges()),
        (_("One on each line"), _lines()),
    ]


def _wanted() -> list[Control]:
    return [
        _text("vpc", _("VPC"), "192.168.0.0/16"),
        _choice("plugin", _("Network plug-in"), [("Flannel", "flannel"), ("Terway", "terway")]),
        Number("services", _("Services"), 5000, least=0),
        Number("nodes", _("Nodes now"), 300),
        Number("nodes_later", _("Nodes in 2 years"), 1200),
        Number("pods_per_node", _("Pods per node"), capacity.MAX_PODS),
        Number("node_quota", _("Node quota"), capacity.MAX_NODES),
        _text("zones", _("Zones"), "cn-hangzhou-h", parse=planlines.zones, form=planlines.zones_text, width=WIDE),
    ]


def _ranges() -> list[Control]:
    masks = [(_("choose for me"), 0)]
    masks += [(_("/{mask}: {n} addresses").format(mask=n, n=capacity.flannel_pods(n)), n) for n in capacity.NODE_MASKS]
    return [
        _text("service_cidr", _("Service CIDR"), "172.21.0.0/20"),
        _text("pod_cidr", _("Pod CIDR"), "172.20.0.0/16"),
        _choice("node_mask", _("Node mask"), masks),
        Number("route_quota", _("Route entries"), 1000),
        _choice("instance_type", _("Instance type"), [(name, name) for name in capacity.INSTANCE_TYPES]),
        _choice("eni", _("ENIs"), [(_("shared"), "shared"), (_("exclusive"), "exclusive")]),
        _text("vpc6", _("IPv6 of the VPC"), "2001:db8::/56"),
        _text("pod_cidr6", _("IPv6 of Pods"), "2001:db8::/64"),
        _text("service_cidr6", _("IPv6 of Services"), "fd00::/112"),
    ]


def _lines() -> list[Control]:
    vswitches = "node-h cn-hangzhou-h 192.168.0.0/24\npod-h cn-hangzhou-h 192.168.32.0/19 pod"
    neighbours = "vpc 172.16.0.0/12\nidc office 10.0.0.0/8\ncluster b 172.22.0.0/16 services 172.21.0.0/20"
    return [
        _area("vswitches", _("vSwitches"), vswitches, planlines.vswitches, planlines.vswitches_text),
        _area("neighbours", _("Neighbours"), neighbours, planlines.neighbours, planlines.neighbours_text),
    ]


def complaint(error: AcplabError) -> str:
    """One sentence beside a field, and what would do."""
    return markup.card("bad", error.sentence, f"<div>{markup.inline(error.remedy)}</div>")


def remark(text: str) -> str:
    """A quiet word beside a field, below where its value begins."""
    style = f"{COLOUR}; line-height: 1.3; margin-left: 9em"
    return f'<div style="{style}">{markup.esc(text)}</div>' if text else ""
