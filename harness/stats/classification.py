"""How well a detector tells fake from real: accuracy, precision, recall, F1 and AUC, each with an interval."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .blocks import FEWEST
from .intervals import t_quantile, wilson
from .score import Interval, Measurement

DRAWS = 1000
"""Bootstrap draws for AUC."""
METRICS = ("accuracy", "precision", "recall", "f1", "auc")

Floats = NDArray[np.float64]
Statistic = Callable[[Floats, NDArray[np.bool_]], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a detector said of a test set."""

    fake: Floats
    """(N,) P(fake) in [0, 1]."""
    truth: NDArray[np.bool_]
    """(N,) True = fake."""
    clusters: tuple[str, ...]
    """One label an item."""
    blocks: tuple[int, ...]
    """The block of each item: dealt over everything that was asked for, see `blocks_by_id`."""
    threshold: float


def _rates(threshold: float) -> dict[str, Statistic]:
    from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score, roc_auc_score

    def decided(score: Callable[..., float], **options: object) -> Statistic:
        return lambda fake, truth: float(score(truth, fake >= threshold, **options))

    return {
        "accuracy": decided(accuracy_score),
        "precision": decided(precision_score, zero_division=0.0),
        "recall": decided(recall_score, zero_division=0.0),
        "f1": decided(f1_score, zero_division=0.0),
        "auc": lambda fake, truth: float(roc_auc_score(truth, fake)),
    }


def judge(judged: Judged, generator: np.random.Generator) -> dict[str, Measurement]:
    """Return every metric of `METRICS` for one test set.

    Accuracy, precision, recall and F1 have intervals from Wilson's of both classes; AUC has a bootstrap over clusters,
    real and fake apart. A set of one class, or without items, has no AUC,
    precision or F1: the Measurement says why.

    Args:
        judged: Scores and truth.
        generator: Draws the bootstrap samples.
    """
    statistics = _rates(judged.threshold)
    count = len(judged.fake)
    reason = _why_not(judged)
    if reason:
        return {name: Measurement(value=None, n=count, reason=reason) for name in METRICS}
    blocks = np.array(judged.blocks)
    left_out = [b for b in range(int(blocks.max()) + 1) if _both_classes(judged.truth[blocks != b])]
    intervals = {**_rate_intervals(judged), "auc": _auc_interval(judged, generator)}
    found = {}
    for name in METRICS:
        if name == "precision" and not (judged.fake >= judged.threshold).any():
            reason = "undefined: nothing was called fake"
            found[name] = Measurement(value=None, n=int(judged.truth.sum()), reason=reason)
            continue
        replicates = tuple(statistics[name](judged.fake[blocks != b], judged.truth[blocks != b]) for b in left_out)
        found[name] = Measurement(
            value=statistics[name](judged.fake, judged.truth),
            interval=intervals[name],
            n=int(judged.truth.sum()),
            n_real=int((~judged.truth).sum()),
            replicates=replicates if len(left_out) >= FEWEST else (),
            flags=() if intervals[name] else (f"no interval: fewer than {FEWEST} clusters in a class",),
        )
    return found


def _both_classes(truth: NDArray[np.bool_]) -> bool:
    return bool(truth.any() and not truth.all())


def false_alarms(judged: Judged) -> Measurement:
    """Return the share of items taken for fake, in [0, 1], of a set in which none is."""
    count = len(judged.fake)
    if not count:
        return Measurement(value=None, n=0, reason="no items")
    alarms = judged.fake >= judged.threshold
    home = np.array(judged.blocks)
    replicates = tuple(float(alarms[home != b].mean()) for b in range(home.max() + 1)) if home.max() else ()
    return Measurement(
        value=float(alarms.mean()),
        interval=wilson(alarms, judged.clusters, cluster=_cluster_name(judged.clusters)),
        n=count,
        replicates=replicates if len(replicates) >= FEWEST else (),
    )


def _why_not(judged: Judged) -> str | None:
    if not len(judged.fake):
        return "no items were scored"
    if judged.truth.all() or not judged.truth.any():
        return f"only {'fake' if judged.truth.any() else 'real'} items in the test set"
    return None


