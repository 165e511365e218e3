"""Kernel distance: squared maximum mean discrepancy with the cubic polynomial kernel, unbiased.

k(x, y) = (x·y / D + 1)³ (Bińkowski et al. 2018, section 4). The value is the full U-statistic over all pairs, which has
the expectation of the published mean over 100 subsets of 1000, less noise, no seed, and needs no 1000 items. The subset
form is here too, for comparison with other tools.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ..stats.intervals import jackknife_interval
from ..stats.score import Measurement
from .base import Evidence, Metric
from .sets import Sample, both_sets, flags_of, matrix

Array = NDArray[np.float64]
Kernel = Callable[[NDArray[Any], NDArray[Any]], Array]
CHUNK = 2048
"""Rows of a kernel matrix that are in memory at once."""


def kernel_distance(a: ArrayLike, b: ArrayLike) -> float:
    """Squared MMD between two sets of features, unbiased: KID on Inception features.

    In float64, over all pairs of different items. Slightly negative values are legal and mean "no difference seen".

    Args:
        a: (N, D) finite features, N >= 2.
        b: (M, D) finite features, M >= 2.

    Returns:
        The distance; 0 in expectation for two samples of one distribution at any N.

    Raises:
        InputError: Wrong shapes, fewer than two rows, NaN or infinity.

    References:
        Bińkowski et al. 2018, Demystifying MMD GANs, section 4; Gretton et al. 2012, equation 3.
    """
    first, second = _pair(a, b)
    return float(_reduce(*_all_sums(first, second)))


def kernel_distance_subsets(
    a: ArrayLike,
    b: ArrayLike,
    *,
    subsets: int = 100,
    size: int = 1000,
    draws: Iterable[tuple[ArrayLike, ArrayLike]] | None = None,
    generator: np.random.Generator | None = None,
) -> Array:
    """Squared MMD of random subsets without replacement: the published form of KID is the mean of these.

    The standard deviation of these values is no confidence interval: the subsets overlap.

    Args:
        a: (N, D) finite features.
        b: (M, D) finite features.
        subsets: Number of subsets.
        size: Items in each, on both sides.
        draws: The rows of each subset, (rows of a, rows of b), instead of random ones; torch-fidelity's are
            `RandomState(2020).choice(N, size, replace=False)` for a, then for b, and so on.
        generator: Source of the random rows, needed without `draws`.

    Returns:
        (subsets,) values.

    Raises:
        InputError: Wrong features, fewer items than `size`, or neither draws nor generator.
    """
    first, second = _pair(a, b)
    if draws is None:
        if generator is None:
            raise InputError("kernel distance of subsets: give draws or a generator")
        if min(len(first), len(second)) < size:
            raise InputError(f"kernel distance of subsets of {size}: found {len(first)} and {len(second)} items")
        draws = (
            (generator.choice(len(first), size, replace=False), generator.choice(len(second), size, replace=False))
            for _ in range(subsets)
        )
    return np.array([_reduce(*_all_sums(first[np.asarray(i)], second[np.asarray(j)])) for i, j in draws])


def _pair(a: ArrayLike, b: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
    first, second = matrix(a, "a"), matrix(b, "b")
    if first.shape[1] != second.shape[1]:
        raise InputError(f"features: a has {first.shape[1]} columns, b has {second.shape[1]}; use one instrument")
    return first, second


def _all_sums(a: NDArray[Any], b: NDArray[Any]) -> tuple[Any, ...]:
    one, two = (Sample(features=rows, block=np.zeros(len(rows), dtype=np.intp)) for rows in (a, b))
    sums = (sums_within(one, 1), sums_within(two, 1), sums_between(one, two, 1))
    return (*(float(s.sum()) for s in sums), len(a), len(b))


def _reduce(within_a: Any, within_b: Any, between: Any, n: Any, m: Any) -> Any:  # noqa: ANN401 - numbers or arrays
    return within_a / (n * (n - 1)) + within_b / (m * (m - 1)) - 2 * between / (n * m)


def cubic(a: NDArray[Any], b: NDArray[Any]) -> Array:
    """Return (N, M) values of (x·y / D + 1)³."""
    k = np.asarray(a, dtype=np.float64) @ np.asarray(b, dtype=np.float64).T
    k /= a.shape[1]
    k += 1
    return k * k * k


def sums_between(a: Sample, b: Sample, count: int, kernel: Kernel = cubic) -> Array:
    """Return (count, count) sums of the kernel between block i of a and block j of b."""
    deal_a, deal_b = np.eye(count)[a.block], np.eye(count)[b.block]
    sums = np.zeros((count, count))
    for i in range(0, len(deal_a), CHUNK):
        for j in range(0, len(deal_b), CHUNK):
            part = kernel(a.features[i : i + CHUNK], b.features[j : j + CHUNK])
            sums += deal_a[i : i + CHUNK].T @ part @ deal_b[j : j + CHUNK]
    return sums


def sums_within(a: Sample, count: int, kernel: Kernel = cubic) -> Array:
    """Return (count, count) sums of the kernel between block i and block j of one set, without an item and itself."""
    deal, rows = np.eye(count)[a.block], a.features
    sums = np.zeros((count, count))
    for i in range(0, len(deal), CHUNK):
        for j in range(i, len(deal), CHUNK):
            part = kernel(rows[i : i + CHUNK], rows[j : j + CHUNK])
            if i == j:
                np.fill_diagonal(part, 0.0)
            block = deal[i : i + CHUNK].T @ part @ deal[j : j + CHUNK]
            sums += block if i == j else block + block.T
    return sums


class KernelDistance(Metric):
    """`kd[instrument]`; with the 2015 Inception weights, `kid`: the full U-statistic with a jackknife interval."""

    def measure(self, evidence: Evidence) -> Measurement:
        """Return the distance with its interval, valid at any N."""
        sets = both_sets(evidence)
        if isinstance(sets, Measurement):
            return sets
        a, b, count = sets.synthetic, sets.real, sets.blocks
        flags = flags_of(self.card, min(len(a.features), len(b.features)))
        if not count:
            value = kernel_distance(a.features, b.features)
            return sets.measurement(value, flags=(*flags, sets.why_no_interval))
        within_a, within_b = sums_within(a, count), sums_within(b, count)
        between = sums_between(a, b, count)
        n, m = len(a.features), len(b.features)
        value = _reduce(within_a.sum(), within_b.sum(), between.sum(), n, m)
        replicates = _reduce(
            left_out(within_a),
            left_out(within_b),
            left_out(between),
            n - np.bincount(a.block, minlength=count),
            m - np.bincount(b.block, minlength=count),
        )
        interval = jackknife_interval(value, replicates, shares=sets.shares, cluster=sets.cluster)
        if interval is not None and not interval.low <= value <= interval.high:
            flags = (*flags, "items of one cluster bias it at this n: the interval is that of the bias-corrected value")
        return sets.measurement(value, interval=interval, replicates=replicates, flags=flags)


def left_out(sums: Array) -> Array:
    """Return (count,) the total without row j and column j."""
    return np.asarray(sums.sum() - sums.sum(axis=0) - sums.sum(axis=1) + np.diagonal(sums))
