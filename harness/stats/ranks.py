"""Ranks with intervals that hold together, and the set of systems that may be the best.

From k estimates and what each cluster adds to them, a bootstrap over clusters draws the largest studentised error: over
all pairs for the rank intervals, over all rivals of one system for the set of the best.

*Rank intervals* (Mogstad, Romano, Shaikh & Wilhelm 2024): with all pairwise intervals at once at level
1 - alpha, the rank of a system is at least 1 + the number of systems surely better, and at most k - the number surely
worse. All k intervals hold together with probability 1 - alpha.

*Set of the best* (Hsu 1984, with critical values from the same bootstrap): a system stays unless some other is better
by more than q_j standard errors, q_j the one-sided quantile over its rivals. The true best is inside with probability
1 - alpha.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .clusters import Floats

DRAWS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """What the numbers say about an order of k systems."""

    low: tuple[int, ...]
    """Best rank each may have; 1 is best."""
    high: tuple[int, ...]
    """Worst rank each may have."""
    best: tuple[bool, ...]
    """Inside the set of the best."""


def ranking(
    estimates: ArrayLike,
    contributions: ArrayLike,
    generator: np.random.Generator,
    *,
    lower: bool = False,
    alpha: float = 0.05,
    draws: int = DRAWS,
) -> Ranking:
    """Rank k systems.

    Args:
        estimates: (k,).
        contributions: (k, G) what each of G independent clusters adds to the error of each estimate, so that the sum of
            their squares times G / (G - 1) is its variance; see `Areas.contributions` and `block_contributions`.
        generator: Draws the bootstrap samples.
        lower: Lower estimates are better.
        alpha: 1 less the level.
        draws: Bootstrap draws.

    Raises:
        ValueError: Shapes that do not fit, or fewer than 2 clusters.
    """
    values, parts = np.asarray(estimates, np.float64), np.asarray(contributions, np.float64)
    if values.ndim != 1 or parts.ndim != 2 or len(parts) != len(values) or parts.shape[1] < 2:
        raise ValueError(f"estimates {values.shape} do not fit contributions {parts.shape} of at least 2 clusters")
    count = len(values)
    if count < 2:
        return Ranking(low=(1,) * count, high=(1,) * count, best=(True,) * count)
    values = -values if lower else values
    first, second = np.triu_indices(count, 1)
    errors, drawn = _studentised(parts[first] - parts[second], generator, draws)
    gap = values[first] - values[second]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(errors > 0.0, gap / errors, np.where(gap == 0.0, 0.0, np.sign(gap) * np.inf))
    critical = _upper(np.abs(drawn).max(axis=1), alpha)
    ahead = np.zeros((count, count), dtype=bool)  # [i, j]: i is surely better than j
    ahead[first, second] = ratio > critical
    ahead[second, first] = ratio < -critical
    best = []
    for system in range(count):
        sign = np.where(first == system, -1.0, 1.0)[(first == system) | (second == system)]
        rivals = (first == system) | (second == system)
        limit = _upper((drawn[:, rivals] * sign).max(axis=1), alpha)
        best.append(bool((ratio[rivals] * sign <= limit).all()))
    return Ranking(
        low=tuple(int(n) for n in 1 + ahead.sum(axis=0)),
        high=tuple(int(n) for n in count - ahead.sum(axis=1)),
        best=tuple(best),
    )


def block_contributions(replicates: ArrayLike) -> Floats:
    """Turn delete-a-block replicates (k, B) into contributions (k, B), by what leaving a block out changes."""
    left = np.asarray(replicates, np.float64)
    blocks = left.shape[1]
    changed: Floats = (left.mean(axis=1, keepdims=True) - left) * ((blocks - 1) / blocks)
    return changed


def _upper(largest: NDArray[np.float64], alpha: float) -> float:
    return float(np.quantile(largest, 1.0 - alpha, method="higher"))


def _studentised(parts: Floats, generator: np.random.Generator, draws: int) -> tuple[Floats, Floats]:
    """Return standard errors (P,) and bootstrap errors over their own standard errors (draws, P)."""
    groups = parts.shape[1]
    centred = parts - parts.mean(axis=1, keepdims=True)
    errors = np.sqrt(groups / (groups - 1) * (centred**2).sum(axis=1))
    times = generator.multinomial(groups, np.full(groups, 1 / groups), size=draws).astype(np.float64)
    moved = times @ centred.T
    spread = times @ (centred**2).T - moved**2 / groups
    own = np.sqrt(groups / (groups - 1) * np.maximum(spread, 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = np.where(own > 1e-12 * errors, moved / own, 0.0)
    return errors, drawn
