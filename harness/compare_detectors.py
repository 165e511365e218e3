"""Compare two detectors: B, the new one, against A, on the same test sets after the same training sets.

One training of each: from the item scores, paired (`stats/items.py`), and about these checkpoints. Three trainings of
each or more (`seeds` beside a detector): from replicates and the variance between trainings, and about the recipes.
Each detector decides at the threshold that its own validation set chose. Better is what catches more.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .canonical import JSON, canonical, digest_of
from .cards import did_you_mean
from .errors import InputError
from .report.build import results_digest
from .report.comparison import ComparedRow, Comparison, DifferingField, MissingRow, RefusedRow, Side, Verdict
from .report.detection import MAIN
from .score_table import REAL, Scores, question_of, stored_scores
from .stats.compare import ONE_SEED, SEEDS_FOR_RECIPE, Difference, difference, holm
from .stats.groups import evidence
from .stats.items import difference_of, sides
from .stats.lines import PRIMARY, of_split
from .store.schema import Results, Row, read_replicates, read_results

SHOWN = ("auc", "accuracy")
"""Measures that are compared unless all are asked for: each further row costs the others power."""
OWN = ("detector", "threshold", "recipe")
"""Fields of a protocol in which two detectors differ by nature."""

Place = tuple[str, str, str]
"""Training set, system, metric."""


def detectors_in(results: Results) -> list[str]:
    """Return the names of the detectors of a run; those trained several times also under their common name."""
    return list(dict.fromkeys(row.slice["detector"] for row in results.rows if _compares(row)))


def is_detector(run: str, name: str) -> bool:
    """Return whether a name is that of a detector of a run, and of no system."""
    results = read_results(Path(run).expanduser())
    return name in detectors_in(results) and all(system.name != name for system in results.systems)


def _compares(row: Row) -> bool:
    if row.role != "system" or "detector" not in row.slice or "level" in row.slice:
        return False
    return row.section == "seeds" or (row.section == "detection" and row.slice.get("threshold") == PRIMARY)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """A detector in its run."""

    run: str
    name: str
    results: Results
    rows: Mapping[Place, Row]

    @classmethod
    def of(cls, run: str, name: str, metrics: tuple[str, ...]) -> "_Side":
        """Load it.

        Raises:
            InputError: No such run, or no such detector in it.
        """
        results = read_results(Path(run).expanduser())
        known = detectors_in(results)
        if name not in known:
            has = ", ".join(known) or "none"
            raise InputError(f"{run} has no detector '{name}'{did_you_mean(name, known)}; it has: {has}")
        rows = {
            (row.slice["train"], row.system, row.metric): row
            for row in results.rows
            if _compares(row) and row.slice["detector"] == name and row.metric in metrics
        }
        return cls(run=run, name=name, results=results, rows=rows)

    @property
    def side(self) -> Side:
        """As a comparison names it."""
        shown = sorted({str(row.protocol.get("detector") or row.protocol.get("recipe")) for row in self.rows.values()})
        return Side(run=self.run, system=self.name, digest=digest_of(shown), results=results_digest(self.results))


def compare_detectors(
    a: tuple[str, str], b: tuple[str, str], *, alpha: float = 0.05, every: bool = False
) -> Comparison:
    """Compare detector B with detector A.

    Args:
        a: Run folder and name of the old one.
        b: Likewise of the new one.
        alpha: Probability of calling any row different where none is.
        every: Take all measures of the table of detection.

    Raises:
        InputError: No such run or detector.
    """
    metrics = MAIN if every else SHOWN
    old, new = _Side.of(*a, metrics), _Side.of(*b, metrics)
    tested: list[tuple[Row, Row, Difference, str]] = []
    refused, missing = list[RefusedRow](), list[MissingRow]()
    scores = _Stored()
    for place in dict.fromkeys((*old.rows, *new.rows)):
        first, second = old.rows.get(place), new.rows.get(place)
        if first is None or second is None:
            side = "B" if first is None else "A"
            missing.append(_missing(first or second, f"only in {side}"))
            continue
        fields = tuple(_fields(first.protocol, second.protocol))
        if fields:
            refused.append(RefusedRow(section=first.section, metric=first.metric, slice=_slice(first), fields=fields))
            continue
        try:
            tested.append((first, second, *_difference(old, new, first, second, scores, alpha)))
        except ValueError as error:
            missing.append(_missing(first, f"cannot be tested: {error}"))
    adjusted = holm([found.p for *_, found, _ in tested])
    rows = tuple(_row(one, p, alpha, len(tested)) for one, p in zip(tested, adjusted, strict=True))
    return Comparison(
        a=old.side,
        b=new.side,
        alpha=alpha,
        rows=rows,
        refused=tuple(refused),
        missing=tuple(missing),
        notes=tuple(_notes(rows)),
        warnings=_warnings(old.results, new.results),
    )


def _slice(row: Row) -> dict[str, str]:
    return {"train": row.slice["train"], "tested on": row.system}


def _missing(row: Row | None, reason: str) -> MissingRow:
    if row is None:
        raise ValueError("neither side has a row")
    return MissingRow(section=row.section, metric=row.metric, slice=_slice(row), reason=reason)


def _fields(a: Mapping[str, JSON], b: Mapping[str, JSON]) -> Iterator[DifferingField]:
    for name in dict.fromkeys((*a, *b)):
        mine, theirs = a.get(name, "(absent)"), b.get(name, "(absent)")
        if name not in OWN and canonical(mine) != canonical(theirs):
            yield DifferingField(field=name, a=mine, b=theirs)


class _Stored:
    """Item scores of run folders, read once."""

    def __init__(self) -> None:
        self._found: dict[str, Mapping[tuple[str, str, str], Scores]] = {}

    def lines(self, run: str, detector: str, train: str, system: str) -> list[Mapping[str, JSON]]:
        """Return the test lines of one set.

        Raises:
            ValueError: The run folder does not hold them.
        """
        if run not in self._found:
            stored = stored_scores(Path(run).expanduser())
            self._found[run] = {(one.detector, one.train, one.system): one for one in stored}
        found = self._found[run].get((detector, train, system))
        if found is None:
            raise ValueError(f"{run} holds no scores of {system} by {detector} on {train}")
        return of_split(found.lines, "test")


def _difference(
    old: _Side, new: _Side, first: Row, second: Row, scores: _Stored, alpha: float
) -> tuple[Difference, str]:
    """Return B less A, and the test.

    Raises:
        ValueError: A row without value, or too little to test.
    """
    if first.value is None or second.value is None:
        raise ValueError(str(first.reason or second.reason))
    if first.section == "seeds" or second.section == "seeds":
        both = [
            evidence(row, read_replicates(Path(side.run).expanduser())) for side, row in ((old, first), (new, second))
        ]
        return difference(both[0], both[1], alpha=alpha), "jackknife"
    train, system = first.slice["train"], first.system
    parts = [[scores.lines(side.run, side.name, train, name) for name in (REAL, system)] for side in (old, new)]
    together = sides(parts[0], parts[1], question_of(first))
    thresholds = _threshold(first), _threshold(second)
    return difference_of(first.metric, together, thresholds, np.random.default_rng(0), alpha=alpha)


def _threshold(row: Row) -> float | None:
    chosen = row.protocol.get("threshold")
    return chosen.get("value") if isinstance(chosen, Mapping) else None


def _row(one: tuple[Row, Row, Difference, str], p: float, alpha: float, family: int) -> ComparedRow:
    first, second, found, method = one
    better: Verdict = "better" if found.value > 0.0 else "worse"
    notes = [f"{name}: {flag}" for name, row in (("A", first), ("B", second)) for flag in row.flags]
    return ComparedRow(
        section=first.section,
        metric=first.metric,
        slice=_slice(first),
        direction="higher",
        a=found.means[0],
        b=found.means[1],
        difference=found.value,
        interval=None if found.interval is None else (max(found.interval[0], -1.0), min(found.interval[1], 1.0)),
        p=found.p,
        p_adjusted=p,
        mde=found.detectable(alpha / family),
        verdict=better if p < alpha else "no evidence",
        about=found.about,
        n=(first.n, second.n),
        expected=(first.expected, second.expected),
        seeds=found.seeds,
        method=method,
        notes=tuple(dict.fromkeys([*filter(None, (found.remark,)), *notes])),
    )


def _notes(rows: tuple[ComparedRow, ...]) -> Iterator[str]:
    yield "detectors: better is what catches more, each at the threshold that its own validation set chose"
    if any(row.about == "checkpoint" for row in rows):
        yield (
            f"about the checkpoint: these trained detectors, not their recipes; from {SEEDS_FOR_RECIPE} `seeds` on "
            "each side a comparison is about the recipe"
        )
        yield ONE_SEED
    if not rows:
        yield "nothing could be compared"


def _warnings(a: Results, b: Results) -> tuple[str, ...]:
    if a.numeric_class == b.numeric_class:
        return ()
    return (f"the runs differ in numeric class ({a.numeric_class} in A, {b.numeric_class} in B)",)
