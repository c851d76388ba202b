"""What notebooks and the command line do with a lab: start it, check it, get a hint, start over.

Everything here resumes. A lab is set up when its namespace says so, not when a variable does, so that a
restarted kernel, a second terminal or a rebuilt cluster all find the same truth.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from acplab import cluster, kube
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.base.locks import operation_lock
from acplab.course import files, outside, spec, store
from acplab.course.namespaces import LAB, LabNamespace, NoCluster, apply_in
from acplab.course.predictions import Predicting
from acplab.course.spec import NO_CLUSTER, LabSpec, Task
from acplab.grading import checks, notes
from acplab.grading.results import Hint, Report
from acplab.grading.view import LabView
from acplab.kube import client, contexts, kubectl, showing

if TYPE_CHECKING:
    from acplab.cluster import Cluster
    from acplab.course.panel import Panel

Say = Callable[[str], None]
P = ParamSpec("P")
R = TypeVar("R")


def _on_own_cluster(method: Callable[Concatenate[Lab, P], R]) -> Callable[Concatenate[Lab, P], R]:
    """A method whose kube calls go to the lab's own cluster, whichever is current where it is called."""

    @functools.wraps(method)
    def called(lab: Lab, *arguments: P.args, **options: P.kwargs) -> R:
        with lab._running_cluster():
            return method(lab, *arguments, **options)

    return called


# --- labs -----------------------------------------------------------------------------------------------


