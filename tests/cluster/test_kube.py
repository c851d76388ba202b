"""kubectl's verbs against the real cluster: what they do, and what they say when they cannot.

An error that comes early says what is wrong; the sentence of a wait that ran out of time says how long it
waited. So these tests look at the words, not at the clock.
"""

from __future__ import annotations

import re
import secrets
import time
from typing import Any

import contract
import pytest
from acplab import kube
from acplab.base.errors import AcplabError
from acplab.host import docker
from acplab.kube import client, containers, ingress

Object = dict[str, Any]

IMAGE = "docker.io/acplab/storefront:1.0.0"
RAN_OUT_OF_TIME = re.compile(r"(after|within) \d+ s")


def config(name: str, **data: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def shop(
    name: str = "shop", replicas: int = 1, image: str = IMAGE, env: dict[str, str] | None = None, **more
) -> Object:
    """A Deployment of storefronts. more: further keys of its container."""
    container = {
        "name": "storefront",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "env": [{"name": key, "value": value} for key, value in (env or {}).items()],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": 8080}, "periodSeconds": 1},
    }
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"terminationGracePeriodSeconds": 1, "containers": [container | more]},
            },
        },
    }


def failure(call) -> AcplabError:
    with pytest.raises(AcplabError) as told:
        call()
    assert told.value.remedy
    assert "\n" not in told.value.sentence
    return told.value


def pods(namespace: str, app: str = "shop") -> list[str]:
    found = kube.list("pod", namespace=namespace, selector=f"app={app}")
    return sorted(one["metadata"]["name"] for one in found if not one["metadata"].get("deletionTimestamp"))


@pytest.fixture(scope="module")
def running(cluster):
    """A namespace with a shop that runs; tests only look at it."""
    name = f"t-kube-{secrets.token_hex(3)}"
    kube.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}])
    kube.apply([shop(replicas=2)], namespace=name)
    kube.wait("deployment", "shop", namespace=name)
    yield name
    kube.delete("namespace", name, wait=False)


# --- apply ----------------------------------------------------------------------------------------------------------------


def test_created_unchanged_configured(namespace):
    for value, action in [("1", "created"), ("1", "unchanged"), ("2", "configured")]:
        (done,) = kube.apply([config("settings", a=value)], namespace=namespace)
        assert (done.kind, done.name, done.action) == ("ConfigMap", "settings", action)
    assert repr(done) == "configmap/settings configured"
    assert kube.get("configmap", "settings", namespace)["data"] == {"a": "2"}


def test_applying_again_while_it_rolls_out_changes_nothing(namespace):
    kube.apply([shop()], namespace=namespace)
    again = [kube.apply([shop()], namespace=namespace)[0].action for _ in range(8)]
    assert set(again) == {"unchanged"}


def test_a_field_that_is_left_out_goes(namespace):
    kube.apply([config("settings", a="1", b="2")], namespace=namespace)
    kube.apply([config("settings", a="1")], namespace=namespace)
    assert kube.get("configmap", "settings", namespace)["data"] == {"a": "1"}


def test_the_manifest_wins_over_a_patch_by_hand(namespace):
    kube.apply([config("settings", a="1")], namespace=namespace)
    kube.patch("configmap", "settings", {"data": {"a": "by hand"}}, namespace)
    kube.apply([config("settings", a="1")], namespace=namespace)
    assert kube.get("configmap", "settings", namespace)["data"] == {"a": "1"}


def test_a_folder(namespace, tmp_path):
    for name in ("10-one", "20-two"):
        (tmp_path / f"{name}.yaml").write_text(f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name[3:]}}}\n")
    assert [one.name for one in kube.apply(tmp_path, namespace=namespace)] == ["one", "two"]


def test_a_file_of_the_course(namespace):
    done = kube.apply("manifests/00-welcome/storefront.yaml", namespace=namespace)
    assert [(one.kind, one.action) for one in done] == [("Deployment", "created"), ("Service", "created")]


def test_values_fill_a_text(namespace):
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '${color}-settings'}\ndata: {dollar: $(HOME)}\n"
    assert kube.apply(text, namespace=namespace, color="blue")[0].name == "blue-settings"
    assert kube.get("configmap", "blue-settings", namespace)["data"] == {"dollar": "$(HOME)"}


