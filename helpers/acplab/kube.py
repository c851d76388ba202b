"""kubectl's verbs as Python calls: apply, get, wait, exec, logs, events, scale, patch, delete.

Objects are plain dicts, just as the API gives them. A call that cannot do what it says raises
AcplabError with a remedy. Every write first asks safety.py whether the cluster is ours.
"""

from __future__ import annotations

import copy
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from acplab import connection, paths, waiting
from acplab.connection import TIMEOUT, explaining, resource
from acplab.errors import AcplabError
from acplab.waiting import wait
from acplab.words import _

__all__ = [
    "Applied", "annotate", "api_resources", "apply", "delete", "events", "exec", "exists", "find", "get", "label", "logs",
    "patch", "read_manifests", "restart", "scale", "wait",
]  # fmt: skip

MANAGER = "acplab"
EXEC_SECONDS = 60
ERROR_CHANNEL = 3  # of an exec's websocket: how the command ended
Object = dict[str, Any]


@dataclass(frozen=True)
class Applied:
    """What apply() did to one object. action: "created", "configured" or "unchanged"."""

    kind: str
    name: str
    action: str

    def __repr__(self) -> str:
        return f"{self.kind.lower()}/{self.name} {self.action}"


def apply(source: str | Path | list[Object], namespace: str | None = None, **values: str) -> list[Applied]:
    """Server-side apply of manifests.

    source: a file or folder (relative ones: to the checkout), YAML text, or a list of dicts.
    namespace: for namespaced objects that name none. values: fill ${name} in the text.
    All objects are checked before the first is written, so a bad manifest changes nothing.
    """
    objects = read_manifests(source, **values)
    kinds = [resource(one["kind"], one["apiVersion"]) for one in objects]
    for one, kind in zip(objects, kinds, strict=True):
        if kind.namespaced:
            one["metadata"].setdefault("namespace", namespace or "default")
    connection.guard()
    for one, kind in zip(objects, kinds, strict=True):
        if _can_be_tried(one, objects):
            _server_side_apply(one, kind, dry_run=True)
    done = [_apply_one(one, kind) for one, kind in zip(objects, kinds, strict=True)]
    if any(one["kind"] == "CustomResourceDefinition" for one in objects):
        connection.forget_kinds()
    return done


def _can_be_tried(one: Object, objects: list[Object]) -> bool:
    """Whether a dry run can tell of this object: not if it needs a namespace or a kind of the same call."""
    made = {other["metadata"]["name"] for other in objects if other["kind"] == "Namespace"}
    kinds = any(other["kind"] == "CustomResourceDefinition" for other in objects)
    return not kinds and one["metadata"].get("namespace") not in made


def read_manifests(source: str | Path | list[Object], **values: str) -> list[Object]:
    """The objects of a file, a folder, a YAML text or a list, as dicts. AcplabError names the bad one."""
    if isinstance(source, list):
        found = [(one, _("the list")) for one in copy.deepcopy(source)]
    else:
        found = [(one, where) for text, where in _texts(source) for one in _parsed(text, where, values)]
    for one, where in found:
        _require_manifest(one, where)
    return [one for one, _where in found]


def _parsed(text: str, where: str, values: dict[str, str]) -> list[Any]:
    try:
        return [one for one in yaml.safe_load_all(_filled(text, values)) if one]
    except ValueError as error:
        raise AcplabError(
            _("{where} has a $ that is no ${{name}}: {error}.").format(where=where, error=error),
            _("Write $$ for a plain $, or apply the file without values."),
        ) from None
    except KeyError as missing:
        raise AcplabError(
            _("{where} needs a value for {name}.").format(where=where, name=missing), _("Pass it by name to apply().")
        ) from None
    except yaml.YAMLError as error:
        problem = " ".join(str(error).split())
        raise AcplabError(
            _("{where} is not YAML: {problem}").format(where=where, problem=problem),
            _("Mend that line; often it is the indentation."),
        ) from None


def _filled(text: str, values: dict[str, str]) -> str:
    # Only braces: Kubernetes' own $(NAME), shells and regular expressions use the dollar too.
    return re.sub(r"\$\{(\w+)\}", lambda found: str(values[found[1]]), text) if values else text


def _texts(source: str | Path) -> list[tuple[str, str]]:
    """(text, where it is from) of each file of the source."""
    if isinstance(source, str) and "\n" in source:
        return [(source, _("The text"))]
    path = Path(source) if Path(source).is_absolute() else paths.ROOT / source
    if path.is_dir():
        return [(file.read_text(encoding="utf-8"), str(file)) for file in sorted(path.glob("*.yaml"))]
    if path.is_file():
        return [(path.read_text(encoding="utf-8"), str(source))]
    raise AcplabError(
        _("There is no file or folder {path}.").format(path=path),
        _("Check the path; relative ones start at the course's folder."),
    )


