"""How well something that is beside the point tells real from fake: a file's format, its size, the border of a picture.

A small model (extremely randomised trees, Geurts, Ernst & Wehenkel 2006) learns on four fifths of the people and scores
the last fifth, five times round; people and whatever shares a cluster with them stay whole. The area under the curve of
these held-out scores has the interval of `auc.py`, which takes the scores as given.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .auc import area_interval, areas
from .blocks import FEWEST
from .clusters import Clusters, Floats, Label
from .compare import tail
from .score import Measurement

LIMIT = 0.6
"""An area that surely lies above this is a warning; a bare 0.6 is passed by chance in many small sets."""
FOLDS = 5
TREES = 100
SMALLEST_LEAF = 3
ALIKE = "the same in every item"


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """What a shortcut shows."""

    found: Measurement
    """The area; 0.5 where every item is the same."""
    p: float | None
    """One-sided, that the area is `LIMIT` at most; not adjusted for the number of shortcuts."""


def audit(features: Floats, truth: NDArray[np.bool_], labels: Sequence[Label], seed: int) -> Audited:
    """Return the cross-validated area of features (N, F) for the truth (N,), True = fake.

    Args:
        features: Finite numbers; categories as columns of 0 and 1.
        truth: Which items are fake.
        labels: The clusters of each item.
        seed: Of the folds and the trees.
    """
    fakes = int(truth.sum())
    reals = len(truth) - fakes
    if not fakes or not reals:
        return Audited(found=Measurement(value=None, n=fakes, reason=f"{fakes} fakes and {reals} real items"), p=None)
    if not features.size or (features == features[0]).all():
        return Audited(found=Measurement(value=0.5, n=fakes, n_real=reals, flags=(ALIKE,)), p=1.0)
    groups = components(labels)
    held = [len(set(groups[member].tolist())) for member in (truth, ~truth)]
    if min(held) < FEWEST:
        reason = f"fakes in {held[0]} and real items in {held[1]} groups that share nobody; {FEWEST} are needed"
        return Audited(found=Measurement(value=None, n=fakes, n_real=reals, reason=reason), p=None)
    scores = held_out_scores(features, truth, groups, seed)
    found = areas(scores, truth, labels)
    value, error = float(found.values[0]), math.sqrt(max(0.0, float(found.covariance[0, 0])))
    interval = area_interval(scores, truth, labels, cluster="item" if Clusters.of(labels).single else "cluster")
    measured = Measurement(value=value, interval=interval, n=fakes, n_real=reals)
    return Audited(found=measured, p=above(value, error, found.freedom([1.0]), min(held)))


def above(value: float, error: float, df: float, groups: int) -> float:
    """Return the one-sided p of an area of `LIMIT` at most, on the logit scale; without spread, of that many coins."""
    if value <= LIMIT:
        return 1.0 if error == 0.0 else max(0.5, tail(_logits(value, error), df))
    if value == 1.0 or error == 0.0:
        return float(LIMIT**groups)
    return tail(_logits(value, error), df)


def _logits(value: float, error: float) -> float:
    if not 0.0 < value < 1.0:
        return -math.inf if value == 0.0 else math.inf
    gap = math.log(value / (1.0 - value)) - math.log(LIMIT / (1.0 - LIMIT))
    return gap * value * (1.0 - value) / error


def held_out_scores(features: Floats, truth: NDArray[np.bool_], groups: NDArray[np.intp], seed: int) -> Floats:
    """Return P(fake) of each item, (N,), from a model that saw nothing of its group."""
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.model_selection import StratifiedGroupKFold

    scores = np.full(len(truth), float(truth.mean()))
    folds = StratifiedGroupKFold(n_splits=FOLDS, shuffle=True, random_state=seed)
    for learn, check in folds.split(features, truth, groups):
        if truth[learn].all() or not truth[learn].any():
            continue
        model = ExtraTreesClassifier(
            TREES, min_samples_leaf=SMALLEST_LEAF, class_weight="balanced", random_state=seed, n_jobs=1
        )
        model.fit(features[learn], truth[learn])
        scores[check] = model.predict_proba(features[check])[:, 1]
    return scores


def components(labels: Sequence[Label]) -> NDArray[np.intp]:
    """Return the group of each item, (N,): items that share a cluster, directly or over others, are one group."""
    home: dict[str, str] = {}

    def root(name: str) -> str:
        while home.setdefault(name, name) != name:
            home[name] = home[home[name]]
            name = home[name]
        return name

    own = [(label,) if isinstance(label, str) else label for label in labels]
    for names in own:
        for name in names[1:]:
            home[root(name)] = root(names[0])
    number: dict[str, int] = {}
    return np.array([number.setdefault(root(names[0]), len(number)) for names in own], dtype=np.intp)
