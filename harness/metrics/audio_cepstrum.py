"""Mel-cepstral distortion, with dynamic time warping and without."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ..instruments.logmel import HIGH, HOP, LOW, RATE
from .audio_signal import Path, Wave, active, in_step, warping_path, wave_of

BANDS, WINDOW = 40, 512
COEFFICIENTS = 13
CONSTANT = 10 * math.sqrt(2) / math.log(10)
"""dB for one unit of a coefficient: 6.1419."""
LEVEL = 0.05
"""Root mean square to which every sound is brought."""
FLOOR = 1e-6
"""Under the power of a band: 34 dB below white noise of that level."""


def mel_cepstral_distortion(
    a: ArrayLike, b: ArrayLike, rate: int, *, align: bool = True, coefficients: int = COEFFICIENTS
) -> float:
    """Mel-cepstral distortion of two sounds, in dB.

    10 sqrt(2) / ln(10) times the Euclidean distance of the cepstra c1 to cK, mean over frames. c0, the loudness, is
    left out. The cepstrum is the cosine series of the natural logarithm of the magnitude over 40 mel bands from 60 to
    7,600 Hz, log|S| = c0 / 2 + sum of c_k cos(k w), so that the constant makes it the root mean square difference in dB
    of the two smoothed spectra, and nothing else. Frames of 32 ms every 10 ms, at 16 kHz; both sounds brought to one
    loudness; a floor of 1e-6 under the power of a band (34 dB below white noise of that loudness), so that emptiness
    against emptiness is no difference.

    Args:
        a: (samples,), or with channels, which are averaged; floats or int16.
        b: Likewise.
        rate: Samples a second of both.
        align: True: pauses (frames 40 dB below the loudest) are taken out of both, then dynamic time warping, mean
            over the path; for the same words at another pace. False: frame against frame in step, but for those that
            are pauses in both; the sounds may differ by 0.1 s in length.
        coefficients: K, 1 to 39.

    Returns:
        dB, >= 0; 0 for equal sounds, also of different loudness.

    Raises:
        InputError: Shorter than 0.1 s, silence, NaN, another shape; not in step; longer than 60 s to align.

    References:
        Kubichek 1993, Mel-cepstral distance measure for objective speech quality assessment, equation 1; K = 13 as in
        Skerry-Ryan et al. 2018, Towards End-to-End Prosody Transfer, section 4.1.
    """
    one, two = wave_of(a, rate, "a"), wave_of(b, rate, "b")
    if not 1 <= coefficients < BANDS:
        raise InputError(f"mcd: found {coefficients} coefficients, legal: 1 to {BANDS - 1}")
    if not align:
        one, two = in_step(one, two)
        c, d = mel_cepstrum(one, coefficients), mel_cepstrum(two, coefficients)
        heard = active(one) | active(two)
        return _distortion(c[heard], d[heard])
    c, d = (mel_cepstrum(wave, coefficients)[active(wave)] for wave in (one, two))
    path = warping_path(c, d)
    return _distortion(c[path.first], d[path.second])


def mel_cepstrum(wave: Wave, coefficients: int = COEFFICIENTS) -> NDArray[np.float64]:
    """Return (steps, K) cepstra c1 to cK of a sound at 16 kHz, one every 10 ms, by librosa.

    Step t is centred on (t + 0.5) * 10 ms.
    """
    import librosa

    wave = np.asarray(wave, dtype=np.float64)
    steps = len(wave) // HOP
    level = float(np.sqrt(np.mean(wave**2)))
    window = librosa.filters.get_window("hann", WINDOW)
    power = librosa.feature.melspectrogram(
        y=np.pad(wave * (LEVEL / level), (WINDOW // 2 - HOP // 2, WINDOW)),
        sr=RATE,
        n_fft=WINDOW,
        hop_length=HOP,
        window=window,
        center=False,
        n_mels=BANDS,
        fmin=LOW,
        fmax=HIGH,
        htk=True,
        norm=1,
        dtype=np.float64,
    )[:, :steps]
    magnitude = np.log(power / np.sum(window**2) + FLOOR) / 2
    return cosines(magnitude, coefficients).T


def cosines(magnitude: NDArray[np.float64], coefficients: int) -> NDArray[np.float64]:
    """Return (K, steps) the cosine series c1 to cK of log magnitudes (bands, steps)."""
    import librosa

    series = librosa.feature.mfcc(S=magnitude, n_mfcc=coefficients + 1, dct_type=2, norm=None)
    return np.asarray(series[1:], dtype=np.float64) / len(magnitude)


def alignment(a: Wave, b: Wave) -> Path:
    """Return the warping path between the frames of two sounds at 16 kHz, pauses and all."""
    return warping_path(mel_cepstrum(a), mel_cepstrum(b))


def _distortion(c: NDArray[np.float64], d: NDArray[np.float64]) -> float:
    return float(CONSTANT * np.mean(np.sqrt(np.sum((c - d) ** 2, axis=1))))
