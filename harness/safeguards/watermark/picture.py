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
STEPS = (0.40, 0.64)
"""Steps of the lattice of large and small pictures, in levels of 255 a pixel. The mean square of what is added is
256 step^2 / 12: 42.8 dB and 38.7 dB."""
LARGE = 192
"""Shortest side of a large picture. Smaller ones have fewer pixels to carry the same payload."""
GAINS = tuple(1.12**power for power in range(-5, 6))
"""Changes of contrast that are looked for: 0.57 to 1.76."""
SMALLEST = 32
"""Shortest side of a picture that can be marked."""

_LUMA = np.array([0.299, 0.587, 0.114])
_BLOCKS = (GRID // BLOCK) ** 2
_EACH = CODED_BITS // _BLOCKS
_BAND = ((0, 2), (1, 1), (2, 0), (0, 3), (1, 2), (2, 1), (3, 0), (2, 2))
"""Frequencies of a block that carry: low enough to survive halving a picture of 64 pixels."""
FREQUENCIES = 4
"""Of a block in each direction, the lowest, among which the band lies."""
_SAMPLE = 3
"""Frames of a clip that are looked at for a crop."""
_PASSES = 2
"""The second puts back what clipping and rounding took away."""


def mark_picture(picture: Picture, mark: Mark, key: bytes) -> Picture:
    """Return the picture with an invisible mark; the same mark and key give the same pixels."""
    return _marked(picture, encode(seal(mark, key)), Secret.of(bytes(key)))


def mark_frames(frames: Iterable[Picture], mark: Mark, key: bytes) -> Iterator[Picture]:
    """Yield the frames, each with the whole mark."""
    coded, secret = encode(seal(mark, key)), Secret.of(bytes(key))
    return (_marked(frame, coded, secret) for frame in frames)


def find_in_picture(picture: Picture, key: bytes) -> Found | None:
    """Look for a mark."""
    return find_in_frames((picture,), key)


def find_in_frames(frames: Iterable[Picture], key: bytes) -> Found | None:
    """Look for a mark in the frames together; in the first three for one that was cropped."""
    check_key(key)
    secret = Secret.of(bytes(key))
    total: Evidence | None = None
    sample: list[Picture] = []
    for frame in frames:
        one = Evidence.of(secret.turns(canonical(frame)))
        total = one if total is None else total + one
        if len(sample) < _SAMPLE:
            sample.append(frame)
    if total is None:
        return None
    found = decide(total, key)
    if found is None and min(min(frame.shape[:2]) for frame in sample) >= SMALLEST:
        from .crop import look_in_crops

        evidence, attempts = look_in_crops(sample, secret)
        found = decide(evidence, key, attempts=attempts)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Secret:
    """What the key decides."""

    weights: NDArray[np.float64]
    """(64, 4, 16): of each block, orthonormal directions over its 4 x 4 lowest frequencies."""
    directions: NDArray[np.float64]
    """(64, 4, 64): the same over its pixels."""
    order: NDArray[np.int64]
    """(256,) number -> coded bit."""
    dither: Numbers

    @classmethod
    @lru_cache(maxsize=8)
    def of(cls, key: bytes) -> "Secret":
        """Derive it."""
        count = len(_BAND) // _EACH * _EACH
        places = shuffle(key, "picture places", _BLOCKS, len(_BAND))[:, :count]
        drawn = np.frombuffer(derive(key, "picture signs", _BLOCKS * count), dtype=np.uint8)
        signs = (1.0 - 2.0 * (drawn & 1)).reshape(_BLOCKS, count)
        rows = np.repeat(np.arange(_BLOCKS), count)
        carriers = np.array([u * FREQUENCIES + v for u, v in _BAND])[places.reshape(-1)]
        weights = np.zeros((_BLOCKS, _EACH, FREQUENCIES**2))
        weights[rows, np.tile(np.arange(count) % _EACH, _BLOCKS), carriers] = signs.reshape(-1)
        weights /= np.sqrt(count // _EACH)
        basis = cosines(FREQUENCIES, BLOCK)
        order = shuffle(key, "picture order", 1, CODED_BITS)[0]
        return cls(
            weights=weights,
            directions=weights @ np.kron(basis, basis),
            order=order,
            dither=dithers(key, "picture"),
        )

    def numbers(self, small: NDArray[np.float64]) -> Numbers:
        """Return the (256,) numbers of a canonical picture."""
        blocks = small.reshape(GRID // BLOCK, BLOCK, GRID // BLOCK, BLOCK).swapaxes(1, 2).reshape(_BLOCKS, -1, 1)
        out = np.empty(CODED_BITS)
        out[self.order] = (self.directions @ blocks).reshape(-1)
        return np.asarray(out)

    def turns(self, small: NDArray[np.float64]) -> Numbers:
        """Return (22 x 2, 256) numbers / step - dither: as it is and mirrored, at every gain and step."""
        seen = np.stack([self.numbers(small), self.numbers(small[:, ::-1])])
        sizes = np.outer(GAINS, STEPS).reshape(-1)
        return (seen[:, None, :] / sizes[None, :, None]).reshape(-1, CODED_BITS) - self.dither

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
    return np.asarray(reducer(height) @ luma(picture) @ reducer(width).T)


def luma(picture: Picture) -> NDArray[np.float64]:
    """Return the (H, W) luma (ITU-R BT.601)."""
    return np.asarray(picture @ _LUMA)


def _marked(picture: Picture, coded: Bits, secret: Secret) -> Picture:
    height, width = picture.shape[:2]
    if min(height, width) < SMALLEST:
        raise ValueError(f"a picture of {width}x{height}; the shortest side that can be marked is {SMALLEST}")
    step = STEPS[min(height, width) < LARGE]
    out, added = picture, np.zeros((height, width))
    for _ in range(_PASSES):
        numbers = secret.numbers(canonical(out))
        small = secret.spread(displacement(numbers, coded, secret.dither, step))
        added += reducer(height).T @ small @ reducer(width) * (height * width)
        out = np.asarray(np.clip(np.rint(picture + added[..., None]), 0, 255), dtype=np.uint8)
    return out
