"""The kubectl line that does what a call of kube does. Each can be pasted into JupyterLab's terminal.

The functions here have the arguments of the verbs of the same names; None means that kubectl has no such line.
"""

from __future__ import annotations

import builtins
import json
import shlex
from pathlib import Path
from typing import Any

import yaml

from acplab.base import paths
from acplab.kube import client, contexts
from acplab.kube.client import resource
from acplab.kube.manifests import Source, read_manifests

Object = dict[str, Any]
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
APPLY = ("apply", "--server-side", "--force-conflicts")
# What `kubectl wait` has to look at for "ready"; of any other kind it is enough that the object is there.
READY = {
    "Pod": "condition=Ready",
    "Node": "condition=Ready",
    "Job": "condition=Complete",
    "Gateway": "condition=Programmed",
    "GatewayClass": "condition=Accepted",
    "APIService": "condition=Available",
    "CustomResourceDefinition": "condition=Established",
    "PersistentVolumeClaim": "jsonpath={.status.phase}=Bound",
    "HTTPRoute": 'jsonpath={.status.parents[0].conditions[?(@.type=="Accepted")].status}=True',
    "GRPCRoute": 'jsonpath={.status.parents[0].conditions[?(@.type=="Accepted")].status}=True',
}


def get(kind: str, name: str, namespace: str | None = None) -> str:
    """Of kube.get."""
    return _line("get", kind, name, namespace)


def list(kind: str, namespace: str | None = None, selector: str | None = None) -> str:
    """Of kube.list."""
    return _line("get", kind, None, namespace, *(("-l", selector) if selector else ()))


def find(kind: str, name: str, namespace: str | None = None) -> str:
    """Of kube.find."""
    return _line("get", kind, name, namespace, "--ignore-not-found")


def exists(kind: str, name: str, namespace: str | None = None) -> str:
    """Of kube.exists: the name if it is there, else nothing."""
    return _line("get", kind, name, namespace, "--ignore-not-found", "-o", "name")


def apply(source: Source, namespace: str | None = None, **values: str) -> str | None:
    """Of kube.apply: of a file as it is; of text, dicts and filled values as a here-document."""
    return _applied(APPLY, source, namespace, values)


def dry_run(source: Source, namespace: str | None = None, **values: str) -> str | None:
    """Of kube.dry_run."""
    return _applied((*APPLY, "--dry-run=server", "-o", "yaml"), source, namespace, values)


def _applied(
    command: builtins.tuple[str, ...], source: Source, namespace: str | None, values: dict[str, str]
) -> str | None:
    objects = read_manifests(source, **values)
    if any(one["kind"] == "Secret" for one in objects) and not _is_file(source, values):
        return None  # what is secret is not for the screen
    named = {one["metadata"].get("namespace") for one in objects if resource(one["kind"], one["apiVersion"]).namespaced}
    if None in named and len(named) > 1:
        return None  # kubectl takes -n for all objects of a call, or for none
    place = ("-n", namespace or "default") if None in named else ()
    if _is_file(source, values):
        assert isinstance(source, str | Path)
        return _join(*command, "-f", _from_the_checkout(source), *place)
    return f"{_join(*command, '-f', '-', *place)} <<'EOF'\n{_text(objects)}EOF"


def _is_file(source: Source, values: dict[str, str]) -> bool:
    """Whether kubectl can read it as it is."""
    return isinstance(source, str | Path) and "\n" not in str(source) and not values


def _text(objects: builtins.list[Object]) -> str:
    return yaml.safe_dump_all(objects, sort_keys=False, allow_unicode=True)


def _from_the_checkout(source: str | Path) -> str:
    """The path as a terminal takes it whose folder is the course's."""
    path = Path(source) if Path(source).is_absolute() else paths.ROOT / source
    return str(path.relative_to(paths.ROOT) if path.is_relative_to(paths.ROOT) else path)


def temporarily(source: Source, **values: str) -> str | None:
    """Of kube.temporarily: how it begins. It ends with `kubectl delete -f`."""
    return apply(source, None, **values)


def extended_resource(node: str, name: str, units: int) -> str:
    """Of kube.extended_resource: how it begins, a patch of what only a kubelet writes otherwise."""
    numbers = {name: str(units)}
    patch = json.dumps({"status": {"capacity": numbers, "allocatable": numbers}})
    return _line("patch", "node", node, None, "--subresource=status", "--type", "merge", "-p", patch)


def delete(kind: str, name: str, namespace: str | None = None, wait: bool = True, grace: int | None = None) -> str:
    """Of kube.delete."""
    at_once = ("--grace-period=0", "--force") if grace == 0 else ()
    later = (f"--grace-period={grace}",) if grace else ()
    return _line("delete", kind, name, namespace, "--ignore-not-found", *at_once, *later,
                 *(() if wait else ("--wait=false",)))  # fmt: skip


