"""How the built-in detectors choose checkpoint and threshold, always on validation; and what is true of an item."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fauxbench import Item

Scores = NDArray[np.float64]
Truth = NDArray[np.bool_]


def is_fake(item: Item, target: str) -> bool:
    """Return the truth that a detector with this target is trained on and scored against."""
    return {"visual": item.visual_fake, "audio": item.audio_fake, "any": item.visual_fake or item.audio_fake}[target]


def learned_from(items: Iterable[Item], target: str) -> dict[str, dict[str, int]]:
    """Return how many items of each group a detector learned from, as real and as fake."""
    found: dict[str, Counter[str]] = {"real": Counter(), "fake": Counter()}
    for item in items:
        found["fake" if is_fake(item, target) else "real"][item.group] += 1
    return {name: dict(sorted(counts.items())) for name, counts in found.items()}


def probability(logits: NDArray[Any]) -> Scores:
    """Return the logistic function of logits, in float64."""
    values = np.asarray(logits, dtype=np.float64)
    return np.asarray(0.5 * (1.0 + np.tanh(values / 2.0)))


def pooled(logits: NDArray[Any], owners: NDArray[np.intp]) -> Scores:
    """Return P(fake) (items,) of rows of logits (rows, T): the logistic function of each item's mean logit.

    Args:
        logits: Of every window.
        owners: (rows,) the place of each row's item, 0 to items - 1, ascending; every item has a row.
    """
    means = np.asarray(logits, dtype=np.float64).mean(axis=1)
    return probability(np.bincount(owners, means) / np.bincount(owners))


def ranking_loss(scores: Scores, truth: Truth, choose_by: str) -> float:
    """Return what the best checkpoint has least of: the log loss, or 1 - AUC."""
    return log_loss(scores, truth) if choose_by == "log_loss" else 1.0 - auc(scores, truth)


def log_loss(scores: Scores, truth: Truth) -> float:
    """Return the mean negative log likelihood, both classes with the same weight, in nats."""
    clipped = np.clip(scores, 1e-7, 1.0 - 1e-7)
    return float(-(np.log(clipped[truth]).mean() + np.log1p(-clipped[~truth]).mean()) / 2.0)


def auc(scores: Scores, truth: Truth) -> float:
    """Return the share of (fake, real) pairs in the right order; a tie counts half."""
    real = np.sort(scores[~truth])
    below = np.searchsorted(real, scores[truth], side="left") + np.searchsorted(real, scores[truth], side="right")
    return float(below.mean() / (2.0 * len(real)))


def best_threshold(scores: Scores, truth: Truth) -> float:
    """Return the threshold in [0, 1] with the best balanced accuracy of `score >= threshold`; of equals, nearest 0.5.

    Candidates are 0, 0.5, 1 and the points half way between neighbouring scores (Youden 1950).
    """
    values = np.unique(scores)
    candidates = np.concatenate([(values[1:] + values[:-1]) / 2.0, [0.0, 0.5, 1.0]])
    called = scores[None, :] >= candidates[:, None]
    balanced = (called[:, truth].mean(axis=1) + (~called[:, ~truth]).mean(axis=1)) / 2.0
    best = candidates[np.isclose(balanced, balanced.max(), rtol=0.0, atol=1e-12)]
    return float(best[np.argmin(np.abs(best - 0.5))])
