"""Precision, recall, density and coverage: how two sets cover each other, by balls around each item.

A ball reaches from an item to its k-th nearest neighbour in its own set, itself not counted. Two published conventions
are in use and give other numbers: k = 3 and a closed ball (Kynkäänniemi et al. 2019), k = 5 and an open one (Naeem et
al. 2020). Distances are Euclidean, in float64, and only some rows of them are in memory at once.
"""

import math
from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ..stats.intervals import jackknife_interval, wilson
from ..stats.score import Interval, Measurement
from .base import Evidence, Metric
from .sets import BothSets, Sample, both_sets, flags_of, matrix
from .wording import counted

Array = NDArray[np.float64]
KYNKAANNIEMI, NAEEM = 3, 5
"""The published k."""
FEW = 32
"""Neighbours up to which looking for the least again and again is the faster way."""
CELLS = 8_000_000
"""Distances in memory at once: 64 MB."""


class NeighbourScores(NamedTuple):
    """What `neighbour_scores` returns."""

    precision: float
    recall: float
    density: float
    coverage: float


def precision_recall(real: ArrayLike, synthetic: ArrayLike, *, k: int = KYNKAANNIEMI) -> tuple[float, float]:
    """Share of synthetic items inside the real manifold, and of real items inside the synthetic one.

    Closed balls (`<=`), as in the paper; precision falls with unlikely items, recall with missing kinds of items.

    Args:
        real: (N, D) finite features, N > k.
        synthetic: (M, D) finite features, M > k.
        k: Neighbour that sets the radius.

    Returns:
        Precision and recall, each in [0, 1].

    Raises:
        InputError: Wrong shapes, too few rows, NaN or infinity.

    References:
        Kynkäänniemi et al. 2019, Improved Precision and Recall Metric, section 3, equations 1 and 2.
    """
    first, second = pair_of(real, synthetic, k)
    found = _across(first, second, _all_radii(first, (k,)), _all_radii(second, (k,)))
    return float(np.mean(found.inside)), float(np.mean(found.recalled))


def density_coverage(real: ArrayLike, synthetic: ArrayLike, *, k: int = NAEEM) -> tuple[float, float]:
    """Mean number of real balls that hold a synthetic item, over k; and share of real balls that hold at least one.

    Open balls (`<`), as in the paper; density may exceed 1.

    Args:
        real: (N, D) finite features, N > k.
        synthetic: (M, D) finite features, M > k.
        k: Neighbour that sets the radius.

    Returns:
        Density, >= 0, and coverage, in [0, 1].

    Raises:
        InputError: Wrong shapes, too few rows, NaN or infinity.

    References:
        Naeem et al. 2020, Reliable Fidelity and Diversity Metrics, section 3.2, equations 3 and 4.
    """
    first, second = pair_of(real, synthetic, k)
    radii = _all_radii(first, (k,))
    found = _across(first, second, radii, np.full((len(second), 1), -1.0))
    return float(np.mean(found.hits)) / k, float(np.mean(found.nearest < radii[:, 0]))


def neighbour_scores(
    real: ArrayLike, synthetic: ArrayLike, *, k: int = KYNKAANNIEMI, k_open: int = NAEEM
) -> NeighbourScores:
    """Precision, recall, density and coverage together, from one pass over the distances.

    The same numbers as `precision_recall` and `density_coverage`, in a third of the time. Memory does not grow with
    the product of the numbers of items.

    Args:
        real: (N, D) finite features, N > k and k_open.
        synthetic: (M, D) finite features, M > k and k_open.
        k: Neighbour that sets the radius of the closed balls of precision and recall.
        k_open: Of the open balls of density and coverage.

    Returns:
        The four: precision, recall and coverage in [0, 1], density >= 0.

    Raises:
        InputError: Wrong shapes, too few rows, NaN or infinity.

    References:
        Kynkäänniemi et al. 2019, section 3, equations 1 and 2; Naeem et al. 2020, section 3.2, equations 3 and 4.
    """
    first, second = pair_of(real, synthetic, max(k, k_open))
    radii = _all_radii(first, (k, k_open))
    found = _across(first, second, radii, _all_radii(second, (k,)))
    return NeighbourScores(
        precision=float(np.mean(found.inside)),
        recall=float(np.mean(found.recalled)),
        density=float(np.mean(found.hits)) / k_open,
        coverage=float(np.mean(found.nearest < radii[:, -1])),
    )