def test_one_list_goes_to_two_namespaces(namespace, running):
    given = [config("travels")]
    kube.apply(given, namespace=running)
    kube.apply(given, namespace=namespace)
    assert kube.exists("configmap", "travels", namespace)


def test_an_object_that_was_got_changed_and_applied_again(namespace):
    kube.apply([shop()], namespace=namespace)
    kube.wait("deployment", "shop", namespace=namespace)
    got = kube.get("deployment", "shop", namespace)
    got["spec"]["replicas"] = 2
    assert kube.apply(got)[0].action == "configured"
    assert kube.wait("deployment", "shop", namespace=namespace)["status"]["readyReplicas"] == 2
    assert kube.apply(got)[0].action == "unchanged"  # also with the old resourceVersion


def test_a_list_as_kubectl_prints_it(namespace):
    kube.apply([config("one"), config("two")], namespace=namespace)
    found = {"apiVersion": "v1", "kind": "List", "items": kube.list("configmap", namespace)}
    found["items"] = [one for one in found["items"] if one["metadata"]["name"] != "kube-root-ca.crt"]
    assert [(one.name, one.action) for one in kube.apply(found)] == [("one", "unchanged"), ("two", "unchanged")]


def ingress_of(namespace: str, **annotations: str) -> Object:
    path = {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "shop", "port": {"number": 80}}}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "shop", "annotations": annotations},
        "spec": {
            "ingressClassName": "nginx",
            "rules": [{"host": f"{namespace}.example.com", "http": {"paths": [path]}}],
        },
    }


def test_an_annotation_that_is_not_read_here_is_named_and_applied(namespace):
    key = "nginx.ingress.kubernetes.io/service-weight"
    (done,) = kube.apply(ingress_of(namespace, **{key: "new-shop: 20, shop: 80"}), namespace)
    assert repr(done) == f"ingress/shop created (not read here: {key})"
    assert key in kube.get("ingress", "shop", namespace)["metadata"]["annotations"]


def test_the_annotations_that_are_read_are_those_in_the_controllers_binary(cluster):
    """Each field of Traefik's configuration names its annotation in a struct tag, which the binary keeps."""
    node = kube.list("pod", "ingress", "app=traefik")[0]["spec"]["nodeName"]
    tags = f"grep -aoE 'annotation:\"{ingress.NGINX}[a-z0-9-]+'"
    script = f"for one in /proc/[0-9]*/exe; do case $(readlink $one) in */traefik) {tags} $one; break;; esac; done"
    found = docker.run("exec", node, "sh", "-c", script)
    assert {line.removeprefix(f'annotation:"{ingress.NGINX}') for line in found.splitlines()} == ingress.KNOWN


# --- apply refuses, and nothing is half-made ---------------------------------------------------------------------------------


def nothing_was_made(namespace: str) -> bool:
    return [one["metadata"]["name"] for one in kube.list("configmap", namespace=namespace)] in (
        ["kube-root-ca.crt"],
        [],
    )


WRONG_VERSION = shop() | {"apiVersion": "extensions/v1beta1"}


@pytest.mark.parametrize("objects", [[WRONG_VERSION], [config("first"), WRONG_VERSION]], ids=["alone", "second"])
def test_a_wrong_api_version_names_the_right_one(namespace, objects):
    said = failure(lambda: kube.apply(objects, namespace=namespace))
    assert said.sentence == "Deployment has no apiVersion extensions/v1beta1 on this cluster."
    assert said.remedy == "Write apiVersion: apps/v1"
    assert nothing_was_made(namespace)


