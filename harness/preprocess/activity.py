"""Where there is speech in a sound, by its level: the one voice activity detector of fauxbench."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LOUDEST, RANGE, FAINTEST = 95, 30.0, -60.0
"""Speech is what is within 30 dB of the 95th percentile of the level, and above -60 dB of full scale."""


def levels(sound: NDArray[Any], rate: int, fps: float) -> Array:
    """Return the level (frames,) of the sound during each frame, dB of full scale, at least -100."""
    samples = np.asarray(sound, dtype=np.float64)
    edges = np.round(np.arange(int(len(samples) * fps / rate) + 1) * rate / fps).astype(np.intp)
    if len(edges) < 2:
        return np.zeros(0)
    power = np.add.reduceat(samples[: edges[-1]] ** 2, edges[:-1]) / np.diff(edges)
    return np.asarray(10 * np.log10(np.maximum(power, 1e-10)))


def speech_in(level: Array) -> NDArray[np.bool_]:
    """Return whether each frame is speech, by its level in dB."""
    if not len(level):
        return np.zeros(0, bool)
    return np.asarray(level > max(float(np.percentile(level, LOUDEST)) - RANGE, FAINTEST))
