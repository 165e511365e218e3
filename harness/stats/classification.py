"""How well a detector tells fake from real: thirteen measures, each with an interval.

| measure | of | interval |
|---|---|---|
| accuracy, balanced_accuracy | decisions at a threshold | Wilson's of both classes, joined (Zou & Donner 2008) |
| recall, specificity | the fakes, the real items | Wilson's on the effective sample size |
| precision, f1 | decisions | corners of Wilson's of both classes at 97.5 % |
| auc | ranks | clustered DeLong (Obuchowski 1997), logit |
| ap, eer, tpr_at_1pct_fpr | ranks | cluster bootstrap |
| log_loss, brier | P(fake) | cluster bootstrap |
| calibration_error | P(fake), 15 bins of equal width (Naeini et al. 2015) | none: resampling moves it upwards |
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .auc import area_interval
from .blocks import FEWEST
from .clusters import Clusters, Label, by_class
from .intervals import bootstrap_tail, wilson
from .score import Interval, Measurement
from .weighted import BINS, SMALL_RATE, calibration_bins, weighted

DRAWS = 1000
"""Bootstrap draws."""
DECIDED = ("accuracy", "balanced_accuracy", "precision", "recall", "specificity", "f1")
"""Measures of decisions: they depend on the threshold."""
RANKED = ("auc", "ap", "eer", "tpr_at_1pct_fpr")
"""Measures of the order of the scores."""
PROBABLE = ("log_loss", "brier", "calibration_error")
"""Measures of the scores as probabilities."""
METRICS = (*DECIDED, *RANKED, *PROBABLE)
_BOOTSTRAPPED = ("ap", "eer", "tpr_at_1pct_fpr", "log_loss", "brier")

FLIPPED = "AUC below 0.5 beyond chance: the scores may be flipped (1 must mean fake)"
EQUAL = "all scores are equal: nothing is told apart"

Floats = NDArray[np.float64]
Statistic = Callable[[Floats, NDArray[np.bool_]], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a detector said of a test set."""

    fake: Floats
    """(N,) P(fake) in [0, 1]; a score that is not finite is left out and counted."""
    truth: NDArray[np.bool_]
    """(N,) True = fake."""
    clusters: tuple[Label, ...]
    """The clusters of each item: a label, or a tuple of one or two."""
    blocks: tuple[int, ...]
    """The block of each item: dealt over everything that was asked for, see `blocks_by_id`."""
    threshold: float

    def only(self, rows: NDArray[np.bool_]) -> "Judged":
        """Return the items in `rows` (N,)."""
        kept = np.flatnonzero(rows)
        return Judged(
            fake=self.fake[kept],
            truth=self.truth[kept],
            clusters=tuple(self.clusters[i] for i in kept),
            blocks=tuple(self.blocks[i] for i in kept),
            threshold=self.threshold,
        )


def values(judged: Judged) -> dict[str, float]:
    """Return every measure of a set that has both classes, by scikit-learn where it has the measure."""
    from sklearn import metrics

    fake, truth = judged.fake, judged.truth
    called = fake >= judged.threshold
    fpr, tpr, _ = metrics.roc_curve(truth, fake, drop_intermediate=False)
    misses = 1.0 - tpr - fpr
    low, high = fpr[misses >= 0.0][-1], fpr[misses <= 0.0][0]
    above, below = misses[misses >= 0.0][-1], misses[misses <= 0.0][0]
    share = above / (above - below) if above > below else 0.0
    bins = calibration_bins(fake)
    gaps = np.abs(np.bincount(bins, weights=fake - truth, minlength=BINS))
    return {
        "accuracy": float(metrics.accuracy_score(truth, called)),
        "balanced_accuracy": float(metrics.balanced_accuracy_score(truth, called)),
        "precision": float(metrics.precision_score(truth, called, zero_division=0.0)),
        "recall": float(metrics.recall_score(truth, called, zero_division=0.0)),
        "specificity": float(metrics.recall_score(~truth, ~called, zero_division=0.0)),
        "f1": float(metrics.f1_score(truth, called, zero_division=0.0)),
        "auc": float(metrics.roc_auc_score(truth, fake)),
        "ap": float(metrics.average_precision_score(truth, fake)),
        "eer": float(low + share * (high - low)),
        "tpr_at_1pct_fpr": float(tpr[fpr <= SMALL_RATE].max()),
        "log_loss": float(metrics.log_loss(truth, fake, labels=[False, True])),
        "brier": float(metrics.brier_score_loss(truth, fake)),
        "calibration_error": float(gaps.sum() / len(fake)),
    }


