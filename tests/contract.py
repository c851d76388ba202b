"""What kube's verbs promise, as cases that the real cluster and the tests' FakeCluster must both fulfil."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from acplab.base.errors import AcplabError

Case = Callable[[Any, str], Any]


def config(name: str, labels: dict[str, str] | None = None, **data: str) -> dict[str, Any]:
    metadata = {"name": name, **({"labels": labels} if labels else {})}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


STOCK = [
    config("apples", {"tier": "front", "kind": "fruit"}, n="3"),
    config("pears", {"tier": "front"}, n="5"),
    config("carrots", {"tier": "back"}, n="7"),
]


def named(found: list[dict[str, Any]]) -> list[str]:
    names = sorted(one["metadata"]["name"] for one in found)
    return [name for name in names if name != "kube-root-ca.crt"]


def actions(done: list[Any]) -> list[str]:
    return [repr(one) for one in done]


def sentence(call: Callable[[], Any]) -> str:
    try:
        call()
    except AcplabError as error:
        return error.sentence
    return "it was done"


def changed_copy(kube: Any, space: str) -> Any:
    kube.get("configmap", "apples", space)["data"]["n"] = "changed"
    kube.list("configmap", space)[0]["data"]["n"] = "changed"
    return [one["data"].get("n") for one in kube.list("configmap", space, "tier")]


def applied_thrice(kube: Any, space: str) -> list[str]:
    plums = [[config("plums", n="1")], [config("plums", n="1")], [config("plums", n="2")]]
    return [line for one in plums for line in actions(kube.apply(one, namespace=space))]


def patched(kube: Any, space: str) -> Any:
    return kube.patch("configmap", "pears", {"data": {"n": None, "m": "1"}}, space)["data"]


def deleted(kube: Any, space: str) -> Any:
    kube.delete("configmap", "carrots", space)
    kube.delete("configmap", "carrots", space)
    return kube.exists("configmap", "carrots", space), named(kube.list("configmap", space, "tier=back"))


# case -> (the call, what it gives); {space} stands for the namespace. They run in this order, on the same objects.
CASES: dict[str, tuple[Case, Any]] = {
    "one": (lambda kube, space: kube.get("configmap", "apples", space)["data"], {"n": "3"}),
    "its kind and version": (
        lambda kube, space: [kube.get("configmap", "apples", space)[key] for key in ("kind", "apiVersion")],
        ["ConfigMap", "v1"],
    ),
    "names of a kind": (
        lambda kube, space: [kube.exists(word, "apples", space) for word in ("ConfigMap", "configmaps", "cm")],
        [True, True, True],
    ),
    "one that is missing": (
        lambda kube, space: sentence(lambda: kube.get("configmap", "plums", space)),
        "ConfigMap plums not found in namespace {space}.",
    ),
    "found or not": (
        lambda kube, space: (kube.find("configmap", "plums", space), kube.exists("configmap", "plums", space)),
        (None, False),
    ),
    "all": (lambda kube, space: named(kube.list("configmap", space)), ["apples", "carrots", "pears"]),
    "a label": (lambda kube, space: named(kube.list("configmap", space, "tier=front")), ["apples", "pears"]),
    "two labels": (lambda kube, space: named(kube.list("configmap", space, "tier=front,kind=fruit")), ["apples"]),
    "a label that is there": (lambda kube, space: named(kube.list("configmap", space, "kind")), ["apples"]),
    "no such label": (lambda kube, space: kube.list("configmap", space, "tier=none"), []),
    "everywhere": (
        lambda kube, space: named(kube.list("configmap", "*", "kind=fruit"))[:1],
        ["apples"],
    ),
    "elsewhere": (lambda kube, space: kube.exists("configmap", "apples"), False),
    "a kind that there is not": (
        lambda kube, space: sentence(lambda: kube.list("typo", space)),
        "The server has no resource type typo.",
    ),
    "what is given is a copy": (changed_copy, ["3", "7", "5"]),
    "applied": (
        applied_thrice,
        ["configmap/plums created", "configmap/plums unchanged", "configmap/plums configured"],
    ),
    "patched": (patched, {"m": "1"}),
    "a patch of what is not there": (
        lambda kube, space: sentence(lambda: kube.patch("configmap", "cherries", {"data": {}}, space)),
        'configmaps "cherries" not found',
    ),
    "deleted, twice": (deleted, (False, [])),
}


def failures(kube: Any, space: str) -> dict[str, tuple[Any, Any]]:
    """Case -> (what it gave, what it should give), of the cases that are not fulfilled."""
    kube.apply(STOCK, namespace=space)
    wrong = {}
    for name, (call, wanted) in CASES.items():
        given = call(kube, space)
        wanted = wanted.replace("{space}", space) if isinstance(wanted, str) else wanted
        if given != wanted:
            wrong[name] = (given, wanted)
    return wrong