def delete_files(sources: builtins.list[Path], namespace: str) -> str:
    """Of what removes the objects of manifests, without waiting for it."""
    files = [word for source in sources for word in ("-f", _from_the_checkout(source))]
    return _join("delete", *files, "-n", namespace, "--ignore-not-found", "--wait=false")


def patch(kind: str, name: str, patch: Object, namespace: str | None = None, status: bool = False) -> str:
    """Of kube.patch."""
    part = ("--subresource=status",) if status else ()
    return _line("patch", kind, name, namespace, *part, "--type", "merge", "-p", json.dumps(patch, ensure_ascii=False))


def scale(deployment: str, replicas: int, namespace: str | None = None) -> str:
    """Of kube.scale."""
    return _line("scale", "deployment", deployment, namespace, f"--replicas={replicas}")


def restart(deployment: str, namespace: str | None = None) -> str:
    """Of kube.restart."""
    return _line("rollout restart", "deployment", deployment, namespace)


def pause(deployment: str, namespace: str | None = None) -> str:
    """Of kube.pause."""
    return _line("rollout pause", "deployment", deployment, namespace)


def resume(deployment: str, namespace: str | None = None) -> str:
    """Of kube.resume."""
    return _line("rollout resume", "deployment", deployment, namespace)


def undo(deployment: str, namespace: str | None = None) -> str:
    """Of kube.undo."""
    return _line("rollout undo", "deployment", deployment, namespace)


def cordon(node: str) -> str:
    """Of kube.cordon."""
    return _join("cordon", node)


def uncordon(node: str) -> str:
    """Of kube.uncordon."""
    return _join("uncordon", node)


def drain(node: str, timeout: float = 120) -> str:
    """Of kube.drain."""
    return _join("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", f"--timeout={timeout:g}s")


def annotate(kind: str, name: str, namespace: str | None = None, **annotations: str | None) -> str:
    """Of kube.annotate."""
    return _line("annotate", kind, name, namespace, "--overwrite", *_pairs(annotations))


def label(kind: str, name: str, namespace: str | None = None, **labels: str | None) -> str:
    """Of kube.label."""
    return _line("label", kind, name, namespace, "--overwrite", *_pairs(labels))


def _pairs(values: dict[str, str | None]) -> builtins.list[str]:
    return [f"{key}-" if value is None else f"{key}={value}" for key, value in values.items()]


def wait(
    kind: str, name: str, condition: Any = "ready", namespace: str | None = None, timeout: float = 90
) -> str | None:
    """Of kube.wait; of a condition that is a function there is none."""
    limit = f"--timeout={timeout:.0f}s"
    if condition == "deleted":
        return _line("wait", kind, name, namespace, "--for=delete", limit)
    if condition != "ready":
        return None
    known = resource(kind)
    if known.kind in WORKLOADS:
        return _line("rollout status", kind, name, namespace, limit)
    return _line("wait", kind, name, namespace, f"--for={READY.get(known.kind, 'create')}", limit)


def events(kind: str, name: str, namespace: str | None = None) -> str:
    """Of kube.events; a workload's tell of its Pods too, which kubectl shows with those of the whole namespace."""
    known = resource(kind)
    place = _place(known, namespace) if known.namespaced else ["-A"]
    about = [] if known.kind in (*WORKLOADS, "Job") else ["--for", f"{_word(kind)}/{name}"]
    return _join("events", *about, *place)


def exec(pod: str, command: builtins.list[str], namespace: str | None = None, container: str | None = None) -> str:
    """Of kube.exec."""
    return _line("exec", None, pod, namespace, *(("-c", container) if container else ()), "--", *command)


def logs(pod: str, namespace: str | None = None, tail: int | None = None, container: str | None = None) -> str:
    """Of kube.logs."""
    last = (f"--tail={tail}",) if tail else ()
    return _line("logs", None, pod, namespace, *last, *(("-c", container) if container else ()))


def api_resources() -> str:
    """Of kube.api_resources."""
    return _join("api-resources", "--verbs=list")


def _line(verb: str, kind: str | None, name: str | None, namespace: str | None, *options: str) -> str:
    known = resource(kind or "pod")
    target = [*([_word(kind)] if kind else []), *([name] if name else [])]
    return _join(*verb.split(), *target, *_place(known, namespace), *options)


def _place(known: Any, namespace: str | None) -> builtins.list[str]:
    if not known.namespaced:
        return []
    return ["-A"] if namespace == "*" else ["-n", namespace or "default"]


def _word(kind: str) -> str:
    """What kubectl calls a kind in its own output: deployment, httproute; NodeMetrics is nodes.metrics.k8s.io to it."""
    known = resource(kind)
    word = known.kind.lower()
    return word if known.name.startswith(word[:-1]) else f"{known.name}.{known.group}"


def _join(verb: str, *words: str) -> str:
    profile = client.current().parent.name
    other = () if profile == contexts.opened().profile else ("--context", profile)
    return shlex.join(["kubectl", *other, verb, *words])
