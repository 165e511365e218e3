"""Metrics of mouths against the level of the sound, in which no network for synchrony has a part."""

from types import MappingProxyType

import numpy as np

from ..stats.intervals import wilson
from ..stats.score import Measurement
from .base import Evidence, Metric
from .lips import MISS, Array
from .sets import fault, flags_of, refused
from .video import ClipMean

FEWEST = 8
"""Real clips from which a level can be taken."""


class MouthLag(ClipMean):
    """`mouth_lag`: mean absolute lag in frames of 40 ms at which mouth and level go together best."""

    key = "lag"

    def values(self, found: object) -> Array:
        """Return the absolute lag of each clip."""
        return np.abs(super().values(found))  # type: ignore[arg-type]


class MouthError(Metric):
    """`mouth_error`: share of clips whose mouth follows the sound less than nineteen in twenty true clips do.

    The level is the quantile of 5 % of the correlations of the real clips of the evidence, so that true clips score
    about 0.05; a frozen mouth has a correlation of 0. Where even the level is not above 0, nothing can be told.
    """

    def measure(self, evidence: Evidence) -> Measurement:
        """Return the share; each clip is 1 or 0 in `items`."""
        found, real = evidence.synthetic, evidence.real
        reason = fault(found, "synthetic", "together", 1) or fault(real, "real", "together", FEWEST)
        if reason or found is None or real is None:
            return refused(evidence, reason or "no clips")
        floor = float(np.quantile(real.arrays["together"][:, 0].astype(np.float64), MISS))
        if floor <= 0:
            return refused(
                evidence, f"5 % of the real clips correlate by {floor:.3f}: the measure tells nothing of them"
            )
        hits = (found.arrays["together"][:, 0] < floor).astype(np.float64)
        return Measurement(
            value=float(hits.mean()),
            interval=wilson(hits, found.clusters, cluster="identity"),
            n=len(hits),
            n_real=len(real),
            items=MappingProxyType(dict(zip(found.ids, hits.tolist(), strict=True))),
            flags=(*flags_of(self.card, len(hits)), f"wrong below a correlation of {floor:.3f}"),
        )
