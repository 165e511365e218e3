"""Sound brought to one form: mono, one rate, without the silence around it, less noise, one loudness."""

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ..canonical import JSON
from ..errors import InputError, MediaError
from ..media.content import Sound
from ..media.read import read_sound
from .activity import levels, speech_in

Noise = Literal["keep", "spectral-gate"]

STEPS = 100.0
"""Levels a second."""
PEAK = 10 ** (-1 / 20)
"""-1 dB of full scale: what gain must not exceed."""
BLOCK = 0.4
"""Seconds of a block of BS.1770; a shorter sound has no loudness."""
WINDOW, HOP = 0.032, 0.008
"""Seconds, of the spectral gate."""
QUIETEST = 0.1
"""Share of the frames whose levels are taken for the noise, where nothing else is known."""
OVER, DEPTH = 1.5, 10 ** (-18 / 20)
"""Deviations above the noise's mean level from which a bin passes, and what is left of the others: -18 dB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundProtocol:
    """What is done to a sound, in this order."""

    rate: int = 16_000
    """Samples a second; by the resampler of FFmpeg."""
    noise: Noise = "keep"
    """`spectral-gate`: stationary noise is lowered, see `spectral_gate`."""
    trim: bool = False
    """Cut what comes before the first and after the last speech."""
    pad: float = 0.1
    """Seconds that stay around speech."""
    loudness: float | None = -23.0
    """LUFS, integrated (ITU-R BS.1770-4, by pyloudnorm); None leaves it. -23 is EBU R 128's."""

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            InputError: A field is outside its range.
        """
        if self.noise not in get_args(Noise):
            raise InputError(f"sound: noise: found '{self.noise}', legal: {', '.join(get_args(Noise))}")
        ranges = {"rate": (4_000, 192_000), "pad": (0, 10), "loudness": (-70, 0)}
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise InputError(f"sound: {name}: found {value}, legal: {low} to {high}")

    def record(self) -> dict[str, JSON]:
        """Return the protocol as a JSON object."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedSound:
    """A sound in its new form, and what was found on the way."""

    sound: Sound
    """(samples,) float32, mono, within [-1, 1]."""
    rate: int
    seconds_before: float
    start: float
    """Seconds cut from the beginning."""
    speech: float
    """Share of the sound that is speech, in [0, 1], before trimming."""
    loudness: float | None
    """LUFS before; None for silence, or less than 0.4 s."""
    gain: float
    """Factor that the sound was multiplied by."""
    notes: tuple[str, ...]
    """`silence`, `too short for a loudness`, `no speech to trim to`, `gain held back at -1 dB of full scale`."""

    def record(self) -> dict[str, JSON]:
        """Return everything but the sound as a JSON object."""
        names = ("rate", "seconds_before", "start", "speech", "loudness", "gain")
        values = {name: getattr(self, name) for name in names}
        return {**values, "seconds": len(self.sound) / self.rate, "notes": list(self.notes)}


def prepare_sound(path: Path, protocol: SoundProtocol) -> PreparedSound:
    """Read the sound of a clip or sound file and bring it into its form.

    Raises:
        MediaError: No sound stream, it cannot be decoded, or it holds no samples.
    """
    sound = read_sound(path, protocol.rate)
    if not len(sound):
        raise MediaError(f"{path}: a sound without samples")
    return normalised(sound, protocol)


