"""How well a detector tells fake from real: accuracy, precision, recall, F1 and AUC, each with an interval."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .blocks import FEWEST
from .intervals import wilson
from .score import Interval, Measurement

DRAWS = 1000
"""Bootstrap draws for F1 and AUC."""
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

    Accuracy, precision and recall are rates with Wilson's interval on the effective sample size; F1 and AUC have a
    percentile bootstrap over clusters, real and fake apart. A set of one class, or without items, has no AUC,
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
    block_count = int(blocks.max()) + 1
    drawn = _bootstrap(judged, {name: statistics[name] for name in ("f1", "auc")}, generator)
    found = {}
    for name in METRICS:
        value = statistics[name](judged.fake, judged.truth)
        replicates = tuple(
            statistics[name](judged.fake[blocks != b], judged.truth[blocks != b]) for b in range(block_count)
        )
        interval = drawn.get(name) or _rate_interval(name, judged)
        found[name] = Measurement(
            value=value,
            interval=interval,
            n=int(judged.truth.sum()),
            n_real=int((~judged.truth).sum()),
            replicates=replicates if block_count >= FEWEST else (),
        )
    return found


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


def _rate_interval(name: str, judged: Judged) -> Interval | None:
    decided = judged.fake >= judged.threshold
    entered = {"accuracy": np.ones_like(judged.truth), "precision": decided, "recall": judged.truth}[name]
    hits = (decided == judged.truth)[entered]
    labels = [label for label, used in zip(judged.clusters, entered, strict=True) if used]
    return wilson(hits, labels, cluster=_cluster_name(labels)) if labels else None


def _bootstrap(judged: Judged, statistics: dict[str, Statistic], generator: np.random.Generator) -> dict[str, Interval]:
    """Percentile bootstrap over clusters, real and fake apart, so that no draw is of one class."""
    labels = np.array(judged.clusters)
    classes = []
    for member in (judged.truth, ~judged.truth):
        rows = np.flatnonzero(member)
        order = [rows[labels[rows] == label] for label in dict.fromkeys(labels[rows].tolist())]
        classes.append(order)
    values: dict[str, list[float]] = {name: [] for name in statistics}
    for _ in range(DRAWS):
        picked = [groups[i] for groups in classes for i in generator.integers(len(groups), size=len(groups))]
        rows = np.concatenate(picked)
        fake, truth = judged.fake[rows], judged.truth[rows]
        for name, statistic in statistics.items():
            values[name].append(_fast(name, statistic, fake, truth, judged.threshold))
    cluster = _cluster_name(labels)
    found = {}
    for name, drawn in values.items():
        low, high = np.quantile(drawn, [0.025, 0.975])
        found[name] = Interval(low=float(low), high=float(high), method="cluster-bootstrap", cluster=cluster)
    return found


def _fast(name: str, statistic: Statistic, fake: Floats, truth: NDArray[np.bool_], threshold: float) -> float:
    """Compute F1 and AUC without scikit-learn's checks, which take most of the time in a bootstrap."""
    if name == "f1":
        decided = fake >= threshold
        hits = float((decided & truth).sum())
        return 2 * hits / max(float(decided.sum() + truth.sum()), 1.0)
    if name == "auc":
        from scipy.stats import rankdata

        positives = int(truth.sum())
        ranks = float(rankdata(fake)[truth].sum())
        return (ranks - positives * (positives + 1) / 2) / (positives * (len(truth) - positives))
    return statistic(fake, truth)
