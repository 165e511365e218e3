"""What can happen to finished sounds: noise, a room, a telephone, lost packets, clipping, pitch, tempo, coming late."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..media.content import Sound, SoundMedia

SHORTEST = 2048
"""Samples that the phase vocoder looks at; a shorter sound stays as it is."""


def add_pink_noise(sound: SoundMedia, *, snr: float = 20.0, seed: int = 0) -> SoundMedia:
    """Return the sound with pink noise, whose power falls by 3 dB an octave, added to it; silence stays silent.

    Args:
        sound: Mono.
        snr: Power of the sound over that of the noise, both over the whole length, in dB.
        seed: Decides the noise.
    """
    samples = np.asarray(sound.sound, dtype=np.float64)
    if len(samples) < 2:
        return sound
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(len(samples)))
    spectrum[0] = 0.0
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    noise = np.fft.irfft(spectrum, len(samples))
    level = np.sqrt(np.mean(samples**2) / np.mean(noise**2)) * 10 ** (-snr / 20)
    return replace(sound, sound=(samples + level * noise).astype(np.float32))


def delay(sound: SoundMedia, *, seconds: float = 0.2) -> SoundMedia:
    """Return the sound later by `seconds`, of the same length: silence first, and the end is lost.

    Below 0 it comes earlier: the start is lost, and silence follows.
    """
    count = min(round(abs(seconds) * sound.sample_rate), len(sound.sound))
    silence = np.zeros(count, np.float32)
    if seconds < 0.0:
        moved = np.concatenate([sound.sound[count:], silence])
    else:
        moved = np.concatenate([silence, sound.sound[: len(sound.sound) - count]])
    return replace(sound, sound=moved.astype(np.float32))


def reverberate(sound: SoundMedia, *, rt60: float = 0.5, wet: float = -3.0, seed: int = 0) -> SoundMedia:
    """Return the sound in a room: a tail of noise that falls by 60 dB in `rt60` seconds (Polack's model); same length.

    Args:
        sound: Mono.
        rt60: Seconds, above 0.
        wet: Energy of the tail over that of the direct sound, dB.
        seed: Decides the tail.

    Raises:
        ValueError: `rt60` is not above 0.
    """
    from scipy.signal import fftconvolve

    if not rt60 > 0.0:
        raise ValueError(f"rt60={rt60}; legal: above 0")
    if not len(sound.sound):
        return sound
    t = np.arange(1, max(2, round(1.2 * rt60 * sound.sample_rate))) / sound.sample_rate
    tail = np.random.default_rng(seed).standard_normal(len(t)) * 10.0 ** (-3.0 * t / rt60)
    tail *= 10.0 ** (wet / 20.0) / np.sqrt(np.sum(tail**2))
    room = np.concatenate([[1.0], tail])
    dry = np.asarray(sound.sound, dtype=np.float64)
    heard = fftconvolve(dry, room)[: len(dry)]
    return replace(sound, sound=_within(heard, dry))


def telephone(sound: SoundMedia, *, low: float = 300.0, high: float = 3400.0) -> SoundMedia:
    """Return the sound after a telephone: `low` to `high` Hz, 8 kHz, 8 bits by the mu-law of ITU-T G.711; same length.

    Raises:
        ValueError: Not 0 < low < high < 4000.
    """
    from scipy.signal import butter, resample_poly, sosfiltfilt

    if not 0.0 < low < high < 4000.0:
        raise ValueError(f"low={low}, high={high}; legal: 0 < low < high < 4000")
    if len(sound.sound) < 64:  # shorter than what the filters look at
        return sound
    samples = np.asarray(sound.sound, dtype=np.float64)
    narrow = resample_poly(samples, 8000, sound.sample_rate)
    narrow = sosfiltfilt(butter(4, (low, high), "bandpass", fs=8000, output="sos"), narrow)
    narrow = np.clip(narrow, -1.0, 1.0)
    law = np.sign(narrow) * np.log1p(255.0 * np.abs(narrow)) / np.log(256.0)
    law = np.rint(law * 127.0) / 127.0
    heard = resample_poly(np.sign(law) * np.expm1(np.abs(law) * np.log(256.0)) / 255.0, sound.sample_rate, 8000)
    heard = heard[: len(samples)]
    return replace(sound, sound=np.pad(heard, (0, len(samples) - len(heard))).astype(np.float32))


def lose_packets(sound: SoundMedia, *, share: float = 0.1, burst: float = 2.0, seed: int = 0) -> SoundMedia:
    """Return the sound with packets of 20 ms silent, lost in bursts (the two states of Gilbert 1960).

    Args:
        sound: Mono.
        share: Of the packets, in the long run, 0 to below 1.
        burst: Packets that are lost together, on average, at least 1.
        seed: Decides which; at least one is lost where `share` is above 0.

    Raises:
        ValueError: A parameter is outside its range.
    """
    if not (0.0 <= share < 1.0 and burst >= 1.0):
        raise ValueError(f"share={share}, burst={burst}; legal: 0 to below 1, at least 1")
    rng, size = np.random.default_rng(seed), max(1, round(0.02 * sound.sample_rate))
    count = -(-len(sound.sound) // size)
    stay, come = 1.0 - 1.0 / burst, min(1.0, share / ((1.0 - share) * burst))
    lost = np.zeros(count, dtype=bool)
    for packet, chance in enumerate(rng.random(count)):
        lost[packet] = chance < (stay if packet and lost[packet - 1] else come)
    if count and share > 0.0 and not lost.any():
        lost[int(rng.integers(count))] = True
    kept = np.repeat(~lost, size)[: len(sound.sound)]
    return replace(sound, sound=np.where(kept, sound.sound, np.float32(0)).astype(np.float32))


def clip_off(sound: SoundMedia, *, share: float = 0.1) -> SoundMedia:
    """Return the sound with its loudest samples, a `share` from 0 to 1 of all, cut to one level.

    Raises:
        ValueError: `share` is outside its range.
    """
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"share={share}; legal: 0 to 1")
    if not len(sound.sound):
        return sound
    level = float(np.quantile(np.abs(sound.sound.astype(np.float64)), 1.0 - share))
    return replace(sound, sound=np.clip(sound.sound, -level, level).astype(np.float32))


def shift_pitch(sound: SoundMedia, *, semitones: float = 2.0) -> SoundMedia:
    """Return the sound higher by `semitones`, below 0 lower, as long as before (librosa's phase vocoder)."""
    import librosa

    if len(sound.sound) < SHORTEST:
        return sound
    samples = np.asarray(sound.sound, dtype=np.float32)
    moved = librosa.effects.pitch_shift(samples, sr=sound.sample_rate, n_steps=semitones)
    return replace(sound, sound=_within(moved, samples))


def change_tempo(sound: SoundMedia, *, rate: float = 1.2) -> SoundMedia:
    """Return the sound `rate` times as fast, above 0, at the same pitch (librosa's phase vocoder).

    Raises:
        ValueError: `rate` is not above 0.
    """
    import librosa

    if not rate > 0.0:
        raise ValueError(f"rate={rate}; legal: above 0")
    if len(sound.sound) < SHORTEST:
        return sound
    samples = np.asarray(sound.sound, dtype=np.float32)
    return replace(sound, sound=_within(librosa.effects.time_stretch(samples, rate=rate), samples))


def _within(samples: NDArray[Any], before: NDArray[Any]) -> Sound:
    """Return samples in [-1, 1]; louder ones are brought down as a whole, unless the sound was too loud before."""
    peak = float(np.abs(samples).max(initial=0.0))
    if peak > 1.0 >= float(np.abs(before).max(initial=0.0)):
        samples = samples / peak
    return samples.astype(np.float32)