def test_a_wrong_api_version_of_a_kind_with_several(namespace):
    scaler = {"apiVersion": "autoscaling/v2beta2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "x"}}
    said = failure(lambda: kube.apply([scaler], namespace=namespace))
    assert said.remedy == "Write apiVersion: autoscaling/v1, autoscaling/v2"


def test_an_unknown_kind(namespace):
    objects = [config("first"), {"apiVersion": "v1", "kind": "Deploiment", "metadata": {"name": "x"}}]
    assert "no resource type Deploiment" in failure(lambda: kube.apply(objects, namespace=namespace)).sentence
    assert nothing_was_made(namespace)


SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "shop"}, "spec": {"ports": [{"port": 70000}]}}
UNKNOWN_FIELD = shop() | {"spec": shop()["spec"] | {"replica": 2}}
WRONG_TYPE = shop() | {"spec": shop()["spec"] | {"replicas": "two"}}
OTHER_LABELS = shop() | {"spec": shop()["spec"] | {"selector": {"matchLabels": {"app": "cart"}}}}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (SERVICE, ["Service shop", "spec.ports[0].port", "70000"]),
        (UNKNOWN_FIELD, ["Deployment shop", "replica"]),
        (WRONG_TYPE, ["Deployment shop", "replicas"]),
        (OTHER_LABELS, ["Deployment shop", "selector"]),
        (config("Capitals"), ["ConfigMap Capitals", "lowercase"]),
    ],
    ids=["value", "unknown-field", "type", "labels", "name"],
)
def test_an_invalid_field_is_named_and_leaves_nothing_half_made(namespace, wrong, words):
    said = failure(lambda: kube.apply([config("first"), wrong], namespace=namespace))
    assert not [word for word in words if word not in said.sentence]
    assert len(said.sentence) < 400
    assert "Correct the field" in said.remedy
    assert nothing_was_made(namespace)


def test_an_invalid_object_beside_a_new_namespace_leaves_nothing_half_made(namespace):
    other = f"{namespace}-b"
    objects = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": other}}, SERVICE]
    failure(lambda: kube.apply(objects, namespace=namespace))
    assert not kube.exists("namespace", other)


def test_a_namespace_that_is_not_there(cluster):
    said = failure(lambda: kube.apply([config("x")], namespace="t-nowhere"))
    assert 'namespaces "t-nowhere" not found' in said.sentence


def test_a_namespace_that_is_being_deleted(namespace):
    # A finalizer keeps it on its way out for as long as the test needs.
    held = config("held")
    held["metadata"]["finalizers"] = ["acplab.dev/test"]
    kube.apply([held], namespace=namespace)
    try:
        kube.delete("namespace", namespace, wait=False)
        said = failure(lambda: kube.apply([config("late")], namespace=namespace))
        assert "being terminated" in said.sentence
        assert "going away" in said.remedy
        waiting = failure(lambda: kube.wait("namespace", namespace))
        assert "being deleted" in waiting.sentence
    finally:
        kube.patch("configmap", "held", {"metadata": {"finalizers": None}}, namespace)


# --- get ----------------------------------------------------------------------------------------------------------------------


def test_one_and_all(running):
    one = kube.get("deployment", "shop", running)
    assert (one["kind"], one["apiVersion"], one["spec"]["replicas"]) == ("Deployment", "apps/v1", 2)
    (listed,) = kube.list("deployment", namespace=running)
    assert (listed["kind"], listed["apiVersion"]) == ("Deployment", "apps/v1")


@pytest.mark.parametrize("word", ["deployment", "deployments", "deploy", "Deployment", "DEPLOYMENT"])
def test_kinds_have_the_names_that_kubectl_knows(running, word):
    assert kube.exists(word, "shop", running)


@pytest.mark.parametrize("word", ["pod", "pods", "po"])
def test_pods_are_pods_and_not_their_metrics(running, word):
    assert {one["kind"] for one in kube.list(word, namespace=running)} == {"Pod"}
    assert {one["kind"] for one in kube.list("nodes")} == {"Node"}
    assert {one["apiVersion"] for one in kube.list("events", namespace=running)} == {"v1"}


def test_a_selector_and_everywhere(running):
    assert len(kube.list("pod", namespace=running, selector="app=shop")) == 2
    assert kube.list("pod", namespace=running, selector="app=none") == []
    assert {running, "kube-system"} <= {one["metadata"]["namespace"] for one in kube.list("pod", namespace="*")}


def test_a_missing_one_names_what_is_there(running):
    said = failure(lambda: kube.get("deployment", "shpo", running))
    assert said.sentence == f"Deployment shpo not found in namespace {running}."
    assert "there are: shop" in said.remedy
    assert not kube.exists("deployment", "shpo", running)


def test_where_there_is_none_at_all(namespace):
    assert "there is no Deployment at all" in failure(lambda: kube.get("deployment", "shop", namespace)).remedy


