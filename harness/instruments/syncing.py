"""Lips against voice, by vectors of both: distances at every shift, offsets of windows, and where there is speech."""

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..preprocess.activity import levels as levels
from ..preprocess.activity import speech_in as speech_in

Array = NDArray[np.float64]

EPSILON = 1e-6
"""Added to every difference, as SyncNet's distance does."""


class Windows(NamedTuple):
    """Offsets of the windows of a clip."""

    start: Array
    """(W,) seconds."""
    offset: Array
    """(W,) frames by which the sound comes later than the picture."""
    confidence: Array
    """(W,) median distance over the shifts less the least."""
    speech: Array
    """(W,) share of the window's frames with speech, in [0, 1]."""


def distances(video: NDArray[Any], audio: NDArray[Any], reach: int, edges: Literal["zero", "drop"]) -> Array:
    """Return the distance (T, 2 reach + 1) of picture at t from sound at t + k, k = -reach to reach.

    Args:
        video: (T, D) vectors.
        audio: (S, D) vectors.
        reach: Frames of shift to either side.
        edges: Beyond the sound, `zero` compares with a zero vector, `drop` gives NaN.
    """
    count = min(len(video), len(audio))
    v, a = np.asarray(video[:count], dtype=np.float64), np.asarray(audio[:count], dtype=np.float64)
    out = np.full((count, 2 * reach + 1), np.nan)
    if edges == "zero":
        out[:] = np.linalg.norm(v + EPSILON, axis=1)[:, None]
    for k in range(-reach, reach + 1):
        first, last = max(0, -k), min(count, count - k)
        if first < last:
            out[first:last, reach + k] = np.linalg.norm(v[first:last] - a[first + k : last + k] + EPSILON, axis=1)
    return out


def windows(apart: Array, speech: NDArray[np.bool_], *, fps: float, seconds: float, hop: float) -> Windows:
    """Return the best offset of each window.

    A shift counts where at least half of the window has sound at it.

    Args:
        apart: (T, 2 reach + 1) of `distances` with `drop`.
        speech: (T,) whether there is speech.
        fps: Frames a second.
        seconds: Of a window.
        hop: Seconds from one to the next.
    """
    length, step = max(1, round(seconds * fps)), max(1, round(hop * fps))
    starts = np.arange(0, len(apart) - length + 1, step)
    if not len(starts):
        return Windows(*(np.zeros(0) for _ in range(4)))
    there = np.isfinite(apart)
    sums = _sums(np.where(there, apart, 0.0), starts, length)
    counts = _sums(there.astype(np.float64), starts, length)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.where(2 * counts >= length, sums / counts, np.nan)
    best = np.nanargmin(means, axis=1)
    least = means[np.arange(len(means)), best]
    return Windows(
        start=starts / fps,
        offset=(best - apart.shape[1] // 2).astype(np.float64),
        confidence=np.nanmedian(means, axis=1) - least,
        speech=_sums(speech[: len(apart), None].astype(np.float64), starts, length)[:, 0] / length,
    )


def _sums(values: Array, starts: NDArray[np.intp], length: int) -> Array:
    total = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    return np.asarray(total[starts + length] - total[starts])


def together(opening: NDArray[Any], level: NDArray[Any], speech: NDArray[np.bool_]) -> float:
    """Return Pearson's correlation of mouth opening and level, from the first frame with speech to the last.

    Levels of pauses count as those of the faintest speech; 0 where one of the two does not vary; NaN without speech.
    """
    count = min(len(opening), len(level), len(speech))
    heard = np.flatnonzero(speech[:count])
    if len(heard) < 2:
        return float("nan")
    stretch = slice(int(heard[0]), int(heard[-1]) + 1)
    floor = float(np.min(level[heard]))
    x = np.asarray(opening[stretch], dtype=np.float64)
    y = np.maximum(np.asarray(level[stretch], dtype=np.float64), floor)
    x, y = x - x.mean(), y - y.mean()
    size = float(np.sqrt(np.sum(x * x) * np.sum(y * y)))
    small = 1e-9 * len(x)
    return float(np.clip(np.sum(x * y) / size, -1, 1)) if np.sum(x * x) > small and np.sum(y * y) > small else 0.0


def lag(opening: NDArray[Any], level: NDArray[Any], speech: NDArray[np.bool_], reach: int = 15) -> float:
    """Return the frames by which the sound comes later than the mouth: the move at which they correlate best.

    0 where the mouth does not move at all; NaN without speech.
    """
    found = [together(opening, level, speech)]
    for k in range(1, min(reach, len(opening) - 2) + 1):  # near moves first: of equals the nearest counts
        found += [together(opening[:-k], level[k:], speech[k:]), together(opening[k:], level[:-k], speech[:-k])]
    values = np.array(found)
    if np.isnan(values).all():
        return float("nan")
    best = int(np.nanargmax(values))
    return float((best + 1) // 2 * (1 if best % 2 else -1)) if best else 0.0
