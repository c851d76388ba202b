"""A question that is put inside of a container again and again, through one `docker exec` that begins once.

A `docker exec` that begins in the moment in which its container is paused holds Docker's lock of that container: then
nobody can unpause it. So what asks during a drill has begun before anything breaks, and is only told when to ask.
"""

from __future__ import annotations

import subprocess
import threading
import time
from contextlib import suppress

END_SECONDS = 5.0  # a loop that has read its last line ends at once, unless its container is frozen
AGAIN = 2.0  # seconds until a stream that has ended, as its container did, is begun again
# For each line that comes in, one line goes out. The loop ends with its input: then nobody listens any more.
LOOP = "set -f; while read -r _; do echo $({{ {command}; }} </dev/null); done"


class Stream:
    """container: where to ask. command: shell text; the words that it says are the answer, as one line."""

    def __init__(self, container: str, command: str) -> None:
        self.container, self._script = container, LOOP.format(command=command)
        self._news = threading.Condition()
        self._process: subprocess.Popen[str] | None = None
        self._begun = 0.0
        self._asked: float | None = None  # since when a question is open
        self._answer: str | None = None

    def ask(self) -> None:
        """Put the question, unless the last one is still open."""
        now = time.monotonic()
        if self._process is None or (self._process.poll() is not None and now > self._begun + AGAIN):
            self._begin()
        with self._news:
            if self._asked is None:
                self._asked = now
                self._write()

    def settled(self, timeout: float) -> bool:
        """Wait for the first answer or the end of the stream; False if there is neither after so many seconds."""
        with self._news:
            return self._news.wait_for(lambda: self._asked is None or self.ended, timeout)

    def said(self, wait: float, patience: float) -> str | None:
        """The newest answer, awaited for `wait` seconds. None: the last question is open for longer than `patience`."""
        with self._news:
            self._news.wait_for(lambda: self._asked is None, wait)
            is_late = self._asked is not None and time.monotonic() > self._asked + patience
            return None if is_late or self.ended else self._answer

    @property
    def ended(self) -> bool:
        """Whether nobody answers any more: the container has stopped, or Docker refused."""
        return self._process is None or self._process.poll() is not None

    def close(self) -> None:
        """End the loop in the container, and the process here in any case."""
        if self._process is None:
            return
        with suppress(OSError):
            assert self._process.stdin
            self._process.stdin.close()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _begin(self) -> None:
        self.close()
        command = ["docker", "exec", "--interactive", self.container, "sh", "-c", self._script]
        self._begun, self._asked, self._answer = time.monotonic(), None, None
        # A session of its own: a Ctrl-C in the terminal is not for it.
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
        )  # fmt: skip
        name = f"acplab-stream-{self.container}"
        threading.Thread(target=self._listen, args=[self._process], name=name, daemon=True).start()

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout
        with process.stdout as lines:
            for line in lines:
                self._hear(process, line.strip())
        process.wait()
        with self._news:
            self._news.notify_all()

    def _hear(self, process: subprocess.Popen[str], answer: str) -> None:
        with self._news:
            if process is self._process:
                self._asked, self._answer = None, answer
                self._news.notify_all()

    def _write(self) -> None:
        with suppress(OSError, ValueError):  # it has ended; a later question begins it again
            assert self._process
            assert self._process.stdin
            self._process.stdin.write("\n")
            self._process.stdin.flush()
