"""A worker process: reads units as JSON lines, runs them, answers in JSON lines. Started by `local`; never imported.

What is said:
    to the worker     {"unit", "kind", "key", "task", "inputs", "fingerprint", "store", "device", "time_limit"}
    from the worker   {"event": "ready" | "started" | "progress" | "finished" | "failed" | "storage", ...}

Standard output belongs to the protocol; what parts print goes to standard error, which the coordinator keeps.
"""

import json
import os
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from queue import Queue
from typing import Any, TextIO

from ..errors import FauxbenchError
from ..store.store import Store, disk_is_full, storage_message
from .step import PICTURES, Step
from .usage import Usage

PROGRESS_EVERY = 0.2
"""Seconds between two progress events."""
TRAINS = "fit"
"""Kind of the units that keep checkpoints."""


def _speak(stream: TextIO, **message: object) -> None:
    stream.write(json.dumps(message) + "\n")
    stream.flush()


def _orders(stdin: TextIO) -> Iterator[dict[str, Any]]:
    """Yield orders; end the process at once, in the midst of any work, when the coordinator is gone."""
    queue: Queue[str] = Queue()

    def listen() -> None:
        for line in stdin:
            queue.put(line)
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    while True:
        yield json.loads(queue.get())


def _reporter(out: TextIO) -> Callable[[float, str], None]:
    last = 0.0

    def progress(fraction: float, message: str) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= PROGRESS_EVERY:
            last = now
            _speak(out, event="progress", fraction=min(max(float(fraction), 0.0), 1.0), message=str(message)[:200])

    return progress


def _checkpoints(store: Store, order: Mapping[str, Any]) -> Path | None:
    """Return where a unit that trains keeps what an interruption must not lose, made if need be."""
    if order["kind"] != TRAINS:
        return None
    folder = store.checkpoints(str(order["task"].get("checkpoints", order["fingerprint"])))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def run_order(order: Mapping[str, Any], out: TextIO) -> None:
    """Run one unit under its lock and leave its results in the store."""
    from .steps import step_function

    store = Store(Path(order["store"]))
    kind, fingerprint = order["kind"], order["fingerprint"]
    with store.lock(fingerprint):
        _speak(out, event="started")
        known = store.find(kind, fingerprint)
        if known and not (order["again"] and known.facts.get("failures")):  # another run was faster
            _speak(out, event="finished", cached=True)
            return
        with store.partial(fingerprint) as folder:
            scratch = folder / "scratch"
            scratch.mkdir()
            began, usage = time.monotonic(), Usage()
            step = Step(
                kind=kind,
                key=order["key"],
                task=order["task"],
                inputs={role: Path(path) for role, path in order["inputs"].items()},
                out=folder,
                scratch=scratch,
                store=store.root,
                device=order["device"],
                time_limit=order["time_limit"],
                progress=_reporter(out),
                checkpoints=_checkpoints(store, order),
            )
            outcome = step_function(kind)(step)
            if step.checkpoints and (step.checkpoints / PICTURES).is_dir():
                (step.checkpoints / PICTURES).rename(folder / PICTURES)
            for left in sorted(scratch.rglob("*"), reverse=True):
                left.rmdir() if left.is_dir() else left.unlink()
            scratch.rmdir()
            record = {
                "fingerprint": fingerprint,
                "unit": order["unit"],
                "kind": kind,
                "key": order["key"],
                "inputs": order["input_outputs"],
                "output": outcome.output,
                "facts": dict(outcome.facts),
                "seconds": time.monotonic() - began,
                **usage.record(),
            }
            store.commit(kind, fingerprint, folder, record)
            if step.checkpoints:
                shutil.rmtree(step.checkpoints)
    _speak(out, event="finished", cached=False)


def _failure(error: BaseException) -> dict[str, str | None]:
    kind = "refused" if type(error).__name__ == "RefusedError" else "error"
    if isinstance(error, FauxbenchError):
        return {"kind": kind, "message": str(error), "traceback": None}
    message = f"{type(error).__name__}: {error}"
    return {"kind": kind, "message": message, "traceback": traceback.format_exc()}


def main() -> None:
    """Serve orders until the coordinator closes the pipe."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a part prints must not look like an answer
    sys.stdout = sys.stderr
    orders = _orders(sys.stdin)
    _speak(out, event="ready")
    for order in orders:
        try:
            run_order(order, out)
        except Exception as error:  # noqa: BLE001 - a part may raise anything; it is the unit's failure, not ours
            if disk_is_full(error):
                _speak(out, event="storage", message=storage_message(error, Path(order["store"])))
            else:
                _speak(out, event="failed", **_failure(error))


if __name__ == "__main__":
    main()
