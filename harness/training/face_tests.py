"""What studio-face reaches on held-out people, and whether its numbers move the right way when something is changed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..cards import InstrumentCard
from ..datasets.studio.factors import sample_scene, sample_state
from ..datasets.studio.recipe import person_factors
from ..instruments.studio_face import StudioFace
from .faces import SEED, SEEN, TEST_PEOPLE, UNITS, free_state, shoot
from .runtime import Arrays
from .verification import gaussian_distance, is_monotone, regression, verification

Array = NDArray[Any]
LEVELS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Graded:
    """Job k renders a held-out person with something changed by `LEVELS`, and one untouched picture before them.

    Attributes:
        size: Pixels.
        change: `blend`, from this person to another one, or `expression`, from one face to another of the same person.
    """

    size: int
    change: str

    def __call__(self, k: int) -> Arrays:
        """Return `pixels`, `seen`, `person` of 1 + len(LEVELS) pictures."""
        rng = np.random.default_rng([SEED, TEST_PEOPLE + 80_000 + k, 7])
        body, other = (person_factors(SEED, TEST_PEOPLE + 80_000 + 2 * k + place) for place in (0, 1))
        states = [sample_state(rng, max_yaw=20.0) for _ in range(2)]
        scenes = [sample_scene(rng, body) for _ in range(2)]
        persons, acts, wide = [body], [states[0]], free_state(rng, 20.0)
        for level in LEVELS:
            if self.change == "blend":
                persons.append(_between(body, other, level))
                acts.append(states[1])
            else:
                persons.append(body)
                acts.append({**states[0], **{unit: _mix(states[0][unit], wide[unit], level) for unit in UNITS}})
        places = [0] + [1 if self.change == "blend" else 0] * len(LEVELS)
        return shoot(persons, acts, [scenes[place] for place in places], self.size, self.size)


def _mix(a: float, b: float, level: float) -> float:
    return a + (b - a) * level


def _between(a: Mapping[str, float], b: Mapping[str, float], level: float) -> dict[str, float]:
    return {name: _mix(a[name], b[name], level) for name in a}


def report(path: Path, tests: Mapping[str, Arrays], device: str) -> dict[str, Any]:
    """Measure an instrument by its file.

    Args:
        path: Weights.
        tests: `strict`, `recipe`, `small` and `large` for identity, `free` for factors, `blend` and `expression`.
        device: Of torch.

    Returns:
        `verification` and `factors`, by name, and `calibration`: curves with whether they are monotone.
    """
    instrument = instrument_of(path, device)
    told = {name: instrument.extract(arrays["pixels"]) for name, arrays in tests.items()}
    identity = {
        name: verification(told[name]["identity"], tests[name]["label"])
        for name in ("strict", "recipe", "small", "large")
    }
    identity["strict, penultimate layer"] = verification(told["strict"]["features"], tests["strict"]["label"])
    known = [instrument.factor_names.index(name) for name in SEEN]
    factors = regression(told["free"]["factors"][:, known], tests["free"]["seen"], SEEN)
    curves = {name: damage_curve(instrument, tests["strict"]["pixels"], harm) for name, harm in HARMS.items()}
    curves["identity blend"] = blend_curve(told["blend"]["identity"])
    curves["expression error"] = expression_curve(instrument, told["expression"]["factors"])
    return {"verification": identity, "factors": factors, "calibration": curves}


def instrument_of(path: Path, device: str) -> StudioFace:
    """Return studio-face with weights that no card knows yet."""
    card = InstrumentCard(name="studio-face", version="1", title="in training", entry="", purpose=("distribution",))
    return StudioFace(card, path, device)


def _blurred(pictures: Array, level: float) -> Array:
    import cv2

    if level == 0:
        return pictures
    return np.stack([cv2.GaussianBlur(picture, (0, 0), 2.5 * level) for picture in pictures])


def _noisy(pictures: Array, level: float) -> Array:
    noise = np.random.default_rng(3).normal(0.0, 40.0 * level, pictures.shape)
    return np.clip(pictures + noise, 0, 255).astype(np.uint8)


def _faded(pictures: Array, level: float) -> Array:
    return np.round(pictures * (1 - 0.8 * level) + 0.8 * level * 128).astype(np.uint8)


HARMS: Mapping[str, Callable[[Array, float], Array]] = {"blur": _blurred, "noise": _noisy, "contrast": _faded}
"""Changes of finished pictures, by a level from 0 to 1."""


def damage_curve(instrument: StudioFace, pictures: Array, harm: Callable[[Array, float], Array]) -> dict[str, Any]:
    """Return the Fréchet distance of damaged pictures from others that are not, by level."""
    half = len(pictures) // 2
    clean = instrument.extract(pictures[:half])["features"]
    values = [
        gaussian_distance(clean, instrument.extract(harm(pictures[half:], level))["features"]) for level in LEVELS
    ]
    return _curve(values)


def blend_curve(identity: Array) -> dict[str, Any]:
    """Return the mean cosine distance from a person to blends of that person with another, by level."""
    rows = identity.reshape(-1, 1 + len(LEVELS), identity.shape[1])
    return _curve([float(np.mean(1 - np.sum(rows[:, 0] * rows[:, 1 + k], 1))) for k in range(len(LEVELS))])


def expression_curve(instrument: StudioFace, factors: Array) -> dict[str, Any]:
    """Return the mean error of action units read off a changed face against the unchanged one, in deviations."""
    places = [instrument.factor_names.index(name) for name in UNITS]
    spread = instrument.net.spread.cpu().numpy()[places]
    rows = (factors[:, places] / spread).reshape(-1, 1 + len(LEVELS), len(UNITS))
    return _curve([float(np.abs(rows[:, 0] - rows[:, 1 + k]).mean()) for k in range(len(LEVELS))])


def _curve(values: list[float]) -> dict[str, Any]:
    return {"level": list(LEVELS), "value": values, "monotone": is_monotone(values)}


def smallest_step(curve: Mapping[str, Any]) -> float:
    """Return the smallest rise from one level to the next, over the whole rise."""
    values = np.asarray(curve["value"], dtype=np.float64)
    return float(np.diff(values).min() / max(1e-12, values[-1] - values[0]))
