"""Faces that speak, and what paints lips, for tests."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from fauxbench import GeneratorCard
from fauxbench.generators.lipsync.model import LipSync
from fauxbench.harness.cards import read_card

SIDE, COUNT, RATE = 64, 20, 16_000
TINY = {"steps": 8, "width": 4, "ears": 4, "windows": 2, "align": "centre"}


def envelope(seed: int, frames: int = COUNT) -> np.ndarray:
    return np.repeat(np.random.default_rng(seed).uniform(0, 1, frames // 2 + 1), 2)[:frames]


def frames_of(seed: int, count: int = COUNT) -> Iterator[np.ndarray]:
    """A face of one colour whose dark mouth opens with the sound."""
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    colour = np.random.default_rng(seed + 100).integers(120, 220, 3)
    for opening in envelope(seed, count):
        frame = np.full((SIDE, SIDE, 3), 90, np.uint8)
        frame[((x - 32) / 20) ** 2 + ((y - 34) / 26) ** 2 < 1] = colour
        frame[((x - 32) / 7) ** 2 + ((y - 45) / (0.6 + 5 * opening)) ** 2 < 1] = 20
        yield frame


def make(cls: type, name: str = "lipsync", **given: object) -> LipSync:
    card = read_card(Path(__file__).parents[2] / "generators" / name / "card.toml", GeneratorCard)
    return cls(card, card.fill({**TINY, **given} if name == "lipsync" else given))
