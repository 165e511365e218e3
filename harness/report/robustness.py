"""Robustness tables: values under conditions, what is left of detectors' scores, and the matrix of what survives."""

import re
from collections.abc import Iterator, Mapping, Sequence

from ..stats.retention import SURVIVES
from ..stats.score import Direction
from ..store.schema import Results, Row
from . import words
from .model import Cell, Column, Line, Table
from .panels import value_cell
from .seconds import seconds_table

SECTION = "robustness"
MEASURE = "auc"
"""Measure of the matrix and of the curves."""

Key = tuple[str, str, str]
"""Condition, severity, parameters in words."""


def robustness_tables(results: Results, origin: Mapping[str, str]) -> Iterator[Table]:
    """Yield `robustness`, `retention`, `survives` and `robustness-seconds`, as far as the run has their rows."""
    rows = [row for row in results.rows if row.section == SECTION]
    realism = [row for row in rows if "detector" not in row.slice]
    detection = [row for row in rows if "detector" in row.slice]
    if realism:
        yield _realism(realism, origin)
    if detection:
        yield from (_retention(detection, measure, origin) for measure in _measures(detection))
        yield _survives(detection, origin)
    lengths = seconds_table(results, origin)
    if lengths:
        yield lengths


def key_of(row: Row) -> Key:
    """Return the cell that a row is of."""
    return row.slice["condition"], row.slice.get("severity", ""), row.slice.get("parameters", "")


def _measures(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(row.metric for row in rows if row.slice["statistic"] == "retention"))


def _cell_columns() -> tuple[Column, ...]:
    return (
        Column(key="condition", label="condition", align="left", form="text"),
        Column(key="severity", label="severity", form="text"),
        Column(key="parameters", label="parameters", align="left", form="text"),
    )


def _cell_texts(key: Key) -> tuple[Cell, ...]:
    condition, severity, said = key
    return tuple(Cell(text=text) if text else Cell() for text in (condition.replace("_", " "), severity, said))


def _realism(rows: Sequence[Row], origin: Mapping[str, str]) -> Table:
    """Return values under each condition, and how far they are from the clean ones; a panel for each system."""
    metrics = list(dict.fromkeys(row.metric for row in rows))
    directions = {row.metric: row.direction for row in rows if row.slice["statistic"] == "value"}
    columns: list[Column] = [*_cell_columns(), Column(key="n", label="n", form="number")]
    for metric in metrics:
        label = words.metric_label(metric)
        columns.append(Column(key=metric, label=label, direction=Direction(directions.get(metric, "none"))))
        columns.append(Column(key=f"{metric}_change", label="change", group=""))
    lines = []
    for system in dict.fromkeys(row.system for row in rows):
        mine = [row for row in rows if row.system == system]
        for key in dict.fromkeys(map(key_of, mine)):
            here = {(row.metric, row.slice["statistic"]): row for row in mine if key_of(row) == key}
            counts = sorted({row.n for row in here.values() if row.value is not None})
            cells = [*_cell_texts(key), Cell(value=counts[0]) if counts else Cell()]
            for metric in metrics:
                cells += [_score(here.get((metric, statistic))) for statistic in ("value", "change")]
            lines.append(Line(cells=tuple(cells), panel=system))
    return Table(
        name="robustness",
        title="Realism under conditions",
        caption=words.sentences(
            "Real and synthetic test items changed alike, and measured against each other.",
            "Change: the value less that of the same items as they are.",
            words.interval_words(rows),
        ),
        columns=tuple(columns),
        rows=tuple(lines),
        provenance=origin,
    )


def _score(row: Row | None) -> Cell:
    return value_cell(row) if row else Cell()


def _retention(rows: Sequence[Row], measure: str, origin: Mapping[str, str]) -> Table:
    """Return value, retention and shifts of each cell, then worst case and area; a panel a detector and system."""
    columns = (
        *_cell_columns(),
        Column(key="value", label=words.metric_label(measure)),
        Column(key="retention", label="retention", decimals=2),
        Column(key="real", label="real", group="change of P(fake)"),
        Column(key="fake", label="fake", group="change of P(fake)"),
    )
    lines = []
    for heading, mine in _panels(rows).items():
        for key in dict.fromkeys(key_of(row) for row in mine if row.slice["statistic"] not in {"worst", "area"}):
            here = {(row.metric, row.slice["statistic"]): row for row in mine if key_of(row) == key}
            wanted = ((measure, "value"), (measure, "retention"), ("score_real", "change"), ("score_fake", "change"))
            cells = (*_cell_texts(key), *(_score(here.get(one)) for one in wanted))
            lines.append(Line(cells=cells, panel=heading))
        for row in mine:
            if row.metric == measure and row.slice["statistic"] in {"worst", "area"}:
                said = {"worst": "worst case", "area": "mean from clean to the last"}[row.slice["statistic"]]
                texts = _cell_texts((row.slice["condition"], said, ""))
                lines.append(Line(cells=(*texts, Cell(), _score(row), Cell(), Cell()), panel=heading))
    return Table(
        name=f"retention-{re.sub(r'[^a-z0-9]+', '-', measure)}",
        title=f"What is left of {words.metric_label(measure)} under conditions",
        caption=words.sentences(
            f"Retention: {words.metric_label(measure)} above chance under the condition, as a share of that of the "
            "same items as they are; 1 is no loss, 0 is chance.",
            "Thresholds are those of clean validation items.",
            words.interval_words(rows),
        ),
        columns=columns,
        rows=tuple(lines),
        provenance=origin,
    )


