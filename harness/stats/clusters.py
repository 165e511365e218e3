"""Items in clusters, and items that stand in two clusters at once: a swapped face has two identities.

Labels are given one an item: a string, or a tuple of one or two strings. Both strings are of one family, so that a
person who gives a face here and a body there is one cluster.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .blocks import FEWEST

Label = str | tuple[str, ...]
Floats = NDArray[np.float64]

ALONE = -1
"""Stands for the second cluster of an item that has but one."""


@dataclass(frozen=True, slots=True)
class Clusters:
    """Which clusters each item belongs to."""

    names: tuple[str, ...]
    """In order of first appearance."""
    first: NDArray[np.intp]
    """(N,) index into `names`."""
    second: NDArray[np.intp]
    """(N,) likewise, or `ALONE`."""

    @classmethod
    def of(cls, labels: Sequence[Label]) -> "Clusters":
        """Read labels.

        Raises:
            ValueError: An item in no cluster, or in more than two: no variance is known to us for that.
        """
        number: dict[str, int] = {}
        pairs = np.full((len(labels), 2), ALONE, dtype=np.intp)
        for row, label in enumerate(labels):
            own = (label,) if isinstance(label, str) else tuple(dict.fromkeys(label))
            if not 1 <= len(own) <= 2:
                raise ValueError(f"item {row} stands in {len(own)} clusters; 1 or 2 are possible")
            for place, name in enumerate(own):
                pairs[row, place] = number.setdefault(name, len(number))
        return cls(tuple(number), pairs[:, 0], pairs[:, 1])

    @property
    def count(self) -> int:
        """Number of clusters."""
        return len(self.names)

    @property
    def crossed(self) -> bool:
        """Whether any item stands in two clusters."""
        return bool((self.second != ALONE).any())

    @property
    def single(self) -> bool:
        """Whether every item is a cluster of its own."""
        return not self.crossed and self.count == len(self.first)

    def members(self, rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which clusters hold any of the items in `rows` (N,), as (count,) booleans."""
        held = np.zeros(self.count, dtype=bool)
        held[self.first[rows]] = True
        held[self.second[rows & (self.second != ALONE)]] = True
        return held

    def sums(self, values: Floats) -> Floats:
        """Return the sums (k, count) of values (k, N) over each cluster; an item in two clusters enters both."""
        total = np.zeros((len(values), self.count))
        for place in (self.first, self.second):
            rows = place != ALONE
            for curve, one in enumerate(values):
                total[curve] += np.bincount(place[rows], weights=one[rows], minlength=self.count)
        return total

    def products(self, a: Floats, b: Floats) -> Floats:
        """Return the sum of a_i b_j over all pairs of items that share a cluster, (k, k) from (k, N) each.

        One way: the products of the cluster sums. Two ways: a pair that shares both its clusters would be counted
        twice, and is taken off once (Cameron, Gelbach & Miller 2011, equation 2.13).
        """
        shared: Floats = self.sums(a) @ self.sums(b).T
        rows = np.flatnonzero(self.second != ALONE)
        if len(rows):
            low = np.minimum(self.first[rows], self.second[rows])
            high = np.maximum(self.first[rows], self.second[rows])
            _, pair = np.unique(low * self.count + high, return_inverse=True)
            both = [np.stack([np.bincount(pair, weights=one[rows]) for one in side]) for side in (a, b)]
            shared = shared - both[0] @ both[1].T
        return shared

    def error(self, values: Floats) -> float:
        """Return the standard error of the mean of values (N,), one way or two; 2 clusters at least are needed."""
        residual = ((values - values.mean()) / len(values))[None]
        shared = float(self.products(residual, residual)[0, 0])
        if self.crossed:  # the two-way sum may fall below the items' own variance, which is a lower bound
            shared = max(shared, float((residual**2).sum()))
        return math.sqrt(self.count / (self.count - 1) * max(0.0, shared))

    def draws(
        self, generator: np.random.Generator, draws: int, strata: NDArray[np.intp] | None = None
    ) -> NDArray[np.float64]:
        """Return how often each item is drawn, (draws, N), when whole clusters are drawn with replacement.

        An item in two clusters is drawn as often as the one times as often as the other: Owen's pigeonhole bootstrap
        (2007, section 3). It errs on the wide side: its variance is up to three times too large where the items
        themselves vary and the clusters do not.

        Args:
            generator: Source of the draws.
            draws: Number of draws.
            strata: (count,) groups of clusters that are drawn apart, so that each keeps its number; groups of fewer
                than `FEWEST` clusters are drawn together with all others.
        """
        group = np.zeros(self.count, dtype=np.intp) if strata is None else strata
        sizes = np.bincount(group)
        if (sizes[sizes > 0] < FEWEST).any():
            group = np.zeros(self.count, dtype=np.intp)
        times = np.empty((draws, self.count))
        for one in np.unique(group):
            rows = np.flatnonzero(group == one)
            times[:, rows] = generator.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=draws)
        drawn: Floats = times[:, self.first]
        if self.crossed:
            rows = np.flatnonzero(self.second != ALONE)
            drawn[:, rows] *= times[:, self.second[rows]]
        return drawn


def by_class(clusters: Clusters, truth: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the stratum of each cluster: 0 holds real items alone, 1 fakes alone, 2 both."""
    fake, real = clusters.members(truth), clusters.members(~truth)
    return np.where(fake & real, 2, np.where(fake, 1, 0)).astype(np.intp)
