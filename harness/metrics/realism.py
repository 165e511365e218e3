"""Realism score of single items: how deep inside the real manifold an item lies.

R(g) = max over real items of the radius of the item's ball over the distance from it to g, where the balls are those of
precision and the larger half of them is left out (Kynkäänniemi et al. 2019, section 5, equation 3).
"""

from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..stats.intervals import jackknife_interval
from ..stats.score import Measurement
from .base import Evidence, Metric
from .neighbours import KYNKAANNIEMI, Array, centred, distances, pair_of, radii_of, too_few
from .sets import both_sets, flags_of, refused

ROUNDING = 64 * np.finfo(np.float64).eps
"""Squared distances below this share of the largest squared length are rounding: the item is a copy."""
CAP = 10.0
"""What a copy of a real item gets in the mean, where its own score has no end."""


def realism_score(real: ArrayLike, synthetic: ArrayLike, *, k: int = KYNKAANNIEMI) -> NDArray[np.float64]:
    """Realism score of each synthetic item: at 1 it lies on the edge of the real manifold, above 1 inside.

    The half of the real balls that is larger than the median is left out, because balls where real items are rare
    reach far.

    Args:
        real: (N, D) finite features, N > k.
        synthetic: (M, D) finite features, M > k.
        k: Neighbour that sets the radius.

    Returns:
        (M,) scores, >= 0; infinite for a copy of a real item whose ball has a radius.

    Raises:
        InputError: Wrong shapes, too few rows, NaN or infinity.

    References:
        Kynkäänniemi et al. 2019, Improved Precision and Recall Metric, section 5, equation 3.
    """
    first, second = pair_of(real, synthetic, k)
    return _scores(second, first, radii_of(first, k))[:, 0]


def _scores(synthetic: NDArray[Any], real: NDArray[Any], radii: Array) -> Array:
    """(M, 1 + count) scores for each column of squared radii; a real item without a ball has radius -1."""
    kept = np.where(radii < 0, np.nan, radii)
    kept = np.where(kept <= np.nanmedian(kept, axis=0), kept, -1.0)
    out = np.empty((len(synthetic), radii.shape[1]))
    rounding = ROUNDING * max(float(np.square(rows).sum(axis=1).max()) for rows in (synthetic, real))
    for start, apart in distances(synthetic, real):
        apart[apart < rounding] = 0.0
        for j in range(radii.shape[1]):
            rows = np.flatnonzero(kept[:, j] >= 0)
            with np.errstate(divide="ignore", invalid="ignore"):
                share = kept[rows, j] / apart[:, rows]
            best = np.where(np.isnan(share), 1.0, share).max(axis=1)  # a copy of an item that is there k times
            out[start : start + len(apart), j] = np.sqrt(best)
    return out


class Realism(Metric):
    """`realism[instrument]`: mean realism score, each item's capped at 10; the scores themselves are in `items`.

    The balls depend on the number of real items, so the interval is about the expectation at this N.
    """

    def measure(self, evidence: Evidence) -> Measurement:
        """Return the mean score with its interval, and the score of each item."""
        sets = both_sets(evidence)
        if isinstance(sets, Measurement):
            return sets
        reason = too_few(sets, KYNKAANNIEMI)
        if reason or evidence.synthetic is None:
            return refused(evidence, reason or "no synthetic set")
        synthetic, real = centred(sets)
        radii = radii_of(real.features, KYNKAANNIEMI, real.block, sets.blocks)
        scores = np.minimum(_scores(synthetic.features, real.features, radii), CAP)
        value = float(scores[:, 0].mean())
        flags = flags_of(self.card, min(len(synthetic.features), len(real.features)))
        interval, replicates = None, None
        if sets.blocks:
            replicates = np.array([scores[synthetic.block != j, 1 + j].mean() for j in range(sets.blocks)])
            interval = jackknife_interval(
                value, replicates, shares=sets.shares, about="at-n", cluster=sets.cluster, floor=0.0, ceiling=CAP
            )
        else:
            flags = (*flags, sets.why_no_interval)
        items = dict(zip(evidence.synthetic.ids, scores[:, 0].tolist(), strict=True))
        found = sets.measurement(value, interval=interval, replicates=replicates, flags=flags)
        return replace(found, items=MappingProxyType(items))
