"""The watermark of pictures and frames.

A picture's luma is brought to a canonical 64 x 64 by cutting its cosine transform: low frequencies in relative
coordinates, the same for every size of the picture. Each 8 x 8 block of it gives four numbers, the projections of its
middle frequencies onto secret directions, and each is moved onto the lattice (spread-transform dither modulation: Chen
and Wornell 2001, section V-B).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ...media.content import Picture
from .code import CODED_BITS, encode
from .lattice import Evidence, Numbers, decide, displacement, dithers, shuffle
from .mark import Bits, Found, Mark, check_key, derive, seal

GRID = 64
"""Side of the canonical picture."""
BLOCK = 8
STEP = 0.60
"""Step of the lattice, in levels of 255, of numbers per pixel of the picture."""
SMALLEST = 32
"""Shortest side of a picture that can be marked."""

_LUMA = np.array([0.299, 0.587, 0.114])
_BLOCKS = (GRID // BLOCK) ** 2
_EACH = CODED_BITS // _BLOCKS
_BAND = tuple((u, v) for u in range(BLOCK) for v in range(BLOCK) if 2 <= u + v <= 6 and max(u, v) <= 5)
"""Frequencies of a block that carry."""


def mark_picture(picture: Picture, mark: Mark, key: bytes) -> Picture:
    """Return the picture with an invisible mark; the same mark and key give the same pixels."""
    return _marked(picture, encode(seal(mark, key)), _Secret.of(bytes(key)))


def mark_frames(frames: Iterable[Picture], mark: Mark, key: bytes) -> Iterator[Picture]:
    """Yield the frames, each with the whole mark."""
    coded, secret = encode(seal(mark, key)), _Secret.of(bytes(key))
    return (_marked(frame, coded, secret) for frame in frames)


def find_in_picture(picture: Picture, key: bytes) -> Found | None:
    """Look for a mark."""
    return find_in_frames((picture,), key)


def find_in_frames(frames: Iterable[Picture], key: bytes) -> Found | None:
    """Look for a mark in the frames together."""
    check_key(key)
    secret = _Secret.of(bytes(key))
    total: Evidence | None = None
    for frame in frames:
        one = Evidence.of(secret.numbers(canonical(frame)), secret.dither, STEP)
        total = one if total is None else total + one
    return None if total is None else decide(total, key)


@dataclass(frozen=True, slots=True, eq=False)
class _Secret:
    """What the key decides."""

    directions: NDArray[np.float64]
    """(64, 4, 64): of each block, orthonormal directions over its pixels."""
    order: NDArray[np.int64]
    """(256,) number -> coded bit."""
    dither: Numbers

    @classmethod
    @lru_cache(maxsize=8)
    def of(cls, key: bytes) -> "_Secret":
        """Derive it."""
        count = len(_BAND) // _EACH * _EACH
        places = shuffle(key, "picture places", _BLOCKS, len(_BAND))[:, :count]
        drawn = np.frombuffer(derive(key, "picture signs", _BLOCKS * count), dtype=np.uint8)
        signs = (1.0 - 2.0 * (drawn & 1)).reshape(_BLOCKS, count)
        weights = np.zeros((_BLOCKS, _EACH, len(_BAND)))
        rows = np.repeat(np.arange(_BLOCKS), count)
        weights[rows, np.tile(np.arange(count) % _EACH, _BLOCKS), places.reshape(-1)] = signs.reshape(-1)
        weights /= np.sqrt(count // _EACH)
        basis = cosines(BLOCK, BLOCK)
        waves = np.stack([np.outer(basis[u], basis[v]).reshape(-1) for u, v in _BAND])
        order = shuffle(key, "picture order", 1, CODED_BITS)[0]
        return cls(directions=weights @ waves, order=order, dither=dithers(key, "picture"))

    def numbers(self, small: NDArray[np.float64]) -> Numbers:
        """Return the (256,) numbers of a canonical picture."""
        blocks = small.reshape(GRID // BLOCK, BLOCK, GRID // BLOCK, BLOCK).swapaxes(1, 2).reshape(_BLOCKS, -1, 1)
        out = np.empty(CODED_BITS)
        out[self.order] = (self.directions @ blocks).reshape(-1)
        return np.asarray(out)

    def spread(self, numbers: Numbers) -> NDArray[np.float64]:
        """Return the canonical picture of least energy that has these numbers."""
        blocks = numbers[self.order].reshape(_BLOCKS, 1, _EACH) @ self.directions
        side = GRID // BLOCK
        return np.asarray(blocks.reshape(side, side, BLOCK, BLOCK).swapaxes(1, 2).reshape(GRID, GRID))


@lru_cache(maxsize=32)
def cosines(rows: int, length: int) -> NDArray[np.float64]:
    """Return the first `rows` (rows, length) of the orthonormal cosine transform; those beyond `length` are zero."""
    u, x = np.arange(rows)[:, None], np.arange(length)[None, :]
    wave = np.cos(np.pi * u * (2 * x + 1) / (2 * length)) * np.sqrt(2.0 / length)
    wave[0] /= np.sqrt(2.0)
    wave[length:] = 0.0
    return np.asarray(wave)


@lru_cache(maxsize=32)
def reducer(length: int) -> NDArray[np.float64]:
    """Return the (64, length) matrix that brings a row of any length to 64, without frequencies above."""
    return np.asarray(cosines(GRID, GRID).T @ cosines(GRID, length) / np.sqrt(length))


def canonical(picture: Picture) -> NDArray[np.float64]:
    """Return the canonical (64, 64) picture, in levels / 64 x 64 so that its energy is a mean square a pixel."""
    height, width = picture.shape[:2]
    return np.asarray(reducer(height) @ (picture @ _LUMA) @ reducer(width).T)


def _marked(picture: Picture, coded: Bits, secret: _Secret) -> Picture:
    height, width = picture.shape[:2]
    if min(height, width) < SMALLEST:
        raise ValueError(f"a picture of {width}x{height}; the shortest side that can be marked is {SMALLEST}")
    numbers = secret.numbers(canonical(picture))
    small = secret.spread(displacement(numbers, coded, secret.dither, STEP))
    added = reducer(height).T @ small @ reducer(width) * (height * width)
    return np.asarray(np.clip(np.rint(picture + added[..., None]), 0, 255), dtype=np.uint8)
