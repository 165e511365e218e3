"""CMMD: squared maximum mean discrepancy with a Gaussian kernel on features of unit length.

1000 times the biased estimator with k(x, y) = exp(-|x - y|² / (2 · 10²)) (Jayasumana et al. 2024, section 4). At this
width the kernel is nearly linear on the unit sphere, so that the number is 10 times the squared distance of the mean
features to about one percent: it sees a shift of the mean and hardly anything else.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ..stats.intervals import jackknife_interval
from ..stats.score import Measurement
from .base import Evidence, Metric
from .kernel import Array, left_out, sums_between, sums_within
from .sets import Sample, both_sets, flags_of, matrix, refused

SIGMA, SCALE = 10.0, 1000.0


def cmmd(a: ArrayLike, b: ArrayLike) -> float:
    """CMMD of two sets of features; the published number is on CLIP ViT-L/14-336 features.

    Rows are brought to unit length first. Gaussian kernel, sigma 10, the biased estimator (an item and itself count),
    times 1000. In float64, over all pairs, some rows at a time.

    Args:
        a: (N, D) finite features without a row of zeros, N >= 2.
        b: (M, D) likewise.

    Returns:
        The distance, >= 0 but for rounding, below 40; 0 for equal sets.

    Raises:
        InputError: Wrong shapes, fewer than two rows, NaN or infinity, a row of zeros.

    References:
        Jayasumana et al. 2024, Rethinking FID: Towards a Better Evaluation Metric for Image Generation, section 4.
    """
    first, second = _unit(matrix(a, "a"), "a"), _unit(matrix(b, "b"), "b")
    if first.shape[1] != second.shape[1]:
        raise InputError(f"features: a has {first.shape[1]} columns, b has {second.shape[1]}; use one instrument")
    one, two = (Sample(features=rows, block=np.zeros(len(rows), dtype=np.intp)) for rows in (first, second))
    return float(_reduce(_sums(one, two, 1), len(first), len(second)).item())


def _unit(rows: NDArray[Any], name: str) -> Array:
    values = np.asarray(rows, dtype=np.float64)
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    if not lengths.all():
        raise InputError(f"{name}: found {int((lengths == 0).sum())} rows of zeros, which have no direction")
    return np.asarray(values / lengths)


def gaussian(a: NDArray[Any], b: NDArray[Any]) -> Array:
    """Return (N, M) values less 1, for rows of unit length: |x - y|² = 2 - 2 x·y; the 1s cancel in the distance."""
    return np.asarray(np.expm1((np.asarray(a) @ np.asarray(b).T - 1) / SIGMA**2))


def _sums(a: Sample, b: Sample, count: int) -> tuple[Array, Array, Array]:
    """Sums of the kernel less 1; an item and itself add nothing, because their kernel is 1."""
    return (
        sums_within(a, count, gaussian),
        sums_within(b, count, gaussian),
        sums_between(a, b, count, gaussian),
    )


def _reduce(sums: Sequence[Any], n: Any, m: Any) -> Array:  # noqa: ANN401 - numbers or arrays
    within_a, within_b, between = sums
    return np.asarray(SCALE * (within_a / (n * n) + within_b / (m * m) - 2 * between / (n * m)))


class GaussianDistance(Metric):
    """`mmd[instrument]`; with CLIP ViT-L/14-336, `cmmd`: the biased estimator with a jackknife interval.

    The value is biased upwards by about a constant over N; the interval is that of the corrected value.
    """

    def measure(self, evidence: Evidence) -> Measurement:
        """Return the distance with its interval."""
        sets = both_sets(evidence)
        if isinstance(sets, Measurement):
            return sets
        try:
            a, b = (
                Sample(features=_unit(s.features, f"{name} set"), block=s.block)
                for s, name in ((sets.synthetic, "synthetic"), (sets.real, "real"))
            )
        except InputError as error:
            return refused(evidence, str(error))
        count, n, m = max(sets.blocks, 1), len(a.features), len(b.features)
        if not sets.blocks:
            a, b = (Sample(features=s.features, block=np.zeros_like(s.block)) for s in (a, b))
        sums = _sums(a, b, count)
        value = float(_reduce([part.sum() for part in sums], n, m))
        flags = flags_of(self.card, min(n, m))
        if not sets.blocks:
            return sets.measurement(value, flags=(*flags, sets.why_no_interval))
        rest = (n - np.bincount(a.block, minlength=count), m - np.bincount(b.block, minlength=count))
        replicates = _reduce([left_out(part) for part in sums], *rest)
        interval = jackknife_interval(value, replicates, shares=sets.shares, cluster=sets.cluster, floor=0.0)
        if value > interval.high:
            flags = (*flags, "biased upwards at this n: the interval is that of the bias-corrected value")
        return sets.measurement(value, interval=interval, replicates=replicates, flags=flags)
