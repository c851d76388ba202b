"""The studio: what is typed, slid and clicked does what the calls do; what is wrong is said beside its field."""

from __future__ import annotations

import re
from html import unescape
from itertools import pairwise
from typing import Any

import ipywidgets
import pytest
from acplab.base.errors import AcplabError
from acplab.topics import network
from acplab.topics.network import Neighbour, Request, VSwitch, studio
from acplab.topics.network import lines as planlines
from hypothesis import given
from hypothesis import strategies as st

H, I = "cn-hangzhou-h", "cn-hangzhou-i"  # noqa: E741
CLASH = Request(vpc="172.16.0.0/12", pod_cidr="172.20.0.0/16", zones=(H,))
EVERYTHING = Request(
    vpc="172.16.0.0/12",
    plugin="terway",
    zones=(H, I),
    vswitches=(VSwitch("my nodes", H, "172.16.0.0/24"), VSwitch("pods", I, "172.17.0.0/16", "pod")),
    nodes=400,
    nodes_later=2000,
    pods_per_node=300,
    services=7,
    pod_cidr="10.0.0.0/8",
    service_cidr="192.168.0.0/24",
    node_mask=27,
    route_quota=48,
    instance_type="ecs.g7.large",
    eni="exclusive",
    neighbours=(
        Neighbour("head office", "idc", ("10.0.0.0/16", "10.1.0.0/16")),
        Neighbour("b", "cluster", ("10.2.0.0/16",), "172.21.0.0/20", same_vpc=False),
        Neighbour("c", "vpc", ("10.3.0.0/16",)),
    ),
    vpc6="2001:db8::/56",
    pod_cidr6="2001:db8::/64",
    service_cidr6="fd00::/112",
)


IMAGE = studio._image


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """To draw takes most of the time; the words of a picture tell whether it is another one."""
    monkeypatch.setattr(studio, "_image", lambda picture: picture.text)


def made(request: Request | None = None) -> studio.Studio:
    return network.planning_studio(request)


def field(some: studio.Studio, name: str) -> Any:
    return some.controls[name].field


def note(some: studio.Studio, name: str) -> str:
    """What stands beside a field, without its markup."""
    return re.sub("<[^>]+>", "", unescape(some.controls[name].note.value))


def complains(some: studio.Studio, name: str) -> bool:
    return 'role="status"' in some.controls[name].note.value


def walk(widget: Any) -> Any:
    yield widget
    for child in getattr(widget, "children", ()):
        yield from walk(child)


def buttons(some: studio.Studio) -> list[Any]:
    return [widget for widget in walk(some.box) if isinstance(widget, ipywidgets.Button)]


# --- typing and calling ----------------------------------------------------------------------------------------------


def test_every_field_of_a_request_has_a_control_that_shows_and_reads_it() -> None:
    some = made(EVERYTHING)
    assert some.controls.keys() == Request.__dataclass_fields__.keys()
    assert some.request == EVERYTHING
    assert {name: control.read() for name, control in some.controls.items()} == vars(EVERYTHING)


def test_typing_and_the_call_do_the_same() -> None:
    typed, called = made(), made()
    field(typed, "vpc").value = " 10.0.0.0/8 "
    field(typed, "neighbours").value = "idc office 192.168.0.0/16"
    field(typed, "node_mask").value = 25
    office = Neighbour("office", "idc", ("192.168.0.0/16",))
    assert called.set(vpc="10.0.0.0/8", neighbours=(office,), node_mask=25) is called
    assert typed.request == called.request
    assert typed.plan == called.plan == network.plan_or_raise(called.request)
    assert typed.words() == called.words()
    assert field(called, "neighbours").value == "idc office 192.168.0.0/16"


def test_the_slider_and_its_field_move_together() -> None:
    some = made()
    nodes = some.controls["nodes"]
    nodes.slider.value = 17
    assert (nodes.field.value, some.request.nodes) == (17, 17)
    nodes.field.value = 1500
    assert (nodes.slider.value, some.request.nodes) == (1500, 1500)


