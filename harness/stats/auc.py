"""Areas under ROC curves, and their differences, from clustered items: DeLong's method after Obuchowski (1997).

For fakes x_i, i = 1..M, and real items y_j, j = 1..N, the area is the mean of k(x_i, y_j): 1 where the fake scores
higher, 1/2 in a tie, 0 otherwise. Each item has a placement: V10_i = mean_j k(x_i, y_j), V01_j = mean_i k(x_i, y_j).
With A_c the sum of V10_i - area over the fakes of cluster c, and B_c that of V01_j - area over its real items,

    var = G10 / (G10 - 1) sum_c A_c^2 / M^2 + G01 / (G01 - 1) sum_c B_c^2 / N^2 + 2 G / (G - 1) sum_c A_c B_c / (M N),

where G10 clusters hold fakes, G01 real items, and G is the number of clusters. With one item in each cluster this is
the plain form of DeLong, DeLong & Clarke-Pearson (1988). Covariances of two areas put A_c of the one beside A_c of the
other; the two may rest on items that they share in part, such as one real set and the fakes of two generators.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .blocks import FEWEST
from .clusters import Clusters, Floats, Label, by_class
from .compare import Difference, from_error
from .intervals import t_quantile, wilson
from .score import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Areas:
    """Areas of k curves and what is needed to compare them."""

    values: Floats
    """(k,) in [0, 1]."""
    covariance: Floats
    """(k, k)."""
    contributions: Floats
    """(k, G): what each cluster adds to the deviation of each area."""
    strata: NDArray[np.intp]
    """(G,) see `by_class`."""

    def freedom(self, weights: ArrayLike) -> float:
        """Return Satterthwaite's degrees of freedom of a weighted sum of the areas.

        Clusters of real items, of fakes and of both are three samples with a variance of their own.
        """
        shares = (np.asarray(weights, np.float64) @ self.contributions) ** 2
        total = float(shares.sum())
        if total == 0.0:
            return max(1.0, len(self.strata) - 1.0)
        parts = [(float(shares[self.strata == s].sum()), int((self.strata == s).sum())) for s in range(3)]
        return 1.0 / math.fsum((part / total) ** 2 / max(1, size - 1) for part, size in parts if part)


def areas(scores: ArrayLike, truth: ArrayLike, labels: Sequence[Label]) -> Areas:
    """Compute the areas of k curves over N items, with their covariance.

    Args:
        scores: (k, N) P(fake), or anything that rises with it; NaN where the curve does not have the item.
        truth: (N,) True = fake.
        labels: The clusters of each item.

    Raises:
        ValueError: A curve without fakes or without real items, or a class in fewer than 2 clusters.
    """
    rows, fake = np.atleast_2d(np.asarray(scores, np.float64)), np.asarray(truth, dtype=bool)
    clusters = Clusters.of(labels)
    values = np.empty(len(rows))
    of_fake, of_real = np.zeros_like(rows), np.zeros_like(rows)
    for curve, row in enumerate(rows):
        present = np.isfinite(row)
        ones, zeros = np.flatnonzero(present & fake), np.flatnonzero(present & ~fake)
        if not len(ones) or not len(zeros):
            raise ValueError(f"no AUC: {len(ones)} fakes and {len(zeros)} real items")
        v10, v01 = _placements(row[ones], row[zeros])
        values[curve] = v10.mean()
        of_fake[curve, ones] = (v10 - values[curve]) / len(ones)
        of_real[curve, zeros] = (v01 - values[curve]) / len(zeros)
    held = [int(clusters.members(member & np.isfinite(rows).any(0)).sum()) for member in (fake, ~fake)]
    if min(held) < 2:
        raise ValueError(f"no variance of an AUC: fakes in {held[0]} and real items in {held[1]} clusters, 2 needed")
    mixed = clusters.products(of_fake, of_real)
    covariance = (
        _corrected(held[0]) * clusters.products(of_fake, of_fake)
        + _corrected(held[1]) * clusters.products(of_real, of_real)
        + _corrected(clusters.count) * (mixed + mixed.T)
    )
    if clusters.crossed:  # a sum with subtractions may leave the variances that are possible
        size, axes = np.linalg.eigh(covariance)
        covariance = (axes * np.maximum(size, 0.0)) @ axes.T
    return Areas(
        values=values,
        covariance=covariance,
        contributions=clusters.sums(of_fake + of_real),
        strata=by_class(clusters, fake),
    )


def _corrected(groups: int) -> float:
    return groups / (groups - 1)


def _placements(fake: Floats, real: Floats) -> tuple[Floats, Floats]:
    """Return V10 (M,) and V01 (N,) from midranks (Sun & Xu 2014, theorem 2)."""
    from scipy.stats import rankdata

    together = rankdata(np.concatenate([fake, real]))
    v10 = (together[: len(fake)] - rankdata(fake)) / len(real)
    v01 = 1.0 - (together[len(fake) :] - rankdata(real)) / len(fake)
    return v10, v01


def area_interval(
    scores: ArrayLike, truth: ArrayLike, labels: Sequence[Label], *, level: float = 0.95, cluster: str = "item"
) -> Interval | None:
    """Interval of one area: DeLong's on the logit scale, so that it stays within [0, 1] (Pepe 2003, section 5.2).

    An area of 0 or 1 shows no spread; it has Wilson's interval on the clusters of the class that has fewer.

    Returns:
        The Interval, or None where a class has fewer than `FEWEST` clusters or there is no area.
    """
    try:
        found = areas(scores, truth, labels)
    except ValueError:
        return None
    fake = np.asarray(truth, dtype=bool)
    clusters = Clusters.of(labels)
    fewest = min(int(clusters.members(member).sum()) for member in (fake, ~fake))
    if fewest < FEWEST:
        return None
    value, error = float(found.values[0]), math.sqrt(max(0.0, float(found.covariance[0, 0])))
    if value in (0.0, 1.0) or error == 0.0:
        edge = wilson(np.full(fewest, value), [str(i) for i in range(fewest)], level=level)
        low, high = (edge.low, edge.high) if edge else (0.0, 1.0)
        return Interval(low=low, high=high, level=level, method="wilson on the fewer clusters", cluster=cluster)
    half = t_quantile(level, found.freedom([1.0])) * error / (value * (1.0 - value))
    centre = math.log(value / (1.0 - value))
    low, high = (1.0 / (1.0 + math.exp(-end)) for end in (centre - half, centre + half))
    method = "delong" if clusters.single else "clustered delong"
    return Interval(low=low, high=high, level=level, method=f"{method}, logit", cluster=cluster)


def area_difference(
    a: ArrayLike, b: ArrayLike, truth: ArrayLike, labels: Sequence[Label], *, alpha: float = 0.05
) -> Difference:
    """Return the difference b - a of two areas over N items that they share in whole or in part.

    Args:
        a: (N,) scores; NaN where the curve does not have the item.
        b: (N,) likewise.
        truth: (N,) True = fake.
        labels: The clusters of each item.
        alpha: 1 less the level of the interval.

    Raises:
        ValueError: As for `areas`.
    """
    found = areas(np.stack([np.asarray(a, np.float64), np.asarray(b, np.float64)]), truth, labels)
    contrast = np.array([-1.0, 1.0])
    return from_error(
        (float(found.values[0]), float(found.values[1])),
        math.sqrt(max(0.0, float(contrast @ found.covariance @ contrast))),
        found.freedom(contrast),
        len(found.strata),
        alpha=alpha,
    )
