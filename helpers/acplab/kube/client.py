"""The one API client, and what the cluster's kinds are called.

The heavy client library is imported at the first call, not with this module.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.base.retry import retry_context
from acplab.kube import ownership

if TYPE_CHECKING:
    from kubernetes.dynamic import DynamicClient
    from kubernetes.dynamic.resource import Resource

# (connect, read) seconds: a paused node must not hang a notebook.
TIMEOUT = (5, 20)
KINDS_SECONDS = 10.0  # for a new group, which the API server lists a moment before its kinds
BUSY_TRIES = 12  # how often "not now" is taken for an answer that will change; about 15 s
_used: list[Path] = []
_visited: ContextVar[tuple[Path, ...]] = ContextVar("visited", default=())
_timeout: ContextVar[tuple[float, float]] = ContextVar("timeout", default=TIMEOUT)


def kubeconfig(profile: str = "small") -> Path:
    """Our own kubeconfig of a profile's cluster; ~/.kube/config is never read."""
    return paths.home() / "clusters" / profile / "kubeconfig"


def use(file: Path) -> None:
    """Let kube speak to the cluster of this kubeconfig from now on, except inside of a using() block."""
    _used[:] = [file]


@contextmanager
def using(file: Path) -> Iterator[None]:
    """Let kube speak to the cluster of this kubeconfig while the block runs, in this thread alone."""
    enter(file)
    try:
        yield
    finally:
        leave()


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Wait at most so long for each answer to a read while the block runs, in this thread alone."""
    before = _timeout.set((seconds, seconds))
    try:
        yield
    finally:
        _timeout.reset(before)


def enter(file: Path) -> None:
    """Begin a using() block, for what is a block itself."""
    _visited.set((*_visited.get(), file))


def leave() -> None:
    """End the innermost using() block."""
    _visited.set(_visited.get()[:-1])


def current() -> Path:
    """The kubeconfig in use: the one of the innermost block, else of the last use(), else the cluster small's."""
    return [*_used, *_visited.get()][-1] if _used or _visited.get() else kubeconfig()


