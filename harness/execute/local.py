"""The local executor: one coordinator, worker processes, units in the order of the plan as their inputs appear."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from queue import Empty, Queue
from typing import IO, Any

from ..errors import Failure, StorageError
from ..plan import THREADS, Plan, Unit, dependents
from ..store.memory import Memory
from ..store.store import Finished, Store
from .display import Display

_THREADS = ("OMP", "MKL", "OPENBLAS", "NUMEXPR", "VECLIB_MAXIMUM")
_ENVIRONMENT = {f"{name}_NUM_THREADS": str(THREADS) for name in _THREADS} | {"OPENCV_FOR_THREADS_NUM": str(THREADS)}
"""Set before a worker starts, so that no library has to be imported for it."""
_KEPT = {"MALLOC_MMAP_THRESHOLD_": str(1 << 26), "MALLOC_TRIM_THRESHOLD_": str(1 << 28)}
"""Bytes, for glibc: arrays as large as a frame are taken from memory that the worker keeps. Handed back and asked for
anew with each, its pages cost a fifth of the time of simple sums over frames."""
LOG_TAIL = 4000
"""Characters of a dead worker's standard error that are kept in the failure."""


@dataclass(slots=True)
class Results:
    """How each unit of a plan ended."""

    finished: dict[str, Finished] = field(default_factory=dict)
    failed: dict[str, Failure] = field(default_factory=dict)
    """By unit id; a unit behind a failed one is here with the same reason."""
    cached: set[str] = field(default_factory=set)