def _all_radii(items: NDArray[Any], ks: tuple[int, ...]) -> Array:
    """(N, len(ks)) squared distances to the k-th neighbours; each pair of items is looked at once."""
    rows, keep = np.asarray(items, dtype=np.float64), max(ks)
    best = np.full((len(rows), keep), np.inf)
    squares = np.einsum("ij,ij->i", rows, rows)
    step = max(1, math.isqrt(CELLS))
    for i in range(0, len(rows), step):
        for j in range(i, len(rows), step):
            above, beside = slice(i, i + step), slice(j, j + step)
            tile = rows[above] @ rows[beside].T
            tile *= -2
            tile += squares[beside]
            tile += squares[above, None]
            np.maximum(tile, 0, out=tile)
            if i == j:
                np.fill_diagonal(tile, np.inf)
            if i != j:
                best[beside] = _merged(best[beside], np.ascontiguousarray(tile.T))
            best[above] = _merged(best[above], tile)
    return best[:, [k - 1 for k in ks]]


def _merged(best: Array, tile: Array) -> Array:
    """The smallest of both in each row, ascending, as many as `best` has; `tile` is used up.

    To look for the least several times is ten times as fast as a partition, for few.
    """
    rows, keep = np.arange(len(tile)), best.shape[1]
    if keep > FEW:
        return np.sort(np.hstack([best, tile]), axis=1)[:, :keep]
    found = np.empty_like(best)
    for place in range(keep):
        least = tile.argmin(axis=1)
        found[:, place] = tile[rows, least]
        tile[rows, least] = np.inf
    return np.sort(np.hstack([best, found]), axis=1)[:, :keep]


class _Across(NamedTuple):
    inside: NDArray[np.bool_]
    """(M,) synthetic items in a closed real ball."""
    recalled: NDArray[np.bool_]
    """(N,) real items in a closed synthetic ball."""
    hits: NDArray[np.intp]
    """(M,) open real balls around each synthetic item."""
    nearest: Array
    """(N,) squared distance from each real item to the nearest synthetic one."""


def _across(real: NDArray[Any], synthetic: NDArray[Any], radii: Array, own: Array) -> _Across:
    """Look at every real and synthetic item together once; closed balls have the first radii, open ones the last."""
    recalled, nearest = np.zeros(len(real), dtype=np.bool_), np.full(len(real), np.inf)
    inside, hits = np.empty(len(synthetic), dtype=np.bool_), np.empty(len(synthetic), dtype=np.intp)
    for start, apart in distances(synthetic, real):
        rows = slice(start, start + len(apart))
        inside[rows] = (apart <= radii[:, 0]).any(axis=1)
        hits[rows] = np.count_nonzero(apart < radii[:, -1], axis=1)
        recalled |= (apart <= own[rows]).any(axis=0)
        np.minimum(nearest, apart.min(axis=0), out=nearest)
    return _Across(inside, recalled, hits, nearest)


