"""Two systems before one detector, item by item: which test each measure gets.

| measure | test |
|---|---|
| auc | clustered DeLong (Obuchowski 1997), `auc.py` |
| what is a mean over items: accuracy, recall, log loss, ... | permutation of whole clusters, `paired.py` |
| the rest, and means where the items do not pair | bootstrap over clusters, both sides drawn together |

Items pair by id: systems are asked for the same requests, and a test set of real items is one and the same.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .auc import area_difference
from .blocks import FEWEST
from .clusters import Clusters, Floats, Label, by_class
from .compare import Difference, from_error
from .lines import ALARMS, Line, Question, taken
from .paired import paired_difference
from .weighted import weighted

DRAWS = 1000
EDGE = float(np.finfo(np.float64).eps)
MEANS = ("accuracy", "balanced_accuracy", "recall", "specificity", "log_loss", "brier", ALARMS)
"""Measures that are means over items."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """Scores of two sets by one detector; what a side does not have is NaN."""

    a: Floats
    """(N,) P(fake)."""
    b: Floats
    truth: NDArray[np.bool_]
    """(N,) True = fake."""
    labels: tuple[Label, ...]

    @property
    def both(self) -> NDArray[np.bool_]:
        """(N,) whether both sides have the item."""
        return np.isfinite(self.a) & np.isfinite(self.b)


def sides(a: Sequence[Sequence[Line]], b: Sequence[Sequence[Line]], question: Question) -> Sides:
    """Put two sides together.

    Args:
        a: Test lines of each set of side A, for instance those of real items and of fakes.
        b: Those of side B, in the same order.
        question: How scores are read; `intersect` leaves out what either side lacks.
    """
    scores: list[tuple[float, float]] = []
    truth: list[bool] = []
    labels: list[Label] = []
    for mine, theirs in zip(a, b, strict=True):
        found, other = _by_item(mine, question), _by_item(theirs, question)
        for item in dict.fromkeys((*found, *other)):
            left, right = found.get(item), other.get(item)
            if left and right and left[1:] == right[1:]:
                scores.append((left[0], right[0]))
                truth.append(left[1])
                labels.append(left[2])
                continue
            for one, place in ((left, 0), (right, 1)):
                if one:
                    scores.append((one[0], math.nan) if place == 0 else (math.nan, one[0]))
                    truth.append(one[1])
                    labels.append(one[2])
    table = np.array(scores, dtype=np.float64).reshape(-1, 2)
    made = Sides(a=table[:, 0], b=table[:, 1], truth=np.array(truth, dtype=bool), labels=tuple(labels))
    return _intersected(made) if question.missing == "intersect" else made


def _by_item(lines: Sequence[Line], question: Question) -> dict[str, tuple[float, bool, Label]]:
    found = taken(lines, question)
    entries = zip(found.items, found.fake.tolist(), found.truth.tolist(), found.clusters, strict=True)
    return {str(lines[int(item)]["item"]): (score, fake, label) for item, score, fake, label in entries}


def _intersected(made: Sides) -> Sides:
    """Drop the items of a class that only one side has, where the sides share any of it."""
    kept = np.ones(len(made.truth), dtype=bool)
    for member in (made.truth, ~made.truth):
        if (made.both & member).any():
            kept &= made.both | ~member
    rows = np.flatnonzero(kept)
    return Sides(a=made.a[rows], b=made.b[rows], truth=made.truth[rows], labels=tuple(made.labels[row] for row in rows))


def difference_of(
    metric: str,
    of: Sides,
    threshold: float | None | tuple[float | None, float | None],
    generator: np.random.Generator,
    *,
    alpha: float = 0.05,
) -> tuple[Difference, str]:
    """Return the difference b - a of a measure, and the test in words.

    Args:
        metric: One of `classification.METRICS`, or `false_alarm_rate`.
        of: The scores.
        threshold: P(fake) from which an item is called fake, for measures of decisions; two, where the sides have one
            each.
        generator: Draws permutations and bootstrap samples.
        alpha: 1 less the level of the interval.

    Raises:
        ValueError: Too few clusters, or a class without items.
    """
    given = threshold if isinstance(threshold, tuple) else (threshold, threshold)
    at = tuple(0.5 if one is None else one for one in given)
    if metric == "auc":
        return area_difference(of.a, of.b, of.truth, of.labels, alpha=alpha), "clustered DeLong"
    if metric in MEANS:
        first, second = (_values(metric, scores, of.truth, one) for scores, one in zip((of.a, of.b), at, strict=True))
        if _pairs(of):
            found = paired_difference(first, second, of.labels, generator, alpha=alpha)
            return found, "permutation of clusters"
    return _bootstrapped(metric, of, at, generator, alpha), "cluster bootstrap"


def _pairs(of: Sides) -> bool:
    """Whether most items of each class are on both sides."""
    classes = [member for member in (of.truth, ~of.truth) if member.any()]
    return all(of.both[member].mean() >= 0.5 for member in classes)


def _values(metric: str, scores: Floats, truth: NDArray[np.bool_], threshold: float) -> Floats:
    """Return (N,) values whose mean is the measure; NaN where an item has no part in it."""
    right = ((scores >= threshold) == truth).astype(np.float64)
    certain = np.clip(scores, EDGE, 1.0 - EDGE)
    fakes, reals = max(1, int(truth.sum())), max(1, int((~truth).sum()))
    share = np.where(truth, len(truth) / (2 * fakes), len(truth) / (2 * reals))
    found: Mapping[str, Floats] = {
        "accuracy": right,
        "balanced_accuracy": right * share,
        "recall": np.where(truth, right, np.nan),
        "specificity": np.where(truth, np.nan, right),
        "log_loss": -np.log(np.where(truth, certain, 1.0 - certain)),
        "brier": (scores - truth) ** 2,
        ALARMS: 1.0 - right,
    }
    return np.where(np.isfinite(scores), found[metric], np.nan)


def _bootstrapped(
    metric: str, of: Sides, thresholds: tuple[float, ...], generator: np.random.Generator, alpha: float
) -> Difference:
    clusters = Clusters.of(of.labels)
    if metric == ALARMS:
        return _unpaired_rate(of, thresholds, clusters, alpha)
    held = [int(clusters.members(member).sum()) for member in (of.truth, ~of.truth)]
    if min(held) < FEWEST:
        raise ValueError(f"fakes in {held[0]} and real items in {held[1]} clusters; a bootstrap needs {FEWEST} of each")
    draws = clusters.draws(generator, DRAWS, by_class(clusters, of.truth))
    weights = np.concatenate([np.ones((1, len(of.truth))), draws])
    values = []
    for scores, threshold in zip((of.a, of.b), thresholds, strict=True):
        rows = np.isfinite(scores)
        values.append(weighted(scores[rows], of.truth[rows], weights[:, rows], threshold)[metric])
    change = values[1][1:] - values[0][1:]
    change = change[np.isfinite(change)]
    if not (np.isfinite(values[0][0]) and np.isfinite(values[1][0]) and len(change) > DRAWS // 2):
        raise ValueError("undefined on one side")
    error = float(change.std(ddof=1)) * math.sqrt(min(held) / (min(held) - 1))
    return from_error((float(values[0][0]), float(values[1][0])), error, min(held) - 1.0, min(held), alpha=alpha)


def _unpaired_rate(of: Sides, thresholds: tuple[float, ...], clusters: Clusters, alpha: float) -> Difference:
    """Return the difference of two rates over items that do not pair, from the variance between clusters."""
    if clusters.count < 2:
        raise ValueError(f"items in {clusters.count} clusters; a test needs 2")
    residual, means = np.zeros(len(of.truth)), []
    for scores, sign, threshold in zip((of.a, of.b), (-1.0, 1.0), thresholds, strict=True):
        rows = np.isfinite(scores)
        if not rows.any():
            raise ValueError("no items on one side")
        alarms = (scores[rows] >= threshold).astype(np.float64)
        means.append(float(alarms.mean()))
        residual[rows] += sign * (alarms - means[-1]) / len(alarms)
    variance = float(clusters.products(residual[None], residual[None])[0, 0]) * clusters.count / (clusters.count - 1)
    error = math.sqrt(max(0.0, variance))
    return from_error((means[0], means[1]), error, clusters.count - 1.0, clusters.count, alpha=alpha)
