"""Instruments that read clips without any weights: what moves, and spectra of frames and of what changes in them."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MediaError
from ..media.content import Picture, VideoMedia
from .base import Instrument
from .moving import LUMA, Moving, moving, sampled_pairs
from .spectrum import CHROMA_BANDS, FLOOR, LUMA_BANDS, spectrum

BANDS = LUMA_BANDS + 2 * CHROMA_BANDS
SAMPLES = 5
"""Pairs of frames a second that spectra are taken of."""


class ClipFrames(Instrument):
    """`uniformity`, `motion` and `flicker` of each clip, and its number of `frames`: each (N, 1) float32."""

    structure = True

    def extract(self, clips: Iterable[VideoMedia]) -> Mapping[str, NDArray[Any]]:  # type: ignore[override]
        """Return what moves in each clip.

        Raises:
            MediaError: A clip has fewer than 3 frames, changes its size, or has a side below 11 pixels.
        """
        told = [moving(clip.frames(), structure=self.structure, exact=False) for clip in clips]
        short = min((one.frames for one in told), default=3)
        if short < 3:
            raise MediaError(f"a clip of {short} frames; at least 3 are needed")
        table = np.array(told, dtype=np.float32).reshape(len(told), len(Moving._fields))
        return {name: table[:, k : k + 1] for k, name in enumerate(Moving._fields) if name in self.card.outputs}


class ClipMotion(ClipFrames):
    """`motion`, `flicker` and `frames` of each clip, as `ClipFrames` gives them, in half of the time."""

    structure = False


class ClipSpectrum(Instrument):
    """`features` (N, 49) float32 of each clip: mean spectrum of frames, and of what changes from each to the next.

    Five pairs of neighbouring frames a second, evenly over the clip. The first 24 numbers are the mean of `spectrum`
    over the frames; the next 24 that over the differences, halved and laid on grey; the last is the mean log power of
    the change in brightness as a whole, which spectra do not hold.
    """

    def extract(self, clips: Iterable[VideoMedia]) -> Mapping[str, NDArray[Any]]:  # type: ignore[override]
        """Return the mean spectra of each clip.

        Raises:
            MediaError: A clip has fewer than 2 frames, or changes its size.
        """
        rows = [self._of(clip) for clip in clips]
        return {"features": np.array(rows, dtype=np.float32).reshape(len(rows), 2 * BANDS + 1)}

    def _of(self, clip: VideoMedia) -> NDArray[np.float64]:
        total, count = np.zeros(2 * BANDS + 1), 0
        for first, second in sampled_pairs(clip.frames(), max(2, round(clip.fps / SAMPLES))):
            change = change_of(first, second)
            whole = float(LUMA @ (_mean(second) - _mean(first)))
            total += np.concatenate([spectrum(first), spectrum(change), [np.log(FLOOR + whole**2)]])
            count += 1
        if not count:
            raise MediaError("a clip of fewer than 2 frames")
        return total / count


def change_of(first: Picture, second: Picture) -> Picture:
    """Return half of the difference of two frames (H, W, 3) uint8 on grey: 128 where nothing changes.

    Raises:
        MediaError: They are of different size.
    """
    if first.shape != second.shape:
        raise MediaError(f"frames of {first.shape} and {second.shape} in one clip")
    import cv2

    # exact: halves of whole numbers, rounded to even
    return np.asarray(cv2.addWeighted(second, 0.5, first, -0.5, 128.0))


def _mean(picture: Picture) -> NDArray[np.float64]:
    """Return the means (3,) of the channels."""
    import cv2

    return np.array(cv2.mean(picture)[:3])
