"""Conditions as data: a table of named changes, their parameters and five severities."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from types import MappingProxyType
from typing import Any

import numpy as np

from ..canonical import JSON
from ..cards import did_you_mean
from ..errors import InputError
from ..media.content import Picture, SoundMedia
from ..media.item import Modality

SEVERITIES = (1, 2, 3, 4, 5)
"""Barely visible to extreme."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A number drawn evenly from [low, high]."""

    low: float
    high: float
    log: bool = False
    """Evenly on a log scale."""
    either: bool = False
    """As likely the opposite: the negative, or on a log scale the reciprocal."""
    whole: bool = False
    """An integer from low to high - 1."""

    def draw(self, rng: np.random.Generator) -> JSON:
        """Return a float, or an int if `whole`."""
        if self.whole:
            number = int(rng.integers(int(self.low), int(self.high)))
            return -number if self.either and rng.random() < 0.5 else number
        if self.log:
            value = float(rng.uniform(math.log(self.low), math.log(self.high)))
        else:
            value = float(rng.uniform(self.low, self.high))
        if self.either and rng.random() < 0.5:
            value = -value
        return math.exp(value) if self.log else value


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several words, each as likely."""

    words: tuple[str, ...]

    def draw(self, rng: np.random.Generator) -> JSON:
        """Return one of the words."""
        return self.words[int(rng.integers(len(self.words)))]


Draw = Span | Choice


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A row of the table: one function, and where its parameters come from at each severity."""

    name: str
    modality: Modality
    title: str
    function: str
    """`module:function` in this folder, called as `function(pixels or sound, **parameters)`; it draws nothing."""
    draws: Mapping[str, tuple[Draw, ...]]
    """For each drawn parameter, one Draw for all severities or five, mildest first."""
    constants: Mapping[str, JSON] = field(default_factory=lambda: MappingProxyType({}))
    """The parameters that are not drawn."""

    @property
    def call(self) -> Callable[..., Any]:
        """The function itself, imported when it is first asked for."""
        module, _, name = self.function.partition(":")
        found: Callable[..., Any] = getattr(import_module(f".{module}", __package__), name)
        return found

    def draw(self, severity: int, rng: np.random.Generator) -> dict[str, JSON]:
        """Return every parameter, drawn in the order of their names."""
        values = dict(self.constants)
        for name in sorted(self.draws):
            ladder = self.draws[name]
            values[name] = ladder[0 if len(ladder) == 1 else severity - 1].draw(rng)
        return values


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
        if self.severity not in SEVERITIES:
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


def _ladder(*ends: tuple[float, float], log: bool = False, either: bool = False) -> tuple[Span, ...]:
    return tuple(Span(low=low, high=high, log=log, either=either) for low, high in ends)