class Lab(Predicting):
    """One lab. It can be made at any time; start() is what sets the lab up in the cluster."""

    def __init__(self, lab: LabSpec) -> None:
        self.lab = lab
        self.namespace = lab.namespace
        self.work = lab.work
        self._called, self._kept_as, self._notebook = "lab", lab.id, lab.folder / "lab.ipynb"
        self._own = _own(lab)
        self._away = False  # in the block of on_cluster()

    @property
    def ingress_url(self) -> str:
        """ "http://127.0.0.1:PORT", where the ingress answers; add a Host header. "" if the lab needs no cluster."""
        if self.lab.cluster == NO_CLUSTER:
            return ""
        if there := cluster.recorded(self.lab.cluster):
            return there.ingress_url
        raise self._absent()

    # what a learner does

    def apply(self, file: str, **values: str) -> list[kube.Applied]:
        """Apply your file from work/ (else the one in given/ or the lab's folder), or YAML text.

        In the block of on_cluster() it goes to that cluster, like all calls of kube there.
        """
        here = nullcontext() if self._away else self._running_cluster()
        with operation_lock(self.lab.id, _("applying a file to it")), here:
            self._started()
            source = file if "\n" in file else files.locate(self.lab, file)
            showing.show_line(lambda: kubectl.apply(source, self.namespace, **values))
            return apply_in(self.namespace, source, values)

    @_on_own_cluster
    def check(self, task: str | None = None) -> Report:
        """Judge a task by its id, the next open one if none is given. Only looks, never changes anything."""
        wanted = self._task(task)
        with operation_lock(self.lab.id, _("checking it")):
            results = self._checks().run(wanted.id, self._view())
            passed = Report(self.lab.id, wanted.id, results).passed
            store.attempt(self.lab.id, wanted.id, passed)
        return Report(self.lab.id, wanted.id, results, self._advice(wanted, passed))

    @_on_own_cluster
    def hint(self, task: str | None = None) -> Hint:
        """A hint from the state of your lab: the first call says where to look, later ones come closer."""
        wanted = self._task(task)
        with operation_lock(self.lab.id, _("making a hint for it")):
            both = self._checks().tiers(wanted.id, self._view())
            tier = store.next_tier(self.lab.id, wanted.id)
        return Hint(self.lab.id, wanted.id, tier, both[tier - 1])

    @contextmanager
    def on_cluster(self, profile: str) -> Iterator[Cluster]:
        """Be on another cluster while the block runs, in a namespace of the same name; finish() and reset() remove it there."""
        with cluster.ensure(profile) as there:
            if not self._own.ready():
                self._own.make()
                self._own.mark_ready()
            self._away = True
            try:
                yield there
            finally:
                self._away = False

    def note(self, key: str, value: Any = None, **fields: Any) -> None:
        """Write something down for a check: note("way", block="172.20.1.0/24"), or note("rule", "pod-overlaps-vpc").

        lab.yaml declares which notes there are. A value that cannot be right is an AcplabError, and nothing is
        noted. Fields that are not given stay as they were noted before.
        """
        given = notes.checked(self.lab.notes, key, fields or value)
        before = store.notes(self.lab.id).get(key)
        both = before | given if isinstance(before, dict) and isinstance(given, dict) else given
        store.note(self.lab.id, key, both)

    def record(self, key: str, what: Any) -> None:
        """Keep what a load saw (`load.result`), or a plan that holds, for a check that comes later."""
        notes.recordable(self.lab.notes, key, what)
        store.note(self.lab.id, key, what.record())

    def panel(self) -> Panel:
        """The lab's tasks with buttons; every button has a call that does the same."""
        from acplab.course.panel import Panel

        return Panel(self)

    def progress(self) -> str:
        """Plain lines: which tasks are done and which one is next."""
        done, following = store.done(self.lab.id), self.following()
        lines = [self.summary()]
        for number, task in enumerate(self.lab.tasks, 1):
            box = "[x]" if task.id in done else "[ ]"
            arrow = _("  <- next") if task == following else ""
            lines.append(f"  {box} {number} {task.id}: {task.title}{arrow}")
        return "\n".join(lines)

    def summary(self) -> str:
        """One line: the lab, and how many of its tasks are done."""
        return f"{self.lab.title} ({self.lab.id}): {self.score()}"

    def score(self) -> str:
        """How many of the tasks are done, in words."""
        done = self.done()
        number = sum(task.id in done for task in self.lab.tasks)
        return _("{done} of {all} tasks are done").format(done=number, all=len(self.lab.tasks))

    def done(self) -> set[str]:
        """Ids of the tasks that are done."""
        return store.done(self.lab.id)

    def following(self) -> Task | None:
        """The first task that is not done, None when all are."""
        done = self.done()
        return next((task for task in self.lab.tasks if task.id not in done), None)

    # beginning, starting over, ending

    def open(self, say: Say = print) -> None:
        """Set the lab up if it is not, hand out its files, and say how far the learner is."""
        with operation_lock(self.lab.id, _("starting it")), self._ready_cluster(fresh=store.begun(self.lab.id) is None):
            if self._own.ready():
                say(_("The lab {lab} goes on where it was.").format(lab=self.lab.id))
                outside.put(self.lab.outside)  # a chapter of the topic may have taken it away meanwhile
            else:
                self._say_why_again(say)
                self._set_up()
            files.hand_out(self.lab)
        self._show_in_terminals()
        say(self.progress())

    def reset(self, say: Say = print) -> None:
        """Start over: fresh namespace, given files, no task done. Your changed files are moved aside."""
        say(self.start_over(say))

    def start_over(self, say: Say) -> str:
        """What reset() does: say each step while it happens, and give the last sentence back."""
        with operation_lock(self.lab.id, _("resetting it")), self._ready_cluster(fresh=True):
            if self.lab.cluster != NO_CLUSTER:
                told = _("Resetting {lab}: its namespace is removed and set up again, about 20 s.")
                say(told.format(lab=self.lab.id))
            say(self._own.remove())
            self._leave_others(say)
            store.forget(self.lab.id)
            shelf = files.put_away(self.lab)
            if shelf:
                say(_("Your changed files are kept in {shelf}.").format(shelf=shelf))
            self._set_up()
            files.hand_out(self.lab)
        self._show_in_terminals()
        return _("The lab {lab} is as it was at the start.").format(lab=self.lab.id)

    @_on_own_cluster
    def finish(self, say: Say = print) -> None:
        """Remove what the lab has in the cluster. Your progress and your files in work/ are kept."""
        with operation_lock(self.lab.id, _("cleaning up after it")):
            say(self._own.remove())
            self._leave_others(say)
        contexts.leave_namespace(self.namespace)
        say(self.summary() + ".")

    # inside

    def _leave_others(self, say: Say) -> None:
        """Remove what the lab has on clusters that it has visited; one that does not run keeps it until it does."""
        for profile in self.lab.visits:
            with suppress(AcplabError), cluster.find(profile) as there:
                if self._own.ready():
                    say(f"{there.name}: {self._own.remove()}")

    @contextmanager
    def _ready_cluster(self, fresh: bool) -> Iterator[None]:
        """The lab's cluster, ready and current: in the block, and for what the notebook does afterwards.

        When the lab begins, it has the ranges that lab.yaml names, if it names any.
        """
        if self.lab.cluster == NO_CLUSTER:
            yield
            return
        with cluster.ensure(self.lab.cluster, ranges=self.lab.ranges if fresh else None) as there:
            client.use(there.kubeconfig)
            yield

    def _running_cluster(self) -> AbstractContextManager[Any]:
        """The lab's cluster, current while a block runs; AcplabError if it does not run."""
        return nullcontext() if self.lab.cluster == NO_CLUSTER else cluster.find(self.lab.cluster)

    def _show_in_terminals(self) -> None:
        if self.lab.cluster != NO_CLUSTER:
            contexts.use_namespace(self.lab.cluster, self.namespace)

    def _set_up(self) -> None:
        """All or nothing: when a step fails or is interrupted, the namespace goes again."""
        try:
            self._own.make()
            self._load_images()
            if self.lab.setup.is_dir():
                self._wait(kube.apply(self.lab.setup, namespace=self.namespace))
            outside.put(self.lab.outside)
            store.begin(self.lab.id, self._first_notes())
            self._own.mark_ready()
        except BaseException:
            with suppress(AcplabError):
                self._own.discard()
            raise

    def _load_images(self) -> None:
        if self.lab.needs:
            outside.load(cluster.find(self.lab.cluster), self.lab.needs)

    def _wait(self, applied: list[kube.Applied]) -> None:
        ready = self.lab.ready
        if ready is None:
            ready = tuple(f"{one.kind}/{one.name}" for one in applied if one.kind.lower() == "deployment")
        for kind, name in (target.split("/", 1) for target in ready):
            kube.wait(kind, name, namespace=self.namespace)

    def _first_notes(self) -> dict[str, Any]:
        first_notes = self._checks().first_notes
        return first_notes(LabView(self.namespace, self.ingress_url)) if first_notes else {}

    def _say_why_again(self, say: Say) -> None:
        if store.begun(self.lab.id) and self.done():
            say(
                _(
                    "The lab {lab} is not in the cluster any more and is set up again. Your done tasks stay ticked and "
                    "your files stay; apply them again to go on."
                ).format(lab=self.lab.id)
            )

    def _started(self) -> str:
        """The ingress URL of the running lab; AcplabError with what to do if the lab is not set up."""
        url = self.ingress_url
        if not self._own.ready():
            raise self._absent()
        return url

    def _absent(self) -> AcplabError:
        if store.begun(self.lab.id):
            sentence = _("The lab {lab} is not in the cluster now; it was finished, or the cluster is a new one.")
        else:
            sentence = _("The lab {lab} has not been started.")
        remedy = _('Run labs.start("{lab}"), the first cell of labs/{lab}/lab.ipynb.')
        return AcplabError(sentence.format(lab=self.lab.id), remedy.format(lab=self.lab.id))

    def _view(self) -> LabView:
        return LabView(self.namespace, self._started(), store.notes(self.lab.id), self.lab.notes)

    def _checks(self) -> checks.Checks:
        return checks.load(self.lab.folder)

    def _task(self, task: str | None) -> Task:
        return self.lab.task(task) if task else self.following() or self.lab.tasks[-1]

    def _advice(self, task: Task, passed: bool) -> str:
        if not passed:
            return _('Stuck? lab.hint("{task}") looks at your lab and says where to look.').format(task=task.id)
        following = self.following()
        if following is None:
            return _("All {n} tasks are done. finish() cleans up.").format(n=len(self.lab.tasks))
        return _("Next: {task}: {title}").format(task=following.id, title=following.title)

    def __repr__(self) -> str:
        return self.progress()


