"""What the canary annotations and the Gateway API mean on the pinned Traefik (../../../shared/CANARY.md).

Labs and chapters teach these rows, so each is tried on the real entrance. Every case has a primary Service of
its own, since a canary hangs on the primary's Service, and a host of its own, so that none shadows another.
v1 is the old version, v2 the canary. The Service `old` belongs to the witnesses and gets no canary.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from acplab import kube
from shopfront import (
    ANNOTATION,
    Entrance,
    Object,
    by_proxy,
    deployment,
    endpoints,
    eventually,
    fresh_namespace,
    ingress,
    match,
    path_to,
    pods_of,
    route,
    rule,
    selectorless,
    service,
)

Request = dict[str, str]

OLD, NEW = "v1", "v2"
COOKIE_EXACT = r"(^|\x3b\s*)foo=bar(\x3b|$)"  # inside of what nginx's annotation validator allows
COOKIE_LOOSE = r"(^|\W)foo=bar(\W|$)"
ROUTE_COOKIE = r"(^|;\s*)foo=bar(;|$)"


@pytest.fixture(scope="module")
def entrance(cluster: Any) -> Iterator[Entrance]:
    """An entrance behind which v1 and v2 stand ready, one Pod each, for all tests of this file."""
    with fresh_namespace("canary") as namespace:
        kube.apply(
            [deployment("old", OLD), deployment("new", NEW), service("old", "old"), service("new", "new")], namespace
        )
        for name in ("old", "new"):
            kube.wait("deployment", name, namespace=namespace)
        yield Entrance(cluster, namespace)


def publish(entrance: Entrance, objects: list[Object], into: str | None = None) -> None:
    """Apply, and return when both replicas of the ingress controller act on it.

    Services come first and get their endpoints: a canary that has none yet is ignored, which would look like
    the very thing that some tests want to see.
    """
    place = into or entrance.namespace
    services = [one for one in objects if one["kind"] == "Service"]
    if services:
        kube.apply(services, place)
    for one in services:
        if one["spec"].get("selector", {}).get("app") in ("old", "new"):
            name = one["metadata"]["name"]
            eventually(f"Service {name} has endpoints", lambda name=name: endpoints(name, place))
    kube.apply([one for one in objects if one["kind"] != "Service"], place)
    entrance.take_in()


def primary(entrance: Entrance, name: str, *paths: Object, **notes: str) -> list[Object]:
    """A host with its own Service in front of v1, and an Ingress that sends everything there."""
    return [service(name, "old"), ingress(name, entrance.host(name), *(paths or [path_to(name)]), **notes)]


def canary(entrance: Entrance, name: str, *paths: Object, of: str | None = None, **notes: str) -> Object:
    """A canary of the host called `of` (or name), to the Service `new`. notes: canary-* annotations."""
    host = entrance.host(of or name)
    return ingress(f"{name}-canary", host, *(paths or [path_to("new")]), canary="true", **notes)


def pair(entrance: Entrance, name: str, **notes: str) -> list[Object]:
    return [*primary(entrance, name), canary(entrance, name, **notes)]


# ---------------------------------------------------------------- one canary, told by its annotations alone

ANNOTATIONS = {
    "header": {"canary_by_header": "X-Canary"},
    "header-100": {"canary_by_header": "X-Canary", "canary_weight": "100"},
    "value": {"canary_by_header": "foo", "canary_by_header_value": "bar"},
    "value-100": {"canary_by_header": "foo", "canary_by_header_value": "bar", "canary_weight": "100"},
    "value-alone": {"canary_by_header_value": "bar", "canary_by_cookie": "c"},
    "pattern": {"canary_by_header": "foo", "canary_by_header_pattern": "ba[rz]"},
    "pattern-anchored": {"canary_by_header": "foo", "canary_by_header_pattern": "^ba[rz]$"},
    "pattern-alone": {"canary_by_header_pattern": "ba[rz]", "canary_by_cookie": "c"},
    "value-and-pattern": {
        "canary_by_header": "foo",
        "canary_by_header_value": "bar",
        "canary_by_header_pattern": "baz",
    },
    "bad-pattern": {"canary_by_header": "foo", "canary_by_header_pattern": "ba(r", "canary_by_cookie": "c"},
    "perl-pattern": {"canary_by_header": "foo", "canary_by_header_pattern": "ba(?=r)", "canary_by_cookie": "c"},
    "bad-pattern-100": {"canary_by_header": "foo", "canary_by_header_pattern": "ba(r", "canary_weight": "100"},
    "cookie": {"canary_by_cookie": "c"},
    "cookie-100": {"canary_by_cookie": "c", "canary_weight": "100"},
    "all-0": {"canary_by_header": "X-Canary", "canary_by_cookie": "c"},
    "all-100": {"canary_by_header": "X-Canary", "canary_by_cookie": "c", "canary_weight": "100"},
    "either": {"canary_by_header": "foo", "canary_by_header_value": "bar", "canary_by_cookie": "foo"},
    "cookie-exact": {"canary_by_header": "Cookie", "canary_by_header_pattern": COOKIE_EXACT},
    "cookie-loose": {"canary_by_header": "Cookie", "canary_by_header_pattern": COOKIE_LOOSE},
    "weight-0": {"canary_weight": "0"},
    "weight-20": {"canary_weight": "20"},
    "weight-100": {"canary_weight": "100"},
    "weight-of-1000": {"canary_weight": "200", "canary_weight_total": "1000"},
    "weight-of-50": {"canary_weight": "20", "canary_weight_total": "50"},
    "weight-150": {"canary_weight": "150"},
    "weight-above-total": {"canary_weight": "1500", "canary_weight_total": "1000"},
    "weight-negative": {"canary_weight": "-5"},
}

# (case, request, who answers). A request's words are header names with _ for -, or `cookie`.
ROWS: list[tuple[str, Request, str]] = [
    ("header", {}, OLD),
    ("header", {"X_Canary": "always"}, NEW),
    ("header", {"X_Canary": "never"}, OLD),
    ("header", {"X_Canary": "Always"}, OLD),
    ("header", {"X_Canary": "true"}, OLD),  # to be there is not enough, whatever ACK's table says
    ("header-100", {"X_Canary": "never"}, OLD),
    ("header-100", {"X_Canary": "Never"}, NEW),
    ("header-100", {"X_Canary": "true"}, NEW),
    ("header-100", {}, NEW),
    # the value is exact, and takes the meaning from always and never
    ("value", {"foo": "bar"}, NEW),
    ("value", {"foo": "BAR"}, OLD),
    ("value", {"foo": "barista"}, OLD),
    ("value", {"foo": "always"}, OLD),
    ("value", {}, OLD),
    ("value-100", {"foo": "never"}, NEW),
    ("value-100", {"foo": "other"}, NEW),
    ("value-alone", {"foo": "bar"}, OLD),
    ("value-alone", {"cookie": "c=always"}, NEW),
    # the pattern is RE2, may fit anywhere, and counts only without a value
    ("pattern", {"foo": "bar"}, NEW),
    ("pattern", {"foo": "xbazx"}, NEW),
    ("pattern", {"foo": "BAR"}, OLD),
    ("pattern", {"foo": "always"}, OLD),
    ("pattern", {}, OLD),
    ("pattern-anchored", {"foo": "baz"}, NEW),
    ("pattern-anchored", {"foo": "xbazx"}, OLD),
    ("pattern-alone", {"foo": "bar"}, OLD),
    ("pattern-alone", {"cookie": "c=always"}, NEW),
    ("value-and-pattern", {"foo": "bar"}, NEW),
    ("value-and-pattern", {"foo": "baz"}, OLD),
    # an invalid pattern takes the cookie's half with it; the weight stays (nginx: primary)
    ("bad-pattern", {"foo": "bar"}, OLD),
    ("bad-pattern", {"foo": "always"}, OLD),
    ("bad-pattern", {"cookie": "c=always"}, OLD),
    ("perl-pattern", {"foo": "bar"}, OLD),
    ("perl-pattern", {"cookie": "c=always"}, OLD),
    ("bad-pattern-100", {"foo": "bar"}, NEW),
    ("bad-pattern-100", {}, NEW),
    ("cookie", {}, OLD),
    ("cookie", {"cookie": "c=always"}, NEW),
    ("cookie", {"cookie": "a=b; c=always"}, NEW),
    ("cookie", {"cookie": "c=never"}, OLD),
    ("cookie", {"cookie": "c=Always"}, OLD),
    ("cookie", {"cookie": "c=bar"}, OLD),
    ("cookie-100", {"cookie": "c=never"}, OLD),
    ("cookie-100", {"cookie": "c=bar"}, NEW),
    ("cookie-100", {}, NEW),
    # header, then cookie, then weight
    ("all-0", {"X_Canary": "always", "cookie": "c=never"}, NEW),
    ("all-0", {"X_Canary": "never", "cookie": "c=always"}, OLD),
    ("all-0", {"X_Canary": "other", "cookie": "c=always"}, NEW),
    ("all-0", {"X_Canary": "other", "cookie": "c=other"}, OLD),
    ("all-100", {"X_Canary": "always", "cookie": "c=never"}, NEW),
    ("all-100", {"X_Canary": "never", "cookie": "c=always"}, OLD),
    ("all-100", {"X_Canary": "other", "cookie": "c=never"}, OLD),
    ("all-100", {"X_Canary": "other", "cookie": "c=other"}, NEW),
    ("all-100", {}, NEW),
    # the nearest that annotations come to scenario 1: header foo=bar OR cookie foo=always
    ("either", {}, OLD),
    ("either", {"foo": "bar"}, NEW),
    ("either", {"cookie": "foo=always"}, NEW),
    ("either", {"foo": "bar", "cookie": "foo=never"}, NEW),
    ("either", {"foo": "other", "cookie": "foo=always"}, NEW),
    ("either", {"cookie": "foo=bar"}, OLD),
    # the cookie's half of scenario 1, with the corrected pattern
    ("cookie-exact", {"cookie": "foo=bar"}, NEW),
    ("cookie-exact", {"cookie": "foo=bar; z=1"}, NEW),
    ("cookie-exact", {"cookie": "a=1; foo=bar; z=1"}, NEW),
    ("cookie-exact", {"cookie": "a=1; foo=bar"}, NEW),
    ("cookie-exact", {"cookie": "a-foo=bar"}, OLD),
    ("cookie-exact", {"cookie": "a=foo=bar"}, OLD),
    ("cookie-exact", {"cookie": "foo=barista"}, OLD),
    ("cookie-exact", {"cookie": "foo=ba"}, OLD),
    ("cookie-exact", {"foo": "bar"}, OLD),
    ("cookie-exact", {}, OLD),
    # and what the uncorrected one takes besides
    ("cookie-loose", {"cookie": "a=1; foo=bar; z=1"}, NEW),
    ("cookie-loose", {"cookie": "a-foo=bar"}, NEW),
    ("cookie-loose", {"cookie": "a=foo=bar"}, NEW),
    ("cookie-loose", {"cookie": "foo=bar-2"}, NEW),
    ("cookie-loose", {"cookie": "xfoo=bar"}, OLD),
    ("cookie-loose", {"cookie": "foo=barista"}, OLD),
    ("weight-0", {}, OLD),
    ("weight-100", {}, NEW),
    ("weight-150", {}, NEW),
    ("weight-above-total", {}, NEW),
    ("weight-negative", {}, OLD),
]


def words(request: Request) -> str:
    return " ".join(f"{name}={value}" for name, value in request.items()) or "plain"


def named(rows: list[Any]) -> list[Any]:
    return [pytest.param(*row, id=f"{row[0]}: {words(row[1])} -> {row[2]}") for row in rows]


@pytest.fixture(scope="module")
def annotated(entrance: Entrance) -> Entrance:
    """All cases of ANNOTATIONS at once: to wait for each by itself would take minutes."""
    publish(entrance, [one for name, notes in ANNOTATIONS.items() for one in pair(entrance, name, **notes)])
    return entrance


@pytest.mark.parametrize(("case", "request_", "wanted"), named(ROWS))
def test_annotations(annotated: Entrance, case: str, request_: Request, wanted: str) -> None:
    annotated.settled(annotated.host(case), wanted, **request_)


@pytest.mark.parametrize(
    ("case", "share"), [("weight-20", 0.2), ("weight-of-1000", 0.2), ("weight-of-50", 0.2), ("cookie", 0.0)]
)
def test_a_weight_is_kept_to_the_request_by_each_replica(annotated: Entrance, case: str, share: float) -> None:
    """Traefik deals out, it doesn't draw lots; a total below 100 counts as 100."""
    annotated.settled(annotated.host(case), "v1+v2" if share else OLD)
    assert_shares(annotated, annotated.host(case), share)


