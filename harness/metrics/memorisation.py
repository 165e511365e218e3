"""Memorisation: does a system hand back what it was fitted on?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ..stats.intervals import wilson
from ..stats.score import Measurement
from .base import Evidence, Metric
from .sets import cluster_name, fault, flags_of, matrix, refused

EXPECTED = 0.05
"""Share of fresh real items below the threshold, by its definition."""
FAILS_ABOVE = 0.10
"""A system fails when the lower limit of its share is above this..."""
CHANCE = 0.025
"""...and a random swap of fit and unseen clusters reaches its share no more often than this..."""
COPY = 0.5
"""...or when the lower limit of its share of near copies, below this part of the threshold, is above EXPECTED."""
SWAPS = 399
KEEP = 32
"""Nearest clusters kept of each item; that none of them falls on one side of a random split has chance 2^-32."""
CHUNK = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Memorised:
    """What `memorisation` found."""

    share: float
    """Share of the synthetic items below the threshold, in [0, 1]."""
    threshold: float
    """5th percentile of the ratio over the reference."""
    ratios: NDArray[np.float64]
    """(N,) distance to the nearest fit item over distance to the nearest unseen one; 0 for a copy."""
    below: NDArray[np.bool_]
    """(N,) which synthetic items are below the threshold."""
    chance: float
    """How often a random swap of fit and unseen clusters gives a share as large, in (0, 1]."""

    @property
    def copies(self) -> NDArray[np.bool_]:
        """(N,) which items are near copies: at half the threshold, where hardly any real item comes."""
        return self.ratios < COPY * self.threshold


def memorisation(
    synthetic: ArrayLike,
    fit: ArrayLike,
    unseen: ArrayLike,
    reference: ArrayLike,
    *,
    generator: np.random.Generator,
    fit_clusters: Sequence[str] | None = None,
    unseen_clusters: Sequence[str] | None = None,
) -> Memorised:
    """Share of synthetic items that lie suspiciously nearer to the fit set than to unseen real items.

    For each item the ratio of the Euclidean distance to the nearest fit item to that to the nearest unseen real item.
    The threshold is the 5th percentile of the same ratio over reference items, which the system never saw either. A
    fresh real sample gives 0.05 in expectation, a copy of the fit set 1. The larger set is nearer by its size alone,
    but to the reference as much as to the synthetic items, so the threshold takes that into account.

    Which people happen to be in the fit set moves the share too: a blurred face lies a little nearer to one of two sets
    of people by luck. A system that saw neither set cannot tell them apart, so swapping clusters at random between fit
    and unseen, threshold and all, shows what luck gives (a permutation test).

    Args:
        synthetic: (N, D) finite features.
        fit: (K, D) features of everything that the system was fitted on: a copy of what is left out here is not seen.
        unseen: (U, D) features of real items that it never saw.
        reference: (R, D) features of other real items that it never saw.
        generator: Source of the random swaps.
        fit_clusters: One label a fit item; items of one cluster are swapped together. None: each item alone.
        unseen_clusters: The same for unseen items.

    Raises:
        InputError: Wrong shapes, NaN or infinity.
    """
    names = ("synthetic", "fit", "unseen", "reference")
    arrays = [matrix(x, name, 1) for x, name in zip((synthetic, fit, unseen, reference), names, strict=True)]
    if len({array.shape[1] for array in arrays}) > 1:
        raise InputError(f"features: {', '.join(f'{n} {a.shape}' for n, a in zip(names, arrays, strict=True))}")
    made, known, fresh, held_out = arrays
    index, of_fit = _pool(fit_clusters or range(len(known)), unseen_clusters or range(len(fresh)))
    pool = np.concatenate([known, fresh]).astype(np.float64)
    centre = pool.mean(axis=0)
    near_made, near_held_out = (_nearest_clusters(x - centre, pool - centre, index) for x in (made, held_out))
    ratios = _ratios(near_made, of_fit)
    threshold = float(np.quantile(_ratios(near_held_out, of_fit), EXPECTED))
    below = ratios < threshold
    reached = 0
    for _ in range(SWAPS):
        swapped = generator.permutation(of_fit)
        limit = np.quantile(_ratios(near_held_out, swapped), EXPECTED)
        reached += bool(np.mean(_ratios(near_made, swapped) < limit) >= below.mean())
    return Memorised(
        share=float(below.mean()),
        threshold=threshold,
        ratios=ratios,
        below=below,
        chance=(reached + 1) / (SWAPS + 1),
    )


def _pool(fit: Sequence[object], unseen: Sequence[object]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Number the clusters of both sets, apart even where labels agree; say which are fit clusters."""
    number: dict[tuple[bool, object], int] = {}
    labels = [(True, label) for label in fit] + [(False, label) for label in unseen]
    index = np.fromiter((number.setdefault(label, len(number)) for label in labels), np.intp, len(labels))
    return index, np.fromiter((side for side, _ in number), np.bool_, len(number))


