"""What only a running virtual node can show: ECI's own settings, what kubectl and the HPA get from it, and its restart.

Every Pod is made at the beginning; then each test waits for what it asserts. The ConfigMaps are cluster-wide, as on ACK: the
profile chooses by the namespace's own label, and only sizes that nobody else wants are sold out.
"""

from __future__ import annotations

import json
import os
import pty
import secrets
import select
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from acplab import cluster as clusters
from acplab import kube
from acplab.cluster import eci
from acplab.host import docker, shell

CLUSTER = "eci"  # a lane with the chapter and its labs
IMAGE = "docker.io/acplab/storefront:1.0.0"
HUGE, HUGER = "52-96Gi", "64-128Gi"  # of these nobody else wants one
READY = {"httpGet": {"path": "/readyz", "port": 8080}, "periodSeconds": 1}
PREFIX = "k8s.aliyun.com/eci-"
# An hour is ten seconds: three minutes' notice are half a second.
FAST = {"price-share": "0.2", "speed": "360"}
PROTECTED = 10
LIMIT = "0.02"  # yuan an hour: a 0.25-0.5Gi costs 0.011 at the first price, and 0.050 when the market has risen
MANY = 10

Manifest = dict[str, Any]


def pod(name: str, *args: str, restart: str = "Always", **annotations: str) -> Manifest:
    resources = {"requests": {"cpu": "50m", "memory": "32Mi"}}
    container: Manifest = {"name": "main", "image": IMAGE, "imagePullPolicy": "IfNotPresent", "resources": resources}
    container |= {"args": [*args]} if args else {"readinessProbe": READY}
    noted = {PREFIX + key.replace("_", "-"): value for key, value in annotations.items()}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"alibabacloud.com/eci": "true", "app": name}, "annotations": noted},
        "spec": {"containers": [container], "restartPolicy": restart, "terminationGracePeriodSeconds": 1},
    }


def deployment(name: str) -> Manifest:
    template = pod(name)
    del template["metadata"]["name"]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": template["metadata"], "spec": template["spec"]},
        },
    }


def autoscaler(name: str) -> Manifest:
    target = {"type": "Utilization", "averageUtilization": 80}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "maxReplicas": 2,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        },
    }


def config(name: str, data: dict[str, str]) -> Manifest:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": eci.SYSTEM}, "data": data}


def profile(namespace: str) -> Manifest:
    """Two selectors match Pods of this namespace: both add, and the earlier one counts where both name a key."""
    here = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    first = {"annotations": {PREFIX + "use-specs": "1-2Gi"}}
    second = {"annotations": {PREFIX + "use-specs": "4-8Gi", PREFIX + "extra-ephemeral-storage": "20Gi"}}
    chosen = {"matchLabels": {"app": "profiled"}}
    selectors = [
        {"name": "here", "namespaceSelector": here, "objectSelector": chosen, "effect": first},
        {"name": "everybody", "namespaceSelector": here, "objectSelector": chosen, "effect": second},
    ]
    return config("eci-profile", {"vswitchIds": "vsw-one,vsw-two", "selectors": json.dumps(selectors)})


@dataclass
class Place:
    """A namespace on the cluster eci, which has the name `cluster` in Docker."""

    name: str
    cluster: str
    kubeconfig: Path

    def command(self, *words: str) -> list[str]:
        return [str(shell.kubectl()), "--namespace", self.name, *words]

    @property
    def env(self) -> dict[str, str]:
        return os.environ | shell.environment(self.kubeconfig)

    def kubectl(self, *words: str) -> str:
        """Its output, and what it says if it fails."""
        done = subprocess.run(self.command(*words), env=self.env, capture_output=True, text=True, timeout=60)
        return done.stdout + done.stderr

    def pod(self, name: str) -> Manifest:
        return kube.get("pod", name, self.name)

    def event(self, pod: str, reason: str, seconds: float = 30) -> str:
        return eventually(lambda: self._event(pod, reason), seconds)

    def _event(self, pod: str, reason: str) -> str | None:
        found = (one for one in kube.list("event", self.name) if one["involvedObject"]["name"] == pod)
        return next((one["message"] for one in found if one["reason"] == reason), None)

    def record(self, pod: str, wanted: str, seconds: float = 20) -> Manifest:
        """The ledger's record of a Pod, once it has the wanted field."""
        return eventually(lambda: self._record(pod, wanted), seconds)

    def _record(self, pod: str, wanted: str) -> Manifest | None:
        found = (one["spec"] for one in kube.list("ecirecord", self.name))
        return next((one for one in found if one["pod"] == pod and wanted in one), None)


def eventually(ask: Callable[[], Any], seconds: float) -> Any:
    """The first answer that is not empty; the last one after these seconds."""
    end = time.monotonic() + seconds
    while not (found := ask()) and time.monotonic() < end:
        time.sleep(0.5)
    return found