def assert_shares(entrance: Entrance, host: str, share: float) -> None:
    seen = entrance.traffic(host, n=200)
    assert seen.failed == 0, seen.summary()
    for proxy, counts in by_proxy(seen).items():
        assert counts[NEW] == pytest.approx(share * counts.total(), abs=1.5), f"{proxy}: {counts}, of all {seen}"


# --------------------------------------------------------------------- canaries and the primaries they need


def test_a_canary_without_primary_is_404_until_the_primary_comes(entrance: Entrance) -> None:
    host = entrance.host("orphan")
    publish(entrance, [canary(entrance, "orphan", canary_by_header="X-Canary", canary_weight="50")])
    entrance.settled(host, "http 404")
    entrance.settled(host, "http 404", X_Canary="always")
    publish(entrance, primary(entrance, "orphan"))
    entrance.settled(host, NEW, X_Canary="always")


@pytest.mark.parametrize(
    ("name", "path"),
    [("other-path", path_to("new", "/sub")), ("other-type", path_to("new", "/", "ImplementationSpecific"))],
)
def test_a_canary_of_another_path_or_type_is_ignored(entrance: Entrance, name: str, path: Object) -> None:
    notes = {"canary_weight": "100", "canary_by_header": "X-Canary"}
    publish(entrance, [*primary(entrance, name), canary(entrance, name, path, **notes)])
    entrance.settled(entrance.host(name), OLD, X_Canary="always")
    entrance.settled(entrance.host(name), OLD, path="/sub", X_Canary="always")


