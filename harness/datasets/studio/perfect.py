"""The perfect result of a swap, a reenactment or an edit: what the studio renders when it is told what was asked for.

A judge may look at it, because the truth is known; no system under test ever does.
"""

from collections.abc import Mapping
from types import MappingProxyType

from .factors import PERSON, SCENE, STATE

Factors = Mapping[str, float]

HAIR = ("hair_melanin", "hair_red", "grey", "hair_curl", "hairline", "baldness")
"""Factors of a person that a swap of faces leaves as they are: hair is not the face."""
PERFORMED = tuple(factor.name for factor in STATE if factor.name != "tongue")
"""What a reenactment takes from its driver: pose, expression, gaze."""
EXPRESSION = tuple(name for name in PERFORMED if name not in {"yaw", "pitch", "roll"})
ATTRIBUTES: Mapping[str, Mapping[str, tuple[float, float]]] = MappingProxyType(
    {
        "age": {"age": (18.0, 80.0)},
        "smile": {"smile": (0.0, 1.0)},
        "surprise": {"brow_inner_up": (0.0, 0.8), "brow_outer_up": (0.0, 0.8), "jaw_open": (0.0, 0.5)},
        "anger": {"brow_lower": (0.0, 0.9), "lid_tight": (0.0, 0.6), "lip_press": (0.0, 0.7)},
    }
)
"""Attribute -> factors, and what they are at the strengths -1 and 1."""
_LINES, _BAGS = 0.92, 0.5
"""How wrinkles and bags under the eyes grow from 28 to 80 years, on average over the population."""


def perfect(
    target: Factors,
    *,
    source: Factors | None = None,
    driver: Factors | None = None,
    attributes: Mapping[str, float] | None = None,
) -> dict[str, float] | None:
    """Return every factor of the perfect result, or None if it is not known.

    Args:
        target: Factors of the picture that is altered.
        source: Of any picture of the person whose face is put in: the face becomes theirs, the hair stays.
        driver: Of the picture whose pose and expression are taken over.
        attributes: Attribute -> strength, -1 to 1.
    """
    names = [factor.name for table in (PERSON, STATE, SCENE) for factor in table]
    given = [factors for factors in (target, source, driver) if factors is not None]
    if any(name not in factors for factors in given for name in names):
        return None
    result = {name: float(target[name]) for name in names}
    if source is not None:
        result |= {f.name: float(source[f.name]) for f in PERSON if f.name not in HAIR}
    if driver is not None:
        result |= {name: float(driver[name]) for name in PERFORMED}
    for attribute, strength in (attributes or {}).items():
        if attribute not in ATTRIBUTES:
            return None
        for name, (low, high) in ATTRIBUTES[attribute].items():
            result[name] = low + (min(max(strength, -1.0), 1.0) + 1.0) / 2.0 * (high - low)
    return _aged(result, result["age"] - float((source or target)["age"]))


def _aged(result: dict[str, float], years: float) -> dict[str, float]:
    """Let what comes with age come along."""
    grown = years / 52.0
    for name, slope in (("wrinkles", _LINES), ("eye_bags", _BAGS)):
        result[name] = min(max(result[name] + slope * grown, 0.0), 1.0)
    return result


def parts(factors: Factors) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    """Return person, state and scene of a picture's factors."""
    person, state, scene = ({f.name: float(factors[f.name]) for f in table} for table in (PERSON, STATE, SCENE))
    return person, state, scene