def _require_manifest(one: Any, where: str) -> None:
    if not isinstance(one, dict):
        raise AcplabError(
            _("{where} holds something that is not an object: {text!r}").format(where=where, text=str(one)[:60]),
            _("Each document needs apiVersion, kind and metadata."),
        )
    absent = [key for key in ("apiVersion", "kind", "metadata") if not one.get(key)]
    if not absent and isinstance(one["metadata"], dict) and not one["metadata"].get("name"):
        absent = ["metadata.name"]
    if absent:
        raise AcplabError(
            _("An object in {where} has no {keys}.").format(where=where, keys=", ".join(absent)),
            _("Add it; every manifest starts with apiVersion, kind and metadata.name."),
        )
    _require_types(one, where)


def _require_types(one: Object, where: str) -> None:
    wrong = [key for key in ("apiVersion", "kind") if not isinstance(one[key], str)]
    if not isinstance(one["metadata"], dict):
        wrong.append("metadata")
    elif not isinstance(one["metadata"]["name"], str):
        wrong.append("metadata.name")
    if wrong:
        raise AcplabError(
            _("An object in {where} has a {key} of the wrong type.").format(where=where, key=wrong[0]),
            _("metadata is a mapping, the others are text; put a number such as 5 in quotes."),
        )


def _server_side_apply(one: Object, kind: Any, dry_run: bool = False) -> Object:
    # Force: in the lab the learner's file is the truth, even after a kube.patch by hand.
    query = {"dry_run": "All"} if dry_run else {}
    what = f"{kind.kind} {one['metadata']['name']}: "
    try:
        return explaining(
            lambda: connection.client()
            .server_side_apply(kind, body=one, name=one["metadata"]["name"], namespace=one["metadata"].get("namespace"),
                               field_manager=MANAGER, force_conflicts=True, _request_timeout=TIMEOUT, **query)
            .to_dict()
        )  # fmt: skip
    except connection.Refused as error:
        raise connection.Refused(what + error.sentence, error.remedy, error.status) from None


def _apply_one(one: Object, kind: Any) -> Applied:
    name, namespace = one["metadata"]["name"], one["metadata"].get("namespace")
    before = connection.find(kind, name, namespace)
    after = _server_side_apply(one, kind)
    same = before and _wanted(before) == _wanted(after)
    return Applied(kind.kind, name, "created" if not before else "unchanged" if same else "configured")


def _wanted(one: Object) -> Object:
    """The object without what controllers write into it at any time, also between two calls of ours."""
    metadata = {key: value for key, value in one["metadata"].items() if key not in ("resourceVersion", "managedFields")}
    return {key: value for key, value in one.items() if key != "status"} | {"metadata": metadata}


def _place(kind: Any, namespace: str | None) -> str | None:
    return (namespace or "default") if kind.namespaced else None


def get(kind: str, name: str | None = None, namespace: str | None = None, selector: str | None = None) -> Any:
    """One object (dict) if a name is given, else all of them (list of dicts; namespace "*": everywhere)."""
    known = resource(kind)
    if name is None:
        place = None if namespace == "*" else _place(known, namespace)
        return connection.items(known, place, selector)
    found = find(kind, name, namespace)
    if found is None:
        raise _missing(known, name, _place(known, namespace))
    return found


def find(kind: str, name: str, namespace: str | None = None) -> Object | None:
    """The object, or None if it isn't there."""
    known = resource(kind)
    return connection.find(known, name, _place(known, namespace))


def _missing(known: Any, name: str, namespace: str | None) -> AcplabError:
    others = [one["metadata"]["name"] for one in get(known.kind, namespace=namespace)]
    where = _(" in namespace {ns}").format(ns=namespace) if namespace else ""
    there = _("there: ") + ", ".join(others[:8]) if others else _("there is none at all")
    sentence = _("There is no {kind} {name}{where}.").format(kind=known.kind, name=name, where=where)
    return AcplabError(sentence, _("Check the name ({there}).").format(there=there))


def exists(kind: str, name: str, namespace: str | None = None) -> bool:
    """Whether the object is there."""
    return find(kind, name, namespace) is not None


def delete(kind: str, name: str, namespace: str | None = None, wait: bool = True, grace: int | None = None) -> None:
    """Delete an object; nothing happens if it isn't there. wait: until it is really gone (120 s at most).

    grace: seconds that a Pod gets to end; None leaves what its manifest says.
    """
    known = resource(kind)
    connection.guard()
    options = {"propagation_policy": "Foreground" if known.kind != "Namespace" else "Background"}
    if grace is not None:
        options["grace_period_seconds"] = grace  # type: ignore[assignment]
    try:
        explaining(
            lambda: connection.client().delete(
                known, name=name, namespace=_place(known, namespace), _request_timeout=TIMEOUT, **options
            )
        )
    except connection.Refused as error:
        if error.status != 404:
            raise
    if wait:
        waiting.wait(kind, name, "deleted", namespace, timeout=120)