def test_a_wrong_number_is_not_corrected_behind_your_back() -> None:
    some = made()
    field(some, "nodes").value = 0
    assert field(some, "nodes").value == 0
    assert "nodes: 0 is not a whole number" in note(some, "nodes")


def test_every_change_draws_a_new_picture() -> None:
    some = made()
    changes = {"nodes": 9, "plugin": "terway", "zones": f"{H} {I}，cn-hangzhou-j", "vpc": "10.0.0.0/8"}
    seen = [some.image.value]
    for name, value in changes.items():
        field(some, name).value = value
        seen.append(some.image.value)
    assert all(one != other for one, other in pairwise(seen))
    assert some.picture.text == network.plan_picture(some.plan).text
    assert some.picture.text in unescape(re.sub("<[^>]+>", "", some.text.value))


def test_what_does_not_change_the_picture_does_not_draw_it(monkeypatch: pytest.MonkeyPatch) -> None:
    some = made()
    monkeypatch.setattr(studio, "_image", lambda _picture: 1 / 0)
    field(some, "route_quota").value = 100
    assert some.request.route_quota == 100
    assert "100 route entries" in some.verdict.value
    assert some.notice.value == ""


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(AcplabError, match="no podcidr"):
        made().set(podcidr="10.0.0.0/8")


def test_a_plan_can_be_played_with_too() -> None:
    some = made(network.plan_or_raise(Request(vpc="192.168.0.0/16")))
    some.set(pod_cidr="")
    assert some.plan.pod_cidr


# --- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("vpc", "192.168.1.7/24", "vpc: 192.168.1.7/24 has bits set beyond its prefix."),
        ("vpc", "", "vpc: '' is not a range."),
        ("zones", " , ", "There is no zone."),
        ("pod_cidr", "2001:db8::/64", "pod_cidr: 2001:db8::/64 is IPv6, but this field takes IPv4."),
        ("services", -1, "services: -1 is not a whole number of 0 or more."),
        ("vswitches", "node-h 192.168.0.0/24", "Line 1: A vSwitch is written as name, zone and range."),
        ("vswitches", "a cn-beijing-a 192.168.0.0/24", "vSwitch a is in cn-beijing-a, which is not one of the zones."),
        ("neighbours", "vpc 10.0.0.0/8\nshop 1.2.3.4/8", "Line 2: kind: there is no 'shop'."),
        ("neighbours", "idc it's 10.0.0.0/8", "Line 1: A quotation mark is not closed."),
        ("service_cidr6", "fd00::/112", "There are IPv6 ranges for Pods or Services, but vpc6 is empty."),
    ],
)
def test_bad_input_has_its_sentence_beside_the_field_and_the_picture_stays(name, value, sentence) -> None:
    some = made()
    before = some.request, some.result, some.image.value, some.verdict.value
    field(some, name).value = value
    assert note(some, name).startswith(sentence)
    assert (some.request, some.result, some.image.value, some.verdict.value) == before
    assert "the plan for your last valid input" in some.notice.value
    complaints = [other for other in some.controls if complains(some, other)]
    assert complaints == [name]
    some.set()
    assert not complains(some, name)
    assert some.notice.value == ""


def test_two_bad_fields_both_say_so_until_both_are_good() -> None:
    some = made()
    field(some, "vpc").value = "nowhere"
    field(some, "pod_cidr").value = "10.0.0.1/8"
    assert complains(some, "vpc")
    assert complains(some, "pod_cidr")
    field(some, "vpc").value = "172.16.0.0/16"
    assert not complains(some, "vpc")
    assert some.request.vpc == "192.168.0.0/16"
    field(some, "pod_cidr").value = "10.0.0.0/8"
    assert (some.request.vpc, some.request.pod_cidr) == ("172.16.0.0/16", "10.0.0.0/8")


