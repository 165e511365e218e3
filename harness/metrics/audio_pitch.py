"""F0 contours by probabilistic YIN, as librosa has it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ..instruments.logmel import HOP, RATE
from .audio_signal import Wave, active, wave_of

LOW, HIGH = 60.0, 600.0
"""Hz; bass speech to a child's; below and above, a voice is called unvoiced or gets a wrong octave."""
FRAME = 1024
"""Samples of a frame, 64 ms: nearly four periods of the lowest F0."""
RESOLUTION = 0.1
"""Semitones from one pitch of the grid to the next: F0 is within 5 cents of what pYIN found, and rounded."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contour:
    """F0 over time: one frame every 10 ms, frame t centred on (t + 0.5) * 10 ms."""

    f0: Array
    """(T,) Hz; NaN where unvoiced."""
    voicing: Array
    """(T,) probability in [0, 1] that the frame is voiced, before the path was found; 0 in pauses."""

    def __len__(self) -> int:
        return len(self.f0)

    @property
    def voiced(self) -> NDArray[np.bool_]:
        """(T,) whether a frame has an F0."""
        return np.isfinite(self.f0)

    @property
    def times(self) -> Array:
        """(T,) s."""
        return np.asarray((np.arange(len(self.f0)) + 0.5) * HOP / RATE)

    @property
    def cents(self) -> Array:
        """(T,) 1200 log2(F0 / 100 Hz); NaN where unvoiced."""
        return np.asarray(1200 * np.log2(self.f0 / 100))


def f0_contour(sound: ArrayLike, rate: int) -> Contour:
    """F0 of a voice, from 60 to 600 Hz, every 10 ms.

    pYIN over frames of 64 ms, by librosa, on a grid of 10 cents. Pauses (40 dB below the loudest frame, and not beside
    one that is louder) are unvoiced, because the hum of a quiet room or the tail of a filter is periodic too.

    Args:
        sound: (samples,), or with channels, which are averaged; floats or int16.
        rate: Samples a second; anything but 16,000 is resampled.

    Raises:
        InputError: Shorter than 0.1 s, silence, NaN, another shape.

    References:
        Mauch, Dixon 2014, pYIN: a fundamental frequency estimator using probabilistic threshold distributions, section
        2; de Cheveigné, Kawahara 2002, YIN, equations 6 to 8.
    """
    return contour_of(wave_of(sound, rate))


def contour_of(wave: Wave, resolution: float = RESOLUTION) -> Contour:
    """Return the contour of a sound at 16 kHz, on a grid of so many semitones."""
    import librosa

    steps = len(wave) // HOP
    if not steps:
        raise InputError("f0: a sound without a frame")
    padded = np.pad(wave, (FRAME // 2 - HOP // 2, FRAME))
    f0, _, voicing = librosa.pyin(
        padded,
        fmin=LOW,
        fmax=HIGH,
        sr=RATE,
        frame_length=FRAME,
        hop_length=HOP,
        resolution=resolution,
        center=False,
    )
    heard = _near(active(wave))
    return Contour(f0=np.where(heard, f0[:steps], np.nan), voicing=np.where(heard, voicing[:steps], 0.0))


def _near(heard: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which frames hold sound or lie beside one that does: a low voice has less than a period in a frame."""
    wide = np.pad(heard, 1)
    return np.asarray(wide[:-2] | heard | wide[2:])
