"""Honest progress: one stage a task, with elapsed and expected time, and where its log is."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, ProgressColumn, Task, TextColumn
from rich.progress_bar import ProgressBar

from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.base.i18n import _

console = Console(highlight=False)
Sink = Callable[[str], None]
_sink: ContextVar[Sink | None] = ContextVar("sink", default=None)  # None: the terminal
_TIMINGS = "timings.json"
_SAY_EVERY = 30.0  # seconds between two lines of a stage when nobody watches a terminal


def _timings() -> dict[str, float]:
    try:
        return dict(json.loads((paths.cache() / _TIMINGS).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def _remember(name: str, seconds: float) -> None:
    """The next run expects what this one took on this machine."""
    known = _timings() | {name: round(seconds, 1)}
    paths.write_whole(paths.cache() / _TIMINGS, json.dumps(known, indent=1))


class Stage:
    """One thing that is being done; its output goes to its log file."""

    def __init__(self, name: str, title: str, expected: float) -> None:
        self.name, self.title = name, title
        self.expected = _timings().get(name, expected)
        self.log = paths.logs() / f"{name}.log"
        paths.require_usable(self.log)
        self.detail = ""
        self.began = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds since the stage began."""
        return time.monotonic() - self.began

    @property
    def clock(self) -> str:
        """Elapsed and expected time, such as "0:12 / about 0:45"."""
        return f"{_clock(self.elapsed)} / {_('about')} {_clock(self.expected)}"

    @property
    def note(self) -> str:
        """What is going on at the moment, shortened, and where the log is."""
        return _("{detail}  log: {log}").format(detail=self.detail[:50], log=self.log).strip()

    def say(self, detail: str) -> None:
        """What is going on inside the stage; the display shows it at its next turn."""
        self.detail = detail
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"# {detail}\n")

    def run(
        self,
        command: Sequence[str | Path],
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        remedy: str | None = None,
    ) -> None:
        """Run a command with its output in the log. AcplabError names its last words."""
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"$ {' '.join(map(str, command))}\n")
            log.flush()
            try:
                code = subprocess.call(
                    [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env, cwd=cwd
                )
            except OSError as error:
                log.write(f"{error}\n")
                code = 127  # what a shell says of a program that cannot be started
        if code:
            raise self.failure(code, str(command[0]), remedy)

    def failure(self, code: int, program: str, remedy: str | None = None) -> AcplabError:
        """The error for a command that failed in this stage, with the last line of the log."""
        sentence = _("{title}: {program} failed (exit code {code}): {last}").format(
            title=self.title, program=Path(program).name, code=code, last=last_line(self.log)
        )
        advice = remedy or _("Read the log, correct the cause and start again; finished parts are kept.")
        return AcplabError(sentence, f"{advice} {_('Log:')} {self.log}")


def last_line(log: Path) -> str:
    """The line that says what went wrong: the last that calls itself an error, else the last one; shortened."""
    with log.open(encoding="utf-8", errors="replace") as lines:
        tail = [line.strip() for line in deque(lines, 200) if line.strip() and not line.startswith(("$ ", "# "))]
    errors = [line for line in tail if line.lower().startswith(("error:", "e:", "fatal:"))]
    return (errors or tail or [_("no output")])[-1][:300]


def _clock(seconds: float) -> str:
    return f"{int(seconds // 60)}:{int(seconds % 60):02d}"


@contextmanager
def stage(name: str, title: str, expected: float) -> Iterator[Stage]:
    """Show a stage while the block runs.

    name: of the log file and of the remembered time; title: for people; expected: seconds, used
    until this machine has its own figure.
    """
    current = Stage(name, title, expected)
    current.log.write_text("", encoding="utf-8")
    with _display()(current):
        yield current
    _remember(name, current.elapsed)
    if _sink.get():
        say(_("{title}: done after {clock}").format(title=title, clock=_clock(current.elapsed)))
    else:
        console.print(f"[green]✓[/] {escape(title)} [dim]({_clock(current.elapsed)})[/]")


def _display() -> Callable[[Stage], AbstractContextManager[None]]:
    if _sink.get():
        return _sentence
    return _bar if console.is_terminal else _lines


@contextmanager
def _sentence(current: Stage) -> Iterator[None]:
    """For a sink: one line when the stage begins; stage() adds one when it is done."""
    say(_("{title} (about {clock})").format(title=current.title, clock=_clock(current.expected)))
    yield


class _ElapsedBar(ProgressColumn):
    """How much of the expected time has gone by; rich's own refresh draws it."""

    def render(self, task: Task) -> ProgressBar:
        current = task.fields["stage"]
        return ProgressBar(total=max(current.expected, 0.1), completed=current.elapsed, width=30)


@contextmanager
def _bar(current: Stage) -> Iterator[None]:
    words = "{task.fields[stage].title}  {task.fields[stage].clock}"
    note = TextColumn("{task.fields[stage].note}", style="dim", markup=False)
    columns = (_ElapsedBar(), TextColumn(words, markup=False), note)
    with Progress(*columns, console=console, transient=True, refresh_per_second=4) as bars:
        bars.add_task("", stage=current)
        yield


@contextmanager
def _lines(current: Stage) -> Iterator[None]:
    about = _("about {clock}, log: {log}").format(clock=_clock(current.expected), log=current.log)
    print(f"… {current.title} ({about})", flush=True)
    ended = threading.Event()

    def report() -> None:
        while not ended.wait(_SAY_EVERY):
            print(f"  {current.title}: {current.clock}  {current.detail}", flush=True)

    thread = threading.Thread(target=report, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def say(text: str) -> None:
    """One plain line for the person at the terminal, or for the sink of to()."""
    sink = _sink.get()
    if sink:
        sink(text)
    else:
        console.print(text, soft_wrap=True, highlight=False, markup=False)


@contextmanager
def to(sink: Sink) -> Iterator[None]:
    """Send what say() and stage() report to `sink` while the block runs, a line per call, and not to the terminal.

    It holds for this thread (and task) alone, so that a panel shows its own work and no other's.
    """
    token = _sink.set(sink)
    try:
        yield
    finally:
        _sink.reset(token)


def warn(text: str) -> None:
    """One line that should not be overlooked."""
    print(text, file=sys.stderr, flush=True)