@pytest.fixture(scope="module", autouse=True)
def on_small() -> None:
    """Instead of conftest's: nothing here needs `small`."""


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with clusters.ensure(CLUSTER) as cluster:
        name = f"t-{secrets.token_hex(4)}"
        cache = {
            "apiVersion": "eci.alibabacloud.com/v1",
            "kind": "ImageCache",
            "metadata": {"name": name},
            "spec": {"images": [IMAGE]},
        }
        kube.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, cache])
        account = {"sold-out": HUGE, "quota-vcpu": "60"}
        try:
            kube.apply([profile(name), config("eci-account", account), config("eci-spot-market", FAST)])
            kube.apply([*pods(), deployment("scaled"), autoscaler("scaled")], namespace=name)
            yield Place(name, cluster.name, cluster.kubeconfig)
        finally:
            for one in ("eci-profile", "eci-account", "eci-spot-market"):
                kube.delete("configmap", one, eci.SYSTEM)
            kube.delete("imagecache", name)
            kube.delete("namespace", name, None, wait=False)


def pods() -> list[Manifest]:
    crashes = ("get", "http://127.0.0.1:1/")
    spot = {"spot_strategy": "SpotWithPriceLimit", "spot_price_limit": LIMIT}
    return [
        pod("web"),
        pod("crashing", *crashes),
        pod("spot", **spot),
        pod("spot-job", "resolve", "kubernetes.default", restart="Never", **spot),
        pod("profiled"),
        pod("two-sizes", use_specs=f"{HUGE},1-2Gi"),
        pod("sold-out", use_specs=HUGE),
        pod("too-large", use_specs=HUGER),
    ]


# --- spot: the market rises when the instances run ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def risen(place) -> Place:
    kube.wait("pod", "spot", namespace=place.name)
    eventually(lambda: place.pod("spot-job")["status"]["phase"] == "Succeeded", 30)
    kube.apply([config("eci-spot-market", FAST | {"price-share": "0.9"})])
    return place


def test_a_spot_instance_is_taken_back_after_a_notice(risen):
    assert "released in 500ms: the market price of" in risen.event("spot", "SpotToBeReleased")
    ended = risen.record("spot", "to")
    status = risen.pod("spot")["status"]
    assert (status["phase"], status["reason"], ended["reason"]) == ("Failed", "Expired", "Expired")
    assert ended["spotShare"] == 0.2
    assert ended["seconds"] >= PROTECTED


def test_a_spot_job_that_had_ended_is_left_alone(risen):
    ended = risen.record("spot-job", "to")
    assert (risen.pod("spot-job")["status"]["phase"], ended["reason"]) == ("Succeeded", "Succeeded")


def test_a_bid_below_the_market_is_refused(risen):
    kube.apply([pod("late", spot_strategy="SpotWithPriceLimit", spot_price_limit=LIMIT)], namespace=risen.name)
    assert risen.event("late", "ProviderCreateFailed").startswith("NoStock.Spot: the market price of")


# --- the profile and the account ---------------------------------------------------------------------------------------


def test_every_selector_of_the_profile_that_matches_adds_and_the_earlier_one_counts(place):
    allocated = place.event("profiled", "ECIAllocated")
    assert allocated == "ECI instance of size 1-2Gi with 50 GiB of ephemeral storage in vSwitch vsw-one"


def test_a_selector_leaves_other_pods_alone(place):
    assert "30 GiB of ephemeral storage in vSwitch vsw-one" in place.event("web", "ECIAllocated")


def test_a_size_that_is_sold_out_is_passed_over(place):
    assert place.record("two-sizes", "from")["size"] == "1-2Gi"


def test_without_another_size_a_pod_waits_and_its_event_says_why(place):
    assert place.event("sold-out", "ProviderCreateFailed") == f'NoStock: no spec of "{HUGE}" is in stock'
    assert place.pod("sold-out")["status"]["phase"] == "Pending"


def test_the_quota_counts_what_runs(place):
    assert "QuotaExceeded.vCPU" in place.event("too-large", "ProviderCreateFailed")


def test_the_record_of_a_cached_instance_says_so(place):
    kube.wait("imagecache", place.name, lambda one: one.get("status", {}).get("phase") == "Ready")
    kube.apply([pod("cached", image_cache="true")], namespace=place.name)
    assert place.record("cached", "from")["cached"] is True
    assert "cached" not in place.record("web", "from")


# --- kubectl -----------------------------------------------------------------------------------------------------------


def test_logs_of_the_attempt_before(place):
    eventually(lambda: "CrashLoopBackOff" in place.kubectl("get", "pod", "crashing"), 30)
    assert "127.0.0.1:1" in place.kubectl("logs", "crashing", "--previous")
    kube.wait("pod", "web", namespace=place.name)
    assert 'previous terminated container "main" not found' in place.kubectl("logs", "web", "--previous")


