"""What the tests of this folder share: storefronts to deploy, and an entrance to ask.

A change reaches the ingress controller up to 2 s later, and each of its two replicas for itself. So there
are two ways to wait here, and no fixed sleep: Entrance.take_in() until every replica knows what has been
applied, Entrance.settled() until a host answers as it should.
"""

from __future__ import annotations

import http.client
import itertools
import json
import re
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from acplab import cluster as clusters
from acplab import kube, measure

Object = dict[str, Any]

IMAGE = "docker.io/acplab/storefront:1.0.0"
ANNOTATION = "nginx.ingress.kubernetes.io/"
GATEWAY = {"name": "lab", "namespace": "ingress"}
CONNECTIONS = 14  # new ones: that all of them meet the same of two replicas happens once in 8000 times
PATIENCE = 8.0  # seconds: four times what Traefik waits between two reloads
POLL = 0.25


@contextmanager
def fresh_namespace(prefix: str) -> Iterator[str]:
    """A namespace for a whole file; its name is also part of the hosts, so that no two runs share one."""
    name = f"t-{prefix}-{secrets.token_hex(3)}"
    kube.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}])
    try:
        yield name
    finally:
        kube.delete("namespace", name, wait=False)


# ---------------------------------------------------------------------------------------------- manifests


def from_field(path: str) -> Object:
    return {"valueFrom": {"fieldRef": {"fieldPath": path}}}


def deployment(name: str, version: str, replicas: int = 1, spec: Object | None = None, **env: str) -> Object:
    """A storefront that is quick to get ready and to go. spec: more fields of the Pod's spec."""
    values = {"VERSION": version, "DRAIN_SECONDS": "0"} | env
    variables = [{"name": key, "value": value} for key, value in values.items()]
    variables += [
        {"name": "POD_NAME"} | from_field("metadata.name"),
        {"name": "NAMESPACE"} | from_field("metadata.namespace"),
        {"name": "NODE_NAME"} | from_field("spec.nodeName"),
        {"name": "ZONE"} | from_field("metadata.labels['topology.kubernetes.io/zone']"),
    ]
    container = {
        "name": "storefront",
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "env": variables,
        "ports": [{"name": "http", "containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
    }
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]} | (spec or {})}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template},
    }


def service(name: str, app: str | None) -> Object:
    """A Service on port 80 for the Pods of `app`; without one nobody fills in its endpoints."""
    spec: Object = {"ports": [{"name": "http", "port": 80, "targetPort": 8080}]}
    if app:
        spec["selector"] = {"app": app}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def selectorless(name: str, addresses: list[str]) -> list[Object]:
    """A Service whose endpoints are given by hand."""
    piece = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": f"{name}-1", "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
        "endpoints": [{"addresses": addresses, "conditions": {"ready": True}}],
    }
    return [service(name, None), piece]


def path_to(service_name: str, path: str = "/", kind: str = "Prefix") -> Object:
    return {"path": path, "pathType": kind, "backend": {"service": {"name": service_name, "port": {"number": 80}}}}


def ingress(
    name: str, host: str, *paths: Object, ingress_class: str | None = "nginx", spec: Object | None = None, **notes: str
) -> Object:
    """An Ingress of one host. notes: its annotations, with _ for - (canary_by_header="foo")."""
    body: Object = {"rules": [{"host": host, "http": {"paths": list(paths)}}]} if paths else {}
    if ingress_class:
        body["ingressClassName"] = ingress_class
    annotations = {ANNOTATION + key.replace("_", "-"): value for key, value in notes.items()}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": name, "annotations": annotations},
        "spec": body | (spec or {}),
    }


def route(name: str, host: str, *rules: Object) -> Object:
    """An HTTPRoute of one host at the shared Gateway."""
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": name},
        "spec": {"parentRefs": [GATEWAY], "hostnames": [host], "rules": list(rules)},
    }


def rule(matches: list[Object], backends: dict[str, int | None]) -> Object:
    """A rule of an HTTPRoute. matches: entries are OR; backends: Service -> weight (None: left out)."""
    references = [
        {"name": name, "port": 80} | ({} if weight is None else {"weight": weight}) for name, weight in backends.items()
    ]
    return {"matches": matches, "backendRefs": references}


def match(*headers: Object, path: str = "/") -> Object:
    """One way for a request to fit: the path and (AND) all these headers."""
    found: Object = {"path": {"type": "PathPrefix", "value": path}}
    return found | ({"headers": list(headers)} if headers else {})


# ------------------------------------------------------------------------------------------------ asking


@dataclass(frozen=True)
class Answer:
    """One answer.

    status: 0 if there was none; then version says why. version: "v1", or "?" if it wasn't a storefront.
    proxy: the Traefik Pod that passed the request on ("" if it answered itself).
    """

    status: int
    version: str
    headers: dict[str, str]
    body: Object = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """Who answered: "v1"; or, if it wasn't a storefront or it said no, "http 404"."""
        return self.version if self.status in (0, 200) else f"http {self.status}"

    @property
    def proxy(self) -> str:
        return self.body.get("headers", {}).get("X-Forwarded-Server", "")