def test_a_canary_of_another_host_is_ignored(entrance: Entrance) -> None:
    publish(
        entrance,
        [*primary(entrance, "host-a"), canary(entrance, "host-a", of="host-b", canary_weight="100")],
    )
    entrance.settled(entrance.host("host-a"), OLD)
    entrance.settled(entrance.host("host-b"), "http 404")


def test_a_canary_in_another_namespace_is_ignored(entrance: Entrance) -> None:
    """On nginx it works. The other host shows that from there the new version can be reached."""
    with fresh_namespace("canary-far") as far:
        publish(entrance, primary(entrance, "near"))
        publish(
            entrance,
            [
                *selectorless("far", endpoints("new", entrance.namespace)),
                ingress("far", entrance.host("far"), path_to("far")),
                canary(entrance, "near", path_to("far"), canary_weight="100", canary_by_header="X-Canary"),
            ],
            into=far,
        )
        entrance.settled(entrance.host("far"), NEW)
        entrance.settled(entrance.host("near"), OLD)
        entrance.settled(entrance.host("near"), OLD, X_Canary="always")


def test_of_several_canaries_the_oldest_wins(entrance: Entrance) -> None:
    """The older one has the later name, so that it isn't the alphabet that decides."""
    host = entrance.host("several")
    publish(entrance, primary(entrance, "several"))
    publish(entrance, [canary(entrance, "several-z", of="several", canary_by_header="X-Older")])
    a_second_after("several-z-canary", entrance.namespace)
    publish(entrance, [canary(entrance, "several-a", of="several", canary_by_header="X-Younger")])
    entrance.settled(host, NEW, X_Older="always")
    entrance.settled(host, OLD, X_Younger="always")
    kube.delete("ingress", "several-z-canary", entrance.namespace)
    entrance.settled(host, NEW, X_Younger="always")
    entrance.settled(host, OLD, X_Older="always")


