"""What a learner notes is kept as JSON, or refused with a sentence; nothing ends in a traceback."""

from __future__ import annotations

import json
import pathlib
from ipaddress import IPv4Network, ip_address

import numpy
import pytest
from acplab import network
from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.course import store

PLAN = network.plan_or_raise(network.Request("192.168.0.0/16"))


@pytest.fixture(autouse=True)
def own_home(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACPLAB_HOME", str(tmp_path))
    assert paths.home() == tmp_path


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (numpy.int64(48), 48),
        (numpy.float64(0.5), 0.5),
        ({"shop": numpy.int64(48), 5: (1, None, True)}, {"shop": 48, "5": [1, None, True]}),
        ({"b", 2.5, "a"}, [2.5, "a", "b"]),
        ({10, 9}, [9, 10]),
        (IPv4Network("10.0.0.0/8"), "10.0.0.0/8"),
        (ip_address("2001:db8::1"), "2001:db8::1"),
        (PLAN.vpc, "192.168.0.0/16"),
        ([IPv4Network("10.0.0.0/8")], ["10.0.0.0/8"]),
        (PLAN, PLAN.record()),
        (network.plan(network.Request("192.168.0.0/16")), PLAN.record()),
    ],
    ids=lambda value: type(value).__name__,  # a set's own text differs from process to process, which xdist refuses
)
def test_a_value_is_kept_as_json_has_it(value, kept):
    store.note("lab", "key", value)
    assert store.notes("lab") == {"key": kept}
    assert json.loads(json.dumps(kept)) == store.notes("lab")["key"]


@pytest.mark.parametrize(
    "value",
    [
        network.plan(network.Request("192.168.0.0/16", nodes=49, route_quota=48)).violations[0],
        [network.plan(network.Request("192.168.0.0/16", nodes=49, route_quota=48)).violations[0]],
        object(),
        float("nan"),
        {"deep": [print]},
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_has_no_json_is_refused_and_nothing_is_noted(value):
    with pytest.raises(AcplabError, match=r"limits: a .* cannot be noted") as refusal:
        store.note("lab", "limits", value)
    assert "numbers and texts" in refusal.value.remedy
    assert store.notes("lab") == {}


def test_a_request_without_a_plan_is_refused_with_its_violation():
    with pytest.raises(AcplabError, match="route entry"):
        store.note("lab", "shop", network.plan(network.Request("192.168.0.0/16", nodes=49, route_quota=48)))
