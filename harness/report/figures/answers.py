"""What detectors said of test items, as figures need it: from the scores that a run folder holds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...score_table import REAL, SECTIONS, Scores, question_of, trained
from ...stats.blocks import FEWEST
from ...stats.classification import DRAWS
from ...stats.clusters import Clusters, Floats, by_class
from ...stats.intake import Taken
from ...stats.intervals import bootstrap_tail
from ...stats.lines import of_split, taken
from ...store.schema import Results, Row

STEPS = 201
"""False-alarm rates at which a band is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What one trained detector said of the test items of one set of fakes and of the real ones."""

    detector: str
    train: str
    system: str
    own: bool
    """Whether it was trained on this system."""
    threshold: float | None
    """From validation."""
    row: Row
    """Of the same detector, training set and system: AUC, or else the false-alarm rate."""
    found: Taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A receiver operating characteristic."""

    fpr: Floats
    tpr: Floats
    at: Floats
    """(STEPS,) false-alarm rates of the band."""
    low: Floats | None
    """(STEPS,) hits; None where there are too few clusters."""
    high: Floats | None


def answers(results: Results, scores: Sequence[Scores]) -> list[Answers]:
    """Return the answers behind every row of detection and false alarms, in the order of the rows."""
    by_set = {(one.detector, one.train, one.system): one for one in scores}
    found: dict[tuple[str, str, str], Answers] = {}
    for row in results.rows:
        place = (*trained(row), row.system)
        wanted = row.metric in {"auc", "false_alarm_rate"} and row.section in SECTIONS and row.role != "group"
        if not wanted or place in found or place not in by_set or row.slice.get("level") == "frame":
            continue
        mine, real = by_set[place], by_set.get((*trained(row), REAL))
        lines = of_split(mine.lines, "test")
        if row.section == "detection" and real is not None:
            lines = [*of_split(real.lines, "test"), *lines]
        found[place] = Answers(
            detector=place[0],
            train=place[1],
            system=row.system,
            own=mine.role == "own",
            threshold=mine.threshold,
            row=row,
            found=taken(lines, question_of(row)),
        )
    return list(found.values())


def curve(found: Taken, generator: np.random.Generator) -> Curve:
    """Return the curve of a set with both classes, with a 95 % band.

    The band is pointwise: the percentiles of the hits at each false-alarm rate over draws of whole clusters, expanded
    for few clusters (Hesterberg 2015, section 5.3).
    """
    at = np.linspace(0.0, 1.0, STEPS)
    (fpr,), (tpr,) = _rates(found, np.ones((1, len(found.fake))))
    clusters = Clusters.of(found.clusters)
    fewest = min(int(clusters.members(side).sum()) for side in (found.truth, ~found.truth))
    if fewest < FEWEST:
        return Curve(fpr=fpr, tpr=tpr, at=at, low=None, high=None)
    strata, step = by_class(clusters, found.truth), max(1, 2_000_000 // len(found.fake))
    hits = []
    for start in range(0, DRAWS, step):
        weights = clusters.draws(generator, min(step, DRAWS - start), strata)
        weights = weights[(weights[:, found.truth].sum(1) > 0) & (weights[:, ~found.truth].sum(1) > 0)]
        hits += [hits_at(at, x, y) for x, y in zip(*_rates(found, weights), strict=True)]
    tail = bootstrap_tail(fewest)
    low, high = np.quantile(np.array(hits), [tail, 1.0 - tail], axis=0)
    return Curve(fpr=fpr, tpr=tpr, at=at, low=low, high=high)


def hits_at(at: Floats, fpr: Floats, tpr: Floats) -> Floats:
    """Return the hits at given false-alarm rates, on straight lines between the points; the highest where it rises."""
    before = np.searchsorted(fpr, at + 1e-12, side="right") - 1
    after = np.minimum(before + 1, len(fpr) - 1)
    run = fpr[after] - fpr[before]
    share = np.where(run > 0.0, (at - fpr[before]) / np.where(run > 0.0, run, 1.0), 0.0)
    hits: Floats = tpr[before] + share * (tpr[after] - tpr[before])
    return hits


def _rates(found: Taken, weights: Floats) -> tuple[Floats, Floats]:
    """Return false alarms and hits, (D, K) each, from the highest threshold to the lowest, under D weightings."""
    order = np.argsort(-found.fake, kind="stable")
    last = np.append(np.flatnonzero(np.diff(found.fake[order])), len(order) - 1)
    rates = []
    for side in (~found.truth, found.truth):
        summed = np.cumsum((weights * side)[:, order], axis=1)[:, last]
        rates.append(np.concatenate([np.zeros((len(summed), 1)), summed / summed[:, -1:]], axis=1))
    return rates[0], rates[1]
