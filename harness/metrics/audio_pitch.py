"""F0 contours by probabilistic YIN."""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ..instruments.logmel import HOP, RATE
from .audio_signal import Wave, active, wave_of

LOW, HIGH = 60.0, 600.0
"""Hz; bass speech to a child's; below and above, a voice is called unvoiced or gets a wrong octave."""
WINDOW = 512
"""Samples over which a frame is compared with its later self, at 16 kHz: 32 ms."""
_LONGEST = math.ceil(RATE / LOW) + 2
_SHORTEST = math.floor(RATE / HIGH) - 1
_TYPICAL = 100
"""Lag in samples, 160 Hz, at which a step is centred exactly; a voice of 80 Hz comes 3 ms early, no more."""
CENTS = 20.0
"""Width of a bin of pitch; what is returned is finer."""
_BINS = round(1200 * math.log2(HIGH / LOW) / CENTS) + 1
_FASTEST = 22
"""Bins that F0 may move within 10 ms: 36 octaves a second."""
_SWITCH = 0.01
"""Probability that voicing changes from a frame to the next."""
_NO_TROUGH = 0.01
"""Share of the probability that the deepest trough keeps where none is below a threshold."""
_CHUNK = 1000
"""Frames at once."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contour:
    """F0 over time: one frame every 10 ms, frame t centred on (t + 0.5) * 10 ms."""

    f0: Array
    """(T,) Hz; NaN where unvoiced."""
    voicing: Array
    """(T,) probability in [0, 1] that the frame is voiced, before the path was found."""

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

    pYIN: troughs of YIN's normalised difference over 32 ms are candidates, weighted by thresholds of distribution
    Beta(2, 18); a hidden Markov model over 200 voiced and 200 unvoiced states of 20 cents finds the path. F0 is
    interpolated within the trough, not rounded to 20 cents. Pauses (40 dB below the loudest frame, and not beside one
    that is louder) are unvoiced, because the hum of a quiet room or the tail of a filter is periodic too.

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


def contour_of(wave: Wave) -> Contour:
    """Return the contour of a sound at 16 kHz."""
    steps = len(wave) // HOP
    if not steps:
        raise InputError("f0: a sound without a frame")
    ahead = (WINDOW + _TYPICAL) // 2 - HOP // 2
    padded = np.pad(wave, (ahead, WINDOW + _LONGEST))
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW + _LONGEST)[: steps * HOP : HOP]
    lags, chances = (
        np.concatenate(part)
        for part in zip(*(_troughs(frames[i : i + _CHUNK]) for i in range(0, steps, _CHUNK)), strict=True)
    )
    pitch = RATE / lags  # infinite nowhere: lags are at least _SHORTEST
    place = np.rint(1200 * np.log2(pitch / LOW) / CENTS).astype(np.intp)
    chances = np.where((place >= 0) & (place < _BINS), chances, 0.0)
    place = np.clip(place, 0, _BINS - 1)
    seen = np.zeros((steps, _BINS))
    np.add.at(seen, (np.repeat(np.arange(steps), place.shape[1]), place.ravel()), chances.ravel())
    seen[~_near(active(wave))] = 0.0
    path = _path(seen)
    return Contour(f0=_refined(path, place, chances, pitch), voicing=np.clip(seen.sum(axis=1), 0, 1))


def _near(heard: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which frames hold sound or lie beside one that does: a low voice has less than a period in a frame."""
    wide = np.pad(heard, 1)
    return np.asarray(wide[:-2] | heard | wide[2:])


def _troughs(frames: Array) -> tuple[Array, Array]:
    """Return (T, L) lags, interpolated, and the probability that each is the period; 0 where there is no trough."""
    raw = _difference(frames)
    total = np.cumsum(raw[:, 1:], axis=1)
    lag = np.arange(1, raw.shape[1])
    # rounding leaves a difference of about 1e-16 of the energy where there is none: silence must not look periodic
    quiet = 1e-12 * np.sum(frames**2, axis=1, keepdims=True) + 1e-12
    normalised = np.ones_like(raw)
    np.divide(raw[:, 1:] * lag, total, out=normalised[:, 1:], where=total > quiet * lag)
    left, here, right = (normalised[:, _SHORTEST + k : raw.shape[1] - 2 + k] for k in (0, 1, 2))
    trough = (here < left) & (here <= right)
    height = np.where(trough, np.clip(here, 0, 1), 1.0)
    lowest = np.minimum.accumulate(np.pad(height, ((0, 0), (1, 0)), constant_values=1.0)[:, :-1], axis=1)
    chance = np.clip(_above(height) - _above(lowest), 0, None)
    row, deepest = np.arange(len(height)), np.argmin(height, axis=1)
    chance[row, deepest] += _NO_TROUGH * (1 - _above(height[row, deepest])) * trough[row, deepest]
    a, b, c = (raw[:, _SHORTEST + k : raw.shape[1] - 2 + k] for k in (0, 1, 2))
    bend = a - 2 * b + c
    shift = np.divide(0.5 * (a - c), bend, out=np.zeros_like(b), where=bend > 0)
    return lag[_SHORTEST : raw.shape[1] - 2] + np.clip(shift, -1, 1), np.where(trough, chance, 0.0)