def _panels(rows: Sequence[Row]) -> dict[str, list[Row]]:
    panels: dict[str, list[Row]] = {}
    for row in rows:
        heading = f"{row.slice['detector']} trained on {row.slice['train']}, tested on {row.system}"
        panels.setdefault(heading, []).append(row)
    return panels


def _survives(rows: Sequence[Row], origin: Mapping[str, str]) -> Table:
    """Return a line for each condition and a column for each detector and system: up to which severity it survives."""
    columns = [Column(key="condition", label="condition", align="left", form="text")]
    columns += [
        Column(
            key=f"{detector}-{train}-{system}",
            label=detector,
            group=f"trained on {train}, tested on {system}",
            align="center",
            form="text",
        )
        for detector, train, system in _tested(rows)
    ]
    lines = []
    for condition in dict.fromkeys(row.slice["condition"] for row in rows):
        cells = [Cell(text=condition.replace("_", " "), raw=condition)]
        for tested in _tested(rows):
            mine = [row for row in rows if (row.slice["detector"], row.slice["train"], row.system) == tested]
            cells.append(_verdict([row for row in mine if row.slice["condition"] == condition]))
        lines.append(Line(cells=tuple(cells)))
    return Table(
        name="survives",
        title="What detectors survive",
        caption=words.sentences(
            f"The severities that a detector survives: its retention of {words.metric_label(MEASURE)} is at least "
            f"{SURVIVES:g} at the low end of its interval. `lost`: below that at the high end; `?`: the interval holds "
            "it, or there is none; `empty`: nothing can be shown.",
        ),
        columns=tuple(columns),
        rows=tuple(lines),
        provenance=origin,
    )


def _tested(rows: Sequence[Row]) -> list[tuple[str, str, str]]:
    return list(dict.fromkeys((row.slice["detector"], row.slice["train"], row.system) for row in rows))


def _verdict(rows: Sequence[Row]) -> Cell:
    """Return the verdict of one condition: `1 to 3; ? at 4; lost at 5`."""
    verdicts: dict[str, list[str]] = {}
    for row in rows:
        if row.metric == MEASURE and row.slice["statistic"] == "retention":
            severity = row.slice.get("severity") or row.slice.get("parameters", "")
            verdicts.setdefault(verdict(row), []).append(severity)
    if not verdicts:
        return Cell()
    said = {"survives": "{}", "unclear": "? at {}", "lost": "lost at {}", "empty": "empty at {}"}
    alone = {"survives": "yes", "unclear": "?", "lost": "lost", "empty": "empty"}
    words_ = [
        said[name].format(_range(verdicts[name])) if any(verdicts[name]) else alone[name]
        for name in said
        if name in verdicts
    ]
    reasons = dict.fromkeys(row.reason for row in rows if row.reason and row.metric == MEASURE)
    return Cell(text="; ".join(words_), footnotes=tuple(reason for reason in reasons if reason))


def verdict(row: Row) -> str:
    """Return what a retention says: survives, unclear, lost, or empty."""
    if row.value is None:
        return "empty" if row.reason and row.reason.startswith("empty") else "unclear"
    if row.interval is None:
        return "unclear"
    if row.interval.low >= SURVIVES:
        return "survives"
    return "lost" if row.interval.high < SURVIVES else "unclear"


def _range(severities: Sequence[str]) -> str:
    """Return severities in words: `1, 2, 3` becomes `1 to 3`."""
    if len(severities) > 2 and all(s.isdigit() for s in severities):
        numbers = sorted(map(int, severities))
        if numbers == list(range(numbers[0], numbers[-1] + 1)):
            return f"{numbers[0]} to {numbers[-1]}"
    return ", ".join(severities)
