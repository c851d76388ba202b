"""The picture of a network plan: nothing of the plan is missing, what is broken is marked, and the words say it all."""

from __future__ import annotations

import re
from html import unescape

import pytest
from acplab.show import style
from acplab.topics import network
from acplab.topics.network import Neighbour, Plan, Request, VSwitch, drawing
from acplab.topics.network import scene as scenes
from hypothesis import given, settings
from hypothesis import strategies as st

H, I = "cn-hangzhou-h", "cn-hangzhou-i"  # noqa: E741
FLANNEL = Request(vpc="192.168.0.0/16", zones=(H, I), nodes=3, nodes_later=40, pods_per_node=100)
TERWAY = Request(vpc="192.168.0.0/16", plugin="terway", zones=(H, I), nodes=6, nodes_later=40, pods_per_node=100)
NEIGHBOURS = (
    Neighbour("office", "idc", ("192.168.0.0/16",)),
    Neighbour("staging", "cluster", ("172.31.0.0/16",), "172.21.0.0/20", same_vpc=False),
)
CLASH = Plan(
    vpc="172.16.0.0/12",
    vswitches=(VSwitch("nodes", H, "172.16.0.0/24"),),
    pod_cidr="172.20.0.0/16",
    service_cidr="192.168.0.0/20",
    node_mask=24,
    neighbours=NEIGHBOURS,
)
SMALL = Request(vpc="192.168.0.0/16", nodes=60, nodes_later=3000, service_cidr="172.21.0.0/25", route_quota=48)
DUAL = Request(vpc="172.16.0.0/12", plugin="terway", vpc6="2001:db8::/56")
TWO = (VSwitch("a", H, "192.168.0.0/28"), VSwitch("b", H, "192.168.0.16/28"))
PICTURES = {
    "flannel": FLANNEL,
    "terway": TERWAY,
    "clash": CLASH,
    "small": SMALL,
    "dual": DUAL,
    "two vSwitches": Request(vpc="192.168.0.0/16", vswitches=TWO, nodes=5, nodes_later=20),
    "no room for a vSwitch": Request(vpc="192.168.0.0/29", nodes=100),
    "dual flannel": Request(vpc="172.16.0.0/12", vpc6="2001:db8::/56", pod_cidr6="2001:db9::/64"),
    "long names": Request(
        vpc="192.168.0.0/16",
        neighbours=tuple(Neighbour("Lager-Hangzhou-2" * n, "vpc", (f"10.{n}.0.0/16",)) for n in (1, 2, 6)),
    ),
    "long ranges": Request(
        vpc="192.168.0.0/16",
        plugin="terway",
        vpc6="2001:db8:aaaa:bbbb:cccc:dddd:eeee:0/120",
        neighbours=(Neighbour("office", "idc", ("2001:db8:aaaa:bbbb:cccc:dddd:eeee:0/120",)),),
    ),
    "Chinese names": Request(vpc="192.168.0.0/16", neighbours=(Neighbour("总部数据中心", "idc", ("10.0.0.0/8",)),)),
}


def test_flannel_in_words() -> None:
    assert network.plan_picture(FLANNEL).text.splitlines() == [
        "Flannel in 192.168.0.0/16; nodes: 3 now, 40 in two years; Pods per node: 100",
        "  This cluster",
        "    VPC 192.168.0.0/16",
        "      zone cn-hangzhou-h",
        "        vSwitch node-cn-hangzhou-h 192.168.0.0/24: addresses for nodes: 2 now, 20 in two years, room for 252",
        "      zone cn-hangzhou-i",
        "        vSwitch node-cn-hangzhou-i 192.168.1.0/24: addresses for nodes: 2 now, 20 in two years, room for 252",
        "    Pod CIDR 172.20.0.0/16: Pod CIDRs of /24, one per node: 3 now, 40 in two years, room for 256, 216 free",
        "      node 1 172.20.0.0/24, node 2 172.20.1.0/24, node 3 172.20.2.0/24, to node 40, free",
        "    Service CIDR 172.21.0.0/20: Services: 100 in two years, room for 4 092",
    ]


def test_the_first_nodes_pod_cidrs_are_those_of_the_plan() -> None:
    plan = network.plan_or_raise(FLANNEL)
    assert all(block in network.plan_picture(plan).text for block in plan.node_pod_cidrs(3))


