"""Every detection number of a run, made again from its item scores and compared with what is stored."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .report import SUFFIXES, render, tables
from .report.detection import OF_SCORES
from .report.html import page
from .score_table import NAME, REAL, SECTIONS, Scores, question_of, stored_scores, trained
from .shortcut_files import Shortcuts
from .stats.lines import PRIMARY, Question, alarms, chosen, detection, of_groups, of_split
from .stats.score import Measurement
from .stats.thresholds import Threshold
from .store.schema import Results, Row, read_results

TOLERANCE = 1e-9
"""Numbers differ when they are further apart than this share: libraries may add in another order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A number that is not what the scores give."""

    place: str
    """Row or file."""
    stored: str
    recomputed: str

    def __str__(self) -> str:
        return f"{self.place}: stored {self.stored}, recomputed {self.recomputed}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescored:
    """What recomputing found."""

    rows: int
    """Rows of detection and false alarms, and of shortcuts but for overlap."""
    scores: int
    """Item scores that they rest on."""
    source: str
    """The file or folder that was read."""
    findings: tuple[Finding, ...]


def rescore(run: Path) -> Rescored:
    """Recompute every detection number of a run from its item scores, and compare it with what is stored.

    Compared are value, interval and n of every row of detection, of false alarms and of shortcuts (but for overlap) in
    `results.json`, and the text of the tables of detection. Scores are read from `scores.parquet`, or where a run has
    none from the files in `scores/`; what shortcuts rest on, from `shortcuts/`.

    Raises:
        InputError: Not a finished run folder, or a file of scores that cannot be read.
    """
    results = read_results(run)
    scores = stored_scores(run)
    seed = int(json.loads((run / "suite.json").read_text(encoding="utf-8")).get("seed", 0))
    shortcuts = Shortcuts(run, seed, {(one.detector, one.train, one.system): one.lines for one in scores})
    audited = [row for row in results.rows if shortcuts.rests_here(row)]
    names = tuple(dict.fromkeys(row.metric for row in audited if not row.slice))
    again = [finding for row in audited for finding in _compared(row, shortcuts.measurement(row, names))]
    return Rescored(
        rows=sum(row.section in SECTIONS for row in results.rows) + len(audited),
        scores=sum(len(one.lines) for one in scores),
        source=str(run / (NAME if (run / NAME).exists() else "scores")),
        findings=(*rows_not_of_scores(results, scores, seed), *again, *_tables(run, results)),
    )


def rows_not_of_scores(results: Results, scores: Sequence[Scores], seed: int) -> list[Finding]:
    """Return every number of detection and of false alarms that is not what the scores give, and every threshold.

    Args:
        results: The document with the rows.
        scores: What each trained detector said of each set.
        seed: Of the suite.
    """
    again = _Again(
        scores={(one.detector, one.train, one.system): one for one in scores},
        order=tuple(system.name for system in results.systems),
        seed=seed,
        thresholds={},
        found={},
    )
    rows = [row for row in results.rows if row.section in SECTIONS]
    findings = [finding for row in rows for finding in _compared(row, again.measurement(row))]
    return [*findings, *again.chosen_otherwise()]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Again:
    """The numbers of a run, made again from its scores."""

    scores: Mapping[tuple[str, str, str], Scores]
    order: tuple[str, ...]
    """Systems, in the order of the run."""
    seed: int
    thresholds: dict[tuple[str, str], dict[str, Threshold]]
    found: dict[tuple[str, ...], dict[str, Measurement]]

    def measurement(self, row: Row) -> Measurement | None:
        """Return what the scores say; None where they are not there."""
        detector, train = trained(row)
        key = (row.section, detector, train, row.system)
        if key not in self.found:
            self.found[key] = self._measured(row, detector, train)
        place = f"{row.slice.get('level', 'clip')}/{row.slice.get('threshold')}/{row.metric}"
        return self.found[key].get(f"{row.system} {place}" if row.role == "group" else place)

    def _measured(self, row: Row, detector: str, train: str) -> dict[str, Measurement]:
        names = [row.system] if row.section == "false_alarms" else [REAL, row.system]
        if row.role == "group":
            names = [REAL, *(name for name in self.order if self._role(detector, train, name) in {"own", "other"})]
        parts = [self.scores.get((detector, train, name)) for name in names]
        given = [part for part in parts if part is not None]
        if not given or len(given) < len(parts):
            return {}
        question = question_of(row)
        thresholds = self._thresholds(detector, train, question)
        lines = of_split([line for part in given for line in part.lines], "test")
        if row.section == "false_alarms":
            return alarms(lines, question, thresholds)
        if row.role == "group":
            return of_groups(lines, question, thresholds, self.seed, {row.system: row.kind})
        return detection(lines, question, thresholds, self.seed)

    def _role(self, detector: str, train: str, system: str) -> str:
        one = self.scores.get((detector, train, system))
        return one.role if one else ""

    def _thresholds(self, detector: str, train: str, question: Question) -> dict[str, Threshold]:
        key = detector, train
        if key not in self.thresholds:
            sets = {name: one for (*who, name), one in self.scores.items() if tuple(who) == key}
            own, others = (
                {name: one.lines for name in self.order if (one := sets.get(name)) and one.role == role}
                for role in ("own", "other")
            )
            real = sets[REAL].lines if REAL in sets else ()
            self.thresholds[key] = chosen(real, own, others, question)
        return self.thresholds[key]

    def chosen_otherwise(self) -> Iterator[Finding]:
        """Yield thresholds that are not what the validation scores choose."""
        for (detector, train, system), one in self.scores.items():
            made = self.thresholds.get((detector, train), {})
            for name, stored in ((PRIMARY, one.threshold), ("pooled", one.threshold_pooled)):
                if name in made and not _same(stored, made[name].value):
                    place = f"{detector} on {train} - {system}: threshold {name}"
                    yield Finding(place=place, stored=repr(stored), recomputed=repr(made[name].value))


def _compared(row: Row, again: Measurement | None) -> Iterator[Finding]:
    if again is None:
        if row.value is not None:
            yield Finding(place=row.id, stored=f"{row.value!r}", recomputed="nothing: the scores are not there")
        return
    stored = {"value": row.value, "n": float(row.n)}
    recomputed = {"value": again.value, "n": float(again.n)}
    for end in ("low", "high"):
        stored[end] = getattr(row.interval, end) if row.interval else None
        recomputed[end] = getattr(again.interval, end) if again.interval and row.value is not None else None
    for name, number in stored.items():
        if not _same(number, recomputed[name]):
            yield Finding(place=f"{row.id} {name}", stored=repr(number), recomputed=repr(recomputed[name]))


def _same(a: float | None, b: float | None) -> bool:
    if a is None or b is None:
        return a is b
    return bool(np.isclose(a, b, rtol=TOLERANCE, atol=1e-12))


def _tables(run: Path, results: Results) -> Iterator[Finding]:
    """Yield the tables of detection whose text is not what the rows give."""
    for name, table in tables(results).items():
        if name not in OF_SCORES and not name.startswith("matrix-"):
            continue
        for form, suffix in SUFFIXES.items():
            place = run / "tables" / f"{name}{suffix}"
            text = page([table], table.title) if form == "html" else render(table, form)
            stored = place.read_text(encoding="utf-8") if place.exists() else None
            if stored != text:
                yield Finding(
                    place=f"tables/{place.name}",
                    stored="another text" if stored is not None else "nothing",
                    recomputed="the text of the rows in results.json",
                )