def test_a_zone_that_a_vswitch_needs_cannot_go() -> None:
    some = made(Request(vpc="192.168.0.0/16", zones=(H, I), vswitches=(VSwitch("a", I, "192.168.0.0/24"),)))
    field(some, "zones").value = H
    assert "vSwitch a is in cn-hangzhou-i" in note(some, "zones")


def test_the_call_raises_and_changes_nothing() -> None:
    some = made()
    before = some.request
    with pytest.raises(AcplabError, match="nodes"):
        some.set(nodes=0)
    assert some.request == before
    assert field(some, "nodes").value == before.nodes


def test_what_was_typed_is_escaped() -> None:
    some = made()
    field(some, "vpc").value = "<script>x</script>"
    field(some, "neighbours").value = "vpc <script> 10.0.0.0/8"
    html = "".join(widget.value for widget in walk(some.box) if isinstance(widget, ipywidgets.HTML))
    assert "<script>" not in html


# --- broken rules, proposals, growth ---------------------------------------------------------------------------------


def test_a_broken_rule_is_told_and_its_button_takes_the_proposal_over() -> None:
    some = made(CLASH)
    (problem,) = network.plan(CLASH).violations
    words, button = some.problems.children
    assert problem.sentence in unescape(words.value)
    assert button.description == f"Take over 1: pod_cidr = {problem.proposal['pod_cidr']}"
    assert some.save.disabled
    button.click()
    assert some.request == network.apply(CLASH, problem.proposal)
    assert field(some, "pod_cidr").value == problem.proposal["pod_cidr"]
    assert some.result.plan
    assert some.problems.children == ()
    assert not some.save.disabled


def test_take_does_what_the_button_does() -> None:
    clicked, called = made(CLASH), made(CLASH)
    clicked.problems.children[1].click()
    assert called.take(1).request == clicked.request


def test_a_proposal_for_a_vswitch_appears_in_its_field() -> None:
    small = VSwitch("a", H, "192.168.0.0/29")
    some = made(Request(vpc="192.168.0.0/16", zones=(H,), vswitches=(small,), nodes_later=40))
    some.problems.children[1].click()
    assert some.result.plan
    assert re.fullmatch(rf"a {H} 192\.168\.\d+\.\d+/2\d", field(some, "vswitches").value)


def test_remarks_are_shown_with_a_plan_and_without_one() -> None:
    some = made(Request(vpc="192.168.0.0/16", plugin="terway", pod_cidr="172.20.0.0/16"))
    assert "pod_cidr = 172.20.0.0/16 has no effect" in unescape(some.verdict.value)
    some.set(services=1 << 20)
    assert some.violations
    assert "pod_cidr = 172.20.0.0/16 has no effect" in unescape(some.verdict.value)
    assert "pod_cidr = 172.20.0.0/16 has no effect" in some.words()


def test_a_rule_without_a_cure_has_no_button() -> None:
    some = made(Request(vpc="192.168.0.0/16", nodes=3000))
    rules = [problem.rule for problem in some.violations]
    assert rules == ["route-quota"]
    assert [type(widget) for widget in some.problems.children] == [ipywidgets.HTML]
    with pytest.raises(AcplabError, match="no value"):
        some.take(1)
    with pytest.raises(AcplabError, match="no broken rule of the number 2"):
        some.take(2)


def test_a_wish_that_only_you_can_change_has_no_button_either() -> None:
    some = made(Request(vpc="192.168.0.0/16", pods_per_node=300))
    assert "most-pods" in [problem.rule for problem in some.violations]
    with pytest.raises(AcplabError, match="no value"):
        some.take([problem.rule for problem in some.violations].index("most-pods") + 1)


def test_growth_tells_its_first_limit() -> None:
    some = made()
    first = network.growth(some.plan).first
    assert f"Its first limit: {first.nodes} nodes: {first.why}" in some.verdict.value
    field(some, "route_quota").value = 48
    assert "first limit: 48 nodes" in some.verdict.value