def judge(judged: Judged, generator: np.random.Generator, only: Sequence[str] = METRICS) -> dict[str, Measurement]:
    """Return the measures of one test set, with intervals and jackknife replicates.

    A set of one class, or without items, has none of them, and one in which nothing is called fake has no precision:
    the Measurement says why. Scores that are not finite are left out and counted. An AUC whose 99 % interval lies
    below 0.5 is flagged as flipped, and left as it is.

    Args:
        judged: Scores and truth.
        generator: Draws the bootstrap samples.
        only: Names of measures.
    """
    usable = np.isfinite(judged.fake)
    lost = int((~usable).sum())
    if lost:
        judged = judged.only(usable)
    reason = _why_not(judged)
    failures = {"not finite": lost} if lost else {}
    if reason:
        return {n: Measurement(value=None, n=len(judged.fake), reason=reason, failures=failures) for n in only}
    found = values(judged)
    intervals = _rate_intervals(judged)
    if set(only) & set(_BOOTSTRAPPED):
        intervals |= _bootstrap_intervals(judged, generator)
    intervals["auc"] = area_interval(judged.fake, judged.truth, judged.clusters, cluster=_cluster_name(judged.clusters))
    replicates = _replicates(judged)
    flags = _flags(judged, found)
    return {
        name: _measurement(judged, name, found[name], intervals.get(name), replicates[name], flags, failures)
        for name in only
    }


def judge_at(
    judged: Judged, thresholds: Mapping[str, float], generator: np.random.Generator
) -> dict[str, dict[str, Measurement]]:
    """Return the measures of decisions at several thresholds side by side: name of the threshold -> measure."""
    return {
        name: judge(replace(judged, threshold=threshold), generator, DECIDED) for name, threshold in thresholds.items()
    }


def _measurement(
    judged: Judged,
    name: str,
    value: float,
    interval: Interval | None,
    replicates: tuple[float, ...],
    flags: Mapping[str, tuple[str, ...]],
    failures: Mapping[str, int],
) -> Measurement:
    fakes = int(judged.truth.sum())
    if name == "precision" and not (judged.fake >= judged.threshold).any():
        reason = "undefined: nothing was called fake"
        return Measurement(value=None, n=fakes, reason=reason, failures=failures)
    if name == "calibration_error":
        missing: tuple[str, ...] = ("no interval: resampling moves a calibration error upwards",)
    else:
        missing = () if interval else (f"no interval: fewer than {FEWEST} clusters in a class",)
    return Measurement(
        value=value,
        interval=interval,
        n=fakes,
        n_real=len(judged.truth) - fakes,
        replicates=replicates,
        flags=(*flags.get(name, ()), *missing),
        failures=failures,
    )


def _flags(judged: Judged, found: Mapping[str, float]) -> dict[str, tuple[str, ...]]:
    flags: dict[str, tuple[str, ...]] = {}
    reals = int((~judged.truth).sum())
    if reals * SMALL_RATE < 1.0:
        flags["tpr_at_1pct_fpr"] = (f"{reals} real items cannot show a false-alarm rate of 1 %: here it is 0 %",)
    if judged.fake.min() == judged.fake.max():
        flags |= {name: (EQUAL, *flags.get(name, ())) for name in RANKED}
    elif found["auc"] < 0.5:
        sure = area_interval(judged.fake, judged.truth, judged.clusters, level=0.99)
        if sure is not None and sure.high < 0.5:
            flags |= {name: (FLIPPED, *flags.get(name, ())) for name in METRICS}
    return flags


def _replicates(judged: Judged) -> dict[str, tuple[float, ...]]:
    """Return each measure with each block left out, where `FEWEST` blocks at least leave both classes behind."""
    blocks = np.array(judged.blocks)
    weights = (np.arange(int(blocks.max()) + 1)[:, None] != blocks[None, :]).astype(np.float64)
    both = (weights[:, judged.truth].sum(1) > 0) & (weights[:, ~judged.truth].sum(1) > 0)
    if both.sum() < FEWEST:
        return dict.fromkeys(METRICS, ())
    left = weighted(judged.fake, judged.truth, weights[both], judged.threshold)
    return {name: tuple(np.nan_to_num(left[name], nan=0.0).tolist()) for name in METRICS}


def false_alarms(judged: Judged) -> Measurement:
    """Return the share of items taken for fake, in [0, 1], of a set in which none is."""
    usable = np.isfinite(judged.fake)
    failures = {"not finite": int((~usable).sum())} if not usable.all() else {}
    if failures:
        judged = judged.only(usable)
    count = len(judged.fake)
    if not count:
        return Measurement(value=None, n=0, reason="no items", failures=failures)
    alarms = judged.fake >= judged.threshold
    home = np.array(judged.blocks)
    left_out = [alarms[home != b] for b in range(home.max() + 1)]
    replicates = tuple(float(left.mean()) for left in left_out if len(left)) if home.max() else ()
    return Measurement(
        value=float(alarms.mean()),
        interval=wilson(alarms, judged.clusters, cluster=_cluster_name(judged.clusters), scores=judged.fake),
        n=count,
        replicates=replicates if len(replicates) >= FEWEST else (),
        failures=failures,
    )


def _why_not(judged: Judged) -> str | None:
    if not len(judged.fake):
        return "no items were scored"
    if judged.truth.all() or not judged.truth.any():
        return f"only {'fake' if judged.truth.any() else 'real'} items in the test set"
    return None


