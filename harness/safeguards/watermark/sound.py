"""The watermark of sounds.

A sound is cut into periods of two seconds. The spectrum of a period, between 300 and 3000 Hz, is the same at every
sample rate; it gives 256 numbers, projections onto secret directions, and each is moved onto the lattice, whose step
follows the period's loudness. Every period carries the whole mark. What is added follows the sound's envelope, so that
pauses stay quiet.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ...media.content import Sound
from .code import CODED_BITS, encode
from .lattice import Evidence, Numbers, decide, displacement, dithers, shuffle
from .mark import Bits, Found, Mark, check_key, derive, seal

PERIOD = 2
"""Seconds."""
BAND = (300, 3000)
"""Hz."""
STRENGTH = 10 ** (-30 / 20)
"""What is added, against the period's loudness between the band's ends."""
QUIETEST = 3e-3
"""Loudness, of 1, below which the step does not fall: silence is marked too, at -77 dB of full scale."""
SLOWEST_RATE = 8000
"""Hz: slower sounds have no such band."""
SHORTEST = 0.25
"""Seconds: a shorter sound cannot be marked, a shorter rest after the last whole period is left as it is."""
GAINS = (0.96, 0.98, 1.0, 1.02, 1.04)
"""Errors of the loudness, by noise for instance, that are looked for."""

_BINS = np.arange(PERIOD * BAND[0], PERIOD * BAND[1])
_EACH = 2 * len(_BINS) // CODED_BITS
_SMOOTH = 0.02
_FLOOR = 0.05
_SOLVE = 12


def mark_sound(sound: Sound, sample_rate: int, mark: Mark, key: bytes) -> Sound:
    """Return the sound with an inaudible mark; the same mark and key give the same samples.

    Args:
        sound: (samples,) float in [-1, 1].
        sample_rate: Hz, at least 8000.
        mark: What to carry.
        key: 32 secret bytes.

    Raises:
        ValueError: The sound is shorter than a quarter of a second, its rate too low, or the key not 32 bytes.
    """
    coded, secret = encode(seal(mark, key)), _Secret.of(bytes(key))
    length = _length(sample_rate)
    if len(sound) < SHORTEST * sample_rate:
        seconds = len(sound) / sample_rate
        raise ValueError(f"a sound of {seconds:.3f} s; the shortest that can be marked is {SHORTEST} s")
    out = np.array(sound, dtype=np.float64)
    for part in _parts(out, length):
        part += _added(part, length, coded, secret)
    return np.clip(out, -1.0, 1.0).astype(np.float32)


def find_in_sound(sound: Sound, sample_rate: int, key: bytes) -> Found | None:
    """Look for a mark, from the start, then at every sample at which a period may start (trimmed sounds).

    Args:
        sound: (samples,) float.
        sample_rate: Hz, at least 8000.
        key: 32 secret bytes.

    Raises:
        ValueError: The rate is too low or the key is not 32 bytes.
    """
    check_key(key)
    secret = _Secret.of(bytes(key))
    length = _length(sample_rate)
    values = np.asarray(sound, dtype=np.float64)
    if len(values) < SHORTEST * sample_rate:
        return None
    found = decide(_read(values, length, secret), key)
    if found is not None:
        return found
    start, attempts = _likeliest_start(values, length, secret)
    return decide(_read(np.pad(values, (max(0, -start), 0))[max(0, start) :], length, secret), key, attempts=attempts)


@dataclass(frozen=True, slots=True, eq=False)
class _Secret:
    """What the key decides."""

    places: NDArray[np.int64]
    """(256, each) places in the period's values."""
    signs: Numbers
    """(256, each)."""
    dither: Numbers

    @classmethod
    @lru_cache(maxsize=8)
    def of(cls, key: bytes) -> "_Secret":
        """Derive it."""
        count = CODED_BITS * _EACH
        places = shuffle(key, "sound places", 1, 2 * len(_BINS))[0, :count].reshape(CODED_BITS, _EACH)
        drawn = np.frombuffer(derive(key, "sound signs", count), dtype=np.uint8)
        signs = (1.0 - 2.0 * (drawn & 1)).reshape(CODED_BITS, _EACH) / np.sqrt(_EACH)
        return cls(places=places, signs=signs, dither=dithers(key, "sound"))

    def numbers(self, period: Numbers) -> Numbers:
        """Return the (256,) numbers of a period of full length."""
        return np.asarray((_values(period)[self.places] * self.signs).sum(axis=1))

    def spread(self, numbers: Numbers, length: int) -> Numbers:
        """Return the period of least energy that has these numbers."""
        values = np.zeros(2 * len(_BINS))
        values[self.places] = self.signs * numbers[:, None]
        spectrum = np.zeros(length // 2 + 1, dtype=np.complex128)
        spectrum[_BINS] = (values[: len(_BINS)] + 1j * values[len(_BINS) :]) * (length / np.sqrt(2.0))
        return np.asarray(np.fft.irfft(spectrum, length))


def _length(sample_rate: int) -> int:
    if sample_rate < SLOWEST_RATE:
        raise ValueError(f"a sound at {sample_rate} Hz; the lowest rate that can be marked is {SLOWEST_RATE} Hz")
    return PERIOD * int(sample_rate)


def _parts(values: Numbers, length: int) -> Iterator[Numbers]:
    """Yield the periods, as views; the last may be shorter."""
    for start in range(0, len(values), length):
        part = values[start : start + length]
        if len(part) * PERIOD >= SHORTEST * length or not start:
            yield part


def _values(period: Numbers) -> Numbers:
    """Return the parts of the band's spectrum; their squares add up to the mean square of the band."""
    spectrum = np.fft.rfft(period)[_BINS] * (np.sqrt(2.0) / len(period))
    return np.concatenate([spectrum.real, spectrum.imag])


def _step(period: Numbers) -> float:
    loudness = max(float(np.sqrt(np.sum(_values(period) ** 2))), QUIETEST)
    return float(STRENGTH * loudness * np.sqrt(12.0 / CODED_BITS))


def _added(part: Numbers, length: int, coded: Bits, secret: _Secret) -> Numbers:
    """Return what to add to a period, shorter than a full one at the end of a sound."""
    period = np.pad(part, (0, length - len(part)))
    room = _room(part, length)
    wanted = displacement(secret.numbers(period), coded, secret.dither, _step(period))
    # the least energy, weighed by the room there is: room * spread(x) with numbers(room * spread(x)) = wanted
    solution, residual = np.zeros(CODED_BITS), wanted.copy()
    direction, norm = residual.copy(), float(residual @ residual)
    for _ in range(_SOLVE):  # conjugate gradients
        if norm <= 1e-12 * float(wanted @ wanted):
            break
        image = secret.numbers(room * secret.spread(direction, length))
        share = norm / float(direction @ image)
        solution += share * direction
        residual -= share * image
        before, norm = norm, float(residual @ residual)
        direction = residual + norm / before * direction
    return np.asarray((room * secret.spread(solution, length))[: len(part)])


def _room(part: Numbers, length: int) -> Numbers:
    """Return how much may be added at each sample, by the envelope; nothing outside the sound, 1 on average."""
    width = max(1, round(_SMOOTH * length / PERIOD))
    power = np.convolve(part**2, np.ones(width) / width, mode="same")
    envelope = np.sqrt(np.maximum(power, 0.0))
    envelope += _FLOOR * np.sqrt(np.mean(part**2)) + _FLOOR * QUIETEST
    smooth = np.convolve(envelope, np.hanning(width + 2)[1:-1], mode="same")
    return np.pad(smooth / smooth.mean(), (0, length - len(part)))


def _read(values: Numbers, length: int, secret: _Secret) -> Evidence:
    total: Evidence | None = None
    for part in _parts(values, length):
        period = np.pad(part, (0, length - len(part)))
        turns = secret.numbers(period) / (_step(period) * np.array(GAINS)[:, None]) - secret.dither
        one = Evidence.of(turns)
        total = one if total is None else total + one
    assert total is not None
    return total


def _likeliest_start(values: Numbers, length: int, secret: _Secret) -> tuple[int, int]:
    """Return where a period most likely starts in the first two, before the first sample too, and how many were tried.

    The numbers at every start are correlations of the sound with the secret directions.
    """
    heard = values[: 2 * length]
    size = 4 * length
    spectrum = np.fft.rfft(heard, size)
    fit = np.zeros(2 * length)
    starts = np.arange(-length, length)
    band = _banded(heard, length)
    total = np.concatenate([np.zeros(1), np.cumsum(band**2)])
    ends = np.clip([starts, starts + length], 0, len(heard))
    energy = (total[ends[1]] - total[ends[0]]) / length
    steps = STRENGTH * np.maximum(np.sqrt(np.maximum(energy, 0.0)), QUIETEST) * np.sqrt(12.0 / CODED_BITS)
    for place in range(CODED_BITS):
        unit = np.zeros(CODED_BITS)
        unit[place] = 1.0 / length
        direction = np.conj(np.fft.rfft(secret.spread(unit, length), size))
        numbers = np.fft.irfft(spectrum * direction, size)[starts]
        fit += np.cos(4.0 * np.pi * (numbers / steps - secret.dither[place]))
    return int(starts[np.argmax(fit)]), len(starts)


def _banded(values: Numbers, length: int) -> Numbers:
    spectrum = np.fft.rfft(values, 2 * length)
    keep = np.zeros(len(spectrum))
    keep[2 * _BINS[0] : 2 * _BINS[-1] + 1] = 1.0
    return np.asarray(np.fft.irfft(spectrum * keep, 2 * length)[: len(values)])
