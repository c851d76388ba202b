"""The demo app on the cluster: what it says of itself, its readiness, its way out, its errors on purpose."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from acplab import kube, measure
from shopfront import (
    Entrance,
    Object,
    deployment,
    endpoints,
    eventually,
    fresh_namespace,
    ingress,
    path_to,
    pods_of,
    selectorless,
    service,
)

SPREAD = {
    "topologySpreadConstraints": [
        {
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": {"matchLabels": {"app": "spread"}},
        }
    ]
}


@pytest.fixture(scope="module")
def entrance(cluster: Any) -> Iterator[Entrance]:
    """An entrance with the Service that its witnesses need, and everything that these tests ask."""
    with fresh_namespace("storefront") as namespace:
        entrance = Entrance(cluster, namespace)
        kube.apply(
            [
                *shop(entrance, "old", deployment("old", "v1")),
                *shop(entrance, "spread", deployment("spread", "v1", replicas=2, spec=SPREAD)),
                *shop(entrance, "switch", deployment("switch", "v1")),
                *shop(entrance, "rollout", deployment("rollout", "v1", replicas=2, DRAIN_SECONDS="5")),
                *shop(entrance, "drain", deployment("drain", "v1", DRAIN_SECONDS="8")),
                *shop(entrance, "faulty", deployment("faulty", "v1", ERROR_RATE="0.3")),
            ],
            namespace,
        )
        for name in ("old", "spread", "switch", "rollout", "drain", "faulty"):
            kube.wait("deployment", name, namespace=namespace)
        kube.apply(back_door(entrance, "switch"), namespace)
        entrance.take_in()
        yield entrance


def shop(entrance: Entrance, name: str, body: Object) -> list[Object]:
    return [body, service(name, name), ingress(name, entrance.host(name), path_to(name))]


def back_door(entrance: Entrance, name: str) -> list[Object]:
    """A way to the Pod also while it says that it isn't ready: endpoints that nobody takes back."""
    addresses = endpoints(name, entrance.namespace)
    door = f"{name}-admin"
    return [*selectorless(door, addresses), ingress(door, entrance.host(door), path_to(door))]


# ------------------------------------------------------------------------------------------ who it says it is


def test_it_says_where_it_runs(entrance: Entrance) -> None:
    host = entrance.host("spread")
    entrance.settled(host, "v1")
    said = {(page := entrance.ask(host).body)["pod"]: page for _ in range(30)}
    pods = {pod["metadata"]["name"]: pod for pod in pods_of("spread", entrance.namespace)}
    assert set(said) == set(pods)
    for name, page in said.items():
        assert page["version"] == "v1"
        assert page["namespace"] == entrance.namespace
        assert page["node"] == pods[name]["spec"]["nodeName"]
        assert page["zone"] == zone_of(page["node"])
    assert len({page["zone"] for page in said.values()}) == 2


def zone_of(node: str) -> str:
    return kube.get("node", node)["metadata"]["labels"]["topology.kubernetes.io/zone"]


def test_it_shows_the_request_as_it_came(entrance: Entrance) -> None:
    page = entrance.ask(entrance.host("old"), path="/goods/7", cookie="foo=bar", X_Canary="always").body
    assert (page["method"], page["path"], page["host"]) == ("GET", "/goods/7", entrance.host("old"))
    assert page["headers"]["Cookie"] == "foo=bar"
    assert page["headers"]["X-Canary"] == "always"


# ------------------------------------------------------------------------------------------------- readiness


def test_the_readiness_switch_takes_it_out_of_the_endpoints_and_back(entrance: Entrance) -> None:
    place, host = entrance.namespace, entrance.host("switch")
    entrance.settled(host, "v1")
    before = endpoints("switch", place)
    assert len(before) == 1

    turn(entrance, "switch-admin", "ready?on=false")
    eventually("no ready endpoint is left", lambda: not endpoints("switch", place))
    entrance.settled(host, "http 503")

    turn(entrance, "switch-admin", "ready?on=true")
    eventually("the endpoint is back", lambda: endpoints("switch", place) == before)
    entrance.settled(host, "v1")
    (pod,) = pods_of("switch", place)
    assert pod["status"]["containerStatuses"][0]["restartCount"] == 0


def turn(entrance: Entrance, name: str, knob: str) -> Object:
    """Turn a knob of the only Pod behind a host; where all of them stand then."""
    answer = entrance.ask(entrance.host(name), path=f"/admin/{knob}", method="POST")
    assert answer.status == 200, answer
    return answer.body


# ----------------------------------------------------------------------------------------------- its way out


def test_a_rollout_behind_the_ingress_loses_nothing(entrance: Entrance) -> None:
    """While it drains it goes on answering, longer than the ingress controller needs to hear of it."""
    host, place = entrance.host("rollout"), entrance.namespace
    entrance.settled(host, "v1")
    leaving = {pod["metadata"]["name"] for pod in pods_of("rollout", place)}
    with measure.steady(entrance.url, rate=50, host=host) as load:
        load.mark("rollout begins")
        kube.apply([deployment("rollout", "v2", replicas=2, DRAIN_SECONDS="5")], place)
        kube.wait("deployment", "rollout", namespace=place)
        for name in leaving:
            kube.wait("pod", name, "deleted", place, timeout=30)
        load.mark("the old Pods are gone")
    seen = load.result
    assert seen.failed == 0, seen.summary()
    assert set(seen.by_version) == {"v1", "v2"}
    assert set(seen.after("the old Pods are gone").by_version) <= {"v2"}
    assert seen.achieved_rate > 40, seen.summary()


def test_it_serves_on_while_it_drains_and_goes_before_it_is_killed(entrance: Entrance) -> None:
    place = entrance.namespace
    (pod,) = pods_of("drain", place)
    name, address = pod["metadata"]["name"], pod["status"]["podIP"]
    kube.delete("pod", name, place, wait=False)
    began = time.monotonic()
    eventually("its endpoint is gone", lambda: address not in endpoints("drain", place), seconds=4)
    (asker,) = pods_of("old", place)
    answer = kube.exec(asker["metadata"]["name"], ["storefront", "get", f"http://{address}:8080/"], place)
    assert answer.startswith("200 v1 ")
    kube.wait("pod", name, "deleted", place, timeout=25)  # 30 s is when kubelet kills
    assert time.monotonic() - began > 7


# -------------------------------------------------------------------------------------------------- its errors


def test_the_error_rate_shows_as_500s_of_that_version(entrance: Entrance) -> None:
    host = entrance.host("faulty")
    entrance.settled(host, lambda seen: "v1" in seen)
    seen = entrance.traffic(host, n=300)
    assert set(seen.errors) == {"http 500"}, seen.summary()
    assert seen.by_version == {"v1": 300}, seen.summary()
    assert 60 <= seen.failed <= 120, seen.summary()  # 0.3 of 300, and nearly four standard deviations


def test_the_error_knob_turns_all_or_none(entrance: Entrance) -> None:
    host = entrance.host("switch")
    for rate, wanted in [("1", "http 500"), ("0", "v1")]:
        assert turn(entrance, "switch", f"errors?rate={rate}")["error_rate"] == float(rate)
        assert entrance.who(host) == wanted