_LIGHT = Change(
    name="light",
    modality=Modality.IMAGE,
    title="exposure, colour and direction of the light",
    function="light:adjust_light",
    draws={
        "exposure": _ladder((0.1, 0.3), (0.3, 0.5), (0.5, 0.8), (0.8, 1.2), (1.2, 1.8), either=True),
        "warmth": _ladder((5, 15), (15, 25), (25, 40), (40, 60), (60, 90), either=True),
        "gradient": _ladder((0.05, 0.15), (0.15, 0.3), (0.3, 0.5), (0.5, 0.7), (0.7, 0.95)),
        "direction": (Span(low=0.0, high=360.0),),
        "gamma": _ladder((1.02, 1.1), (1.1, 1.2), (1.2, 1.35), (1.35, 1.6), (1.6, 2.0), log=True, either=True),
    },
)
_RESOLUTION = Change(
    name="resolution",
    modality=Modality.IMAGE,
    title="down and up again",
    function="resolution:change_resolution",
    draws={"factor": _ladder((1.2, 1.5), (1.5, 2.0), (2.0, 2.6), (2.6, 3.6), (3.6, 5.0), log=True)},
    constants={"jpeg": 0},
)
_BACKGROUND = Change(
    name="background",
    modality=Modality.IMAGE,
    title="another background behind an estimated foreground",
    function="background:replace_background",
    draws={
        "backdrop": (Choice(("blur", "gradient", "texture")),),
        "amount": _ladder((0.2, 0.3), (0.35, 0.5), (0.55, 0.7), (0.75, 0.9), (1.0, 1.0)),
        "seed": (Span(low=0, high=1 << 31, whole=True),),
    },
    constants={"feather": 0.03, "foreground": "grabcut"},
)
_JPEG = Change(
    name="jpeg",
    modality=Modality.IMAGE,
    title="one JPEG encoding",
    function="encoding:compress",
    draws={"quality": tuple(Span(low=low, high=low + 6, whole=True) for low in (88, 70, 45, 20, 5))},
    constants={"chroma": "4:2:0"},
)
_RESAMPLE = Change(
    name="resample",
    modality=Modality.IMAGE,
    title="down and up again with a named filter",
    function="sampling:resample",
    draws={"factor": _ladder((1.05, 1.2), (1.4, 1.7), (1.9, 2.4), (2.8, 3.6), (4.0, 5.0), log=True)},
    constants={"filter": "bicubic"},
)
_MOVE = Change(
    name="move",
    modality=Modality.IMAGE,
    title="moved by whole pixels",
    function="sampling:move",
    draws={
        name: tuple(Span(low=rung, high=rung + 1, whole=True, either=True) for rung in (1, 2, 3, 5, 8))
        for name in ("right", "down")
    },
)
_COLOURS = Change(
    name="colours",
    modality=Modality.IMAGE,
    title="channels rounded to fewer levels",
    function="damage:round_colours",
    draws={
        "step": tuple(
            Span(low=low, high=high, whole=True) for low, high in ((2, 4), (5, 8), (10, 16), (20, 32), (40, 64))
        )
    },
)
_CONTRAST = Change(
    name="contrast",
    modality=Modality.IMAGE,
    title="less contrast",
    function="damage:change_contrast",
    draws={"factor": _ladder((0.85, 0.95), (0.7, 0.8), (0.5, 0.6), (0.3, 0.4), (0.1, 0.2))},
)
_BLUR = Change(
    name="blur",
    modality=Modality.IMAGE,
    title="Gaussian blur, relative to the shorter side",
    function="damage:blur",
    draws={"sigma": _ladder((0.006, 0.01), (0.011, 0.016), (0.018, 0.026), (0.03, 0.045), (0.05, 0.08))},
)
_NOISE = Change(
    name="noise",
    modality=Modality.IMAGE,
    title="Gaussian noise",
    function="damage:add_noise",
    draws={
        "deviation": _ladder((2, 4), (6, 9), (11, 16), (20, 30), (40, 60)),
        "seed": (Span(low=0, high=1 << 31, whole=True),),
    },
)
_COVER = Change(
    name="cover",
    modality=Modality.IMAGE,
    title="a grey block in front",
    function="damage:cover",
    draws={
        "share": _ladder((0.01, 0.02), (0.03, 0.05), (0.07, 0.1), (0.15, 0.2), (0.3, 0.4)),
        "x": (Span(low=0.0, high=1.0),),
        "y": (Span(low=0.0, high=1.0),),
    },
)
_PINK_NOISE = Change(
    name="pink_noise",
    modality=Modality.AUDIO,
    title="pink noise, by its ratio to the sound in dB",
    function="sound:add_pink_noise",
    draws={
        "snr": _ladder((28, 32), (18, 22), (12, 15), (5, 9), (-2, 2)),
        "seed": (Span(low=0, high=1 << 31, whole=True),),
    },
)
_DELAY = Change(
    name="delay",
    modality=Modality.AUDIO,
    title="sound late by seconds",
    function="sound:delay",
    draws={"seconds": _ladder((0.04, 0.06), (0.1, 0.14), (0.18, 0.24), (0.3, 0.4), (0.5, 0.7))},
)
_ALL = (_LIGHT, _RESOLUTION, _BACKGROUND, _JPEG, _RESAMPLE, _MOVE, _COLOURS, _CONTRAST, _BLUR, _NOISE, _COVER)
CHANGES: Mapping[str, Change] = MappingProxyType({change.name: change for change in (*_ALL, _PINK_NOISE, _DELAY)})
"""Every change by name."""