def normalised(sound: Sound, protocol: SoundProtocol) -> PreparedSound:
    """Return a sound, mono at the protocol's rate, with the rest of the protocol done."""
    rate, notes = protocol.rate, list[str]()
    done = spectral_gate(sound, rate) if protocol.noise == "spectral-gate" else np.asarray(sound, dtype=np.float32)
    heard = speech_in(levels(done, rate, STEPS))
    start, end = 0, len(done)
    if protocol.trim and heard.any():
        start, end = _around(heard, len(done), rate, protocol.pad)
    elif protocol.trim:
        notes.append("no speech to trim to")
    done = done[start:end]
    before = loudness_of(done, rate)
    if before is None:
        notes.append("too short for a loudness" if len(done) < BLOCK * rate else "silence")
    gain = 1.0
    if protocol.loudness is not None and before is not None:
        gain = 10 ** ((protocol.loudness - before) / 20)
        peak = float(np.abs(done).max())
        if gain * peak > PEAK and gain > 1:
            gain = max(1.0, PEAK / peak)
            notes.append("gain held back at -1 dB of full scale")
    return PreparedSound(
        sound=np.clip(done * np.float32(gain), -1, 1),
        rate=rate,
        seconds_before=len(sound) / rate,
        start=start / rate,
        speech=float(heard.mean()) if len(heard) else 0.0,
        loudness=before,
        gain=gain,
        notes=tuple(notes),
    )


def _around(heard: NDArray[np.bool_], count: int, rate: int, pad: float) -> tuple[int, int]:
    """Return the samples from before the first frame with speech to after the last."""
    places = np.flatnonzero(heard)
    start = int(places[0] / STEPS * rate - pad * rate)
    end = math.ceil((places[-1] + 1) / STEPS * rate + pad * rate)
    return max(0, start), min(count, end)


def loudness_of(sound: Sound, rate: int) -> float | None:
    """Return the integrated loudness in LUFS; None for silence and for less than one block of 0.4 s.

    References:
        ITU-R BS.1770-4, by pyloudnorm (Steinmetz and Reiss 2021).
    """
    import pyloudnorm  # type: ignore[import-untyped]

    if len(sound) < BLOCK * rate:
        return None
    if float(np.abs(sound).max()) < 1e-5:
        return None  # below the last bit of 16
    value = float(pyloudnorm.Meter(rate).integrated_loudness(np.asarray(sound, dtype=np.float64)))
    return value if math.isfinite(value) else None


def spectral_gate(sound: Sound, rate: int) -> Sound:
    """Lower stationary noise: in each band, what is not above the level of the quietest frames is turned down by 18 dB.

    The noise of a band is the mean and deviation of its level in dB over the quietest tenth of the frames that are not
    digital silence. The gate opens smoothly over time and frequency. It is no speech enhancement: noise under speech in
    the same band stays, and a sound without pauses is taken for its own noise in its quietest frames.

    Args:
        sound: (samples,) float32.
        rate: Samples a second.

    Returns:
        (samples,) float32.

    References:
        Sainburg, Thielk, Gentner 2020, Finding, visualizing, and quantifying latent structure across diverse animal
        vocal repertoires (spectral gating, as in noisereduce); transforms by librosa.
    """
    import librosa
    from scipy.ndimage import uniform_filter

    length = 1 << max(4, round(math.log2(WINDOW * rate)))
    if len(sound) < 2 * length:
        return np.asarray(sound, dtype=np.float32)
    hop = length // round(WINDOW / HOP)
    spectrum = librosa.stft(np.asarray(sound, dtype=np.float32), n_fft=length, hop_length=hop)
    level = 20 * np.log10(np.maximum(np.abs(spectrum), 1e-9))
    total = np.sum(np.abs(spectrum) ** 2, axis=0)
    heard = np.flatnonzero(total > 1e-10 * length)
    if not len(heard):
        return np.asarray(sound, dtype=np.float32)
    quiet = heard[np.argsort(total[heard], kind="stable")[: max(4, int(QUIETEST * len(heard)))]]
    limit = level[:, quiet].mean(axis=1) + OVER * level[:, quiet].std(axis=1)
    opened = uniform_filter((level > limit[:, None]).astype(np.float32), size=(3, 5))
    gain = DEPTH + (1 - DEPTH) * np.clip(3 * opened - 0.5, 0, 1)
    done = librosa.istft(spectrum * gain, hop_length=hop, n_fft=length, length=len(sound))
    return np.asarray(done, dtype=np.float32)
