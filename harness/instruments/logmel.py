"""Log-mel spectrograms in step with frames of picture: one step every 10 ms."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from ..media.content import Sound

RATE = 16_000
HOP = 160
"""Samples; 100 steps a second."""
LOW, HIGH = 60.0, 7_600.0
"""Hz."""
_LEVEL = 0.05
_FLOOR = 1e-6
_CENTRE, _SPREAD = -7.0, 4.0
"""About the mean and deviation of what comes out of the logarithm for speech, taken off."""

Spectrogram = NDArray[np.float32]


def log_mel(sound: Sound, rate: int, *, bands: int, window: int) -> Spectrogram:
    """Return the log-mel spectrogram of a sound, whose loudness as a whole is taken off first.

    Step t is centred on (t + 0.5) * 10 ms.

    Args:
        sound: (samples,) float32, mono.
        rate: Samples a second; anything but 16,000 is resampled.
        bands: Number of bands, evenly spaced in mel from 60 to 7,600 Hz.
        window: Samples of the Hann window at 16 kHz, a power of two: 512 for times, 1024 for pitches.

    Returns:
        (steps, bands) float32, about zero mean and unit variance for speech.
    """
    wave = resample(sound, rate).astype(np.float64)
    power = float(np.sqrt(np.mean(wave**2))) if len(wave) else 0.0
    wave = wave * (_LEVEL / max(power, 1e-5))
    steps = len(wave) // HOP
    ahead = window // 2 - HOP // 2
    padded = np.pad(wave, (ahead, window))
    if not steps:
        return np.zeros((0, bands), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[: steps * HOP : HOP]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(window) + 0.5) / window)
    spectrum = np.abs(np.fft.rfft(frames * hann, axis=1)) ** 2 / np.sum(hann**2)
    mel = spectrum @ mel_weights(bands, window).T
    return ((np.log(mel + _FLOOR) - _CENTRE) / _SPREAD).astype(np.float32)


def resample(sound: Sound, rate: int) -> Sound:
    """Return the sound at 16 kHz."""
    if rate == RATE:
        return np.asarray(sound, dtype=np.float32)
    from scipy.signal import resample_poly

    shared = int(np.gcd(rate, RATE))
    return np.asarray(resample_poly(sound, RATE // shared, rate // shared), dtype=np.float32)


@cache
def mel_weights(bands: int, window: int) -> NDArray[np.float64]:
    """Return (bands, window // 2 + 1) triangles over frequency that add up to 1 (2595 log10(1 + f / 700) mel)."""
    edges = 700.0 * (10.0 ** (np.linspace(_mel(LOW), _mel(HIGH), bands + 2) / 2595.0) - 1.0)
    at = np.linspace(0.0, RATE / 2, window // 2 + 1)[None]
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rows = np.maximum(0.0, np.minimum((at - low) / (middle - low), (high - at) / (high - middle)))
    narrow = rows.sum(axis=1) == 0  # a band that lies between two bins takes the nearest one
    nearest = np.argmin(np.abs(at - middle), axis=1)
    rows[narrow, nearest[narrow]] = 1.0
    return np.asarray(rows / rows.sum(axis=1, keepdims=True))


def _mel(frequency: float) -> float:
    return 2595.0 * float(np.log10(1.0 + frequency / 700.0))
