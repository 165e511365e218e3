"""A grid of each system's items for the run folder, with what a detector said of each: people look before they read."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

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

STRIP = 16
"""Pixels below a tile that hold P(fake)."""
NOT_MARKED = "not-marked.txt"
SCORED = "scores.json"
"""Beside the grids: system -> the detector whose P(fake) its grid shows."""


def write_samples(folder: Path, planned: SuitePlan, ran: Ran) -> None:
    """Write `folder/<system>.png` for each system, where terms and consents allow its people to be shown.

    What cannot be marked is not written: `not-marked.txt` says why, and the run's numbers stand.
    """
    scored: dict[str, str] = {}
    for system in planned.systems:
        done = ran.finished.get(system.sets[0])
        if done is None:
            continue
        media = MediaSet.open(done.folder / "set")
        path = folder / f"{system.name}.png"
        if not media.card.terms.allow("publish") or why_not_hand_on(media):
            continue
        detector, scores = _scores(system.name, planned, ran)
        scored |= {system.name: detector} if scores else {}
        if path.exists():
            continue
        shown = [item for item in media.select(Split.TEST) if item.modality is Modality.IMAGE][: COLUMNS * ROWS]
        if not shown:
            continue
        try:
            release_picture(grid(shown, scores), path, shown, done.fingerprint)
        except InputError as error:  # keys that cannot be used
            write_atomically(folder / NOT_MARKED, f"no samples: {error}\n")
            return
    if scored and folder.is_dir():
        write_atomically(folder / SCORED, json.dumps(scored, indent=1) + "\n")
    (folder / NOT_MARKED).unlink(missing_ok=True)


def _scores(system: str, planned: SuitePlan, ran: Ran) -> tuple[str, dict[str, float]]:
    """Return the first detector that has scored a system, one that learnt from all if there is one, and P(fake)."""
    end = f" - {system}"
    names = [name for name, unit in planned.detect_units.items() if name.endswith(end) and unit in ran.finished]
    names.sort(key=lambda name: not name.endswith(f" on all{end}"))
    if not names:
        return "", {}
    text = (ran.finished[planned.detect_units[names[0]]].folder / "scores.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines() if line]
    found = {str(line["item"]): float(line["fake"]) for line in lines if line["status"] == "ok"}
    return names[0].removesuffix(end), found


def grid(items: Sequence[Item], scores: Mapping[str, float] | None = None) -> Picture:
    """Return the pictures of `items` side by side, `COLUMNS` in a row; with `scores`, P(fake) below each."""
    tiles = [_tile(item) for item in items]
    if scores:
        tiles = [_told(tile, scores.get(item.id)) for item, tile in zip(items, tiles, strict=True)]
    blank = np.full(tiles[0].shape, 255, np.uint8)
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


def _told(tile: Picture, score: float | None) -> Picture:
    """Return a tile above a strip with P(fake), and a bar of that length."""
    strip = Image.new("RGB", (TILE, STRIP), "white")
    draw = ImageDraw.Draw(strip)
    if score is not None:
        draw.rectangle((0, STRIP - 5, round(score * (TILE - 1)), STRIP - 4), fill=(0, 114, 178))
    text = "no score" if score is None else f"{score:.2f}"
    draw.text((TILE / 2, 5), text, fill=(29, 31, 36), font=ImageFont.load_default(size=10), anchor="mm")
    return np.concatenate([tile, np.asarray(strip)], axis=0)
