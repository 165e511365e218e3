"""What metrics of sound share: checks, frames of 10 ms, which of them hold sound, and dynamic time warping."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ..instruments.logmel import HOP, RATE, resample
from .arrays import array_of

Wave = NDArray[np.float64]
"""(samples,) at 16 kHz, mono, full scale 1, without its mean."""

SHORTEST = 0.1
"""s; of less nothing is said."""
LONGEST_ALIGNED = 60.0
"""s; the table of a warping path grows with the square: 600 MB for two sounds of this length."""
SILENCE = 1e-5
"""Root mean square below this, -100 dB of full scale, is silence: below the last bit of 16."""
ACTIVE = 40.0
"""dB; a frame that is quieter than the loudest one by more than this is a pause."""
APART = 0.1
"""s by which two sounds in step may differ in length: encoders add a frame or two."""


def wave_of(sound: ArrayLike, rate: int, name: str = "sound") -> Wave:
    """Return a sound at 16 kHz, mono, without its mean.

    Args:
        sound: (samples,), (samples, channels) or (channels, samples); floats, full scale 1, or int16. Channels are
            averaged.
        rate: Samples a second, 1,000 to 384,000.
        name: For messages.

    Raises:
        InputError: Another shape or type, NaN or infinity, shorter than 0.1 s, or silence.
    """
    if isinstance(rate, bool) or not isinstance(rate, int | np.integer) or not 1_000 <= int(rate) <= 384_000:
        raise InputError(f"{name}: expected a rate of 1000 to 384000 Hz, found {rate!r}")
    samples = _mono(array_of(sound), name)
    seconds = len(samples) / int(rate)
    if seconds < SHORTEST:
        raise InputError(f"{name}: found {1000 * seconds:.0f} ms, at least {1000 * SHORTEST:.0f} ms are needed")
    if not np.isfinite(samples).all():
        raise InputError(f"{name}: found NaN or infinity")
    samples = samples - samples.mean()
    if float(np.sqrt(np.mean(samples**2))) < SILENCE:
        raise InputError(f"{name}: silence")
    if int(rate) == RATE:
        return np.asarray(samples)
    return np.asarray(resample(samples.astype(np.float32), int(rate)), dtype=np.float64)


def _mono(samples: NDArray[np.generic], name: str) -> NDArray[np.float64]:
    if samples.ndim == 2 and min(samples.shape) <= 8 < max(samples.shape):
        return np.asarray(_scaled(samples, name).mean(axis=int(np.argmin(samples.shape))))
    if samples.ndim != 1:
        raise InputError(f"{name}: expected (samples,) or (samples, channels), found {samples.shape}")
    return _scaled(samples, name)


def _scaled(samples: NDArray[np.generic], name: str) -> NDArray[np.float64]:
    if np.issubdtype(samples.dtype, np.floating):
        return samples.astype(np.float64)
    if samples.dtype == np.int16:
        return samples.astype(np.float64) / 32768
    raise InputError(f"{name}: expected floats or int16, found {samples.dtype}")


def in_step(a: Wave, b: Wave, rate: int = RATE) -> tuple[Wave, Wave]:
    """Return two sounds cut to the shorter one.

    Raises:
        InputError: They differ by more than 0.1 s, so they are not in step.
    """
    if abs(len(a) - len(b)) > APART * rate:
        raise InputError(
            f"sounds of {len(a) / rate:.2f} and {len(b) / rate:.2f} s are not in step; align them, or compare the "
            "sounds that belong together"
        )
    length = min(len(a), len(b))
    return a[:length], b[:length]


def active(wave: Wave) -> NDArray[np.bool_]:
    """Return (steps,) which frames of 10 ms hold sound: within 40 dB of the loudest."""
    steps = len(wave) // HOP
    power = np.mean(wave[: steps * HOP].reshape(steps, HOP) ** 2, axis=1)
    return np.asarray(power > power.max() * 10 ** (-ACTIVE / 10))


class Path(NamedTuple):
    """A warping path: frame `first[k]` of the one goes with frame `second[k]` of the other."""

    first: NDArray[np.intp]
    second: NDArray[np.intp]


def warping_path(a: NDArray[np.float64], b: NDArray[np.float64]) -> Path:
    """Return the path of least summed Euclidean distance between two sequences of vectors.

    Dynamic time warping by librosa: steps (1, 1), (1, 0) and (0, 1), all of weight 1, both ends fixed, no band.

    Args:
        a: (N, D) finite.
        b: (M, D) finite.

    Raises:
        InputError: A side is empty, or longer than 6,000 frames.

    References:
        Sakoe, Chiba 1978, Dynamic programming algorithm optimization for spoken word recognition, section II.
    """
    import librosa

    n, m = len(a), len(b)
    longest = round(LONGEST_ALIGNED * RATE / HOP)
    if not 1 <= min(n, m) <= max(n, m) <= longest:
        raise InputError(f"alignment: found {n} and {m} frames, at least 1 and at most {longest} are needed")
    _, path = librosa.sequence.dtw(X=a.T, Y=b.T, metric="euclidean")
    first, second = np.asarray(path[::-1], dtype=np.intp).T
    return Path(first, second)