class Worker:
    """One worker process and what it is doing."""

    def __init__(self, events: "Queue[tuple[Worker, dict[str, Any]]]") -> None:
        self.log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self.process = subprocess.Popen(
            [sys.executable, "-m", "fauxbench.harness.execute.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            encoding="utf-8",
            env={**_KEPT, **os.environ, **_ENVIRONMENT},
            start_new_session=True,  # Ctrl-C reaches the coordinator alone, which then ends its workers
        )
        self.unit: Unit | None = None
        self.deadline: float | None = None
        self.fraction = 0.0
        self.message = ""
        self._events = events
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        for line in self.process.stdout or ():
            self._events.put((self, json.loads(line)))
        self.process.wait()
        self._events.put((self, {"event": "died"}))

    def order(self, unit: Unit, message: Mapping[str, object]) -> None:
        """Send a unit."""
        self.unit, self.deadline, self.fraction, self.message = unit, None, 0.0, ""
        with contextlib.suppress(BrokenPipeError):  # the death of the process is an event of its own
            if self.process.stdin:
                self.process.stdin.write(json.dumps(message) + "\n")
                self.process.stdin.flush()

    def kill(self) -> None:
        """End the process and its children."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def close(self) -> None:
        """End the process if need be, and give back what it held."""
        self.kill()
        self._listener.join()
        for pipe in (self.process.stdin, self.process.stdout, self.log):
            with contextlib.suppress(BrokenPipeError):
                if pipe:
                    pipe.close()

    def tail(self) -> str:
        """Return the end of what the process printed."""
        self.log.seek(0)
        return self.log.read().decode(errors="replace")[-LOG_TAIL:]


class LocalExecutor:
    """Runs a plan on this machine."""

    def __init__(self, store: Store, *, workers: int, display: Display, retry: bool = False) -> None:
        self.store = store
        self.workers = workers
        self.display = display
        self.retry = retry
        self.memory = Memory(store.memory_file)
        self._events: Queue[tuple[Worker, dict[str, Any]]] = Queue()
        self._pool: list[Worker] = []
        self._results = Results()

    def run(self, plan: Plan) -> Results:
        """Run every unit that the store does not hold; a failed unit ends only those that need it.

        Raises:
            StorageError: The disk is full or read-only.
            KeyboardInterrupt: Passed on, after the workers were ended.
        """
        with self.store.in_use():
            return self._run(plan)

    def _run(self, plan: Plan) -> Results:
        self._plan = plan
        for unit_id, finished in plan.cached(self.store).items():
            if not (self.retry and finished.facts.get("failures")):
                self._results.finished[unit_id] = finished
                self._results.cached.add(unit_id)
        self._waiting = [unit for unit in plan.units if unit.id not in self._results.finished]
        self.display.begin(plan, self._results.cached, {u.id: self.estimate(u) for u in self._waiting})
        try:
            while self._waiting or any(worker.unit for worker in self._pool):
                self._dispatch()
                self._handle_events()
        finally:
            for worker in self._pool:
                worker.close()
            self.display.end()
        return self._results

    def estimate(self, unit: Unit) -> float:
        """Return the seconds a unit is expected to take: what it took last time, else its card's word."""
        return self.memory.duration(unit.kind, unit.what) or unit.cost

    def _ready(self) -> Iterable[Unit]:
        done, failed = self._results.finished, self._results.failed
        return (
            unit
            for unit in self._waiting
            if all(s in done or (role in unit.soft and s in failed) for role, s in unit.inputs.items())
        )

    def _dispatch(self) -> None:
        idle = [worker for worker in self._pool if worker.unit is None]
        for unit in list(self._ready()):
            fingerprint = self._fingerprint(unit)
            known = self.store.find(unit.kind, fingerprint)
            if known and not (self.retry and known.facts.get("failures")):
                self._finish(unit, known, cached=True)
                continue
            if any(
                w.unit and w.unit.kind == unit.kind and self._fingerprint(w.unit) == fingerprint for w in self._pool
            ):
                continue  # the same work is under way for another unit: its result will serve both
            if not idle and len(self._pool) < self.workers:
                self._pool.append(Worker(self._events))
                idle.append(self._pool[-1])
            if not idle:
                return
            self._waiting.remove(unit)
            idle.pop().order(unit, self._message(unit, fingerprint))
            self.display.started(unit)

    def _outputs(self, unit: Unit) -> dict[str, str]:
        done = self._results.finished
        return {source: done[source].output for source in unit.inputs.values() if source in done}

    def _fingerprint(self, unit: Unit) -> str:
        return self._plan.fingerprint(unit, self._outputs(unit))

    def _message(self, unit: Unit, fingerprint: str) -> dict[str, object]:
        finished = self._results.finished
        return {
            "unit": unit.id,
            "kind": unit.kind,
            "key": dict(unit.key),
            "task": dict(unit.task),
            "inputs": {role: str(finished[s].folder) for role, s in unit.inputs.items() if s in finished},
            "input_outputs": {role: finished[s].output for role, s in unit.inputs.items() if s in finished},
            "fingerprint": fingerprint,
            "store": str(self.store.root),
            "device": self._plan.device,
            "time_limit": unit.time_limit,
            "again": self.retry,
        }

    def _handle_events(self) -> None:
        if not any(worker.unit for worker in self._pool):
            return
        try:
            worker, message = self._events.get(timeout=0.25)
        except Empty:
            self._end_overdue()
            self.display.tick()
            return
        unit = worker.unit
        if message["event"] == "progress":
            worker.fraction, worker.message = message["fraction"], message["message"]
            if unit:
                self.display.progress(unit, worker.fraction, worker.message)
        elif message["event"] == "started" and unit:
            worker.deadline = time.monotonic() + unit.time_limit
        elif message["event"] == "storage":
            raise StorageError(message["message"])
        elif unit and message["event"] == "finished":
            self._collect(worker, unit, cached=message["cached"])
        elif unit and message["event"] == "failed":
            failure = Failure(
                request_id=unit.id, kind=message["kind"], message=message["message"], traceback=message["traceback"]
            )
            worker.unit = None
            self._fail(unit, failure)
        elif message["event"] == "died":
            self._bury(worker)
        self._end_overdue()

    def _collect(self, worker: Worker, unit: Unit, *, cached: bool) -> None:
        found = self.store.find(unit.kind, self._fingerprint(unit))
        worker.unit = None
        if found is None:
            self._fail(unit, Failure(request_id=unit.id, kind="error", message="the unit left nothing in the store"))
            return
        if not cached:
            self.memory.remember_duration(unit.kind, unit.what, found.seconds)
        self._finish(unit, found, cached=cached)

    def _finish(self, unit: Unit, found: Finished, *, cached: bool) -> None:
        if unit in self._waiting:
            self._waiting.remove(unit)
        self._results.finished[unit.id] = found
        if cached:
            self._results.cached.add(unit.id)
        self.display.finished(unit, found.seconds, cached=cached)

    def _fail(self, unit: Unit, failure: Failure) -> None:
        self._results.failed[unit.id] = failure
        self.display.failed(unit, failure)
        lost = dependents(self._plan.units, unit.id)
        for other in [u for u in self._waiting if u.id in lost]:
            self._waiting.remove(other)
            self._results.failed[other.id] = Failure(
                request_id=other.id, kind=failure.kind, message=f"{unit.id}: {failure.message}"
            )

    def _bury(self, worker: Worker) -> None:
        if worker not in self._pool:
            return  # ended on purpose
        self._pool.remove(worker)
        unit = worker.unit
        if unit is not None:
            code = worker.process.returncode
            message = f"the worker process died (exit status {code}); the end of what it printed is in the traceback"
            self._fail(unit, Failure(request_id=unit.id, kind="crashed", message=message, traceback=worker.tail()))
        worker.close()

    def _end_overdue(self) -> None:
        now = time.monotonic()
        for worker in list(self._pool):
            unit = worker.unit
            if unit is not None and worker.deadline is not None and now > worker.deadline:
                self._pool.remove(worker)  # or it would be given the next unit before its death is heard of
                worker.close()
                done = f" ({worker.message})" if worker.message else ""
                message = f"no end after its time limit of {unit.time_limit:g} s{done}; the process was ended"
                self._fail(unit, Failure(request_id=unit.id, kind="timeout", message=message))
