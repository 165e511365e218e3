"""FD-infinity: the Fréchet distance that an unlimited sample would have, extrapolated from smaller ones.

The bias of the distance is about a constant over N, so a line through distances of subsets against 1/N meets 1/N = 0
at the unbiased value (Chong and Forsyth 2020, section 4).
"""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ..stats.intervals import jackknife_interval
from ..stats.score import Measurement
from .base import Evidence, Metric
from .frechet import frechet_distance
from .sets import BothSets, both_sets, flags_of, matrix, refused
from .wording import counted, too_few

POINTS = 15
"""Subset sizes, as published."""
LEAST = 4
"""Items for each dimension, at least: with fewer the distance is no line in 1/N."""

Array = NDArray[np.float64]


def frechet_distance_infinity(
    a: ArrayLike, b: ArrayLike, *, generator: np.random.Generator, points: int = POINTS, both: bool = True
) -> float:
    """Fréchet distance extrapolated to an unlimited sample: FID-infinity on Inception features.

    Distances of subsets from a half of the items to all of them, in equal steps, each subset a part of the next, and a
    straight line through them against 1/N. The paper draws subsets of the generated set alone and takes the statistics
    of the real one as given (`both=False`), which keeps that side's bias; by default the real set shrinks in the same
    proportion, which takes it away too.

    Args:
        a: (N, D) finite features of the generated set, N >= 4 D.
        b: (M, D) finite features of the real set, M >= 4 D.
        generator: Source of the order in which items enter.
        points: Subset sizes, at least 2.
        both: Whether the real set shrinks too.

    Returns:
        The distance in squared units of the features; slightly negative for two samples of one distribution.

    Raises:
        InputError: Wrong shapes, too few rows or points, NaN or infinity.

    References:
        Chong, Forsyth 2020, Effectively Unbiased FID and Inception Score and where to find them, section 4.
    """
    first, second = matrix(a, "a"), matrix(b, "b")
    if points < 2:
        raise InputError(f"points: expected 2 or more, found {points}")
    reason = _too_few(min(len(first), len(second)), first.shape[1])
    if reason:
        raise InputError(f"Fréchet distance at infinity: {reason}")
    orders = generator.permutation(len(first)), generator.permutation(len(second))
    return _intercept(first[orders[0]], second[orders[1]], points, both)


def _too_few(n: int, size: int) -> str | None:
    least = LEAST * size
    return f"{too_few(n, 'item', least)} for {counted(size, 'dimension')}" if n < least else None


def _intercept(a: NDArray[np.generic], b: NDArray[np.generic], points: int, both: bool) -> float:
    """Value at 1/N = 0 of the line through the distances of nested subsets of rows in their order."""
    shares = np.linspace(0.5, 1.0, points)
    counts = np.maximum(2, np.round(shares * len(a)).astype(np.intp))
    real = np.maximum(2, np.round(shares * len(b)).astype(np.intp)) if both else np.full(points, len(b))
    values = np.array([frechet_distance(a[:n], b[:m]) for n, m in zip(counts, real, strict=True)])
    x = 1 / counts
    slope = np.sum((x - x.mean()) * (values - values.mean())) / np.sum((x - x.mean()) ** 2)
    return float(values.mean() - slope * x.mean())


class FrechetInfinity(Metric):
    """`fd_infinity[instrument]`; with the 2015 Inception weights, `fid_infinity`.

    Both sets shrink together. The interval is the jackknife's over both sets: block j is left out of every subset, and
    the line is drawn again; it is about the population distance, and not corrected further.
    """

    def measure(self, evidence: Evidence) -> Measurement:
        """Return the extrapolated distance with its interval."""
        sets = both_sets(evidence)
        if isinstance(sets, Measurement):
            return sets
        a, b = sets.synthetic, sets.real
        size = a.features.shape[1]
        reason = _too_few(min(len(a.features), len(b.features)), size)
        if reason:
            return refused(evidence, reason)
        generator = np.random.default_rng(evidence.seed)
        orders = generator.permutation(len(a.features)), generator.permutation(len(b.features))
        value = self._without(sets, orders, None)
        flags = flags_of(self.card, min(len(a.features), len(b.features)))
        if not sets.blocks:
            return sets.measurement(value, flags=(*flags, sets.why_no_interval))
        replicates = np.array([self._without(sets, orders, j) for j in range(sets.blocks)])
        interval = jackknife_interval(value, replicates, shares=sets.shares, about="at-n", cluster=sets.cluster)
        interval = replace(interval, about="population", low=max(0.0, interval.low), high=max(0.0, interval.high))
        return sets.measurement(value, interval=interval, replicates=replicates, flags=flags)

    def _without(self, sets: BothSets, orders: tuple[NDArray[np.intp], NDArray[np.intp]], block: int | None) -> float:
        kept = [
            sample.features[order[sample.block[order] != block] if block is not None else order]
            for sample, order in zip((sets.synthetic, sets.real), orders, strict=True)
        ]
        return _intercept(kept[0], kept[1], POINTS, both=True)
