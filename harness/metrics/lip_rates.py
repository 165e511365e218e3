"""Metrics of sets of clips whose lips and voices were compared: LSE-D, LSE-C, offset, LSER, mouth correlation."""

from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..stats.intervals import jackknife_interval, wilson
from ..stats.score import Interval, Measurement
from .base import Evidence, Features, Metric
from .lips import EARLY, LATE, SPEECH, Array, confidence_floor, wrong_windows
from .sets import BothSets, both_sets, flags_of, lacking, refused
from .video import ClipMean
from .wording import counted

FPS = 25.0
"""At which instruments for synchrony read clips."""
FEWEST = 20
"""Real windows with speech from which a level of confidence can be taken."""


class LSED(ClipMean):
    """`lse_d`: mean distance of lips and voice at the best shift."""

    key = "distance"


class LSEC(ClipMean):
    """`lse_c`: mean confidence."""

    key = "confidence"


class Offset(ClipMean):
    """`av_offset`: mean absolute offset in frames of 40 ms; the median with its sign is a flag."""

    key = "offset"

    def values(self, found: Features) -> Array:
        """Return the absolute offset of each clip."""
        return np.abs(super().values(found))

    def remarks(self, found: Features) -> tuple[str, ...]:
        """Say on which side the sound is."""
        middle = float(np.median(found.arrays[self.key][:, 0]))
        frames = f"{abs(middle):g} {'frame' if abs(middle) == 1 else 'frames'}"
        return (f"sound {frames} {'late' if middle > 0 else 'early'} in the median",) if middle else ()


class MouthCorrelation(ClipMean):
    """`mouth_correlation`: mean correlation of mouth opening and level."""

    key = "together"


class LSER(Metric):
    """`lser`: share of wrong windows; the level of confidence comes from the real clips of the evidence.

    `early` and `late`, in seconds, may stand in the evidence's parameters.
    """

    def measure(self, evidence: Evidence) -> Measurement:
        """Return the rate over all windows with speech, with its interval; the rate of each clip is in `items`."""
        made, truth = evidence.synthetic, evidence.real
        reason = lacking(made, "synthetic", "windows", 1) or lacking(truth, "real", "windows", 1)
        if reason or made is None or truth is None:
            return refused(evidence, reason or "no sets")
        synthetic, real = _spoken(made), _spoken(truth)
        silent = len(made) - len(synthetic.clips)
        failures = MappingProxyType({"no speech": silent} if silent else {})
        if len(real.confidence) < FEWEST or not len(synthetic.clips):
            reason = (
                f"{counted(len(real.confidence), 'real window')} with speech, at least {FEWEST} are needed"
                if len(synthetic.clips)
                else "no window with speech"
            )
            return Measurement(value=None, n=0, n_real=len(real.clips), failures=failures, reason=reason)
        sets = both_sets(Evidence(synthetic=synthetic.clips, real=real.clips), "here")
        if isinstance(sets, Measurement):
            return Measurement(value=None, n=sets.n, n_real=sets.n_real, failures=failures, reason=sets.reason)
        return self._rate(evidence, synthetic, real, sets, failures)

    def _rate(
        self,
        evidence: Evidence,
        synthetic: "_Spoken",
        real: "_Spoken",
        sets: BothSets,
        failures: MappingProxyType[str, int],
    ) -> Measurement:
        early = float(evidence.parameters.get("early", EARLY))
        late = float(evidence.parameters.get("late", LATE))

        def wrong(least: float) -> NDArray[np.bool_]:
            outside, unsure = wrong_windows(
                synthetic.offset, synthetic.confidence, least, fps=FPS, early=early, late=late
            )
            return outside | unsure

        hits = wrong(confidence_floor(real.confidence, real.clip))
        value = float(hits.mean())
        replicates = None
        if sets.blocks:
            mine, theirs = sets.synthetic.block[synthetic.clip], sets.real.block[real.clip]
            parts = [(mine != j, theirs != j) for j in range(sets.blocks)]
            if all(a.any() and b.any() for a, b in parts):
                floors = [confidence_floor(real.confidence[b], real.clip[b]) for _, b in parts]
                replicates = np.array([wrong(floor)[a].mean() for floor, (a, _) in zip(floors, parts, strict=True)])
        rates = [float(hits[synthetic.clip == place].mean()) for place in range(len(synthetic.clips))]
        interval = _interval(value, replicates, sets, hits, [synthetic.clips.clusters[k] for k in synthetic.clip])
        found = sets.measurement(
            value,
            interval=interval,
            replicates=replicates,
            flags=(*flags_of(self.card, len(rates)), *(() if interval else (sets.why_no_interval,))),
        )
        items = MappingProxyType(dict(zip(synthetic.clips.ids, rates, strict=True)))
        return replace(found, items=items, failures=failures)


def _interval(
    value: float, replicates: Array | None, sets: BothSets, hits: NDArray[np.bool_], clusters: list[str]
) -> Interval | None:
    """Return the jackknife's interval, or Wilson's where the rate or its replicates do not vary."""
    if replicates is not None and 0 < value < 1 and replicates.std() > 0:
        return jackknife_interval(
            value, replicates, shares=sets.shares, about="at-n", cluster=sets.cluster, floor=0.0, ceiling=1.0
        )
    return wilson(hits.astype(np.float64), clusters, cluster="clip" if sets.cluster == "item" else sets.cluster)


class _Spoken(NamedTuple):
    """Windows with speech of a set."""

    clips: Features
    """Those that have any."""
    clip: NDArray[np.intp]
    """(W,) row of the clip that each belongs to."""
    offset: Array
    confidence: Array


def _spoken(side: Features) -> _Spoken:
    table = np.asarray(side.arrays["windows"], dtype=np.float64).reshape(len(side), -1, 3)
    keep = np.isfinite(table).all(axis=2) & (np.nan_to_num(table[:, :, 2]) >= SPEECH)
    rows = np.flatnonzero(keep.any(axis=1))
    clips = Features(ids=side.ids, clusters=side.clusters, arrays={"here": np.ones((len(side), 1))}, blocks=side.blocks)
    clip, window = np.nonzero(keep[rows])
    chosen = table[rows][clip, window]
    return _Spoken(clips.take(rows), clip, chosen[:, 0], chosen[:, 1])
