"""Radial power spectrum: how much detail a picture has at each scale. It needs no weights.

Upsampling layers leave a spectrum that no camera makes (Durall, Keuper, Keuper 2020, section 2); blur, noise and
compression show as well.
"""

from collections.abc import Iterable, Mapping
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


class Spectrum(Instrument):
    """Natural logarithm of the mean power in rings of spatial frequency: `features` (N, 24) float32."""

    def extract(self, pictures: Iterable[Picture]) -> Mapping[str, NDArray[Any]]:
        """Return one spectrum a picture."""
        rows = [spectrum(picture) for picture in pictures]
        return {"features": np.array(rows, dtype=np.float32).reshape(len(rows), LUMA_BANDS + 2 * CHROMA_BANDS)}


def spectrum(picture: Picture) -> NDArray[np.float64]:
    """Return the 24 band powers of (H, W, 3) uint8 RGB: 16 of luma, 4 of each chroma, coarse to fine."""
    planes = np.tensordot(picture.astype(np.float32), TO_YCC, axes=([2], [1]))
    parts = []
    for channel, bands in enumerate((LUMA_BANDS, CHROMA_BANDS, CHROMA_BANDS)):
        plane = resize_plane(planes[:, :, channel], SIZE, Image.Resampling.BICUBIC).astype(np.float64)
        window, ring, counts = _rings(bands)
        power = np.abs(np.fft.fft2((plane - plane.mean()) * window)) ** 2 / np.sum(window**2)
        parts.append(np.log(np.bincount(ring.ravel(), power.ravel(), minlength=bands + 1)[:bands] / counts + FLOOR))
    return np.concatenate(parts)


@cache
def _rings(bands: int) -> tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.float64]]:
    """Hann window, the ring of each frequency (`bands` = outside), and the number of frequencies in each ring."""
    hann = np.hanning(SIZE + 1)[:SIZE]
    frequency = np.fft.fftfreq(SIZE, 1 / SIZE)
    radius = np.hypot(frequency[:, None], frequency[None, :])
    edges = np.linspace(0.5, SIZE / 2 + 0.5, bands + 1)
    ring = np.digitize(radius, edges) - 1
    ring[(ring < 0) | (radius >= edges[-1])] = bands
    counts = np.bincount(ring.ravel(), minlength=bands + 1)[:bands].astype(np.float64)
    return np.outer(hann, hann), ring, counts
