"""Which rows are not distinguishable from the best, in bold, and which ranks each may have.

Checkpoints are ranked by `ranks.py`: simultaneous rank intervals, and the set of the best after Hsu (1984), from one
bootstrap over the blocks of the jackknife. Recipes, where a row has several training seeds, need the variance between
seeds as well. There a row leaves the group of the best when some other row is better than it in a one-sided paired
test at alpha / (k - 1), where k rows compete (Edwards & Hsu 1983; Bonferroni, not the multivariate t, because each
pair has a variance of its own), and ranks come from two-sided tests of all pairs after Holm. Comparing every row with
the *observed* best alone would forget that the observed best was chosen by its luck.
"""

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ..store.schema import Replicates, Row
from .compare import Replicated, difference, holm, tail
from .ranks import block_contributions, ranking

COVERAGE = 0.95
"""Below this share of the expected items a row is shown, but neither ranked nor bold."""


def best_group(candidates: Mapping[str, Replicated], *, lower: bool, alpha: float = 0.05) -> frozenset[str]:
    """Return the ids that are not distinguishable from the best; a single candidate is the best.

    Raises:
        ValueError: Candidates that were cut into different numbers of blocks.
    """
    level = alpha / max(1, len(candidates) - 1)
    beaten = set()
    for (first, a), (second, b) in combinations(candidates.items(), 2):
        found = difference(a, b)
        if _one_sided(found.value, found.se, found.df, found.p) < level:
            beaten.add(first if (found.value < 0.0) == lower else second)
    return frozenset(candidates) - beaten


def rank_intervals(
    candidates: Mapping[str, Replicated], generator: np.random.Generator, *, lower: bool, alpha: float = 0.05
) -> dict[str, tuple[int, int]]:
    """Return the best and the worst rank that each candidate may have; all intervals hold together at 1 - alpha.

    The ranks are of these checkpoints: over several seeds, of their mean, without the variance between seeds.

    Raises:
        ValueError: Candidates that were cut into different numbers of blocks.
    """
    if len({one.blocks for one in candidates.values()}) > 1:
        raise ValueError("the candidates were cut into different numbers of blocks")
    if not candidates:
        return {}
    estimates = [float(one.values.mean()) for one in candidates.values()]
    parts = block_contributions(np.stack([one.replicates.mean(axis=0) for one in candidates.values()]))
    found = ranking(estimates, parts, generator, lower=lower, alpha=alpha)
    return dict(zip(candidates, zip(found.low, found.high, strict=True), strict=True))


def _one_sided(value: float, se: float, df: float, p: float) -> float:
    return tail(abs(value) / se, df) if se else p / 2.0


def evidence(row: Row, replicates: Replicates) -> Replicated:
    """Return the seeds of a row that have a value, with their replicates.

    Raises:
        ValueError: The row has no value or no replicates, or they do not fit.
    """
    if row.value is None:
        raise ValueError(row.reason or "no value")
    stored = replicates.rows.get(row.id, ())
    if not any(stored):
        raise ValueError("no replicates: the value cannot be tested")
    values = [seed.value for seed in row.seeds] or [row.value]
    if len(stored) != len(values):
        raise ValueError(f"{len(stored)} sets of replicates for {len(values)} training seeds")
    kept = [(value, blocks) for value, blocks in zip(values, stored, strict=True) if value is not None and blocks]
    return Replicated.of([value for value, _ in kept], [blocks for _, blocks in kept])


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a row stands among those it competes with."""

    best: bool
    """Inside the set of the best."""
    rank: tuple[int, int]
    """Best and worst rank that it may have."""


def standings(
    candidates: Mapping[str, Replicated], generator: np.random.Generator, *, lower: bool, alpha: float = 0.05
) -> dict[str, Standing]:
    """Return where each candidate stands; they were all cut into the same number of blocks."""
    recipes = any(one.seeds > 1 for one in candidates.values())
    if len(candidates) > 1 and not recipes:
        estimates = [float(one.values[0]) for one in candidates.values()]
        parts = block_contributions(np.stack([one.replicates[0] for one in candidates.values()]))
        found = ranking(estimates, parts, generator, lower=lower, alpha=alpha)
        each = zip(candidates, found.best, found.low, found.high, strict=True)
        return {name: Standing(best=best, rank=(low, high)) for name, best, low, high in each}
    best = best_group(candidates, lower=lower, alpha=alpha)
    ranks = _pairwise_ranks(candidates, lower=lower, alpha=alpha)
    return {name: Standing(best=name in best, rank=ranks[name]) for name in candidates}


def _pairwise_ranks(candidates: Mapping[str, Replicated], *, lower: bool, alpha: float) -> dict[str, tuple[int, int]]:
    """Return the best and worst rank of each, from two-sided tests of all pairs after Holm."""
    pairs = list(combinations(candidates, 2))
    found = [difference(candidates[first], candidates[second]) for first, second in pairs]
    ahead, behind = dict.fromkeys(candidates, 0), dict.fromkeys(candidates, 0)
    for (first, second), one, p in zip(pairs, found, holm([one.p for one in found]), strict=True):
        if p < alpha:
            loser, winner = (first, second) if (one.value < 0.0) == lower else (second, first)
            ahead[loser] += 1
            behind[winner] += 1
    return {name: (1 + ahead[name], len(candidates) - behind[name]) for name in candidates}


def mark_best(
    rows: Sequence[Row], replicates: Replicates, *, unranked: Container[str] = (), alpha: float = 0.05, seed: int = 0
) -> tuple[Row, ...]:
    """Return the rows with `best` and `rank` filled in: None where a row is not ranked.

    Rows compete when section, metric, slice and comparability key are the same. Not ranked are the control, the
    systems in `unranked` (those that fail memorisation), rows without direction, value or replicates, and rows below
    95 % coverage.
    """
    contests: dict[tuple[object, ...], dict[str, Replicated]] = {}
    for row in rows:
        if not _ranks(row, unranked):
            continue
        try:
            candidate = evidence(row, replicates)
        except ValueError:
            continue
        contest = (row.direction, row.section, row.metric, row.comparability)
        contests.setdefault((*contest, *sorted(row.slice.items())), {})[row.id] = candidate
    found: dict[str, Standing] = {}
    for key, entered in contests.items():
        # Rows cut into other blocks than most cannot be paired with them, and are not ranked.
        blocks = Counter(candidate.blocks for candidate in entered.values()).most_common(1)[0][0]
        candidates = {name: candidate for name, candidate in entered.items() if candidate.blocks == blocks}
        found |= standings(candidates, np.random.default_rng(seed), lower=key[0] == "lower", alpha=alpha)
    nowhere = {"best": None, "rank": None}
    return tuple(
        row.model_copy(update={"best": found[row.id].best, "rank": found[row.id].rank} if row.id in found else nowhere)
        for row in rows
    )


def _ranks(row: Row, unranked: Container[str]) -> bool:
    return (
        row.role == "system"
        and row.direction != "none"
        and row.value is not None
        and row.coverage >= COVERAGE
        and row.system not in unranked
    )