def _cluster_name(labels: Sequence[str] | NDArray[np.str_]) -> str:
    return "item" if len(set(labels)) == len(labels) else "cluster"


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
            return dict.fromkeys(("accuracy", "precision", "recall", "f1"))
        rates[name] = float(decided[member].mean())
        single[name] = wilson(decided[member], labels, cluster=_cluster_name(labels))
        joint[name] = wilson(decided[member], labels, level=0.975)
    recall, alarms, wide, wider = single["recall"], single["alarms"], joint["recall"], joint["alarms"]
    if recall is None or alarms is None or wide is None or wider is None:
        return {"accuracy": None, "precision": None, "recall": recall, "f1": None}
    share, cluster = float(judged.truth.mean()), _cluster_name(judged.clusters)
    accuracy = share * rates["recall"] + (1 - share) * (1 - rates["alarms"])
    below = np.hypot(share * (rates["recall"] - recall.low), (1 - share) * (alarms.high - rates["alarms"]))
    above = np.hypot(share * (recall.high - rates["recall"]), (1 - share) * (rates["alarms"] - alarms.low))

    def corner(name: str, low: float, high: float) -> Interval:
        method = {"accuracy": "wilson of both classes, joined"}.get(name, "wilson of both classes at 97.5 %")
        return Interval(low=max(0.0, low), high=min(1.0, high), method=method, cluster=cluster)

    def precision(hit: float, alarm: float) -> float:
        return share * hit / (share * hit + (1 - share) * alarm) if hit + alarm else 0.0

    def f1(hit: float, alarm: float) -> float:
        return 2 * share * hit / (share * hit + (1 - share) * alarm + share)

    return {
        "accuracy": corner("accuracy", float(accuracy - below), float(accuracy + above)),
        "precision": corner("precision", precision(wide.low, wider.high), precision(wide.high, wider.low)),
        "recall": recall,
        "f1": corner("f1", f1(wide.low, wider.high), f1(wide.high, wider.low)),
    }


def _auc_interval(judged: Judged, generator: np.random.Generator) -> Interval | None:
    """Bootstrap over clusters, real and fake apart, expanded for few clusters as `cluster_bootstrap` is.

    Where every draw is 0 or 1 the bootstrap sees no spread; then AUC, the chance that a fake outscores a real item, has
    Wilson's interval on the number of clusters in the smaller class.
    """
    from scipy.special import ndtr

    labels = np.array(judged.clusters)
    classes = []
    for member in (judged.truth, ~judged.truth):
        rows = np.flatnonzero(member)
        classes.append([rows[labels[rows] == label] for label in dict.fromkeys(labels[rows].tolist())])
    fewest = min(len(groups) for groups in classes)
    if fewest < FEWEST:
        return None
    drawn = np.empty(DRAWS)
    for draw in range(DRAWS):
        picked = [groups[i] for groups in classes for i in generator.integers(len(groups), size=len(groups))]
        rows = np.concatenate(picked)
        drawn[draw] = _auc(judged.fake[rows], judged.truth[rows])
    cluster = _cluster_name(labels)
    if drawn.min() == drawn.max() and drawn[0] in (0.0, 1.0):
        edge = wilson(np.full(fewest, drawn[0]), [str(i) for i in range(fewest)])
        low, high = (edge.low, edge.high) if edge else (0.0, 1.0)
        return Interval(low=low, high=high, method="wilson on the fewer clusters", cluster=cluster)
    tail = float(ndtr(-math.sqrt(fewest / (fewest - 1)) * t_quantile(0.95, fewest - 1)))
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Interval(low=float(low), high=float(high), method="cluster-bootstrap", cluster=cluster)


def _auc(fake: Floats, truth: NDArray[np.bool_]) -> float:
    """Compute AUC from ranks: scikit-learn's checks would take most of the time in a bootstrap."""
    from scipy.stats import rankdata

    positives = int(truth.sum())
    ranks = float(rankdata(fake)[truth].sum())
    return (ranks - positives * (positives + 1) / 2) / (positives * (len(truth) - positives))