def test_the_fields_of_the_other_plug_in_are_hidden_unless_they_are_wrong() -> None:
    def hidden(some: studio.Studio) -> set[str]:
        return {name for name, control in some.controls.items() if control.box.layout.display == "none"}

    some = made()
    assert hidden(some) == {"instance_type", "eni"}
    field(some, "pod_cidr").value = "wrong"
    field(some, "plugin").value = "terway"
    assert hidden(some) == {"node_mask", "route_quota"}
    field(some, "pod_cidr").value = ""
    assert hidden(some) == {"pod_cidr", "node_mask", "route_quota"}


def test_the_chosen_value_is_shown_beside_its_field() -> None:
    some = made()
    assert note(some, "pod_cidr") == f"chosen: {some.plan.pod_cidr}"
    assert note(some, "node_mask") == "chosen: /24"
    assert note(some, "vpc") == ""
    field(some, "pod_cidr").value = some.plan.pod_cidr
    assert note(some, "pod_cidr") == ""


# --- Terraform --------------------------------------------------------------------------------------------------------


def test_the_button_writes_terraform(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    some = made()
    some.save.click()
    written = tmp_path / "work" / "network.tf"
    assert written.read_text() == network.terraform(some.plan)
    assert str(written) in unescape(some.written.value)


def test_another_file_is_never_overwritten(tmp_path) -> None:
    some, mine = made(), tmp_path / "mine.tf"
    mine.write_text("mine")
    assert some.write(mine) == tmp_path / "mine-2.tf"
    assert "mine.tf was there with other content, and stays." in some.written.value
    assert some.write(mine) == tmp_path / "mine-2.tf", "the same plan needs no other file"
    some.set(nodes=5, service_cidr="10.9.0.0/20")
    assert some.write(mine) == tmp_path / "mine-3.tf"
    assert mine.read_text() == "mine"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["mine-2.tf", "mine-3.tf", "mine.tf"]


def test_a_place_that_cannot_be_written_is_told(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    some = made()
    some.file.value = str(tmp_path / "file" / "below.tf")
    some.save.click()
    assert "cannot be written" in some.written.value


def test_there_is_nothing_to_write_without_a_plan(tmp_path) -> None:
    with pytest.raises(AcplabError, match="overlap"):
        made(CLASH).write(tmp_path / "a.tf")
    assert not list(tmp_path.iterdir())


def test_a_fault_of_ours_does_not_vanish(monkeypatch: pytest.MonkeyPatch) -> None:
    some = made()
    monkeypatch.setattr(studio, "plan_picture", lambda _request: 1 / 0)
    field(some, "nodes").value = 4
    assert "ZeroDivisionError" in some.notice.value


# --- for everybody ---------------------------------------------------------------------------------------------------


def test_every_control_has_a_label_of_its_own() -> None:
    some = made(CLASH)
    inputs = [w for w in walk(some.box) if hasattr(w, "value") and not isinstance(w, ipywidgets.HTML)]
    sliders = [w for w in inputs if isinstance(w, ipywidgets.IntSlider)]
    names = [w.description for w in inputs if w not in sliders]
    assert all(names)
    assert len(set(names)) == len(names)
    assert all(slider.tooltip in names for slider in sliders), "its field is its accessible twin"
    titles = [button.description for button in buttons(some)]
    assert all(titles)
    assert len(set(titles)) == len(titles)


def test_only_what_the_keyboard_reaches() -> None:
    kinds = {type(widget).__name__ for widget in walk(made(CLASH).box)}
    assert kinds <= {"VBox", "HBox", "Box", "HTML", "Button", "Text", "Textarea", "Dropdown", "IntText", "IntSlider"}


def test_the_picture_has_its_words_in_the_page() -> None:
    some = made()
    image = IMAGE(some.picture)
    assert image.startswith('<img src="data:image/png;base64,iVBOR')
    assert f'alt="{some.picture.title}. The text below says all of it."' in unescape(image)
    assert all(line in unescape(some.text.value) for line in some.picture.text.splitlines())


def test_the_words_say_it_all_without_a_front_end() -> None:
    some = made(CLASH)
    bundle = some._repr_mimebundle_()
    assert bundle["text/plain"] == some.words() == repr(some)
    assert "application/vnd.jupyter.widget-view+json" in bundle
    for part in (some.violations[0].sentence, some.violations[0].remedy, "studio.take(1)", "network.plan(request)"):
        assert part in some.words()
    assert "first limit" in made().words()


def test_the_plain_calls_are_named_in_the_widget() -> None:
    html = "".join(widget.value for widget in walk(made().box) if isinstance(widget, ipywidgets.HTML))
    for call in (
        "network.plan(request)",
        "network.growth(plan)",
        "network.terraform(plan)",
        "network.plan_picture(plan)",
    ):
        assert call in html


def test_text_colours_are_the_themes() -> None:
    some = made(CLASH)
    field(some, "vpc").value = "wrong"
    html = "".join(widget.value for widget in walk(some.box) if isinstance(widget, ipywidgets.HTML))
    assert set(re.findall(r"(?<![\w-])color: ([^;\"]+)", html)) == {"var(--jp-content-font-color1, inherit)"}


# --- lines of text ---------------------------------------------------------------------------------------------------


def test_neighbours_are_lines() -> None:
    text = "vpc 172.16.0.0/12\n\nidc head office 10.0.0.0/8 192.168.9.0/24\ncluster 10.1.0.0/16 services 172.21.0.0/20"
    assert planlines.neighbours(text) == (
        Neighbour("1", "vpc", ("172.16.0.0/12",)),
        Neighbour("head office", "idc", ("10.0.0.0/8", "192.168.9.0/24")),
        Neighbour("4", "cluster", ("10.1.0.0/16",), "172.21.0.0/20"),
    )
    with pytest.raises(AcplabError, match="no range after"):
        planlines.neighbours("cluster a 10.1.0.0/16 services")
    with pytest.raises(AcplabError, match=r"Line 1: Neighbour a has no range"):
        planlines.neighbours("vpc a")


def test_vswitches_are_lines() -> None:
    assert planlines.vswitches(f"a {H} 10.0.0.0/24\nb {H} 10.0.1.0/24 pod") == (
        VSwitch("a", H, "10.0.0.0/24"),
        VSwitch("b", H, "10.0.1.0/24", "pod"),
    )
    with pytest.raises(AcplabError, match="Line 2: role: there is no 'pods'"):
        planlines.vswitches(f"a {H} 10.0.0.0/24\nb {H} 10.0.1.0/24 pods")


names = st.text("ab c'\"-版0", min_size=1, max_size=8).filter(str.strip)
neighbours = st.builds(
    Neighbour,
    names,
    st.just("cluster"),
    st.sampled_from([("10.0.0.0/8",), ("10.0.0.0/16", "2001:db8::/64")]),
    st.sampled_from(["", "172.21.0.0/20"]),
    st.booleans(),
)
vswitches = st.builds(VSwitch, names, names, st.just("10.0.0.0/24"), st.sampled_from(["node", "pod"]))


@given(st.lists(neighbours, max_size=3), st.lists(vswitches, max_size=3))
def test_lines_are_read_back_as_they_were(some: list[Neighbour], switches: list[VSwitch]) -> None:
    assert planlines.neighbours(planlines.neighbours_text(some)) == tuple(some)
    assert planlines.vswitches(planlines.vswitches_text(switches)) == tuple(switches)


def test_importing_show_does_not_load_the_widgets() -> None:
    import subprocess
    import sys

    code = "import sys, acplab.show; sys.exit('ipywidgets' in sys.modules or 'matplotlib' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
