"""What moves in a clip, frame by frame: streamed, so that memory does not grow with its length."""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import MediaError

WINDOW, SIGMA = 11, 1.5
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
CELLS = 16
"""Cells across and down whose mean brightness flicker looks at."""
FROZEN = 0.05
"""Grey levels: neighbouring frames of a clip that moves less are not told from copies of one picture."""
LUMA = np.array([0.299, 0.587, 0.114])
"""ITU-R BT.601."""

MIDDLE = 127.5
"""Grey level that is taken off before squares are: what is left is smaller, and loses less by rounding."""

Plane = NDArray[np.floating]


class Moving(NamedTuple):
    """What a clip's frames say of its motion."""

    uniformity: float
    """Mean SSIM of neighbouring frames' luma, in [-1, 1]; NaN with fewer than 2 frames."""
    motion: float
    """Mean absolute difference of neighbouring frames' luma, in grey levels; NaN with fewer than 2 frames."""
    flicker: float
    """Amplitude of flickering brightness, in grey levels; NaN with fewer than 3 frames."""
    frames: int


def luma_of(picture: NDArray[Any]) -> NDArray[np.float64]:
    """Return the luma (H, W) of (H, W, 3) RGB, or (H, W) grey, on the scale of 0 to 255."""
    return np.asarray(picture @ LUMA if picture.ndim == 3 else picture, dtype=np.float64)


def quick_luma(picture: NDArray[Any]) -> NDArray[np.float32]:
    """Return `luma_of` of (H, W, 3) in single precision, in half of the time."""
    import cv2

    return np.asarray(cv2.transform(picture.astype(np.float32), LUMA[None]))


def moving(frames: Iterable[NDArray[Any]], *, structure: bool = True, exact: bool = True) -> Moving:
    """Return what moves; one pass, three frames in memory.

    Args:
        frames: (H, W, 3) or (H, W), of one size, in [0, 255].
        structure: Compute the uniformity, which takes most of the time; else it is NaN.
        exact: In double precision; without it, (H, W, 3) frames in single precision and means in double, in a third
            of the time: the same to six digits.

    Raises:
        MediaError: The size changes, or a side is below 11 pixels.
    """
    count, likeness, change, flicker = 0, 0.0, 0.0, 0.0
    before: _Frame | None = None
    cells: list[NDArray[np.float64]] = []
    for plane in _same_size(frames, exact=exact):
        frame = _Frame(plane, structure=structure)
        if before is not None:
            change += _difference(plane, before.plane)
            likeness += frame.likeness(before) if structure else np.nan
        cells = [*cells[-2:], _cells(plane)]
        if len(cells) == 3:
            flicker += float(np.abs(cells[0] - 2 * cells[1] + cells[2]).mean()) / 4
        before, count = frame, count + 1
    pairs, triples = count - 1, count - 2
    return Moving(
        uniformity=likeness / pairs if pairs > 0 else np.nan,
        motion=change / pairs if pairs > 0 else np.nan,
        flicker=flicker / triples if triples > 0 else np.nan,
        frames=count,
    )


def _same_size(frames: Iterable[NDArray[Any]], *, exact: bool) -> Iterator[Plane]:
    size: tuple[int, ...] | None = None
    for place, picture in enumerate(frames):
        plane: Plane = luma_of(picture) if exact else quick_luma(picture)
        size = size or plane.shape
        if plane.shape != size:
            raise MediaError(f"frame {place} is {plane.shape[1]} x {plane.shape[0]}, the first {size[1]} x {size[0]}")
        if min(size) < WINDOW:
            raise MediaError(f"frames of {size[1]} x {size[0]}; at least {WINDOW} x {WINDOW} are needed")
        yield plane


def _difference(plane: Plane, other: Plane) -> float:
    """Return the mean absolute difference, accumulated in double precision."""
    import cv2

    return cv2.norm(plane, other, cv2.NORM_L1) / plane.size


class _Frame:
    """A plane with its local means and variances, each made once for the two pairs that it is in."""

    def __init__(self, plane: Plane, *, structure: bool) -> None:
        self.plane = plane
        if structure:
            self.centred = plane - plane.dtype.type(MIDDLE)
            mean = _blurred(self.centred)
            self.mean = mean
            self.variance = _blurred(self.centred * self.centred) - mean * mean
            self.level = mean + plane.dtype.type(MIDDLE)
            self.power = self.level * self.level

    def likeness(self, other: "_Frame") -> float:
        """Return SSIM (Wang et al. 2004, equation 13) over the positions where the window fits."""
        covariance = _blurred(self.centred * other.centred) - self.mean * other.mean
        above = (2 * self.level * other.level + C1) * (2 * covariance + C2)
        below = (self.power + other.power + C1) * (self.variance + other.variance + C2)
        return float(np.divide(above, below, out=above).mean(dtype=np.float64))


def _blurred(plane: Plane) -> Plane:
    import cv2

    edge = WINDOW // 2
    return np.asarray(cv2.GaussianBlur(plane, (WINDOW, WINDOW), SIGMA)[edge:-edge, edge:-edge])


def _cells(plane: Plane) -> NDArray[np.float64]:
    """Return the means (16, 16) of the cells of a plane; fewer where it is smaller."""
    height, width = plane.shape
    return np.asarray(_shares(height) @ plane @ _shares(width).T)


@cache
def _shares(side: int) -> NDArray[np.float64]:
    """Return (16, side) the weights that make means of 16 cells; fewer of fewer pixels."""
    edges = np.linspace(0, side, min(CELLS, side) + 1).astype(np.intp)
    cell = np.repeat(np.arange(len(edges) - 1), np.diff(edges))
    return np.asarray((cell == np.arange(len(edges) - 1)[:, None]) / np.diff(edges)[:, None])


def drift(embeddings: NDArray[Any]) -> float:
    """Return one less the mean, over frames but the first, of the cosines to the frame before and to the first.

    Args:
        embeddings: (T, D) in the order of time, T >= 2.
    """
    rows = np.asarray(embeddings, dtype=np.float64)
    rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    cosines = np.stack([np.sum(rows[1:] * rows[:-1], axis=1), rows[1:] @ rows[0]])
    return float(max(0.0, 1.0 - np.clip(cosines, -1, 1).mean()))


def sampled_pairs(frames: Iterable[NDArray[Any]], every: int) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Yield every `every`-th frame with the one after it, from the first on; streamed."""
    first: NDArray[Any] | None = None
    for place, picture in enumerate(frames):
        if first is not None:
            yield first, picture
            first = None
        if place % every == 0:
            first = picture
