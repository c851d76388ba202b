"""Namespaces that belong to a lab or a chapter. One that does not carry our label is never touched."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from acplab import kube
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.cluster.platform import LABEL as ADDED
from acplab.course import outside, store
from acplab.kube import Object, client

LAB, CHAPTER = "acplab.dev/lab", "acplab.dev/chapter"
EVERYWHERE = "*"
GONE_SECONDS, TOUCH_SECONDS = 90, 6  # the controller of namespaces heeds a touch 5 s later
TOUCHED = "acplab.dev/touched"  # an annotation: how often somebody has waited for its end in vain
READY = "acplab.dev/ready"  # an annotation: set up to the end, so that an interrupted start is noticed
UNDOES = "acplab.dev/undoes"  # an annotation of a Pod: what it undoes when it ends, for which it gets its grace period

# What a learner would recognise; the rest (Endpoints, ReplicaSets, ...) follows from it.
_WORTH_SAYING = (
    "deployment",
    "statefulset",
    "daemonset",
    "job",
    "cronjob",
    "pod",
    "service",
    "ingress",
    "httproute",
    "configmap",
    "secret",
    "persistentvolumeclaim",
    "horizontalpodautoscaler",
    "poddisruptionbudget",
    "networkpolicy",
)

# These change by themselves, or follow from other objects a little later.
_RESTLESS = (
    "event",
    "lease",
    "endpoints",
    "endpointslice",
    "podmetrics",
    "nodemetrics",
    "certificatesigningrequest",
    "ipaddress",
    "componentstatus",
)


@dataclass(frozen=True)
class LabNamespace:
    """A namespace and the label (key and value) that proves it is ours.

    topics: those that may have changed something outside of it, which goes with it.
    """

    name: str
    label: str
    owner: str
    topics: tuple[str, ...] = ()

    def look(self) -> Object | None:
        """The namespace, None if there is none; AcplabError if somebody else's has that name."""
        found = kube.find("namespace", self.name)
        if found is None or (found["metadata"].get("labels") or {}).get(self.label) == self.owner:
            return found
        raise AcplabError(
            _("The namespace {name} exists but is not ours: it has no label {label}={owner}.").format(
                name=self.name, label=self.label, owner=self.owner
            ),
            _("Nothing was touched. Rename or remove that namespace yourself if you can spare it."),
        )

    def ready(self) -> bool:
        """It is there, ours, set up to the end and not on its way out."""
        found = self.look()
        if found is None or _leaving(found):
            return False
        return READY in (found["metadata"].get("annotations") or {})

    def make(self) -> None:
        """Create it, or take up our own; one that is on its way out is waited for."""
        found = self.look()
        if found is not None and _leaving(found):
            self._wait_gone()
        kube.apply([self._manifest()])

    def mark_ready(self) -> None:
        """Note that everything in it is set up."""
        kube.patch("namespace", self.name, {"metadata": {"annotations": {READY: "true"}}}, None)

    def remove(self) -> str:
        """Delete it with all that is in it, and what its topics have outside; wait until it is gone, and say what that was."""
        said = [self._remove()]
        if undone := outside.clean(self.topics):  # even without a namespace: a kill may have come between the two
            said.append(_("Undone outside of it: {what}.").format(what=", ".join(undone)))
        return " ".join(said)

    def _remove(self) -> str:
        if self.look() is None:
            return _("There is no namespace {name}; nothing to remove.").format(name=self.name)
        contents = self._contents()
        self.discard()
        self._kill_pods()
        self._wait_gone()
        return _("Removed the namespace {name} with {contents}.").format(name=self.name, contents=contents)

    def _wait_gone(self) -> None:
        """Wait, and touch it while it stays: the controller that empties namespaces asks each API what it has.

        If one is away, as that of the metrics after a drain, it tries again minutes later, or when something changes. If
        it met a Pod, it looks again after half of that Pod's grace period, though we have killed it.
        """
        for number in range(GONE_SECONDS // TOUCH_SECONDS):
            with suppress(AcplabError):
                kube.wait("namespace", self.name, "deleted", timeout=TOUCH_SECONDS)
                return
            with suppress(client.Refused):  # it may go just now
                kube.patch("namespace", self.name, {"metadata": {"annotations": {TOUCHED: str(number)}}}, None)
        kube.wait("namespace", self.name, "deleted", timeout=TOUCH_SECONDS)

    def discard(self) -> None:
        """Begin to delete it, without waiting."""
        if self.look() is not None:
            kube.delete("namespace", self.name, None, wait=False)

    def _kill_pods(self) -> None:
        # Nobody needs an orderly end of these, and one Pod that drains for 30 s would hold up a reset.
        # Only once the namespace is on its way out: before that their Deployments would replace them.
        for pod in kube.list("pod", self.name):
            if UNDOES not in (pod["metadata"].get("annotations") or {}):
                kube.delete("pod", pod["metadata"]["name"], self.name, wait=False, grace=0)

    def _manifest(self) -> Object:
        labels = {self.label: self.owner}
        return {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": self.name, "labels": labels},
        }

    def _contents(self) -> str:
        counts = Counter(
            kind.lower()
            for kind, namespaced in kube.api_resources()
            if namespaced and kind.lower() in _WORTH_SAYING
            for found in kube.list(kind, self.name)
            if found["metadata"]["name"] != "kube-root-ca.crt"
        )
        said = [f"{counts[kind]} x {kind}" for kind in _WORTH_SAYING if counts[kind]]
        return ", ".join(said) or _("nothing in it")


@dataclass(frozen=True)
class NoCluster:
    """In place of a namespace for a lab that needs no cluster: what there is of it is in the learner's record."""

    lab: str

    def ready(self) -> bool:
        """Whether the lab has begun."""
        return store.begun(self.lab) is not None

    def make(self) -> None:
        """Nothing has to be made."""

    def mark_ready(self) -> None:
        """store.begin() has done it."""

    def remove(self) -> str:
        """There is nothing to remove, and that is said."""
        return _("The lab {lab} has nothing in a cluster.").format(lab=self.lab)

    def discard(self) -> None:
        """Nothing has to be removed."""


def _leaving(namespace: Object) -> bool:
    return "deletionTimestamp" in namespace["metadata"]


def inventory() -> set[str]:
    """ "kind/namespace/name" of all that the cluster holds, "kind//name" for what has no namespace.

    Left out is what changes by itself: events, leases, endpoints, metrics, bootstrap tokens that expire, and the Pods
    and ReplicaSets of namespaces that are not a lab's or a chapter's; also kinds that the course has added, since another
    lab may have it add one at any time, and the cluster keeps it.
    """
    ours = _our_namespaces()
    return {
        line
        for kind, namespaced in kube.api_resources()
        if kind.lower() not in _RESTLESS
        for found in kube.list(kind, EVERYWHERE)
        if (line := _line(kind.lower(), namespaced, found, ours))
    }


def _our_namespaces() -> set[str]:
    found = [namespace["metadata"] for namespace in kube.list("namespace")]
    return {one["name"] for one in found if {LAB, CHAPTER} & (one.get("labels") or {}).keys()}


def _line(kind: str, namespaced: bool, found: Object, ours: set[str]) -> str | None:
    name = found["metadata"]["name"]
    namespace = found["metadata"].get("namespace", "") if namespaced else ""
    if kind in ("pod", "replicaset", "controllerrevision") and namespace not in ours:
        return None
    if kind == "customresourcedefinition" and ADDED in (found["metadata"].get("labels") or {}):
        return None
    if kind == "secret" and name.startswith("bootstrap-token-"):
        return None
    return f"{kind}/{namespace}/{name}"


def apply_in(namespace: str, source: str | Path, values: dict[str, str]) -> list[kube.Applied]:
    """Apply in our namespace only: what lands elsewhere outlives the lab and may hit a stranger."""
    objects = kube.read_manifests(source, **values)
    for one in objects:
        elsewhere = one["metadata"].get("namespace", namespace)
        if elsewhere != namespace:
            raise AcplabError(
                _("{kind} {name} names the namespace {elsewhere}, but yours here is {namespace}.").format(
                    kind=one["kind"], name=one["metadata"]["name"], elsewhere=elsewhere, namespace=namespace
                ),
                _("Remove metadata.namespace from the manifest; nothing was applied."),
            )
    return kube.apply(objects, namespace=namespace)
