"""The run folder: everything of a run that may leave the store.

RUN/
run.json          who ran what, when, on what; status running | complete | interrupted | failed
suite.json        the suite, as it was read
plan.jsonl        every unit, written first
records.jsonl     how each unit ended
failures.jsonl    every item and unit that failed, with the reason
results.json      rows; the same bytes for the same numbers
replicates.json   what comparisons need
scores/           what each detector said of each item
cards/            cards of the systems and detectors
samples/          a grid of each system's items, marked; provenance.jsonl beside it
tables/           rendered
"""

import datetime
import json
import os
import platform
import sys
from importlib.metadata import distributions, version
from pathlib import Path

from filelock import FileLock, Timeout

from .canonical import JSON, canonical
from .errors import InputError
from .plan import THREADS, Plan, numeric_class
from .store.store import disk_is_full, storage_errors, write_atomically
from .suite import Suite, suite_digest

_LIBRARIES = ("numpy", "opencv-python-headless", "pillow", "scikit-learn", "scipy", "timm", "torch", "torchvision")


class RunFolder:
    """A run folder that this process writes to."""

    def __init__(self, path: Path, lock: FileLock) -> None:
        self.path = path
        self._lock = lock

    @classmethod
    def open(cls, runs: Path, suite: Suite) -> "RunFolder":
        """Take up the unfinished run of the same suite, if there is one that nobody is working on, or begin a new one.

        Raises:
            InputError: `runs` cannot be written.
        """
        digest = suite_digest(suite)
        with storage_errors(runs):
            try:
                runs.mkdir(parents=True, exist_ok=True)
                for path in sorted(runs.glob(f"{suite.suite}-{digest[:8]}-*"), reverse=True):
                    if _status(path) in {"running", "interrupted"}:
                        lock = _try_lock(path)
                        if lock is not None:
                            return cls(path, lock)
                return cls._begun(runs / f"{suite.suite}-{digest[:8]}")
            except OSError as error:
                if disk_is_full(error):
                    raise
                raise InputError(
                    f"cannot make run folders in {runs}: {error.strerror}; choose another --runs"
                ) from error

    @classmethod
    def _begun(cls, stem: Path) -> "RunFolder":
        while True:
            stamp = datetime.datetime.now(tz=datetime.UTC).strftime("%Y%m%d-%H%M%S-%f")[:-3]
            path = stem.with_name(f"{stem.name}-{stamp}")
            try:
                path.mkdir()
            except FileExistsError:
                continue
            lock = _try_lock(path)
            if lock is not None:
                return cls(path, lock)

    def begin(self, suite: Suite, plan: Plan) -> None:
        """Write what is known before the first unit runs."""
        self._run: dict[str, JSON] = {
            "schema_version": 1,
            "status": "running",
            "suite": {"name": suite.suite, "version": suite.version, "digest": suite_digest(suite)},
            "started": _now(),
            "ended": None,
            "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
            "environment": {
                "fauxbench": version("fauxbench"),
                "python": platform.python_version(),
                "platform": platform.platform(),
                "processors": os.cpu_count(),
                "device": plan.device,
                "numeric_class": numeric_class(plan.device),
                "threads_per_unit": THREADS,
                "libraries": {d.name: d.version for d in distributions() if d.name.lower() in _LIBRARIES},
            },
        }
        self.write("suite.json", json.dumps(suite.model_dump(mode="json"), indent=1) + "\n")
        lines = [canonical({"unit": u.id, "kind": u.kind, "inputs": dict(u.inputs)}) + "\n" for u in plan.units]
        self.write("plan.jsonl", "".join(lines))
        self._write_status()

    def end(self, status: str, reason: str | None = None) -> None:
        """Write how the run ended."""
        self._run |= {"status": status, "ended": _now(), "reason": reason}
        self._write_status()

    def _write_status(self) -> None:
        self.write("run.json", json.dumps(self._run, indent=1) + "\n")

    def write(self, name: str, text: str) -> None:
        """Write a file of the run, whole or not at all."""
        path = self.path / name
        with storage_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text)

    def close(self) -> None:
        """Let others take the run up."""
        self._lock.release()
        (self.path / ".lock").unlink(missing_ok=True)


def _status(path: Path) -> str | None:
    try:
        return str(json.loads((path / "run.json").read_bytes())["status"])
    except (OSError, ValueError, LookupError, TypeError):
        return "interrupted" if path.is_dir() and not (path / "run.json").exists() else None


def _try_lock(path: Path) -> FileLock | None:
    lock = FileLock(path / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return None
    return lock


def _now() -> str:
    return datetime.datetime.now(tz=datetime.UTC).isoformat(timespec="seconds")
