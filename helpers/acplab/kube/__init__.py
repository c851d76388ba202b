"""kubectl's verbs as calls: get, list, apply, delete, patch, wait, exec, logs, events and their like."""

from acplab.kube.containers import exec, logs
from acplab.kube.draining import cordon, drain, uncordon
from acplab.kube.lending import extended_resource, temporarily
from acplab.kube.manifests import read_manifests
from acplab.kube.rolling import pause, resume, undo
from acplab.kube.showing import show_commands
from acplab.kube.verbs import (
    MACHINES,
    Applied,
    Object,
    Objects,
    annotate,
    api_resources,
    apply,
    delete,
    dry_run,
    events,
    exists,
    find,
    get,
    label,
    list,
    patch,
    restart,
    scale,
)
from acplab.kube.waiting import wait

__all__ = [
    "MACHINES", "Applied", "Object", "Objects", "annotate", "api_resources", "apply", "cordon", "delete", "drain",
    "dry_run", "events", "exec", "exists", "extended_resource", "find", "get", "label", "list", "logs", "patch", "pause",
    "read_manifests", "restart", "resume", "scale", "show_commands", "temporarily", "uncordon", "undo", "wait",
]  # fmt: skip
