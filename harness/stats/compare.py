"""The statistics of a difference between two systems, from delete-a-block jackknife replicates.

A row holds, for each training seed, the value and its replicates: the value with block j of the real items and of the
requests left out. Two comparable rows were cut into the same blocks, so that what both owe to the same items cancels
in their difference.

*One to two seeds on a side*: the difference is about these checkpoints. Its standard error is the jackknife's,
sqrt((B - 1) / B * sum_j (d_j - mean d)^2), with B - 1 degrees of freedom (Efron & Stein 1981; Kish & Frankel 1974 for
blocks). *Three seeds or more on both sides*: the difference is about the recipes. The variance of the difference of the
seed means has three parts: s_a^2 / S_a and s_b^2 / S_b between the seeds, with S - 1 degrees of freedom each, and what
all seeds share because they meet the same real items and requests. The shared part is the jackknife variance of the
seed-mean difference less what the jackknife finds in each seed alone, since that is within s^2 already; it is cut at
0 and has B - 1 degrees of freedom. The parts are joined after Welch (1947) and Satterthwaite (1946).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

About = Literal["checkpoint", "recipe"]

SEEDS_FOR_RECIPE = 3
"""Training seeds on each side from which a difference says something about the recipe."""

POWER = 0.80
"""Power at which the minimum detectable effect is stated."""

NOISE = 1e-12
"""Differences below this share of the larger value are rounding, not difference."""

ONE_SEED = "one training seed: what retraining would change is not known"

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Replicated:
    """The value of one row, by training seed, with its replicates."""

    values: Floats
    """(S,)."""
    replicates: Floats
    """(S, B): the value of each seed with block j left out."""

    def __post_init__(self) -> None:
        """Check the shapes.

        Raises:
            ValueError: Wrong shapes, fewer than two blocks, or a number that is not finite.
        """
        seeds, *rest = self.replicates.shape
        if self.values.shape != (seeds,) or len(rest) != 1 or seeds == 0:
            raise ValueError(f"values {self.values.shape} do not fit replicates {self.replicates.shape}")
        if rest[0] < 2:
            raise ValueError(f"{rest[0]} blocks: a difference needs at least 2")
        if not (np.isfinite(self.values).all() and np.isfinite(self.replicates).all()):
            raise ValueError("a value or replicate is not finite")

    @classmethod
    def of(cls, values: Sequence[float], replicates: Sequence[Sequence[float]]) -> "Replicated":
        """Build from plain numbers.

        Raises:
            ValueError: As for the class, or seeds with different numbers of blocks.
        """
        if len({len(row) for row in replicates}) > 1:
            raise ValueError("the seeds have different numbers of blocks")
        return cls(np.asarray(values, np.float64), np.atleast_2d(np.asarray(replicates, np.float64)))

    @property
    def seeds(self) -> int:
        """Number of training seeds."""
        return len(self.values)

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return int(self.replicates.shape[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What two rows say about b - a."""

    means: tuple[float, float]
    """Of a and of b, over their seeds."""
    value: float
    """Mean of b less that of a."""
    se: float
    """Standard error; 0 where nothing varies."""
    df: float
    """Degrees of freedom of the t distribution."""
    interval: tuple[float, float] | None
    """Two-sided, at level 1 - alpha; None where nothing varies and yet the difference is not 0."""
    p: float
    """Two-sided."""
    about: About
    seeds: tuple[int, int]
    blocks: int
    remark: str | None = None

    def detectable(self, alpha: float) -> float | None:
        """Return the smallest true difference that a test at `alpha` finds with 80 % power, None without variation.

        (t_(1 - alpha/2) + t_0.80) times the standard error, which is first freed of its median bias: from few degrees
        of freedom it is too small more often than too large, and the effect would be found in 70 % instead of 80 %.
        """
        if self.se == 0.0:
            return None
        from scipy import special

        unbiased = self.se * math.sqrt(self.df / float(special.chdtri(self.df, 0.5)))
        return (quantile(1.0 - alpha / 2.0, self.df) + quantile(POWER, self.df)) * unbiased


def quantile(probability: float, df: float) -> float:
    """Return the quantile of Student's t."""
    from scipy import special

    return float(special.stdtrit(df, probability))


def tail(t: float, df: float) -> float:
    """Return the probability that Student's t lies above `t`."""
    from scipy import special

    return float(special.stdtr(df, -t))


def jackknife_covariance(replicates: Floats) -> Floats:
    """Return the delete-a-block jackknife covariance (S, S) of the rows of `replicates` (S, B)."""
    blocks = replicates.shape[1]
    spread = replicates - replicates.mean(axis=1, keepdims=True)
    result: Floats = (blocks - 1) / blocks * (spread @ spread.T)
    return result


def difference(a: Replicated, b: Replicated, *, alpha: float = 0.05) -> Difference:
    """Return the difference b - a with its standard error, interval and two-sided p value.

    Where every block and seed gives the same difference there is no standard error. A difference of 0 then has p = 1.
    Any other has no interval, and p is that of the exact test that needs none: the sign test over blocks,
    2 / 2^B, or over recipes the permutation of the seeds, 2 / C(S_a + S_b, S_a), whichever is larger.

    Raises:
        ValueError: The two were cut into different numbers of blocks.
    """
    if a.blocks != b.blocks:
        raise ValueError(f"{a.blocks} blocks against {b.blocks}")
    about: About = "recipe" if min(a.seeds, b.seeds) >= SEEDS_FOR_RECIPE else "checkpoint"
    scale = max(float(np.abs(a.values).max()), float(np.abs(b.values).max()))
    means = float(a.values.mean()), float(b.values.mean())
    value = _settled(means[1] - means[0], NOISE * scale)
    variance, df = _recipe(a, b) if about == "recipe" else _checkpoint(a, b)
    se = _settled(math.sqrt(variance), NOISE * scale)
    if se == 0.0:
        interval, p, remark = _without_variation(value, a, b, about)
    else:
        half = quantile(1.0 - alpha / 2.0, df) * se
        interval, p, remark = (value - half, value + half), 2.0 * tail(abs(value) / se, df), None
    return Difference(
        means=means,
        value=value,
        se=se,
        df=df,
        interval=interval,
        p=p,
        about=about,
        seeds=(a.seeds, b.seeds),
        blocks=a.blocks,
        remark=remark,
    )