def client() -> DynamicClient:
    """The dynamic client of the cluster in use."""
    file = current()
    if not file.exists():
        raise AcplabError(_("There is no cluster yet."), _("Run ./acplab start in a terminal."))
    return _client(file, file.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _client(file: Path, changed: int) -> DynamicClient:
    # `changed` makes a recreated cluster's kubeconfig be read again.
    import yaml
    from kubernetes import client as library
    from kubernetes import config
    from kubernetes.dynamic import DynamicClient

    settings = library.Configuration()
    try:
        config.load_kube_config(str(file), client_configuration=settings)
    except (config.ConfigException, ValueError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise AcplabError(
            _("The kubeconfig {file} cannot be read: {why}").format(file=file, why=" ".join(str(error).split())),
            _("Run ./acplab start; it recreates the cluster."),
        ) from None
    # The API server is on 127.0.0.1, and a proxy set for the Internet must not get it. The websocket of an exec takes
    # the environment's proxy unless another one is named here; that one is for no host.
    settings.proxy, settings.no_proxy = "http://proxy.invalid:1", "*"
    settings.retries = _retry_when_busy()
    key = hashlib.sha256(f"{settings.host}{changed}".encode()).hexdigest()[:12]
    cache_file = paths.home() / "discovery" / f"{key}-{os.getuid()}.json"
    cache_file.parent.mkdir(exist_ok=True)
    return translate_errors(lambda: DynamicClient(_patient(library.ApiClient(settings)), cache_file=str(cache_file)))


def _retry_when_busy() -> Any:
    """429 means "not now": nothing was done, so it is asked again after the seconds that the server names.

    So it is with a kind that has just been added. What does not answer at all is not asked again here; nor is an
    eviction, for which 429 is the answer of a PodDisruptionBudget.
    """
    from urllib3.exceptions import MaxRetryError
    from urllib3.util import Retry

    class Patience(Retry):
        def increment(self, method: Any = None, url: Any = None, **answer: Any) -> Any:  # type: ignore[override]
            if str(url).endswith("/eviction"):
                raise MaxRetryError(answer["_pool"], url)
            return super().increment(method, url, **answer)

    return Patience(total=None, connect=False, read=False, redirect=False, other=False, status=BUSY_TRIES,
                    status_forcelist=[429], allowed_methods=None, backoff_factor=0.1, backoff_max=2, raise_on_status=False)  # fmt: skip


def _patient(api: Any) -> Any:
    """Give the library's own requests, which read the kinds, a time limit too."""
    call = api.call_api

    def call_api(*request: Any, _request_timeout: Any = None, **options: Any) -> Any:
        return call(*request, _request_timeout=_request_timeout or TIMEOUT, **options)

    api.call_api = call_api
    return api


def translate_errors(call: Any) -> Any:
    """call(), with the library's exceptions turned into sentences with a remedy."""
    from kubernetes.client.exceptions import ApiException
    from kubernetes.dynamic.exceptions import DynamicApiError
    from urllib3.exceptions import HTTPError

    try:
        return call()
    except (DynamicApiError, ApiException) as error:
        # Without a status there was no answer: so the library tells of a handshake that broke off.
        if not error.status:
            raise _unreachable(str(error.reason).split("\n")[0]) from None
        raise refused(error.status, str(error.body), str(error.reason)) from None
    except (HTTPError, OSError) as error:
        raise _unreachable(type(error).__name__) from None


def _unreachable(kind: str) -> Unreachable:
    return Unreachable(
        _("The cluster's API server does not answer ({kind}).").format(kind=kind),
        _("Run ./acplab start: it finds out whether a node is paused or stopped, and repairs it."),
    )


class Unreachable(AcplabError):
    """The API server did not answer; the next time it may."""


class Refused(AcplabError):
    """The API server said no. status: the HTTP status code."""

    def __init__(self, sentence: str, remedy: str, status: int) -> None:
        super().__init__(sentence, remedy)
        self.status = status


def refused(status: int, body: str, reason: str) -> Refused:
    """The API server's own message, with what to do about a refusal of this kind."""
    import json

    try:
        message = json.loads(body).get("message") or reason
    except (ValueError, AttributeError):
        message = reason
    # Of a patch the server quotes the whole object before it says what is wrong with it.
    message = re.sub(r'Invalid value: "\{.*\}": ', "", str(message), flags=re.DOTALL).strip()
    if "failed to create typed patch object" in message:  # a mistyped field, for which the server blames itself
        status = 422
    remedies = {
        404: _("Check the name and the namespace."),
        409: _("It exists already, or has changed since it was read; look at it with kube.get and try again."),
        422: _("Correct the field that the message names, and apply again."),
        400: _("Correct the field that the message names, and apply again."),
        401: _("The kubeconfig is from another cluster; run ./acplab start."),
        403: _("The namespace may be going away, or a quota or policy forbids it; read the message."),
    }
    return Refused(message, remedies.get(status, _("Run ./acplab doctor.")), status)


def resource(kind: str, api_version: str | None = None) -> Resource:
    """What the cluster calls this kind. kind: Deployment, deployment, deployments, deploy, ...

    api_version: as in a manifest; None takes the version that the cluster prefers.
    """
    found = _known_as(kind)
    if not found:
        # The kinds are noted in a file; an add-on such as the metrics may have come since.
        invalidate_discovery()
        found = _known_as(kind)
    fitting = [one for one in found if api_version in (None, one.group_version)]
    if fitting:
        return min(fitting, key=_preference)
    if found:
        versions = ", ".join(sorted({one.group_version for one in found}))
        sentence = _("{kind} has no apiVersion {version} on this cluster.").format(kind=kind, version=api_version)
        raise AcplabError(sentence, _("Write apiVersion: {versions}").format(versions=versions))
    raise AcplabError(
        _("The server has no resource type {kind}.").format(kind=kind),
        _("Check the spelling; kinds of an add-on exist once its CRDs are applied."),
    )


def _known_as(kind: str) -> list[Resource]:
    return [one for one in _resources() if kind.lower() in _names(one)]


def _names(one: Resource) -> set[str]:
    return {one.kind.lower(), one.name.lower(), *(one.short_names or []), (one.singular_name or "").lower()}


def _preference(one: Resource) -> tuple[bool, bool]:
    # "events" is both v1 and events.k8s.io; the core group is what kubectl takes.
    return (one.group not in ("", None), not one.preferred)


def _resources() -> list[Resource]:
    from kubernetes.dynamic.exceptions import ResourceNotFoundError

    try:
        for attempt in retry_context(on=ResourceNotFoundError, attempts=None, timeout=KINDS_SECONDS, wait_max=1.0):
            with attempt:
                return translate_errors(_search)
    except ResourceNotFoundError:
        sentence = _("The API server lists a group of kinds and does not say which they are.")
        raise AcplabError(sentence, _("Try again in a moment, or look at: kubectl get apiservices")) from None
    raise AssertionError  # retry_context ends with a return or the last error


def _search() -> list[Resource]:
    from kubernetes.dynamic.resource import Resource

    return [one for one in client().resources.search() if type(one) is Resource and "/" not in one.name]


def find(kind: Resource, name: str, namespace: str | None) -> dict[str, Any] | None:
    """The object, or None if it isn't there."""
    try:
        return translate_errors(
            lambda: client().get(kind, name=name, namespace=namespace, _request_timeout=_timeout.get()).to_dict()
        )
    except Refused as error:
        if error.status == 404:
            return None
        raise


def items(kind: Resource, namespace: str | None = None, selector: str | None = None) -> list[dict[str, Any]]:
    """All objects of a kind, in one namespace or (None) everywhere."""
    query = {"label_selector": selector} if selector else {}
    found = translate_errors(
        lambda: client().get(kind, namespace=namespace, _request_timeout=_timeout.get(), **query).to_dict()
    )
    return [{"kind": kind.kind, "apiVersion": kind.group_version} | one for one in found["items"]]


def invalidate_discovery() -> None:
    """Read the cluster's kinds again, after CRDs have come or gone."""
    client().resources.invalidate_cache()


def require_own_cluster() -> None:
    """Raise AcplabError unless the cluster in use is one of ours. Called before every write."""
    ownership.refuse_foreign(items(resource("node")))