def _nearest_clusters(
    items: NDArray[np.float64], pool: NDArray[np.float64], cluster: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return the distances of each item to its nearest clusters, ascending, and which they are: (N, KEEP or fewer)."""
    order = np.argsort(cluster, kind="stable")
    starts = np.flatnonzero(np.diff(cluster[order], prepend=-1))
    others = pool[order]
    squares = np.einsum("ij,ij->i", others, others)
    keep = min(KEEP, len(starts))
    distance, index = np.empty((len(items), keep)), np.empty((len(items), keep), dtype=np.intp)
    for start in range(0, len(items), CHUNK):
        part = items[start : start + CHUNK]
        apart = np.einsum("ij,ij->i", part, part)[:, None] + squares - 2 * (part @ others.T)
        apart = np.minimum.reduceat(apart, starts, axis=1)
        nearest = np.argpartition(apart, keep - 1, axis=1)[:, :keep]
        found = np.take_along_axis(apart, nearest, axis=1)
        ascending = np.argsort(found, axis=1, kind="stable")
        rows = slice(start, start + len(part))
        index[rows] = np.take_along_axis(nearest, ascending, axis=1)
        distance[rows] = np.sqrt(np.clip(np.take_along_axis(found, ascending, axis=1), 0, None))
    return distance, index


def _ratios(near: tuple[NDArray[np.float64], NDArray[np.intp]], of_fit: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Distance to the nearest fit cluster over that to the nearest unseen one; 1 where an item equals one of both."""
    distance, index = near
    side = of_fit[index]

    def nearest(wanted: NDArray[np.bool_]) -> NDArray[np.float64]:
        first = np.argmax(wanted, axis=1)[:, None]
        found = np.take_along_axis(distance, first, axis=1)[:, 0]
        return np.where(np.take_along_axis(wanted, first, axis=1)[:, 0], found, distance[:, -1])

    known, fresh = nearest(side), nearest(~side)
    either = known + fresh
    share = np.divide(known, either, out=np.full_like(either, 0.5), where=either > 0)
    return np.asarray(share / np.maximum(1 - share, np.finfo(np.float64).eps), dtype=np.float64)


class Memorisation(Metric):
    """`memorisation[instrument]`: the share, with a Wilson interval on the effective n.

    The interval is about more items of the same system, given the real sets; so it is `at-n`.

    The flag `fails memorisation` says that the lower limit is above 0.10, and that swapping fit and unseen clusters at
    random does not reach the share in 97.5 % of the draws; or that more than 5 % of the items are near copies, by the
    lower limit again. The second part sees a single picture that is repeated, which a swap takes for luck.
    """

    def measure(self, evidence: Evidence) -> Measurement:
        """Return the share of synthetic items below the threshold."""
        sides = {
            "synthetic": evidence.synthetic,
            "fit": evidence.fit,
            "unseen real": evidence.unseen,
            "reference": evidence.real,
        }
        for side, features in sides.items():
            reason = fault(features, side, least=1 if side == "synthetic" else 2)
            if reason:
                return refused(evidence, reason)
        synthetic, fit, unseen, reference = (f for f in sides.values() if f is not None)
        generator = np.random.default_rng(evidence.seed)
        found = memorisation(
            *(f.arrays["features"] for f in (synthetic, fit, unseen, reference)),
            generator=generator,
            fit_clusters=fit.clusters,
            unseen_clusters=unseen.clusters,
        )
        interval = wilson(found.below, synthetic.clusters, cluster=cluster_name(synthetic.clusters), about="at-n")
        flags = flags_of(self.card, min(len(synthetic), len(fit), len(unseen), len(reference)))
        copies = wilson(found.copies, synthetic.clusters)
        nearer = interval is not None and interval.low > FAILS_ABOVE and found.chance <= CHANCE
        if nearer or (copies is not None and copies.low > EXPECTED):
            flags = (*flags, "fails memorisation")
        return Measurement(value=found.share, interval=interval, n=len(synthetic), n_real=len(reference), flags=flags)
