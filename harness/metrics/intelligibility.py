"""A proxy for intelligibility: do the envelopes of the bands still move as those of the words that were said?"""

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..instruments.logmel import RATE
from .audio import PairedSounds, waves_of
from .audio_signal import Wave, active, in_step
from .base import SoundPair
from .wording import counted

BANDS = 15
LOWEST = 150.0
"""Hz, centre of the first third of an octave."""
FRAME, HOP = 512, 160
"""Samples: 32 ms, every 10 ms."""
SEGMENT = 38
"""Frames of a piece: 0.38 s, about a syllable."""

Array = NDArray[np.float64]


class IntelligibilityProxy(PairedSounds):
    """`intelligibility_proxy`: mean correlation of band envelopes with those of the source, in pieces of 0.38 s."""

    def of_pair(self, pair: SoundPair) -> float:
        """Return the proxy of one pair."""
        return envelope_correlation(*in_step(*waves_of(pair)))


def envelope_correlation(clean: Wave, other: Wave) -> float:
    """Return how well the envelopes of 15 thirds of an octave move together, in [-1, 1]; 1 for equal sounds.

    The intermediate measure of Taal et al. 2011 (An algorithm for intelligibility prediction of time-frequency weighted
    noisy speech, equations 1, 2 and 5) without its clipping, on frames where the first sound is not silent. It is no
    listener and no recogniser, and its values are not those of STOI.

    Args:
        clean: (samples,) at 16 kHz.
        other: As many.

    Raises:
        InputError: Less than 0.38 s of sound.
    """
    loud = active(clean)
    a, b = _envelopes(clean), _envelopes(other)
    count = min(len(loud), len(a), len(b))
    kept = np.flatnonzero(loud[:count])
    if len(kept) < SEGMENT:
        raise InputError(f"{counted(len(kept), 'frame')} of 10 ms with sound, at least {SEGMENT} are needed")
    a, b = a[kept], b[kept]
    pieces = [slice(k, k + SEGMENT) for k in range(0, len(kept) - SEGMENT + 1, SEGMENT // 2)]
    return float(np.mean([_together(a[piece], b[piece]) for piece in pieces]))


def _envelopes(wave: Wave) -> Array:
    """Return (T, 15), the root of the power in each third of an octave."""
    padded = np.pad(wave, (FRAME // 2 - HOP // 2, FRAME))
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[: len(wave) // HOP * HOP : HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(FRAME), axis=1)) ** 2
    at = np.fft.rfftfreq(FRAME, 1 / RATE)
    centres = LOWEST * 2.0 ** (np.arange(BANDS) / 3)
    inside = (at >= centres[:, None] * 2 ** (-1 / 6)) & (at < centres[:, None] * 2 ** (1 / 6))
    return np.asarray(np.sqrt(power @ inside.T.astype(np.float64)))


def _together(a: Array, b: Array) -> float:
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    size = np.sqrt((a * a).sum(axis=0) * (b * b).sum(axis=0))
    return float(np.mean(np.where(size > 1e-12, (a * b).sum(axis=0) / np.maximum(size, 1e-12), 0.0)))
