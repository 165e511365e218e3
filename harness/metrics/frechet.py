"""Fréchet distance between two sets of features, without ever forming a matrix square root.

d² = |m1 - m2|² + Tr S1 + Tr S2 - 2 Tr (S1 S2)^(1/2) (Heusel et al. 2017, section 4, after Dowson and Landau 1982). The
last trace is the sum of the singular values of F1 F2ᵀ for any factors S = Fᵀ F: Cholesky factors where N > D, centred
features where not. Nothing complex can arise, and no singular matrix needs mending.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ..stats.intervals import jackknife_interval
from ..stats.score import Measurement
from .base import Evidence, Features, Metric
from .sets import Sample, both_sets, fault, matrix, refused
from .spectra import cholesky, congruent, eigenvalues, nuclear_norm, nuclear_norm_squared_first, scatter
from .wording import counted

Array = NDArray[np.float64]
CHUNK = 8192
"""Rows that are turned into float64 at once."""
ROUNDING = 64 * np.finfo(np.float64).eps
"""A distance below this share of the traces is rounding, and is 0."""
CLEAR = 1e-2
"""From this share of the traces on, an error of 1e-10 of them is 1e-8 of the distance."""
LOST = 1e-4
"""The root of an eigenvalue that should be 0 is off by 1.5e-8 of the largest; thousands of them make this share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Count, mean and scatter of features; two of them merge without loss (Chan, Golub, LeVeque 1983, eq. 1.5)."""

    count: int
    mean: Array
    """(D,)"""
    scatter: Array
    """(D, D) sum of squared deviations from the mean: (count - 1) times the unbiased covariance."""

    @classmethod
    def of(cls, features: ArrayLike) -> "Moments":
        """Moments of (N, D) features, in float64 whatever their type; N >= 1."""
        rows = np.asarray(features)
        if rows.ndim != 2 or not len(rows):
            raise InputError(f"features: expected shape (N, D) with N >= 1, found {rows.shape}")
        total: Moments | None = None
        for start in range(0, len(rows), CHUNK):
            part = np.asarray(rows[start : start + CHUNK], dtype=np.float64)
            mean = part.mean(axis=0)
            moments = cls(count=len(part), mean=mean, scatter=scatter(part, mean))
            total = moments if total is None else total.merge(moments)
        assert total is not None
        return total

    @classmethod
    def stream(cls, batches: Iterable[ArrayLike]) -> "Moments":
        """Moments of batches of (n, D) features that never lie in memory together."""
        total: Moments | None = None
        for batch in batches:
            total = cls.of(batch) if total is None else total.merge(cls.of(batch))
        if total is None:
            raise InputError("features: found no batch at all")
        return total

    @classmethod
    def from_statistics(cls, mean: ArrayLike, covariance: ArrayLike, count: int) -> "Moments":
        """Moments from a mean (D,) and an unbiased covariance (D, D) of `count` items, as pytorch-fid stores them."""
        centre, spread = np.asarray(mean, dtype=np.float64), np.asarray(covariance, dtype=np.float64)
        if centre.ndim != 1 or spread.shape != (len(centre), len(centre)):
            raise InputError(f"statistics: expected (D,) and (D, D), found {centre.shape} and {spread.shape}")
        return cls(count=count, mean=centre, scatter=(spread + spread.T) / 2 * (count - 1))

    @property
    def covariance(self) -> Array:
        """(D, D) unbiased covariance; needs two items."""
        return self.scatter / (self.count - 1)

    def merge(self, other: "Moments") -> "Moments":
        """Moments of both together."""
        count = self.count + other.count
        step = other.mean - self.mean
        return Moments(
            count=count,
            mean=self.mean + step * (other.count / count),
            scatter=self.scatter + other.scatter + np.outer(step, step) * (self.count * other.count / count),
        )

    def without(self, part: "Moments") -> "Moments":
        """Moments of the rest, when `part` is a part of these: the inverse of `merge`."""
        count = self.count - part.count
        mean = self.mean + (self.mean - part.mean) * (part.count / count)
        step = part.mean - mean
        scatter = self.scatter - part.scatter - np.outer(step, step) * (count * part.count / self.count)
        return Moments(count=count, mean=mean, scatter=scatter)


def frechet_distance(a: ArrayLike, b: ArrayLike) -> float:
    """Squared Fréchet distance between Gaussians fitted to two sets of features: FID on Inception features.

    In float64, with unbiased covariances. Symmetric; unchanged by rotation; scaling both by c multiplies it by c²; 0
    for equal sets. Its expectation exceeds the population's by about a constant over N: compare at equal N only.

    Args:
        a: (N, D) finite features, N >= 2.
        b: (M, D) finite features, M >= 2.

    Returns:
        The distance, >= 0, in squared units of the features.

    Raises:
        InputError: Wrong shapes, fewer than two rows, NaN or infinity.

    References:
        Heusel et al. 2017, GANs Trained by a Two Time-Scale Update Rule, section 4.
    """
    first, second = matrix(a, "a"), matrix(b, "b")
    if first.shape[1] != second.shape[1]:
        raise InputError(f"features: a has {first.shape[1]} columns, b has {second.shape[1]}; use one instrument")
    if first.shape == second.shape and np.array_equal(first, second):
        return 0.0
    size = first.shape[1]
    if min(len(first), len(second)) > size:
        return frechet_of_moments(Moments.of(first), Moments.of(second))
    one, two = (_Centred.of(first), _Centred.of(second))
    return _low_rank(one.mean - two.mean, one.trace, two.trace, one.factor() @ two.factor().T)


def frechet_of_moments(a: Moments, b: Moments) -> float:
    """Squared Fréchet distance from moments, for statistics without their features; see `frechet_distance`."""
    step = a.mean - b.mean
    one, two = a.covariance, b.covariance
    traces = float(np.trace(one)), float(np.trace(two))
    if not np.isfinite([*traces, float(step @ step)]).all():
        raise InputError("features: found NaN or infinity")
    lower = cholesky(one)
    if lower is None:
        return _low_rank(step, *traces, _root(one) @ _root(two).T)
    product = congruent(lower, two)
    return _combine(step, *traces, float(np.sqrt(np.clip(eigenvalues(product), 0, None)).sum()))


def frechet_to_statistics(features: ArrayLike, mean: ArrayLike, covariance: ArrayLike) -> float:
    """Squared Fréchet distance of (N, D) features from a mean (D,) and a covariance (D, D); see `frechet_distance`."""
    rows = matrix(features, "features")
    reference = Moments.from_statistics(mean, covariance, 2)  # its count does not enter
    if rows.shape[1] != len(reference.mean):
        raise InputError(f"features have {rows.shape[1]} columns, the statistics {len(reference.mean)}")
    if len(rows) > rows.shape[1]:
        return frechet_of_moments(reference, Moments.of(rows))
    one, lower = _Centred.of(rows), cholesky(reference.covariance)
    root = _root(reference.covariance) if lower is None else lower.T
    trace = float(np.trace(reference.covariance))
    return _low_rank(one.mean - reference.mean, one.trace, trace, one.rows @ root.T)


def _combine(step: Array, trace_a: float, trace_b: float, nuclear: float) -> float:
    spread = float(step @ step)
    distance = spread + trace_a + trace_b - 2 * nuclear
    scale = spread + trace_a + trace_b
    if distance < -LOST * scale:
        raise ArithmeticError(f"Fréchet distance {distance} is below zero by more than rounding")
    return 0.0 if distance < ROUNDING * scale else distance


def _root(covariance: Array) -> Array:
    """A factor F with Fᵀ F = covariance, for a singular covariance."""
    values, vectors = np.linalg.eigh(covariance)
    keep = values > values[-1] * len(values) * np.finfo(np.float64).eps
    return np.asarray((vectors[:, keep] * np.sqrt(values[keep])).T, dtype=np.float64)


def _low_rank(step: Array, trace_a: float, trace_b: float, product: Array) -> float:
    """The distance from F1 F2ᵀ, whose singular values sum to the trace of the root of S1 S2.

    The fast way is taken where the distance is so far from zero that the digits it costs do not show.
    """
    quick = nuclear_norm_squared_first(product)
    if quick is not None:
        distance = _combine(step, trace_a, trace_b, quick)
        if distance > CLEAR * (trace_a + trace_b):
            return distance
    return _combine(step, trace_a, trace_b, nuclear_norm(product))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Centred:
    """A set for the low-rank route."""

    mean: Array
    rows: Array
    """(N, D) less the mean, over the square root of N - 1: Fᵀ F is the covariance."""

    @classmethod
    def of(cls, features: NDArray[Any]) -> "_Centred":
        rows = np.asarray(features, dtype=np.float64)
        mean = rows.mean(axis=0)
        return cls(mean=mean, rows=(rows - mean) / math.sqrt(len(rows) - 1))

    @property
    def trace(self) -> float:
        return float(np.einsum("ij,ij->", self.rows, self.rows))

    def factor(self) -> Array:
        """The rows, or where there are more of them than columns, a square factor of the same covariance."""
        count, size = self.rows.shape
        if count <= size:
            return self.rows
        covariance = self.rows.T @ self.rows
        lower = cholesky(covariance)
        return _root(covariance) if lower is None else lower.T


def replicates_of(a: Sample, b: Sample, count: int) -> Array:
    """Fréchet distances with block j of both sets left out, j = 0 .. count - 1."""
    size = a.features.shape[1]
    if min(len(a.features), len(b.features)) > 1.25 * size:
        return _replicates_full_rank(a, b, count)
    if max(len(a.features), len(b.features)) <= size:
        return _replicates_low_rank(a, b, count)
    return np.array([frechet_distance(a.features[a.block != j], b.features[b.block != j]) for j in range(count)])


def _replicates_full_rank(a: Sample, b: Sample, count: int) -> Array:
    whole = Moments.of(a.features), Moments.of(b.features)

    def rest(total: Moments, sample: Sample, block: int) -> Moments:
        gone = sample.features[sample.block == block]
        return total.without(Moments.of(gone)) if len(gone) else total

    return np.array([frechet_of_moments(rest(whole[0], a, j), rest(whole[1], b, j)) for j in range(count)])


def _replicates_low_rank(a: Sample, b: Sample, count: int) -> Array:
    """One product of all centred features serves every replicate: leaving out is to take a part and centre it."""
    first, second = np.asarray(a.features, dtype=np.float64), np.asarray(b.features, dtype=np.float64)
    centre = second.mean(axis=0)
    first, second = first - first.mean(axis=0), second - centre
    means = np.asarray(a.features, dtype=np.float64).mean(axis=0) - centre
    product = first @ second.T
    out = np.empty(count)
    for j in range(count):
        one, two = a.block != j, b.block != j
        step = means + first[one].mean(axis=0) - second[two].mean(axis=0)
        part = product[np.ix_(one, two)]
        part = part - part.mean(axis=0)
        part = part - part.mean(axis=1, keepdims=True)
        scale = math.sqrt((one.sum() - 1) * (two.sum() - 1))
        # Squaring costs the digits of tiny singular values, the same ones in every replicate, and is twice as fast.
        squares = eigenvalues(part @ part.T if len(part) < len(part.T) else part.T @ part)
        nuclear = float(np.sqrt(np.clip(squares, 0, None)).sum()) / scale
        out[j] = _combine(step, _trace(first[one]), _trace(second[two]), nuclear)
    return out


def _trace(rows: Array) -> float:
    """Trace of the unbiased covariance."""
    centred = rows - rows.mean(axis=0)
    return float(np.einsum("ij,ij->", centred, centred)) / (len(rows) - 1)


def principal_axes(features: ArrayLike, count: int) -> Array:
    """Axes along which features vary most, for a distance that few items can support.

    Args:
        features: (N, D) finite features of a set that is on neither side of the distance, N > count.
        count: Axes wanted, at most D; at most a quarter of the items that are to be compared.

    Returns:
        (D, count) orthonormal columns, the strongest first: `features @ axes` are the coordinates.

    Raises:
        InputError: Wrong shape, too few rows or columns, NaN or infinity.
    """
    rows = matrix(features, "features", least=count + 1).astype(np.float64)
    if not 1 <= count <= rows.shape[1]:
        raise InputError(f"principal axes: found {count}, legal: 1 to {rows.shape[1]}")
    _, _, axes = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    return np.asarray(axes[:count].T, dtype=np.float64)


def _projected(evidence: Evidence) -> Evidence | str:
    """Return the evidence on the principal axes of the fit set that `pca` asks for, or why that cannot be."""
    count = int(evidence.parameters["pca"])
    fit, synthetic, real = evidence.fit, evidence.synthetic, evidence.real
    reason = fault(fit, "fit", least=count + 1) or fault(synthetic, "synthetic") or fault(real, "real")
    if reason or fit is None or synthetic is None or real is None:
        return reason or "no sets"
    least = min(len(synthetic), len(real))
    if count > least // 4:
        return f"pca {count}: {counted(least, 'item')} can support at most {counted(least // 4, 'axis', 'axes')}"
    axes = principal_axes(fit.arrays["features"], count)

    def project(features: Features) -> Features:
        return replace(features, arrays={"features": features.arrays["features"].astype(np.float64) @ axes})

    return replace(evidence, synthetic=project(synthetic), real=project(real))


def effective_items(features: ArrayLike, clusters: Sequence[str]) -> float:
    """Number of independent items that clustered features are worth for their mean, at most N.

    N over the design effect: the variance of cluster sums, over what it would be if items were independent.

    Args:
        features: (N, D) finite features.
        clusters: One label an item.
    """
    rows = np.asarray(features, dtype=np.float64)
    number: dict[str, int] = {}
    index = np.fromiter((number.setdefault(label, len(number)) for label in clusters), np.intp, len(rows))
    if len(number) == len(rows):
        return float(len(rows))
    centred = rows - rows.mean(axis=0)
    sums = np.zeros((len(number), rows.shape[1]))
    np.add.at(sums, index, centred)
    alone = float(np.einsum("ij,ij->", centred, centred))
    effect = float(np.einsum("ij,ij->", sums, sums)) / alone if alone else 1.0
    return len(rows) / max(1.0, effect)


def _too_few(evidence: Evidence, size: int) -> str | None:
    """Return why the items do not support an interval for the population distance, or None."""
    sides = [side for side in (evidence.synthetic, evidence.real) if side is not None]
    if min(map(len, sides)) < 2 * size:
        return f"n below {2 * size}"
    worth = min(effective_items(side.arrays["features"], side.clusters) for side in sides)
    return f"clusters worth {counted(round(worth), 'item')}, below {1.5 * size:.0f}" if worth < 1.5 * size else None


class FrechetDistance(Metric):
    """`fd[instrument]`; with the 2015 Inception weights, `fid`.

    The value is raw at N, as peers print it. With N >= 2 D on both sides, and clusters worth 1.5 D independent items,
    the interval is about the population distance; below, the bias is more than a jackknife can take away (at 10 people
    of 10 pictures in 24 dimensions it covers 86 %), and the interval is about the expectation at this N. Scores below
    `minimum_n` items are flagged, or below 10 D where that is less.

    Parameter `pca`: compare on so many principal axes of the fit set only, at most a quarter of the items.
    """

    def measure(self, evidence: Evidence) -> Measurement:
        """Return the distance with its jackknife interval."""
        if "pca" in evidence.parameters:
            projected = _projected(evidence)
            if isinstance(projected, str):
                return refused(evidence, projected)
            evidence = projected
        sets = both_sets(evidence)
        if isinstance(sets, Measurement):
            return sets
        a, b, count = sets.synthetic, sets.real, sets.blocks
        value = frechet_distance(a.features, b.features)
        least, size = min(len(a.features), len(b.features)), a.features.shape[1]
        needed = min(self.card.minimum_n, max(100, 10 * size))
        flags: tuple[str, ...] = (f"n below {needed}",) if least < needed else ()
        if not count:
            return sets.measurement(value, flags=(*flags, sets.why_no_interval))
        replicates = replicates_of(a, b, count)
        about: Literal["population", "at-n"] = "at-n"
        too_few = _too_few(evidence, size)
        if too_few:
            flags = (*flags, f"{too_few}: interval for the expectation at this n only")
        else:
            about = "population"
        interval = jackknife_interval(
            value, replicates, shares=sets.shares, about=about, cluster=sets.cluster, floor=0.0
        )
        if interval is not None and value > interval.high:
            flags = (*flags, "biased upwards at this n: the interval is that of the bias-corrected value")
        return sets.measurement(value, interval=interval, replicates=replicates, flags=flags)
