"""Score and Interval: a number is never printed without what makes it readable."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from ..canonical import JSON


class Direction(StrEnum):
    """Which way is better."""

    LOWER = "lower"
    HIGHER = "higher"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """An interval for a value, and how it was made."""

    low: float
    high: float
    level: float = 0.95
    method: str
    """For instance `jackknife-20`, `cluster-bootstrap`, `wilson`."""
    cluster: str = "item"
    """What was resampled: item, identity, speaker, clip."""
    about: str = "population"
    """`population`, or `at-n` where the interval holds only for the expectation at this sample size."""

    def record(self) -> dict[str, JSON]:
        """Return the Interval as a JSON object."""
        return {name: getattr(self, name) for name in ("low", "high", "level", "method", "cluster", "about")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What a metric returns: the value, its interval, and what a comparison of two systems needs.

    `value` is None exactly when `reason` says why.
    """

    value: float | None
    interval: Interval | None = None
    n: int
    """Items on the synthetic side that entered."""
    n_real: int = 0
    """Items on the real side that entered."""
    replicates: tuple[float, ...] = ()
    """Set-form metrics: the value with block j left out, j = 0..19; block j is the same items for every system."""
    items: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    """Paired and single forms: the value of each item, by item id."""
    flags: tuple[str, ...] = ()
    """Short remarks that a table prints as footnotes, for instance `n below 2048`."""
    failures: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A value with everything needed to read it and to know what it may be compared with."""

    metric: str
    """Display name, for instance `fid`, `fd[spectrum]`, `kd[spectrum]`, `ssim`."""
    value: float | None
    interval: Interval | None
    n: int
    expected: int
    failures: Mapping[str, int]
    direction: Direction
    comparability: str
    """sha256 over metric, protocol, instrument, reference set, request list and condition; never over the system."""
    reason: str | None = None
    """Why there is no value."""
    flags: tuple[str, ...] = ()

    @property
    def coverage(self) -> float:
        """Share of the expected items that entered, in [0, 1]."""
        return self.n / self.expected if self.expected else 0.0
