"""Every measure of a detector under many weightings of its items at once: what bootstrap and jackknife need.

The values that tables print are scikit-learn's; these are the same numbers (the tests hold them together), computed
from one sort for thousands of weightings.
"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BINS = 15
"""Bins of equal width of the calibration error."""
SMALL_RATE = 0.01
"""False-alarm rate of `tpr_at_1pct_fpr`."""
CELLS = 2_000_000
"""Weights handled at once."""


def weighted(scores: Floats, truth: NDArray[np.bool_], weights: Floats, threshold: float) -> Mapping[str, Floats]:
    """Return every measure, (D,), for D weightings.

    Args:
        scores: (N,) P(fake) in [0, 1].
        truth: (N,) True = fake.
        weights: (D, N), not negative.
        threshold: P(fake) from which an item is called fake.

    Returns:
        Name -> (D,), NaN where a weighting leaves the measure undefined.
    """
    step = max(1, CELLS // max(1, len(scores)))
    parts = [_part(scores, truth, weights[start : start + step], threshold) for start in range(0, len(weights), step)]
    return MappingProxyType({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})


def _part(scores: Floats, truth: NDArray[np.bool_], weights: Floats, threshold: float) -> dict[str, Floats]:
    fake, real = weights * truth, weights * ~truth
    with np.errstate(divide="ignore", invalid="ignore"):
        return _decided(fake, real, scores >= threshold) | _curves(fake, real, scores) | _probable(fake, real, scores)


def _decided(fake: Floats, real: Floats, called: NDArray[np.bool_]) -> dict[str, Floats]:
    hits, alarms = fake @ called, real @ called
    fakes, reals = fake.sum(1), real.sum(1)
    recall, specificity = hits / fakes, 1.0 - alarms / reals
    return {
        "accuracy": (hits + reals - alarms) / (fakes + reals),
        "balanced_accuracy": (recall + specificity) / 2.0,
        "precision": hits / (hits + alarms),
        "recall": recall,
        "specificity": specificity,
        "f1": 2.0 * hits / (hits + alarms + fakes),
    }


def _curves(fake: Floats, real: Floats, scores: Floats) -> dict[str, Floats]:
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    hits, alarms = (np.cumsum(side[:, order], axis=1)[:, last] for side in (fake, real))
    precision = hits / np.maximum(hits + alarms, np.finfo(float).tiny)
    tpr, fpr = hits / hits[:, -1:], alarms / alarms[:, -1:]
    tpr, fpr = (np.concatenate([np.zeros((len(rate), 1)), rate], axis=1) for rate in (tpr, fpr))
    rise, run = np.diff(tpr, axis=1), np.diff(fpr, axis=1)
    undefined = ~(np.isfinite(tpr[:, -1]) & np.isfinite(fpr[:, -1]))
    found = {
        "auc": (run * (tpr[:, 1:] + tpr[:, :-1]) / 2.0).sum(1),
        "ap": (rise * precision).sum(1),
        "eer": _crossing(tpr, fpr),
        "tpr_at_1pct_fpr": np.where(fpr <= SMALL_RATE + 1e-12, tpr, 0.0).max(axis=1),
    }
    return {name: np.where(undefined, np.nan, values) for name, values in found.items()}


def _crossing(tpr: Floats, fpr: Floats) -> Floats:
    """Return where misses and false alarms are equally frequent, on straight lines between the curve's points."""
    gap = 1.0 - tpr - fpr
    after = np.argmax(gap <= 0.0, axis=1)
    before, rows = np.maximum(after - 1, 0), np.arange(len(gap))
    drop = gap[rows, before] - gap[rows, after]
    share = np.where(drop > 0.0, gap[rows, before] / np.where(drop > 0.0, drop, 1.0), 0.0)
    crossing: Floats = fpr[rows, before] + share * (fpr[rows, after] - fpr[rows, before])
    return crossing


def _probable(fake: Floats, real: Floats, scores: Floats) -> dict[str, Floats]:
    total = fake.sum(1) + real.sum(1)
    edge = np.finfo(np.float64).eps  # as scikit-learn's log_loss
    certain = np.clip(scores, edge, 1.0 - edge)
    bins = np.eye(BINS)[calibration_bins(scores)]
    gaps = np.abs((fake * (scores - 1.0) + real * scores) @ bins)
    return {
        "log_loss": -(fake @ np.log(certain) + real @ np.log1p(-certain)) / total,
        "brier": (fake @ (1.0 - scores) ** 2 + real @ scores**2) / total,
        "calibration_error": gaps.sum(1) / total,
    }


def calibration_bins(scores: Floats) -> NDArray[np.intp]:
    """Return the bin of each score, (N,) in [0, BINS)."""
    return np.minimum((scores * BINS).astype(np.intp), BINS - 1)
