"""Runs a program and ends it, with its children, as soon as the process that asked for it is gone or lets go.

Started as a script by `process`, never imported: `python -I -S guard.py LIFELINE ARGV...`. LIFELINE is the reading end
of a pipe whose other end the asking process holds. When that closes, for whatever reason, the program's process group
gets SIGTERM and, after `GRACE` seconds, SIGKILL; on Linux, so does whatever left the group. The program owns standard
input, output and error; its exit status is passed on.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

GRACE = 1.0
"""Seconds between asking and killing."""
CANNOT_START = 127
_SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER: orphans below this process become its children, so that they can be found."""


def adopt_orphans() -> None:
    """Make this process the parent of every process below it whose own parent ends; Linux alone can."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)


def end_group(pid: int, sign: signal.Signals) -> None:
    """Send a signal to a process group, if it is still there."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, sign)


def end_orphans() -> None:
    """Kill every child that is left, again and again: their children become ours."""
    listing = Path(f"/proc/self/task/{os.getpid()}/children")
    while True:
        try:
            children = [int(word) for word in listing.read_text().split()]
        except OSError:
            return
        if not children:
            return
        for child in children:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(child, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, 0)


def end_when_let_go(lifeline: int, pid: int) -> None:
    """Wait for the lifeline to close, then end the program."""
    while os.read(lifeline, 1):
        pass
    end_group(pid, signal.SIGTERM)
    time.sleep(GRACE)
    end_group(pid, signal.SIGKILL)


def main() -> int:
    """Run the program and return its exit status as a shell would."""
    lifeline, argv = int(sys.argv[1]), sys.argv[2:]
    adopt_orphans()
    try:
        program = subprocess.Popen(argv, start_new_session=True)
    except OSError as error:
        sys.stderr.write(f"{argv[0]}: cannot be started: {error.strerror}\n")
        return CANNOT_START
    for stream in (0, 1):
        os.close(stream)  # or the program would never see the end of its input, nor others that of its output
    threading.Thread(target=end_when_let_go, args=(lifeline, program.pid), daemon=True).start()
    os.waitid(os.P_PID, program.pid, os.WEXITED | os.WNOWAIT)  # not yet reaped: its number is still its own
    end_group(program.pid, signal.SIGKILL)
    status = program.wait()
    end_orphans()
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    os._exit(main())
