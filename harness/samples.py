"""A grid of each system's items for the run folder: people look before they read."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .errors import InputError, MediaError
from .execute.local import Results as Ran
from .media.content import Picture
from .media.images import crop_square, read_image, resize
from .media.item import Item, Modality, Split
from .media.mediaset import MediaSet
from .planning.model import SuitePlan
from .safeguards.border import release_picture
from .safeguards.publishing import why_not_hand_on
from .store.store import write_atomically

COLUMNS, ROWS = 8, 4
TILE = 64
"""Pixels of a tile's side; smaller pictures are enlarged without smoothing, so that every pixel can be seen."""

NOT_MARKED = "not-marked.txt"


def write_samples(folder: Path, planned: SuitePlan, ran: Ran) -> None:
    """Write `folder/<system>.png` for each system, where terms and consents allow its people to be shown.

    What cannot be marked is not written: `not-marked.txt` says why, and the run's numbers stand.
    """
    for system in planned.systems:
        done = ran.finished.get(system.sets[0])
        if done is None:
            continue
        media = MediaSet.open(done.folder / "set")
        path = folder / f"{system.name}.png"
        if not media.card.terms.allow("publish") or why_not_hand_on(media) or path.exists():
            continue
        shown = [item for item in media.select(Split.TEST) if item.modality is Modality.IMAGE][: COLUMNS * ROWS]
        if not shown:
            continue
        try:
            release_picture(grid(shown), path, shown, done.fingerprint)
        except InputError as error:  # keys that cannot be used
            write_atomically(folder / NOT_MARKED, f"no samples: {error}\n")
            return
    (folder / NOT_MARKED).unlink(missing_ok=True)


def grid(items: Sequence[Item]) -> Picture:
    """Return the pictures of `items` side by side, `COLUMNS` in a row."""
    tiles = [_tile(item) for item in items]
    blank = np.full((TILE, TILE, 3), 255, np.uint8)
    tiles += [blank] * (-len(tiles) % COLUMNS)
    rows = [np.concatenate(tiles[i : i + COLUMNS], axis=1) for i in range(0, len(tiles), COLUMNS)]
    return np.concatenate(rows, axis=0)


def _tile(item: Item) -> Picture:
    try:
        pixels = crop_square(read_image(item.location)) if item.location else None
    except MediaError:
        pixels = None
    if pixels is None:
        return np.full((TILE, TILE, 3), 128, np.uint8)
    factor = TILE // pixels.shape[0]
    if factor > 1:
        pixels = pixels.repeat(factor, axis=0).repeat(factor, axis=1)
    return resize(pixels, TILE, TILE)