def a_second_after(name: str, namespace: str) -> None:
    """Ages are kept in whole seconds; wait until a new Ingress is younger than this one."""
    born = datetime.fromisoformat(kube.get("ingress", name, namespace)["metadata"]["creationTimestamp"])
    eventually("a second has passed", lambda: datetime.now(UTC) > born + timedelta(seconds=1), poll=0.1)


def test_a_canary_hangs_on_the_primarys_service(entrance: Entrance) -> None:
    """Other hosts and paths that use the Service are canaried too."""
    publish(
        entrance,
        [
            *primary(entrance, "hang", path_to("hang"), path_to("hang", "/a-rather-long-path")),
            ingress("hang-too", entrance.host("hang-too"), path_to("hang")),
            canary(entrance, "hang", canary_by_header="X-Canary"),
        ],
    )
    for name, path in [("hang", "/"), ("hang", "/a-rather-long-path"), ("hang-too", "/")]:
        entrance.settled(entrance.host(name), NEW, path=path, X_Canary="always")
        entrance.settled(entrance.host(name), OLD, path=path)


def test_of_three_hosts_canaries_before_one_service_the_youngest_is_in_force_on_all(entrance: Entrance) -> None:
    """Not the oldest: that rule is for canaries of the same host and path."""
    names = ["tri-a", "tri-c", "tri-b"]  # the youngest is neither first nor last in the alphabet
    publish(entrance, [service("tri", "old"), *(ingress(one, entrance.host(one), path_to("tri")) for one in names)])
    for one in names[:-1]:
        kube.apply([canary(entrance, one, canary_by_header=f"X-{one}")], entrance.namespace)
        a_second_after(f"{one}-canary", entrance.namespace)
    publish(entrance, [canary(entrance, names[-1], canary_by_header=f"X-{names[-1]}")])
    for one in names:
        entrance.settled(entrance.host(one), NEW, X_tri_b="always")
        entrance.settled(entrance.host(one), OLD, X_tri_a="always")
        entrance.settled(entrance.host(one), OLD, X_tri_c="always")


