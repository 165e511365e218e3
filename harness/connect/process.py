"""A program of somebody else's: started, listened to line by line, and ended with its children."""

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from queue import Empty, Full, Queue
from types import TracebackType
from typing import IO

from ..errors import FauxbenchError

TAIL = 4000
"""Bytes of standard error that are kept."""
LONGEST_LINE = 1 << 20
"""Bytes of one line of output; a program that writes more is ended."""
WAITING_LINES = 256
"""Lines held before the program has to wait."""
PATIENCE = 5.0
"""Seconds that a program has for ending by itself once its work is done."""
_GUARD = Path(__file__).with_name("guard.py")


class Ended(FauxbenchError):
    """The program ended, or was ended, before its work was done."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        """crashed, timeout, missing or invalid."""


class Program:
    """A running program; used with `with`, after which neither it nor its children are there any more."""

    def __init__(self, argv: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        self.name = argv[0]
        """What was started, for messages."""
        lifeline, self._lifeline = os.pipe()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_GUARD), str(lifeline), *argv],
                cwd=folder,
                env={**os.environ, **environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(lifeline,),
                start_new_session=True,  # outlives a killed worker by the moment it takes to end the program
            )
        except BaseException:
            os.close(self._lifeline)
            raise
        finally:
            os.close(lifeline)
        self._lines: Queue[bytes | None] = Queue(WAITING_LINES)
        self._tail = bytearray()
        self._closed = False
        self._threads: list[threading.Thread] = []
        self._start(self._listen)
        self._ear = self._start(self._keep_tail)

    def _start(self, work: Callable[..., None], *arguments: object) -> threading.Thread:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        thread.start()
        self._threads.append(thread)
        return thread

    def __enter__(self) -> "Program":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def send(self, lines: Iterable[str], *, last: bool = False) -> None:
        """Write lines to the program without waiting for it to read them; `last` closes its standard input."""
        self._start(self._write, lines, last)

    def _write(self, lines: Iterable[str], last: bool) -> None:
        stream = _there(self._process.stdin)
        with contextlib.suppress(OSError, ValueError):  # its end is an event of its own
            for line in lines:
                stream.write(line.encode() + b"\n")
                stream.flush()
        if last:
            with contextlib.suppress(OSError):
                stream.close()

    def _listen(self) -> None:
        descriptor, rest = _there(self._process.stdout).fileno(), b""
        while block := os.read(descriptor, 1 << 16):
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                self._put(line)
            if len(rest) > LONGEST_LINE:
                self._put(rest)
                break
        else:
            if rest:
                self._put(rest)
        self._put(None)

    def _put(self, line: bytes | None) -> None:
        while not self._closed:
            with contextlib.suppress(Full):
                self._lines.put(line, timeout=0.2)
                return

    def _keep_tail(self) -> None:
        descriptor = _there(self._process.stderr).fileno()
        while block := os.read(descriptor, 1 << 16):
            self._tail += block
            del self._tail[:-TAIL]

    def line(self, seconds: float) -> bytes | None:
        """Return the program's next line, or None at the end of its output.

        Raises:
            Ended: No line came in time, or one is too long.
        """
        try:
            line = self._lines.get(timeout=max(seconds, 0.001))
        except Empty:
            raise Ended("timeout", f"no line from the program for {seconds:.3g} s; it was ended") from None
        if line is not None and len(line) > LONGEST_LINE:
            raise Ended("invalid", f"a line of more than {LONGEST_LINE} bytes on standard output; it was ended")
        return line

    def status(self) -> int:
        """Wait a little for the program to end by itself, end it if it does not, and return its exit status."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(PATIENCE)
        self.close()
        return self._process.returncode

    def tail(self) -> str:
        """Return the end of what the program wrote to standard error; whole once it has ended."""
        if self._process.poll() is not None:
            self._ear.join(PATIENCE)
        return bytes(self._tail).decode(errors="replace").strip()

    def close(self) -> None:
        """End the program and its children, and give back what was held."""
        if self._closed:
            return
        self._closed = True
        os.close(self._lifeline)
        try:
            self._process.wait(2 * PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        deadline = time.monotonic() + PATIENCE
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            with contextlib.suppress(OSError):
                _there(pipe).close()


def _there(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise ValueError("started without a pipe")
    return pipe
