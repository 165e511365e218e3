"""Frequency features and a linear model: the cheap baseline that everything else should beat."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from fauxbench import Item, open_clip
from fauxbench.detectors._linear import LinearDetector
from fauxbench.detectors._reading import Reading, evenly, file_of, picture_of

LUMA_RINGS, CHROMA_RINGS = 32, 12
FLOOR = 1 / 12
"""Power of rounding to whole levels: below it nothing can be seen."""
# ITU-R BT.601 luma and colour differences of full-range RGB.
TO_YCC = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])


class Spectrum(LinearDetector):
    """Log power in rings of spatial frequency, corners included, of luma and chroma.

    Upsampling leaves a spectrum that no camera makes (Durall, Keuper, Keuper 2020, arXiv:2003.01826, section 3).
    """

    kept = ("size", "frames")

    @property
    def most(self) -> int:
        """Rows that an item can give."""
        return int(self.setting("frames"))

    def read(self, item: Item) -> Reading:
        """Return the features of the picture, or of frames spread evenly over the clip."""
        size = int(self.setting("size"))
        if item.modality == "image":
            return Reading(arrays={"features": features(picture_of(item, size))[None]})
        clip = open_clip(file_of(item))
        frames, places = evenly(clip.frames(), int(self.setting("frames")), size)
        rows = np.stack([features(frame) for frame in frames])
        return Reading(arrays={"features": rows}, times=tuple(place / clip.fps for place in places))


def features(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the log ring powers (56,) of a square picture (S, S, 3): 32 of luma, 12 of each chroma, coarse to fine."""
    planes = picture.astype(np.float64) @ TO_YCC.T
    size = len(picture)
    hann = np.hanning(size + 1)[:size]
    window = np.outer(hann, hann)
    parts = []
    for channel, rings in enumerate((LUMA_RINGS, CHROMA_RINGS, CHROMA_RINGS)):
        plane = planes[:, :, channel]
        power = np.abs(np.fft.fft2((plane - plane.mean()) * window)).ravel() ** 2 / np.sum(window**2)
        ring = ring_of(size, rings)
        mean = np.bincount(ring, power, minlength=rings) / np.maximum(np.bincount(ring, minlength=rings), 1)
        parts.append(np.log(mean + FLOOR))
    return np.concatenate(parts).astype(np.float32)


@cache
def ring_of(size: int, rings: int) -> NDArray[np.intp]:
    """Return the ring (size * size,) of each frequency, 0 to rings - 1, out to the corners."""
    frequency = np.fft.fftfreq(size)
    radius = np.hypot(frequency[:, None], frequency[None, :]).ravel()
    return np.asarray(np.minimum((radius / np.sqrt(0.5) * rings).astype(np.intp), rings - 1))