def test_what_has_no_namespace(cluster):
    said = failure(lambda: kube.get("node", "nosuch"))
    assert said.sentence == "Node nosuch not found."
    assert cluster.name in said.remedy


def test_an_unknown_kind_is_a_sentence(cluster):
    assert failure(lambda: kube.list("deploymnt")).sentence == "The server has no resource type deploymnt."


# --- waits that cannot succeed ------------------------------------------------------------------------------------------------------


def gave_up(namespace: str, *, kind: str = "deployment", name: str = "shop") -> AcplabError:
    """Why the wait ended. It names the object and its last event, and it did not wait for its end."""
    said = failure(lambda: kube.wait(kind, name, namespace=namespace, timeout=100))
    assert not RAN_OUT_OF_TIME.search(said.sentence), said
    assert said.sentence.lower().startswith(f"{kind} {name}: ")
    return said


def test_a_missing_image(namespace):
    kube.apply([shop(image="docker.io/acplab/nothing:9")], namespace=namespace)
    said = gave_up(namespace)
    assert "cannot get the image docker.io/acplab/nothing:9" in said.sentence
    assert "Last event: " in said.sentence
    assert "Correct the image's name" in said.remedy


def test_a_mistyped_image(namespace):
    kube.apply([shop(image="Storefront::1")], namespace=namespace)
    assert "InvalidImageName" in gave_up(namespace).sentence


def test_more_cpu_than_there_is(namespace):
    kube.apply([shop(resources={"requests": {"cpu": "1000"}})], namespace=namespace)
    said = gave_up(namespace)
    assert "is unschedulable" in said.sentence
    assert "Insufficient cpu" in said.sentence
    assert "Last event: " in said.sentence
    assert "Lower its requests" in said.remedy


def test_a_crash_loop_quotes_the_programs_last_words(namespace):
    kube.apply([shop(env={"ERROR_RATE": "7"})], namespace=namespace)
    said = gave_up(namespace)
    assert "is in CrashLoopBackOff (exit code 2)" in said.sentence
    assert 'ERROR_RATE must be a number from 0 to 1, not "7"' in said.sentence
    assert "Last event: Warning BackOff" in said.sentence
    pod = re.search(r"kube\.logs\('(shop-[^']+)'", said.remedy)
    assert "ERROR_RATE" in kube.logs(pod[1], namespace)


def test_a_command_that_is_not_in_the_image(namespace):
    kube.apply([shop(command=["/bin/sh"])], namespace=namespace)
    assert "/bin/sh" in gave_up(namespace).sentence


def test_a_missing_configmap(namespace):
    kube.apply([shop(envFrom=[{"configMapRef": {"name": "absent"}}])], namespace=namespace)
    said = gave_up(namespace)
    assert 'configmap "absent" not found' in said.sentence
    assert "ConfigMap" in said.remedy


def test_a_quota(namespace):
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
    kube.apply([quota], namespace=namespace)
    kube.wait("resourcequota", "none", lambda one: "hard" in one.get("status", {}), namespace)
    kube.apply([shop()], namespace=namespace)
    said = gave_up(namespace)
    assert "exceeded quota: none" in said.sentence
    assert "quota" in said.remedy


def test_deleted_meanwhile(namespace):
    kube.apply([shop(image="docker.io/acplab/nothing:9", replicas=0)], namespace=namespace)
    looks = []

    def delete_at_the_second_look(found: Object) -> bool:
        looks.append(found)
        if len(looks) == 2:
            kube.delete("deployment", "shop", namespace)
        return False

    said = failure(lambda: kube.wait("deployment", "shop", delete_at_the_second_look, namespace, timeout=100))
    assert said.sentence.startswith("Deployment shop: it was deleted meanwhile.")
    assert "Apply it again" in said.remedy


def test_a_pod_that_has_ended(namespace):
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "once"},
        "spec": {
            "restartPolicy": "Never",
            "containers": [
                shop(command=["storefront", "resolve", "no.such.name."])["spec"]["template"]["spec"]["containers"][0]
            ],
        },
    }
    kube.apply([pod], namespace=namespace)
    said = gave_up(namespace, kind="pod", name="once")
    assert "ended (Failed)" in said.sentence


