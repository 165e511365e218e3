"""Whether a mouth opens with the voice, from its pixels alone: no weights, and nothing that a generator was trained on.

The part of a frame where the mouth is, when a face is in its middle, is brought to 24 x 34 luma; what changes slower
than half a second (the head) is taken off; the first principal component over the frames of what is left is how the
mouth moves. Its sign is that of the sharpest edge below the lips' middle and of the area of dark between them.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MediaError
from ..media.content import VideoMedia
from .base import Instrument
from .moving import FROZEN, luma_of
from .studio_sync import mouth
from .syncing import lag, levels, speech_in, together

Array = NDArray[np.float64]
SECONDS = 0.52
"""Of the moving mean that is taken off."""
DARK = 0.03
"""Share of the pixels of the mouth's middle, over all frames, that count as dark."""
TOLD = ("together", "opening", "speech", "lag")
MIDDLE = slice(12, 22)
"""Columns, of 34, under the middle of the mouth."""


class MouthPixels(Instrument):
    """Reads clips with sound, a face in the middle.

    `together` (N, 1) float32: correlation of opening and level, see `mouth_correlation`. `opening` (N, 1): how much the
    mouth moves, in grey levels; a frozen mouth has 0 in both. `speech` (N, 1): seconds of speech. `lag` (N, 1):
    frames by which the sound comes later, where the two correlate best. Of each frame 24 x 34
    numbers are kept.
    """

    def extract(self, clips: Iterable[VideoMedia]) -> Mapping[str, NDArray[Any]]:  # type: ignore[override]
        """Return the four numbers of each clip.

        Raises:
            MediaError: A clip without sound, or with less than two frames of speech.
        """
        rows = [self._of(clip) for clip in clips]
        table = np.array(rows, dtype=np.float32).reshape(len(rows), len(TOLD))
        return {name: table[:, k : k + 1] for k, name in enumerate(TOLD)}

    def _of(self, clip: VideoMedia) -> tuple[float, float, float, float]:
        if clip.sound is None:
            raise MediaError("a clip without sound")
        opening = opening_of([_small(luma_of(mouth(frame))) for frame in clip.frames()], clip.fps)
        level = levels(clip.sound, clip.sample_rate, clip.fps)
        speech = speech_in(level)
        value = together(opening, level, speech)
        if np.isnan(value):
            raise MediaError("a clip without speech")
        return value, float(opening.std()), float(speech.sum()) / clip.fps, lag(opening, level, speech)


def _small(plane: Array) -> NDArray[np.float32]:
    """Halve a plane (48, 68) by means of 2 x 2."""
    return np.asarray(plane.reshape(24, 2, 34, 2).mean(axis=(1, 3)), dtype=np.float32)


def opening_of(planes: list[NDArray[np.float32]], fps: float) -> Array:
    """Return how far a mouth is open at each frame (T,), in grey levels about 0; zeros where it does not move.

    Args:
        planes: (24, 34) luma of the mouth of each frame.
        fps: Frames a second.
    """
    if len(planes) < 2:
        return np.zeros(len(planes))
    stack = np.stack(planes).astype(np.float64)
    changes = _quick(stack.reshape(len(stack), -1), fps)
    left, sizes, _ = np.linalg.svd(changes, full_matrices=False)
    opening = left[:, 0] * (sizes[0] / np.sqrt(changes.shape[1]))
    if opening.std() < FROZEN:
        return np.zeros(len(planes))
    edge = np.abs(np.diff(stack[:, :, MIDDLE].mean(axis=2), axis=1)).max(axis=1)
    inside = stack[:, 4:22, 7:27]
    dark = (inside <= np.quantile(inside, DARK)).mean(axis=(1, 2))
    signs = _quick(np.stack([edge, dark], axis=1), fps)
    agree = float(opening @ (signs / np.maximum(signs.std(axis=0), 1e-9)).sum(axis=1))
    return np.asarray(opening if agree >= 0 else -opening)


def _quick(values: Array, fps: float) -> Array:
    """Take the moving mean over half a second off (T, K); the ends are repeated."""
    half = max(1, round(SECONDS * fps) // 2)
    padded = np.concatenate([np.repeat(values[:1], half, 0), values, np.repeat(values[-1:], half, 0)])
    total = np.cumsum(np.concatenate([np.zeros((1, values.shape[1])), padded]), axis=0)
    return np.asarray(values - (total[2 * half + 1 :] - total[: -2 * half - 1]) / (2 * half + 1))
