"""What can happen to finished sounds: noise, and coming late."""

from dataclasses import replace

import numpy as np

from ..media.content import SoundMedia


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
    """Return the sound later by `seconds`, at least 0, of the same length: silence first, and the end is lost.

    Raises:
        ValueError: `seconds` is below 0.
    """
    if seconds < 0.0:
        raise ValueError(f"seconds={seconds}; legal: at least 0")
    count = min(round(seconds * sound.sample_rate), len(sound.sound))
    late = np.concatenate([np.zeros(count, np.float32), sound.sound[: len(sound.sound) - count]])
    return replace(sound, sound=late.astype(np.float32))