class Entrance:
    """Requests to the test cluster's entrance on 127.0.0.1, and nowhere else."""

    def __init__(self, cluster: clusters.Cluster, namespace: str) -> None:
        self.url, self.port, self.namespace = cluster.ingress_url, cluster.ports["http"], namespace
        self._numbers = itertools.count(1)

    def host(self, name: str) -> str:
        return f"{name}.{self.namespace}.example.com"

    def ask(self, host: str, path: str = "/", cookie: str = "", method: str = "GET", **headers: str) -> Answer:
        """One request over a connection of its own, so that kube-proxy draws a replica anew.

        cookie: the Cookie header as it is sent ("a=1; foo=bar"). headers: with _ for - (X_Canary="always").
        """
        lines = {name.replace("_", "-"): value for name, value in headers.items()}
        lines |= {"Cookie": cookie} if cookie else {}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request(method, path, headers={"Host": host} | lines)
            response = connection.getresponse()
            return _answer(response, response.read())
        except OSError as fault:
            return Answer(0, type(fault).__name__, {})
        finally:
            connection.close()

    def who(self, host: str, **request: str) -> str:
        """Who answers there: "v1", or "v1+v2" if several do; over so many connections that each replica is met."""
        return "+".join(sorted({self.ask(host, **request).label for _ in range(CONNECTIONS)}))

    def settled(self, host: str, wanted: str | Callable[[str], bool], **request: str) -> str:
        """Wait until who() is as wanted, at most PATIENCE; fails with what it was instead."""
        fits = wanted if callable(wanted) else wanted.__eq__
        deadline, history = time.monotonic() + PATIENCE, []
        while not fits(seen := self.who(host, **request)):
            history.append(seen)
            assert time.monotonic() < deadline, self._unsettled(host, wanted, request, history)
            time.sleep(POLL)
        return seen

    def _unsettled(self, host: str, wanted: Any, request: dict[str, str], history: list[str]) -> str:
        seen = " then ".join(label for label, _ in itertools.groupby(history))
        return (
            f"{host} {request or ''} was answered by {seen} for {PATIENCE:.0f} s, wanted {wanted}. "
            f"Traefik says: {complaints(host.split('.')[0], self.namespace)}"
        )

    def take_in(self) -> None:
        """Wait until every replica of the ingress controller acts on what has been applied until now.

        An Ingress and an HTTPRoute, applied last, tell: a replica that serves them has also read what was
        written before. Without this a test of "it has no effect" passes before the effect could show.
        """
        name = f"witness-{next(self._numbers)}"
        hosts = [self.host(name), self.host(f"gw-{name}")]
        kube.apply(
            [ingress(name, hosts[0], path_to("old")), route(name, hosts[1], rule([match()], {"old": None}))],
            self.namespace,
        )
        for host in hosts:
            self._seen_by_all(host)

    def _seen_by_all(self, host: str) -> None:
        kube.wait("deployment", "traefik", namespace="ingress", timeout=30)
        missing, deadline = set(traefik_pods()), time.monotonic() + 2 * PATIENCE
        while missing:
            answer = self.ask(host)
            missing -= {answer.proxy}
            if missing and answer.status != 200:
                time.sleep(POLL)
            assert time.monotonic() < deadline, f"Not taken in by {missing}: {complaints('ERR')}"

    def traffic(self, host: str, n: int, **options: Any) -> measure.Traffic:
        """n requests, quickly and each over a new connection."""
        return measure.traffic(self.url, n=n, rate=200, host=host, keepalive=False, **options)


def _answer(response: http.client.HTTPResponse, body: bytes) -> Answer:
    headers = dict(response.getheaders())
    lines = [value for name, value in response.getheaders() if name.lower() == "set-cookie"]
    cookies = dict(line.split(";")[0].split("=", 1) for line in lines)
    try:
        read = json.loads(body)
    except ValueError:
        read = {}
    return Answer(response.status, headers.get("X-Storefront-Version", "?"), headers, read, cookies)


def by_proxy(seen: measure.Traffic) -> dict[str, Counter[str]]:
    """Traefik Pod -> version -> how many answers."""
    counts: dict[str, Counter[str]] = {}
    for sample in seen:
        headers = (sample.json() or {}).get("headers", {})
        counts.setdefault(headers.get("X-Forwarded-Server", "?"), Counter())[sample.version] += 1
    return counts


# ---------------------------------------------------------------------------------------------- the cluster


def traefik_pods() -> list[str]:
    """The replicas that get traffic."""
    pods = kube.list("pod", namespace="ingress", selector="app=traefik")
    return [pod["metadata"]["name"] for pod in pods if not pod["metadata"].get("deletionTimestamp")]


def complaints(*words: str) -> str:
    """The last different complaints of the ingress controller with all these words, without their colours."""
    lines = [line for pod in traefik_pods() for line in kube.logs(pod, "ingress", tail=500).splitlines()]
    plain = [re.sub(r"\x1b\[\d*m", "", line).partition(" ")[2] for line in lines]  # the time goes too
    # Both replicas write the status of every Ingress, and the second is told that it came too late.
    told = [line for line in plain if not line.startswith("INF ") and "updating ingress status" not in line]
    found = dict.fromkeys(line for line in told if all(word in line for word in words))
    return " | ".join(list(found)[-3:]) or "nothing about it"


def eventually(what: str, condition: Callable[[], Any], seconds: float = 20, poll: float = POLL) -> Any:
    """What condition() gives once that is true; fails naming `what` and what it gave last."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"Not so after {seconds:g} s: {what} (last: {found!r})"
        time.sleep(poll)
    return found


def pods_of(app: str, namespace: str) -> list[Object]:
    """Its Pods that are not on their way out."""
    found = kube.list("pod", namespace=namespace, selector=f"app={app}")
    return [pod for pod in found if not pod["metadata"].get("deletionTimestamp")]


def endpoints(service_name: str, namespace: str) -> list[str]:
    """The addresses of a Service's ready endpoints."""
    slices = kube.list("endpointslice", namespace=namespace, selector=f"kubernetes.io/service-name={service_name}")
    found = [one for piece in slices for one in piece.get("endpoints") or []]
    return sorted(one["addresses"][0] for one in found if one["conditions"].get("ready"))
