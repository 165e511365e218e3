"""What a metric is: it only reduces what instruments extracted."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..canonical import JSON
from ..cards import MetricCard
from ..media.content import Picture, SoundMedia
from ..stats.score import Measurement

Compare = Callable[[Picture, Picture], float]
"""How far two pictures of one size are apart, by a network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What an instrument made of a set: one row an item, in item order."""

    ids: tuple[str, ...]
    clusters: tuple[str, ...]
    """One label an item; items that share a label are resampled together."""
    arrays: Mapping[str, NDArray[Any]]
    """`features` (N, D) float32; `logits` (N, C) float32 where the instrument has classes."""
    columns: tuple[str, ...] = ()
    """Names of the columns of `factors`, where the instrument reads factors."""
    blocks: tuple[int, ...] = ()
    """Block of each item, where it was dealt over the whole request list, so that an item that failed moves no other;
    empty: dealt over the items that are here."""

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: NDArray[np.intp]) -> "Features":
        """Return the given rows, in the given order."""
        return Features(
            ids=tuple(self.ids[i] for i in rows),
            clusters=tuple(self.clusters[i] for i in rows),
            arrays={name: array[rows] for name, array in self.arrays.items()},
            columns=self.columns,
            blocks=tuple(self.blocks[i] for i in rows) if self.blocks else (),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A synthetic picture and the real one it was made from."""

    id: str
    """Of the synthetic item."""
    cluster: str
    synthetic: Picture
    real: Picture
    truth: Picture | None = None
    """The perfect result, where it is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundPair:
    """A synthetic sound and the real one it was made from, both at one rate."""

    id: str
    """Of the synthetic item."""
    cluster: str
    synthetic: SoundMedia
    real: SoundMedia
    language: str | None = None
    """Of the real one, as its facts."""
    facts: Mapping[str, JSON] = field(default_factory=lambda: MappingProxyType({}))


class Link(NamedTuple):
    """Which real item a synthetic one was made from."""

    id: str
    """Of the synthetic item."""
    cluster: str
    source: str
    person: str | None = None
    """Who it should show, if that is not the person of the source."""
    before: Mapping[str, float] = {}
    """Factors of the source, where they are known."""
    after: Mapping[str, float] = {}
    """Factors that the item should show, where they are known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything a metric may read; which fields are there follows from its card's form and purpose."""

    synthetic: Features | None = None
    real: Features | None = None
    """The reference: the test split."""
    fit: Features | None = None
    """What the system was fitted on; memorisation reads it."""
    unseen: Features | None = None
    """Real items that the system never saw and that are not the reference; memorisation reads it."""
    truth: Features | None = None
    """The perfect results, under the ids of the synthetic items."""
    pairs: Iterator[Pair] = field(default_factory=lambda: iter(()))
    """Streamed; paired metrics read it once."""
    sounds: Iterator[SoundPair] = field(default_factory=lambda: iter(()))
    """The same of sounds."""
    links: tuple[Link, ...] = ()
    """Pairs by their ids, for paired metrics that read what an instrument extracted of both sets."""
    compare: Compare | None = None
    """Of the instrument, for paired metrics that read one."""
    parameters: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    seed: int = 0


class Metric(ABC):
    """A metric: Evidence in, Measurement out; it never reads a file and never runs a network."""

    def __init__(self, card: MetricCard) -> None:
        self.card = card

    @abstractmethod
    def measure(self, evidence: Evidence) -> Measurement:
        """Reduce the evidence to a value with its interval."""