def _own(lab: LabSpec) -> LabNamespace | NoCluster:
    if lab.cluster == NO_CLUSTER:
        return NoCluster(lab.id)
    return LabNamespace(lab.namespace, LAB, lab.id, tuple(lab.outside))


def start(lab_id: str, say: Say = print) -> Lab:
    """Start a lab, or go on with it, and say which tasks are done."""
    begun = find(lab_id)
    begun.open(say)
    return begun


# --- by id, for the command line --------------------------------------------------------------------------


def all() -> list[LabSpec]:
    """All labs, in reading order."""
    return spec.all_labs()


def find(lab_id: str) -> Lab:
    """The lab of that id without starting it; AcplabError names the nearest ids if there is none."""
    return Lab(spec.load(lab_id))


def check(lab_id: str, task: str | None = None) -> Report:
    """Lab.check by lab id."""
    return find(lab_id).check(task)


def hint(lab_id: str, task: str | None = None) -> Hint:
    """Lab.hint by lab id."""
    return find(lab_id).hint(task)


def reset(lab_id: str, say: Say = print) -> str:
    """Lab.reset by lab id; the steps are said while they happen, the last sentence is given back."""
    return find(lab_id).start_over(say)


def finish(lab_id: str, say: Say = print) -> None:
    """Lab.finish by lab id."""
    find(lab_id).finish(say)


def overview() -> list[tuple[str, str]]:
    """(lab id, how many of its tasks are done) of every lab; needs no cluster."""
    return [(lab.id, Lab(lab).score()) for lab in all()]
