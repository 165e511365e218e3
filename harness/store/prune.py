"""What lies in a store, and removing what was not used for long.

Least recently used goes first. Never removed: a unit whose lock is held; a unit that was used since the oldest process
began that works with the store now (see `Store.in_use`); weights, which the user put there; anything that is no unit.
"""

import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from ..errors import InputError, StorageError
from .store import PRUNE, Store

DAY = 86_400.0
CHECKPOINTS = "checkpoints"
"""As the kind of what interrupted trainings left."""
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_USER = re.compile(r"user-(\d+)-[0-9a-f]+\.lock")
_SIZES = {"": 1, "B": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_SIZES |= {f"{name}I": 2**power for name, power in (("K", 10), ("M", 20), ("G", 30), ("T", 40))}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One finished unit, or the checkpoints of an interrupted training."""

    kind: str
    name: str
    """Fingerprint of the unit; name of the checkpoints' folder."""
    folder: Path
    size: int
    """Bytes of its files."""
    used: float
    """When it was last made or found, in seconds since 1970."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What was removed, or would be."""

    removed: tuple[Kept, ...]
    busy: tuple[Kept, ...]
    """What would have gone, had nobody needed it."""
    left: int
    """Bytes of the units and checkpoints that remain."""


def open_store(place: Path) -> Store:
    """Open a store that is there already; nothing is made.

    Raises:
        InputError: No such folder, or it is no store.
    """
    if not place.exists():
        raise InputError(f"{place}: there is no store; give --store, or run a suite first")
    lost = [name for name in ("units", "partial", "locks") if not (place / name).is_dir()]
    if lost:
        raise InputError(f"{place}: not a store of fauxbench: it has no folder {', '.join(lost)}; nothing was touched")
    return Store(place)


def kept_in(store: Store) -> list[Kept]:
    """Return every unit and all checkpoints, least recently used first; foreign files and links are passed over."""
    return sorted([*_units(store), *_checkpoints(store)], key=lambda one: (one.used, one.kind, one.name))


def _units(store: Store) -> Iterator[Kept]:
    for kind in _folders(store.root / "units"):
        for group in _folders(kind):
            for folder in _folders(group):
                if _FINGERPRINT.fullmatch(folder.name) and folder.name[:2] == group.name:
                    used = _changed(folder / "unit.json") or _changed(folder)
                    yield Kept(kind=kind.name, name=folder.name, folder=folder, size=bytes_of(folder), used=used)


def _checkpoints(store: Store) -> Iterator[Kept]:
    for folder in _folders(store.root / CHECKPOINTS):
        used = max([_changed(folder), *(_changed(path) for path in folder.rglob("*"))])
        yield Kept(kind=CHECKPOINTS, name=folder.name, folder=folder, size=bytes_of(folder), used=used)


def _folders(place: Path) -> list[Path]:
    return sorted(path for path in place.iterdir() if path.is_dir() and not path.is_symlink()) if place.is_dir() else []


def _changed(path: Path) -> float:
    try:
        return path.stat(follow_symlinks=False).st_mtime
    except OSError:  # gone meanwhile, or never there
        return 0.0


def bytes_of(place: Path) -> int:
    """Return the bytes of the files in a folder, or of a file; links count as nothing."""
    if place.is_file() and not place.is_symlink():
        return place.stat().st_size
    total = 0
    for folder, _, names in os.walk(place):
        for name in names:
            try:
                total += os.lstat(f"{folder}/{name}").st_size
            except OSError:  # gone meanwhile
                continue
    return total


def units_of_run(run: Path) -> frozenset[str]:
    """Return the fingerprints of the units that a finished run rests on; none for what is no run.

    Checked as text, so that records of a later form say less rather than fail.
    """
    try:
        text = (run / "records.jsonl").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return frozenset()
    return frozenset(re.findall(r'"fingerprint":"([0-9a-f]{64})"', text))


def read_size(text: str) -> int:
    """Return the bytes that `10GB`, `500 MB`, `1.5GiB` or `1000` means.

    Raises:
        InputError: It means nothing.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?I?)B?\s*", text.upper())
    if found is None or found[2] not in _SIZES:
        raise InputError(f"'{text}' is no size; expected for instance 10GB, 500MB or 1.5GiB")
    return int(float(found[1]) * _SIZES[found[2]])


def prune(
    store: Store,
    *,
    older_than: float | None = None,
    max_size: int | None = None,
    dry_run: bool = False,
    now: float | None = None,
) -> Pruned:
    """Remove units, least recently used first.

    Args:
        store: The store.
        older_than: Remove what was not used for so many days.
        max_size: Then remove more, until units and checkpoints take so many bytes at most.
        dry_run: Remove nothing, and say what would go.
        now: Seconds since 1970; by default the clock's.

    Raises:
        InputError: Neither limit was given.
        StorageError: The folder cannot be written.
    """
    if older_than is None and max_size is None:
        raise InputError("nothing says what may go; give --older-than DAYS, --max-size SIZE, or both")
    if dry_run:
        return _chosen(store, kept_in(store), older_than, max_size, now)
    with store.lock(PRUNE):
        # From here on, whoever begins to work with the store waits for us before it looks for units.
        found = _chosen(store, kept_in(store), older_than, max_size, now)
        removed = tuple(one for one in found.removed if _remove(store, one))
    gone = {one.folder for one in removed}
    stayed = [one for one in found.removed if one.folder not in gone]
    left = found.left + sum(one.size for one in stayed)
    return Pruned(removed=removed, busy=(*found.busy, *stayed), left=left)


def _chosen(
    store: Store, every: Iterable[Kept], older_than: float | None, max_size: int | None, now: float | None
) -> Pruned:
    began = oldest_user(store)
    every = list(every)
    left = sum(one.size for one in every)
    limit = None if older_than is None else (now or time.time()) - older_than * DAY
    removed, busy = [], []
    for one in every:
        old = limit is not None and one.used < limit
        much = max_size is not None and left > max_size
        if not (old or much):
            continue
        if _needed(store, one, began):
            busy.append(one)
            continue
        removed.append(one)
        left -= one.size
    return Pruned(removed=tuple(removed), busy=tuple(busy), left=left)


def oldest_user(store: Store) -> float | None:
    """Return since when the oldest process works with the store that does so now; None if nobody does.

    Locks that dead processes left are removed.
    """
    began = []
    for path in sorted((store.root / "locks").glob("user-*.lock")):
        found = _USER.fullmatch(path.name)
        if found is None:
            continue
        if _held(path):
            began.append(int(found[1]) / 1e9)
        else:
            path.unlink(missing_ok=True)
    return min(began, default=None)


def _needed(store: Store, one: Kept, began: float | None) -> bool:
    if one.kind == CHECKPOINTS:  # their names need not be those of units
        return began is not None or _held(store.root / "locks" / f"{one.name}.lock")
    # Clocks of file systems are coarser than that of the process: a second is left between them.
    used_now = began is not None and one.used >= began - 1.0
    return used_now or _held(store.root / "locks" / f"{one.name}.lock")


def _held(path: Path) -> bool:
    """Whether some process holds a lock."""
    if not path.exists():
        return False
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    except OSError:  # cannot be told: it stays
        return True
    lock.release()
    return False


def _remove(store: Store, one: Kept) -> bool:
    """Remove a unit: out of its place at once, so that nobody finds half of it; False if somebody took it up."""
    lock = FileLock(store.root / "locks" / f"{one.name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    except OSError as error:
        raise StorageError(f"the store {store.root} cannot be locked: {error}") from error
    try:
        away = store.root / "partial" / f"{one.name}-pruned"
        shutil.rmtree(away, ignore_errors=True)
        one.folder.rename(away)
        shutil.rmtree(away, ignore_errors=True)
    except OSError as error:
        raise StorageError(f"{one.folder}: cannot be removed: {error.strerror}") from error
    finally:
        lock.release()
    return True


def by_kind(every: Iterable[Kept]) -> Mapping[str, tuple[int, int]]:
    """Return units and bytes of each kind, the largest first."""
    found: dict[str, tuple[int, int]] = {}
    for one in every:
        count, size = found.get(one.kind, (0, 0))
        found[one.kind] = count + 1, size + one.size
    return dict(sorted(found.items(), key=lambda entry: (-entry[1][1], entry[0])))
