"""Inception score: how sure a classifier is of each picture, and how varied its answers are."""

from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ..stats.intervals import jackknife_interval
from ..stats.score import Measurement
from .base import Evidence, Metric
from .sets import cluster_name, fault, flags_of, matrix, one_set, refused

SPLITS = 10


def inception_score(
    logits: ArrayLike, *, splits: int = SPLITS, order: ArrayLike | None = None
) -> tuple[float, NDArray[np.float64]]:
    """Inception score: exp of the mean KL divergence from each p(y|x) to their mean, averaged over splits.

    In float64. 1 if every picture gets the same answer; C if each of C classes is met equally often with certainty. It
    depends on the order of the items and on the number of splits, and says little of pictures (faces) that are none of
    the classes.

    Args:
        logits: (N, C) finite scores before the softmax, N >= splits.
        splits: Parts of about equal size; 10 as published.
        order: (N,) a permutation; None takes the items as they come.

    Returns:
        The mean over splits, in [1, C], and the (splits,) values.

    Raises:
        InputError: Wrong shape, fewer items than splits, NaN or infinity.

    References:
        Salimans et al. 2016, Improved Techniques for Training GANs, section 4.
    """
    scores = matrix(logits, "logits", least=max(1, splits)).astype(np.float64)
    if splits < 1:
        raise InputError(f"splits: expected 1 or more, found {splits}")
    if order is not None:
        scores = scores[np.asarray(order)]
    log_p = scores - scores.max(axis=1, keepdims=True)
    log_p -= np.log(np.exp(log_p).sum(axis=1, keepdims=True))
    edges = np.arange(splits + 1) * len(scores) // splits
    values = np.array([_of_split(log_p[low:high]) for low, high in pairwise(edges)])
    return float(values.mean()), values


def _of_split(log_p: NDArray[np.float64]) -> float:
    p = np.exp(log_p)
    mean = p.mean(axis=0)
    log_mean = np.log(mean, out=np.zeros_like(mean), where=mean > 0)
    return float(np.exp(np.sum(p * (log_p - log_mean), axis=1, where=p > 0).mean()))


class InceptionScore(Metric):
    """`is`: 10 splits in an order drawn from the seed; the interval is about the expectation at this N and split."""

    def measure(self, evidence: Evidence) -> Measurement:
        """Return the score of the synthetic set alone."""
        features = evidence.synthetic
        splits = int(evidence.parameters.get("splits", SPLITS))
        reason = fault(features, "synthetic", "logits", least=splits)
        if reason or features is None:
            return refused(evidence, reason or "no synthetic set")
        logits = np.asarray(features.arrays["logits"], dtype=np.float64)
        order = np.random.default_rng(evidence.seed).permutation(len(logits))
        value, _ = inception_score(logits, splits=splits, order=order)
        flags = flags_of(self.card, len(logits))
        dealt, count = one_set(features)
        smallest = len(logits) - int(np.bincount(dealt).max())
        if not count or smallest < splits:
            return Measurement(value=value, n=len(logits), flags=(*flags, "no interval: too few clusters"))
        replicates = [inception_score(logits, splits=splits, order=order[dealt[order] != j])[0] for j in range(count)]
        interval = jackknife_interval(
            value,
            replicates,
            shares=np.bincount(dealt, minlength=count) / len(logits),
            about="at-n",
            cluster=cluster_name(features.clusters),
            floor=1.0,
        )
        return Measurement(value=value, interval=interval, n=len(logits), replicates=tuple(replicates), flags=flags)