def test_logs_since(place):
    kube.wait("pod", "web", namespace=place.name)
    now = datetime.now(UTC) + timedelta(seconds=1)  # kubectl cuts off the fraction
    eventually(lambda: datetime.now(UTC) > now, 5)
    ask_web(place, "since")
    recent = place.kubectl("logs", "web", f"--since-time={now:%Y-%m-%dT%H:%M:%SZ}")
    assert "/since" in recent
    assert "starting" not in recent
    assert "starting" in place.kubectl("logs", "web", "--since=1h")
    assert eventually(lambda: "starting" not in place.kubectl("logs", "web", "--since=1s"), 30)


def ask_web(place: Place, path: str) -> None:
    """A request, which the shop writes into its log."""
    place.kubectl("exec", "web", "--", "storefront", "get", f"http://127.0.0.1:8080/{path}")


def in_terminal(command: list[str], env: dict[str, str]) -> tuple[str, int]:
    """What a terminal shows of a command, and its exit code."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=env, start_new_session=True)
    os.close(theirs)
    shown = b""
    try:
        while text := os.read(ours, 4096):
            shown += text
    except OSError:
        pass  # this is how the end of a terminal shows
    finally:
        os.close(ours)
    return shown.decode(), process.wait(timeout=30)


def test_exec_in_a_terminal(place):
    kube.wait("pod", "web", namespace=place.name)
    get = ("storefront", "get", "http://127.0.0.1:8080/")
    shown, code = in_terminal(place.command("exec", "-it", "web", "--", *get), place.env)
    assert shown.startswith("200 ")
    assert shown.endswith("\r\n")  # the container's terminal writes both
    assert code == 0
    assert "\r" not in place.kubectl("exec", "web", "--", *get)
    assert (
        in_terminal(place.command("exec", "-it", "web", "--", "storefront", "get", "http://127.0.0.1:1/"), place.env)[1]
        == 1
    )


def test_attach_shows_what_comes(place):
    kube.wait("pod", "web", namespace=place.name)
    process = subprocess.Popen(place.command("attach", "web"), env=place.env, stdout=subprocess.PIPE)
    assert process.stdout
    try:
        # It shows what comes once it is connected, so it is asked until it does.
        assert eventually(lambda: ask_web(place, "attached") or can_be_read(process.stdout), 45)
        assert b"/attached" in process.stdout.readline()
    finally:
        process.kill()


def can_be_read(stream: Any) -> bool:
    return bool(select.select([stream], [], [], 0)[0])


def test_top_and_autoscaler_see_the_pods(place):
    top = eventually(lambda: [one for one in place.kubectl("top", "pod").splitlines() if one.startswith("web ")], 60)
    assert top
    assert top[0].split()[2].endswith("Mi")
    assert eci.NODE in place.kubectl("top", "node")

    def active() -> list[Manifest]:
        status = kube.get("horizontalpodautoscaler", "scaled", place.name).get("status", {})
        return [
            one for one in status.get("conditions", []) if (one["type"], one["status"]) == ("ScalingActive", "True")
        ]

    assert eventually(active, 60)


# --- restart: the last test, since the program is away for a moment ------------------------------------------------------


def states(place: Place) -> dict[str, tuple[str, int]]:
    """Docker's container and the restarts of each Pod of the application."""
    found = [
        one["status"]["containerStatuses"][0] | one["metadata"] for one in kube.list("pod", place.name, "app=many")
    ]
    return {one["name"]: (one["containerID"], one["restartCount"]) for one in found}


def test_killed_with_pods_running_it_loses_and_doubles_none(place):
    many = [pod(f"many-{n}") for n in range(MANY)]
    for one in many:
        one["metadata"]["labels"]["app"] = "many"
    kube.apply(many[:-1], namespace=place.name)
    for one in many[:-1]:
        kube.wait("pod", one["metadata"]["name"], namespace=place.name)
    before = states(place)
    program = f"{place.cluster}-eci"
    docker.run("kill", program)
    kube.delete("pod", "many-0", place.name, wait=False)
    kube.apply(many[-1:], namespace=place.name)
    docker.run("start", program)
    kube.wait("pod", "many-0", "deleted", place.name)
    kube.wait("pod", f"many-{MANY - 1}", namespace=place.name)
    after = states(place)
    del before["many-0"], after[f"many-{MANY - 1}"]
    assert after == before
    assert "to" not in place.record("many-1", "from")
    place.record("many-0", "to")
    # Upstream takes the Pod from the API when its grace is over; on a busy machine its last container may need longer.
    assert eventually(lambda: containers(place, "many-0") == 0, 30)
    assert containers(place, "many-1") == 2  # the sandbox and its one container


def containers(place: Place, name: str) -> int:
    return len(docker.run("ps", "--all", "--quiet", "--filter", f"label=acplab.dev/pod={place.name}/{name}").split())
