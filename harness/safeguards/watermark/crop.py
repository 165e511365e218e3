"""Looking for the mark in pictures that were cropped: every part of an eighth of a side may be gone, at any place."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...media.content import Picture
from ...media.images import resize
from .code import CODED_BITS
from .lattice import Evidence, Numbers
from .picture import BLOCK, FREQUENCIES, GRID, STEPS, Secret, cosines, luma

LARGEST = 8.0
"""Most that is gone from a side, in pixels of the canonical picture: 12.5 %."""
FIRST_GONE = 0.75
SIZE_STEP = 0.5
PLACE_STEP = 0.35
"""Steps of the search in canonical pixels. The finest wave that carries is 5.3 long."""

_SIDE = GRID // BLOCK
_LONGEST = 96
"""Longer sides are reduced to this first: no frequency that carries is lost."""
_SPARE, _LOST = 0.5, 4.0
"""Canonical pixels of a block that may be missing before it counts less, and before it does not count."""


class Window(NamedTuple):
    """Where a cropped picture lay, in pixels of the canonical picture."""

    gone: float
    """By how much its sides are shorter than 64."""
    top: float
    left: float


def look_in_crops(pictures: list[Picture], secret: Secret) -> tuple[Evidence, int]:
    """Return what the likeliest window says about pictures cropped alike, and how many were tried."""
    planes = [_reduced(picture) for picture in pictures]
    best, attempts = (-1.0, Window(0.0, 0.0, 0.0)), 0
    for gone in np.arange(FIRST_GONE, LARGEST + SIZE_STEP / 2, SIZE_STEP):
        places = tuple(float(place) for place in np.arange(0.0, gone + PLACE_STEP / 2, PLACE_STEP))
        found, tried = _best(planes, secret, float(gone), places, places)
        best, attempts = max(best, found), attempts + tried
    for finer in (0.5, 0.25):
        _, (gone, top, left) = best
        near = np.array([-finer, 0.0, finer])
        for size in gone + SIZE_STEP * near:
            tops = tuple(float(place) for place in top + PLACE_STEP * near)
            lefts = tuple(float(place) for place in left + PLACE_STEP * near)
            found, tried = _best(planes, secret, float(size), tops, lefts)
            best, attempts = max(best, found), attempts + tried
    window = best[1]
    return _evidence(planes, secret, window.gone, (window.top,), (window.left,)), attempts


def _best(
    planes: list[NDArray[np.float64]], secret: Secret, gone: float, tops: tuple[float, ...], lefts: tuple[float, ...]
) -> tuple[tuple[float, Window], int]:
    """Return the odds and the place of the best window of a size, and how many were tried (at one step each)."""
    odds = _evidence(planes, secret, gone, tops, lefts).odds.reshape(len(STEPS), len(tops), len(lefts))
    _, row, column = np.unravel_index(int(np.argmax(odds)), odds.shape)
    return (float(odds.max()), Window(gone, tops[row], lefts[column])), len(tops) * len(lefts)


def _evidence(
    planes: list[NDArray[np.float64]], secret: Secret, gone: float, tops: tuple[float, ...], lefts: tuple[float, ...]
) -> Evidence:
    """Read the pictures at every pair of places; attempts are ordered step, top, left."""
    weights = np.tile(_weights(secret, gone, tops, lefts), (len(STEPS), 1))
    total: Evidence | None = None
    for plane in planes:
        down = _readers(plane.shape[0], gone, tops)
        across = _readers(plane.shape[1], gone, lefts)
        waves = (down @ plane @ across.T).reshape(len(tops), _SIDE, FREQUENCIES, len(lefts), _SIDE, FREQUENCIES)
        waves = waves.transpose(1, 4, 0, 3, 2, 5).reshape(_SIDE**2, len(tops) * len(lefts), FREQUENCIES**2)
        numbers = np.empty((len(tops) * len(lefts), CODED_BITS))
        numbers[:, secret.order] = (waves @ secret.weights.swapaxes(1, 2)).swapaxes(0, 1).reshape(len(numbers), -1)
        one = Evidence.of(np.concatenate([numbers / step for step in STEPS]) - secret.dither, weights)
        total = one if total is None else total + one
    assert total is not None
    return total


def _weights(secret: Secret, gone: float, tops: tuple[float, ...], lefts: tuple[float, ...]) -> Numbers:
    """Return (places, 256) how far each number's block lies in the window: 1 inside, 0 where half of it is missing."""
    starts = np.arange(0, GRID, BLOCK)
    inside = []
    for places in (tops, lefts):
        first = np.array(places)[:, None]
        missing = np.maximum(np.maximum(first - starts, starts + BLOCK - (first + GRID - gone)), 0.0)
        inside.append(np.clip((_LOST - missing) / (_LOST - _SPARE), 0.0, 1.0))
    blocks = (inside[0][:, None, :, None] * inside[1][None, :, None, :]).reshape(-1, _SIDE**2)
    weights = np.empty((len(blocks), CODED_BITS))
    weights[:, secret.order] = np.repeat(blocks, CODED_BITS // _SIDE**2, axis=1)
    return weights


def _reduced(picture: Picture) -> Numbers:
    height, width = (min(side, _LONGEST) for side in picture.shape[:2])
    return luma(resize(picture, width, height))


@lru_cache(maxsize=256)
def _readers(length: int, gone: float, places: tuple[float, ...]) -> NDArray[np.float64]:
    """Return (places x 32, length): what brings a row of a cropped picture to the waves of the canonical blocks.

    What is missing at either end is taken to be as the last pixel that is there.
    """
    whole = length * GRID / (GRID - gone)
    margin = int(np.ceil(whole - length)) + 1
    x = np.arange(-margin, length + margin)
    within = np.clip(x, 0, length - 1)
    waves = np.kron(np.eye(_SIDE), cosines(BLOCK, BLOCK)[:FREQUENCIES]) @ cosines(GRID, GRID).T
    out = np.zeros((len(places), len(waves), length))
    frequency = np.arange(min(GRID, int(whole)))[:, None]
    for row, place in zip(out, places, strict=True):
        at = x + place * length / (GRID - gone) + 0.5
        wave = np.cos(np.pi * frequency * at / whole) * (np.sqrt(2.0) / whole)
        wave[0] /= np.sqrt(2.0)
        wave[:, (at < 0) | (at > whole)] = 0.0
        reader = waves[:, : len(frequency)] @ wave
        np.add.at(row.T, within, reader.T)
    return out.reshape(-1, length)