def from_error(
    means: tuple[float, float],
    error: float,
    df: float,
    clusters: int,
    *,
    alpha: float = 0.05,
    p: float | None = None,
    remark: str | None = None,
) -> Difference:
    """Return the difference of two means of one training seed each, from its standard error.

    Args:
        means: Of a and of b.
        error: Standard error of their difference.
        df: Degrees of freedom of the error.
        clusters: Independent clusters that it rests on.
        alpha: 1 less the level of the interval.
        p: Two-sided, of a test that needs no standard error; None means Student's t.
        remark: Of the caller.
    """
    noise = NOISE * max(abs(means[0]), abs(means[1]))
    value, se = _settled(means[1] - means[0], noise), _settled(error, noise)
    interval: tuple[float, float] | None
    if se == 0.0:
        interval, exact, why = _constant(value, 2.0 / 2.0 ** min(clusters, 1000))
        p = exact if p is None else p
        remark = "; ".join(filter(None, (remark, why)))
    else:
        half = quantile(1.0 - alpha / 2.0, df) * se
        interval = value - half, value + half
        p = 2.0 * tail(abs(value) / se, df) if p is None else p
    return Difference(
        means=means,
        value=value,
        se=se,
        df=df,
        interval=interval,
        p=p,
        about="checkpoint",
        seeds=(1, 1),
        blocks=clusters,
        remark=remark,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedComponent:
    """How far retraining alone moves a value, apart from the items that it is measured on."""

    seeds: int
    between: float | None
    """Variance between checkpoints of one recipe, freed of what the sampling of items adds; None with one seed."""
    sampling: float
    """Variance of one checkpoint's value, by the jackknife."""

    @property
    def said(self) -> str:
        """The component in words."""
        if self.between is None:
            return ONE_SEED
        return f"{self.seeds} training seeds: standard deviation {math.sqrt(self.between):.3g} between them"


def seed_component(side: Replicated) -> SeedComponent:
    """Split the variance of a row's value: s^2 between the seeds less what each seed's own sampling adds, cut at 0."""
    covariance = jackknife_covariance(side.replicates)
    sampling = float(np.trace(covariance)) / side.seeds
    if side.seeds == 1:
        return SeedComponent(seeds=1, between=None, sampling=sampling)
    between = float(side.values.var(ddof=1)) - side.seeds * _alone(side)
    return SeedComponent(seeds=side.seeds, between=max(0.0, between), sampling=sampling)


def _settled(value: float, noise: float) -> float:
    return 0.0 if abs(value) <= noise else value


def _checkpoint(a: Replicated, b: Replicated) -> tuple[float, float]:
    """Return the jackknife variance of the difference of the seed means, and its degrees of freedom."""
    paired = b.replicates.mean(axis=0) - a.replicates.mean(axis=0)
    return float(jackknife_covariance(paired[None])[0, 0]), float(a.blocks - 1)


def _recipe(a: Replicated, b: Replicated) -> tuple[float, float]:
    """Return the variance of the difference of the recipes, and Satterthwaite's degrees of freedom."""
    sampling, blocks_df = _checkpoint(a, b)
    between = [float(side.values.var(ddof=1)) / side.seeds for side in (a, b)]
    shared = max(0.0, sampling - _alone(a) - _alone(b))
    parts = [*between, shared]
    degrees = [a.seeds - 1.0, b.seeds - 1.0, blocks_df]
    variance = math.fsum(parts)
    if variance == 0.0:
        return 0.0, sum(degrees[:2])
    # The shares are squared, not the variances: squares of small metrics (1e-160) would vanish.
    return variance, 1.0 / math.fsum((part / variance) ** 2 / df for part, df in zip(parts, degrees, strict=True))


def _alone(side: Replicated) -> float:
    """Return what each seed's own sampling adds to the variance of the mean of the seeds."""
    covariance = jackknife_covariance(side.replicates)
    own = float(np.trace(covariance)) / side.seeds
    shared = (float(covariance.sum()) - float(np.trace(covariance))) / (side.seeds * (side.seeds - 1))
    return (own - shared) / side.seeds


def _without_variation(
    value: float, a: Replicated, b: Replicated, about: About
) -> tuple[tuple[float, float] | None, float, str]:
    p = 2.0 / 2.0**a.blocks
    if about == "recipe":
        p = max(p, 2.0 / math.comb(a.seeds + b.seeds, a.seeds))
    return _constant(value, p)


def _constant(value: float, p: float) -> tuple[tuple[float, float] | None, float, str]:
    if value == 0.0:
        return (0.0, 0.0), 1.0, "the same in every block"
    return None, p, "no variation between blocks: no interval, p from the exact sign test"


def holm(p: Sequence[float]) -> list[float]:
    """Return p values adjusted for their number, so that any false finding at all keeps its level (Holm 1979).

    Written out because statsmodels' `multipletests` collects garbage at every call.
    """
    values = np.asarray(p, dtype=np.float64)
    order = values.argsort(kind="stable")
    stepped = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1)).clip(max=1.0)
    adjusted = np.empty_like(values)
    adjusted[order] = stepped
    return [float(one) for one in adjusted]
