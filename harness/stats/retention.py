"""How much of a score is left under a condition: retention, its worst case and its mean along the severities.

`retention = (m - chance) / (clean - chance)`, with m the score under the condition and clean that of the same items as
they are. 1 is no loss, 0 is chance, below 0 is worse than chance. Clusters are drawn once for all sets, so that the
clean score and the others move together; percentiles are expanded for few clusters (Hesterberg 2015, section 5.3).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from .blocks import BLOCKS, FEWEST, blocks
from .classification import DRAWS, Judged, judge
from .clusters import Clusters, Floats, Label, by_class
from .intervals import bootstrap_tail
from .paired import paired_difference
from .score import Interval, Measurement
from .weighted import weighted

CHANCE: Mapping[str, float] = MappingProxyType({"auc": 0.5, "balanced_accuracy": 0.5})
"""Measures that have a retention, with what guessing scores."""
SURVIVES = 0.5
"""Retention that the low end of the interval must reach for a detector to survive a condition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What a detector said of one set, real items and fakes together."""

    ids: tuple[str, ...]
    """Unique in the set."""
    fake: Floats
    """(N,) P(fake)."""
    truth: NDArray[np.bool_]
    """(N,) True = fake."""
    clusters: tuple[Label, ...]

    def __len__(self) -> int:
        return len(self.ids)

    def among(self, ids: Sequence[str]) -> NDArray[np.bool_]:
        """Return which items are among `ids`, (N,)."""
        wanted = set(ids)
        return np.array([one in wanted for one in self.ids], dtype=bool)

    def only(self, rows: NDArray[np.bool_]) -> "Answers":
        """Return the items in `rows` (N,)."""
        kept = np.flatnonzero(rows)
        return Answers(
            ids=tuple(self.ids[i] for i in kept),
            fake=self.fake[kept],
            truth=self.truth[kept],
            clusters=tuple(self.clusters[i] for i in kept),
        )


def retained(
    clean: Answers, cells: Mapping[str, Answers], threshold: float, generator: np.random.Generator
) -> dict[str, Measurement]:
    """Return values, retentions and shifts of each cell, and over all cells the worst case and the area.

    Args:
        clean: The items as they are.
        cells: Severity, mildest first -> the items under the condition: the same ids, or, where the media were made
            anew for the cell, others of any people.
        threshold: P(fake) from which an item is called fake; chosen on clean items.
        generator: Draws the bootstrap.

    Returns:
        `CELL/value/MEASURE`, `CELL/retention/MEASURE`, `CELL/shift/real`, `CELL/shift/fake` (mean difference of P(fake)
        to the clean item, over those that both have), `worst/MEASURE` and `area/MEASURE`. The area is the mean
        retention from clean to the last cell, cells evenly spaced. The worst case is the least of the cells'
        retentions; its interval is that of the least of each draw, so that it leans downwards.
    """
    found: dict[str, Measurement] = {}
    drawn: dict[str, dict[str, Floats]] = {measure: {} for measure in CHANCE}
    draws = _Draws(clean, cells, threshold, generator)
    bases = _bases(clean, cells, threshold, generator)
    for place, (name, cell) in enumerate(cells.items()):
        values = judge(_judged(cell, threshold), generator)
        for measure in CHANCE:
            value = values[measure]
            found[f"{name}/value/{measure}"] = replace(value, replicates=(), flags=())
            left, every = _retention(measure, bases[name][measure], value, draws, place)
            found[f"{name}/retention/{measure}"] = left
            if left.value is not None and every is not None:
                drawn[measure][name] = every
        found |= {f"{name}/shift/{side}": one for side, one in _shifts(clean, cell, generator).items()}
    for measure in CHANCE:
        rest = {name: found[f"{name}/retention/{measure}"] for name in cells}
        found[f"worst/{measure}"] = _together(rest, drawn[measure], draws, area=False)
        found[f"area/{measure}"] = _together(rest, drawn[measure], draws, area=True)
    return found


def _judged(answers: Answers, threshold: float) -> Judged:
    labels = [label if isinstance(label, str) else label[0] for label in answers.clusters]
    home = blocks(labels, BLOCKS) if labels else np.zeros(0, dtype=np.intp)
    return Judged(
        fake=answers.fake,
        truth=answers.truth,
        clusters=answers.clusters,
        blocks=tuple(home.tolist()),
        threshold=threshold,
    )


def _paired(clean: Answers, cell: Answers) -> NDArray[np.bool_]:
    """Return the clean items that a cell is compared with: those that it has too, or all, where it has its own."""
    shared = clean.among(cell.ids)
    return shared if shared.any() else np.ones(len(clean), dtype=bool)


def _bases(
    clean: Answers, cells: Mapping[str, Answers], threshold: float, generator: np.random.Generator
) -> dict[str, Mapping[str, Measurement]]:
    """Return the clean scores that each cell is compared with; those of the same items are judged once."""
    judged: dict[bytes, Mapping[str, Measurement]] = {}
    found = {}
    for name, cell in cells.items():
        rows = _paired(clean, cell)
        if rows.tobytes() not in judged:
            judged[rows.tobytes()] = judge(_judged(clean.only(rows), threshold), generator)
        found[name] = judged[rows.tobytes()]
    return found


class _Draws:
    """Every measure of the clean items and of the cells in every draw of the clusters."""

    def __init__(
        self, clean: Answers, cells: Mapping[str, Answers], threshold: float, generator: np.random.Generator
    ) -> None:
        sets = [clean, *cells.values()]
        labels = [label for one in sets for label in one.clusters]
        truth = np.concatenate([one.truth for one in sets]) if labels else np.zeros(0, dtype=bool)
        self.fewest = 0
        self.cluster = "item"
        self.values: list[tuple[Mapping[str, Floats], Mapping[str, Floats]]] = []
        if not labels:
            return
        clusters = Clusters.of(labels)
        self.fewest = min(int(clusters.members(member).sum()) for member in (truth, ~truth))
        self.cluster = "two identities" if clusters.crossed else "item" if clusters.single else "cluster"
        self.method = "pigeonhole-bootstrap" if clusters.crossed else "cluster-bootstrap"
        if self.fewest < FEWEST:
            return
        ends = np.cumsum([len(one) for one in sets])
        strata, step = by_class(clusters, truth), max(1, 2_000_000 // len(labels))
        parts: list[list[tuple[Mapping[str, Floats], Mapping[str, Floats]]]] = []
        for start in range(0, DRAWS, step):
            weights = clusters.draws(generator, min(step, DRAWS - start), strata)
            split = np.split(weights, ends[:-1], axis=1)
            parts.append(
                [
                    (
                        _measures(clean, split[0] * _paired(clean, cell), threshold),
                        _measures(cell, split[place], threshold),
                    )
                    for place, cell in enumerate(cells.values(), 1)
                ]
            )
        for place in range(len(cells)):
            self.values.append((_joined([p[place][0] for p in parts]), _joined([p[place][1] for p in parts])))

    def retention(self, measure: str, place: int) -> Floats | None:
        """Return the retention of a cell in every draw, NaN where the clean score is no better than chance."""
        if not self.values:
            return None
        base, value = (side[measure] - CHANCE[measure] for side in self.values[place])
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(base > 0.0, value / base, np.nan)

    def interval(self, every: Floats) -> Interval | None:
        """Return the percentiles of what was drawn."""
        every = every[np.isfinite(every)]
        if not len(every):
            return None
        tail = bootstrap_tail(self.fewest)
        low, high = np.quantile(every, [tail, 1 - tail])
        return Interval(low=float(low), high=float(high), method=self.method, cluster=self.cluster)


def _measures(answers: Answers, weights: Floats, threshold: float) -> Mapping[str, Floats]:
    if not len(answers):
        return {measure: np.full(len(weights), np.nan) for measure in CHANCE}
    every = weighted(answers.fake, answers.truth, weights, threshold)
    return {measure: every[measure] for measure in CHANCE}


def _joined(parts: Sequence[Mapping[str, Floats]]) -> Mapping[str, Floats]:
    return {measure: np.concatenate([part[measure] for part in parts]) for measure in CHANCE}


def _retention(
    measure: str, base: Measurement, value: Measurement, draws: _Draws, place: int
) -> tuple[Measurement, Floats | None]:
    """Return the retention of a cell, and what it is in every draw."""
    chance = CHANCE[measure]
    none = Measurement(value=None, n=value.n, n_real=value.n_real, failures=value.failures)
    if value.value is None or base.value is None:
        return replace(none, reason=value.reason or base.reason), None
    if base.value <= chance or (base.interval is not None and base.interval.low <= chance):
        return replace(none, reason="undefined: on clean items the detector is no better than chance"), None
    scale = base.value - chance
    every = draws.retention(measure, place)
    interval = draws.interval(every) if every is not None else None
    if interval is not None and interval.low == interval.high and value.interval is not None:
        # Where every draw says the same the bootstrap sees no spread; the score's own interval does.
        low, high = ((end - chance) / scale for end in (value.interval.low, value.interval.high))
        interval = replace(value.interval, low=low, high=high)
    flags = () if interval else (f"no interval: fewer than {FEWEST} clusters in a class",)
    return replace(none, value=(value.value - chance) / scale, interval=interval, flags=flags), every


def _together(
    rest: Mapping[str, Measurement], drawn: Mapping[str, Floats], draws: _Draws, *, area: bool
) -> Measurement:
    """Return the worst case of the cells that have a retention, or their mean along the severities, clean first."""
    kept = {name: one for name, one in rest.items() if one.value is not None}
    n = min((one.n for one in rest.values()), default=0)
    if not kept:
        reasons = [one.reason for one in rest.values() if one.reason]
        return Measurement(value=None, n=n, reason=reasons[0] if reasons else "no cell")
    empty = len(rest) - len(kept)
    flags = [f"{empty} of {len(rest)} cells are empty and left out"] if empty else []
    values = np.array([[one.value] for one in kept.values()], dtype=np.float64)
    interval = None
    if all(name in drawn for name in kept):
        every = np.stack([drawn[name] for name in kept])
        interval = draws.interval(_mean(every) if area else every.min(axis=0))
        if interval is not None and interval.low == interval.high:
            interval = _of_cells([one.interval for one in kept.values()], area=area)
    else:
        flags.append(f"no interval: fewer than {FEWEST} clusters in a class")
    value = float(_mean(values)[0]) if area else float(values.min())
    return Measurement(value=value, interval=interval, n=n, flags=tuple(flags))


def _of_cells(intervals: Sequence[Interval | None], *, area: bool) -> Interval | None:
    """Return the interval over cells in all of which every draw says the same: from the ends of theirs."""
    known = [one for one in intervals if one is not None]
    if len(known) < len(intervals):
        return None
    ends = [np.array([[getattr(one, side)] for one in known], dtype=np.float64) for side in ("low", "high")]
    low, high = (float(_mean(one)[0] if area else one.min()) for one in ends)
    return replace(known[0], low=low, high=high)


def _mean(curves: Floats) -> Floats:
    """Return the mean height (D,) of the curves (K, D), which start at 1 and have their K points at even steps."""
    whole = np.concatenate([np.ones((1, curves.shape[1])), curves])
    mean: Floats = np.trapezoid(whole, axis=0) / len(curves)
    return mean


def _shifts(clean: Answers, cell: Answers, generator: np.random.Generator) -> dict[str, Measurement]:
    """Return the mean difference of P(fake) to the clean item: of real items, and of fakes."""
    found = {}
    place = {name: row for row, name in enumerate(cell.ids)}
    for side, truth in (("real", False), ("fake", True)):
        rows = [row for row, name in enumerate(clean.ids) if clean.truth[row] == truth and name in place]
        others = [place[clean.ids[row]] for row in rows]
        found[side] = _shift(clean.fake[rows], cell.fake[others], [clean.clusters[row] for row in rows], generator)
    return found


def _shift(before: Floats, after: Floats, labels: Sequence[Label], generator: np.random.Generator) -> Measurement:
    n = len(labels)
    if not n:
        return Measurement(value=None, n=0, reason="no item stands in both")
    change = after - before
    if Clusters.of(labels).count < FEWEST:
        flags = (f"no interval: fewer than {FEWEST} clusters",)
        return Measurement(value=float(change.mean()), n=n, flags=flags)
    tested = paired_difference(before, after, labels, generator)
    single = Clusters.of(labels)
    cluster = "two identities" if single.crossed else "item" if single.single else "cluster"
    ends = tested.interval
    interval = Interval(low=ends[0], high=ends[1], method="t over clusters", cluster=cluster) if ends else None
    return Measurement(value=float(change.mean()), interval=interval, n=n)
