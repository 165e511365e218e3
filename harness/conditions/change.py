"""What a row of the table of conditions says: one function, and where its parameters come from."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from types import MappingProxyType
from typing import Any

import numpy as np

from ..canonical import JSON
from ..errors import MediaError
from ..media.item import Modality

SEVERITIES = (1, 2, 3, 4, 5)
"""Barely visible to extreme."""


class EmptyCellError(MediaError):
    """A condition has nothing to show here: it would need a longer or a larger item, and none is made up."""


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


@dataclass(frozen=True, slots=True)
class Just:
    """Always the same value."""

    value: JSON

    def draw(self, rng: np.random.Generator) -> JSON:
        """Return the value; nothing is drawn."""
        return self.value


Draw = Span | Choice | Just


def ladder(
    *ends: tuple[float, float], log: bool = False, either: bool = False, whole: bool = False
) -> tuple[Span, ...]:
    """Return one Span a severity, mildest first."""
    return tuple(Span(low=low, high=high, log=log, either=either) for low, high in ends)


def steps(*values: JSON) -> tuple[Just, ...]:
    """Return one fixed value a severity, mildest first."""
    return tuple(Just(value) for value in values)


SEED = (Span(low=0, high=1 << 31, whole=True),)
"""A seed of an item's own."""

SEEN = (Modality.IMAGE, Modality.VIDEO)
HEARD = (Modality.AUDIO, Modality.VIDEO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A row of the table: one function, and where its parameters come from at each severity."""

    name: str
    modality: Modality
    title: str
    function: str
    """`module:function` in this folder, called as `function(pixels, sound or clip, **parameters)`; it draws nothing."""
    draws: Mapping[str, tuple[Draw, ...]]
    """For each drawn parameter, one Draw for all severities or five, mildest first."""
    constants: Mapping[str, JSON] = field(default_factory=lambda: MappingProxyType({}))
    """The parameters that are not drawn."""
    media: tuple[Modality, ...] = ()
    """What it can be applied to; default: pictures and the frames of clips, sounds and the sound of clips, or clips."""
    moving: bool = False
    """In clips, frame k is changed with `seed + k`, because the same noise in every frame would be a pattern."""
    resizes: bool = False
    """Whether what it gives may have another size or length."""

    @property
    def applies(self) -> tuple[Modality, ...]:
        """The kinds of media that it can be applied to."""
        usual = {Modality.IMAGE: SEEN, Modality.AUDIO: HEARD, Modality.VIDEO: (Modality.VIDEO,)}
        return self.media or usual[self.modality]

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

    def fixed(self, severity: int) -> dict[str, JSON]:
        """Return the parameters that are the same for every item at a severity."""
        rungs = {name: rung[0 if len(rung) == 1 else severity - 1] for name, rung in self.draws.items()}
        return {name: rung.value for name, rung in rungs.items() if isinstance(rung, Just)}