def _difference(frames: Array) -> Array:
    """Return (T, lags) the summed square of what a window differs from itself later, lag 0 first."""
    size = 1 << (frames.shape[1] + WINDOW).bit_length()
    head = np.fft.rfft(frames[:, :WINDOW], size, axis=1)
    product = np.fft.irfft(np.conj(head) * np.fft.rfft(frames, size, axis=1), size, axis=1)[:, : _LONGEST + 1]
    energy = np.cumsum(np.pad(frames**2, ((0, 0), (1, 0))), axis=1)
    own = energy[:, WINDOW : WINDOW + _LONGEST + 1] - energy[:, : _LONGEST + 1]
    return np.asarray(np.clip(own[:, :1] + own - 2 * product, 0, None))


def _above(height: Array) -> Array:
    """Probability that a threshold of distribution Beta(2, 18) lies above."""
    return np.asarray((1 - height) ** 18 * (1 + 18 * height))


def _path(seen: Array) -> NDArray[np.intp]:
    """Return (T,) the bin of each frame on the likeliest path, -1 where unvoiced (Viterbi)."""
    steps = len(seen)
    unvoiced = np.clip(1 - seen.sum(axis=1), 1e-12, 1) / _BINS
    said = np.log(np.stack([np.maximum(seen, 1e-12), np.repeat(unvoiced[:, None], _BINS, axis=1)], axis=1))
    moves = _moves()
    stay, change = math.log(1 - _SWITCH), math.log(_SWITCH)
    score = said[0].copy()
    came = np.empty((steps, 2, _BINS), dtype=np.int16)  # where from: bin, and beyond _BINS the other voicing
    place = np.arange(_BINS)
    for t in range(1, steps):
        wide = np.pad(score, ((0, 0), (_FASTEST, _FASTEST)), constant_values=-np.inf)
        reach = np.lib.stride_tricks.sliding_window_view(wide, 2 * _FASTEST + 1, axis=1) + moves
        step = np.argmax(reach, axis=2)
        best = np.take_along_axis(reach, step[:, :, None], axis=2)[:, :, 0]
        origin = place + step - _FASTEST
        other = best[::-1] + change > best + stay
        came[t] = np.where(other, origin[::-1] + _BINS, origin)
        score = np.where(other, best[::-1] + change, best + stay) + said[t]
    return _back(score, came)


def _back(score: Array, came: NDArray[np.int16]) -> NDArray[np.intp]:
    voicing, place = divmod(int(np.argmax(score)), _BINS)
    path = np.empty(len(came), dtype=np.intp)
    for t in range(len(came) - 1, -1, -1):
        path[t] = -1 if voicing else place
        changed, place = divmod(int(came[t, voicing, place]), _BINS) if t else (0, place)
        voicing ^= changed
    return path


@cache
def _moves() -> Array:
    """Log probability of each move of F0 within a frame: a triangle."""
    weight = _FASTEST + 1 - np.abs(np.arange(-_FASTEST, _FASTEST + 1))
    return np.asarray(np.log(weight / weight.sum()))


def _refined(path: NDArray[np.intp], place: NDArray[np.intp], chances: Array, pitch: Array) -> Array:
    """Return (T,) Hz: of the likeliest trough within a bin of the path, else the bin's own; NaN where unvoiced."""
    near = np.where(np.abs(place - path[:, None]) <= 1, chances, 0.0)
    best = np.argmax(near, axis=1)
    row = np.arange(len(path))
    found = np.where(near[row, best] > 0, pitch[row, best], LOW * 2 ** (path * CENTS / 1200))
    return np.asarray(np.where(path >= 0, found, np.nan))
