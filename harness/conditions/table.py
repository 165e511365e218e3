"""Conditions as data: a table of named changes, their parameters and five severities."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from ..canonical import JSON
from ..cards import did_you_mean
from ..errors import InputError
from ..media.content import Picture, SoundMedia
from ..media.item import Modality
from .change import SEVERITIES, Change
from .rows_clip import CLIPS
from .rows_picture import PICTURES
from .rows_sound import SOUNDS

CHANGES: Mapping[str, Change] = MappingProxyType({change.name: change for change in (*PICTURES, *SOUNDS, *CLIPS)})
"""Every change by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One declared change of finished pictures, as data: it can stand in a suite and in a fingerprint.

    Raises:
        InputError: No such change or parameter, or a severity outside 1 to 5.
    """

    name: str
    severity: int = 3
    parameters: Mapping[str, JSON] = field(default_factory=lambda: MappingProxyType({}))
    """Parameters held at a value in place of being drawn."""

    def __post_init__(self) -> None:
        """Check against the table."""
        if self.name not in CHANGES:
            hint = did_you_mean(self.name, CHANGES)
            raise InputError(f"no condition '{self.name}'{hint}; legal: {', '.join(CHANGES)}")
        if self.severity not in SEVERITIES or isinstance(self.severity, bool):
            raise InputError(f"condition {self.name}: severity {self.severity!r}; legal: 1 to 5")
        legal = sorted({*self.change.draws, *self.change.constants})
        for name in self.parameters:
            if name not in legal:
                hint = did_you_mean(name, legal)
                raise InputError(f"condition {self.name} has no parameter '{name}'{hint}; it has: {', '.join(legal)}")

    @property
    def change(self) -> Change:
        """The row of the table."""
        return CHANGES[self.name]

    def draw(self, rng: np.random.Generator) -> dict[str, JSON]:
        """Return the parameters for one item; a parameter held fixed does not move the draws of the others."""
        return {**self.change.draw(self.severity, rng), **self.parameters}

    def apply(self, pixels: Picture, rng: np.random.Generator) -> tuple[Picture, dict[str, JSON]]:
        """Return the changed picture, of the same size, and the parameters, which alone repeat it to the bit.

        Args:
            pixels: (H, W, 3) uint8 RGB.
            rng: The item's own generator.

        Raises:
            InputError: It changes sounds.
            ValueError: A parameter held fixed is outside its range.
        """
        self._expect(Modality.IMAGE)
        drawn = self.draw(rng)
        return self.change.call(pixels, **drawn), drawn

    def apply_to_sound(self, sound: SoundMedia, rng: np.random.Generator) -> tuple[SoundMedia, dict[str, JSON]]:
        """Return the changed sound, of the same length, and the parameters, which alone repeat it to the bit.

        Raises:
            InputError: It changes pictures.
            ValueError: A parameter held fixed is outside its range.
        """
        self._expect(Modality.AUDIO)
        drawn = self.draw(rng)
        return self.change.call(sound, **drawn), drawn

    def _expect(self, modality: Modality) -> None:
        if self.change.modality is not modality:
            raise InputError(f"condition {self.name} is for {self.change.modality}, not for {modality}")

    def record(self) -> dict[str, JSON]:
        """Return the Condition as a JSON object."""
        return {"name": self.name, "severity": self.severity, "parameters": dict(self.parameters)}
