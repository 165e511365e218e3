"""What training data were good for: balanced accuracy by item, its gain, and how many real pictures it stands for.

A classifier is trained S times; of each training we know which of N test items it told right. Its balanced accuracy is
the mean over classes of the share told right.

*Gain*: the paired difference of two such classifiers, from delete-a-block replicates and the variance between trainings
(`compare.difference`).

*Worth*: on the learning curve of real pictures alone, made monotone by least squares and read in log n, the number of
real pictures that gives the accuracy reached, less the real pictures that were learnt from. Its interval is a
bootstrap over clusters of test items and over trainings. Beyond the ends of the curve it is not extrapolated: the end
is the answer, and a flag says so.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .blocks import FEWEST, blocks
from .clusters import Clusters, Floats, Label
from .compare import Difference, Replicated, difference
from .intervals import bootstrap_tail
from .score import Interval, Measurement

DRAWS = 1000
FLAT = "more real pictures alone did not help: their learning curve does not rise"
AT_LEAST = "at least: above the learning curve of all real pictures"
AT_MOST = "at most: below the learning curve of the fewest real pictures"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a classifier told of the test items, once for each training."""

    right: NDArray[np.bool_]
    """(S, N)."""
    classes: NDArray[np.intp]
    """(N,) the true class of each item."""
    labels: tuple[Label, ...]
    """(N,) clusters."""
    real: int
    """Real pictures that it learnt from."""
    synthetic: int = 0

    def accuracies(self, weights: Floats | None = None) -> Floats:
        """Return the balanced accuracies (S, D) under weightings (D, N) of the items; NaN where a class has none."""
        given = np.ones((1, self.right.shape[1])) if weights is None else weights
        recalls = []
        for one in np.unique(self.classes):
            member = given * (self.classes == one)
            with np.errstate(invalid="ignore"):
                recalls.append((self.right @ member.T) / member.sum(1))
        found: Floats = np.mean(recalls, axis=0)
        return found

    def replicated(self) -> Replicated:
        """Return the accuracy of each training with its replicates, one block of test clusters left out.

        Raises:
            ValueError: Too few clusters, or a class that stands in one block alone.
        """
        home = blocks([one if isinstance(one, str) else one[0] for one in self.labels])
        count = int(home.max()) + 1
        if count < FEWEST:
            raise ValueError(f"test items in {count} clusters, {FEWEST} are needed")
        left = np.array([home != block for block in range(count)], dtype=np.float64)
        return Replicated(self.accuracies()[:, 0], self.accuracies(left))


def accuracy(told: Told, seed: int) -> Measurement:
    """Return the balanced accuracy of one training."""
    value = float(told.accuracies()[seed, 0])
    replicates: tuple[float, ...] = ()
    try:
        replicates = tuple(float(one) for one in told.replicated().replicates[seed])
    except ValueError:
        return Measurement(value=value, n=told.right.shape[1], n_real=told.real)
    interval = _jackknife(value, replicates)
    return Measurement(value=value, interval=interval, n=told.right.shape[1], n_real=told.real, replicates=replicates)


def _jackknife(value: float, replicates: Sequence[float]) -> Interval:
    from .compare import quantile

    ones, count = np.asarray(replicates), len(replicates)
    error = math.sqrt((count - 1) / count * float(((ones - ones.mean()) ** 2).sum()))
    half = quantile(0.975, count - 1.0) * error
    low, high = max(0.0, value - half), min(1.0, value + half)
    return Interval(low=low, high=high, method=f"jackknife-{count}", cluster="cluster")


def gain(base: Told, other: Told) -> Difference:
    """Return the balanced accuracy of `other` less that of `base`, which met the same test items.

    Raises:
        ValueError: Too few clusters for a test.
    """
    return difference(base.replicated(), other.replicated())


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """How many real pictures something stood for."""

    value: float | None
    low: float | None = None
    high: float | None = None
    flags: tuple[str, ...] = ()
    reason: str | None = None


def worth(curve: Sequence[Told], other: Told, generator: np.random.Generator) -> Worth:
    """Return how many real pictures the synthetic ones in `other` were worth.

    Args:
        curve: Classifiers of real pictures alone, fewest first; of the same test items.
        other: One that learnt from synthetic pictures too.
        generator: Draws clusters and trainings.
    """
    counts = np.log(np.array([one.real for one in curve], dtype=np.float64))
    seen = np.array([one.accuracies().mean() for one in curve])
    height = float(other.accuracies().mean())
    if not monotone(seen)[-1] > monotone(seen)[0]:
        return Worth(value=None, reason=FLAT)
    value, flag = equivalent(height, counts, seen)
    flags = (flag,) if flag else ()
    clusters = Clusters.of(other.labels)
    if clusters.count < FEWEST:
        return Worth(value=value - other.real, flags=(*flags, f"no interval: fewer than {FEWEST} clusters"))
    weights = clusters.draws(generator, DRAWS)
    drawn = np.array([_retrained(one.accuracies(weights), generator) for one in (*curve, other)])
    usable = np.isfinite(drawn).all(axis=0)
    found = [equivalent(float(row[-1]), counts, row[:-1])[0] - other.real for row in drawn[:, usable].T]
    tail = bootstrap_tail(clusters.count)
    low, high = np.quantile(found, [tail, 1.0 - tail])
    return Worth(value=value - other.real, low=float(low), high=float(high), flags=flags)


def _retrained(accuracies: Floats, generator: np.random.Generator) -> Floats:
    """Return means (D,) over trainings drawn anew, from accuracies (S, D)."""
    seeds, draws = accuracies.shape
    chosen = generator.integers(0, seeds, (seeds, draws))
    means: Floats = np.take_along_axis(accuracies, chosen, axis=0).mean(axis=0)
    return means


def monotone(values: Floats) -> Floats:
    """Return the nearest values that never fall, in least squares."""
    from scipy.optimize import isotonic_regression

    return np.asarray(isotonic_regression(values).x, dtype=np.float64)


def equivalent(height: float, log_counts: Floats, heights: Floats) -> tuple[float, str]:
    """Return the number of real pictures that gives an accuracy, and a flag beyond the ends of the curve."""
    curve = monotone(heights)
    if height > curve[-1]:
        return float(np.exp(log_counts[-1])), AT_LEAST
    if height < curve[0]:
        return float(np.exp(log_counts[0])), AT_MOST
    after = int(np.searchsorted(curve, height, side="left"))  # of a flat stretch, its beginning
    if curve[after] == height or after == 0:
        return float(np.exp(log_counts[after])), ""
    rise = (height - curve[after - 1]) / (curve[after] - curve[after - 1])
    return float(np.exp(log_counts[after - 1] + rise * (log_counts[after] - log_counts[after - 1]))), ""