def test_terway_shows_pod_vswitches_by_zone_and_no_pod_cidr() -> None:
    text = network.plan_picture(TERWAY).text
    assert "Pod CIDR" not in text
    assert "ecs.c7.4xlarge, ENIs shared: 210 Pods per node at most" in text
    for zone in (H, I):
        of_zone = text.split(f"zone {zone}")[1].split("zone")[0]
        assert "addresses for nodes: 3 now, 20 in two years" in of_zone
        assert "addresses for Pods: 300 now, 2 000 in two years, room for 8 188" in of_zone


def test_both_sides_of_an_overlap_are_marked() -> None:
    lines = network.plan_picture(CLASH).text.splitlines()
    for number, problem in enumerate(network.check(CLASH), 1):
        for thing in (problem.first, problem.second):
            (place,) = [i for i, line in enumerate(lines) if re.match(rf"\s*{re.escape(thing)}(:|$)", line)]
            below = lines[place + 1 : place + 4]
            assert any(line.strip() == f"! {number}  overlap {problem.overlap}" for line in below), (thing, lines)
        assert f"    {number}  {problem.sentence}" in lines


def test_every_kind_of_neighbour_is_called_as_the_planner_calls_it() -> None:
    """Otherwise its mark would be lost; so each is made to clash."""
    them = (
        Neighbour("shop", "vpc", ("172.20.0.0/17",)),
        Neighbour("office", "idc", ("172.20.128.0/18",)),
        Neighbour("east", "cluster", ("172.20.192.0/19",), "172.20.224.0/20"),
        Neighbour("west", "cluster", ("172.20.240.0/21",), "172.20.248.0/21", same_vpc=False),
    )
    scene = scenes.scene(Request(vpc="192.168.0.0/16", pod_cidr="172.20.0.0/16", neighbours=them))
    assert len(scene.theirs) == 6
    assert all(scene.marks.get(piece.title) for piece in scene.theirs)


def test_a_broken_number_is_marked_too() -> None:
    assert "Each Flannel node takes a route entry" in network.plan_picture(SMALL).text
    services = network.plan_picture(Request(vpc="192.168.0.0/16", services=300, service_cidr="172.21.0.0/25")).text
    assert "Services: 300 in two years, room for 124\n      ! 1  broken rule, see below" in services


def test_a_valid_plan_has_no_marks() -> None:
    for wish in (FLANNEL, TERWAY, DUAL):
        figure = network.plan_picture(network.plan_or_raise(wish))
        assert "!" not in figure.text
        assert "Broken rules" not in figure.text


def test_a_request_without_a_plan_shows_its_vswitches() -> None:
    text = network.plan_picture(Request(vpc="172.16.0.0/12", pod_cidr="172.20.0.0/16")).text
    assert "vSwitch node-cn-hangzhou-h 172.16.0.0/24" in text
    assert "Pod CIDR 172.20.0.0/16: no node mask yet" in text
    assert "Service CIDR: none yet" in text


def test_vswitches_of_one_zone_fill_one_after_the_other() -> None:
    text = network.plan_picture(PICTURES["two vSwitches"]).text
    assert "vSwitch a 192.168.0.0/28: addresses for nodes: 5 now, 12 in two years, room for 12" in text
    assert "vSwitch b 192.168.0.16/28: addresses for nodes: 0 now, 8 in two years, room for 12" in text


def test_a_vswitch_that_is_too_small_names_the_need_and_its_strip_is_full() -> None:
    wish = Request(vpc="192.168.0.0/16", vswitches=TWO[:1], nodes=5, nodes_later=20)
    assert "addresses for nodes: 5 now, 20 in two years, room for 12" in network.plan_picture(wish).text
    strips = [piece.strip for piece in pieces(scenes.scene(wish).ours) if piece.strip]
    assert all(sum(segment.share for segment in strip) == pytest.approx(1) for strip in strips)


def pieces(some: tuple[scenes.Piece, ...]) -> list[scenes.Piece]:
    return [found for piece in some for found in (piece, *pieces(piece.inner))]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", PICTURES)