def _cluster_name(labels: Sequence[Label]) -> str:
    clusters = Clusters.of(labels)
    if clusters.crossed:
        return "two identities"
    return "item" if clusters.single else "cluster"


def _rate_intervals(judged: Judged) -> dict[str, Interval | None]:
    """Return intervals of what two rates decide: the recall of the fakes and the false alarms among the real items.

    Each rate has Wilson's interval on its own effective sample size. Accuracy, a weighted sum of both, joins them by
    the recovered variances of Zou and Donner (2008, equation 3). Precision and F1 rise with the one and fall with the
    other: their ends are reached where both intervals, at 97.5 %, have theirs, so that they hold at 95 % at least.
    """
    decided = judged.fake >= judged.threshold
    rates, single, joint = {}, {}, {}
    for name, member in (("recall", judged.truth), ("alarms", ~judged.truth)):
        labels = [label for label, used in zip(judged.clusters, member, strict=True) if used]
        if 1 < len(labels) != len(set(labels)) < FEWEST:
            return dict.fromkeys(DECIDED)
        rates[name] = float(decided[member].mean())
        of_class = judged.fake[member]
        single[name] = wilson(decided[member], labels, cluster=_cluster_name(labels), scores=of_class)
        joint[name] = wilson(decided[member], labels, level=0.975, scores=of_class)
    recall, alarms, wide, wider = single["recall"], single["alarms"], joint["recall"], joint["alarms"]
    if recall is None or alarms is None or wide is None or wider is None:
        return {**dict.fromkeys(DECIDED), "recall": recall}
    share, cluster = float(judged.truth.mean()), _cluster_name(judged.clusters)

    def joined(weight: float) -> Interval:
        value = weight * rates["recall"] + (1 - weight) * (1 - rates["alarms"])
        below = np.hypot(weight * (rates["recall"] - recall.low), (1 - weight) * (alarms.high - rates["alarms"]))
        above = np.hypot(weight * (recall.high - rates["recall"]), (1 - weight) * (rates["alarms"] - alarms.low))
        return _within(float(value - below), float(value + above), "wilson of both classes, joined", cluster)

    def precision(hit: float, alarm: float) -> float:
        return share * hit / (share * hit + (1 - share) * alarm) if hit + alarm else 0.0

    def f1(hit: float, alarm: float) -> float:
        return 2 * share * hit / (share * hit + (1 - share) * alarm + share)

    corners = "wilson of both classes at 97.5 %"
    return {
        "accuracy": joined(share),
        "balanced_accuracy": joined(0.5),
        "precision": _within(precision(wide.low, wider.high), precision(wide.high, wider.low), corners, cluster),
        "recall": recall,
        "specificity": replace(alarms, low=1.0 - alarms.high, high=1.0 - alarms.low),
        "f1": _within(f1(wide.low, wider.high), f1(wide.high, wider.low), corners, cluster),
    }


def _within(low: float, high: float, method: str, cluster: str) -> Interval:
    return Interval(low=max(0.0, low), high=min(1.0, high), method=method, cluster=cluster)


def _bootstrap_intervals(judged: Judged, generator: np.random.Generator) -> dict[str, Interval | None]:
    """Bootstrap over clusters: those of real items, of fakes and of both apart; expanded for few clusters.

    Where every draw of a rate is 0 or 1 the bootstrap sees no spread; then it has Wilson's interval on the number of
    clusters in the class that has fewer.
    """
    clusters = Clusters.of(judged.clusters)
    fewest = min(int(clusters.members(member).sum()) for member in (judged.truth, ~judged.truth))
    if fewest < FEWEST:
        return dict.fromkeys(_BOOTSTRAPPED)
    strata, step = by_class(clusters, judged.truth), max(1, 2_000_000 // len(judged.fake))
    drawn: dict[str, list[Floats]] = {name: [] for name in _BOOTSTRAPPED}
    for start in range(0, DRAWS, step):
        weights = clusters.draws(generator, min(step, DRAWS - start), strata)
        part = weighted(judged.fake, judged.truth, weights, judged.threshold)
        for name, parts in drawn.items():
            parts.append(part[name])
    tail, cluster = bootstrap_tail(fewest), _cluster_name(judged.clusters)
    method = "pigeonhole-bootstrap" if clusters.crossed else "cluster-bootstrap"
    found: dict[str, Interval | None] = {}
    for name, parts in drawn.items():
        every = np.concatenate(parts)
        every = every[np.isfinite(every)]
        if every.min() == every.max() and every[0] in (0.0, 1.0) and name in RANKED:
            edge = wilson(np.full(fewest, every[0]), [str(i) for i in range(fewest)])
            found[name] = replace(edge, method="wilson on the fewer clusters", cluster=cluster) if edge else None
            continue
        low, high = np.quantile(every, [tail, 1 - tail])
        found[name] = Interval(low=float(low), high=float(high), method=method, cluster=cluster)
    return found
