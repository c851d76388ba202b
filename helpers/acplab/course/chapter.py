"""An open chapter: its namespace, its manifests, and the other clusters that it visits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from acplab import cluster, images, kube
from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.base.i18n import _, ngettext
from acplab.base.locks import operation_lock
from acplab.course import reading
from acplab.course.namespaces import CHAPTER, LabNamespace, apply_in
from acplab.course.outside import load
from acplab.course.predictions import Predicting
from acplab.course.spec import unknown
from acplab.kube import client, contexts, kubectl, showing

if TYPE_CHECKING:
    from acplab.cluster import Cluster, Ranges

Say = Callable[[str], None]


class Chapter(Predicting):
    """An open chapter. namespace: its own, fresh; cluster: its own; ingress_url: "http://127.0.0.1:PORT" there."""

    def __init__(self, name: str, own_cluster: Cluster, topics: tuple[str, ...] = ()) -> None:
        self.name = name
        self.cluster = own_cluster
        self.ingress_url = own_cluster.ingress_url
        self.namespace = f"ch-{name}"
        self._own = LabNamespace(self.namespace, CHAPTER, name, topics)
        self._visited: set[str] = set()
        self._called, self._kept_as, self._notebook = "chapter", name, _notebook(name)

    @contextmanager
    def on_cluster(self, profile: str, ranges: Ranges | None = None) -> Iterator[Cluster]:
        """Be on another cluster while the block runs: kube, datapath and apply() speak to that one.

        It is made if it is not there, or has other `ranges`. The chapter has a namespace of the same name there, which is
        empty at the first visit, and which close() removes.
        """
        with cluster.ensure(profile, ranges=ranges) as there:
            if profile not in self._visited or self._own.look() is None:
                self.refresh()
            self._visited.add(profile)
            contexts.visit(profile, self.namespace)
            yield there

    def apply(self, file: str, **values: str) -> list[kube.Applied]:
        """Apply a file or folder of manifests/<chapter>/ (or YAML text) in the chapter's namespace."""
        source = file if "\n" in file else _manifest(self.name, file)
        showing.show_line(lambda: kubectl.apply(source, self.namespace, **values))
        return apply_in(self.namespace, source, values)

    def remove(self, *files: str) -> None:
        """Begin to delete the objects of these files of manifests/<chapter>/ in the chapter's namespace."""
        sources = [_manifest(self.name, file) for file in files]
        showing.show_line(lambda: kubectl.delete_files(sources, self.namespace))
        for one in (one for source in sources for one in kube.read_manifests(source)):
            kube.delete(one["kind"], one["metadata"]["name"], self.namespace, wait=False)

    def pod(self, app: str) -> str:
        """The name of a running Pod of the chapter with the label app=..., on the cluster in use."""
        for pod in kube.list("pod", self.namespace, f"app={app}"):
            if pod["status"].get("phase") == "Running" and "deletionTimestamp" not in pod["metadata"]:
                return pod["metadata"]["name"]
        raise AcplabError(
            _("No Pod with the label app={app} runs in {namespace}.").format(app=app, namespace=self.namespace),
            _('Look at: kube.list("pod", namespace="{namespace}")').format(namespace=self.namespace),
        )

    def close(self, say: Say = print) -> None:
        """Remove the namespace with all that the chapter made in it, on each cluster, and say what that was."""
        with operation_lock(self.namespace, _("closing it")), self.cluster:
            say(self._own.remove())
        contexts.leave_namespace(self.namespace)
        showing.in_chapter(False)
        for profile in sorted(self._visited):
            try:
                with cluster.find(profile) as there:
                    say(f"{there.name}: {self._own.remove()}")
            except AcplabError as error:  # a cluster that is gone has taken the namespace along
                say(error.sentence)
        for profile in sorted({self.cluster.profile, *self._visited} - {"small"}):
            if cluster.recorded(profile):
                kept = _(
                    "The cluster {profile} stays for the next time. To remove it: ./acplab delete --profile {profile}"
                )
                say(kept.format(profile=profile))

    def refresh(self) -> None:
        """Empty the namespace: a chapter's first cell begins again each time that it runs."""
        with operation_lock(self.namespace, _("opening it")):
            self._own.remove()
            self._own.make()

    def __repr__(self) -> str:
        return _("Chapter {name}: namespace {namespace}, ingress_url {ingress_url}").format(
            name=self.name, namespace=self.namespace, ingress_url=self.ingress_url
        )


def open(name: str, profile: str = "small", say: Say = print, outside: tuple[str, ...] = ()) -> Chapter:
    """Open a chapter ("10-ingress-release"): see to the cluster, and give the chapter an empty namespace.

    outside: topics whose changes outside of the namespace are undone now, if an earlier run has left some, and by close().
    """
    known = sorted(file.stem for file in (paths.ROOT / "notebooks").glob("*.ipynb"))
    if name not in known:
        raise unknown(_("chapter"), name, known)
    chapter = Chapter(name, cluster.ensure(profile), outside)
    client.use(chapter.cluster.kubeconfig)
    load(chapter.cluster, images.chapter_bundles(name))
    chapter.refresh()
    contexts.use_namespace(profile, chapter.namespace)
    showing.in_chapter(True)
    say(_reading_time(name))
    return chapter


def _notebook(name: str) -> Path:
    return paths.ROOT / "notebooks" / f"{name}.ipynb"


def _reading_time(name: str) -> str:
    n = reading.minutes(_notebook(name))
    return ngettext("This chapter takes about {n} minute.", "This chapter takes about {n} minutes.", n).format(n=n)


def _manifest(name: str, file: str) -> Path:
    folder = paths.ROOT / "manifests" / name
    found = (folder / file).resolve()
    if found.exists() and found.is_relative_to(folder.resolve()):
        return found
    raise unknown(_("manifest"), file, sorted(path.name for path in folder.glob("*.yaml")))
