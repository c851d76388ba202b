"""The acplab command: start, test, status, doctor, stop, delete, reset, check, kubectl, images.

Exit codes: 0 done, 1 something is wrong (and said), 2 the command was mistyped, 130 interrupted.
"""

from __future__ import annotations

import os
import shutil
import sys
import webbrowser
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from acplab.app import dev
from acplab.app.testing import run_tests
from acplab.base import console as progress
from acplab.base import paths, terminal
from acplab.base.console import console, say
from acplab.base.errors import AcplabError
from acplab.base.i18n import _

app = typer.Typer(
    help="A Jupyter course on Kubernetes the ACK way, with a real cluster under it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(dev.app, name="dev")

Images = Annotated[
    str, typer.Option("--images", help="Where images come from: auto, published, mirror=PREFIX or built.")
]
INTERRUPTED = 130  # what shells say of a program that Ctrl-C has ended
Profile = Annotated[str, typer.Option("--profile", help="Which cluster.")]


def main() -> None:
    """Run the command; an error is one sentence and its remedy, never a traceback."""
    terminal.accept_any_text()
    _warn_of_sudo()
    try:
        # Outside of its standalone mode typer returns the code of a typer.Exit instead of raising it.
        code = app(standalone_mode=False, prog_name="./acplab") or 0
        sys.stdout.flush()  # here, where a full disk can still be told
    except AcplabError as error:
        progress.warn(_("Error: ") + str(error))
        sys.exit(1)
    except BrokenPipeError:  # such as `| head -1`, which has read enough
        _silence_output()
        sys.exit(1)
    except OSError as error:
        _silence_output()
        progress.warn(_("Error: ") + str(paths.refusal(error)))
        sys.exit(1)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except typer.TyperException as error:
        error.show()  # type: ignore[attr-defined]
        sys.exit(2)
    if code == INTERRUPTED:
        progress.warn(_("\nInterrupted. What is finished is kept; the same command goes on from there."))
    sys.exit(code)


def _warn_of_sudo() -> None:
    """Say beforehand that root will own the files, in a folder of the person who called sudo."""
    person = os.environ.get("SUDO_UID", "0")
    if os.geteuid() == 0 and person != "0" and str(paths.ROOT.stat().st_uid) == person:
        progress.warn(_("Files that ./acplab makes under sudo belong to root; use sudo only to install Docker."))


def _silence_output() -> None:
    """Drop what could not be written: Python writes it once more at its end, and would print a traceback."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


@app.command()
def start(
    images: Images = "auto",
    profile: Profile = "small",
    browser: Annotated[bool, typer.Option(help="Open the browser.")] = True,
) -> None:
    """Get everything ready and open JupyterLab. What is there already is used."""
    from acplab import cluster
    from acplab.host import docker, shell
    from acplab.host import jupyter as server
    from acplab.kube import contexts

    docker.ensure()
    ready = cluster.ensure(profile, images)
    contexts.refresh()
    running = server.ensure(paths.ROOT, shell.jupyter_option(contexts.file()))
    say(_("Ready: {cluster}").format(cluster=ready))
    say(running.url())
    if browser and sys.stdout.isatty():
        webbrowser.open(running.url())


@app.command()
def status() -> None:
    """What is running, and how far the labs are."""
    from acplab.course import lab as labs
    from acplab.host import docker
    from acplab.host import jupyter as server

    condition = docker.state()
    _line("Docker", _("running") if condition == "ready" else docker.remedy(condition)[0])
    if condition == "ready":
        _cluster_lines()
    running = server.find()
    _line("JupyterLab", running.url() if running else _("not running"))
    for lab, words in labs.overview():
        _line(lab, words)


def _cluster_lines() -> None:
    """All clusters of this home, also those that chapters made, and which others of acplab there are."""
    from acplab import cluster

    for profile in sorted({"small", *cluster.made()}):
        there = cluster.recorded(profile)
        problem = cluster.diagnose(there, profile)
        _line(_("cluster {profile}").format(profile=profile), problem.sentence if problem else str(there))
    for other in cluster.others():
        _line(_("left alone"), _("{name} is of another home or an earlier acplab").format(name=other))


def _line(name: str, words: str) -> None:
    console.print(f"{name:<24}{words}", soft_wrap=True, markup=False, highlight=False)


@app.command()
def doctor() -> None:
    """Look for what could be wrong; every finding has a remedy."""
    from acplab.app import doctor as examination

    bad = 0
    for finding in examination.examine():
        bad += finding.ok is False
        mark = {True: "ok ", None: "-- ", False: "BAD"}[finding.ok]
        _line(f"{mark} {finding.what}", finding.found)
        if finding.ok is not True and finding.remedy:
            _line("", f"→ {finding.remedy}")
    raise typer.Exit(1 if bad else 0)


@app.command()
def stop() -> None:
    """Stop JupyterLab and the cluster; everything is kept for the next start."""
    from acplab import cluster
    from acplab.host import docker
    from acplab.host import jupyter as server

    say(_("JupyterLab stopped.") if server.stop() else _("JupyterLab was not running."))
    if docker.state() == "ready":
        stopped = [profile for profile in cluster.made() if cluster.stop(profile)]
        for profile in stopped:
            say(_("Cluster {name} stopped.").format(name=cluster.cluster_name(profile)))
        if not stopped:
            say(_("No cluster was running."))


@app.command()
def delete(
    profile: Annotated[str | None, typer.Option("--profile", help="One cluster; all of them if not given.")] = None,
    everything: Annotated[
        bool, typer.Option("--everything", help="Also images, caches and progress: all that acplab ever made.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove the clusters; progress in the labs is kept unless --everything is given."""
    from acplab.host import docker

    question = _("Remove the clusters, the images, {home} and {cache}?").format(home=paths.home(), cache=paths.cache())
    if everything and not yes and not _confirmed(question):
        say(_("Nothing was removed."))
        raise typer.Exit(1)
    docker.require()
    _delete_clusters(None if everything else profile)
    if everything:
        _delete_everything_else()


def _confirmed(question: str) -> bool:
    """The answer to a question. AcplabError where nobody can answer, as with </dev/null."""
    try:
        return typer.confirm(question)
    except typer.Abort as aborted:
        if not isinstance(aborted.__context__, EOFError):
            raise
        sentence = _("The command asks before it removes everything, and got no answer. Nothing was removed.")
        raise AcplabError(sentence, "./acplab delete --everything --yes") from None


def _delete_clusters(profile: str | None) -> None:
    from acplab import cluster

    wanted = [profile] if profile else cluster.made()
    if wanted and not profile:
        names = ", ".join(cluster.cluster_name(one) for one in wanted)
        say(_("Removing all clusters of this home: {names}.").format(names=names))
    for one in wanted:
        done = _("Cluster {name} removed.") if cluster.delete(one) else _("There was no cluster {name}.")
        say(done.format(name=cluster.cluster_name(one)))
    if not wanted:
        say(_("There was no cluster."))


def _delete_everything_else() -> None:
    from acplab.host import docker
    from acplab.host import jupyter as server

    server.stop()
    if kept := docker.remove_images():
        say(_("Kept, since clusters of another home use it: {names}.").format(names=", ".join(kept)))
    runtime = paths.cache() / "docker"  # a daemon that acplab has started runs every container through it
    for one in (paths.home(), *(one for one in paths.cache().iterdir() if one != runtime)):
        if one.is_dir():
            shutil.rmtree(one, onerror=_make_writable)
        else:
            one.unlink()
    if runtime.exists():
        say(_("Kept, since the Docker daemon that acplab has started uses it: {names}.").format(names=runtime))
    else:
        paths.cache().rmdir()
    say(_("Removed. What is left is this folder, with .venv and your notebooks."))


def _make_writable(remove, path, _error) -> None:  # type: ignore[no-untyped-def]
    os.chmod(os.path.dirname(path), 0o700)
    os.chmod(path, 0o700)
    remove(path)


@app.command()
def reset(lab: Annotated[str, typer.Argument(help="A lab, such as 10-canary-by-weight.")]) -> None:
    """Set a lab back to its beginning; your files are moved to work/old-..., not deleted."""
    from acplab.course import lab as labs

    say(labs.reset(lab))


@app.command()
def check(
    lab: Annotated[str, typer.Argument(help="A lab, such as 10-canary-by-weight.")],
    task: Annotated[str | None, typer.Argument(help="One of its tasks; the next open one if not given.")] = None,
) -> None:
    """Check a task of a lab. Exit code 1 while something is wrong."""
    from acplab.course import lab as labs

    report = labs.check(lab, task)
    say(report.words())
    raise typer.Exit(0 if report.passed else 1)


class _Verbatim(TyperCommand):
    """Takes all that follows as it is: options, --help and -- are for the program that is run."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ctx.args = args
        return []


# Words of a kubectl call that asks no cluster.
OFFLINE = {"-h", "--help", "help", "completion", "config", "kustomize", "options", "version"}


@app.command(cls=_Verbatim, add_help_option=False)
def kubectl(context: typer.Context) -> None:
    """kubectl on the namespace of the chapter or lab that is open. All that follows is for kubectl."""
    from acplab.host import shell
    from acplab.kube import contexts

    words = context.args
    if not contexts.refresh() and words and not OFFLINE & set(words):
        raise AcplabError(_("There is no cluster yet."), _("Run ./acplab start."))
    program = shell.kubectl()
    os.execve(program, ["kubectl", *words], os.environ | shell.environment(contexts.file()))


@app.command()
def images(
    images: Images = "auto",
    chapter: Annotated[str, typer.Option("--for", help="Also what a chapter needs, such as 04.")] = "",
) -> None:
    """Get the images without making a cluster, and say what there is."""
    from acplab import images as node_images
    from acplab.host import docker

    bundles = node_images.chapter_bundles(chapter) if chapter else []
    docker.ensure()
    node = node_images.ensure(images)
    _line(_("node image"), node.reference)
    _line(_("route"), node.route)
    for name in bundles:
        bundle = node_images.bundle(name, images)
        _line(_("bundle {name}").format(name=name), ", ".join(bundle.images))
    if chapter and not bundles:
        say(_("Chapter {chapter} needs no images of its own.").format(chapter=chapter))
    _line(_("cache"), f"{paths.cache()} ({node_images.storage_bytes() / 1024**3:.1f} GiB)")


app.command("test", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(run_tests)
