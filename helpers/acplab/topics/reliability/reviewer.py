"""Gathers what a review reads: the objects of a namespace, or manifests that have not been applied."""

from __future__ import annotations

from pathlib import Path

from acplab import kube
from acplab.base import html
from acplab.base.errors import AcplabError
from acplab.base.i18n import _, ngettext
from acplab.topics.reliability.rules import Finding, counted, findings
from acplab.topics.reliability.workloads import ZONE, Object, workloads

KINDS = ("deployment", "statefulset", "pod", "poddisruptionbudget")


class Review:
    """findings: those that one fault suffices for first. read: how many workloads were looked at."""

    def __init__(self, what: str, found: list[Finding], read: int) -> None:
        self.what, self.read = what, read
        self.findings = sorted(found, key=lambda one: (one.weight != "outage", one.where))

    @property
    def title(self) -> str:
        """One line."""
        of = ngettext("{n} workload of {what}", "{n} workloads of {what}", self.read)
        return f"{of.format(n=self.read, what=self.what)}: {counted(self.findings)}"

    @property
    def text(self) -> str:
        """All findings in words."""
        lines = [self.title]
        for one in self.findings:
            mark = _("SINGLE POINT OF FAILURE") if one.weight == "outage" else _("risk")
            lines += [f"  {mark}  {one.where}: {one.evidence}", f"      {one.why}", f"      → {one.remedy}"]
        return "\n".join(lines)

    def rules(self, where: str | None = None) -> list[str]:
        """The names of the rules that found something (at one workload, "deployment/shop"), sorted."""
        return sorted({one.rule for one in self.findings if where in (None, one.where)})

    def html(self) -> str:
        """The same for a notebook."""
        kind = "bad" if any(one.weight == "outage" for one in self.findings) else "note" if self.findings else "good"
        rows = [(f"{one.where}: {one.evidence}", f"{one.why} → {one.remedy}") for one in self.findings]
        return html.card(kind, self.title, html.pairs(rows))

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, str]:
        return html.bundle(self.html(), self.text)


def review(what: str | Path) -> Review:
    """Review a namespace, or a file or folder of manifests (a path, or a name with a slash or an ending).

    AcplabError if there is no such namespace or file, or nothing in it that runs.
    """
    if isinstance(what, Path) or "/" in what or what.endswith((".yaml", ".yml")):
        return _reviewed(str(what), kube.read_manifests(what), {})
    kube.get("namespace", what)
    objects = [one for kind in KINDS for one in kube.list(kind, what)]
    zones = {one["metadata"]["name"]: one["metadata"]["labels"].get(ZONE, "") for one in kube.list("node")}
    return _reviewed(what, objects, zones)


def _reviewed(what: str, objects: list[Object], zones: dict[str, str]) -> Review:
    found = workloads(objects, zones)
    if not found:
        raise AcplabError(
            _("There is no Deployment, StatefulSet or bare Pod in {what}.").format(what=what),
            _("Name the namespace, or the file or folder, in which they are."),
        )
    return Review(what, [finding for one in found for finding in findings(one)], len(found))
