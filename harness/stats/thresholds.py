"""Three thresholds side by side: a fixed one, one chosen on validation, and one for all validation sets together.

A threshold chosen on the test set is an oracle's; none is made here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .clusters import Floats

FIXED = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A threshold and where it comes from."""

    name: str
    """`0.5`, `validation` or `pooled`."""
    value: float | None
    """P(fake) in [0, 1] from which an item is called fake; None exactly when `reason` says why."""
    origin: str
    """Which data chose it."""
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """Scores of a validation set."""

    name: str
    scores: Floats
    """(N,) P(fake); what is not finite is left out."""
    truth: NDArray[np.bool_]
    """(N,) True = fake."""

    @property
    def usable(self) -> bool:
        """Whether it has both classes."""
        truth = self.truth[np.isfinite(self.scores)]
        return bool(truth.any() and not truth.all())


def joined(sets: Sequence[Validation], shared: int = 0) -> Validation:
    """Return several validation sets as one; the first `shared` items, the real ones, are in each and stay once."""
    if not sets:
        return Validation(name="none", scores=np.zeros(0), truth=np.zeros(0, dtype=bool))
    scores = [one.scores[0 if place == 0 else shared :] for place, one in enumerate(sets)]
    truth = [one.truth[0 if place == 0 else shared :] for place, one in enumerate(sets)]
    names = ", ".join(dict.fromkeys(one.name for one in sets))
    return Validation(name=names, scores=np.concatenate(scores), truth=np.concatenate(truth))


def three_thresholds(own: Validation, others: Sequence[Validation] = ()) -> tuple[Threshold, Threshold, Threshold]:
    """Return the fixed threshold, the one chosen on `own`, and the one chosen on `own` and `others` together.

    Each set, and each class in it, weighs the same in the pooled choice, however many items it has.
    """
    every = (own, *others)
    return (
        Threshold(name="0.5", value=FIXED, origin="fixed beforehand"),
        _chosen("validation", (own,)),
        _chosen("pooled", every),
    )


def _chosen(name: str, sets: Sequence[Validation]) -> Threshold:
    origin = "validation of " + ", ".join(one.name for one in sets)
    usable = []
    for one in sets:
        rows = np.isfinite(one.scores)
        if one.truth[rows].all() or not one.truth[rows].any():
            reason = f"the validation set of {one.name} does not have both classes"
            return Threshold(name=name, value=None, origin=origin, reason=reason)
        usable.append((one.scores[rows], one.truth[rows]))
    return Threshold(name=name, value=best_threshold(usable), origin=origin)


def best_threshold(sets: Sequence[tuple[Floats, NDArray[np.bool_]]]) -> float:
    """Return the threshold in [0, 1] with the best mean balanced accuracy of `score >= threshold` (Youden 1950).

    Candidates are 0, 0.5, 1 and the points half way between neighbouring scores; of equals the one nearest 0.5.

    Args:
        sets: Scores (N,) and truth (N,) of sets that have both classes.
    """
    scores = np.unique(np.concatenate([one for one, _ in sets]))
    candidates = np.concatenate([(scores[1:] + scores[:-1]) / 2.0, [0.0, FIXED, 1.0]])
    balanced = np.zeros(len(candidates))
    for values, truth in sets:
        fake, real = np.sort(values[truth]), np.sort(values[~truth])
        recall = 1.0 - np.searchsorted(fake, candidates, side="left") / len(fake)
        balanced += (recall + np.searchsorted(real, candidates, side="left") / len(real)) / 2.0
    best = candidates[np.isclose(balanced, balanced.max(), rtol=0.0, atol=1e-12)]
    return float(best[np.argmin(np.abs(best - FIXED))])


def by_name(thresholds: Sequence[Threshold]) -> Mapping[str, float]:
    """Return the values of those that have one."""
    return {one.name: one.value for one in thresholds if one.value is not None}
