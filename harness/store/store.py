"""The content-addressed store: finished units, found again by fingerprint.

STORE/                      mode 700: synthetic masters never leave it unmarked
  units/<kind>/ab/<fp>/     unit.json (written last) and what the unit made
  partial/<fp>-<pid>/       a unit in flight; renamed when it is complete
  checkpoints/<fp>/         what an interrupted training goes on from; gone when its unit is complete
  locks/<fp>.lock           held while a unit runs; its unit.json is touched whenever it is found: when it was last used
  locks/user-<ns>-<id>.lock held while a process works with units, since <ns>: those used from then on are not pruned
  locks/prune.lock          held while old units are removed
  memory.sqlite             content digests of referenced files, durations of units
  weights/                  instruments' weights, put there by the user
"""

import errno
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ..canonical import JSON, digest_of
from ..errors import InputError, IntegrityError, StorageError

FINGERPRINT_SCHEME = 1
"""Raise it with any change of how fingerprints are made; a golden test locks the scheme."""
MEMORY = "memory.sqlite"
"""Name of the database of content digests, durations and code in the store."""
PRUNE = "prune"
"""Name of the lock that whoever removes units holds."""
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A unit that ran to its end."""

    folder: Path
    fingerprint: str
    output: str
    """Digest of what it made: what later units have in their fingerprints."""
    seconds: float
    facts: Mapping[str, JSON]
    """Small results: counts, failures, a threshold."""


def fingerprint(kind: str, key: Mapping[str, JSON], inputs: Mapping[str, str]) -> str:
    """Return the identity of a unit.

    Args:
        kind: What the unit does: fit, generate, extract, ...
        key: Card, parameters, code identity, weights digest, protocol, seed, numeric class: what changes results.
        inputs: Role -> digest of what another unit made.
    """
    return digest_of({"scheme": FINGERPRINT_SCHEME, "kind": kind, "key": dict(key), "inputs": dict(inputs)})


def disk_is_full(error: BaseException) -> bool:
    """Whether an error means that the disk is full or read-only, rather than that something is wrong."""
    return isinstance(error, StorageError) or (isinstance(error, OSError) and error.errno in _FULL)


def weights_folder(store: Path) -> Path:
    """Return where users put the weights of instruments, whether or not the store exists yet."""
    return store / "weights"


@contextmanager
def new_folder(place: Path) -> Iterator[Path]:
    """Give a folder to fill, which takes its place only when it is complete: the same command can be given again.

    Raises:
        InputError: There is something in that place, or it cannot be written to.
        StorageError: The disk is full or read-only.
    """
    with storage_errors(place):
        place = place.resolve()
        part = place.with_name(f".{place.name}.part")
        try:
            if place.exists() and (not place.is_dir() or any(place.iterdir())):
                raise InputError(f"{place}: not empty; choose a new folder")
            shutil.rmtree(part, ignore_errors=True)  # of a command that was ended
            part.mkdir(parents=True)
        except OSError as error:
            if disk_is_full(error):
                raise
            raise InputError(f"{place}: cannot be written: {error.strerror}; choose another folder") from error
        try:
            yield part
            if place.is_dir():
                for child in part.iterdir():
                    child.replace(place / child.name)
                part.rmdir()
            else:
                part.replace(place)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise


def storage_message(error: BaseException, place: Path) -> str:
    """Return what to do about a disk that is full or read-only."""
    what = error.strerror if isinstance(error, OSError) else str(error)
    where = getattr(error, "filename", None) or place
    return (
        f"{what} at {where}: free space (or choose another --store or --runs) and give the same command again; "
        "finished units are kept"
    )


@contextmanager
def storage_errors(place: Path) -> Iterator[None]:
    """Turn a full or read-only disk into a StorageError that says what to do."""
    try:
        yield
    except OSError as error:
        if disk_is_full(error):
            raise StorageError(storage_message(error, place)) from error
        raise


class Store:
    """One store folder; several processes may use it at once."""

    def __init__(self, root: Path) -> None:
        self.root = root = root.absolute()  # a part may change the working folder
        with storage_errors(root):
            try:
                for name in ("units", "partial", "locks", "weights"):
                    (root / name).mkdir(parents=True, exist_ok=True)
                root.chmod(0o700)
            except OSError as error:
                if disk_is_full(error):
                    raise
                raise InputError(
                    f"the store {root} cannot be used: {error.strerror}; choose another --store"
                ) from error

    @property
    def weights(self) -> Path:
        """Where users put the weights of instruments."""
        return weights_folder(self.root)

    @property
    def memory_file(self) -> Path:
        """The database of content digests and durations."""
        return self.root / MEMORY

    def folder_of(self, kind: str, unit_fingerprint: str) -> Path:
        """Return where a unit's results lie once it is finished."""
        return self.root / "units" / kind / unit_fingerprint[:2] / unit_fingerprint

    def checkpoints(self, name: str) -> Path:
        """Return where a training keeps its checkpoints: under its unit's fingerprint, or a name of its own."""
        return self.root / "checkpoints" / name

    def find(self, kind: str, unit_fingerprint: str) -> Finished | None:
        """Return a finished unit, or None."""
        folder = self.folder_of(kind, unit_fingerprint)
        try:
            record = json.loads((folder / "unit.json").read_bytes())
            with suppress(OSError):  # a store that can only be read is never pruned
                os.utime(folder / "unit.json")
            return Finished(
                folder=folder,
                fingerprint=unit_fingerprint,
                output=record["output"],
                seconds=record["seconds"],
                facts=record["facts"],
            )
        except FileNotFoundError:
            return None
        except (ValueError, LookupError, TypeError) as error:
            raise IntegrityError(f"{folder}/unit.json is damaged; delete {folder} to run the unit again") from error

    @contextmanager
    def lock(self, unit_fingerprint: str) -> Iterator[None]:
        """Hold the lock of a unit; the operating system frees it when the process dies."""
        lock = FileLock(self.root / "locks" / f"{unit_fingerprint}.lock")
        try:
            lock.acquire(timeout=-1)
        except (Timeout, OSError) as error:
            raise StorageError(f"the store {self.root} cannot be locked: {error}") from error
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Keep every unit that is found from now on from being pruned, until the end of the block or of the process."""
        mine = FileLock(self.root / "locks" / f"user-{time.time_ns()}-{uuid.uuid4().hex[:8]}.lock")
        with storage_errors(self.root):
            mine.acquire(timeout=0)
        try:
            with self.lock(PRUNE):  # whoever prunes either knows of us by now, or is done before we look
                pass
            yield
        finally:
            mine.release()
            Path(mine.lock_file).unlink(missing_ok=True)

    @contextmanager
    def partial(self, unit_fingerprint: str) -> Iterator[Path]:
        """Give a fresh folder for a unit in flight, and remove those of dead processes; call while holding its lock."""
        for stale in (self.root / "partial").iterdir():
            self._clear(stale, held=unit_fingerprint)
        folder = self.root / "partial" / f"{unit_fingerprint}-{os.getpid()}"
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _clear(self, stale: Path, held: str) -> None:
        """Remove a partial folder whose process is dead: its lock is ours, or free."""
        owner = stale.name.partition("-")[0]
        lock = FileLock(self.root / "locks" / f"{owner}.lock")
        try:
            if owner != held:
                lock.acquire(timeout=0)
            shutil.rmtree(stale, ignore_errors=True)
        except (Timeout, OSError):
            return  # at work
        finally:
            lock.release()

    def commit(self, kind: str, unit_fingerprint: str, folder: Path, record: Mapping[str, Any]) -> Finished:
        """Write `unit.json` last, move the folder to its place, and return the finished unit."""
        _write_and_sync(folder / "unit.json", json.dumps(record, sort_keys=True, allow_nan=False, indent=1))
        place = self.folder_of(kind, unit_fingerprint)
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.exists():  # without a valid unit.json, or it would have been found
            shutil.rmtree(place)
        folder.rename(place)
        finished = self.find(kind, unit_fingerprint)
        if finished is None:
            raise IntegrityError(f"{place} vanished after it was written")
        return finished


def _write_and_sync(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old or the new one, never half of it."""
    part = path.with_name(f".{path.name}.part")
    with storage_errors(path):
        _write_and_sync(part, text)
        part.replace(path)