def test_a_canary_without_endpoints_is_ignored(entrance: Entrance) -> None:
    publish(
        entrance,
        [
            *primary(entrance, "empty"),
            service("empty-new", "nobody"),
            canary(entrance, "empty", path_to("empty-new"), canary_weight="100", canary_by_header="X-Canary"),
        ],
    )
    entrance.settled(entrance.host("empty"), OLD)
    entrance.settled(entrance.host("empty"), OLD, X_Canary="always")
    kube.apply([service("empty-new", "new")], entrance.namespace)
    entrance.settled(entrance.host("empty"), NEW)


def test_a_primary_without_endpoints_leaves_the_canary_to_the_header(entrance: Entrance) -> None:
    """nginx answers 503 to both."""
    host = entrance.host("deserted")
    publish(
        entrance,
        [
            service("deserted", "nobody"),
            ingress("deserted", host, path_to("deserted")),
            canary(entrance, "deserted", canary_by_header="X-Canary"),
        ],
    )
    entrance.settled(host, NEW, X_Canary="always")
    entrance.settled(host, "http 503")


def test_a_canary_equal_to_its_primary_changes_nothing(entrance: Entrance) -> None:
    host = entrance.host("same")
    notes = {"canary_weight": "50", "canary_by_header": "X-Canary"}
    publish(entrance, [*primary(entrance, "same"), canary(entrance, "same", path_to("same"), **notes)])
    entrance.settled(host, OLD)
    entrance.settled(host, OLD, X_Canary="always")


def test_a_canarys_service_may_be_a_primary_elsewhere(entrance: Entrance) -> None:
    """On nginx this breaks the canary (#9458)."""
    publish(
        entrance,
        [
            service("both", "new"),
            ingress("both", entrance.host("both"), path_to("both")),
            *primary(entrance, "uses-both"),
            canary(entrance, "uses-both", path_to("both"), canary_by_header="X-Canary"),
        ],
    )
    entrance.settled(entrance.host("both"), NEW)
    entrance.settled(entrance.host("uses-both"), NEW, X_Canary="always")
    entrance.settled(entrance.host("uses-both"), OLD)


def test_a_canary_with_only_a_default_backend_is_ignored(entrance: Entrance) -> None:
    backend = {"defaultBackend": {"service": {"name": "new", "port": {"number": 80}}}}
    bare = ingress("bare-canary", "", spec=backend, canary="true", canary_weight="100")
    publish(entrance, [*primary(entrance, "bare"), bare])
    entrance.settled(entrance.host("bare"), OLD)
    entrance.settled(entrance.host("nobody-has-this"), "http 404")


def test_a_canary_brings_only_its_canary_annotations(entrance: Entrance) -> None:
    """The rest is the primary's: here the Host that the application gets to see."""
    publish(
        entrance,
        [
            *primary(entrance, "notes", upstream_vhost="from-primary"),
            canary(entrance, "notes", canary_by_header="X-Canary", upstream_vhost="from-canary"),
        ],
    )
    host = entrance.host("notes")
    entrance.settled(host, NEW, X_Canary="always")
    assert entrance.ask(host).body["host"] == "from-primary"
    assert entrance.ask(host, X_Canary="always").body["host"] == "from-primary"


# ----------------------------------------------------------------------- priority is the length of the rule

LENGTHS = [("/api", NEW), ("/api-of-te", NEW), ("/api-of-tens", OLD), ("/api-of-tens-and-more", OLD)]
EXACT = [("exact-4", "/", "/foo", OLD), ("exact-same", "/info", "/info", OLD), ("exact-8", "/", "/foo-foo", NEW)]


