"""Long-term spectrum of a sound and how it moves: what voice and channel sound like on average. It needs no weights.

The long-term average spectrum (Byrne et al. 1994) shows the voice, the room, the microphone and the codec; how much the
bands move shows whether it is speech at all, and over-smoothed synthesis.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MediaError
from ..media.content import SoundMedia
from .base import Instrument
from .logmel import log_mel

BANDS, WINDOW = 16, 512
GROUPS = 4
"""Groups of bands whose movement is told."""
SHORTEST = 10
"""Steps of 10 ms that a sound must have."""
ACTIVE = 40.0
"""dB; steps that are quieter than the loudest by more are pauses, and left out."""
LOWEST = 1e-5
"""Root mean square below which a sound is silence, -100 dB of full scale."""
SPREAD = 4.0
"""Nepers of power in one unit of `log_mel`: 17.4 dB."""


class SoundSpectrum(Instrument):
    """`features` (N, 24) float32, in units of 17.4 dB: 16 bands of level, 4 groups of bands with two movements each.

    Steps of 10 ms that are pauses are left out of everything. Levels are means of the log power, 60 to 7,600 Hz evenly
    in mel, of a sound brought to one loudness. Movements are the standard deviation over time, and the mean change from
    a step to the next, of the log power in each group of four bands. Reads sounds.
    """

    def extract(self, sounds: Iterable[SoundMedia]) -> Mapping[str, NDArray[Any]]:  # type: ignore[override]
        """Return one row a sound.

        Raises:
            MediaError: A sound is silent or shorter than 0.1 s.
        """
        rows = [sound_spectrum(sound) for sound in sounds]
        return {"features": np.array(rows, dtype=np.float32).reshape(len(rows), BANDS + 2 * GROUPS)}


def sound_spectrum(sound: SoundMedia) -> NDArray[np.float64]:
    """Return the 24 numbers of one sound.

    Raises:
        MediaError: It is silent or shorter than 0.1 s.
    """
    wave = np.asarray(sound.sound, dtype=np.float64)
    wave = wave - wave.mean() if len(wave) else wave
    seconds = len(wave) / sound.sample_rate
    if seconds < SHORTEST / 100:
        raise MediaError(f"a sound of {1000 * seconds:.0f} ms, at least {10 * SHORTEST} ms are needed")
    if not float(np.sqrt(np.mean(wave**2))) >= LOWEST:
        raise MediaError("silence, or samples that are no numbers")
    mel = log_mel(wave.astype(np.float32), sound.sample_rate, bands=BANDS, window=WINDOW).astype(np.float64)
    power = np.array([np.mean(part**2) for part in np.array_split(wave, len(mel))])
    heard = power > power.max() * 10 ** (-ACTIVE / 10)
    # `log_mel` brings the whole to one loudness, pauses and all; what counts is the loudness of the rest
    mel += np.log(np.mean(wave**2) / power[heard].mean()) / SPREAD
    groups = mel.reshape(len(mel), GROUPS, -1).mean(axis=2)
    steps = np.abs(np.diff(groups, axis=0))[heard[1:] & heard[:-1]]
    moves = steps.mean(axis=0) if len(steps) else np.zeros(GROUPS)
    return np.concatenate([mel[heard].mean(axis=0), groups[heard].std(axis=0), moves])
