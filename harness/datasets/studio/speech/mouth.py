"""From phonemes to the movement of the mouth.

Every factor is a mean of the visemes' targets, weighted by their dominance (Cohen and Massaro, Modeling coarticulation
in synthetic visual speech, 1993). Here a dominance is flat while its phoneme sounds and falls off exponentially on
both sides, so that a mouth prepares what comes and keeps what was. Where lips must meet, a second, hard rule closes
them from the first to the last moment of the closure that is heard. So picture and sound agree by construction,
whatever the dominances are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .espeak import Phoneme
from .visemes import BOUNDARIES, PAUSES, VISEMES, visemes_of

Array = NDArray[np.float64]

COLUMNS = ("jaw", "width", "round", "part", "press", "tongue", "tuck")
"""The columns of a mouth track."""
_JAW_GROUP = np.array([name in {"jaw", "tongue"} for name in COLUMNS])
_SHAPE_GROUP = np.array([name in {"width", "round"} for name in COLUMNS])
_ROUNDING = COLUMNS.index("round")

_JAW_SECONDS = 0.030
_LIP_SECONDS = 0.045
_ROUND_SECONDS = 0.080  # lips round early: the look-ahead of rounding spans a consonant or two
_REACH = 0.5  # seconds; what is further away has no weight
_CLOSING, _OPENING = 0.055, 0.045  # seconds that lips take to meet and to part
_SHORT_PAUSE = 0.12
_STRESS = (0.88, 1.0, 1.15)


class Closure(NamedTuple):
    """From `start` to `end`, in seconds, the lips are shut."""

    start: float
    end: float


@dataclass(frozen=True, slots=True)
class _Segments:
    starts: Array
    ends: Array
    targets: Array
    forces: Array


class MouthTrack:
    """The mouth of an utterance at any time.

    Attributes:
        closures: Where the lips are shut, in order.
    """

    def __init__(
        self, phonemes: Sequence[Phoneme], family: str, *, articulation: float = 1.0, shortest: float = 0.045
    ) -> None:
        """Prepare a track.

        Args:
            phonemes: In order, times in seconds.
            family: Of the language, a key of `visemes.FAMILIES`.
            articulation: How far the jaw opens, 1 as usual.
            shortest: Seconds that a closure lasts at least, so that one frame of a clip shows it.
        """
        self._segments = _segments(phonemes, family, articulation)
        self.closures = tuple(_closures(phonemes, family, shortest))

    def at(self, times: Array) -> Array:
        """Return the mouth at the given times.

        Args:
            times: (T,) seconds.

        Returns:
            (T, 7), the columns named by `COLUMNS`.
        """
        s = self._segments
        rest = np.array(VISEMES["rest"][: len(COLUMNS)])
        near = np.flatnonzero((s.ends > times.min() - _REACH) & (s.starts < times.max() + _REACH))
        if not len(near):
            return np.tile(rest, (len(times), 1))
        t = times[:, None]
        away = np.maximum(np.maximum(s.starts[near] - t, t - s.ends[near]), 0.0)[..., None]
        weight = s.forces[near] * np.exp(-away / _seconds())
        idle = 1e-3  # keeps the mean defined far from any sound
        values = (np.sum(weight * s.targets[near], axis=1) + idle * rest) / (np.sum(weight, axis=1) + idle)
        return self._shut(np.asarray(values, dtype=np.float64), times)

    def _shut(self, values: Array, times: Array) -> Array:
        """Close the lips where they must meet."""
        shut = np.array(VISEMES["bilabial"][: len(COLUMNS)])
        held = [COLUMNS.index(name) for name in ("jaw", "part", "press", "tuck")]
        for start, end in self.closures:
            if end < times.min() - _OPENING or start > times.max() + _CLOSING:
                continue
            away = np.maximum((start - times) / _CLOSING, (times - end) / _OPENING)
            weight = (0.5 + 0.5 * np.cos(np.pi * np.clip(away, 0.0, 1.0)))[:, None]
            values[:, held] += weight * (shut[held] - values[:, held])
        return values


def opening(values: Array) -> Array:
    """Return how far the lips are apart, (T,): 1 is a jaw fully open, 0 or less is shut.

    The weights were measured on renders, as the distance of the points `lip_upper` and `lip_lower`.
    """
    jaw, rounded, part, press = (values[:, COLUMNS.index(name)] for name in ("jaw", "round", "part", "press"))
    return np.asarray(jaw + 0.25 * part + 0.09 * rounded - 0.15 * press, dtype=np.float64)


def state_of(values: Array) -> dict[str, float]:
    """Return one row of a track as factors of `STATE`."""
    jaw, width, rounded, part, press, tongue, tuck = (float(v) for v in values)
    named = {"jaw_open": jaw, "lip_width": width, "lip_round": rounded, "lip_part": part, "lip_press": press}
    return named | {"tongue": tongue, "chin_raise": 0.5 * tuck, "upper_lip_raise": 0.25 * tuck}


def _seconds() -> Array:
    seconds = np.where(_JAW_GROUP, _JAW_SECONDS, _LIP_SECONDS)
    seconds[_ROUNDING] = _ROUND_SECONDS
    return seconds


def _segments(phonemes: Sequence[Phoneme], family: str, articulation: float) -> _Segments:
    starts, ends, targets, forces = [], [], [], []

    def add(name: str, start: float, end: float, *, force: float = 1.0, gain: float = 1.0) -> None:
        viseme = VISEMES[name]
        target = np.array(viseme[: len(COLUMNS)])
        target[0] *= gain
        starts.append(start)
        ends.append(end)
        targets.append(target)
        lips = np.where(_SHAPE_GROUP, viseme.shape_force, viseme.lip_force)
        forces.append(force * np.where(_JAW_GROUP, viseme.jaw_force, lips))

    for phoneme in phonemes:
        length = phoneme.end - phoneme.start
        if phoneme.mnemonic in PAUSES and length > 0:
            add("rest", phoneme.start, phoneme.end, force=1.0 if length > _SHORT_PAUSE else 0.3)
            continue
        if phoneme.mnemonic in BOUNDARIES or length <= 0:
            continue
        names = visemes_of(phoneme.mnemonic, family)
        names = ("central",) if names is None else names
        gain = articulation * _STRESS[phoneme.stress]
        for place, name in enumerate(names):
            share = length / len(names)
            add(name, phoneme.start + place * share, phoneme.start + (place + 1) * share, gain=gain)
    shape = (len(starts), len(COLUMNS))
    return _Segments(np.array(starts), np.array(ends), np.reshape(targets, shape), np.reshape(forces, shape))


def _closures(phonemes: Sequence[Phoneme], family: str, shortest: float) -> list[Closure]:
    found = []
    for phoneme in phonemes:
        names = visemes_of(phoneme.mnemonic, family) or ()
        if not names or not VISEMES[names[0]].closes:
            continue
        start, end = phoneme.start, phoneme.end
        if phoneme.release is not None:  # a plosive opens at its burst, or half-way if its closure was voiced
            end = phoneme.release if phoneme.release > start else start + 0.5 * (end - start)
        lack = max(0.0, shortest - (end - start)) / 2
        found.append(Closure(start - lack, end + lack))
    return found