@pytest.fixture(scope="module")
def lengths(entrance: Entrance) -> Entrance:
    """For each of LENGTHS a host with a canary of / and that path besides; for each of EXACT one without canary."""
    objects: list[Object] = []
    for path, _ in LENGTHS:
        name = f"length-{len(path)}"
        objects += primary(entrance, name, path_to(name), path_to(f"{name}-api", path))
        objects += [service(f"{name}-api", "old"), canary(entrance, name, canary_by_header="X-Canary")]
    for name, prefix, exact, _ in EXACT:
        objects += primary(entrance, name, path_to(name, prefix), path_to("new", exact, "Exact"))
    publish(entrance, objects)
    return entrance


@pytest.mark.parametrize(("path", "forced"), LENGTHS)
def test_a_canary_of_the_root_takes_short_paths_of_other_services(lengths: Entrance, path: str, forced: str) -> None:
    """traefik #13785: on nginx the path's own backend answers.

    The canary's rule is 78 characters long with this header, that of a path of n characters 56 + 2n. At n = 11
    they are equal, and the replicas may differ: nothing to test, and nothing to build upon.
    """
    host = lengths.host(f"length-{len(path)}")
    lengths.settled(host, NEW, X_Canary="always")
    lengths.settled(host, OLD, path=path)
    lengths.settled(host, forced, path=path, X_Canary="always")


@pytest.mark.parametrize(("name", "prefix", "exact", "wanted"), EXACT)
def test_exact_loses_to_a_prefix_with_a_longer_rule(
    lengths: Entrance, name: str, prefix: str, exact: str, wanted: str
) -> None:
    """No canary here. nginx takes Exact, whatever its length."""
    lengths.settled(lengths.host(name), OLD, path=f"{prefix.rstrip('/')}/more")
    lengths.settled(lengths.host(name), wanted, path=exact)


# --------------------------------------------------------------------------------------------- affinity

AFFINITY = {"affinity": "cookie", "session_cookie_name": "aff"}


@pytest.fixture(scope="module", params=["sticky", "legacy"])
def affine(request: pytest.FixtureRequest, entrance: Entrance) -> tuple[Entrance, str]:
    """A host with affinity, half of it canary. `affinity-canary-behavior: legacy` is read and not used."""
    name = f"affinity-{request.param}"
    notes = AFFINITY | {"affinity_canary_behavior": request.param}
    publish(
        entrance,
        [
            *primary(entrance, name, **notes),
            canary(entrance, name, canary_weight="50", canary_by_header="X-Canary"),
        ],
    )
    entrance.settled(entrance.host(name), "v1+v2")
    return entrance, entrance.host(name)


def cookies_from(entrance: Entrance, host: str, version: str, **request: str) -> dict[str, str]:
    """The cookies of an answer by this version."""
    return eventually(f"{host} answers as {version}", lambda: cookies_if(entrance, host, version, **request), poll=0)


def cookies_if(entrance: Entrance, host: str, version: str, **request: str) -> dict[str, str]:
    answer = entrance.ask(host, **request)
    return answer.cookies if answer.label == version else {}