def pair_of(real: ArrayLike, synthetic: ArrayLike, k: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return both sets, checked, about the mean of the real one: differences of large numbers lose digits."""
    first, second = matrix(real, "real", k + 1), matrix(synthetic, "synthetic", k + 1)
    if first.shape[1] != second.shape[1]:
        raise InputError(f"features: real has {first.shape[1]} columns, synthetic {second.shape[1]}")
    centre = first.mean(axis=0, dtype=np.float64)
    return first - centre, second - centre


def distances(a: NDArray[Any], b: NDArray[Any]) -> Iterator[tuple[int, Array]]:
    """Yield squared distances from rows of a to all of b, some rows at a time, after the first row's index."""
    others = np.asarray(b, dtype=np.float64)
    squares = np.einsum("ij,ij->i", others, others)
    step = max(1, CELLS // len(others))
    for start in range(0, len(a), step):
        rows = np.asarray(a[start : start + step], dtype=np.float64)
        apart = rows @ others.T
        apart *= -2
        apart += squares
        apart += np.einsum("ij,ij->i", rows, rows)[:, None]
        yield start, np.maximum(apart, 0, out=apart)


def radii_of(items: NDArray[Any], k: int, block: NDArray[np.intp] | None = None, count: int = 0) -> Array:
    """Return (N, 1 + count) squared radii of the balls: of all items, then without block 0, 1, ...

    Without block j, an item of block j has no ball: its radius is -1.
    """
    labels = np.full(len(items), -1, dtype=np.intp) if block is None else block
    radii = np.empty((len(items), 1 + count))
    keep = min(len(items) - 1, 4 * k + 48)
    for start, apart in distances(items, items):
        rows = np.arange(len(apart))
        apart[rows, start + rows] = np.inf
        nearest = np.argpartition(apart, keep - 1, axis=1)[:, :keep]
        ascending = np.argsort(np.take_along_axis(apart, nearest, axis=1), axis=1, kind="stable")
        nearest = np.take_along_axis(nearest, ascending, axis=1)
        found, whose = np.take_along_axis(apart, nearest, axis=1), labels[nearest]
        radii[start : start + len(rows), 0] = found[:, k - 1]
        for j in range(count):
            rank = np.cumsum(whose != j, axis=1)
            radius = found[rows, np.argmax(rank >= k, axis=1)]
            for row in np.flatnonzero(rank[:, -1] < k):  # nearly all neighbours are of block j: look at everything
                rest = np.delete(apart[row], np.flatnonzero(labels == j))
                radius[row] = np.partition(rest, k - 1)[k - 1]
            radii[start : start + len(rows), 1 + j] = np.where(labels[start : start + len(rows)] == j, -1.0, radius)
    return radii


def _hits(queries: NDArray[Any], centres: NDArray[Any], radii: Array, *, closed: bool) -> NDArray[np.intp]:
    """(M, 1 + count) number of balls that hold each query, for each column of radii."""
    hits = np.empty((len(queries), radii.shape[1]), dtype=np.intp)
    compare = np.less_equal if closed else np.less
    for start, apart in distances(queries, centres):
        for j in range(radii.shape[1]):
            hits[start : start + len(apart), j] = np.count_nonzero(compare(apart, radii[:, j]), axis=1)
    return hits


def _nearest(queries: NDArray[Any], others: NDArray[Any], block: NDArray[np.intp], count: int) -> Array:
    """(N, count) squared distance from each query to the nearest item of each block; infinite for an empty block."""
    order = np.argsort(block, kind="stable")
    present, starts = np.unique(block[order], return_index=True)
    nearest = np.full((len(queries), count), np.inf)
    for start, apart in distances(queries, others[order]):
        nearest[start : start + len(apart), present] = np.minimum.reduceat(apart, starts, axis=1)
    return nearest


def too_few(sets: BothSets, k: int) -> str | None:
    """Return why balls to the k-th neighbour cannot be drawn when the largest block of a side is left out, or None."""
    sides = (sets.synthetic, sets.real)
    least = min(len(s.block) - (int(np.bincount(s.block).max()) if sets.blocks else 0) for s in sides)
    remain = f"{counted(least, 'item')} {'remains' if least == 1 else 'remain'} on one side"
    return f"{remain}, more than {k} are needed" if least <= k else None


def centred(sets: BothSets) -> tuple[Sample, Sample]:
    """Return the synthetic and the real set about the mean of the real one."""
    centre = sets.real.features.mean(axis=0, dtype=np.float64)
    return (
        Sample(features=sets.synthetic.features - centre, block=sets.synthetic.block),
        Sample(features=sets.real.features - centre, block=sets.real.block),
    )


class Neighbours(Metric):
    """Base of the four: a value and its replicates over the same balls.

    They depend on the number of items, so the interval is about the expectation at this N. A share of 0 or 1 does not
    move when blocks are left out: there the interval is Wilson's, each cluster counted once.
    """

    k: int
    over_real = False
    """Whether it is a share of the real items."""

    def measure(self, evidence: Evidence) -> Measurement:
        """Return the value with its jackknife interval."""
        sets = both_sets(evidence)
        if isinstance(sets, Measurement):
            return sets
        a, b = sets.synthetic, sets.real
        reason = too_few(sets, self.k)
        if reason:
            return Measurement(value=None, n=len(a.features), n_real=len(b.features), reason=reason)
        values = self.values(*centred(sets), sets.blocks)
        flags = flags_of(self.card, min(len(a.features), len(b.features)))
        if not sets.blocks:
            return sets.measurement(values[0], flags=(*flags, sets.why_no_interval))
        interval = self._interval(values, sets, evidence)
        if interval is None:
            flags = (*flags, "no interval: no item is in any ball")
        return sets.measurement(values[0], interval=interval, replicates=values[1:], flags=flags)

    def _interval(self, values: Array, sets: BothSets, evidence: Evidence) -> Interval | None:
        ceiling = self.card.range[1]
        if ceiling is not None and values[0] in (0.0, ceiling):
            items = evidence.real if self.over_real else evidence.synthetic
            labels = items.clusters if items is not None else ()
            return wilson(np.full(len(labels), values[0]), labels, cluster=sets.cluster, about="at-n")
        if values[0] == 0.0:
            return None
        return jackknife_interval(
            values[0],
            values[1:],
            shares=sets.shares,
            about="at-n",
            cluster=sets.cluster,
            floor=0.0,
            ceiling=np.inf if ceiling is None else ceiling,
        )

    @abstractmethod
    def values(self, synthetic: Sample, real: Sample, count: int) -> Array:
        """Return (1 + count,) the value of everything, then without block 0, 1, ..."""


def _means(values: NDArray[Any], block: NDArray[np.intp]) -> Array:
    """Mean of column 0, and of column 1 + j over the items that are not in block j."""
    rest = [values[block != j, 1 + j].mean() for j in range(values.shape[1] - 1)]
    return np.array([values[:, 0].mean(), *rest])


class Precision(Neighbours):
    """`precision[instrument]`: share of synthetic items inside the real manifold; k = 3, closed."""

    k = KYNKAANNIEMI

    def values(self, synthetic: Sample, real: Sample, count: int) -> Array:
        """Return the value and its replicates."""
        radii = radii_of(real.features, self.k, real.block, count)
        return _means(_hits(synthetic.features, real.features, radii, closed=True) > 0, synthetic.block)


class Recall(Precision):
    """`recall[instrument]`: share of real items inside the synthetic manifold; k = 3, closed."""

    over_real = True

    def values(self, synthetic: Sample, real: Sample, count: int) -> Array:
        """Return the value and its replicates."""
        return super().values(real, synthetic, count)


class Density(Neighbours):
    """`density[instrument]`: mean number of real balls around a synthetic item, over k; k = 5, open."""

    k = NAEEM

    def values(self, synthetic: Sample, real: Sample, count: int) -> Array:
        """Return the value and its replicates."""
        radii = radii_of(real.features, self.k, real.block, count)
        return _means(_hits(synthetic.features, real.features, radii, closed=False), synthetic.block) / self.k


class Coverage(Neighbours):
    """`coverage[instrument]`: share of real balls that hold a synthetic item; k = 5, open."""

    k = NAEEM
    over_real = True

    def values(self, synthetic: Sample, real: Sample, count: int) -> Array:
        """Return the value and its replicates."""
        radii = radii_of(real.features, self.k, real.block, count)
        nearest = _nearest(
            real.features, synthetic.features, synthetic.block, max(1, count, int(synthetic.block.max()) + 1)
        )
        without = [np.delete(nearest, j, axis=1).min(axis=1) for j in range(count)]
        return _means(np.column_stack([nearest.min(axis=1), *without]) < radii, real.block)
