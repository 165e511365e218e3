"""What the built-in detectors read of an item, and whole splits decoded once into arrays that are mapped from disk."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from fauxbench import Item, MediaError, ScoreRecord, crop_square, read_image, resize
from fauxbench.detectors._choice import Truth, is_fake


class Missing(Exception):
    """An item lacks what the detector looks at: no file, no sound, too short. It is not scored, and says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Windows of one item, in the order of time."""

    arrays: Mapping[str, NDArray[Any]]
    """Name -> (T, ...) of the same T."""
    times: tuple[float, ...] = ()
    """(T,) seconds of the middle of each window; empty for a picture."""

    @property
    def count(self) -> int:
        """T."""
        return len(next(iter(self.arrays.values())))


Read = Callable[[Item], Reading]


def read_or_say(read: Read, item: Item) -> Reading | ScoreRecord:
    """Return what is read of an item, or the record of why there is nothing."""
    try:
        return read(item)
    except Missing as error:
        return ScoreRecord(item=item.id, status="missing", reason=str(error))
    except MediaError as error:
        return ScoreRecord(item=item.id, status="error", reason=str(error))


def file_of(item: Item) -> Path:
    """Return where an item's file lies; Missing if it is not on this machine."""
    if item.location is None:
        raise Missing("no file on this machine")
    return item.location


def picture_of(item: Item, size: int) -> NDArray[np.uint8]:
    """Return the centred square of a picture at (size, size, 3), antialiased."""
    return resize(crop_square(read_image(file_of(item))), size, size)


def evenly(frames: Iterable[NDArray[np.uint8]], count: int, size: int) -> tuple[NDArray[np.uint8], list[int]]:
    """Return `count` frames (count, size, size, 3) spread evenly over a clip, and their places; in one pass.

    Every second, fourth, ... frame is kept while at most 4 * count are; the nearest to even ones are taken of these. A
    clip with fewer frames gives some of them more than once.

    Raises:
        MediaError: There is no frame.
    """
    kept: list[tuple[int, NDArray[np.uint8]]] = []
    stride, total = 1, 0
    for place, frame in enumerate(frames):
        total = place + 1
        if place % stride == 0:
            kept.append((place, resize(crop_square(frame), size, size)))
            if len(kept) > 4 * count:
                kept, stride = kept[::2], 2 * stride
    if not kept:
        raise MediaError("a clip without frames")
    places = np.array([place for place, _ in kept])
    wanted = (np.arange(count) + 0.5) * total / count - 0.5
    nearest = [int(np.abs(places - at).argmin()) for at in wanted]
    return np.stack([kept[i][1] for i in nearest]), [int(places[i]) for i in nearest]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A split, decoded once: rows of arrays that lie on disk."""

    arrays: Mapping[str, NDArray[Any]]
    """Name -> (rows, T, ...)."""
    owners: NDArray[np.intp]
    """(rows,) the place of each row's item in `truth`."""
    truth: Truth
    """(items,) whether each readable item is fake."""
    unreadable: int

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def row_truth(self) -> Truth:
        """(rows,) whether each row is fake."""
        return np.asarray(self.truth[self.owners])

    @property
    def counts(self) -> list[int]:
        """Real and fake items."""
        return [int((~self.truth).sum()), int(self.truth.sum())]


def rows_of(reading: Reading, whole: bool) -> Mapping[str, NDArray[Any]]:
    """Return windows as rows (rows, T, ...): one row of all of them, or one row each."""
    return {name: array[None] if whole else array[:, None] for name, array in reading.arrays.items()}


class Sheets:
    """Arrays that grow row by row on disk; they are read through the page cache, as if they were in memory."""

    def __init__(self, scratch: Path, rows: int) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="decoded-", dir=scratch))
        self._room = max(rows, 1)
        self._arrays: dict[str, NDArray[Any]] = {}
        self.count = 0

    def add(self, rows: Mapping[str, NDArray[Any]]) -> int:
        """Add rows and return how many there were."""
        more = len(next(iter(rows.values())))
        for name, values in rows.items():
            if name not in self._arrays:
                shape = (self._room, *values.shape[1:])
                path = self._folder / f"{name}.npy"
                self._arrays[name] = open_memmap(path, mode="w+", dtype=values.dtype, shape=shape)
            self._arrays[name][self.count : self.count + more] = values
        self.count += more
        return more

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what is filled; the files are gone with the process's last view of them."""
        for path in self._folder.iterdir():
            path.unlink()
        self._folder.rmdir()
        return {name: array[: self.count] for name, array in self._arrays.items()}


def decode(
    items: Sequence[Item], read: Read, *, whole: bool, most: int, target: str, scratch: Path, what: str
) -> Decoded:
    """Decode a split.

    Args:
        items: Of the split.
        read: What the detector reads of one.
        whole: Whether the windows of an item are one row, or a row each.
        most: Rows that an item can give.
        target: Of the card.
        scratch: Folder that the arrays are put into.
        what: Named in errors.

    Raises:
        ValueError: There is no real or no fake item among those that can be read.
    """
    sheets = Sheets(scratch, len(items) * most)
    truth: list[bool] = []
    owners: list[int] = []
    for item in items:
        reading = read_or_say(read, item)
        if isinstance(reading, Reading):
            owners += [len(truth)] * sheets.add(rows_of(reading, whole))
            truth.append(is_fake(item, target))
    fakes, unreadable = sum(truth), len(items) - len(truth)
    if fakes in (0, len(truth)):
        raise ValueError(
            f"{what} holds {len(truth) - fakes} real and {fakes} fake items that can be read, and {unreadable} that "
            f"cannot; both classes are needed (truth: {target})"
        )
    return Decoded(
        arrays=sheets.arrays(), owners=np.array(owners, dtype=np.intp), truth=np.array(truth), unreadable=unreadable
    )


def each(items: Sequence[Item], read: Read) -> Iterator[tuple[Item, Reading | ScoreRecord]]:
    """Yield every item with what is read of it, one at a time."""
    for item in items:
        yield item, read_or_say(read, item)