def line_of(cookies: dict[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in cookies.items())


@pytest.mark.parametrize("version", [OLD, NEW])
def test_affinity_to_a_version_lives_in_the_second_cookie(affine: tuple[Entrance, str], version: str) -> None:
    """The first cookie, which has the name that was asked for, only chooses among the Pods of a version."""
    entrance, host = affine
    both = cookies_from(entrance, host, version)
    assert set(both) == {"aff", "aff-wrr"}
    assert entrance.who(host, cookie=line_of(both)) == version
    assert entrance.who(host, cookie=line_of({"aff-wrr": both["aff-wrr"]})) == version
    assert entrance.who(host, cookie=line_of({"aff": both["aff"]})) == "v1+v2"


def test_a_forced_canary_request_does_not_stick(affine: tuple[Entrance, str]) -> None:
    """On nginx it does. The choice lives in the second cookie, which only the weight sets."""
    entrance, host = affine
    forced = cookies_from(entrance, host, NEW, X_Canary="always")
    assert "aff-wrr" not in forced
    assert entrance.who(host, cookie=line_of(forced)) == "v1+v2"


def test_the_header_wins_over_affinity_to_the_primary(affine: tuple[Entrance, str]) -> None:
    """On nginx the client stays on the primary."""
    entrance, host = affine
    both = cookies_from(entrance, host, OLD)
    assert entrance.who(host, cookie=line_of(both)) == OLD
    assert entrance.who(host, cookie=line_of(both), X_Canary="always") == NEW


# ------------------------------------------------------------------------- an Ingress that is not taken

NOT_TAKEN: dict[str, tuple[dict[str, Any], Object]] = {
    # name: (what the Ingress has, the patch that mends it)
    "no-class": ({"ingress_class": None}, {"spec": {"ingressClassName": "nginx"}}),
    "other-class": ({"ingress_class": "alb"}, {"spec": {"ingressClassName": "nginx"}}),
    "snippet": (
        {"configuration_snippet": "more_set_headers 'X-Shop: open';"},
        {"metadata": {"annotations": {f"{ANNOTATION}configuration-snippet": None}}},
    ),
    "server-snippet": (
        {"server_snippet": "location /x { return 418; }"},
        {"metadata": {"annotations": {f"{ANNOTATION}server-snippet": None}}},
    ),
}


@pytest.mark.parametrize("name", NOT_TAKEN)
def test_an_ingress_is_skipped_until_it_is_mended(entrance: Entrance, name: str) -> None:
    faulty, cure = NOT_TAKEN[name]
    publish(
        entrance,
        [service(name, "old"), ingress(name, entrance.host(name), path_to(name), **faulty)],
    )
    entrance.settled(entrance.host(name), "http 404")
    kube.patch("ingress", name, cure, entrance.namespace)
    entrance.settled(entrance.host(name), OLD)


def test_a_snippet_on_the_canary_skips_the_canary_alone(entrance: Entrance) -> None:
    notes = {"canary_weight": "100", "configuration_snippet": "more_set_headers 'X-Shop: open';"}
    publish(entrance, pair(entrance, "canary-snippet", **notes))
    entrance.settled(entrance.host("canary-snippet"), OLD)
    kube.annotate(
        "ingress", "canary-snippet-canary", entrance.namespace, **{f"{ANNOTATION}configuration-snippet": None}
    )
    entrance.settled(entrance.host("canary-snippet"), NEW)


def test_a_regular_expression_that_is_typed_prefix_is_skipped(entrance: Entrance) -> None:
    notes = {"use_regex": "true"}
    expression = path_to("old", "/goods/[0-9]+")
    publish(entrance, [ingress("regex", entrance.host("regex"), expression, **notes)])
    entrance.settled(entrance.host("regex"), "http 404", path="/goods/7")
    expression["pathType"] = "ImplementationSpecific"
    kube.apply([ingress("regex", entrance.host("regex"), expression, **notes)], entrance.namespace)
    entrance.settled(entrance.host("regex"), OLD, path="/goods/7")
    entrance.settled(entrance.host("regex"), "http 404", path="/goods/x")


# ------------------------------------------------------------------------------------- other annotations


def test_mirror_annotations_do_nothing(entrance: Entrance) -> None:
    """Neither an error nor a second request: they are passed over in silence."""
    target = f"http://new.{entrance.namespace}.svc.cluster.local"
    publish(entrance, primary(entrance, "mirror", mirror_target=f"{target}$request_uri"))
    entrance.settled(entrance.host("mirror"), OLD, path="/to-be-mirrored")
    assert "/to-be-mirrored" in log_of("old", entrance.namespace)
    assert "/to-be-mirrored" not in log_of("new", entrance.namespace)


def log_of(app: str, namespace: str) -> str:
    return kube.logs(pods_of(app, namespace)[0]["metadata"]["name"], namespace)


def test_redirect_to_tls_is_308_where_it_is_asked_for(entrance: Entrance) -> None:
    host = entrance.host("tls")
    publish(
        entrance,
        [
            *primary(entrance, "forced", force_ssl_redirect="true"),
            *primary(entrance, "tls"),
            *primary(entrance, "no-redirect", ssl_redirect="false"),
        ],
    )
    entrance.settled(entrance.host("forced"), "http 308")
    entrance.settled(host, OLD)
    for name in ("tls", "no-redirect"):
        tls = {"spec": {"tls": [{"hosts": [entrance.host(name)]}]}}
        kube.patch("ingress", name, tls, entrance.namespace)
    entrance.take_in()
    entrance.settled(host, "http 308")
    entrance.settled(entrance.host("no-redirect"), OLD)


def test_too_many_requests_are_answered_429(entrance: Entrance) -> None:
    """nginx says 503. The burst is five times the rate, for each replica."""
    publish(entrance, primary(entrance, "rate", limit_rps="1"))
    entrance.settled(entrance.host("rate"), lambda seen: OLD in seen or "429" in seen)
    seen = entrance.traffic(entrance.host("rate"), n=60)
    assert set(seen.errors) == {"http 429"}, seen.summary()
    assert seen.ok < 20, seen.summary()


# ------------------------------------------------------------------------------------------- Gateway API

SCENARIO_1: list[tuple[str, Request, str]] = [
    ("gw", {}, OLD),
    ("gw", {"foo": "bar"}, NEW),
    ("gw", {"foo": "barista"}, OLD),
    ("gw", {"foo": "ba"}, OLD),
    ("gw", {"foo": "BAR"}, OLD),
    ("gw", {"a_foo": "bar"}, OLD),
    ("gw", {"cookie": "foo=bar"}, NEW),
    ("gw", {"cookie": "foo=bar; z=1"}, NEW),
    ("gw", {"cookie": "a=1; foo=bar; z=1"}, NEW),
    ("gw", {"cookie": "a=1; foo=bar"}, NEW),
    ("gw", {"cookie": "a=1;foo=bar"}, NEW),
    ("gw", {"cookie": "a-foo=bar"}, OLD),
    ("gw", {"cookie": "a=foo=bar"}, OLD),
    ("gw", {"cookie": "foo=barista"}, OLD),
    ("gw", {"cookie": "foo=ba"}, OLD),
    ("gw", {"cookie": "foo=always"}, OLD),
    ("gw", {"foo": "bar", "cookie": "foo=bar"}, NEW),
    ("gw", {"foo": "other", "cookie": "foo=bar"}, NEW),
    ("gw", {"foo": "bar", "cookie": "foo=other"}, NEW),
]


@pytest.fixture(scope="module")
def gateway(entrance: Entrance) -> Entrance:
    """Scenario 1 and 2 of section 2(c), word for word, and the priorities of section 1 again."""
    header = {"name": "foo", "value": "bar"}
    cookie = {"name": "Cookie", "type": "RegularExpression", "value": ROUTE_COOKIE}
    forced = {"name": "X-Canary", "value": "always"}
    publish(
        entrance,
        [
            route(
                "gw", entrance.host("gw"),
                rule([match(header), match(cookie)], {"new": None}), rule([match()], {"old": None}),
            ),
            route("gw-weight", entrance.host("gw-weight"), rule([match()], {"old": 80, "new": 20})),
            route(
                "gw-api", entrance.host("gw-api"),
                rule([match(forced)], {"new": None}), rule([match(path="/api")], {"old": None}),
            ),
        ],
    )  # fmt: skip
    return entrance


@pytest.mark.parametrize(("case", "request_", "wanted"), named(SCENARIO_1))
def test_scenario_1_on_an_httproute(gateway: Entrance, case: str, request_: Request, wanted: str) -> None:
    gateway.settled(gateway.host(case), wanted, **request_)


def test_scenario_2_on_an_httproute(gateway: Entrance) -> None:
    gateway.settled(gateway.host("gw-weight"), "v1+v2")
    assert_shares(gateway, gateway.host("gw-weight"), 0.2)


def test_on_an_httproute_the_path_comes_before_the_header(gateway: Entrance) -> None:
    """What #13785 gets wrong on an Ingress is right here."""
    gateway.settled(gateway.host("gw-api"), NEW, X_Canary="always")
    gateway.settled(gateway.host("gw-api"), OLD, path="/api", X_Canary="always")


def test_a_filter_that_is_not_supported_answers_500_and_reports_nothing(entrance: Entrance) -> None:
    mirrored = rule([match(path="/mirrored")], {"old": None})
    mirrored["filters"] = [
        {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "new", "port": 80}}},
    ]
    host = entrance.host("gw-mirror")
    publish(entrance, [route("gw-mirror", host, mirrored, rule([match()], {"old": None}))])
    entrance.settled(host, "http 500", path="/mirrored")
    entrance.settled(host, OLD)
    eventually("the route reports", lambda: verdicts("gw-mirror", entrance.namespace))
    assert verdicts("gw-mirror", entrance.namespace) == {"Accepted": "True", "ResolvedRefs": "True"}


def verdicts(name: str, namespace: str) -> dict[str, str]:
    """What the controller says of a route: condition -> "True" or "False"."""
    parents = kube.get("httproute", name, namespace).get("status", {}).get("parents", [])
    return {one["type"]: one["status"] for parent in parents for one in parent["conditions"]}