def test_every_picture_can_be_drawn_and_has_its_words(name: str) -> None:
    figure = network.plan_picture(PICTURES[name])
    bundle = figure._repr_mimebundle_()
    assert bundle["image/png"].startswith(b"\x89PNG")
    assert f'alt="{figure.alt}"' in unescape(bundle["text/html"])
    assert all(line.strip() in unescape(bundle["text/html"]) for line in figure.text.splitlines())


@pytest.mark.parametrize("name", PICTURES)
def test_all_shapes_lie_in_the_picture_and_boxes_beside_each_other_stay_apart(name: str) -> None:
    shapes = list(drawing.placed(scenes.scene(PICTURES[name])))
    assert all(shape.x >= 0 and shape.x + shape.width <= style.WIDTH for shape in shapes)
    lines = [shape for shape in shapes if shape.what != "frame"]
    for i, one in enumerate(lines):
        for other in lines[i + 1 :]:
            apart = one.x + one.width <= other.x + 1e-9 or other.x + other.width <= one.x + 1e-9
            assert apart or one.y + one.height <= other.y + 1e-9 or other.y + other.height <= one.y + 1e-9


@pytest.mark.parametrize("name", PICTURES)
def test_words_stay_in_their_boxes(name: str) -> None:
    """As matplotlib really sets them, not as we reckon."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    scene = scenes.scene(PICTURES[name])
    with style.applied():
        drawn = drawing.draw(scene)
        renderer = FigureCanvasAgg(drawn).get_renderer()
        ends = [(text, text.get_window_extent(renderer).x1 / drawn.dpi) for text in drawn.axes[0].texts]
        heads = [text.get_window_extent(renderer).x1 / drawn.dpi for text in drawn.texts]
    room = {shape.text: shape.x + shape.width for shape in drawing.placed(scene) if shape.text}
    assert room.keys() <= {text.get_text() for text, _end in ends}
    assert all(end <= room.get(text.get_text(), style.WIDTH) for text, end in ends)
    assert max(heads) <= style.WIDTH - 0.05


@pytest.mark.parametrize("overlaps", [0, 2])
def test_overlaps_do_not_depend_on_colour(overlaps: int) -> None:
    scene = scenes.scene(CLASH if overlaps else network.plan_or_raise(FLANNEL))
    with style.applied():
        axes = drawing.draw(scene).axes[0]
    hatched = [patch for patch in axes.patches if patch.get_hatch()]
    labels = [text.get_text() for text in axes.texts if "overlap" in text.get_text()]
    assert len(hatched) == sum(len(marks) for marks in scene.marks.values())
    assert bool(hatched) == bool(overlaps)
    assert len([label for label in labels if re.match(r"\d  overlap [\d./]+$", label)]) == len(hatched)


masks = st.sampled_from([0, 24, 25, 28])
cidrs = st.sampled_from(["", "172.20.0.0/16", "172.20.0.0/24", "10.0.0.0/22", "192.168.4.0/28"])
requests = st.builds(
    Request,
    vpc=st.sampled_from(["192.168.0.0/16", "172.16.0.0/12", "10.0.0.0/28"]),
    plugin=st.sampled_from(["flannel", "terway"]),
    zones=st.sampled_from([(H,), (H, I)]),
    nodes=st.integers(1, 5000),
    nodes_later=st.integers(1, 5000),
    pods_per_node=st.integers(1, 300),
    pod_cidr=cidrs,
    service_cidr=cidrs,
    node_mask=masks,
    neighbours=st.sampled_from([(), NEIGHBOURS]),
)


@settings(deadline=None)
@given(requests)
def test_every_request_gets_a_scene_with_every_problem(wish: Request) -> None:
    scene = scenes.scene(wish)
    assert len(scene.problems) == len(network.plan(wish).violations)
    for piece in pieces((*scene.ours, *scene.theirs)):
        assert not piece.strip or sum(segment.share for segment in piece.strip) == pytest.approx(1)
    assert max(shape.y for shape in drawing.placed(scene)) > 0


def test_names_from_outside_are_escaped() -> None:
    html = network.plan_picture(
        Request(vpc="10.0.0.0/8", neighbours=(Neighbour("<b>", "idc", ("10.1.0.0/16",)),))
    ).html()
    assert "<b>" not in html
