"""Every number of the audits of shortcuts, from what is known of each item: in a run, and again in `rescore`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..canonical import JSON
from .auc import area_difference, area_interval
from .blocks import FEWEST
from .lines import Line, Question, scores_of, taken
from .score import Interval, Measurement
from .shortcuts import Audited, audit


def alone(
    real: Sequence[Mapping[str, JSON]], synthetic: Sequence[Mapping[str, JSON]], names: Sequence[str], seed: int
) -> dict[str, Audited]:
    """Return how well each shortcut alone tells two sets apart.

    Args:
        real: Of each item `cluster`, and `traits` (shortcut -> name -> number or word) unless it could not be read.
        synthetic: Likewise.
        names: Shortcuts.
        seed: Of the folds.
    """
    sides = [[line for line in part if "traits" in line] for part in (real, synthetic)]
    every = [*sides[0], *sides[1]]
    truth = np.array([side == 1 for side, part in enumerate(sides) for _ in part], dtype=bool)
    labels = [line["cluster"] if isinstance(line["cluster"], str) else tuple(line["cluster"]) for line in every]
    return {
        name: audit(table_of([line["traits"].get(name, {}) for line in every]), truth, labels, seed) for name in names
    }


def table_of(lines: Sequence[Mapping[str, JSON]]) -> NDArray[np.float64]:
    """Return traits as numbers, (N, F): words become columns of 0 and 1, and what an item does not have is 0."""
    names = dict.fromkeys(name for line in lines for name in line)
    columns: list[list[float]] = []
    for name in names:
        values = [line.get(name, 0.0) for line in lines]
        words = dict.fromkeys(value for value in values if isinstance(value, str))
        columns += [[float(value == word) for value in values] for word in words]
        if len(words) < len(set(map(str, values))):
            columns.append([0.0 if isinstance(value, str) else float(value) for value in values])
    return np.array(columns, dtype=np.float64).T.reshape(len(lines), len(columns))


def reencoded_areas(
    clean: Sequence[Sequence[Line]], again: Sequence[Sequence[Line]], question: Question
) -> dict[str, Measurement]:
    """Return a detector's areas before and after re-encoding, and the change, over the items that both have.

    Args:
        clean: Test lines of the real set and of the fakes.
        again: Likewise, after the encoder.
        question: How scores are read.
    """
    pairs = []
    for side, other in zip(clean, again, strict=True):
        known = {str(line["item"]): line for line in other}
        pairs += [(line, known[str(line["item"])]) for line in side if str(line["item"]) in known]
    return _areas([pair[0] for pair in pairs], [pair[1] for pair in pairs], question)


def _areas(clean: Sequence[Line], again: Sequence[Line], question: Question) -> dict[str, Measurement]:
    sides = [taken(lines, replace(question, missing="worst")) for lines in (clean, again)]
    before, after = (scores_of(side, len(clean)) for side in sides)
    truth, labels = sides[0].truth, sides[0].clusters
    fakes = int(truth.sum())
    try:
        found = area_difference(before, after, truth, labels)
    except ValueError as error:
        empty = Measurement(value=None, n=fakes, reason=str(error))
        return dict.fromkeys(("auc_before", "auc_after", "auc_change"), empty)
    change = None
    if found.interval:
        low, high = (min(1.0, max(-1.0, end)) for end in found.interval)
        change = Interval(low=low, high=high, method="clustered delong, paired", cluster="cluster")
    flags = () if change else (f"no interval: nothing varies, or fewer than {FEWEST} clusters in a class",)
    measured = {}
    for name, value, scores in zip(("auc_before", "auc_after"), found.means, (before, after), strict=True):
        interval = area_interval(scores, truth, labels, cluster="cluster")
        measured[name] = Measurement(value=value, interval=interval, n=fakes, n_real=len(truth) - fakes)
    measured["auc_change"] = replace(measured["auc_after"], value=found.value, interval=change, flags=flags)
    return measured
