"""Two systems that met the same items: the difference of their means or rates, tested by permutation over clusters.

Under the null hypothesis the two answers of a cluster could have been given by either system. So whole clusters
change sides: the sum d_c of the differences in cluster c keeps or changes its sign, and p is the share of all such
changes whose total is as far from 0 as the one seen (Pitman 1937; by scipy's `permutation_test`, exact up to 13
clusters).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from .clusters import Clusters, Label
from .compare import Difference, from_error
from .intervals import cluster_sums

PERMUTATIONS = 9999


def paired_difference(
    a: ArrayLike,
    b: ArrayLike,
    labels: Sequence[Label],
    generator: np.random.Generator,
    *,
    alpha: float = 0.05,
    permutations: int = PERMUTATIONS,
) -> Difference:
    """Return the difference b - a of the means over the items that both have.

    p is the permutation's; interval and detectable effect come from the variance between clusters with Student's t.
    Where items stand in two clusters no exchange keeps both whole; then p is that of t too, from the variance of
    Cameron, Gelbach & Miller (2011), and the remark says so.

    Args:
        a: (N,) values of system A, 0 and 1 for a rate; NaN where it has none.
        b: (N,) likewise of B.
        labels: The clusters of each item.
        generator: Draws the permutations.
        alpha: 1 less the level of the interval.
        permutations: Draws, where not all can be taken.

    Raises:
        ValueError: Fewer than 2 clusters in which both have a value.
    """
    first, second = np.asarray(a, np.float64), np.asarray(b, np.float64)
    both = np.isfinite(first) & np.isfinite(second)
    kept = [label for label, used in zip(labels, both, strict=True) if used]
    clusters = Clusters.of(kept)
    if clusters.count < 2:
        raise ValueError(f"both systems have values in {clusters.count} clusters; a test needs 2")
    difference = second[both] - first[both]
    error = clusters.error(difference)
    means = float(first[both].mean()), float(second[both].mean())
    lost = int((~both).sum())
    remarks = [f"{lost} of {len(both)} items left out: not both have a value"] if lost else []
    p = None
    if clusters.crossed:
        remarks.append("items in two clusters: p from the two-way variance, no permutation keeps both whole")
    elif difference.any():
        p = permutation_p(difference, kept, generator, permutations=permutations)
    return from_error(
        means, error, clusters.count - 1.0, clusters.count, alpha=alpha, p=p, remark="; ".join(remarks) or None
    )


def permutation_p(
    differences: ArrayLike,
    labels: Sequence[str] | Sequence[Label],
    generator: np.random.Generator,
    *,
    permutations: int = PERMUTATIONS,
) -> float:
    """Return the two-sided p of paired differences (N,) when whole clusters change sides."""
    from scipy.stats import permutation_test

    sums, _ = cluster_sums(differences, [label if isinstance(label, str) else label[0] for label in labels])
    found = permutation_test(
        (sums,),
        lambda x, axis: x.sum(axis=axis),
        permutation_type="samples",
        n_resamples=permutations,
        vectorized=True,
        batch=max(1, 2_000_000 // len(sums)),
        rng=generator,
    )
    return float(found.pvalue)