def patch(kind: str, name: str, patch: Object, namespace: str | None = None) -> Object:
    """Merge patch: `patch` holds only the fields to change; None removes one. The object afterwards."""
    known = resource(kind)
    connection.guard()
    return explaining(
        lambda: connection.client()
        .patch(known, body=patch, name=name, namespace=_place(known, namespace), content_type="application/merge-patch+json",
               field_manager=MANAGER, _request_timeout=TIMEOUT)
        .to_dict()
    )  # fmt: skip


def scale(deployment: str, replicas: int, namespace: str | None = None) -> None:
    """Ask for so many Pods of a Deployment; wait(...) tells when they are there."""
    patch("deployment", deployment, {"spec": {"replicas": replicas}}, namespace)


def restart(deployment: str, namespace: str | None = None) -> None:
    """Replace a Deployment's Pods one by one, as `kubectl rollout restart` does."""
    from datetime import UTC, datetime

    stamp = {"kubectl.kubernetes.io/restartedAt": datetime.now(UTC).isoformat()}
    patch("deployment", deployment, {"spec": {"template": {"metadata": {"annotations": stamp}}}}, namespace)


def annotate(kind: str, name: str, namespace: str | None = None, **annotations: str | None) -> None:
    """Set annotations, or remove those that are None."""
    patch(kind, name, {"metadata": {"annotations": annotations}}, namespace)


def label(kind: str, name: str, namespace: str | None = None, **labels: str | None) -> None:
    """Set labels, or remove those that are None."""
    patch(kind, name, {"metadata": {"labels": labels}}, namespace)


def exec(pod: str, command: list[str], namespace: str | None = None, container: str | None = None) -> str:
    """The output of a command run in a Pod's container. AcplabError if it ends with another code than 0."""
    from kubernetes import client as library
    from kubernetes.stream import stream

    connection.guard()
    get("pod", pod, namespace)  # says which Pods there are, where the websocket would quote a handshake
    # A client of its own: stream() swaps the client's request function for a websocket while it runs.
    api = library.CoreV1Api(library.ApiClient(connection.client().client.configuration))
    options = {"container": container} if container else {}
    shell = explaining(
        lambda: stream(api.connect_get_namespaced_pod_exec, pod, namespace or "default", command=command, stdin=False,
                       stdout=True, stderr=True, tty=False, _preload_content=False, _request_timeout=60, **options)
    )  # fmt: skip
    shell.run_forever(timeout=EXEC_SECONDS)
    try:
        _require_ended(shell, command[0], pod)
        return shell.read_stdout() + shell.read_stderr()
    finally:
        shell.close()


def _require_ended(shell: Any, program: str, pod: str) -> None:
    """AcplabError unless the command has ended with code 0."""
    if shell.is_open():
        raise AcplabError(
            _("{program} in Pod {pod} has not ended after {s} s.").format(program=program, pod=pod, s=EXEC_SECONDS),
            _("Run something that ends by itself."),
        )
    status = json.loads(shell.read_channel(ERROR_CHANNEL) or "{}")
    if status.get("status") == "Success":
        return
    causes = (status.get("details") or {}).get("causes") or []
    code = next((one["message"] for one in causes if one.get("reason") == "ExitCode"), None)
    if code is None:
        why = str(status.get("message") or _("the connection broke")).rsplit("unable to start container process: ")[-1]
        raise AcplabError(
            _("{program} could not be run in Pod {pod}: {why}").format(program=program, pod=pod, why=why),
            _("Check the command; many images hold one program and no shell."),
        )
    last = (shell.read_stderr() or shell.read_stdout()).strip().splitlines()[-1:] or [_("no output")]
    raise AcplabError(
        _("{program} in Pod {pod} ended with code {code}: {last}").format(
            program=program, pod=pod, code=code, last=last[0]
        ),
        _("Look at kube.logs({pod!r}) and at what the command needs.").format(pod=pod),
    )


def logs(pod: str, namespace: str | None = None, tail: int | None = None, container: str | None = None) -> str:
    """What a Pod's container has written. tail: only the last so many lines."""
    from kubernetes import client as library

    api = library.CoreV1Api(connection.client().client)
    options: dict[str, Any] = {"tail_lines": tail} if tail else {}
    options |= {"container": container} if container else {}
    try:
        return explaining(
            lambda: api.read_namespaced_pod_log(pod, namespace or "default", _request_timeout=TIMEOUT, **options)
        )
    except connection.Refused as error:
        if error.status != 400:
            raise
        advice = _("Look at kube.events('pod', {pod!r}, namespace=...).").format(pod=pod)
        raise connection.Refused(error.sentence, advice, error.status) from None


def events(kind: str, name: str, namespace: str | None = None) -> list[str]:
    """What happened to an object, oldest first: "Warning Failed: image can't be pulled"."""
    return waiting.events_of(resource(kind).kind, name, namespace)


def api_resources() -> list[tuple[str, bool]]:
    """(kind, namespaced) of everything that can be listed on this cluster."""
    listable = [one for one in connection._resources() if "list" in (one.verbs or [])]
    return sorted({(one.kind, one.namespaced) for one in listable})
