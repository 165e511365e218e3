"""Radial power spectrum: how much detail a picture has at each scale. It needs no weights.

Upsampling layers leave a spectrum that no camera makes (Durall, Keuper, Keuper 2020, section 2); blur, noise and
compression show as well.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..media.content import Picture
from .base import Instrument
from .pixels import resize_plane

SIZE = 64
LUMA_BANDS, CHROMA_BANDS = 16, 4
FLOOR = 1 / 12
"""Power of rounding to whole levels, added to every frequency: below it nothing can be seen."""
# ITU-R BT.601 luma and colour differences of full-range RGB.
TO_YCC = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], dtype=np.float32)


LEVEL, FALL = (12.5, 9.5, 9.5), 2.5
"""About the log power of luma and chroma of a photograph at one cycle a picture, and its fall by frequency (logarithmic
in both): taken off, so that features lie about 0 and kernels see shape instead of this common part."""


class Spectrum(Instrument):
    """Natural logarithm of the mean power in rings of spatial frequency, less that of a usual photograph.

    `features` (N, 24) float32.
    """

    def extract(self, pictures: Iterable[Picture]) -> Mapping[str, NDArray[Any]]:
        """Return one spectrum a picture."""
        rows = [spectrum(picture) for picture in pictures]
        return {"features": np.array(rows, dtype=np.float32).reshape(len(rows), LUMA_BANDS + 2 * CHROMA_BANDS)}


def spectrum(picture: Picture) -> NDArray[np.float64]:
    """Return the 24 log band powers of (H, W, 3) uint8 RGB: 16 of luma, 4 of each chroma, coarse to fine."""
    import cv2

    planes = cv2.transform(picture.astype(np.float32), TO_YCC)
    parts = []
    for channel, bands in enumerate((LUMA_BANDS, CHROMA_BANDS, CHROMA_BANDS)):
        plane = resize_plane(planes[:, :, channel], SIZE, Image.Resampling.BICUBIC).astype(np.float64)
        rings = _rings(bands)
        windowed = (plane - plane.mean()) * rings.window
        power = np.abs(np.fft.fft2(windowed)).ravel() ** 2 / np.sum(rings.window**2)
        mean = np.bincount(rings.ring, power, minlength=bands + 1)[:bands] / rings.counts
        parts.append(np.log(mean + FLOOR) - (LEVEL[channel] - FALL * np.log(rings.centres)))
    return np.concatenate(parts)


@dataclass(frozen=True, slots=True)
class _Rings:
    window: NDArray[np.float64]
    """(SIZE, SIZE) Hann."""
    ring: NDArray[np.intp]
    """(SIZE * SIZE,) of each frequency; the number of bands where it is outside."""
    counts: NDArray[np.float64]
    """(bands,) frequencies in each ring."""
    centres: NDArray[np.float64]
    """(bands,) cycles a picture."""


@cache
def _rings(bands: int) -> _Rings:
    hann = np.hanning(SIZE + 1)[:SIZE]
    frequency = np.fft.fftfreq(SIZE, 1 / SIZE)
    radius = np.hypot(frequency[:, None], frequency[None, :]).ravel()
    edges = np.linspace(0.5, SIZE / 2 + 0.5, bands + 1)
    ring = np.digitize(radius, edges) - 1
    ring[ring < 0] = bands
    counts = np.bincount(ring, minlength=bands + 1)[:bands].astype(np.float64)
    return _Rings(np.outer(hann, hann), ring, counts, (edges[:-1] + edges[1:]) / 2)
