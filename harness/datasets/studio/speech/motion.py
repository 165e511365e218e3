"""The rest of a talking face: head, gaze, blinks and brows, varying smoothly."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .espeak import Phoneme

Array = NDArray[np.float64]

_BLINK_CLOSE, _BLINK_OPEN = 0.08, 0.17  # seconds; lids fall faster than they rise
_SACCADE = 0.04


class _Sway:
    """A smooth random function of time: five slow sine waves."""

    def __init__(self, rng: np.random.Generator, size: float, slow: float = 0.08, fast: float = 0.7) -> None:
        self.rates = slow * (fast / slow) ** rng.uniform(size=5)
        self.phases = rng.uniform(0, 2 * np.pi, 5)
        weights = rng.uniform(0.5, 1.0, 5) / self.rates**0.5
        self.weights = size * weights / np.sqrt(np.sum(weights**2) / 2)

    def at(self, times: Array) -> Array:
        waves = np.sin(2 * np.pi * self.rates * times[:, None] + self.phases)
        return np.asarray(waves @ self.weights, dtype=np.float64)


class HeadMotion:
    """Head, eyes and brows of a speaker over time; a pure function of time once it is made."""

    def __init__(
        self, rng: np.random.Generator, seconds: float, phonemes: Sequence[Phoneme], *, max_yaw: float = 15.0
    ) -> None:
        """Draw a motion.

        Args:
            rng: Source of randomness.
            seconds: Length of the clip.
            phonemes: Stressed syllables nod the head and raise the brows a little.
            max_yaw: Degrees, the largest mean turn of the head.
        """
        turn = float(rng.uniform(-max_yaw, max_yaw))
        self._means = {"yaw": turn, "pitch": float(rng.normal(0, 3)), "roll": float(rng.normal(0, 2))}
        self._sways = {"yaw": _Sway(rng, 3.0), "pitch": _Sway(rng, 1.8), "roll": _Sway(rng, 1.3)}
        beats = [p.start for p in phonemes if p.stress == 2]
        self._beats = np.array([b for b in beats if rng.uniform() < 0.45])
        self._strength = rng.uniform(0.4, 1.2, len(self._beats))
        self._smile = _Sway(rng, 0.05)
        self._smile_mean = float(max(0.0, rng.normal(0.08, 0.08)))
        self._brows = float(rng.uniform(0.08, 0.3))
        self._blinks = _events(rng, seconds, 1.6, 3.2)
        self._looks = _events(rng, seconds, 0.6, 1.6)
        self._targets = rng.normal(0.0, (0.10, 0.06), (len(self._looks) + 1, 2))

    def at(self, times: Array) -> dict[str, Array]:
        """Return factors of `STATE` at the given times, each (T,)."""
        found = {name: self._means[name] + sway.at(times) for name, sway in self._sways.items()}
        beat = self._nod(times)
        found["pitch"] = found["pitch"] - 1.4 * beat
        found["brow_inner_up"] = found["brow_outer_up"] = np.clip(self._brows * beat, 0.0, 1.0)
        found["smile"] = np.clip(self._smile_mean + self._smile.at(times), 0.0, 0.4)
        found["blink_left"] = found["blink_right"] = self._lids(times)
        gaze = self._gaze(times)  # the eyes hold the camera while the head turns
        found["gaze_x"] = np.clip(gaze[:, 0] - found["yaw"] / 30.0, -1.0, 1.0)
        found["gaze_y"] = np.clip(gaze[:, 1] - found["pitch"] / 25.0, -1.0, 1.0)
        return found

    def _nod(self, times: Array) -> Array:
        away = (times[:, None] - self._beats - 0.06) / 0.11
        return np.asarray(np.exp(-0.5 * away**2) @ self._strength, dtype=np.float64)

    def _lids(self, times: Array) -> Array:
        since = times[:, None] - self._blinks
        falling = np.clip(1 + since / _BLINK_CLOSE, 0, 1)
        rising = np.clip(1 - since / _BLINK_OPEN, 0, 1)
        lids = np.where(since < 0, falling, rising)
        return np.asarray(np.max(_smooth(lids), axis=1, initial=0.0), dtype=np.float64)

    def _gaze(self, times: Array) -> Array:
        moved = _smooth(np.clip((times[:, None] - self._looks) / _SACCADE, 0, 1))
        steps = np.diff(self._targets, axis=0)
        return np.asarray(self._targets[0] + moved @ steps, dtype=np.float64)


def _smooth(x: Array) -> Array:
    return x * x * (3 - 2 * x)


def _events(rng: np.random.Generator, seconds: float, shortest: float, mean: float) -> Array:
    """Return times at which something happens: at least `shortest` apart, `shortest + mean` on average."""
    times, now = [], float(rng.uniform(0, mean))
    while now < seconds + 1:
        times.append(now)
        now += shortest + float(rng.exponential(mean))
    return np.array(times)