def test_a_job_that_fails(namespace):
    container = {"name": "once", "image": IMAGE, "command": ["storefront", "resolve", "no.such.name."]}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    spec = {"backoffLimit": 0, "template": template}
    kube.apply([{"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "once"}, "spec": spec}], namespace)
    assert "backoff limit" in gave_up(namespace, kind="job", name="once").sentence


def test_an_init_container_that_fails_is_named_with_its_last_log_line_within_a_minute(namespace):
    began = time.monotonic()
    broken = shop()
    init = {"name": "prepare", "image": IMAGE, "command": ["storefront", "bogus"]}
    broken["spec"]["template"]["spec"]["initContainers"] = [init]
    kube.apply([broken], namespace=namespace)
    said = gave_up(namespace)
    assert time.monotonic() - began < 60
    assert "init container prepare is in CrashLoopBackOff (exit code 2)" in said.sentence
    assert 'unknown command "bogus"' in said.sentence
    assert "container='prepare'" in said.remedy


def test_a_paused_deployment_with_a_new_template(namespace):
    kube.apply([shop()], namespace=namespace)
    kube.wait("deployment", "shop", namespace=namespace)
    kube.patch("deployment", "shop", {"spec": {"paused": True}}, namespace)
    kube.scale("shop", 2, namespace)
    kube.wait("deployment", "shop", namespace=namespace)  # scaling goes on
    kube.restart("shop", namespace)
    said = gave_up(namespace)
    assert "it is paused" in said.sentence
    assert f"kubectl rollout resume deployment/shop -n {namespace}" in said.remedy
    kube.patch("deployment", "shop", {"spec": {"paused": None}}, namespace)
    kube.wait("deployment", "shop", namespace=namespace)


def claim(name: str, storage_class: str | None) -> Object:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    spec |= {"storageClassName": storage_class} if storage_class else {}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}


def test_a_claim_of_an_unknown_storage_class_and_one_without_a_pod(namespace):
    kube.apply([claim("essd", "alicloud-disk-essd"), claim("own", None)], namespace=namespace)
    unknown = gave_up(namespace, kind="persistentvolumeclaim", name="essd")
    assert "'alicloud-disk-essd' not found" in unknown.sentence
    assert "standard" in unknown.remedy
    assert "first consumer" in gave_up(namespace, kind="persistentvolumeclaim", name="own").sentence


def test_a_load_balancer_without_an_address(namespace):
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "shop"},
               "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}}  # fmt: skip
    kube.apply(service, namespace)
    assert "EXTERNAL-IP stays <pending>" in gave_up(namespace, kind="service").sentence


def test_what_was_never_applied_is_waited_for_and_said(namespace):
    said = failure(lambda: kube.wait("deployment", "shop", namespace=namespace, timeout=1))
    assert said.sentence == "Deployment shop: not found after 1 s."
    assert "Apply it first" in said.remedy


def test_what_runs_but_is_not_ready_is_said_when_the_time_is_over(namespace):
    probe = {"httpGet": {"path": "/nothing-here", "port": 9}, "periodSeconds": 1}
    kube.apply([shop(readinessProbe=probe)], namespace=namespace)
    said = failure(lambda: kube.wait("deployment", "shop", namespace=namespace, timeout=8))
    assert "is not ready after 8 s" in said.sentence
    assert "readinessProbe" in said.remedy


def test_a_corrected_manifest_is_not_judged_by_the_broken_pods(namespace):
    kube.apply([shop(image="docker.io/acplab/nothing:9")], namespace=namespace)
    gave_up(namespace)
    kube.apply([shop()], namespace=namespace)
    assert kube.wait("deployment", "shop", namespace=namespace)["status"]["readyReplicas"] == 1


def test_the_neighbours_events_are_not_ours(namespace):
    kube.apply([shop("shop", replicas=0), shop("shop-new", image="docker.io/acplab/nothing:9")], namespace=namespace)
    gave_up(namespace, name="shop-new")
    assert any("nothing:9" in line for line in kube.events("deployment", "shop-new", namespace))
    assert not any("nothing:9" in line for line in kube.events("deployment", "shop", namespace))


# --- changing what is there -----------------------------------------------------------------------------------------------------------


def test_delete_waits_until_it_is_gone(namespace):
    kube.apply([shop()], namespace=namespace)
    kube.wait("deployment", "shop", namespace=namespace)
    kube.delete("deployment", "shop", namespace)
    assert not kube.exists("deployment", "shop", namespace)
    assert pods(namespace) == []


def test_delete_of_what_is_not_there_does_nothing(namespace):
    kube.delete("deployment", "shop", namespace)


def test_delete_without_waiting(namespace):
    kube.apply([config("x")], namespace=namespace)
    kube.delete("configmap", "x", namespace, wait=False)
    kube.wait("configmap", "x", "deleted", namespace, timeout=10)


def test_patch_changes_only_what_it_names(namespace):
    kube.apply([config("settings", a="1", b="2", c="3")], namespace=namespace)
    after = kube.patch("configmap", "settings", {"data": {"a": "9", "b": None}}, namespace)
    assert after["data"] == {"a": "9", "c": "3"}


def test_patch_of_what_is_not_there(namespace):
    said = failure(lambda: kube.patch("deployment", "shop", {"spec": {"replicas": 1}}, namespace))
    assert '"shop" not found' in said.sentence
    assert "Check the name" in said.remedy


def test_a_patch_of_the_wrong_type_is_short_and_to_the_point(running):
    said = failure(lambda: kube.patch("deployment", "shop", {"spec": {"replicas": "two"}}, running))
    assert "spec.replicas" in said.sentence
    assert len(said.sentence) < 300


def test_scale_and_restart(namespace):
    kube.apply([shop()], namespace=namespace)
    kube.wait("deployment", "shop", namespace=namespace)
    kube.scale("shop", 2, namespace)
    assert kube.wait("deployment", "shop", namespace=namespace)["status"]["readyReplicas"] == 2
    before = pods(namespace)
    kube.restart("shop", namespace)
    kube.wait("deployment", "shop", namespace=namespace)
    assert len(pods(namespace)) == 2
    assert not set(before) & set(pods(namespace))


def test_annotate_and_label(namespace):
    kube.apply([config("x")], namespace=namespace)
    kube.annotate("configmap", "x", namespace, why="because")
    kube.label("configmap", "x", namespace, tier="front")
    metadata = kube.get("configmap", "x", namespace)["metadata"]
    assert (metadata["annotations"], metadata["labels"]) == ({"why": "because"}, {"tier": "front"})
    kube.label("configmap", "x", namespace, tier=None)
    assert not kube.get("configmap", "x", namespace)["metadata"].get("labels")


# --- exec and logs ------------------------------------------------------------------------------------------------------------------------


def test_exec_gives_the_output(running):
    answer = kube.exec(pods(running)[0], ["storefront", "get", "http://127.0.0.1:8080/where"], running)
    assert '"app":"storefront"' in answer.replace(" ", "")


def test_exec_takes_output_of_any_length(running):
    answer = kube.exec(pods(running)[0], ["storefront", "get", "-n", "300", "http://127.0.0.1:8080/"], running)
    assert answer.count("storefront") >= 300


def test_a_command_that_fails_is_quoted_with_its_code(running):
    said = failure(lambda: kube.exec(pods(running)[0], ["storefront", "bogus"], running))
    assert f"storefront in Pod {pods(running)[0]} ended with code 2: " in said.sentence
    assert 'unknown command "bogus"' in said.sentence


@pytest.mark.parametrize("program", ["sh", "/bin/nothing"])
def test_a_command_that_the_image_does_not_have(running, program):
    said = failure(lambda: kube.exec(pods(running)[0], [program, "-c", "ls"], running))
    assert f"{program} could not be run" in said.sentence
    assert "no shell" in said.remedy


def test_exec_in_a_pod_that_is_not_there_names_those_that_are(running):
    said = failure(lambda: kube.exec("absent", ["storefront"], running))
    assert said.sentence == f"Pod absent not found in namespace {running}."
    assert pods(running)[0] in said.remedy


def test_exec_in_a_container_that_is_not_there(running):
    said = failure(lambda: kube.exec(pods(running)[0], ["storefront"], running, container="sidecar"))
    assert "sidecar" in said.sentence


def test_a_command_that_does_not_end_is_given_up(namespace, monkeypatch):
    kube.apply([shop(env={"LATENCY_MS": "5000"})], namespace=namespace)
    kube.wait("deployment", "shop", namespace=namespace)
    monkeypatch.setattr(containers, "EXEC_SECONDS", 1)
    slow = ["storefront", "get", "-timeout", "9s", "http://127.0.0.1:8080/"]
    said = failure(lambda: kube.exec(pods(namespace)[0], slow, namespace))
    assert "has not ended after 1 s" in said.sentence


def test_exec_goes_past_a_proxy_for_the_internet(running, monkeypatch):
    for name, value in {"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": ".corp.example"}.items():
        monkeypatch.setenv(name, value)
        monkeypatch.setenv(name.lower(), value)
    assert "storefront" in kube.exec(pods(running)[0], ["storefront", "get", "http://127.0.0.1:8080/"], running)


def test_after_an_exec_the_client_still_works(running):
    failure(lambda: kube.exec(pods(running)[0], ["sh"], running))
    assert kube.exists("deployment", "shop", running)


def test_logs(running):
    pod = pods(running)[0]
    kube.exec(pod, ["storefront", "get", "-n", "3", "http://127.0.0.1:8080/for-the-log"], running)
    assert kube.logs(pod, running).count("/for-the-log") == 3
    assert len(kube.logs(pod, running, tail=1).splitlines()) == 1
    assert kube.logs(pod, running, container="storefront")


def test_logs_of_a_pod_that_is_not_there(running):
    assert '"absent" not found' in failure(lambda: kube.logs("absent", running)).sentence


def test_logs_of_a_pod_that_has_not_started_point_to_its_events(namespace):
    kube.apply([shop(image="docker.io/acplab/nothing:9")], namespace=namespace)
    gave_up(namespace)
    said = failure(lambda: kube.logs(pods(namespace)[0], namespace))
    assert "waiting to start" in said.sentence
    assert "kube.events" in said.remedy


# --- events and kinds -----------------------------------------------------------------------------------------------------------------------


def test_events_of_a_deployment_tell_its_pods_story_too(running):
    told = kube.events("deployment", "shop", running)
    reasons = [line.split()[1].rstrip(":") for line in told]
    assert {"ScalingReplicaSet", "SuccessfulCreate", "Scheduled", "Started"} <= set(reasons)
    assert reasons.index("Scheduled") < reasons.index("Started")


def test_events_of_one_pod_are_its_own(running):
    first, second = pods(running)
    told = kube.events("pod", first, running)
    assert any("Started" in line for line in told)
    assert not any(second in line for line in told)


def test_events_of_nothing(namespace):
    assert kube.events("deployment", "shop", namespace) == []


def test_api_resources(cluster):
    known = dict(kube.api_resources())
    assert known["Deployment"] is True
    assert known["Namespace"] is False
    assert known["HTTPRoute"] is True
    assert "DeploymentList" not in known
    assert "TokenReview" not in known


def test_a_kind_that_comes_and_goes_with_its_definition(namespace):
    group = f"{namespace}.acplab.dev"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"teas.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "versions": [version],
            "names": {"kind": "Tea", "plural": "teas"},
        },
    }
    tea = {"apiVersion": f"{group}/v1", "kind": "Tea", "metadata": {"name": "oolong"}, "spec": {"hot": True}}
    said = failure(lambda: kube.apply([tea], namespace=namespace))
    assert "no resource type Tea" in said.sentence
    try:
        kube.apply([definition])
        established = [("Established", "True")]
        kube.wait(
            "crd",
            f"teas.{group}",
            lambda one: (
                established[0] in [(c["type"], c["status"]) for c in one.get("status", {}).get("conditions", [])]
            ),
        )
        client.invalidate_discovery()
        assert kube.apply([tea], namespace=namespace)[0].action == "created"
        assert kube.get("tea", "oolong", namespace)["spec"] == {"hot": True}
    finally:
        kube.delete("crd", f"teas.{group}")
        client.invalidate_discovery()
    assert not kube.exists("crd", f"teas.{group}")


def test_kube_keeps_the_contract_that_the_fake_cluster_is_held_to(namespace):
    assert contract.failures(kube, namespace) == {}
